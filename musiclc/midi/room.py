"""Room for new bars in a file: bars that it has, bars after its melody, bars before it. What was there stays event by event.

Before a melody all events move later together, those at tick 0 aside that set up (meter, tempo, programs) what holds from the beginning on;
markers, lyrics and cue points there move. The melody's channel events before its first note stay, too. A pickup that the file announces by a
shorter first meter gets a whole bar, silent up to it. Where a melody enters later than its file, or ends before it, bars in which it is silent are
room as they are.

Conventions: a bar belongs to the melody where a note begins in it or sounds through half of it. Bars are counted from 0 within a section,
and from 1, as `musiclc inspect` counts them, within a file.

Inside: `Room`; `within`, `after`, `before`, `room_of`; for joined.py `last_bar`, `is_note`, `is_meter`, `in_meter`, `meter_event`.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from musiclc.errors import InputError
from musiclc.midi.codec import END_OF_TRACK, META, METER, NOTE_OFF, NOTE_ON, SYSEX, Event, File, message, meta_message, with_track
from musiclc.midi.notes import Sounding
from musiclc.midi.section import MeterSection
from musiclc.midi.song import Song, read_song
from musiclc.midi.timing import keeping_time, meters
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import METER_NAMES, METERS

WRITABLE = METER_NAMES  # meters that new bars can be in
SAID_OF_MUSIC = (0x05, 0x06, 0x07)  # lyrics, markers and cue points: they go with the notes that they stand at


@dataclass(frozen=True)
class Room:
    """Bars of a song that are to be written: `bars` of them, from bar `first`, counted from 0, of its section number `number`."""

    song: Song
    number: int
    first: int
    bars: int

    @property
    def section(self) -> MeterSection:
        """The section that they lie in."""
        return self.song.sections[self.number]

    @property
    def steps(self) -> tuple[int, int]:
        """Their first step in the section, and the one after their last."""
        per_bar = METERS[self.section.meter]
        return self.first * per_bar, (self.first + self.bars) * per_bar

    @property
    def text(self) -> str:
        """Which bars of the file they are, from 1: "9..16", or "9" for one."""
        low, high = self.steps
        first, last = self.section.bar_at(low), self.section.bar_at(high - 1)
        return f"{first}..{last}" if last > first else f"{first}"

    @property
    def melody(self) -> Melody:
        """The melody in the bars alone: the notes that begin in them."""
        low, high = self.steps
        notes = tuple(Note(n.start - low, n.pitch, min(n.end, high) - n.start) for n in self.section.notes if low <= n.start < high)
        return Melody(notes, self.section.meter, self.bars)

    def around(self, most: int) -> tuple[int, int]:
        """The first bar of the section that is theirs or of their surroundings, and the one after the last: at most so many on either side,
        none of them before the melody's first bar or after its last.
        """
        own = [n.start // METERS[self.section.meter] for n in self.section.notes]
        begin, end = min([*own, self.first]), max([*(bar + 1 for bar in own), self.first + self.bars])
        return max(begin, self.first - most), min(end, self.first + self.bars + most)

    @property
    def opens(self) -> bool:
        """Whether the melody has no notes before the section."""
        return not any(s.notes for s in self.song.sections[: self.number])

    @property
    def closes(self) -> bool:
        """Whether the melody has no notes after the section."""
        return not any(s.notes for s in self.song.sections[self.number + 1 :])

    @property
    def sounding(self) -> int:
        """The step until which a note from before the bars sounds in them; their first one where none does."""
        low, high = self.steps
        ends = [n.end for n in self.section.notes if n.start < low]
        if not low:  # one of another meter's bars may
            before = [source for section in self.song.sections[: self.number] for source in section.sources if source.off_event is not None]
            ends = [self.section.grid.step(source.off) for source in before[-1:]]
        return min(max([low, *ends]), high)

    @property
    def free(self) -> tuple[int, int]:
        """The steps of the bars that the file has: from the first that no note from before sounds in, to the one after the last.

        A pickup lacks the beginning of its bar, and one that a change of meter cuts short its end.
        """
        low, high = self.steps
        section = self.section
        written = section.locked_steps + sum(w.steps for w in section.written)
        return max(low, section.locked_steps, self.sounding), min(high, written)


def within(song: Song, first: int, last: int, name: str) -> Room:
    """Bars of the file, from 1, both included. Raises InputError when it lacks some, or they are not whole bars of one meter that can be written."""
    asked = f"bars {first}..{last}" if last > first else f"bar {first}"
    if last > song.length_bars:
        raise InputError(f"{name}: {asked}: the piece has {song.length_bars} bars, counted from 1 as musiclc inspect counts them")
    for number, section in enumerate(song.sections):
        bars = [(bar, a, b) for bar, (a, b, _) in enumerate(section.spans()) if first <= a and b <= last]
        if bars and (bars[0][1], bars[-1][2]) == (first, last):
            return _checked(Room(song, number, bars[0][0], len(bars)), asked, name)
    _refuse(song, first, last, asked, name)


def room_of(song: Song, text: str, name: str) -> Room:
    """The bars that a manifest names, as Room.text does. Raises InputError."""
    first, dots, last = text.partition("..")
    if not first.isdecimal() or (dots and not last.isdecimal()) or len(text) > 20:
        raise InputError(f"{name}: bars {text!r}; wanted such as 9..16")
    return within(song, int(first), int(last if dots else first), name)


def _refuse(song: Song, first: int, last: int, asked: str, name: str) -> NoReturn:
    """Says why bars are no whole bars of one section."""
    begins = [bar for bar, _ in song.meters]
    there = song.meters[max(bisect_left(begins, first + 1) - 1, 0) : bisect_left(begins, last + 1)]
    said = " and ".join(dict.fromkeys(meter for _, meter in there))
    raise InputError(f"{name}: {asked}: meter {said}; wanted whole bars of one meter, of {', '.join(WRITABLE)}")


def _checked(room: Room, asked: str, name: str) -> Room:
    """The room, where new notes can be written in it. Raises InputError."""
    if room.section.meter not in WRITABLE:
        raise InputError(f"{name}: {asked}: meter {room.section.meter}; wanted one of {', '.join(WRITABLE)}")
    low, high = room.free
    if low >= high:
        raise InputError(f"{name}: {asked}: a note that begins before them sounds through all of them; wanted bars from its own on")
    return room


def last_bar(start: int, end: int, per_bar: int) -> int:
    """The last bar, from 0, that a note belongs to: where it begins, or the last of which it sounds through half. start, end: steps."""
    return max(start // per_bar, (end - per_bar // 2) // per_bar)


# ---- after and before ----------------------------------------------------------------------------------------------


def after(song: Song, bars: int, name: str) -> Room:
    """So many bars after the melody's last; the track goes on to their end. Raises InputError when another meter begins there."""
    number = max(i for i, s in enumerate(song.sections) if s.notes)
    section = song.sections[number]
    per_bar = METERS[section.meter]
    first = max(last_bar(n.start, n.end, per_bar) for n in section.notes) + 1
    _same_meter(song, section, ((first - 1) * per_bar, (first + bars) * per_bar), name)
    data = lasting(song, section.grid.tick((first + bars) * per_bar))
    return _checked(Room(_again(song, data, name), number, first, bars), f"bars after {section.bar_at(first * per_bar - 1)}", name)


