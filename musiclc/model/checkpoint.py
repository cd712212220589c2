"""Model files: safetensors with weights, configurations, vocabulary, rules and format version in one file. Never pickle.

Three kinds: a *model*, what the tools ship and load (VAE, prior, critics, realism critic, actor, a bank; matrices as int8 with
a scale a row, the rest as float16); a few *networks* with notes, such as a critic in the user's cache; and a *state*, what a
training run needs to go on (exact).

A file may come from anybody. Reading one runs nothing of it, and trusts none of it: networks are built without memory, from a configuration within
bounds, and get their weights only where these have the shapes that it says, and are numbers.

Inside: `Model`, `save_model`, `load_model`, `save_networks`, `load_networks`, `save_state`, `load_state`.
"""

import contextlib
import copy
import functools
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from musiclc.data import shipped_model
from musiclc.errors import CheckpointError
from musiclc.files import write_whole
from musiclc.latent.critics import Critic, CriticConfig, Realism
from musiclc.latent.descent import FitState
from musiclc.latent.fitting import Actor, Points
from musiclc.model.bank import GRID, Bank
from musiclc.model.bars import BarConfig, BarVAE
from musiclc.model.flow import FlowConfig, PieceFlow
from musiclc.model.numerics import described, precision_of
from musiclc.model.packing import packed, unpacked
from musiclc.model.piece_critics import piece_critic
from musiclc.model.piece_realism import PieceRealism, PieceRealismConfig
from musiclc.model.pieces import Pieces
from musiclc.model.prior import FlowPrior, PriorConfig
from musiclc.model.returns import Plans
from musiclc.model.vae import MelodyVAE, VAEConfig
from musiclc.music import tokens as tok
from musiclc.music.theory import METERS, PHRASE_METERS

FORMAT = "musiclc-model-3"
NETWORKS_FORMAT = "musiclc-networks-2"
STATE_FORMAT = "musiclc-state-2"
# Files of the version before hold the same under other names, and are read under those of this one.
_FORMER_FORMATS = {"musiclc-model-2": FORMAT, "musiclc-networks-1": NETWORKS_FORMAT}
_FORMER_NAMES = {"blur": "noise_level", "real_nats": "real_nll", "presence": "bernoulli", "number": "gaussian"}
_FORMER_CRITICS = {"key": "scale"}  # rule → rule: whose measures a critic of a former musiclc foretells
_SCALE = "//scale"  # suffix of the row scales of an int8 matrix, and of the group scales of packed weights
_PACKED = "//bits"  # with the number of bits, suffix of packed weights (packing.py)
_BITS = {
    "prior": 5,
    "critic": 5,
    "realism": 5,
    "actor": 4,
    "bars": 5,
    "flow": 5,
    "piece-critic": 4,
    "piece-realism": 5,
}  # a weight of the matrices of these parts

LARGEST_SIZE = 1 << 20  # of anything in a configuration
MOST_SAID = 200  # characters of what reading trips over


@dataclass
class Model:
    """All that `musiclc sample` needs: the VAE, the prior on its latent space, a critic for each rule that has one; and where
    there are such, the paper's realism critic, an actor, and a bank of decoded points.
    """

    name: str
    vae: MelodyVAE
    prior: FlowPrior | None = None
    critics: dict[str, Critic] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)  # how it was made: options, data, figures of the fit
    realism: Realism | None = None
    actor: Actor | None = None
    bank: Bank | None = None
    pieces: Pieces | None = None  # the networks of whole pieces, and a critic of theirs for each rule that has one
    piece_critics: dict[str, Critic] = field(default_factory=dict)
    _flow: FlowPrior | None = field(default=None, init=False, repr=False)

    @property
    def numerics(self) -> str:
        """Word width and instruction set of what draws spend their time in, for manifests: "float32 AVX2", "bfloat16 AVX512+BF16"."""
        return described(self.vae.precision)

    def having(self, *parts: str) -> "Model":
        """Itself, if it has these parts, such as "prior" and "bank". Raises CheckpointError."""
        for part in parts:
            if getattr(self, part) is None:
                advice = ", or use --method guided" if part == "actor" else ""
                raise CheckpointError(f"model {self.name!r} has no {part}: fit one with musiclc train{advice}")
        return self

    def flow(self) -> FlowPrior:
        """The prior in the model's precision, converted once. Raises CheckpointError when the model has none."""
        prior = self.having("prior").prior
        assert prior is not None
        if self._flow is None:
            self._flow = prior if self.vae.precision == torch.float32 else copy.deepcopy(prior).to(self.vae.precision)
        return self._flow

    def fingerprint(self) -> str:
        """A short hash of what decides what points mean and decode to: names critics in the user's cache."""
        found = hashlib.sha256(self.name.encode())
        for module in (self.vae, self.prior):
            for value in module.state_dict().values() if module is not None else ():
                found.update(value.detach().float().flatten()[:64].numpy().tobytes())
        return found.hexdigest()[:16]


