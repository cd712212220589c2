"""What every piece of a request shall become, in canonical transposition and as delivered, and a piece that was written for it.

Inside: `PieceProblem`, `PieceCandidate`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from musiclc.latent.critics import Critic
from musiclc.model.context import LAST_PLACE, UNKNOWN_PLACE, VARIED_FROM
from musiclc.model.pieces import Pieces
from musiclc.music.theory import METERS
from musiclc.music.tokens import FIRST_ONSET, PITCH_OF_TOKEN, VOCABULARY, sounding
from musiclc.rules import allowed_pitches
from musiclc.rules.base import Constraint, parts_of
from musiclc.rules.features import last_sounding
from musiclc.rules.sections import SectionGoals
from musiclc.rules.tonic import SURE, heard
from musiclc.sampling.drawn import Drawn, SampleKey

ENDING = 2  # bars that are to blame for a last note


@dataclass(frozen=True)
class PieceProblem:
    """What every piece shall become. tokens: int64 (B, S), canonical, those of given bars; wanted: bool (B,).

    plan: random numbers → the piece's shares of equal steps (B, B). mode: number in rules.tonic.MODES, None for any. transpositions: semitones from
    canonical, of which each piece takes one. tonic: pitch class that is to be surely heard, as written, or None. cadence: how many pieces ought
    to end on their tonic, the one asked for or else the one that is heard, as a share of all.
    faults: of further demands on tokens (n, B, S), such as a form: the bars that break them, bool (n, B).
    """

    pieces: Pieces
    meter: str
    tokens: np.ndarray
    wanted: np.ndarray
    parts: tuple[SectionGoals, ...]
    plan: Callable[[np.random.Generator], np.ndarray]
    mode: int | None = None
    transpositions: tuple[int, ...] = (0,)
    opens: bool = True
    closes: bool = True
    tonic: int | None = None
    cadence: float = 0.0
    faults: Callable[[np.ndarray], np.ndarray] | None = None
    critics: dict[str, Critic] = field(default_factory=dict)

    @property
    def bars(self) -> int:
        """B."""
        return len(self.wanted)

    @cached_property
    def guides(self) -> tuple[tuple[Critic, Constraint, tuple[tuple[int, int], ...]], ...]:
        """The critics to follow, each with its constraint and the windows that this is asked of. What a mask grants needs none: a critic would only
        bend draws away from real tunes.
        """
        asked = [(c, part.windows) for part in self.parts for c in parts_of(part.constraints) if not c.rule.fixed and c.rule.allowed is None]
        return tuple((self.critics[c.rule.name], c, windows) for c, windows in asked if c.rule.name in self.critics)

    @cached_property
    def places(self) -> tuple[Tensor, Tensor]:
        """The places of all bars from the first and from the last: (B,) each."""
        unknown = torch.full((self.bars,), UNKNOWN_PLACE)
        first = torch.arange(1, self.bars + 1).clamp(max=LAST_PLACE)
        return first if self.opens else unknown, first.flip(0) if self.closes else unknown

    def logit_bias(self, transposition: int) -> Tensor | None:
        """−∞ for tokens that a part does not allow, in canonical transposition: (B, S, V); None where all are."""
        bias = torch.zeros(self.bars, METERS[self.meter], VOCABULARY)
        for part in self.parts:
            allowed = allowed_pitches(part.constraints)
            pitches = np.arange(VOCABULARY - FIRST_ONSET) + FIRST_ONSET + PITCH_OF_TOKEN + transposition
            banned = torch.from_numpy(~allowed[np.clip(pitches, 0, 127)])
            for first, after in part.windows:
                bias[first:after, :, FIRST_ONSET:].masked_fill_(banned, -torch.inf)
                for c in parts_of(part.constraints):
                    if c.rule.begins:
                        _biased(bias[first:after], *c.rule.begins(c.goal, (after - first) * bias.shape[1]))
        return bias if bool((bias < 0).any()) else None

    def scores(self, tokens: np.ndarray) -> np.ndarray:
        """The rules' own verdict on tokens (n, B, S) as delivered: of each constraint, the worst over its stretches, (n, constraints)."""
        columns = [np.ones(len(tokens))]
        for part in self.parts:
            for c in part.constraints:
                found = [c.score(c.rule.measure(tokens[:, a:b].reshape(len(tokens), -1), self.meter)) for a, b in part.windows]
                columns.append(np.min(found, axis=0))
        if self.faults is not None:
            columns.append(1 - self.faults(tokens).mean(axis=1))
        return np.stack(columns, axis=1)

    @cached_property
    def searched(self) -> np.ndarray:
        """Which columns of the scores are of constraints that small changes grant: bool (columns,)."""
        asked = [any(part.rule.searched for part in c.parts) for part in self.parts for c in part.constraints]
        return np.array([False, *asked, *([False] if self.faults is not None else [])])

    def ends(self, key: SampleKey, tokens: np.ndarray) -> np.ndarray:
        """Whether the last note of a key's tokens (n, B, S) is the tonic asked for, or else the one that is heard: bool (n,); true for a piece
        that may end as it likes.
        """
        if np.random.default_rng((*key, 11)).random() >= self.cadence:
            return np.ones(len(tokens), bool)
        flat = tokens.reshape(len(tokens), -1)
        last = last_sounding(sounding(flat))
        tonic = heard(flat, self.meter)[0] if self.tonic is None else self.tonic
        return (last >= 0) & (last % 12 == tonic)

    def surely_heard(self, tokens: np.ndarray) -> np.ndarray:
        """Whether the tonic asked for is surely heard in tokens (n, B, S): bool (n,); true where none is."""
        if self.tonic is None:
            return np.ones(len(tokens), bool)
        tonic, _, sure = heard(tokens.reshape(len(tokens), -1), self.meter)
        return (tonic == self.tonic) & (sure >= SURE)

    def to_mend(self, key: SampleKey, tokens: np.ndarray, equal: np.ndarray) -> np.ndarray | None:
        """The bars of a key's piece (B, S) that keep it from being as asked, and those that return from them by its plan (B, B): bool (B,).

        Where the last note is not as asked, the last bars and those equal to them. None where it is not a matter of some bars.
        """
        bad = np.zeros(self.bars, bool) if self.faults is None else self.faults(tokens[None])[0]
        for part in self.parts:
            for c in part.constraints:
                for first, after in part.windows:
                    missed = c.score(c.rule.measure(tokens[first:after].reshape(1, -1), self.meter))[0] < 1 - 1e-9
                    bad[first:after] |= bool(missed)
        if not self.ends(key, tokens[None])[0]:
            bad |= (equal[-ENDING:] >= 1).any(0)
        for bar in range(self.bars):
            if bad[bar]:
                bad[bar:] |= equal[bar, bar:] >= VARIED_FROM
        bad &= self.wanted
        return None if not bad.any() or bad.sum() == self.wanted.sum() else bad


def _biased(bias: Tensor, begins: np.ndarray, strength: float) -> None:
    """Make a logit bias (B, S, V) favour notes that begin at some steps, bool (B × S,), and none elsewhere, by so many nats."""
    here = torch.from_numpy(begins).view(bias.shape[:2])[..., None]
    bias[..., :FIRST_ONSET] -= strength * here
    bias[..., FIRST_ONSET:] -= strength * ~here


@dataclass(frozen=True)
class PieceCandidate(Drawn):
    """One written piece. tokens: uint8 (B, S) as delivered; canonical: as written. scores: as PieceProblem.scores; settled: a half
    for a last note on the tonic asked for, and a half where that is surely heard. mode: that was told.

    worth: what decides among equals, larger is better; realism: share of real tunes that seem less real. x: vectors (B, k) at the noise
    levels of writing; equal: its plan.
    """

    key: SampleKey
    attempt: int
    tokens: np.ndarray
    scores: np.ndarray
    settled: float
    worth: float
    realism: float
    x: Tensor
    transposition: int
    mode: int
    equal: np.ndarray
    canonical: np.ndarray

    @property
    def rank(self) -> tuple[float, float, float]:
        """Larger is better."""
        return round(float(self.scores.sum()), 6), self.settled, self.worth
