"""Labels instead of a rule: two folders of MIDI, what is wanted and what is not, become a rule (Engel et al. 2018, §3.2, supervised).

A judge is taught on the VAE's encodings of both folders' phrases at home, and tried on tunes held out. From then on it is the
rule: it measures decoded melodies, encoded anew. The critic that guides is fitted from it as from any rule of one's own.

Inside: `train`, `constraint`, `path_of`, `stored`.
"""

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc import tokens as tok
from musiclc.errors import InputError, MusiclcError, UsageError
from musiclc.goals import Constraint, Goal
from musiclc.home import moves_home
from musiclc.rules import RULES, Rule
from musiclc.theory import METER_NAMES

if TYPE_CHECKING:
    from torch import Tensor

    from musiclc.checkpoint import Model

HELD_OUT = 5  # one tune in so many tries the judge and does not teach it
LARGEST_LOGIT = 12.0
NOISE = 0.3  # standard deviations of encodings added in teaching, since phrases are few


def folder() -> Path:
    """Where labelled critics are kept: the user's data folder, as the platform has it."""
    import platformdirs

    return Path(platformdirs.user_data_dir("musiclc")) / "labels"


def path_of(name: str) -> Path:
    """The file of the labelled critic of that name, whether it is there or not."""
    return folder() / f"{name}.safetensors"


def train(name: str, positive: Path, negative: Path, model: "Model") -> dict[str, Any]:
    """Teach a judge, keep it under `name`, and return its notes: phrases a side, and accuracy on tunes held out.

    Raises UsageError for a name that a rule has or that is no word, InputError for a folder without usable phrases.
    """
    import torch

    from musiclc.checkpoint import save_networks
    from musiclc.fitting import Points, SmallFit, fit_critic

    if name in RULES or not name.isidentifier():
        raise UsageError(f"name {name!r}: wanted a word that no shipped rule has")
    sides = [_phrases(folder, model) for folder in (positive, negative)]
    x = torch.cat([z for z, _, _ in sides])
    meter = torch.cat([m for _, m, _ in sides])
    held_out = np.concatenate([h for _, _, h in sides])
    label = torch.cat([torch.full((len(z), 1), float(wanted)) for (z, _, _), wanted in zip(sides, (1, 0), strict=True)])
    center, scale = x.mean(0), x.std(0).clamp(min=1e-3)
    taught = ~torch.from_numpy(held_out)
    generator = torch.Generator().manual_seed(0)
    z, m, y = _balanced((x[taught] - center) / scale, meter[taught], label[taught], generator)
    judge, _ = fit_critic(Points(z, m), y, "presence", SmallFit(steps=400, batch=256, noisy=False, weight_decay=0.1), conditions=len(METER_NAMES))
    # the judge reads raw encodings: standardising is folded into its first layer
    first = judge.trunk.first
    first.weight.copy_(first.weight / scale)
    first.bias.copy_(first.bias - first.weight @ center)
    right = ((_logits(judge, x, meter) > 0) == (label[:, 0].numpy() > 0.5))[held_out]
    notes = {
        "name": name,
        "model": model.fingerprint(),
        "positive": f"{len(sides[0][0])} phrases in {positive}",
        "negative": f"{len(sides[1][0])} phrases in {negative}",
        "held out": int(held_out.sum()),
        "accuracy": round(float(right.mean()), 4) if len(right) else None,
    }
    save_networks({"critic/judge": judge}, notes, path_of(name))
    return notes


def _phrases(source: Path, model: "Model") -> tuple["Tensor", "Tensor", np.ndarray]:
    """Encodings at home (n, d), meters (n,), and which are of tunes held out: bool (n,)."""
    import torch

    from musiclc.corpus import read_folder, windows

    z, meters, held_out = [], [], []
    for number, tune in enumerate(read_folder(source, workers=1)):
        for melody, _ in windows(tune):
            z.append(_encoded(model, tok.from_melody(melody)[None], melody.meter))
            meters.append(METER_NAMES.index(melody.meter))
            held_out.append(number % HELD_OUT == HELD_OUT - 1)
    if len(z) < 10:
        raise InputError(f"{source}: {len(z)} usable phrases of four bars; wanted at least 10 (melodies in 4/4, 3/4 or 6/8)")
    return torch.cat(z), torch.tensor(meters), np.array(held_out)


def _balanced(x: "Tensor", meter: "Tensor", label: "Tensor", generator: Any, size: int = 8000) -> tuple["Tensor", "Tensor", "Tensor"]:
    """As many of either side, drawn with replacement in random order and shaken a little."""
    import torch

    rows = [torch.nonzero(label[:, 0] == side)[:, 0] for side in (0.0, 1.0)]
    drawn = torch.cat([r[torch.randint(0, len(r), (size // 2,), generator=generator)] for r in rows])
    drawn = drawn[torch.randperm(size, generator=generator)]
    return x[drawn] + NOISE * torch.randn(size, x.shape[1], generator=generator), meter[drawn], label[drawn]


def _encoded(model: "Model", tokens: np.ndarray, meter: str) -> "Tensor":
    import torch

    home = tok.pad(tok.transpose(tokens, moves_home(tokens)), meter).astype(np.int64)
    with torch.no_grad():
        return model.vae.encode(torch.from_numpy(home), torch.full((len(home),), METER_NAMES.index(meter)))[0]


def _logits(judge: Any, z: "Tensor", meter: "Tensor") -> np.ndarray:
    import torch

    with torch.no_grad():
        found: np.ndarray = judge.trunk(z, torch.zeros(len(z)), meter)[:, 0].clamp(-LARGEST_LOGIT, LARGEST_LOGIT).numpy()
    return found


def constraint(name: str, weight: float = 1.0, model: "Model | None" = None) -> Constraint:
    """The constraint "as in the positive folder". model: what it was taught with; the shipped one when absent. Raises MusiclcError."""
    from musiclc import compose
    from musiclc.checkpoint import load_networks
    from musiclc.own import own_critic

    networks, notes = load_networks(path_of(name))
    model = model or compose.load()
    if notes["model"] != model.fingerprint():
        raise MusiclcError(f"{name}: taught with another model than {model.name}; train it anew with musiclc critic train --name {name}")
    judge = networks["critic/judge"]

    def measure(tokens: np.ndarray, meter: str) -> np.ndarray:
        number = _full(len(tokens), METER_NAMES.index(meter))
        return _logits(judge, _encoded(model, tokens, meter), number)[:, None]

    rule = Rule(
        name=name,
        about=f"like the melodies of {notes['positive'].partition(' in ')[2]}",
        unit="probability",
        span="0..1",
        goals="met",
        source=f"labels; right on {notes['accuracy']} of {notes['held out']} phrases held out",
        measures=(f"log odds of {name}",),
        measure=measure,
        parse=_wanted,
        value=_probability,
        limits=lambda meter: (-math.inf, math.inf),
    )
    from dataclasses import replace

    source = path_of(name).read_bytes().hex()
    return Constraint(replace(rule, critic=partial(own_critic, rule, source)), _wanted("met"), weight)


def _full(n: int, number: int) -> "Tensor":
    import torch

    return torch.full((n,), number)


def _wanted(text: str) -> Goal:
    return Goal(text, (0.0,), (math.inf,))


def _probability(measures: np.ndarray, goal: Goal | None) -> float:
    return round(float(1 / (1 + math.exp(-measures[0]))), 6)


def stored() -> Sequence[dict[str, Any]]:
    """The notes of all labelled critics, in order of name."""
    from musiclc.checkpoint import load_networks

    return [load_networks(path)[1] for path in sorted(folder().glob("*.safetensors"))]
