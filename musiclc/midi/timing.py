"""What a file says of time: its meters, tempos and key signatures, for whom they hold, and ticks as seconds.

What any track of a type 0 or 1 file says holds for all of them. The tracks of a type 2 file are pieces of their own: each keeps its own time.

Inside: `meta`, `keeping_time`, `each_track`, `last_tick`, `meters`, `meters_in`, `check_meter_text`, `tempos`, `key_signatures`, `clock`.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import TypeVar

from musiclc.errors import UsageError
from musiclc.midi.codec import KEY, META, METER, TEMPO, Event, File
from musiclc.music.theory import METERS, STEPS_PER_QUARTER

DEFAULT_TEMPO = 500_000  # microseconds a quarter note: 120 a minute, where a file says nothing
SHARPS = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#")  # major from -7 on
Said = TypeVar("Said")
_METER_TEXT = re.compile(r"(?:(\d{1,2})/(1|2|4|8|16)\+)?(\d{1,2}/\d{1,2})")


def meta(events: Sequence[Event], kind: int) -> Iterator[Event]:
    """A track's meta events of one type."""
    return (e for e in events if e.status == META and e.kind == kind)


def keeping_time(file: File, track: int) -> Sequence[int]:
    """The tracks that say what time a track keeps: all, or in a type 2 file itself."""
    return (track,) if file.midi_type == 2 else range(len(file.tracks))


def each_track(file: File, ask: Callable[[File, Sequence[int]], Said]) -> list[Said]:
    """For each track what `ask` (`meters`, `clock`, …) finds for it; asked once where all keep one time."""
    count = len(file.tracks)
    return [ask(file, (track,)) for track in range(count)] if file.midi_type == 2 else [ask(file, range(count))] * count


def last_tick(file: File, tracks: Sequence[int]) -> int:
    """The tick of the last event of the longest of the tracks."""
    return max(map(file.length, tracks), default=0)


def meters(file: File, tracks: Sequence[int]) -> list[tuple[int, int, int]]:
    """(tick, numerator, denominator) of each time signature, from tick 0 on: 4/4 where nothing is said; those that the file is read in."""
    if file.read_in:
        return meters_in(file.read_in, file.ticks)
    changes = {0: (4, 4)}
    for track in tracks:
        for event in meta(file.tracks[track], METER):
            if len(event.data) >= 2 and event.data[0] and event.data[1] <= 6:
                changes[event.tick] = (event.data[0], 2 ** event.data[1])
    return [(tick, *changes[tick]) for tick in sorted(changes)]


def meters_in(text: str, ticks: int) -> list[tuple[int, int, int]]:
    """What "4/4", or "1/4+4/4" for a pickup and then 4/4, stands for. Raises UsageError for a text that no file can be read in.

    ticks: a quarter note.
    """
    match = _METER_TEXT.fullmatch(text)
    numerator, denominator = map(int, match[3].split("/")) if match and match[3] in METERS else (0, 1)
    pickup = Fraction(int(match[1]), int(match[2])) if match and match[1] else Fraction(0)
    if not match or not numerator or (match[1] and not 0 < pickup < Fraction(numerator, denominator)):
        raise UsageError(f"meter {text!r}: wanted one of {', '.join(METERS)}, or one after a pickup, such as 1/4+4/4")
    begins = [(0, int(match[1]), int(match[2]))] if pickup else []
    return [*begins, (round(4 * ticks * pickup), numerator, denominator)]


def check_meter_text(text: str) -> None:
    """Raises UsageError for a text that no file can be read in."""
    meters_in(text, STEPS_PER_QUARTER)


def tempos(file: File, tracks: Sequence[int]) -> list[tuple[int, int]]:
    """(tick, microseconds a quarter note) of each tempo, from tick 0 on."""
    changes = {0: DEFAULT_TEMPO}
    for track in tracks:
        for event in meta(file.tracks[track], TEMPO):
            if len(event.data) >= 3 and any(event.data[:3]):
                changes[event.tick] = int.from_bytes(event.data[:3], "big")
    return sorted(changes.items())


def key_signatures(file: File, tracks: Sequence[int]) -> list[tuple[int, str]]:
    """(tick, "C minor") of each key signature."""
    changes = {}
    for track in tracks:
        for event in meta(file.tracks[track], KEY):
            if len(event.data) >= 2 and -7 <= (sharps := (event.data[0] + 128) % 256 - 128) <= 7:
                minor = event.data[1] == 1
                changes[event.tick] = f"{SHARPS[sharps + 7 + 3 * minor]} {'minor' if minor else 'major'}"
    return sorted(changes.items())


def clock(file: File, tracks: Sequence[int]) -> Callable[[int], float]:
    """Ticks → seconds. Whole numbers are added up, and rounded once, by the division."""
    ticks, rates = zip(*tempos(file, tracks), strict=True)
    passed = [0]  # until each change of tempo, in microseconds × ticks a quarter note
    for (tick, following), rate in zip(pairwise(ticks), rates, strict=False):
        passed.append(passed[-1] + (following - tick) * rate)

    def seconds(tick: int) -> float:
        at = bisect_right(ticks, tick) - 1
        return (passed[at] + (tick - ticks[at]) * rates[at]) / (1_000_000 * file.ticks)

    return seconds
