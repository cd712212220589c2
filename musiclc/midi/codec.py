"""Standard MIDI files as events that keep their own bytes: the one reader and the one writer, for edits, training data, labels and sound.

Conventions: ticks are absolute within a track. `Event.raw` is what stands in the file after the delta time, running status and
all; writing an event back that was not touched gives those bytes again, so that an edit changes nothing but what it names. Chunks
other than tracks stay where they are.

Why not mido here: its reader (1.3.3) drops the delta time before a meta event of unknown type, so that all that follows moves;
it turns 0xF7 packets into 0xF0, refuses odd key signatures and foreign chunks, and is ten times slower.

Source: The Complete MIDI 1.0 Detailed Specification, Standard MIDI Files 1.0 (1996).

Inside: `Event`, `File`; reading of sound bytes (mend.py reads all others): `parse`; writing: `message`, `meta_message`, `repitched`,
`with_track`, `encoded`, `header`, `track_chunk`.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from musiclc.errors import InputError

NOTE_OFF, NOTE_ON, PROGRAM = 0x80, 0x90, 0xC0  # upper half of the status; the lower is the channel
SYSEX, ESCAPE, META = 0xF0, 0xF7, 0xFF
NAME, INSTRUMENT, END_OF_TRACK, TEMPO, METER, KEY = 0x03, 0x04, 0x2F, 0x51, 0x58, 0x59  # meta types
MAX_BARS = 10_000  # of a file of few events; a gigantic delta time must not become a gigantic melody
MOST_DIGITS = 4  # bytes of a number of variable length
# Data bytes after each status below META; what is absent is undefined. System messages do not belong in files, but are found.
LENGTHS = {status: 1 if status & 0xF0 in (0xC0, 0xD0) else 2 for status in range(0x80, 0xF0)}
LENGTHS |= {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, 0xF8: 0, 0xFA: 0, 0xFB: 0, 0xFC: 0, 0xFE: 0}


class Event(NamedTuple):
    """One event. data: its data bytes; of a meta event what it holds, without type and length."""

    tick: int
    wait: bytes  # the delta time as written
    status: int
    kind: int  # the type of a meta event, or -1
    data: bytes
    raw: bytes


@dataclass(frozen=True)
class File:
    """A file's bytes, type (0-2), ticks a quarter note, and its tracks: events, and where each track's events lie in the bytes.

    mended: what the bytes were mended of, see mend.py; "" where they are as they came. read_in: the meter that the file is read in whatever it
    says, see beats.py; "" for its own.
    """

    data: bytes
    midi_type: int
    ticks: int
    tracks: tuple[tuple[Event, ...], ...]
    spans: tuple[tuple[int, int], ...]
    mended: str = ""
    read_in: str = ""

    def length(self, track: int) -> int:
        """Ticks to the last event of a track."""
        return self.tracks[track][-1].tick if self.tracks[track] else 0


class _Broken(Exception):
    """The bytes are no MIDI file; the text says where."""


def parse(data: bytes, name: str) -> File:
    """The file that the bytes hold. Raises InputError, one line that begins with `name`."""
    try:
        file = _file(data)
    except IndexError:
        raise InputError(f"{name}: ends too early; wanted a whole standard MIDI file") from None
    except _Broken as error:
        raise InputError(f"{name}: not a standard MIDI file ({error})") from None
    if not 0 < file.ticks < 0x8000:
        raise InputError(f"{name}: counts time in SMPTE frames; wanted ticks a quarter note")
    longest = max(map(file.length, range(len(file.tracks))), default=0)
    if longest > most_ticks(file.ticks, file.tracks):
        raise InputError(f"{name}: {longest} ticks long, more than {MAX_BARS} bars; a delta time in it is likely broken")
    return file


def most_ticks(ticks: int, tracks: Sequence[Sequence[Event]]) -> int:
    """How long a file may last: MAX_BARS, and a bar more for each event."""
    return (MAX_BARS + sum(map(len, tracks))) * 4 * ticks


def _file(data: bytes) -> File:
    if data[:4] != b"MThd"[: len(data)]:
        raise _Broken("it does not begin with MThd")
    if len(data) < 14:
        raise IndexError
    size, midi_type, count, ticks = (int.from_bytes(data[a:b], "big") for a, b in ((4, 8), (8, 10), (10, 12), (12, 14)))
    if size < 6 or midi_type > 2:
        raise _Broken(f"header of {size} bytes, type {midi_type}; wanted type 0, 1 or 2")
    if ticks >= 0x8000:
        return File(data, midi_type, ticks, (), ())
    spans = tuple(itertools.islice(_track_spans(data, 8 + size), count))
    return File(data, midi_type, ticks, tuple(tuple(_events(data[start:end])) for start, end in spans), spans)


def _track_spans(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Where the events of each track chunk from `at` on begin and end; raises IndexError where the data end within a chunk."""
    while True:
        start, end = at + 8, at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")
        if len(data) < start or len(data) < end:
            raise IndexError
        if data[at : at + 4] == b"MTrk":
            yield start, end
        at = end


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length at `at`, and where it ends."""
    value = data[at]
    if value < 0x80:
        return value, at + 1
    value = 0
    for here in range(at, at + MOST_DIGITS):
        value = value << 7 | data[here] & 0x7F
        if data[here] < 0x80:
            return value, here + 1
    raise _Broken(f"a number of more than {MOST_DIGITS} bytes")


def _events(data: bytes) -> Iterator[Event]:
    """The events of a track's bytes. Running status is kept across meta events and sysex, as lenient readers do."""
    at, tick, running = 0, 0, 0
    while at < len(data):
        delta, begin = _number(data, at)
        tick += delta
        wait, kind, status = data[at:begin], -1, data[begin]
        inside = begin + 1
        if status < 0x80:
            status, inside = running, begin
        if status in (META, SYSEX, ESCAPE):
            if status == META:
                kind, inside = data[inside], inside + 1
            size, inside = _number(data, inside)
        elif status in LENGTHS:
            size = LENGTHS[status]
            running = status if status < SYSEX else running
        else:
            raise _Broken(f"undefined status byte 0x{status:02x}" if status else "running status before any status")
        at = inside + size
        if at > len(data):
            raise IndexError
        yield Event(tick, wait, status, kind, data[inside:at], data[begin:at])


