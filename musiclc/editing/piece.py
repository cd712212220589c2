"""A piece of any length as the editor sees it: its bars as one row of tokens, windows of four bars on it, and what rules measure.

A piece is a row of sections (midi.section), each consecutive bars in one meter: 1, 2, 7 or 70 of them. Their tokens stand one after the
other in one row, a *state*, and rules measure that row as one melody.

Inside: `Piece` with `changed`, `windows`, `whole`, `measure`, `scores`; `Windows` with `some`, `rows`, `written`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from musiclc.midi.section import NOWHERE, MeterSection, chord_floor, heard, measured_meter, places
from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS
from musiclc.music.theory import METERS, PHRASE_METERS
from musiclc.rules.base import Constraint

SILENT = -2  # in an index into the state: a step before or after the section


def _locked(section: MeterSection, tokens: np.ndarray) -> np.ndarray:
    """Steps of the section that nobody may write on: those that the file does not have, and bars without notes. bool (T,)."""
    step = np.arange(section.steps)
    sounding = (tok.sounding(tokens[None])[0] >= 0).reshape(section.bars, -1)
    empty = np.repeat(~sounding.any(axis=1), METERS[section.meter])
    return empty | (step < section.locked_steps) | (step >= section.steps - section.locked_end)


@dataclass(frozen=True)
class Piece:
    """Sections in order of time. state: (F,) uint8, all their tokens, those of the sections' own notes unless given.

    locked: bool (F,), steps that nobody may write on; floor: (F,) uint8, as section.chord_floor; meter: that in which rules measure the whole.
    """

    sections: tuple[MeterSection, ...]
    state: np.ndarray = None  # type: ignore[assignment]
    locked: np.ndarray = field(init=False)
    floor: np.ndarray = field(init=False)
    meter: str = field(init=False)
    _places: np.ndarray = field(init=False, repr=False)  # (T,) where each step of the whole is in the state

    def __post_init__(self) -> None:
        put = object.__setattr__
        state = np.concatenate([tok.from_melody(s.melody) for s in self.sections]) if self.state is None else self.state
        put(self, "state", state.astype(np.uint8))
        put(self, "locked", np.concatenate([_locked(s, t) for s, t in zip(self.sections, self.split(self.state), strict=True)]))
        put(self, "floor", np.concatenate([chord_floor(s, t) for s, t in zip(self.sections, self.split(self.state), strict=True)]))
        put(self, "meter", measured_meter(self.sections))
        put(self, "_places", places(self.sections))

    @property
    def bars(self) -> int:
        """How many bars it has."""
        return sum(s.bars for s in self.sections)

    @property
    def starts(self) -> np.ndarray:
        """The first step of each section in the state: int (sections,)."""
        return np.cumsum([0, *(s.steps for s in self.sections[:-1])])

    def changed(self, state: np.ndarray) -> "Piece":
        """The piece with another state (F,) as its notes."""
        return Piece(self.sections, state)

    def split(self, state: np.ndarray) -> list[np.ndarray]:
        """A state (F,) as tokens of each section."""
        return np.split(state, self.starts[1:])

    def whole(self, states: np.ndarray) -> np.ndarray:
        """States (k, F) → the whole piece as rules measure it, (k, T): see section.heard."""
        return heard(states, self.floor, self._places)

    def measure(self, constraint: Constraint, states: np.ndarray) -> np.ndarray:
        """The rule's measures of the whole for each state: (k, m)."""
        return constraint.rule.measure(self.whole(states), self.meter)

    def scores(self, constraints: Sequence[Constraint], states: np.ndarray) -> np.ndarray:
        """The rules' verdict on the whole, scores in [0, 1]: (k, constraints)."""
        if not constraints:
            return np.ones((len(states), 0))
        return np.stack([c.score(self.measure(c, states)) for c in constraints], axis=1)

    def windows(self, shift: int = 0) -> "Windows":
        """Windows of four bars that together hold every bar once (shift 0), or the two bars about each join between those (shift 2).

        A section's last window reaches back over bars that another holds, as context; one of fewer than four bars is gone round.
        """
        found = [_frame(s, offset, *frame) for s, offset in zip(self.sections, self.starts, strict=True) for frame in _frames(s.heard_bars, shift)]
        at = np.array([at for at, _ in found], int).reshape(-1, PHRASE_BARS * tok.BAR_STEPS)
        held = np.array([held for _, held in found], bool).reshape(at.shape)
        meters = [PHRASE_METERS.index(s.meter) for s in self.sections for _ in _frames(s.heard_bars, shift)]
        return Windows(at, held & (at >= 0) & ~self.locked[np.maximum(at, 0)], np.array(meters, int))


