"""Every melodic track of many files, for learning; strict about what is taken.

Every note's onset and end go to the nearest sixteenth; a polyphonic track gives its top line.

Inside: `MidiReading`, `read_runs`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from musiclc.midi.mend import opened
from musiclc.midi.notes import Grid, Instrument, Sounding, instruments
from musiclc.midi.objects import data_of
from musiclc.midi.section import READ_AS, Reading
from musiclc.midi.timing import each_track, last_tick, meters
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH, METERS, STEPS_PER_QUARTER

ONE_VOICE = 0.8  # onsets of a single voice, as a share of its notes at least
NEAR_GRID = 0.2  # steps from the grid within which an onset lies on it
MOST_OFF_GRID = 0.25  # share of a bar's onsets off the grid


@dataclass
class MidiReading:
    """What one file gave: melodies of whole bars, and a count of what was skipped and why (as training.scores.Reading)."""

    runs: list[Melody] = field(default_factory=list)
    skipped: Counter = field(default_factory=Counter)


class _OnGrid(NamedTuple):
    """One note in steps; on_grid: whether it began near enough to its step."""

    start: int
    end: int
    pitch: int
    on_grid: bool


def read_runs(path: Path, read_as: Reading = READ_AS) -> MidiReading:
    """Every melodic track of a file as melodies of whole bars, for learning: near monophonic, on the grid, in one meter. read_as: as in read_song.

    Raises InputError when the file cannot be read.
    """
    file = opened(*data_of(path, str(path)))
    reading = MidiReading()
    changes, ends = each_track(file, meters), each_track(file, last_tick)
    for instrument in instruments(file):
        _read(instrument, Grid(0, file.ticks), changes[instrument.track], ends[instrument.track], reading, read_as)
    return reading


def _read(instrument: Instrument, grid: Grid, changes: list[tuple[int, int, int]], end: int, reading: MidiReading, read_as: Reading) -> None:
    """Add what one instrument gives to the reading. changes: as `meters` gives them; end: the piece's last tick."""
    if instrument.is_drum:
        reading.skipped["tracks: drums"] += 1
        return
    notes = sorted(_on_grid(n, grid) for n in instrument.notes)
    if len({n.start for n in notes}) < ONE_VOICE * len(notes):
        reading.skipped["tracks: not a single voice"] += 1
        return
    for (tick, numerator, denominator), until in zip(changes, [*(c[0] for c in changes[1:]), end], strict=True):
        meter = read_as.get((numerator, denominator))
        if meter is None:
            reading.skipped[f"sections: meter {numerator}/{denominator}"] += 1
            continue
        first, last = (round(t / grid.ticks * STEPS_PER_QUARTER) for t in (tick, until))
        reading.runs.extend(_runs(notes, meter, first, last, reading.skipped))


def _on_grid(note: Sounding, grid: Grid) -> _OnGrid:
    step = grid.step(note.on)
    return _OnGrid(step, grid.end(note), note.pitch, abs(note.on / (grid.ticks / STEPS_PER_QUARTER) - step) <= NEAR_GRID)


def _top_line(notes: Iterable[_OnGrid]) -> list[Note]:
    """One note at a time: of notes that begin together the highest; a note ends where the next begins."""
    highest: dict[int, tuple[int, int]] = {}
    for start, end, pitch, _ in notes:
        if LOWEST_PITCH <= pitch <= HIGHEST_PITCH and pitch > highest.get(start, (0, 0))[1]:
            highest[start] = (end, pitch)
    starts, last = sorted(highest), max((end for end, _ in highest.values()), default=0)
    return [Note(s, highest[s][1], min(highest[s][0], following) - s) for s, following in zip(starts, [*starts[1:], last], strict=False)]


def _runs(notes: Iterable[_OnGrid], meter: str, first: int, last: int, skipped: Counter) -> list[Melody]:
    """Whole bars of one meter between two steps, broken where a bar has too many notes off the grid."""
    per_bar = METERS[meter]
    inside = [_OnGrid(n.start - first, n.end - first, n.pitch, n.on_grid) for n in notes if first <= n.start < last]
    bars = -(-(last - first) // per_bar)
    line = _top_line(inside)
    if not line:
        return []
    line[-1] = Note(line[-1].start, line[-1].pitch, min(line[-1].end, bars * per_bar) - line[-1].start)
    whole = Melody(tuple(line), meter, bars)
    off_grid, in_bar = Counter(n.start // per_bar for n in inside if not n.on_grid), Counter(n.start // per_bar for n in inside)
    bad = [bar for bar in range(bars) if off_grid[bar] > MOST_OFF_GRID * in_bar[bar]]
    skipped.update(["bars: too many onsets off the sixteenth grid"] * len(bad))
    edges = zip([0, *(bar + 1 for bar in bad)], [*bad, bars], strict=True)
    return [whole.window(begin, end - begin) for begin, end in edges if end > begin]
