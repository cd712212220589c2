"""A piece of any length as the editor sees it: its bars as one row of tokens, windows of four bars on it, and what rules measure.

A piece is a list of stretches, each consecutive bars in one meter (1, 2, 7 or 70 of them); their tokens stand one after the other in one
row, a *state*, and rules measure that row as one melody. Where a piece changes between bars of 16 and of 12 steps, rules measure all of it
as bars of 16 in 4/4, the shorter ones drawn out at their end.

Inside: `Stretch`, `Piece` with `changed`, `windows`, `whole`, `measure`, `scores`; `Windows` with `rows`, `written`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH, METER_NAMES, METERS
from musiclc.rules.base import Constraint

NOWHERE, SILENT = -1, -2  # in an index into the state: a step that the bar does not have; one before or after the stretch


@dataclass(frozen=True)
class Stretch:
    """Consecutive bars in one meter. tokens: (T,); silent: how many leading and trailing steps stay silent, since the file lacks them.

    under: (step, pitch) of chord notes below the melody's, which stay: where the line goes below one, that one is heard as the line.
    lead: steps by which windows begin before the first bar line, 0 to a bar: where a pickup that the file does not announce moves the
    bars that one hears against those that are written. Rules measure the bars as written.
    """

    tokens: np.ndarray
    meter: str
    silent: tuple[int, int] = (0, 0)
    pickup: int = 0
    under: tuple[tuple[int, int], ...] = ()

    @property
    def floor(self) -> np.ndarray:
        """Where a note of the melody begins over others, the token of the highest of them, elsewhere 0: (T,) uint8."""
        floor = np.zeros(len(self.tokens), np.uint8)
        for step, pitch in self.under:
            if LOWEST_PITCH <= pitch <= HIGHEST_PITCH and self.tokens[step] >= tok.FIRST_ONSET:
                floor[step] = max(floor[step], pitch - tok.PITCH_OF_TOKEN)
        return floor

    @property
    def heard_bars(self) -> int:
        """How many bars it has, counted with its lead."""
        return -(-(self.pickup + len(self.tokens)) // METERS[self.meter])

    @property
    def bars(self) -> int:
        """How many bars it has."""
        return len(self.tokens) // METERS[self.meter]

    @property
    def locked(self) -> np.ndarray:
        """Steps that nobody may write on: the silent ones, and bars without notes. bool (T,)."""
        step = np.arange(len(self.tokens))
        sounding = (tok.sounding(self.tokens[None])[0] >= 0).reshape(self.bars, -1)
        empty = np.repeat(~sounding.any(axis=1), METERS[self.meter])
        return empty | (step < self.silent[0]) | (step >= len(step) - self.silent[1])


@dataclass(frozen=True)
class Piece:
    """Stretches in order of time. state: (F,) uint8, all their tokens; locked: bool (F,); floor: (F,) uint8, as Stretch.floor; meter: that in
    which rules measure the whole.
    """

    stretches: tuple[Stretch, ...]
    state: np.ndarray = field(init=False)
    locked: np.ndarray = field(init=False)
    floor: np.ndarray = field(init=False)
    meter: str = field(init=False)
    _whole_at: np.ndarray = field(init=False, repr=False)  # (T,) where each step of the whole is in the state

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "state", np.concatenate([s.tokens for s in self.stretches]).astype(np.uint8))
        put(self, "locked", np.concatenate([s.locked for s in self.stretches]))
        put(self, "floor", np.concatenate([s.floor for s in self.stretches]))
        steps: Counter[str] = Counter()
        for s in self.stretches:
            steps[s.meter] += len(s.tokens)
        put(self, "meter", "4/4" if len({METERS[m] for m in steps}) > 1 else steps.most_common(1)[0][0])
        per_bar, parts, offset = METERS[self.meter], [], 0
        for s in self.stretches:
            at = np.full((s.bars, per_bar), NOWHERE)
            at[:, : METERS[s.meter]] = offset + np.arange(len(s.tokens)).reshape(s.bars, -1)
            parts.append(at.ravel())
            offset += len(s.tokens)
        put(self, "_whole_at", np.concatenate(parts))

    @property
    def bars(self) -> int:
        """How many bars it has."""
        return sum(s.bars for s in self.stretches)

    @property
    def starts(self) -> np.ndarray:
        """The first step of each stretch in the state: int (stretches,)."""
        return np.cumsum([0, *(len(s.tokens) for s in self.stretches[:-1])])

    def changed(self, state: np.ndarray) -> "Piece":
        """The piece with another state (F,) as its notes."""
        return Piece(tuple(replace(s, tokens=t) for s, t in zip(self.stretches, self.split(state), strict=True)))

    def split(self, state: np.ndarray) -> list[np.ndarray]:
        """A state (F,) as tokens of each stretch."""
        return np.split(state, self.starts[1:])

    def whole(self, states: np.ndarray) -> np.ndarray:
        """States (k, F) → the whole piece as rules see it, (k, T); a bar drawn out holds its last note or rest, and chords their next note."""
        heard = np.maximum(states, self.floor)
        return np.where(self._whole_at == NOWHERE, tok.HOLD, heard[:, np.maximum(self._whole_at, 0)]).astype(np.uint8)

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

        A stretch's last window reaches back over bars that another holds, as context; one of fewer than four bars is gone round.
        """
        at, free, meters, offset = [], [], [], 0
        for s in self.stretches:
            per_bar = METERS[s.meter]
            for first, held in _frames(s.heard_bars, shift):
                places = np.full((PHRASE_BARS, tok.BAR_STEPS), NOWHERE)
                for i in range(PHRASE_BARS):
                    step = (first + i) % s.heard_bars * per_bar + np.arange(per_bar) - s.pickup
                    places[i, :per_bar] = np.where((step >= 0) & (step < len(s.tokens)), offset + step, SILENT)
                at.append(places.ravel())
                free.append(np.repeat([held[0] <= i < held[1] for i in range(PHRASE_BARS)], tok.BAR_STEPS))
                meters.append(METER_NAMES.index(s.meter))
            offset += len(s.tokens)
        index = np.array(at, int).reshape(-1, PHRASE_BARS * tok.BAR_STEPS)
        held_free = np.array(free, bool).reshape(index.shape)
        return Windows(index, held_free & (index >= 0) & ~self.locked[np.maximum(index, 0)], np.array(meters, int))


def _frames(bars: int, shift: int) -> list[tuple[int, tuple[int, int]]]:
    """(first bar, the bars of the window that are its own) for a stretch of so many bars."""
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
    meters: (n,), numbers in METER_NAMES.
    """

    at: np.ndarray
    free: np.ndarray
    meters: np.ndarray

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
