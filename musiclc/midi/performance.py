"""Every note of a file in seconds, all tracks, with the bar lines: for drawing and playing.

Inside: `Sound`, `Sheet`, `read_notes`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from musiclc.errors import InputError
from musiclc.midi.melodies import load, meters

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
    """The notes of a file, the seconds at which bars begin (and the last ends), its length in seconds, its tracks' names."""

    notes: tuple[Sound, ...]
    bars: tuple[float, ...]
    seconds: float
    names: tuple[str, ...] = ()


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
    midi, ticks = load(held)
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
    changes = meters(midi)
    ends = [tick for tick, *_ in changes[1:]] + [ticks]
    found: list[float] = []
    for (first, numerator, denominator), end in zip(changes, ends, strict=True):
        bar = max(1, round(midi.resolution * 4 * numerator / denominator))
        if len(found) + (end - first) // bar > MAX_BAR_LINES:
            break
        found += [float(midi.tick_to_time(tick)) for tick in range(first, end, bar)]
    return (*found, float(midi.tick_to_time(ticks)))
