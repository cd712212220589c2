"""Two songs as one file, the second after the first, with bars between them for a melody that is to be written.

The second's melody goes to the first's track and channel. Since channels are everybody's, those of the second that were the first's melody's
change places with those of its own. Its other tracks go to those of the same name, or stay tracks of their own; tempos, meters and key
signatures go to the first track. Where the two count time in different ticks, both are counted in the least that holds them exactly.

What the second song does not say at its beginning is said there: its meter, its tempo, and for each of its channels program, bend and pedal that
the first left otherwise. Events that set it up come where its first bar begins. A file of type 0 is taken apart by channels, and of two such
files one is made again.

Inside: `between`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from math import lcm

from musiclc.errors import InputError
from musiclc.midi.codec import (
    END_OF_TRACK,
    INSTRUMENT,
    KEY,
    META,
    METER,
    NAME,
    NOTE_OFF,
    NOTE_ON,
    PROGRAM,
    SYSEX,
    TEMPO,
    Event,
    encoded,
    message,
    meta_message,
)
from musiclc.midi.notes import pair
from musiclc.midi.room import WRITABLE, Room, in_meter, is_meter, is_note, last_bar, meter_event
from musiclc.midi.section import READ_AS
from musiclc.midi.song import Song, read_song
from musiclc.midi.timing import keeping_time, meters, tempos
from musiclc.midi.tracks import track_name
from musiclc.music.theory import METERS

MOST_TICKS = 0x7FFF  # a quarter note
SMPTE_OFFSET = 0x54
BEND, CONTROL, PEDAL = 0xE0, 0xB0, 64
_AT_REST = {(BEND, -1): b"\0\x40", (CONTROL, PEDAL): b"\0", (PROGRAM, -1): b"\0"}  # (status, controller or -1) → what a player begins with


@dataclass(frozen=True)
class Strand:
    """Events of a track, or of one channel of a type 0 file, in order, without its end, and the tick of that. name: by which its like in the
    other file is found. melody: whether it is the melody's.
    """

    name: str
    events: list[Event]
    end: int
    melody: bool = False

    @property
    def channels(self) -> set[int]:
        """The channels that it has notes on."""
        return {e.status & 0x0F for e in self.events if is_note(e)}

    def and_then(self, other: "Strand") -> "Strand":
        """This one with another's events; the other's names, which this one has already, aside."""
        more = [e for e in other.events if not _is(e, NAME, INSTRUMENT)]
        return replace(self, events=_in_order([*self.events, *more]), end=max(self.end, other.end))


def between(first: Song, second: Song, bars: int, names: tuple[str, str]) -> Room:
    """So many bars after the first song's last bar with notes, and after them the second song from its first bar with notes on.

    Raises InputError for songs in different meters where they meet, and for files of type 2.
    """
    first, second = _outspoken(first), _outspoken(second)
    _refuse_unlike(first, second, names)
    grid, per_bar, bar = first.sections[-1].grid, METERS[first.sections[-1].meter], _bars(first)
    ticks = lcm(first.file.ticks, second.file.ticks)
    ticks = ticks if ticks <= MOST_TICKS else max(first.file.ticks, second.file.ticks)
    ends, begins = (_scaled(grid.tick(step), first, ticks) for step in (bar * per_bar, (bar + bars) * per_bar))
    strands = _ending(first, ticks, ends)
    for strand in _rested(strands, _beginning(first, second, ticks, begins), begins):
        _add(strands, strand)
    data, track = _file(strands, first, second, ticks)
    return Room(read_song(data, name=" and ".join(names), track=track), len(first.sections) - 1, bar, bars)


def _outspoken(song: Song) -> Song:
    """The song, its file saying itself in which meter it is read."""
    if not song.file.read_in:
        return song
    said = [meta_message(tick, METER, bytes((n, d.bit_length() - 1, 24, 8))) for tick, n, d in meters(song.file, ())]
    tracks = [[e for e in events if not is_meter(e)] for events in song.file.tracks]
    tracks[0] = _in_order([*said, *tracks[0]])
    return read_song(encoded(song.midi_type, song.file.ticks, tracks), name=song.name, track=song.track.index)


def _refuse_unlike(first: Song, second: Song, names: tuple[str, str]) -> None:
    for song, name in zip((first, second), names, strict=True):
        if song.midi_type == 2:
            raise InputError(f"{name}: type 2, whose tracks are pieces of their own; wanted type 0 or 1")
    _, numerator, denominator = meters(first.file, keeping_time(first.file, 0))[-1]
    ends = READ_AS.get((numerator, denominator), f"{numerator}/{denominator}")
    begins = second.sections[0].meter if second.sections[0].first_bar == 1 else second.meters[0][1]
    if ends != begins or ends not in WRITABLE:
        raise InputError(f"{names[0]} ends in {ends} and {names[1]} begins in {begins}; wanted both in one of {', '.join(WRITABLE)}")


def _bars(song: Song) -> int:
    """How many bars of its last section a song lasts, all tracks."""
    grid, per_bar = song.sections[-1].grid, METERS[song.sections[-1].meter]
    notes = [n for events in song.file.tracks for n in pair(events)]
    ends = ((grid.step(n.on), grid.end(n) if n.off_event is not None else 0) for n in notes)
    return max(0, *(last_bar(start, end, per_bar) + 1 for start, end in ends))


def _scaled(tick: int, song: Song, ticks: int) -> int:
    """A song's tick, where a quarter note has so many."""
    return (2 * tick * ticks + song.file.ticks) // (2 * song.file.ticks)