def save_model(model: Model, path: Path) -> None:
    """Write a model file, whole or not at all."""
    from safetensors.torch import save

    modules: dict[str, nn.Module] = {"vae": model.vae}
    single = {"prior": model.prior, "realism": model.realism, "actor": model.actor}
    modules |= {part: module for part, module in single.items() if module is not None}
    modules |= {f"critic/{name}": critic for name, critic in model.critics.items()}
    modules |= {f"piece-critic/{name}": critic for name, critic in model.piece_critics.items()}
    if model.pieces is not None:
        p = model.pieces
        modules |= {"bars": p.bars, "flow": p.flow} | ({} if p.realism is None else {"piece-realism": p.realism})
    tensors = _weights(modules, _BITS) | ({} if model.pieces is None else _of_plans(model.pieces))
    if model.bank is not None:
        points = model.bank.points
        tensors["bank/x"] = (points.x * GRID).round().to(torch.int8)
        tensors |= {"bank/meter": points.condition.to(torch.uint8), "bank/tokens": torch.from_numpy(model.bank.tokens)}
    info = {
        "format": FORMAT,
        "name": model.name,
        "vocabulary": tok.DESCRIPTION,
        "meters": list(PHRASE_METERS),
        "configs": _configs(modules),
        "notes": model.notes,
    }
    write_whole(path, save(tensors, metadata={"musiclc": json.dumps(info, sort_keys=True)}))


def load_model(path: Path, numerics: str = "auto") -> Model:
    """Read a model file; numerics as in `load`. Raises CheckpointError when it is missing, broken, foreign or of another version."""
    precision = precision_of(numerics)
    info, tensors = _read(path, FORMAT, "musiclc train")
    for what, ours in (("vocabulary", tok.DESCRIPTION), ("meters", list(PHRASE_METERS))):
        if info.get(what) != ours:
            raise CheckpointError(f"{path}: {what} {info.get(what)!r}, this musiclc has {ours!r}; train the model anew")
    with _fitting(path, "its configuration and weights do not fit this musiclc", "train the model anew"):
        parts = _build_all(info["configs"], tensors)
        _check_together(parts)
        parts["vae"].precision = precision
        bank = _bank(tensors, parts["prior"].config.noise_level) if "bank/x" in tensors else None
        single: dict[str, Any] = {name: parts.get(name) for name in ("prior", "realism", "actor")}
        model = Model(str(info["name"]), parts["vae"], notes=dict(info["notes"]), bank=bank, pieces=_pieces(parts, tensors), **single)
        for part, module in parts.items():
            kind, _, rule = part.partition("/")
            {"critic": model.critics, "piece-critic": model.piece_critics}.get(kind, {})[_FORMER_CRITICS.get(rule, rule)] = module
        if model.pieces is not None:
            model.pieces.bars.precision = precision
        return model


@contextlib.contextmanager
def _fitting(path: Path, what: str, advice: str) -> Iterator[None]:
    """Whatever reading foreign data trips over, as CheckpointError."""
    try:
        yield
    except Exception as error:
        said = str(error) if isinstance(error, ValueError | RuntimeError) else f"{type(error).__name__}: {error}"
        raise CheckpointError(f"{path}: {what} ({said[:MOST_SAID]}); {advice}") from error