# ---- writing -------------------------------------------------------------------------------------------------------


def with_track(file: File, track: int, events: Iterable[Event]) -> bytes:
    """The file's bytes with one track's events replaced. Events are in order of ticks; their `wait` is mended where it is wrong."""
    start, end = file.spans[track]
    return file.data[: start - 8] + track_chunk(events) + file.data[end:]


def encoded(midi_type: int, ticks: int, tracks: Sequence[Iterable[Event]]) -> bytes:
    """A new file of a type (0-2), with so many ticks a quarter note. Events are in order of ticks, the last of each track its end."""
    return header(midi_type, len(tracks), ticks) + b"".join(map(track_chunk, tracks))


def header(midi_type: int, count: int, ticks: int) -> bytes:
    """The header of a file of so many tracks."""
    return b"MThd\0\0\0\6" + b"".join(number.to_bytes(2, "big") for number in (midi_type, count, ticks))


def track_chunk(events: Iterable[Event]) -> bytes:
    """A track with its head. Events are in order of ticks, the last its end."""
    body = _body(events)
    return b"MTrk" + len(body).to_bytes(4, "big") + body


def message(tick: int, status: int, *data: int) -> Event:
    """A new channel event, with its status written out."""
    return Event(tick, b"", status, -1, bytes(data), bytes((status, *data)))


def meta_message(tick: int, kind: int, data: bytes = b"") -> Event:
    """A new meta event."""
    return Event(tick, b"", META, kind, data, bytes((META, kind)) + _variable(len(data)) + data)


def repitched(event: Event, pitch: int) -> Event:
    """A note event with another note number, the rest of its bytes as they are."""
    data = bytes((pitch,)) + event.data[1:]
    return event._replace(data=data, raw=event.raw[: -len(data)] + data)


def _body(events: Iterable[Event]) -> bytes:
    out, now, running = bytearray(), 0, 0
    for event in events:
        delta = event.tick - now
        out += event.wait if event.wait and _number(event.wait, 0)[0] == delta else _variable(delta)
        if event.raw[0] < 0x80 and event.status != running:
            out.append(event.status)
        out += event.raw
        now, running = event.tick, event.status if event.status < SYSEX else 0
    return bytes(out)


def _variable(number: int) -> bytes:
    """A number in seven bits a byte, all but the last with the high bit set."""
    out = [number & 0x7F]
    while number := number >> 7:
        out.append(number & 0x7F | 0x80)
    return bytes(reversed(out))