def _same_meter(song: Song, section: MeterSection, steps: tuple[int, int], name: str) -> None:
    """Raises InputError when a time signature within these steps begins another meter, or a bar where there is none."""
    low, high = (section.grid.tick(step) for step in steps)
    for tick, numerator, denominator in meters(song.file, keeping_time(song.file, song.entry.track)):
        same = (numerator, denominator) == (section.written[-1].numerator, section.written[-1].denominator)
        on_line = section.grid.step(tick) % METERS[section.meter] == 0
        if low < tick < high and not (same and on_line):
            raise InputError(f"{name}: {numerator}/{denominator} begins where new bars would go; wanted the {section.meter} of the bars beside them")


def lasting(song: Song, tick: int) -> bytes:
    """The file with the melody's track going on to a tick, if it ends before; notes of the melody that nothing ended end where the track did."""
    track = song.entry.track
    events = song.file.tracks[track]
    last = events[-1].tick if events else 0
    if last >= tick:
        return song.data
    kept = events[:-1] if events and events[-1].kind == END_OF_TRACK else events
    offs = [message(last, NOTE_OFF | n.channel, n.pitch, 64) for n in _unended(song.entry.notes)]
    return with_track(song.file, track, [*kept, *offs, meta_message(tick, END_OF_TRACK)])