def _in_order(events: Iterable[Event]) -> list[Event]:
    return sorted(events, key=lambda e: e.tick)


def _is(event: Event, *kinds: int) -> bool:
    """Whether it is a meta event of one of these types."""
    return event.status == META and event.kind in kinds


# ---- the two songs -------------------------------------------------------------------------------------------------


def _strands(song: Song) -> list[Strand]:
    """A song's tracks; of one that is told apart by channels what belongs to none of them, and then each channel's."""
    tracks = song.file.tracks
    if song.midi_type and len(tracks) > 1:
        return [_strand(track_name(events).casefold(), events, i == song.entry.track) for i, events in enumerate(tracks)]
    events = _in_order(chain(*tracks))
    own = set(song.track.channels)
    channels = sorted({e.status & 0x0F for e in events if is_note(e)} - own)
    if not channels:
        return [_strand(track_name(events).casefold(), events, True)]
    by_channel = {c: [e for e in events if e.status < SYSEX and e.status & 0x0F == c] for c in channels}
    melody = [e for e in events if e.status < SYSEX and e.status & 0x0F in own]
    taken = {id(e) for e in chain(melody, *by_channel.values())}
    rest = _strand("", [e for e in events if id(e) not in taken])
    return [rest, *(_strand(f"channel {c + 1}", by_channel[c]) for c in channels), _strand("", melody, True)]


def _strand(name: str, events: Iterable[Event], melody: bool = False) -> Strand:
    all_of_them = list(events)
    end = max((e.tick for e in all_of_them), default=0)
    return Strand(name, [e for e in all_of_them if not _is(e, END_OF_TRACK)], end, melody)


def _ending(song: Song, ticks: int, ends: int) -> list[Strand]:
    """The first song's strands. ends: the tick at which the last of it has to have come that is no note; what nothing ended ends then."""
    found = []
    for strand in _strands(song):
        moved = [e._replace(tick=_scaled(e.tick, song, ticks)) for e in strand.events]
        events = [e if is_note(e) else e._replace(tick=min(e.tick, ends)) for e in moved]
        offs = [message(ends, NOTE_OFF | n.channel, n.pitch, 64) for n in pair(events) if n.off_event is None]
        found.append(replace(strand, events=_in_order([*events, *offs]), end=min(_scaled(strand.end, song, ticks), ends)))
    return found


