"""Where a file's bars lie: its meters as stretches of bars, the known ones on the sixteenth grid.

2/4 is read in pairs of bars and 2/2 as it is, both as 4/4. Bars that a change of meter cuts short, and the odd bar of 2/4, are
filled with steps that the file does not have: `locked` before them when they open the piece (a pickup), else `locked_end`.

Inside: `Stretch`, `stretches`, `READ_AS`.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

from musiclc.midi.notes import Grid
from musiclc.music.theory import METERS, STEPS_PER_QUARTER

READ_AS = {(4, 4): "4/4", (2, 2): "4/4", (2, 4): "4/4", (3, 4): "3/4", (6, 8): "6/8"}


@dataclass
class Stretch:
    """Consecutive bars in one meter. steps: as far as the file goes, locked ones included.

    meter: as theory.METERS, or None where it is unknown. first_bar, bars: as the file counts them, from 1. ends: (steps, bar number)
    where each written bar ends.
    """

    meter: str | None
    written: str
    grid: Grid
    per_bar: Fraction  # steps of a written bar, of the first kind
    first_bar: int
    bars: int = 0
    steps: int = 0
    locked: int = 0
    ends: list[tuple[int, int]] = field(default_factory=list)

    @property
    def whole_bars(self) -> int:
        """Bars of `meter` that hold all steps."""
        return ceil(self.steps / METERS[self.meter]) if self.meter else 0

    @property
    def locked_end(self) -> int:
        """Trailing steps of the last whole bar that the file does not have."""
        return self.whole_bars * METERS[self.meter] - self.steps if self.meter else 0

    def bar_at(self, step: int) -> int:
        """The number of the written bar that a step lies in."""
        if self.meter:
            return self.ends[min(bisect_right(self.ends, (step, 10**9)), len(self.ends) - 1)][1]
        return self.first_bar + min(int(step / self.per_bar), self.bars - 1)

    def extend(self, bars: int, steps: int, per_bar: Fraction) -> None:
        """Add written bars of `per_bar` steps; the last may be shorter."""
        for bar in range(bars if self.meter else 0):
            self.ends.append((self.steps + min(int((bar + 1) * per_bar), steps), self.first_bar + self.bars + bar))
        self.bars += bars
        self.steps += steps


@dataclass(frozen=True)
class _Block:
    """What one time signature governs, in steps."""

    numerator: int
    denominator: int
    start: int
    steps: int
    exact: bool  # whether it lasts a whole number of steps

    @property
    def per_bar(self) -> Fraction:
        return Fraction(4 * STEPS_PER_QUARTER * self.numerator, self.denominator)

    @property
    def bars(self) -> int:
        return ceil(self.steps / self.per_bar)

    @property
    def meter(self) -> str | None:
        return READ_AS.get((self.numerator, self.denominator))


def stretches(changes: list[tuple[int, int, int]], ticks: int, end: int) -> list[Stretch]:
    """The stretches of a piece. changes: (tick, numerator, denominator) in order, the first at 0; end: the piece's last tick."""
    blocks = _blocks(changes, ticks, end)
    found: list[Stretch] = []
    bar = 1
    for number, block in enumerate(blocks):
        following = blocks[number + 1] if number == 0 and len(blocks) > 1 else None
        last = found[-1] if found else None
        if following and (stretch := _pickup(block, following, ticks)):
            found.append(stretch)
        elif last and _goes_on(last, block):
            last.extend(block.bars, block.steps, block.per_bar)
        else:
            stretch = Stretch(block.meter, f"{block.numerator}/{block.denominator}", Grid(STEPS_PER_QUARTER * block.start, ticks), block.per_bar, bar)
            stretch.extend(block.bars, block.steps, block.per_bar)
            found.append(stretch)
        bar += block.bars
    return found


def _goes_on(last: Stretch, block: _Block) -> bool:
    """Whether the block takes the stretch further: the same meter, from a bar line of the stretch (or the middle of a pair of 2/4)."""
    whole = not last.locked_end or (block.per_bar == 8 and last.steps % 8 == 0)
    return last.meter is not None and last.meter == block.meter and whole and last.grid.tick(last.steps) == block.start


def _blocks(changes: list[tuple[int, int, int]], ticks: int, end: int) -> list[_Block]:
    """Time signatures with their lengths; the last one's bars are whole. Those that last less than half a step are left out."""
    per_step = Fraction(ticks, STEPS_PER_QUARTER)
    blocks = []
    for (start, numerator, denominator), until in zip(changes, [c[0] for c in changes[1:]] + [None], strict=True):
        length = ((end if until is None else until) - start) / per_step
        steps = floor(length + Fraction(1, 2))
        if until is None:
            bar = Fraction(4 * STEPS_PER_QUARTER * numerator, denominator)
            steps = ceil(ceil(max(steps, 0) / bar) * bar)
        if steps > 0:
            blocks.append(_Block(numerator, denominator, start, steps, until is None or length == steps))
    return blocks


def _pickup(block: _Block, following: _Block, ticks: int) -> Stretch | None:
    """The opening block as the end of a whole bar of the meter that follows, when it is shorter than such a bar."""
    per_bar = METERS[following.meter] if following.meter else 0
    whole = block.steps == block.per_bar == following.per_bar  # the first of a pair of 2/4
    if not block.exact or block.steps >= per_bar or whole or (block.meter and block.bars > 1):
        return None
    locked = per_bar - block.steps
    grid = Grid(STEPS_PER_QUARTER * block.start - locked * ticks, ticks)
    stretch = Stretch(following.meter, f"{following.numerator}/{following.denominator}", grid, block.per_bar, 1, steps=locked, locked=locked)
    stretch.extend(block.bars, block.steps, block.per_bar)
    return stretch
