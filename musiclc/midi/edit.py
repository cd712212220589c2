"""Other notes in place of a file's melody, and not an event else.

A note at an old note's step is that note: only its number changes, and only its end moves. Others are deleted or new. New notes take
channel, velocity and the way to end from their neighbours, and their distance from the grid (swing) from the melody's notes at that
place of the beat.

Of notes of one channel and pitch that overlap, the first to begin is the first to end (as `notes.pair` reads them). So that a
changed note never ends a note that stays, it ends where that one begins, or together with the one it falls into. The track's end
stays where it is: a last note ends there at the latest.

Conventions: a key (tick, rank, place, after) orders the events of a track: those of the file have rank 1, new ends 0, new beginnings 2,
ends at the track's end 8, and that end itself 9.

Inside: `replaced`; `Voice`, a note as it will be; `Manner`, what new notes take over.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low

from musiclc.errors import MusiclcError
from musiclc.midi.codec import END_OF_TRACK, NOTE_OFF, NOTE_ON, Event, File, message, repitched, with_track
from musiclc.midi.notes import Grid, Sounding
from musiclc.midi.section import MeterSection
from musiclc.midi.tracks import Entry
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import STEPS_PER_QUARTER, steps_of

Key = tuple[int, int, int, int]
Extras = Sequence[Sequence[int | None]]


def replaced(
    file: File, entry: Entry, sections: Sequence[MeterSection], melodies: Sequence[Melody], extras: Extras | None, manner: "Manner | None" = None
) -> bytes:
    """The file's bytes with `melodies` in place of the sections' and `extras` of their extras: see `Song.replaced`. manner: of new notes."""
    wanted: list[list[int | None]] = [[p for _, p in s.extras] for s in sections] if extras is None else [list(e) for e in extras]
    _check(sections, melodies, wanted)
    if all(m == s.melody and e == [p for _, p in s.extras] for s, m, e in zip(sections, melodies, wanted, strict=True)):
        return file.data
    style = manner or Manner(file.tracks[entry.track], sections)
    voices: list[Voice] = []
    for section, melody in zip(sections, melodies, strict=True):
        voices += _voices(section, melody, style)
    _end(voices, style, file.length(entry.track))
    for section, pitches in zip(sections, wanted, strict=True):
        voices += _extra_voices(section, pitches)
    kept = {v.source.on_event for v in voices if v.source}
    gone = [n for s in sections for n in (*s.sources, *s.extra_sources) if n.on_event not in kept]
    own = kept | {n.on_event for n in gone}
    _part(voices, [n for n in entry.all_notes if n.on_event not in own])
    return with_track(file, entry.track, _events(file.tracks[entry.track], voices, gone, style))


def _check(sections: Sequence[MeterSection], melodies: Sequence[Melody], extras: Extras) -> None:
    """Raises MusiclcError when the melodies or extras do not fit the sections."""
    if not len(sections) == len(melodies) == len(extras):
        raise MusiclcError(f"{len(melodies)} melodies and {len(extras)} lists of extras; wanted {len(sections)}, one a section")
    for number, (section, melody, pitches) in enumerate(zip(sections, melodies, extras, strict=True)):
        old = section.melody
        if (melody.meter, melody.bars) != (old.meter, old.bars):
            raise MusiclcError(f"section {number}: {melody.bars} bars of {melody.meter}; wanted its {old.bars} of {old.meter}")
        if len(pitches) != len(section.extras):
            raise MusiclcError(f"section {number}: {len(pitches)} extras; wanted its {len(section.extras)}")
        low, high = section.locked_steps, melody.steps - section.locked_end
        outside = [n for n in melody.notes if n.start < low or n.end > high]
        if outside:
            raise MusiclcError(f"section {number}: a note at step {outside[0].start}; the file has only steps {low} to {high - 1} of these bars")


# ---- notes as they will be -----------------------------------------------------------------------------------------


@dataclass
class Voice:
    """One note as it will be. source: what it was, None when new. new_off: whether its end is a new event; off is None while unknown.

    grid, end: where a new end is due, in steps. edge: the step up to which its section reads it.
    """

    source: Sounding | None
    pitch: int
    channel: int
    on: Key
    off: Key | None
    new_off: bool = False
    grid: Grid | None = None
    end: int = 0

    @property
    def changed(self) -> bool:
        return self.source is None or self.new_off or self.pitch != self.source.pitch


def _kept(source: Sounding, pitch: int) -> Voice:
    """The note with its own ticks. One that nothing ends comes last in its pitch."""
    off = None if source.off_event is None else (source.off, 1, source.off_event, 0)
    return Voice(source, pitch, source.channel, (source.on, 1, source.on_event, 0), off)


def _playable(pitch: int) -> int:
    """The pitch itself, or moved by octaves into MIDI's 0-127."""
    return pitch if 0 <= pitch <= 127 else pitch % 12 + (0 if pitch < 0 else 108)