def _beginning(first: Song, song: Song, ticks: int, begins: int) -> Iterator[Strand]:
    """The second song's strands from a tick on, in the first's channels, and as one of its own what goes to the first track."""
    section = song.sections[0]
    per_bar = METERS[section.meter]
    earliest = min((section.grid.step(n.on) for events in song.file.tracks for n in pair(events)), default=0)
    start = section.grid.tick(earliest // per_bar * per_bar)
    channels = _exchanged(first, song)

    def placed(event: Event) -> Event:
        tick = _scaled(event.tick, song, ticks) - _scaled(start, song, ticks) + begins
        sets_up = not is_note(event) and (not event.tick or event.tick <= start)
        return _on_channel(event._replace(tick=begins if sets_up else tick), channels)

    strands = _strands(song)
    time = [in_meter(e, section) for strand in strands for e in strand.events if _is(e, METER, TEMPO, KEY)]
    yield Strand("", [placed(e) for e in _in_order([*_unsaid(first, song, time), *time])], 0)
    for strand in strands:
        events = [placed(e) for e in strand.events if not _is(e, METER, TEMPO, KEY, SMPTE_OFFSET)]
        yield replace(strand, events=_in_order(events), end=_scaled(strand.end, song, ticks) - _scaled(start, song, ticks) + begins)


def _unsaid(first: Song, song: Song, said: list[Event]) -> Iterator[Event]:
    """The second song's meter and tempo, where it does not say them at its beginning and the first song has others."""
    if not any(is_meter(e) and not e.tick for e in said):
        yield meter_event(0, song.sections[0])
    last, own = (tempos(s.file, keeping_time(s.file, 0)) for s in (first, song))
    if last[-1][1] != own[0][1] and not any(_is(e, TEMPO) and not e.tick for e in said):
        yield meta_message(0, TEMPO, own[0][1].to_bytes(3, "big"))


def _exchanged(first: Song, second: Song) -> dict[int, int]:
    """The second song's channels → those that they become, where that is another."""
    last = [n for s in first.sections for n in s.sources][-1].channel
    own = next(n for s in second.sections for n in s.sources).channel
    return {own: last, last: own}


def _on_channel(event: Event, channels: dict[int, int]) -> Event:
    """The event on the channel that its own becomes."""
    if event.status >= SYSEX:
        return event
    status = event.status & 0xF0 | channels.get(event.status & 0x0F, event.status & 0x0F)
    return event._replace(status=status, raw=event.raw if event.raw[0] < 0x80 else bytes((status, *event.data)))


# ---- what holds for channels ---------------------------------------------------------------------------------------


def _rested(before: list[Strand], strands: Iterable[Strand], begins: int) -> Iterator[Strand]:
    """The second song's strands, with each of their channels as a player finds it, whatever the first song left."""
    left = _left(before)
    found = list(strands)
    for strand in found:
        wanted = [
            (channel, kind) for channel in sorted(strand.channels) for kind in _AT_REST if left.get((channel, kind), b"") not in (b"", _AT_REST[kind])
        ]
        wanted = [w for w in wanted if not (strand.melody and w[1][0] == PROGRAM) and not any(_says(other, *w) for other in found)]
        rest = [message(begins, kind[0] | channel, *([PEDAL] if kind[0] == CONTROL else []), *_AT_REST[kind]) for channel, kind in wanted]
        yield replace(strand, events=_in_order([*rest, *strand.events]))


def _kind(event: Event) -> tuple[int, int]:
    upper = event.status & 0xF0
    return upper, event.data[0] if upper == CONTROL else -1


def _left(strands: Iterable[Strand]) -> dict[tuple[int, tuple[int, int]], bytes]:
    """(channel, kind) → what the last event of that kind says."""
    events = _in_order(e for strand in strands for e in strand.events if e.status < SYSEX and _kind(e) in _AT_REST)
    return {(e.status & 0x0F, _kind(e)): e.data[1:] if e.status & 0xF0 == CONTROL else e.data for e in events}


def _says(strand: Strand, channel: int, kind: tuple[int, int]) -> bool:
    """Whether the strand says so much of a channel before the first note on it."""
    for event in strand.events:
        if event.status < SYSEX and event.status & 0x0F == channel:
            if is_note(event):
                return False
            if _kind(event) == kind:
                return True
    return False


# ---- one file ------------------------------------------------------------------------------------------------------


def _add(strands: list[Strand], strand: Strand) -> None:
    """Put the second song's strand where it belongs."""
    like = [i for i, s in enumerate(strands) if (s.melody if strand.melody else strand.name and s.name == strand.name and not s.melody)]
    if like or not strand.channels:
        place = like[0] if like else 0
        strands[place] = strands[place].and_then(strand)
    else:
        events = [e._replace(tick=0) if _is(e, NAME, INSTRUMENT) else e for e in strand.events]
        strands.append(replace(strand, events=_in_order(events)))


def _file(strands: list[Strand], first: Song, second: Song, ticks: int) -> tuple[bytes, int]:
    """The strands as a file, and the index of the melody's track."""
    if first.midi_type == second.midi_type == 0:
        strands = [Strand("", _in_order(e for strand in strands for e in strand.events), max(s.end for s in strands), True)]
    data = encoded(0 if first.midi_type == second.midi_type == 0 else 1, ticks, [_ended(strand) for strand in strands])
    if len(strands) > 1:
        return data, next(i for i, s in enumerate(strands) if s.melody)
    own = _exchanged(first, second)
    channels = sorted({e.status & 0x0F for e in strands[0].events if e.status & 0xF0 == NOTE_ON})
    return data, channels.index(own[next(n for s in second.sections for n in s.sources).channel])


def _ended(strand: Strand) -> list[Event]:
    """The strand's events with its end."""
    last = strand.events[-1].tick if strand.events else 0
    return [*strand.events, meta_message(max(last, strand.end), END_OF_TRACK)]