def _unended(notes: Sequence[Sounding]) -> Iterator[Sounding]:
    return (n for n in notes if n.off_event is None)


def before(song: Song, bars: int, name: str) -> Room:
    """So many bars before the melody's first: bars that it is silent in, and as many new ones as there are too few of those.

    Raises InputError when another meter stands there.
    """
    number = min(i for i, s in enumerate(song.sections) if s.notes)
    section = song.sections[number]
    first = section.notes[0].start // METERS[section.meter]
    missing = max(bars - max(first - (section.locked_steps > 0), 0), 0)
    if missing and section.first_bar > 1:
        raise InputError(
            f"{name}: {song.meters[0][1]} stands before the {section.meter} of the melody; wanted room for {bars} bars of {section.meter}"
        )
    room = Room(song, number, first - bars, bars)
    if missing:
        room = Room(_again(song, _moved_on(song, section, missing), name), 0, missing + first - bars, bars)
    return _checked(room, "bars before the first", name)


def _again(song: Song, data: bytes, name: str) -> Song:
    """The song in other bytes, its melody's track the same."""
    return read_song(data, name=name, track=song.track.index, meter=song.file.read_in)


def _moved_on(song: Song, section: MeterSection, bars: int) -> bytes:
    """The file with all that sounds later by so many bars, and by what a pickup lacks of its own."""
    file, own = song.file, song.entry.track
    by = section.grid.tick(bars * METERS[section.meter]) - 2 * section.grid.tick(0)
    time = keeping_time(file, own)
    begins = song.entry.notes[0].on_event
    tracks = {track: _later(file.tracks[track], by, begins if track == own else 0, song.track.channels) for track in time}
    tracks = {track: [in_meter(e, section) for e in events] for track, events in tracks.items()}
    if not any(is_meter(event) and event.tick == 0 for events in tracks.values() for event in events):
        tracks[time[0]].insert(0, meter_event(0, section))
    return with_tracks(file, tracks)


def _later(events: Sequence[Event], by: int, begins: int, channels: Sequence[int]) -> list[Event]:
    """A track's events later by so many ticks, but what sets up: see the module. begins: the place of the melody's first note, else 0."""
    there = [e if _sets_up(e, place < begins, channels) else e._replace(tick=e.tick + by) for place, e in enumerate(events)]
    return sorted(there, key=lambda e: e.tick)


def _sets_up(event: Event, before_the_melody: bool, channels: Sequence[int]) -> bool:
    if is_note(event) or (event.status == META and event.kind in SAID_OF_MUSIC):
        return False
    return event.tick == 0 or (before_the_melody and event.status < SYSEX and event.status & 0x0F in channels)


def is_note(event: Event) -> bool:
    """Whether it begins or ends a note."""
    return event.status & 0xF0 in (NOTE_ON, NOTE_OFF)


def is_meter(event: Event) -> bool:
    """Whether it is a time signature."""
    return event.status == META and event.kind == METER


def in_meter(event: Event, section: MeterSection) -> Event:
    """A time signature at tick 0 as that of the section's whole bars, in place of a pickup's; any other event as it is."""
    if event.tick or not is_meter(event) or not section.locked_steps:
        return event
    return meter_event(0, section)._replace(wait=event.wait)


def meter_event(tick: int, section: MeterSection) -> Event:
    """A time signature of the section's whole bars."""
    whole = section.written[min(1, len(section.written) - 1)] if section.locked_steps else section.written[0]
    return meta_message(tick, METER, bytes((whole.numerator, whole.denominator.bit_length() - 1, 24, 8)))


def with_tracks(file: File, tracks: Mapping[int, Sequence[Event]]) -> bytes:
    """The file's bytes with some tracks' events replaced."""
    for track in sorted(tracks, reverse=True):  # so that what lies before keeps its place
        file = replace(file, data=with_track(file, track, tracks[track]))
    return file.data
