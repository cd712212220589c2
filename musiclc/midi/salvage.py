"""The events of a track whose bytes are broken: all that can be told apart, and what was the matter.

Read as strictly as codec.py reads, with these ways on where that stops. A data byte above 127 is 127, as mido's `clip` has it, where the events
after it can be read. From anything else that is no event, reading goes on with the next bytes that begin RUN events in a row, all of them as the
standard wants them. A track ends with its last end of track; one in the middle counts for nothing where events follow it.

Every place is looked at a fixed number of times, so that the work grows as the bytes do.

Inside: `Salvage`, `salvaged`.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from musiclc.midi.codec import END_OF_TRACK, ESCAPE, LENGTHS, META, MOST_DIGITS, SYSEX, Event, meta_message

RUN = 3  # events in a row that are no accident
HIGHEST = 127  # of a data byte
TOO_EARLY, NO_END, INNER_END, HIGH_BYTES, UNREADABLE, RUNNING, LONG_NUMBER = (
    "ends too early",
    "no end of track",
    "an end of track in the middle",
    "data bytes above 127",
    "bytes that are no event",
    "running status after a meta or sysex event",
    "numbers of more than four bytes",
)


@dataclass
class Salvage:
    """What a track gave: its events, the last its end; where its bytes end; what was mended, each once.

    hopeless: whether no further place is known from which reading could go on.
    """

    events: list[Event] = field(default_factory=list)
    end: int = 0
    faults: dict[str, None] = field(default_factory=dict)
    hopeless: bool = False

    def say(self, fault: str) -> None:
        """Note what was mended."""
        self.faults[fault] = None


class _Read(NamedTuple):
    """An event's parts, and where it ends. explicit: whether its status is written out; ticks: its delta time."""

    ticks: int
    begin: int
    status: int
    kind: int
    inside: int
    end: int
    explicit: bool


def salvaged(data: bytes, at: int, limit: int, exact: bool) -> Salvage:
    """The events of the bytes from `at` up to `limit`. exact: whether the track is known to end there; else it does at its first end of track."""
    found = Salvage(end=limit)
    running, cancelled, tick = 0, False, 0
    while at < limit:
        read = _read(data, at, limit, running)
        if read is None or not _trusted(data, read, limit):
            read, at = _resumed(data, at, limit, read, found)
            if read is None:
                break
        tick += read.ticks
        found.events.append(_event(data, at, read, tick, found))
        if not read.explicit and cancelled:
            found.say(RUNNING)
        cancelled = read.status >= SYSEX or (cancelled and not read.explicit)
        running = read.status if read.status < SYSEX else running
        at = read.end
        if read.kind == END_OF_TRACK and _ends(data, at, limit, running, exact):
            found.end = limit if exact else at
            break
    _close(found, at < limit and exact)
    return found


def _ends(data: bytes, at: int, limit: int, running: int, exact: bool) -> bool:
    """Whether an end of track before `at` is the last: in a track whose length is unknown the first one is, else the one that no events follow."""
    return not exact or at >= limit or not _run(data, at, limit, running)


def _close(found: Salvage, more: bool) -> None:
    """Let the last event be the only end of track. more: whether bytes follow it that were left out."""
    events = found.events
    ended = bool(events) and events[-1].kind == END_OF_TRACK
    inner = [e for e in (events[:-1] if ended else events) if e.kind == END_OF_TRACK]
    if inner:
        found.say(INNER_END)
        found.events = events = [e for e in events if e.kind != END_OF_TRACK or (ended and e is events[-1])]
    if not ended:
        if TOO_EARLY not in found.faults:
            found.say(NO_END)
        events.append(meta_message(events[-1].tick if events else 0, END_OF_TRACK))
    elif more:
        found.say(UNREADABLE)


def _event(data: bytes, at: int, read: _Read, tick: int, found: Salvage) -> Event:
    """The event as codec.py has it, its data bytes at most HIGHEST."""
    raw, inner = data[read.begin : read.end], data[read.inside : read.end]
    if read.status < SYSEX and not inner.isascii():
        found.say(HIGH_BYTES)
        inner = bytes(min(byte, HIGHEST) for byte in inner)
        raw = raw[: -len(inner)] + inner
    wait = data[at : read.begin]
    if len(wait) > MOST_DIGITS:
        found.say(LONG_NUMBER)
    return Event(tick, wait if len(wait) <= MOST_DIGITS else b"", read.status, read.kind, inner, raw)


