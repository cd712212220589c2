"""Labels instead of a rule: two folders of MIDI, what is wanted and what is not, become a rule (Engel et al. 2018, §3.2, supervised).

A judge is taught on the VAE's encodings of both folders' phrases at home, and tried on tunes held out. From then on it is the
rule: it measures decoded melodies, encoded anew. The critic that guides is fitted from it as from any rule of one's own.

Inside: `constraint`, `labelled`, `bound`, `path_of`, `stored`, `encoded`, `logits`. (Teaching: training/labels.py.)
"""

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc.errors import MusiclcError
from musiclc.music import tokens as tok
from musiclc.music.theory import METER_NAMES
from musiclc.rules import Rule
from musiclc.rules.base import Constraint
from musiclc.rules.goals import Goal
from musiclc.rules.transposition import canonical_transpositions

if TYPE_CHECKING:
    from torch import Tensor

    from musiclc.model.checkpoint import Model

LARGEST_LOGIT = 12.0


def folder() -> Path:
    """Where labelled critics are kept: the user's data folder, as the platform has it."""
    import platformdirs

    return Path(platformdirs.user_data_dir("musiclc")) / "labels"


def path_of(name: str) -> Path:
    """The file of the labelled critic of that name, whether it is there or not."""
    return folder() / f"{name}.safetensors"


def encoded(model: "Model", tokens: np.ndarray, meter: str) -> "Tensor":
    """Encoder means (n, d) of melodies (n, T), moved home."""
    import torch

    home = tok.pad(tok.transpose(tokens, canonical_transpositions(tokens)), meter).astype(np.int64)
    with torch.no_grad():
        return model.vae.encode(torch.from_numpy(home), torch.full((len(home),), METER_NAMES.index(meter)))[0]


def logits(judge: Any, z: "Tensor", meter: "Tensor") -> np.ndarray:
    """A judge's log odds of encodings z (n, d) in their meters (n,): (n,)."""
    import torch

    with torch.no_grad():
        found: np.ndarray = judge.trunk(z, torch.zeros(len(z)), meter)[:, 0].clamp(-LARGEST_LOGIT, LARGEST_LOGIT).numpy()
    return found


def constraint(name: str, weight: float = 1.0, model: "Model | None" = None) -> Constraint:
    """The constraint "as in the positive folder". model: what it was taught with; the shipped one when absent. Raises MusiclcError."""
    from musiclc.custom.critics import own_critic
    from musiclc.model import checkpoint
    from musiclc.model.checkpoint import load_networks

    networks, notes = load_networks(path_of(name))
    model = model or checkpoint.load()
    if notes["model"] != model.fingerprint():
        raise MusiclcError(f"{name}: taught with another model than {model.name}; train it anew with musiclc critic train --name {name}")
    judge = networks["critic/judge"]

    def measure(tokens: np.ndarray, meter: str) -> np.ndarray:
        number = _full(len(tokens), METER_NAMES.index(meter))
        return logits(judge, encoded(model, tokens, meter), number)[:, None]

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


class Labelled(Constraint):
    """A constraint by a labelled critic whose networks are not loaded yet."""


def labelled(name: str, weight: float = 1.0) -> Labelled:
    """The constraint "as in the positive folder" before there is a model; `bound` gives it its networks."""

    def measure(tokens: np.ndarray, meter: str) -> np.ndarray:
        raise MusiclcError(f"{name}: a labelled critic measures with the model that it was taught with; see custom.labels.bound")

    rule = Rule(
        name=name,
        about=f"like the melodies that taught {name}",
        unit="probability",
        span="0..1",
        goals="met",
        source="labels",
        measures=(f"log odds of {name}",),
        measure=measure,
        parse=_wanted,
        value=_probability,
        limits=lambda meter: (-math.inf, math.inf),
    )
    return Labelled(rule, _wanted("met"), weight)


def bound(constraints: Sequence[Constraint], model: "Model") -> list[Constraint]:
    """The constraints, those of labelled critics with their networks, which that very model must have been taught with. Raises MusiclcError."""
    return [constraint(c.rule.name, c.weight, model) if isinstance(c, Labelled) else c for c in constraints]


def _full(n: int, number: int) -> "Tensor":
    import torch

    return torch.full((n,), number)


def _wanted(text: str) -> Goal:
    return Goal(text, (0.0,), (math.inf,))


def _probability(measures: np.ndarray, goal: Goal | None) -> float:
    return round(float(1 / (1 + math.exp(-measures[0]))), 6)


def stored() -> Sequence[dict[str, Any]]:
    """The notes of all labelled critics, in order of name."""
    from musiclc.model.checkpoint import load_networks

    return [load_networks(path)[1] for path in sorted(folder().glob("*.safetensors"))]