def _voices(section: MeterSection, melody: Melody, style: "Manner") -> list[Voice]:
    """The melody's notes with their beginnings; those whose end is to be found have no `off` yet."""
    old = {n.start: (n, source) for n, source in zip(section.melody.notes, section.sources, strict=True)}
    edge = melody.steps - section.locked_end
    found = []
    for note, following in zip(melody.notes, [*(n.start for n in melody.notes[1:]), edge], strict=False):
        if note.start in old and not style.anew(section, note.start):
            was, source = old[note.start]
            voice = _kept(source, source.pitch if note.pitch == was.pitch else _playable(note.pitch - section.octaves))
            shifts = style.shifts_ends and _end_shifts(note, was, section.grid.end(source), following)
            voice.new_off = shifts or (voice.off is None and voice.changed)
        else:
            tick = style.onset(section, note)
            voice = Voice(None, _playable(note.pitch - section.octaves), style.near(tick).channel, (tick, 2, 0, 0), None, True)
        voice.grid, voice.end = section.grid, note.end
        found.append(voice)
    return found


def _extra_voices(section: MeterSection, pitches: Sequence[int | None]) -> list[Voice]:
    """The extras that stay, each with its pitch."""
    both = zip(section.extra_sources, section.extras, pitches, strict=True)
    return [_kept(n, n.pitch if new == old else _playable(new - section.octaves)) for n, (_, old), new in both if new is not None]


def _end_shifts(note: Note, was: Note, sounds_to: int, following: int) -> bool:
    """Whether a note's end must move for it to be read as wanted. sounds_to, following: the steps of its own end, of the next note."""
    return sounds_to != note.end if note.end != was.end else min(sounds_to, following) != note.end


def _end(voices: list[Voice], style: "Manner", last: int) -> None:
    """Give every voice with a new end its `off`, not after the next one begins. What nothing ended ends before a new note.

    last: the last tick of the track.
    """
    for voice, following in zip(voices, [*voices[1:], None], strict=False):
        limit = following.on[0] if following else None
        if voice.off is None and following and following.source is None:
            voice.new_off = True
        if voice.new_off and voice.grid:
            off = _near(voice.grid, voice.end, style.end_offset(voice), voice.on[0] + 1, limit)
            voice.off = (off, 0, 0, 0) if off <= last else (last, 8, 0, 0)
        elif not style.shifts_ends:
            continue
        elif following and following.source is None and following.grid is not voice.grid and voice.off and voice.off > following.on:
            voice.off, voice.new_off = (following.on[0], 0, 0, 0), True  # it sounds on into the next section


def _near(grid: Grid, step: int, offset: int, least: int, most: int | None) -> int:
    """The tick `offset` from a step, as far as it is still read as that step; within `least` and `most`."""
    tick = min(max(grid.tick(step) + offset, grid.first_tick(step)), max(grid.first_tick(step + 1) - 1, grid.first_tick(step)))
    return max(tick if most is None else min(tick, most), least)


class Manner:
    """How the melody is played: what new notes take over. shifts_ends: whether notes that stay may end elsewhere."""

    shifts_ends = True

    def __init__(self, events: Sequence[Event], sections: Sequence[MeterSection]) -> None:
        self.events = events
        self.notes = sorted(n for s in sections for n in s.sources)
        self.onsets = [n.on for n in self.notes]
        self.offsets: dict[tuple[bool, int], list[int]] = defaultdict(list)  # (compound meter, place in the beat) → ticks
        ends = []
        for section in sections:
            for note, source in zip(section.melody.notes, section.sources, strict=True):
                offset = source.on - section.grid.tick(note.start)
                self.offsets[_place(section, note.start)].append(offset)
                if source.off_event is not None:
                    ends.append(source.off - section.grid.tick(section.grid.end(source)))
        self.usual_end = median_low(ends) if ends else 0

    def anew(self, section: MeterSection, step: int) -> bool:
        """Whether a note at this step is a new one though an old note began there."""
        return False

    def near(self, tick: int) -> Sounding:
        """The old note that begins nearest to a tick."""
        at = bisect_right(self.onsets, tick)
        return min(self.notes[max(at - 1, 0) : at + 1], key=lambda n: abs(n.on - tick))

    def velocity(self, tick: int) -> int:
        """Between those of the old notes before and after, by distance."""
        at = bisect_right(self.onsets, tick)
        before, after = self.notes[max(at - 1, 0)], self.notes[min(at, len(self.notes) - 1)]
        if after.on <= before.on:
            return before.velocity
        share = min(max((tick - before.on) / (after.on - before.on), 0.0), 1.0)
        return round(before.velocity + share * (after.velocity - before.velocity))

    def onset(self, section: MeterSection, note: Note) -> int:
        """The tick of a new note: as far from the grid as the melody's notes at that place of the beat are in the median."""
        compound, place = _place(section, note.start)
        here = self.offsets.get((compound, place), [])
        if len(here) < 2 and place % 2:  # sixteenths off the eighths swing alike
            here = [o for (c, p), offsets in self.offsets.items() if c == compound and p % 2 for o in offsets]
        return _near(section.grid, note.start, median_low(here) if len(here) >= 2 else 0, 0, None)

    def end_offset(self, voice: Voice) -> int:
        """Ticks from the grid to the end of a note: its own, or the usual one of the melody for a new note."""
        source, grid = voice.source, voice.grid
        if source is None or source.off_event is None or grid is None:
            return self.usual_end
        return source.off - grid.tick(grid.end(source))

    def off(self, tick: int, channel: int, pitch: int) -> Event:
        """The end of a note, in the way the nearest old note ends."""
        ended = self.near(tick)
        if ended.off_event is None:
            return message(tick, NOTE_OFF | channel, pitch, 64)
        like = self.events[ended.off_event]
        return message(tick, like.status & 0xF0 | channel, pitch, like.data[1])


