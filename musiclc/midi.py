"""MIDI files ↔ melodies. The only importer of mido, pretty_midi and note_seq, each inside the function that needs it.

Written: TICKS ticks a quarter, one tempo, one meter, one program; type 1 has a track for tempo and meter and one for notes,
type 0 has all in one. Tempo counts quarter notes a minute, in 6/8 too, as MIDI does.

Read: every note's onset and end in ticks, moved to the nearest sixteenth; a polyphonic track gives its top line.

Inside: `to_bytes`, `read_melody`, `read_runs`, `read_notes`.
"""

import io
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from musiclc.errors import InputError
from musiclc.melody import Melody, Note
from musiclc.rolls import Sheet, Sound
from musiclc.theory import HIGHEST_PITCH, LOWEST_PITCH, METERS, STEPS_PER_QUARTER

TICKS = 480  # a quarter note
TICKS_PER_STEP = TICKS // STEPS_PER_QUARTER
VELOCITY, DOWNBEAT_VELOCITY = 84, 96
_READ_AS = {(4, 4): "4/4", (2, 2): "4/4", (2, 4): "4/4", (3, 4): "3/4", (6, 8): "6/8"}
MAX_BARS = 10_000  # of one file; a gigantic delta time must not become a gigantic melody


def to_bytes(melody: Melody, *, bpm: float = 120.0, program: int = 0, midi_type: int = 1, name: str = "melody") -> bytes:
    """A standard MIDI file of the melody. bpm: quarter notes a minute; program: General MIDI, 0-127; midi_type: 0 or 1."""
    import mido

    numerator, denominator = map(int, melody.meter.split("/"))
    head = [
        mido.MetaMessage("track_name", name=name, time=0),
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm), time=0),
        mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator, time=0),
    ]
    notes = [mido.Message("program_change", program=program, time=0), *_note_messages(melody)]
    end = mido.MetaMessage("end_of_track", time=0)
    file = mido.MidiFile(type=midi_type, ticks_per_beat=TICKS)
    rest = melody.steps * TICKS_PER_STEP - sum(m.time for m in notes)
    notes.append(end.copy(time=rest))
    tracks = [head + notes] if midi_type == 0 else [[*head, end], notes]
    file.tracks.extend(mido.MidiTrack(t) for t in tracks)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _note_messages(melody: Melody) -> list[Any]:
    """note_on and note_off with delta times in ticks."""
    import mido

    messages, now = [], 0
    for note in melody.notes:
        velocity = VELOCITY if note.start % melody.steps_per_bar else DOWNBEAT_VELOCITY
        for kind, step, strength in (("note_on", note.start, velocity), ("note_off", note.end, 64)):
            tick = step * TICKS_PER_STEP
            messages.append(mido.Message(kind, note=note.pitch, velocity=strength, time=tick - now))
            now = tick
    return messages


# ---- reading -------------------------------------------------------------------------------------------------------


@dataclass
class MidiReading:
    """What one file gave: melodies of whole bars, and a count of what was skipped and why (as notation.Reading)."""

    runs: list[Melody] = field(default_factory=list)
    skipped: Counter = field(default_factory=Counter)


def _load(path: Path) -> tuple[Any, int]:
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


def _meters(midi: Any) -> list[tuple[int, int, int]]:
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


def read_melody(path: Path | str) -> Melody:
    """The file's melody: the top line of its first track with the most notes, whole bars of its first meter.

    Raises InputError when the file cannot be read, or holds no note or another meter.
    """
    midi, ticks = _load(Path(path))
    tracks = [i for i in midi.instruments if not i.is_drum and i.notes]
    if not tracks:
        raise InputError(f"{path}: holds no notes; wanted a melody")
    _, numerator, denominator = _meters(midi)[0]
    meter = _READ_AS.get((numerator, denominator))
    if meter is None:
        raise InputError(f"{path}: meter {numerator}/{denominator}; wanted 4/4, 2/4, 2/2, 3/4 or 6/8")
    notes = _top_line(_steps(midi, max(tracks, key=lambda t: len(t.notes))))
    if not notes:
        raise InputError(f"{path}: no note between A0 and C8; wanted a melody")
    written = round(ticks / midi.resolution * STEPS_PER_QUARTER)
    steps = max(notes[-1].end, written)
    return Melody(tuple(notes), meter, -(-steps // METERS[meter]))


def read_runs(path: Path) -> MidiReading:
    """Every melodic track of a file as melodies of whole bars, for learning: near monophonic, on the grid, in one meter.

    Raises InputError when the file cannot be read.
    """
    midi, ticks = _load(path)
    reading = MidiReading()
    changes = _meters(midi)
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
            meter = _READ_AS.get((numerator, denominator))
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


# ---- every track's notes, for rendering ----------------------------------------------------------------------------
# A section of its own: nothing above calls it, and of the above it needs `_load` and `_meters`.

MAX_BAR_LINES = 20_000


@dataclass(frozen=True)
class _Held:
    """Bytes in hand that `_load` reads as if they were the file of that name."""

    name: str
    data: bytes

    def read_bytes(self) -> bytes:
        return self.data

    def __str__(self) -> str:
        return self.name


def read_notes(path: Path | str, data: bytes | None = None) -> Sheet:
    """Every note of every track in seconds, drums included, with the bar lines. data: the file's bytes, where they are in hand already.

    Raises InputError when the file cannot be read or holds no notes at all.
    """
    held: Any = Path(path) if data is None else _Held(str(path), data)
    midi, ticks = _load(held)
    tracks = [i for i in midi.instruments if i.notes]
    notes = [
        Sound(number, float(n.start), float(n.end), n.pitch, n.velocity, i.program, i.is_drum) for number, i in enumerate(tracks) for n in i.notes
    ]
    if not notes:
        raise InputError(f"{path}: holds no notes; wanted something to draw and play")
    seconds = max(max(n.end for n in notes), float(midi.tick_to_time(ticks)))
    return Sheet(tuple(sorted(notes)), _bar_lines(midi, ticks), seconds, tuple(i.name.strip() for i in tracks))


def _bar_lines(midi: Any, ticks: int) -> tuple[float, ...]:
    """The second at which each bar begins, and at which the last ends."""
    changes = _meters(midi)
    ends = [tick for tick, *_ in changes[1:]] + [ticks]
    found: list[float] = []
    for (first, numerator, denominator), end in zip(changes, ends, strict=True):
        bar = max(1, round(midi.resolution * 4 * numerator / denominator))
        if len(found) + (end - first) // bar > MAX_BAR_LINES:
            break
        found += [float(midi.tick_to_time(tick)) for tick in range(first, end, bar)]
    return (*found, float(midi.tick_to_time(ticks)))
