"""New notes in some bars of a file's melody, in the manner of the notes around them.

Velocity: the level goes evenly from that of the notes before the bars to that of the notes after them; on it comes what notes at that place of
the bar have above their own side's level, in the median. Length: the share of its steps for which a note sounds, in the median, as far as it is
still read as so many steps. Distance from the grid, channel and the way to end are as in edit.py. The notes around are those of the nearest
bars; where the melody has no others, what stood in the bars themselves tells the manner.

Inside: `written`, `Surroundings`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from musiclc.errors import MusiclcError
from musiclc.midi.edit import Manner, Voice, replaced
from musiclc.midi.room import Room, lasting
from musiclc.midi.section import MeterSection
from musiclc.midi.song import read_song
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import METERS

HEARD = 32  # bars on either side that tell the manner
NEAR = 32  # notes on either side that tell the level


def written(room: Room, notes: Sequence[Note]) -> bytes:
    """The file with these notes, and none of its old ones, in the room. notes: in order, steps of the section, beginning in free steps of the room.

    A last one may sound on over the end of the bars, up to the next note. The track ends later only where a note sounds longer.
    """
    notes = _clear(room, notes)
    data = lasting(room.song, room.section.grid.tick(max((n.end for n in notes), default=0)))
    if data != room.song.data:
        room = replace(room, song=read_song(data, track=room.song.track.index, meter=room.song.file.read_in))
    song, (low, high) = room.song, room.steps
    if not notes and len(room.melody.notes) == sum(len(s.notes) for s in song.sections):
        raise MusiclcError("the new bars came out silent, and the melody has no others; another seed may do")
    whole = sorted([*(n for n in room.section.notes if not low <= n.start < high), *notes])
    melodies = [Melody(tuple(whole), s.meter, s.bars) if s is room.section else s.melody for s in song.sections]
    extras = [[None if s is room.section and low <= at < high else pitch for at, pitch in s.extras] for s in song.sections]
    return replaced(song.file, song.entry, song.sections, melodies, extras, Surroundings(room))


def _clear(room: Room, notes: Sequence[Note]) -> list[Note]:
    """The notes, a first one of the same pitch as the last kept before it after all that one sounds: a player would not hear them apart."""
    section, (low, _) = room.section, room.steps
    kept = [source for note, source in zip(section.notes, section.sources, strict=True) if note.start < low]
    if not notes or not kept or kept[-1].pitch != notes[0].pitch - section.octaves:
        return list(notes)
    start = max(notes[0].start, section.grid.end(kept[-1])) if kept[-1].off_event is not None else notes[0].start
    first = [Note(start, notes[0].pitch, notes[0].end - start)] if start < notes[0].end else []
    return [*first, *notes[1:]]


class Surroundings(Manner):
    """How the notes around a room are played. Notes that stay are not touched, and an old note in the room is none of those."""

    shifts_ends = False

    def __init__(self, room: Room) -> None:
        around = _around(room)
        super().__init__(room.song.file.tracks[room.song.entry.track], around)
        self.room = room
        self.grid, self.per_bar = room.section.grid, METERS[room.section.meter]
        self.edges = tuple(self.grid.tick(step) for step in room.steps)
        self.share = median(_shares(around) or [1.0])
        self.accents: dict[int, list[float]] = defaultdict(list)
        sides = [[n for n in self.notes if n.on < self.edges[0]], [n for n in self.notes if n.on >= self.edges[0]]]
        levels = [median(n.velocity for n in side) if side else None for side in (sides[0][-NEAR:], sides[1][:NEAR])]
        for side, level in zip(sides, levels, strict=True):
            for note in side:
                self.accents[self._place(note.on)].append(note.velocity - (level or 0))
        known = [level for level in levels if level is not None]
        self.levels = known[0], known[-1]

    def _place(self, tick: int) -> int:
        """The step of the bar that a tick lies in."""
        return self.grid.step(tick) % self.per_bar

    def anew(self, section: MeterSection, step: int) -> bool:
        low, high = self.room.steps
        return section is self.room.section and low <= step < high

    def velocity(self, tick: int) -> int:
        low, high = self.edges
        share = min(max((tick - low) / (high - low), 0.0), 1.0)
        level = self.levels[0] + share * (self.levels[1] - self.levels[0])
        place = self._place(tick)
        here = self.accents.get(place) or [a for p, accents in self.accents.items() if p and p % 4 == place % 4 for a in accents]
        return min(max(round(level + (median(here) if here else 0)), 1), 127)

    def onset(self, section: MeterSection, note: Note) -> int:
        """As Manner's, but not before the end of a kept note of that pitch."""
        pitch = note.pitch - section.octaves
        tick = super().onset(section, note)
        ends = [n.off for n in self.notes if n.pitch == pitch and n.off_event is not None and n.on < tick < n.off]
        return max([tick, *(end for end in ends if section.grid.step(end) == note.start)])

    def end_offset(self, voice: Voice) -> int:
        if voice.source is not None or voice.grid is None:
            return super().end_offset(voice)
        end, begins = voice.grid.tick(voice.end), voice.grid.tick(voice.grid.step(voice.on[0]))
        return round(voice.on[0] + self.share * (end - begins)) - end


def _around(room: Room) -> list[MeterSection]:
    """The sections with only those notes that tell the manner."""
    low, high = room.steps
    reach = HEARD * METERS[room.section.meter]
    both = list(zip(room.section.notes, room.section.sources, strict=True))
    kept = [(n, s) for n, s in both if not low <= n.start < high and low - reach <= n.start < high + reach]
    others = [s for s in room.song.sections if s is not room.section and s.notes]
    if not kept and others:
        return others
    chosen = kept or both
    return [replace(room.section, notes=tuple(n for n, _ in chosen), sources=tuple(s for _, s in chosen))]


def _shares(sections: Sequence[MeterSection]) -> list[float]:
    """For each note the share of its steps that it sounds."""
    return [
        source.length / max(s.grid.tick(note.end) - s.grid.tick(note.start), 1)
        for s in sections
        for note, source in zip(s.notes, s.sources, strict=True)
        if source.off_event is not None
    ]
