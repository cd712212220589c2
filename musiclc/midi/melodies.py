"""Every melodic track of many files, for learning; read with pretty_midi, and strict about what is taken.

Every note's onset and end go to the nearest sixteenth; a polyphonic track gives its top line.

Inside: `MidiReading`, `read_runs`.
"""

import io
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from musiclc.errors import InputError
from musiclc.midi.bars import READ_AS
from musiclc.midi.codec import MAX_BARS
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH, METERS, STEPS_PER_QUARTER


@dataclass
class MidiReading:
    """What one file gave: melodies of whole bars, and a count of what was skipped and why (as notation.Reading)."""

    runs: list[Melody] = field(default_factory=list)
    skipped: Counter = field(default_factory=Counter)


def load(path: Path) -> tuple[Any, int]:
    """The file as pretty_midi reads it, and its length in ticks, to the end of its longest track. Raises InputError."""
    import warnings

    import mido
    import pretty_midi

    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        events = mido.MidiFile(file=io.BytesIO(data), clip=True)
        if events.ticks_per_beat <= 0 or events.ticks_per_beat >= 0x8000:
            raise InputError(f"{path}: counts time in SMPTE frames; wanted ticks a quarter note")
        longest = max((sum(m.time for m in track) for track in events.tracks), default=0)
        if longest > MAX_BARS * 4 * events.ticks_per_beat:
            raise InputError(f"{path}: {longest} ticks long, more than {MAX_BARS} bars; a delta time in it is likely broken")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pretty_midi.PrettyMIDI(mido_object=events), longest
    except InputError:
        raise
    except EOFError as error:
        raise InputError(f"{path}: ends too early; wanted a whole standard MIDI file") from error
    except Exception as error:  # mido and pretty_midi raise whatever the bytes trip over
        raise InputError(f"{path}: not a standard MIDI file ({type(error).__name__}: {error})") from error


def meters(midi: Any) -> list[tuple[int, int, int]]:
    """(tick, numerator, denominator) of every change of meter, 4/4 from the start when none is given."""
    changes = sorted((midi.time_to_tick(c.time), c.numerator, c.denominator) for c in midi.time_signature_changes)
    return changes if changes and changes[0][0] == 0 else [(0, 4, 4), *changes]


def _steps(midi: Any, instrument: Any) -> list[tuple[int, int, int, bool]]:
    """(start, end, pitch, on the grid) of every note in steps, in order of time."""
    per_step = midi.resolution / STEPS_PER_QUARTER
    found = []
    for note in instrument.notes:
        start, end = midi.time_to_tick(note.start) / per_step, midi.time_to_tick(note.end) / per_step
        snapped = int(start + 0.5)
        found.append((snapped, max(int(end + 0.5), snapped + 1), note.pitch, abs(start - snapped) <= 0.2))
    return sorted(found)


def _top_line(steps: list[tuple[int, int, int, bool]]) -> list[Note]:
    """One note at a time: of notes that begin together the highest; a note ends where the next begins."""
    highest: dict[int, tuple[int, int]] = {}
    for start, end, pitch, _ in steps:
        if LOWEST_PITCH <= pitch <= HIGHEST_PITCH and pitch > highest.get(start, (0, 0))[1]:
            highest[start] = (end, pitch)
    starts = sorted(highest)
    return [
        Note(s, highest[s][1], (min(highest[s][0], following) if following > 0 else highest[s][0]) - s)
        for s, following in zip(starts, [*starts[1:], 0], strict=False)
    ]


def read_runs(path: Path) -> MidiReading:
    """Every melodic track of a file as melodies of whole bars, for learning: near monophonic, on the grid, in one meter.

    Raises InputError when the file cannot be read.
    """
    midi, ticks = load(path)
    reading = MidiReading()
    changes = meters(midi)
    ends = [tick for tick, *_ in changes[1:]] + [ticks]
    for instrument in midi.instruments:
        if instrument.is_drum:
            reading.skipped["tracks: drums"] += 1
            continue
        steps = _steps(midi, instrument)
        if len({start for start, *_ in steps}) < 0.8 * len(steps):
            reading.skipped["tracks: not a single voice"] += 1
            continue
        for (tick, numerator, denominator), end in zip(changes, ends, strict=True):
            meter = READ_AS.get((numerator, denominator))
            if meter is None:
                reading.skipped[f"sections: meter {numerator}/{denominator}"] += 1
                continue
            first, last = (round(t / midi.resolution * STEPS_PER_QUARTER) for t in (tick, end))
            reading.runs.extend(_section(steps, meter, first, last, reading.skipped))
    return reading


def _section(steps: list[tuple[int, int, int, bool]], meter: str, first: int, last: int, skipped: Counter) -> list[Melody]:
    """Whole bars of one meter between two steps, broken where a bar has too many notes off the grid."""
    per_bar = METERS[meter]
    inside = [(s - first, e - first, p, g) for s, e, p, g in steps if first <= s < last]
    off_grid = Counter(s // per_bar for s, _, _, on_grid in inside if not on_grid)
    in_bar = Counter(s // per_bar for s, *_ in inside)
    bars = -(-(last - first) // per_bar)
    notes = [n for n in _top_line(inside) if n.start < bars * per_bar]
    if not notes:
        return []
    whole = Melody((*notes[:-1], Note(notes[-1].start, notes[-1].pitch, min(notes[-1].end, bars * per_bar) - notes[-1].start)), meter, bars)
    runs, begin = [], 0
    for bar in range(bars + 1):
        bad = bar < bars and off_grid[bar] > 0.25 * in_bar[bar]
        if bad:
            skipped["bars: too many onsets off the sixteenth grid"] += 1
        if bad or bar == bars:
            if bar > begin:
                runs.append(whole.window(begin, bar - begin))
            begin = bar + 1
    return runs