# ---- one event -----------------------------------------------------------------------------------------------------


def _number(data: bytes, at: int, limit: int, digits: int) -> tuple[int, int] | None:
    """A number of variable length at `at` (its last four bytes count), and where it ends; None where that is past the limit or so many bytes."""
    value = 0
    for here in range(at, min(limit, at + digits)):
        value = (value << 7 | data[here] & 0x7F) & 0x0FFFFFFF
        if data[here] < 0x80:
            return value, here + 1
    return None


def _read(data: bytes, at: int, limit: int, running: int, digits: int = sys.maxsize) -> _Read | None:
    """The event whose delta time is at `at`; None where there is none within the limit. digits: most bytes of a number."""
    number = _number(data, at, limit, digits)
    if number is None or number[1] >= limit:
        return None
    ticks, begin = number
    status, kind, inside = data[begin], -1, begin + 1
    explicit = status >= 0x80
    if not explicit:
        status, inside = running, begin
    if status in (META, SYSEX, ESCAPE):
        return _with_length(data, limit, _Read(ticks, begin, status, kind, inside, inside, explicit), digits)
    if status not in LENGTHS or inside + LENGTHS[status] > limit:
        return None
    return _Read(ticks, begin, status, kind, inside, inside + LENGTHS[status], explicit)


def _with_length(data: bytes, limit: int, read: _Read, digits: int) -> _Read | None:
    """A meta event or sysex with its type and its data."""
    kind, inside = -1, read.inside
    if read.status == META:
        if inside >= limit:
            return None
        kind, inside = data[inside], inside + 1
    number = _number(data, inside, limit, digits)
    if number is None or sum(number) > limit:
        return None
    size, inside = number
    return read._replace(kind=kind, inside=inside, end=inside + size)


def _as_wanted(data: bytes, read: _Read) -> bool:
    """Whether an event is as the standard wants it: no system message, data bytes and types of meta events below 128."""
    if (0xF0 < read.status < ESCAPE) or ESCAPE < read.status < META:
        return False
    return read.kind < 0x80 and (read.status >= SYSEX or data[read.inside : read.end].isascii())


def _run(data: bytes, at: int, limit: int, running: int, explicit: bool = False) -> bool:
    """Whether RUN events in a row, or as many as there are before the limit, begin at `at`. explicit: the first with its status."""
    for number in range(RUN):
        if at == limit:
            return number > 0
        read = _read(data, at, limit, running, MOST_DIGITS)
        if read is None or not _as_wanted(data, read) or (explicit and not number and not read.explicit):
            return False
        running = read.status if read.status < SYSEX else running
        at = read.end
    return True


# ---- where reading stops -------------------------------------------------------------------------------------------


def _trusted(data: bytes, read: _Read, limit: int) -> bool:
    """Whether an event is what it seems: one with data bytes above 127 is where others follow."""
    if read.status >= SYSEX or data[read.inside : read.end].isascii():
        return True
    return read.end == limit or _run(data, read.end, limit, read.status)


def _resumed(data: bytes, at: int, limit: int, read: _Read | None, found: Salvage) -> tuple[_Read | None, int]:
    """The event that reading goes on with, and where it begins: the next that others follow; where there is none the one that is not trusted."""
    for place in () if found.hopeless else _places(data, _after_status(data, at, limit), limit):
        if _run(data, place, limit, 0, explicit=True):
            found.say(UNREADABLE)
            return _read(data, place, limit, 0), place
    found.hopeless = True
    if read is None:
        found.say(TOO_EARLY)
    return read, at


def _after_status(data: bytes, at: int, limit: int) -> int:
    """Where to look on: after an undefined status and its delta time, else after one byte."""
    number = _number(data, at, limit, MOST_DIGITS)
    undefined = number and number[1] < limit and data[number[1]] >= 0x80 and data[number[1]] not in (*LENGTHS, SYSEX, ESCAPE, META)
    return number[1] + 1 if number and undefined else at + 1


def _places(data: bytes, at: int, limit: int) -> Iterator[int]:
    """Where an event with its status written out may begin."""
    return (place for place in range(at, limit) if data[place] >= 0x80 or (place + 1 < limit and data[place + 1] >= 0x80))