def _frame(section: MeterSection, offset: int, first: int, held: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Of the window from bar `first` of a section that begins at step `offset` of the state: where each step is in the state, int (64,), and
    whether it lies in the bars that the window holds as its own, bool (64,).
    """
    per_bar = METERS[section.meter]
    at = np.full((PHRASE_BARS, tok.BAR_STEPS), NOWHERE)
    for i in range(PHRASE_BARS):
        step = (first + i) % section.heard_bars * per_bar + np.arange(per_bar) - section.pickup
        at[i, :per_bar] = np.where((step >= 0) & (step < section.steps), offset + step, SILENT)
    return at.ravel(), np.repeat([held[0] <= i < held[1] for i in range(PHRASE_BARS)], tok.BAR_STEPS)


def _frames(bars: int, shift: int) -> list[tuple[int, tuple[int, int]]]:
    """(first bar, the bars of the window that are its own) for a section of so many bars."""
    if shift:
        return [(first, (1, PHRASE_BARS - 1)) for first in range(shift, bars - PHRASE_BARS + 1, PHRASE_BARS)]
    if bars < PHRASE_BARS:
        return [(0, (0, bars))]
    frames = [(first, (0, PHRASE_BARS)) for first in range(0, bars - PHRASE_BARS + 1, PHRASE_BARS)]
    left = bars % PHRASE_BARS
    return [*frames, (bars - PHRASE_BARS, (PHRASE_BARS - left, PHRASE_BARS))] if left else frames


@dataclass(frozen=True)
class Windows:
    """n windows on a state. at: (n, 64), the step of the state that each step is, NOWHERE or SILENT; free: (n, 64), which may be rewritten;
    meters: (n,), numbers in PHRASE_METERS.
    """

    at: np.ndarray
    free: np.ndarray
    meters: np.ndarray

    def some(self, which: slice | np.ndarray) -> "Windows":
        """Some of the windows, or windows again and again, by their indices."""
        return Windows(self.at[which], self.free[which], self.meters[which])

    def rows(self, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Tokens (n, 64) in the model's layout, and where they stand for a note that began before: bool (n, 64).

        A note that sounds into a window begins anew at its first step, for the model's eyes.
        """
        outside = np.where(self.at == NOWHERE, tok.PAD, tok.REST)
        rows = np.where(self.at < 0, outside, state[np.maximum(self.at, 0)]).astype(np.int64)
        tied = np.zeros(rows.shape, bool)
        sounding = tok.sounding(state[None])[0]
        into = (rows[:, 0] == tok.HOLD) & (sounding[self.at[:, 0]] >= 0)
        tied[into, 0] = True
        rows[into, 0] = sounding[self.at[into, 0]] - tok.PITCH_OF_TOKEN
        return rows, tied

    def written(self, state: np.ndarray, rows: np.ndarray, which: np.ndarray | None = None) -> np.ndarray:
        """The state (F,) with the free steps of rows (n, 64) in it; which: bool (n, 64), of those only these."""
        free = self.free if which is None else self.free & which
        new = state.copy()
        new[self.at[free]] = rows[free]
        return new
