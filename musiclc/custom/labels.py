"""Labels instead of a rule: two folders of MIDI, what is wanted and what is not, become a rule (Engel et al. 2018, §3.2, supervised).

A judge is taught on the VAE's encodings of both folders' phrases in canonical transposition, and tried on tunes held out. From then on it is the
rule: it measures decoded melodies, encoded anew. The critic that guides is fitted from it as from any rule of one's own. A judge knows
the latent space of one model alone, whichever that is: the run must have that model.

Inside: `constraint`, `bound`, `Judge`, `phrases`, `is_name`, `path_of`, `stored`, `encoded`, `logits`. (Teaching: training/labels.py.)
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
from musiclc.errors import MusiclcError, UsageError
from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS
from musiclc.music.theory import METERS, PHRASE_METERS
from musiclc.rules import Rule
from musiclc.rules.base import Constraint
from musiclc.rules.goals import Goal
from musiclc.rules.transposition import canonical_transpositions

if TYPE_CHECKING:
    from torch import Tensor

    from musiclc.latent.critics import Critic
    from musiclc.model.checkpoint import Model

LARGEST_LOGIT = 12.0
LONGEST_NAME = 200  # bytes; file systems take 255, of which some go to ".safetensors" and to temporary names


def folder() -> Path:
    """Where labelled critics are kept: the user's data folder, as the platform has it."""
    import platformdirs

    return Path(platformdirs.user_data_dir("musiclc")) / "labels"


def is_name(text: str) -> bool:
    """Whether a labelled critic may be called so: a word that is short enough for a file's name."""
    return text.isidentifier() and len(text.encode(errors="replace")) <= LONGEST_NAME


def path_of(name: str) -> Path:
    """The file of the labelled critic of that name, whether it is there or not. Raises UsageError for what is no name, such as a path."""
    if not is_name(name):
        raise UsageError(f"critic {name[:40]!r}: wanted a word of at most {LONGEST_NAME} letters, as musiclc critic list shows them")
    return folder() / f"{name}.safetensors"


def encoded(model: "Model", tokens: np.ndarray, meter: str) -> "Tensor":
    """Encoder means (n, d) of melodies (n, T), brought to their canonical transpositions."""
    import torch

    canonical = tok.pad(tok.transpose(tokens, canonical_transpositions(tokens)), meter).astype(np.int64)
    with torch.no_grad():
        return model.vae.encode(torch.from_numpy(canonical), torch.full((len(canonical),), PHRASE_METERS.index(meter)))[0]


def logits(judge: Any, z: "Tensor", meter: "Tensor") -> np.ndarray:
    """A judge's log odds of encodings z (n, d) in their meters (n,): (n,)."""
    import torch

    with torch.no_grad():
        found: np.ndarray = judge.trunk(z, torch.zeros(len(z)), meter)[:, 0].clamp(-LARGEST_LOGIT, LARGEST_LOGIT).numpy()
    return found


class Labelled(Constraint):
    """A constraint by a labelled critic."""