def _place(section: MeterSection, step: int) -> tuple[bool, int]:
    """Whether the meter is compound, and the step's place within its beat."""
    beat = steps_of(section.meter)[1]
    return beat > STEPS_PER_QUARTER, step % beat


# ---- notes of one pitch --------------------------------------------------------------------------------------------


def _part(voices: list[Voice], stay: list[Sounding]) -> None:
    """End changed notes so that no two of a pitch take each other's end: see the module. stay: the notes that are none of the melody."""
    by_pitch: dict[tuple[int, int], list[Voice]] = defaultdict(list)
    for voice in voices:
        by_pitch[voice.channel, voice.pitch].append(voice)
    others: dict[tuple[int, int], list[Sounding]] = defaultdict(list)
    for note in sorted(stay):
        if note.off_event is not None:
            others[note.channel, note.pitch].append(note)
    for where, alike in by_pitch.items():
        alike.sort(key=lambda v: v.on)
        for voice, following in pairwise(alike):
            if (voice.changed or following.changed) and voice.on[0] < following.on[0] and (voice.off is None or voice.off > following.on):
                voice.off, voice.new_off = (following.on[0], 0, 0, 0), True
        for voice in alike:
            if voice.changed:
                _keep_clear(voice, others[where])


def _keep_clear(voice: Voice, others: list[Sounding]) -> None:
    """End the voice where a note that stays begins, or together with one that it begins in or with."""
    for other in others:
        begins, ends = (other.on, 1, other.on_event, 0), (other.off, 1, other.off_event or 0, 0)
        if voice.off is None or begins > voice.off:
            return
        if begins[0] <= voice.on[0] and voice.on < ends:
            first = voice.on < begins  # at the same tick
            if first or voice.off < ends:
                voice.off, voice.new_off = (*ends[:3], -1 if first else 1), True
                return
        elif begins > voice.on:
            voice.off, voice.new_off = (other.on, 0, 0, 0), True
            return


# ---- events --------------------------------------------------------------------------------------------------------


def _events(events: Sequence[Event], voices: list[Voice], gone: list[Sounding], style: Manner) -> Iterator[Event]:
    """The track's events in order, the notes' changed, deleted and new; its end, the last of them, where it was."""
    keyed: dict[int, Event] = dict(enumerate(events))
    new: list[tuple[Key, Event]] = []
    for note in gone:
        _remove(keyed, note.on_event, note.off_event)
    for voice in voices:
        if voice.source is None:
            new.append((voice.on, message(voice.on[0], NOTE_ON | voice.channel, voice.pitch, max(style.velocity(voice.on[0]), 1))))
        elif voice.pitch != voice.source.pitch:
            for place in (voice.source.on_event, voice.source.off_event):
                if place is not None:
                    keyed[place] = repitched(keyed[place], voice.pitch)
        if voice.new_off and voice.off:
            new.append((voice.off, _new_off(keyed, voice, style)))
    end = len(events) - 1
    if events[end].kind == END_OF_TRACK:
        new.append(((events[end].tick, 9, 0, 0), keyed.pop(end)))
    both = [((event.tick, 1, place, 0), event) for place, event in keyed.items()] + new
    return (event for _, event in sorted(both, key=lambda pair: pair[0]))


def _remove(keyed: dict[int, Event], *places: int | None) -> None:
    for place in places:
        if place is not None:
            del keyed[place]


def _new_off(keyed: dict[int, Event], voice: Voice, style: Manner) -> Event:
    """The event that ends the voice: its old one moved, which goes from its place, or a new one."""
    tick = voice.off[0] if voice.off else 0
    if voice.source is None or voice.source.off_event is None:
        return style.off(tick, voice.channel, voice.pitch)
    old = keyed.pop(voice.source.off_event)
    return message(tick, old.status, *old.data)
