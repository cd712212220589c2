"""Any bytes that a player would open as a file: sound ones as they are, broken ones mended, with a word on what was the matter.

This is where bytes enter. Sound bytes pass a quick look and come back themselves, not a byte changed. Of broken ones what is there is read, and
made a sound file of the same events:

    around the tracks   a wrapper (RIFF, as .rmi files have) or other bytes before the header, and bytes after the last chunk, are left out;
                        wrong lengths of chunks are put right; a header that counts other tracks than there are, or an unknown type, is put right
    within a track      see salvage.py
    of time             SMPTE frames become ticks of a quarter note; no, or impossible, ticks a quarter note are guessed from the notes;
                        a delta time that outlasts any piece becomes a quarter note

Chunks that are no tracks are no fault: the standard allows them, and they stay. Only what has no header or no notes is refused.

Inside: `opened`, the file in any bytes.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import ceil, log
from statistics import median_low

from musiclc.errors import InputError
from musiclc.midi.codec import END_OF_TRACK, MAX_BARS, META, NOTE_ON, SYSEX, TEMPO, Event, File, header, meta_message, most_ticks, parse, track_chunk
from musiclc.midi.salvage import NO_END, TOO_EARLY, salvaged

HEADER, TRACK = b"MThd", b"MTrk"
MOST_TRACKS = 0xFFFF
MOST_NAMED = 4  # tracks, and faults, that a message lists
LONGEST_WAIT = 1000 * 4  # quarter notes between two events of a piece
USUAL_TICKS = (24, 48, 96, 120, 192, 240, 384, 480, 960)  # a quarter note
DEFAULT_TEMPO = 500_000  # microseconds a quarter note


def opened(data: bytes, name: str) -> File:
    """The file in the bytes, mended where they are broken. Raises InputError, one line that begins with `name`, for bytes without header or notes."""
    refused: InputError | None = None
    try:
        file = parse(data, name)
        if _is_sound(file):
            return file
    except InputError as error:
        refused = error
    better = _Mending(data).file()
    if better is None and refused:
        raise refused
    return file if better is None else replace(parse(better[0], name), mended=better[1])


# ---- sound files ---------------------------------------------------------------------------------------------------


def _is_sound(file: File) -> bool:
    """Whether a file that codec.parse can read is as the standard wants it."""
    return (file.midi_type != 0 or len(file.tracks) == 1) and _is_whole(file) and all(map(_is_sound_track, file.tracks))


def _is_whole(file: File) -> bool:
    """Whether the header counts all tracks, and nothing but whole chunks follows them."""
    data, at = file.data, file.spans[-1][1] if file.spans else _end(file.data, 0)
    while _is_chunk(data, at) and data[at : at + 4] != TRACK:
        at = _end(data, at)
    return at == len(data)


def _is_sound_track(events: Sequence[Event]) -> bool:
    if not events or sum(e.kind == END_OF_TRACK for e in events) != 1 or events[-1].kind != END_OF_TRACK:
        return False
    if not b"".join([e.data for e in events if e.status < SYSEX]).isascii():
        return False
    return not any(before.status >= SYSEX and event.raw[0] < 0x80 for before, event in pairwise(events))


# ---- chunks --------------------------------------------------------------------------------------------------------


def _end(data: bytes, at: int) -> int:
    """Where the chunk at `at` says that it ends."""
    return at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")


def _is_chunk(data: bytes, at: int) -> bool:
    """Whether a whole chunk is at `at`: four printable letters, and a length that the bytes have."""
    return at + 8 <= len(data) and all(0x20 <= byte < 0x7F for byte in data[at : at + 4]) and _end(data, at) <= len(data)


def _is_track(data: bytes, at: int) -> bool:
    """Whether the head of a track is at `at`, one of its letters perhaps another."""
    kind = data[at : at + 4]
    return at + 8 < len(data) and sum(a != b for a, b in zip(kind, TRACK, strict=True)) <= 1


def _can_end(data: bytes, at: int) -> bool:
    """Whether a chunk may end at `at`: with the bytes, or before another chunk."""
    return at == len(data) or (at < len(data) and (_is_track(data, at) or _is_chunk(data, at) or TRACK.startswith(data[at : at + 8])))


@dataclass
class _Mending:
    """A broken file as it is read. faults: what was mended of the whole, and of which tracks; chunks: others, by how many tracks come before.

    following: where the next track's head was last found, -1 for nowhere: so that no place is looked for twice.
    """

    data: bytes
    faults: dict[str, list[int]] = field(default_factory=dict)
    tracks: list[list[Event]] = field(default_factory=list)
    chunks: dict[int, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    following: int = 0

    def say(self, fault: str, track: int | None = None) -> None:
        """Note what was mended."""
        tracks = self.faults.setdefault(fault, [])
        if track is not None and track not in tracks[-1:]:
            tracks.append(track)

    def file(self) -> tuple[bytes, str] | None:
        """The bytes of a sound file, and what was mended; None where there are no header or no notes."""
        if not self._unwrap():
            return None
        for kind, start, end in self._spans():
            if kind != TRACK:
                self.chunks[len(self.tracks)].append(self.data[start - 8 : end])
        if not any(_begins(e) for events in self.tracks for e in events):
            return None
        midi_type, count, division = (int.from_bytes(self.data[at : at + 2], "big") for at in (8, 10, 12))
        ticks = self._timed(division)
        head = header(self._type(midi_type), self._count(count), ticks)
        parts = [part for n, events in enumerate(self.tracks) for part in (*self.chunks[n], track_chunk(events))]
        return b"".join([head, *parts, *self.chunks[len(self.tracks)]]), self._text()

    def _unwrap(self) -> bool:
        """Leave out what stands before the header, and what follows its chunk in a RIFF file; whether there is a header."""
        start = self.data.find(HEADER)
        if start < 0 or len(self.data) < start + 14:
            return False
        if self.data[:4] == b"RIFF" and self.data[8:12] == b"RMID":
            self.say("a RIFF wrapper was taken off")
            size = int.from_bytes(self.data[start - 4 : start], "little") if self.data[start - 8 : start - 4] == b"data" else len(self.data)
            self.data = self.data[start : start + max(size, 14)]
        elif start:
            self.say(f"{start} bytes before the header left out")
            self.data = self.data[start:]
        return True

    def _type(self, midi_type: int) -> int:
        """0, 1 or 2."""
        wanted = midi_type if midi_type in (1, 2) or (not midi_type and len(self.tracks) == 1) else min(len(self.tracks) - 1, 1)
        if wanted != midi_type:
            self.say(f"says type {midi_type}, read as {wanted}")
        return wanted

    def _count(self, count: int) -> int:
        """How many tracks there are."""
        if count != len(self.tracks):
            self.say(f"counts {count} track{'' if count == 1 else 's'}, {'there is' if len(self.tracks) == 1 else 'there are'} {len(self.tracks)}")
        return len(self.tracks)

    def _first(self) -> int:
        """Where the first chunk after the header is."""
        at = _end(self.data, 0)
        if at < 14 or not (_is_track(self.data, at) or _is_chunk(self.data, at)):
            found = self._following(8)
            if found >= 0:
                self.say("the header has a wrong length")
            return found if found >= 0 else len(self.data)
        return at

    def _spans(self) -> Iterator[tuple[bytes, int, int]]:
        """Each chunk's kind, and where its data begin and end; the tracks are read as they come."""
        at = self._first()
        while at < len(self.data) and len(self.tracks) < MOST_TRACKS:
            end = _end(self.data, at)
            if _is_track(self.data, at):
                at = self._track(at + 8, end)
            elif _is_chunk(self.data, at) and _can_end(self.data, end):
                yield self.data[at : at + 4], at + 8, end
                at = end
            else:
                at = self._skipped(at)

    def _skipped(self, at: int) -> int:
        """Where the next track is, after bytes that are no chunk."""
        found = self._following(at + 1)
        if found < 0:
            self.say(f"{len(self.data) - at} bytes after the last track left out")
            return len(self.data)
        self.say("bytes between chunks left out")
        return found

    def _track(self, start: int, end: int) -> int:
        """Read the events of a track that says to end there; where it ends."""
        number, exact = len(self.tracks), _can_end(self.data, end)
        following = end if exact else self._following(start)
        track = salvaged(self.data, start, following if following >= 0 else len(self.data), exact)
        if not exact and following < 0 and end > len(self.data) and NO_END in track.faults:
            track.faults = {TOO_EARLY: None} | {fault: None for fault in track.faults if fault != NO_END}
        elif track.end != end and TOO_EARLY not in track.faults:
            self.say("a wrong length", number)
        if self.data[start - 8 : start - 4] != TRACK:
            self.say("a misspelt head of a track", number)
        for fault in track.faults:
            self.say(fault, number)
        self.tracks.append(track.events)
        return track.end

    def _following(self, at: int) -> int:
        """Where the next track's head is, from `at` on, which never goes back; -1 where there is none."""
        if 0 <= self.following < at:
            self.following = self.data.find(TRACK, at)
        return self.following

    def _text(self) -> str:
        """What was mended, on one line."""
        said = [fault + _listed(tracks) for fault, tracks in self.faults.items()]
        more = [f"{len(said) - MOST_NAMED} more faults"] if len(said) > MOST_NAMED else []
        return "; ".join(said[:MOST_NAMED] + more)

    # ---- time ------------------------------------------------------------------------------------------------------

    def _timed(self, division: int) -> int:
        """The ticks of a quarter note, the tracks' events within what a piece may last."""
        if division >= 0x8000:
            ticks = self._of_frames(division)
        else:
            ticks = division or self._guessed("has 0 ticks a quarter note")
        if self._too_long(ticks):
            self.tracks = [self._shortened(n, events, ticks) for n, events in enumerate(self.tracks)]
        return self._guessed(f"has {ticks} ticks a quarter note") if self._too_long(ticks) else ticks

    def _too_long(self, ticks: int) -> bool:
        return max(events[-1].tick for events in self.tracks) > most_ticks(ticks, self.tracks)

    def _of_frames(self, division: int) -> int:
        """Ticks of a quarter note where the file counts frames: as long as its first tempo says, and no other tempo."""
        frames = 256 - (division >> 8)
        rate = (29.97 if frames == 29 else frames) * max(division & 0xFF, 1)  # ticks a second
        said = [e for events in self.tracks for e in events if _is_tempo(e)]
        tempo = int.from_bytes(min(said, key=lambda e: e.tick).data[:3], "big") if said else DEFAULT_TEMPO
        ticks = min(max(round(rate * tempo / 1e6), 1), 0x7FFF)
        exact = min(max(round(1e6 * ticks / rate), 1), 0xFFFFFF)
        self.tracks = [[e for e in events if not _is_tempo(e)] for events in self.tracks]
        self.tracks[0].insert(0, meta_message(0, TEMPO, exact.to_bytes(3, "big")))
        self.say(f"counts time in frames, read as {ticks} ticks a quarter note")
        return ticks

    def _guessed(self, fault: str) -> int:
        """The usual ticks of a quarter note nearest to two of the median time between notes, where the piece is not too long for them."""
        notes = max(([e.tick for e in events if _begins(e)] for events in self.tracks), key=len)
        wait = median_low([b - a for a, b in pairwise(notes) if b > a] or [USUAL_TICKS[-2] // 2])
        usual = min(USUAL_TICKS, key=lambda ticks: abs(log(ticks / (2 * wait))))
        longest = max(events[-1].tick for events in self.tracks)
        ticks = min(max(usual, ceil(longest / (4 * MAX_BARS))), 0x7FFF)
        self.say(f"{fault}, read as {ticks}")
        return ticks

    def _shortened(self, number: int, events: list[Event], ticks: int) -> list[Event]:
        """The events, what waits longer than LONGEST_WAIT a quarter note later than the one before."""
        if events[-1].tick <= LONGEST_WAIT * ticks:
            return events
        shift, before, found = 0, 0, []
        for event in events:
            if event.tick - before > LONGEST_WAIT * ticks:
                shift += event.tick - before - ticks
                self.say("a delta time longer than any piece", number)
            before = event.tick
            found.append(event._replace(tick=event.tick - shift))
        return found


def _listed(tracks: Sequence[int]) -> str:
    """ " (tracks 1, 4)"; nothing for none."""
    if not tracks:
        return ""
    more = ", …" if len(tracks) > MOST_NAMED else ""
    return f" (track{'' if len(tracks) == 1 else 's'} {', '.join(map(str, tracks[:MOST_NAMED]))}{more})"


def _begins(event: Event) -> bool:
    """Whether it begins a note."""
    return event.status & 0xF0 == NOTE_ON and event.data[1] > 0


def _is_tempo(event: Event) -> bool:
    return event.status == META and event.kind == TEMPO and len(event.data) >= 3 and any(event.data[:3])
