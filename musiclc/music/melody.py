"""Melody: one voice on a grid of sixteenth notes, frozen and checked once; every operation returns a new one.

Units: pitch is a MIDI number (21-108), `start` and `duration` are steps (sixteenth notes), bars are counted from 0.

Inside: `Note`, `Melody` with `window`, `transpose`, `key_free`.
"""

from dataclasses import dataclass, replace

from musiclc.errors import MusiclcError
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH, METERS, check_meter

PHRASE_BARS = 4  # what one latent point describes


@dataclass(frozen=True, order=True)
class Note:
    """One note: `start` and `duration` in steps (sixteenths), `pitch` a MIDI number."""

    start: int
    pitch: int
    duration: int

    @property
    def end(self) -> int:
        """The step at which the note has ended."""
        return self.start + self.duration


@dataclass(frozen=True)
class Melody:
    """One voice of `bars` bars in one meter. Notes are in order of time and never overlap.

    Raises MusiclcError when a note is outside the piano, outside the bars, or overlaps another.
    """

    notes: tuple[Note, ...]
    meter: str = "4/4"
    bars: int = PHRASE_BARS

    def __post_init__(self) -> None:
        check_meter(self.meter)
        free_from = 0
        for note in self.notes:
            if not LOWEST_PITCH <= note.pitch <= HIGHEST_PITCH:
                raise MusiclcError(f"note at step {note.start}: pitch {note.pitch} is outside {LOWEST_PITCH} to {HIGHEST_PITCH} (MIDI numbers)")
            if note.duration < 1 or note.start < free_from:
                raise MusiclcError(f"note at step {note.start}: a melody has one note at a time, each at least one step (sixteenth) long")
            free_from = note.end
        if free_from > self.steps:
            raise MusiclcError(f"the last note ends at step {free_from}, after the {self.bars} bars ({self.steps} steps)")

    @property
    def steps_per_bar(self) -> int:
        """Steps (sixteenths) a bar, as theory.METERS has them: 16 in 4/4, 12 in 3/4 and 6/8."""
        return METERS[self.meter]

    @property
    def steps(self) -> int:
        """Length of the whole melody in steps."""
        return self.bars * self.steps_per_bar

    def window(self, first_bar: int, bars: int = PHRASE_BARS) -> "Melody":
        """The melody of `bars` bars from `first_bar` on. A note that sounds over either edge is cut there."""
        low, high = first_bar * self.steps_per_bar, (first_bar + bars) * self.steps_per_bar
        notes = tuple(
            Note(max(n.start, low) - low, n.pitch, min(n.end, high) - max(n.start, low)) for n in self.notes if n.start < high and n.end > low
        )
        return Melody(notes, self.meter, bars)

    def transpose(self, semitones: int) -> "Melody":
        """Every pitch transposed by `semitones`. Raises MusiclcError when that leaves the piano."""
        return replace(self, notes=tuple(replace(n, pitch=n.pitch + semitones) for n in self.notes))

    def key_free(self) -> tuple:
        """What stays the same under transposition: for deduplication and for counting distinct melodies."""
        first = self.notes[0].pitch if self.notes else 0
        return (self.meter, self.bars, *((n.start, n.duration, n.pitch - first) for n in self.notes))
