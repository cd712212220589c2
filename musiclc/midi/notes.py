"""Notes as a track's events sound them, and the one line among them that the sixteenth grid can hold.

Conventions: `on` and `off` are ticks. Of notes of one channel and pitch that overlap, the first to begin is the first to end.
A track is one voice when at most POLYPHONY of its notes sound together with another.

Inside: `Sounding`, `pair`, `Instrument`, `instruments`, `polyphony`, `Grid`, `line`.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from musiclc.midi.codec import NOTE_OFF, NOTE_ON, PROGRAM, Event, File
from musiclc.music.theory import STEPS_PER_QUARTER

DRUMS = 9  # the channel, counted from 0
POLYPHONY = 0.2
MOST_AT_ONCE = 64  # notes that one is compared with: a broken file may hold thousands


class Sounding(NamedTuple):
    """One note of a file. on_event, off_event: places among its track's events; off_event is None for a note that nothing ends."""

    on: int
    off: int
    pitch: int
    velocity: int
    channel: int
    on_event: int
    off_event: int | None

    @property
    def length(self) -> int:
        return self.off - self.on


def pair(events: Sequence[Event]) -> list[Sounding]:
    """The notes of a track, in order of their note_on; a note that nothing ends sounds to the end of the track."""
    open_notes: dict[tuple[int, int], deque[int]] = defaultdict(deque)
    ends: dict[int, int | None] = {}
    for place, event in enumerate(events):
        upper, where = event.status & 0xF0, (event.status & 0x0F, event.data[0] if event.data else 0)
        if upper == NOTE_ON and event.data[1]:
            open_notes[where].append(place)
            ends[place] = None
        elif upper in (NOTE_ON, NOTE_OFF) and open_notes[where]:
            ends[open_notes[where].popleft()] = place
    last = events[-1].tick if events else 0
    return [_sounding(events, on, off, last) for on, off in ends.items()]


def _sounding(events: Sequence[Event], on: int, off: int | None, last: int) -> Sounding:
    start = events[on]
    end = last if off is None else events[off].tick
    return Sounding(start.tick, end, min(start.data[0], 127), min(start.data[1], 127), start.status & 0x0F, on, off)


@dataclass(frozen=True)
class Instrument:
    """The notes that one track plays on one channel with one program (General MIDI, 0-127), in order of their note_on."""

    track: int
    channel: int
    program: int
    notes: list[Sounding]

    @property
    def is_drum(self) -> bool:
        """Whether its pitches are drums."""
        return self.channel == DRUMS


def instruments(file: File) -> list[Instrument]:
    """All notes of a file: its tracks in order, in each the instruments in the order in which their first notes end."""
    found: list[Instrument] = []
    for track, events in enumerate(file.tracks):
        programs = _programs(events)
        played: dict[tuple[int, int], list[Sounding]] = defaultdict(list)
        for note in pair(events):
            played[note.channel, programs[note.on_event]].append(note)
        parts = sorted(played.items(), key=lambda part: min(len(events) if n.off_event is None else n.off_event for n in part[1]))
        found += [Instrument(track, channel, program, notes) for (channel, program), notes in parts]
    return found


def _programs(events: Sequence[Event]) -> dict[int, int]:
    """For the place of each note_on the program that its channel has: 0 until one is set."""
    current, found = [0] * 16, {}
    for place, event in enumerate(events):
        upper, channel = event.status & 0xF0, event.status & 0x0F
        if upper == PROGRAM:
            current[channel] = min(event.data[0], 127)
        elif upper == NOTE_ON:
            found[place] = current[channel]
    return found


def together(a: Sounding, b: Sounding) -> bool:
    """Whether two notes share more than three quarters of the shorter one's time: a chord, not a legato from one to the other."""
    return 4 * (min(a.off, b.off) - max(a.on, b.on)) > 3 * min(a.length, b.length)


def polyphony(notes: Iterable[Sounding]) -> float:
    """Share of the notes that sound together with another; notes that nothing ends do not count."""
    ended = sorted(n for n in notes if n.off_event is not None)
    shared: set[int] = set()
    active: list[Sounding] = []
    for note in ended:
        active = [a for a in active if a.off > note.on][-MOST_AT_ONCE:]
        for other in active:
            if together(note, other):
                shared |= {note.on_event, other.on_event}
        active.append(note)
    return len(shared) / len(ended) if ended else 0.0


@dataclass(frozen=True)
class Grid:
    """Steps (sixteenths) of a file of `ticks` a quarter note. origin: where step 0 lies, in quarters of a tick (it may lie before 0)."""

    origin: int
    ticks: int

    def step(self, tick: int) -> int:
        """The step nearest to a tick; half way, the later."""
        return (2 * (STEPS_PER_QUARTER * tick - self.origin) + self.ticks) // (2 * self.ticks)

    def tick(self, step: int) -> int:
        """The tick nearest to a step."""
        return (2 * (self.origin + step * self.ticks) + STEPS_PER_QUARTER) // (2 * STEPS_PER_QUARTER)

    def first_tick(self, step: int) -> int:
        """The first tick that `step` is nearest to."""
        return -((self.ticks * (1 - 2 * step) - 2 * self.origin) // (2 * STEPS_PER_QUARTER))

    def end(self, note: Sounding) -> int:
        """The step at which a note has ended: at least one after its own."""
        return max(self.step(note.off), self.step(note.on) + 1)


def line(notes: Iterable[Sounding], grid: Grid, single: bool) -> tuple[dict[int, Sounding], list[tuple[int, Sounding]]]:
    """The notes that the grid holds, by step, and those of a single voice that it cannot, with their steps.

    Of notes that sound together the highest is the line's. Of notes of a single voice that follow each other within one step,
    the longest. In a track of several voices a note below one that sounds on over half of it is no part of the line.
    """
    at: dict[int, list[Sounding]] = defaultdict(list)
    for note in notes:
        at[grid.step(note.on)].append(note)
    chosen: dict[int, Sounding] = {}
    left: list[tuple[int, Sounding]] = []
    held: Sounding | None = None
    for step in sorted(at):
        top = max(at[step], key=lambda n: (n.pitch, n.length))
        if single:
            follow = [n for n in at[step] if n is top or not together(n, top)]
            top = max(follow, key=lambda n: (n.length, -n.on_event))
            left += [(step, n) for n in follow if n is not top and not together(n, top)]
        elif held and held.pitch > top.pitch and 2 * (min(held.off, top.off) - top.on) > top.length:
            continue
        chosen[step] = held = top
    return chosen, left
