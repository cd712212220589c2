"""Model files: safetensors with weights, configurations, vocabulary, rules and format version in one file. Never pickle.

Two kinds: a *model*, what the tools ship and load (VAE, prior, critics; matrices as int8 with a scale a row, the rest as
float16), and a *state*, what a training run needs to go on (exact).

Inside: `Model`, `save_model`, `load_model`, `save_state`, `load_state`.
"""

import copy
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from musiclc import tokens as tok
from musiclc.critics import Critic, CriticConfig
from musiclc.errors import CheckpointError
from musiclc.files import write_whole
from musiclc.model import MelodyVAE, VAEConfig
from musiclc.prior import FlowPrior, PriorConfig
from musiclc.theory import METER_NAMES
from musiclc.train import FitState

FORMAT = "musiclc-model-1"
STATE_FORMAT = "musiclc-state-1"
_SCALE = "//scale"  # suffix of the row scales of an int8 matrix


@dataclass
class Model:
    """All that `musiclc sample` needs: the VAE, the prior on its latent space, and a critic for each rule that has one."""

    name: str
    vae: MelodyVAE
    prior: FlowPrior | None = None
    critics: dict[str, Critic] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)  # how it was made: options, data, figures of the fit
    _fast: FlowPrior | None = None

    def fast_prior(self) -> FlowPrior:
        """The prior in bfloat16, converted once. Raises CheckpointError when the model has none."""
        if self.prior is None:
            raise CheckpointError(f"model {self.name!r} has no prior")
        if self._fast is None:
            self._fast = copy.deepcopy(self.prior).bfloat16()
        return self._fast


def save_model(model: Model, path: Path) -> None:
    """Write a model file, whole or not at all."""
    from safetensors.torch import save

    modules: dict[str, nn.Module] = {"vae": model.vae}
    if model.prior is not None:
        modules["prior"] = model.prior
    modules |= {f"critic/{name}": critic for name, critic in model.critics.items()}
    tensors: dict[str, Tensor] = {}
    for part, module in modules.items():
        for name, value in module.state_dict().items():
            tensors |= _compressed(f"{part}/{name}", value.detach())
    info = {
        "format": FORMAT,
        "name": model.name,
        "vocabulary": tok.DESCRIPTION,
        "meters": list(METER_NAMES),
        "configs": {part: asdict(module.config) for part, module in modules.items()},
        "notes": model.notes,
    }
    write_whole(path, save(tensors, metadata={"musiclc": json.dumps(info, sort_keys=True)}))


def load_model(path: Path) -> Model:
    """Read a model file. Raises CheckpointError when it is missing, broken, foreign or of another version."""
    info, tensors = _read(path, FORMAT, "musiclc train")
    for what, ours in (("vocabulary", tok.DESCRIPTION), ("meters", list(METER_NAMES))):
        if info.get(what) != ours:
            raise CheckpointError(f"{path}: {what} {info.get(what)!r}, this musiclc has {ours!r}; train the model anew")
    try:
        critics = {
            part.removeprefix("critic/"): _build(Critic(CriticConfig(**config)), part, tensors)
            for part, config in info["configs"].items()
            if part.startswith("critic/")
        }
        vae = _build(MelodyVAE(VAEConfig(**info["configs"]["vae"])), "vae", tensors)
        prior = _build(FlowPrior(PriorConfig(**info["configs"]["prior"])), "prior", tensors) if "prior" in info["configs"] else None
    except (KeyError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{path}: its configuration and weights do not fit this musiclc ({error}); train the model anew") from error
    return Model(info["name"], vae, prior, critics, info["notes"])


def save_state(state: FitState, info: dict[str, Any], path: Path) -> None:
    """Write a training run's state, exact; `info` says what it belongs to."""
    from safetensors.torch import save

    groups = {"module": state.module, "average": state.average, "optimizer": state.optimizer}
    tensors = {f"{group}/{name}": value.detach().clone().contiguous() for group, values in groups.items() for name, value in values.items()}
    write_whole(path, save(tensors, metadata={"musiclc": json.dumps({**info, "format": STATE_FORMAT, "step": state.step}, sort_keys=True)}))


def load_state(path: Path) -> tuple[FitState, dict[str, Any]]:
    """Read a training run's state and its info. Raises CheckpointError as `load_model`."""
    info, tensors = _read(path, STATE_FORMAT, "a training run")
    state = FitState(step=info.pop("step"))
    for name, value in tensors.items():
        group, _, key = name.partition("/")
        getattr(state, group)[key] = value
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
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path}: broken, or not a safetensors file ({error}); wanted one written by {writer}") from error
    if info.get("format") != wanted:
        raise CheckpointError(f"{path}: format {info.get('format')!r}, wanted {wanted!r} as written by {writer}")
    return info, tensors


def _compressed(name: str, value: Tensor) -> dict[str, Tensor]:
    """A matrix as int8 with one float16 scale a row; anything else as float16, or as it is when it holds integers."""
    if not value.is_floating_point():
        return {name: value.clone()}
    if value.ndim != 2 or value.numel() < 4096:
        return {name: value.half().contiguous()}
    scale = (value.abs().amax(1, keepdim=True) / 127).clamp(min=1e-6).half()
    return {name: (value / scale.float()).round().clamp(-127, 127).to(torch.int8), name + _SCALE: scale}


def _build(module: nn.Module, part: str, tensors: dict[str, Tensor]) -> Any:
    """The module with its weights from the file, ready to use."""
    weights = {}
    for name in module.state_dict():
        value = tensors[f"{part}/{name}"]
        scale = tensors.get(f"{part}/{name}{_SCALE}")
        weights[name] = value * scale.float() if scale is not None else value.float() if value.is_floating_point() else value
    module.load_state_dict(weights)
    return module.eval().requires_grad_(False)