@dataclass(frozen=True)
class Judge:
    """A labelled critic, read when first needed, and the model of the run, which must be the one that it was taught with."""

    name: str
    give: "Callable[[], Model]"

    @cached_property
    def taught(self) -> tuple[Any, dict[str, Any]]:
        """Its network, and what training/labels.py noted. Raises CheckpointError where the file is broken or gone."""
        from musiclc.model.checkpoint import load_networks

        networks, notes = load_networks(path_of(self.name))
        return networks["critic/judge"], notes

    @cached_property
    def model(self) -> "Model":
        """The run's model. Raises MusiclcError when the judge was taught with another."""
        return self.checked(self.give())

    def checked(self, model: "Model") -> "Model":
        """The model itself. Raises MusiclcError as `model`."""
        _, notes = self.taught
        if notes["model"] != model.fingerprint():
            taught = f"{notes.get('model name', 'one without a name')} ({notes['model']})"
            raise MusiclcError(
                f"rule {self.name}: taught with the model {taught}, and this is {model.name} ({model.fingerprint()}); "
                f"name the file of the former with --model, or teach it anew with musiclc critic train --name {self.name}"
            )
        return model

    def measure(self, tokens: np.ndarray, meter: str) -> np.ndarray:
        """Log odds that melodies (n, T) are as in the positive folder, the mean over their phrases of four bars: (n, 1)."""
        import torch

        tokens, meter = self._in_phrases(tokens, meter)
        rows = phrases(tokens, METERS[meter])
        number = torch.full((len(rows),), PHRASE_METERS.index(meter))
        return logits(self.taught[0], encoded(self.model, rows, meter), number).reshape(len(tokens), -1).mean(axis=1, keepdims=True)

    def _in_phrases(self, tokens: np.ndarray, meter: str) -> tuple[np.ndarray, str]:
        """Melodies (n, T) as the encoder reads them: pairs of 2/4 as 4/4. Raises UsageError for a meter that it does not know."""
        if meter == "2/4":
            return np.pad(tokens, ((0, 0), (0, tokens.shape[1] % METERS["4/4"])), constant_values=tok.REST), "4/4"
        if meter not in PHRASE_METERS:
            raise UsageError(f"rule {self.name}: a melody in {meter}; a labelled critic judges {', '.join(PHRASE_METERS)} and 2/4")
        return tokens, meter

    def critic(self, rule: Rule, model: "Model", goal: Goal, transposition: int) -> "Critic":
        """The rule's critic for points of the model."""
        return own_critic(rule, lambda: hashlib.sha256(path_of(self.name).read_bytes()).hexdigest(), self.checked(model), goal, transposition)


def phrases(tokens: np.ndarray, per_bar: int) -> np.ndarray:
    """The k phrases of four bars of each melody (n, T), in order: (n·k, four bars). The last reaches back where bars are left over; fewer than
    four are filled up with rests.
    """
    length = PHRASE_BARS * per_bar
    short = max(length - tokens.shape[1], 0)
    whole = np.pad(tokens, ((0, 0), (0, short)), constant_values=tok.REST)
    last = whole.shape[1] - length
    starts = [*range(0, last + 1, length), *([last] if last % length else [])]
    return np.stack([whole[:, start : start + length] for start in starts], axis=1).reshape(-1, length)


def constraint(name: str, weight: float = 1.0, model: "Callable[[], Model] | None" = None) -> Labelled:
    """The constraint "as in the positive folder". Nothing is read before melodies are measured.

    model: gives the model of the run; the shipped one when absent. Measuring raises MusiclcError where that is not the model that taught it.
    """
    judge = Judge(name, model or _shipped)
    rule = Rule(
        name=name,
        about=f"like the melodies that taught {name}",
        unit="probability",
        span="0..1",
        goals="met",
        source="labels: musiclc critic list has their folders and how often it was right",
        measures=(f"log odds of {name}",),
        measure=judge.measure,
        parse=_likely,
        value=_probability,
        limits=lambda meter: (-math.inf, math.inf),
    )
    return Labelled(replace(rule, critic=partial(judge.critic, rule)), rule.parse("met"), weight)


def bound(constraints: Sequence[Constraint], model: "Model") -> list[Constraint]:
    """The constraints, those of labelled critics with this model as the run's."""
    return [constraint(c.rule.name, c.weight, lambda: model) if isinstance(c, Labelled) else c for c in constraints]


def _shipped() -> "Model":
    from musiclc.model import checkpoint

    return checkpoint.loaded()


def _likely(text: str) -> Goal:
    return Goal(text, (0.0,), (math.inf,))


def _probability(measures: np.ndarray, goal: Goal | None) -> float:
    return round(float(1 / (1 + math.exp(-measures[0]))), 6)


def stored() -> Sequence[dict[str, Any]]:
    """The notes of all labelled critics, in order of name."""
    from musiclc.model.checkpoint import load_networks

    return [load_networks(path)[1] for path in sorted(folder().glob("*.safetensors"))]
