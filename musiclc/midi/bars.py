"""Where a file's bars lie: its time signatures as sections, the known meters on the sixteenth grid.

Which meters are known, and in which they are read, the caller says (section.Reading): 2/4 may be read in pairs of bars as 4/4. Bars that a
change of meter cuts short, and the odd bar of such pairs, are filled with steps that the file does not have: locked before them when they
open the piece (a pickup), else at the end.

Inside: `laid_out`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from musiclc.midi.notes import Grid
from musiclc.midi.section import MeterSection, Reading, WrittenBars
from musiclc.music.theory import METERS, STEPS_PER_QUARTER


def laid_out(changes: list[tuple[int, int, int]], ticks: int, end: int, read_as: Reading) -> list[MeterSection]:
    """The sections of a piece, without notes yet. changes: (tick, numerator, denominator) in order, the first at 0; end: the piece's last tick."""
    groups: list[_Group] = []
    blocks = list(_blocks(changes, ticks, end, read_as))
    if missing := _pickup(*blocks[:2]):
        groups.append(_Group(blocks[1].meter, ticks, missing, missing, []))
        groups[0].add(blocks.pop(0))
    for block in blocks:
        if not groups or not groups[-1].goes_on(block):
            groups.append(_Group(block.meter, ticks, 0, 0, []))
        groups[-1].add(block)
    return [group.section() for group in groups]


@dataclass
class _Group:
    """Written bars that make one section in the meter, "" where it is unknown. ticks: a quarter note; steps: so far, the locked ones included."""

    meter: str
    ticks: int
    locked_steps: int
    steps: int
    written: list[WrittenBars]

    @property
    def grid(self) -> Grid:
        return Grid(STEPS_PER_QUARTER * self.written[0].start - self.locked_steps * self.ticks, self.ticks)

    def add(self, block: WrittenBars) -> None:
        self.written.append(block)
        self.steps += block.steps

    def goes_on(self, block: WrittenBars) -> bool:
        """Whether the block takes the section further: the same meter, from a bar line of the section (or the middle of a pair of 2/4)."""
        if not self.meter or self.meter != block.meter or self.grid.tick(self.steps) != block.start:
            return False
        return self.steps % METERS[self.meter] == 0 or (block.per_bar == 8 and self.steps % 8 == 0)

    def section(self) -> MeterSection:
        """The bars as whole bars of the meter."""
        bars = ceil(self.steps / METERS[self.meter]) if self.meter else 0
        locked_end = bars * METERS[self.meter] - self.steps if self.meter else 0
        return MeterSection(self.meter, bars, locked_steps=self.locked_steps, locked_end=locked_end, written=tuple(self.written), grid=self.grid)


def _blocks(changes: list[tuple[int, int, int]], ticks: int, end: int, read_as: Reading) -> Iterator[WrittenBars]:
    """The bars of each time signature; the last one's bars are whole. Those that last less than half a step are left out."""
    first = 1
    for (start, numerator, denominator), until in zip(changes, [*(c[0] for c in changes[1:]), None], strict=True):
        length = ((end if until is None else until) - start) / Fraction(ticks, STEPS_PER_QUARTER)
        steps = floor(length + Fraction(1, 2))
        if until is None:
            bar = Fraction(4 * STEPS_PER_QUARTER * numerator, denominator)
            steps = ceil(ceil(max(steps, 0) / bar) * bar)
        if steps > 0:
            meter = read_as.get((numerator, denominator), "")
            yield (block := WrittenBars(numerator, denominator, first, start, steps, until is None or length == steps, meter))
            first += block.bars


def _pickup(block: WrittenBars | None = None, following: WrittenBars | None = None) -> int:
    """Steps that are missing before the opening block, where it is the end of a whole bar of the meter that follows; else 0."""
    per_bar = METERS[following.meter] if following and following.meter else 0
    if not block or not following or not block.exact or block.steps >= per_bar:
        return 0
    of_a_pair = block.steps == block.per_bar == following.per_bar  # the first of a pair of 2/4
    return 0 if of_a_pair or (block.meter and block.bars > 1) else per_bar - block.steps
