"""Every note of a file in seconds, all tracks, with the bar lines: for drawing and playing.

Inside: `Sound`, `Sheet`, `read_notes`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from musiclc.errors import InputError
from musiclc.midi.beats import in_meter
from musiclc.midi.codec import File
from musiclc.midi.mend import opened
from musiclc.midi.notes import Instrument, instruments
from musiclc.midi.objects import data_of
from musiclc.midi.timing import clock, each_track, keeping_time, last_tick, meters
from musiclc.midi.tracks import track_name

MAX_BAR_LINES = 20_000


class Sound(NamedTuple):
    """One note as it sounds: start and end in seconds, pitch and velocity 0-127, General MIDI program, whether it is a drum."""

    track: int
    start: float
    end: float
    pitch: int
    velocity: int = 84
    program: int = 0
    is_drum: bool = False


@dataclass(frozen=True)
class Sheet:
    """The notes of a file, the seconds at which bars begin (and the last ends), its length in seconds, its tracks' names; what of it was mended."""

    notes: tuple[Sound, ...]
    bars: tuple[float, ...]
    seconds: float
    names: tuple[str, ...] = ()
    mended: str = ""


def read_notes(path: Path | str, data: bytes | None = None) -> Sheet:
    """Every note of every track in seconds, drums included, with the bar lines. data: the file's bytes, where they are in hand already.

    Raises InputError when the file cannot be read or holds no notes at all.
    """
    file, _ = in_meter(opened(*data_of(path if data is None else data, str(path))))
    parts, clocks = instruments(file), each_track(file, clock)
    if not parts:
        raise InputError(f"{path}: holds no notes; wanted something to draw and play")
    notes = [sound for number, part in enumerate(parts) for sound in _sounds(part, number, clocks[part.track])]
    seconds = max(tell(file.length(track)) for track, tell in enumerate(clocks))
    return Sheet(tuple(sorted(notes)), _bar_lines(file), seconds, tuple(track_name(file.tracks[p.track]) for p in parts), file.mended)


def _sounds(part: Instrument, number: int, seconds: Callable[[int], float]) -> Iterator[Sound]:
    """The notes of one instrument as they sound."""
    for note in part.notes:
        yield Sound(number, seconds(note.on), seconds(note.off), note.pitch, note.velocity, part.program, part.is_drum)


def _bar_lines(file: File) -> tuple[float, ...]:
    """The second at which each bar begins, and at which the last ends: those of the longest track, where tracks differ."""
    tracks = keeping_time(file, max(range(len(file.tracks)), key=file.length))
    changes, seconds, end = meters(file, tracks), clock(file, tracks), last_tick(file, tracks)
    found: list[float] = []
    for (first, numerator, denominator), until in zip(changes, [*(c[0] for c in changes[1:]), end], strict=True):
        bar = max(1, round(file.ticks * 4 * numerator / denominator))
        if len(found) + (until - first) // bar > MAX_BAR_LINES:
            break
        found += map(seconds, range(first, until, bar))
    return (*found, seconds(end))
