"""A section of a file: consecutive bars in one known meter, and which of its events each note of the melody stands for.

Inside: `Section`.
"""

from bisect import bisect_right
from dataclasses import dataclass, field

from musiclc.midi.notes import Grid, Sounding
from musiclc.music.melody import Melody

HUGE = 10**9  # more than any bar's number


@dataclass(frozen=True)
class Section:
    """Consecutive bars in one known meter.

    melody: whole bars on the sixteenth grid. first_bar: as the file counts its bars, from 1. octaves: semitones (a multiple of 12) by
    which the melody was moved to lie within A0 to C8. locked_steps: leading steps of a pickup bar that the file does not have;
    locked_end: trailing ones of a last bar that a change of meter cuts short. Nothing may be written there.
    sources: what each note of the melody stands for. extras: (step, pitch) of notes of a single voice that the grid cannot hold.
    under: (step, pitch) of notes in chords below the melody's, which stay: where the melody goes below one, that one is the line.
    """

    melody: Melody
    first_bar: int
    octaves: int = 0
    locked_steps: int = 0
    locked_end: int = 0
    sources: tuple[Sounding, ...] = ()
    extras: tuple[tuple[int, int], ...] = ()
    under: tuple[tuple[int, int], ...] = ()
    extra_sources: tuple[Sounding, ...] = field(default=(), repr=False)
    grid: Grid = field(default=Grid(0, 4), repr=False)
    bar_numbers: tuple[tuple[int, int], ...] = field(default=(), repr=False)

    def bar_number(self, bar: int) -> int:
        """The number in the file, from 1, of a bar of the melody, from 0: of the first of a pair of 2/4 bars."""
        return self._bar_at(max(bar * self.melody.steps_per_bar, self.locked_steps))

    def _bar_at(self, step: int) -> int:
        return self.bar_numbers[min(bisect_right(self.bar_numbers, (step, HUGE)), len(self.bar_numbers) - 1)][1]

    def spans(self) -> list[tuple[int, int, bool]]:
        """For each bar of the melody the first and the last bar of the file that it covers, and whether the melody sounds in it."""
        per_bar, melody = self.melody.steps_per_bar, self.melody
        sounding = {bar for n in melody.notes for bar in range(n.start // per_bar, -(-n.end // per_bar))}
        return [(self.bar_number(bar), self._bar_at((bar + 1) * per_bar - 1), bar in sounding) for bar in range(melody.bars)]