def save_networks(modules: dict[str, nn.Module], notes: dict[str, Any], path: Path) -> None:
    """Write some of a model's kinds of networks, such as {"critic/zigzag": …}, with notes; whole or not at all."""
    from safetensors.torch import save

    info = {"format": NETWORKS_FORMAT, "configs": _configs(modules), "notes": notes}
    write_whole(path, save(_weights(modules), metadata={"musiclc": json.dumps(info, sort_keys=True)}))


def load_networks(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The networks by name and the notes that `save_networks` wrote. Raises CheckpointError as `load_model`."""
    info, tensors = _read(path, NETWORKS_FORMAT, "musiclc critic train")
    with _fitting(path, "its networks do not fit this musiclc", "drop it with musiclc critic remove"):
        return _build_all(info["configs"], tensors), dict(info["notes"])


def save_state(state: FitState, info: dict[str, Any], path: Path) -> None:
    """Write a training run's state, exact; `info` says what it belongs to."""
    from safetensors.torch import save

    groups = {"module": state.module, "average": state.average, "optimizer": state.optimizer}
    tensors = {f"{group}/{name}": value.detach().clone().contiguous() for group, values in groups.items() for name, value in values.items()}
    write_whole(path, save(tensors, metadata={"musiclc": json.dumps({**info, "format": STATE_FORMAT, "step": state.step}, sort_keys=True)}))


def load_state(path: Path) -> tuple[FitState, dict[str, Any]]:
    """Read a training run's state and its info. Raises CheckpointError as `load_model`."""
    info, tensors = _read(path, STATE_FORMAT, "a training run")
    with _fitting(path, "is no state of a training run", "begin the run anew"):
        state = FitState(step=int(info.pop("step")))
        groups = {"module": state.module, "average": state.average, "optimizer": state.optimizer}
        for name, value in tensors.items():
            group, _, key = name.partition("/")
            groups[group][key] = value
        del info["format"]
        return state, info


def _read(path: Path, wanted: str, writer: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            info = json.loads((file.metadata() or {}).get("musiclc", "{}"))
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 (not a dict)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file; wanted one written by {writer}") from error
    except (OSError, SafetensorError, ValueError, RecursionError, MemoryError) as error:
        raise CheckpointError(f"{path}: broken, or not a safetensors file ({error}); wanted one written by {writer}") from error
    said = str(info.get("format")) if isinstance(info, dict) else "unknown"
    if _FORMER_FORMATS.get(said) == wanted:
        with _fitting(path, f"is no file of format {said}", f"wanted one of {writer}"):
            return _renamed(info), {_renamed_tensor(name): value for name, value in tensors.items()}
    if said != wanted:
        raise CheckpointError(f"{path}: format {said[:40]}, wanted {wanted!r} as written by {writer}")
    return info, tensors


def _renamed(info: dict[str, Any]) -> dict[str, Any]:
    """The info of a file of the version before under today's names."""

    def new(value: Any) -> Any:
        return _FORMER_NAMES.get(value, value) if isinstance(value, str) else value

    configs = {part: {new(name): new(value) for name, value in config.items()} for part, config in info["configs"].items()}
    return {**info, "configs": configs}


def _renamed_tensor(name: str) -> str:
    part, _, rest = name.rpartition(_SCALE) if name.endswith(_SCALE) else (name, "", "")
    module, slash, within = part.partition("/")
    head, dot, tail = within.partition(".")
    return module + slash + _FORMER_NAMES.get(head, head) + dot + tail + (_SCALE if name.endswith(_SCALE) else "") + rest


def _compressed(name: str, value: Tensor) -> dict[str, Tensor]:
    """A matrix as int8 with one float16 scale a row; anything else as float16, or as it is when it holds integers."""
    if not value.is_floating_point():
        return {name: value.clone()}
    if value.ndim != 2 or value.numel() < 4096:
        return {name: value.half().contiguous()}
    scale = (value.abs().amax(1, keepdim=True) / 127).clamp(min=1e-6).half()
    return {name: (value / scale.float()).round().clamp(-127, 127).to(torch.int8), name + _SCALE: scale}


def _weights(modules: dict[str, nn.Module], bits: dict[str, int] | None = None) -> dict[str, Tensor]:
    """All weights as the file has them. bits: of the matrices of parts whose name begins so; int8 for all others."""
    tensors: dict[str, Tensor] = {}
    for part, module in modules.items():
        few = (bits or {}).get(part.partition("/")[0])
        for name, value in module.state_dict().items():
            if few and value.is_floating_point() and value.ndim == 2 and value.numel() >= 4096:
                tensors[f"{part}/{name}{_PACKED}{few}"], tensors[f"{part}/{name}{_SCALE}"] = packed(value, few)
            else:
                tensors |= _compressed(f"{part}/{name}", value.detach())
    return tensors


def _configs(modules: dict[str, Any]) -> dict[str, dict]:
    return {part: dict(m.config) if isinstance(m.config, dict) else asdict(m.config) for part, m in modules.items()}


def _build_all(configs: dict[str, dict], tensors: dict[str, Tensor]) -> dict[str, Any]:
    """The modules by part name, each of the kind that its name begins with."""
    makers: dict[str, Callable[[dict], nn.Module]] = {
        "vae": lambda c: MelodyVAE(VAEConfig(**c)),
        "prior": lambda c: FlowPrior(PriorConfig(**c)),
        "critic": lambda c: Critic(CriticConfig(**c)),
        "realism": lambda c: Realism(**c),
        "actor": lambda c: Actor(**c),
        "bars": lambda c: BarVAE(BarConfig(**c)),
        "flow": lambda c: PieceFlow(FlowConfig(**c)),
        "piece-realism": lambda c: PieceRealism(PieceRealismConfig(**c)),
        "piece-critic": lambda c: piece_critic(CriticConfig(**c)),
    }
    for part, config in configs.items():
        _check_config(config, sum(name.startswith(f"{part}/") for name in tensors))
    with torch.device("meta"):  # takes no memory, whatever sizes the file asks for
        modules = {part: makers[part.partition("/")[0]](config) for part, config in configs.items()}
    return {part: _build(module, part, tensors) for part, module in modules.items()}


def _check_config(config: dict[str, Any], tensors: int) -> None:
    """Raises ValueError for a configuration that no network has. tensors: how many the file has for it."""
    for name, value in config.items():
        most = tensors if name.endswith("layers") or name == "memories" else LARGEST_SIZE
        if isinstance(value, bool) or (isinstance(value, int) and not 0 <= value <= most):
            raise ValueError(f"{name} {value!r}: wanted a size up to {most}")
        if isinstance(value, float) and not 0 <= value <= 1:
            raise ValueError(f"{name} {value!r}: wanted 0 to 1")
    if "heads" in config and (config["heads"] < 1 or config["width"] % config["heads"]):
        raise ValueError(f"width {config['width']} is shared out among {config['heads']} heads")
    if config.get("family", "gaussian") not in ("gaussian", "bernoulli"):
        raise ValueError(f"family {config['family']!r}: wanted gaussian or bernoulli")


def _check_together(parts: dict[str, Any]) -> None:
    """Raises ValueError for parts that are of different latent spaces."""
    for one, other in (("prior", "vae"), ("flow", "bars"), ("piece-realism", "bars")):
        if one in parts and parts[one].config.latent != parts[other].config.latent:
            raise ValueError(f"{one} has {parts[one].config.latent} dimensions a bar, {other} {parts[other].config.latent}")
    for part, module in parts.items():
        kind, config = part.partition("/")[0], module.config
        size = config["dimensions"] if isinstance(config, dict) else getattr(config, "dimensions", None)
        wanted = parts["bars"].config.latent if kind == "piece-critic" else parts["vae"].dimensions
        if size is not None and size != wanted:
            raise ValueError(f"{part} has points of {size} dimensions, its model {wanted}")


def _of_plans(pieces: Pieces) -> dict[str, Tensor]:
    """Plans and modes as tensors, three levels a byte."""
    plans = pieces.plans
    filled = np.pad(plans.levels, (0, -len(plans.levels) % 3)).reshape(-1, 3).astype(np.uint8)
    packed = filled @ np.array([25, 5, 1], np.uint8)
    return {
        "plans/levels": torch.from_numpy(packed),
        "plans/bars": torch.from_numpy(plans.bars),
        "plans/meter": torch.from_numpy(plans.meter),
        "plans/modes": torch.from_numpy(pieces.modes),
    }


def _pieces(parts: dict[str, Any], tensors: dict[str, Tensor]) -> Pieces | None:
    """The networks of whole pieces, where the file has them."""
    if "flow" not in parts:
        return None
    packed = tensors["plans/levels"].numpy()
    levels = np.stack([packed // 25, packed // 5 % 5, packed % 5], axis=1).reshape(-1)
    bars = tensors["plans/bars"].numpy()
    meter, modes = tensors["plans/meter"].numpy(), tensors["plans/modes"].numpy()
    size = int((bars.astype(int) * (bars.astype(int) - 1) // 2).sum())
    known = int(levels.max(initial=0)) <= 4 and int(meter.max(initial=0)) < len(METERS)
    if bars.shape != meter.shape or bars.ndim != 1 or size > len(levels) or not known:
        raise ValueError("its plans are none")
    if modes.ndim != 2 or len(modes) != len(METERS) or not np.isfinite(modes).all() or modes.min() < 0:
        raise ValueError("its shares of modes are none")
    return Pieces(parts["bars"], parts["flow"], Plans(levels[:size], bars, meter), modes, parts.get("piece-realism"))


def _bank(tensors: dict[str, Tensor], t: float) -> Bank:
    x, meter, tokens = (tensors[f"bank/{name}"] for name in ("x", "meter", "tokens"))
    if not len(x) == len(meter) == len(tokens) or meter.long().max() >= len(PHRASE_METERS) or tokens.dtype != torch.uint8 or tokens.max() > tok.PAD:
        raise ValueError("its bank is none")
    return Bank(Points(x.float() / GRID, meter.long(), t), tokens.numpy())


def _build(module: nn.Module, part: str, tensors: dict[str, Tensor]) -> Any:
    """The module with its weights from the file, ready to use."""
    weights = {}
    few = {name.rpartition(_PACKED)[0]: name for name in tensors if _PACKED in name}
    for name, old in module.state_dict().items():
        if f"{part}/{name}" in few:
            stored = few[f"{part}/{name}"]
            weights[name] = unpacked(tensors[stored], tensors[f"{part}/{name}{_SCALE}"], old.shape, int(stored.rpartition(_PACKED)[2]))
            continue
        value = tensors[f"{part}/{name}"]
        scale = tensors.get(f"{part}/{name}{_SCALE}")
        weights[name] = (value * scale.float() if scale is not None else value).to(old.dtype)
    if wrong := next((name for name, value in weights.items() if not value.isfinite().all()), ""):
        raise ValueError(f"weights of {part}/{wrong} that are no numbers")
    module.load_state_dict(weights, assign=True)
    return module.eval().requires_grad_(False)


def load(path: str | os.PathLike | None = None, numerics: str = "auto") -> Model:
    """A model ready to use: the shipped one, or the file at `path`.

    numerics: "auto", "bfloat16" or "float32", how wide the numbers are that draws spend their time in; see numerics.py for what that
    means for bytes. Raises CheckpointError when the file is broken or foreign, UsageError for other numerics.
    """
    torch.set_flush_denormal(True)
    return load_model(Path(path) if path is not None else shipped_model(), numerics)


def loaded(path: str | None = None, numerics: str = "auto") -> Model:
    """As `load`, read once a process: for commands, of which a worker runs many."""
    return _loaded(path, numerics)


@functools.lru_cache(maxsize=1)
def _loaded(path: str | None, numerics: str) -> Model:
    return load(path, numerics)
