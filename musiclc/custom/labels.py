"""Labels instead of a rule: two folders of MIDI, what is wanted and what is not, become a rule (Engel et al. 2018, §3.2, supervised).

A judge is taught on the VAE's encodings of both folders' phrases in canonical transposition, and tried on tunes held out. From then on it is the
rule: it measures decoded melodies, encoded anew. The critic that guides is fitted from it as from any rule of one's own. A judge knows
the latent space of one model alone, whichever that is: the run must have that model.

Inside: `constraint`, `Judge`, `path_of`, `stored`, `encoded`, `logits`. (Teaching: training/labels.py.)
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc.custom.critics import own_critic
from musiclc.errors import MusiclcError
from musiclc.music import tokens as tok
from musiclc.music.theory import METER_NAMES
from musiclc.rules import Rule
from musiclc.rules.base import Constraint
from musiclc.rules.goals import Goal
from musiclc.rules.transposition import canonical_transpositions

if TYPE_CHECKING:
    from torch import Tensor

    from musiclc.latent.critics import Critic
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
    """Encoder means (n, d) of melodies (n, T), brought to their canonical transpositions."""
    import torch

    canonical = tok.pad(tok.transpose(tokens, canonical_transpositions(tokens)), meter).astype(np.int64)
    with torch.no_grad():
        return model.vae.encode(torch.from_numpy(canonical), torch.full((len(canonical),), METER_NAMES.index(meter)))[0]


def logits(judge: Any, z: "Tensor", meter: "Tensor") -> np.ndarray:
    """A judge's log odds of encodings z (n, d) in their meters (n,): (n,)."""
    import torch

    with torch.no_grad():
        found: np.ndarray = judge.trunk(z, torch.zeros(len(z)), meter)[:, 0].clamp(-LARGEST_LOGIT, LARGEST_LOGIT).numpy()
    return found


@dataclass(frozen=True)
class Judge:
    """A labelled critic with the model of the run, which must be the one that it was taught with. notes: what training/labels.py wrote."""

    name: str
    network: Any
    notes: dict[str, Any]
    give: "Callable[[], Model]"

    @cached_property
    def model(self) -> "Model":
        """The run's model, asked for when first needed."""
        return self.checked(self.give())

    def checked(self, model: "Model") -> "Model":
        """The model itself. Raises MusiclcError when the judge was taught with another."""
        if self.notes["model"] != model.fingerprint():
            taught = f"{self.notes.get('model name', 'one without a name')} ({self.notes['model']})"
            raise MusiclcError(
                f"rule {self.name}: taught with the model {taught}, and this is {model.name} ({model.fingerprint()}); "
                f"name the file of the former with --model, or teach it anew with musiclc critic train --name {self.name}"
            )
        return model

    def measure(self, tokens: np.ndarray, meter: str) -> np.ndarray:
        """Log odds that melodies (n, T) are as in the positive folder: (n, 1)."""
        import torch

        number = torch.full((len(tokens),), METER_NAMES.index(meter))
        return logits(self.network, encoded(self.model, tokens, meter), number)[:, None]

    def critic(self, rule: Rule, model: "Model", goal: Goal, transposition: int) -> "Critic":
        """The rule's critic for points of the model."""
        return own_critic(rule, lambda: hashlib.sha256(path_of(self.name).read_bytes()).hexdigest(), self.checked(model), goal, transposition)


def constraint(name: str, weight: float = 1.0, model: "Callable[[], Model] | None" = None) -> Constraint:
    """The constraint "as in the positive folder".

    model: gives the model of the run, asked when melodies are first measured; the shipped one when absent. With another model
    than it was taught with, measuring raises MusiclcError. Raises CheckpointError when the file of that name is broken.
    """
    from musiclc.model import checkpoint

    networks, notes = checkpoint.load_networks(path_of(name))
    judge = Judge(name, networks["critic/judge"], notes, model or checkpoint.loaded)
    rule = Rule(
        name=name,
        about=f"like the melodies of {notes['positive'].partition(' in ')[2]}",
        unit="probability",
        span="0..1",
        goals="met",
        source=f"labels; right on {notes['accuracy']} of {notes['held out']} phrases held out",
        measures=(f"log odds of {name}",),
        measure=judge.measure,
        parse=_likely,
        value=_probability,
        limits=lambda meter: (-math.inf, math.inf),
    )
    return Constraint(replace(rule, critic=partial(judge.critic, rule)), rule.parse("met"), weight)


def _likely(text: str) -> Goal:
    return Goal(text, (0.0,), (math.inf,))


def _probability(measures: np.ndarray, goal: Goal | None) -> float:
    return round(float(1 / (1 + math.exp(-measures[0]))), 6)


def stored() -> Sequence[dict[str, Any]]:
    """The notes of all labelled critics, in order of name."""
    from musiclc.model.checkpoint import load_networks

    return [load_networks(path)[1] for path in sorted(folder().glob("*.safetensors"))]
