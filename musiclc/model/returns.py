"""Which bars of a piece return, and whence: measured in tunes, kept as *plans*, and drawn from those for new pieces.

A plan is what a real tune says of its own bars, pair by pair: at which share of steps two do the same, in a few levels; no note of it.

Shapes: n pieces, B bars, S steps a bar.

Inside: `equal_steps`, `returns`, `Plans`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from musiclc.model.context import CLOSE, CLOSE_FROM, NEW, SAME, VARIED, VARIED_FROM
from musiclc.music import tokens as tok

AROUND = 0.3  # weight of the bars beside two that are compared
EVEN = ((2, 0.02), (4, 0.03), (8, 0.02))  # distances of bars that a return is likelier to have, and what each is worth
LEVELS = np.array([0.0, 0.57, 0.72, 0.9, 1.0], np.float32)  # shares of equal steps, as plans keep them
_FROM = np.array([VARIED_FROM, 0.65, CLOSE_FROM, 1.0])  # the least share of each level from the second on
SHORTEST, LONGEST = 4, 64  # bars of a plan
AGREEMENT = 0.02  # mean difference of shares of equal steps by which a plan is e times less likely to be taken for given bars
ENOUGH = 25  # plans of just the wanted length that are choice enough


def equal_steps(tokens: np.ndarray) -> np.ndarray:
    """Share of steps at which two bars of tokens (n, B, S) do the same, the same pitch sounding and beginning or not: float32 (n, B, B)."""
    flat = tokens.reshape(len(tokens), -1)
    code = ((tok.sounding(flat) + 1) * 2 + tok.onsets(flat)).reshape(tokens.shape).astype(np.int16)
    return np.stack([(each[:, None] == each[None]).mean(-1, dtype=np.float32) for each in code])


def returns(equal: np.ndarray, allowed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The source of each bar, -1 for none, among those allowed, bool (n, B, B), and its kind (context.KINDS); int (n, B) each.

    equal: as `equal_steps`. Of several likely sources the one whose neighbours agree best, too.
    """
    bars = equal.shape[1]
    likely = equal.copy()
    likely[:, 1:, 1:] += AROUND * equal[:, :-1, :-1]
    likely[:, :-1, :-1] += AROUND * equal[:, 1:, 1:]
    distance = np.abs(np.arange(bars)[:, None] - np.arange(bars))
    likely += sum(worth * (distance % every == 0) for every, worth in EVEN)
    likely = np.where(allowed & (equal >= VARIED_FROM), likely, -1.0)
    source = likely.argmax(-1)
    found = np.take_along_axis(likely, source[..., None], -1)[..., 0] >= 0
    near = np.take_along_axis(equal, source[..., None], -1)[..., 0]
    kind = np.where(near >= 1, SAME, np.where(near >= CLOSE_FROM, CLOSE, VARIED))
    return np.where(found, source, -1), np.where(found, kind, NEW)


def earlier_or_given(wanted: np.ndarray) -> np.ndarray:
    """Which bars may be sources of which: given ones and earlier ones, of wanted bool (n, B): bool (n, B, B)."""
    bars = wanted.shape[1]
    return (~wanted[:, None, :] | np.tri(bars, k=-1, dtype=bool)) & ~np.eye(bars, dtype=bool)


@dataclass(frozen=True)
class Plans:
    """Plans of whole tunes, one after another. levels: uint8, of each plan those of its pairs (i, j), j < i, row by row; bars, meter (plans,)."""

    levels: np.ndarray
    bars: np.ndarray
    meter: np.ndarray

    @classmethod
    def of(cls, tunes: Sequence[tuple[int, np.ndarray]]) -> "Plans":
        """The plans of tunes (meter's number, tokens (B, S))."""
        found, bars, meters = [], [], []
        for meter, tokens in tunes:
            if SHORTEST <= len(tokens) <= LONGEST:
                equal = equal_steps(tokens[None])[0]
                found.append(np.searchsorted(_FROM, equal[np.tril_indices(len(tokens), -1)], side="right").astype(np.uint8))
                bars.append(len(tokens))
                meters.append(meter)
        return cls(np.concatenate([np.zeros(0, np.uint8), *found]), np.array(bars, np.int32), np.array(meters, np.uint8))

    def __len__(self) -> int:
        return len(self.bars)

    @cached_property
    def _first(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(self.bars.astype(int) * (self.bars - 1) // 2)])

    def equal(self, number: int) -> np.ndarray:
        """One plan's shares of equal steps: float32 (B, B), symmetrical, 1 on the diagonal."""
        bars = int(self.bars[number])
        equal = np.eye(bars, dtype=np.float32)
        low = np.tril_indices(bars, -1)
        equal[low] = LEVELS[self.levels[self._first[number] : self._first[number + 1]]]
        return np.maximum(equal, equal.T)

    def draw(self, meter: int, bars: int, random: np.random.Generator) -> np.ndarray:
        """The shares of equal steps of a new piece, (bars, bars): of a tune so long, or else of the beginning of a longer one, or of several."""
        lengths = np.where(self.meter == meter, self.bars, 0)
        exact, longer = np.flatnonzero(lengths == bars), np.flatnonzero(lengths >= bars)
        if len(exact) >= ENOUGH or len(longer):
            return self.equal(int(random.choice(exact if len(exact) >= ENOUGH else longer)))[:bars, :bars]
        longest = max(int(lengths.max(initial=0)), SHORTEST)
        equal, first = np.eye(bars, dtype=np.float32), 0
        while first < bars:
            here = min(longest // 2 if longest >= 2 * SHORTEST else longest, bars - first)
            there = slice(first, first + here)
            equal[there, there] = self.draw(meter, here, random) if lengths.max(initial=0) >= here else np.eye(here)
            first += here
        return equal

    def agreeing(self, equal: np.ndarray, wanted: np.ndarray, meter: int, ends: tuple[bool, bool]) -> Callable[[np.random.Generator], np.ndarray]:
        """A draw of the shares of equal steps (B, B) of a piece whose given bars have `equal` (B, B): of a tune, the likelier the better it agrees.

        wanted: bool (B,). ends: whether the piece begins and ends with its tune. All plans are compared once, however many draws follow.
        """
        bars = len(equal)
        pairs = np.outer(~wanted, ~wanted) & ~np.eye(bars, dtype=bool)
        known = np.where(equal >= VARIED_FROM, equal, 0.0)
        tries: list[tuple[float, int, int]] = []
        for number in np.flatnonzero((self.meter == meter) & (self.bars >= bars)).tolist():
            plan, last = self.equal(number), int(self.bars[number]) - bars
            for first in {0} if ends[0] else {last} if ends[1] else range(0, last + 1, 4):
                part = plan[first : first + bars, first : first + bars]
                distance = float(np.abs(part - known)[pairs].mean()) if pairs.any() else 0.0
                tries.append((distance + 0.03 * (ends[1] and first != last), number, first))
        off = np.array([each[0] for each in tries])
        likely = np.exp((off.min(initial=np.inf) - off) / AGREEMENT)

        def draw(random: np.random.Generator) -> np.ndarray:
            other = np.eye(bars)
            if tries:
                _, number, first = tries[random.choice(len(tries), p=likely / likely.sum())]
                other = self.equal(number)[first : first + bars, first : first + bars]
            return np.where(pairs, equal, other).astype(np.float32)

        return draw
