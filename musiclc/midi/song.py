"""A composer's own MIDI file: its melody on the sixteenth grid, bar by bar, and the way back into the same file.

`read_song` picks a track, cuts its melody into sections of known meter and remembers which events each note stands for, so that
`Song.replaced` can change those events and no byte else. Every note goes to its nearest sixteenth; its distance from it stays.

    song = read_song(Path("mine.mid"))
    data = song.replaced([section.melody.transpose(2) for section in song.sections])

Inside: `Song`, `Section`, `read_song`, `read_melody`, `bar_text`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any

from musiclc.errors import InputError
from musiclc.midi import bars, edit, objects, tracks
from musiclc.midi.codec import KEY, METER, TEMPO, File, parse
from musiclc.midi.notes import Sounding, line
from musiclc.midi.section import Section
from musiclc.midi.tracks import Entry, TrackInfo
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH, METERS, STEPS_PER_QUARTER

KNOWN = "4/4, 2/4, 2/2, 3/4 or 6/8"


@dataclass(frozen=True)
class Song:
    """A file as read. tracks: all of them; track: the one whose melody `sections` hold. length_bars: bars of the piece as written.

    meters, tempos, key_signatures: (bar from 1, "4/4" | quarter notes a minute | "C minor") where each begins. warnings: a line each.
    """

    file: File = field(repr=False)
    entry: Entry = field(repr=False)
    source: Any = field(repr=False)
    tracks: tuple[TrackInfo, ...]
    sections: tuple[Section, ...]
    warnings: list[str]
    length_bars: int
    meters: tuple[tuple[int, str], ...]
    tempos: tuple[tuple[int, float], ...]
    key_signatures: tuple[tuple[int, str], ...]

    @property
    def track(self) -> TrackInfo:
        """The track that has the melody."""
        return self.entry.info

    @property
    def silent_steps(self) -> int:
        """Steps of the last section after the end of its track: a note that is written there moves that end."""
        last = self.sections[-1]
        used = last.melody.notes[-1].end if last.melody.notes else 0
        return max(last.melody.steps - max(last.grid.step(self.file.length(self.entry.track)), used), 0)

    @property
    def midi_type(self) -> int:
        """0, 1 or 2."""
        return self.file.midi_type

    @property
    def meter(self) -> str:
        """The meter of the first section, as theory.METERS."""
        return self.sections[0].melody.meter

    @property
    def bpm(self) -> float:
        """Quarter notes a minute at the beginning."""
        return self.tempos[0][1]

    @property
    def edited_bars(self) -> list[tuple[int, int]]:
        """(first, last) of the bars, from 1, that the melody sounds in; the others pass through."""
        return _joined([(first, last) for s in self.sections for first, last, sounds in s.spans() if sounds])

    @property
    def data(self) -> bytes:
        """The file's bytes as read."""
        return self.file.data

    def replaced(self, melodies: Sequence[Melody], extras: Sequence[Sequence[int | None]] | None = None) -> bytes:
        """The file with the melodies in place of the sections', and no other event changed; the very bytes when all are equal.

        extras: for each section a new pitch for each of its `extras`, None to delete it; without them they stay.
        Raises MusiclcError when a melody has other bars than its section, or a note in its locked steps.
        """
        return edit.replaced(self.file, self.entry, self.sections, melodies, extras)

    def as_like(self, data: bytes) -> Any:
        """`data`, which `replaced` gave, as the same kind as was read: PrettyMIDI or NoteSequence; bytes for bytes and paths."""
        return objects.as_like(self.source, self.file, self.entry.track, data)


def read_song(source: Any, *, name: str = "song.mid", track: str | int = "auto") -> Song:
    """The song in a path, bytes, a PrettyMIDI or a NoteSequence. track: "auto", a name, or an index.

    Raises InputError, one line that begins with the path or `name`, when it cannot be read or holds no melody in a known meter.
    """
    data, name = objects.data_of(source, name)
    file = parse(data, name)
    found = tracks.entries(file)
    last_on = max((n.on for e in found for n in e.notes), default=0)
    end = max([last_on + file.ticks // 4, *map(file.length, range(len(file.tracks)))])
    alone = file.midi_type == 2  # tracks of type 2 files have their own time each
    laid = bars.stretches(_meters(file, range(len(file.tracks))), file.ticks, end)
    bar_ticks = file.ticks * 4 if not laid or laid[0].meter in (None, "4/4") else file.ticks * 3
    scored = [tracks.scored(e, bar_ticks, -(-end // bar_ticks)) for e in found]
    entry, warnings = tracks.choose(scored, str(track), name)
    heard = [entry.track] if alone else range(len(file.tracks))
    if alone:
        end = max(file.length(entry.track), max(n.on for n in entry.notes) + file.ticks // 4)
        laid = bars.stretches(_meters(file, heard), file.ticks, end)
    if file.ticks < STEPS_PER_QUARTER:
        warnings.append(f"only {file.ticks} ticks a quarter note; sixteenths cannot all be told apart, nor written")
    sections = _sections(entry, laid)
    if not sections:
        raise InputError(f"{name}: meter {', '.join(dict.fromkeys(s.written for s in laid))}; wanted {KNOWN}")
    if not any(s.melody.notes for s in sections):
        raise InputError(f"{name}: no note between A0 and C8 in bars of {KNOWN}; wanted a melody")
    return Song(
        file,
        entry,
        source if not isinstance(source, bytes | str | PathLike) else None,
        tuple(e.info for e in scored),
        sections,
        warnings + _passed_through(sections, laid),
        sum(s.bars for s in laid),
        *_heads(file, heard, laid),
    )


def read_melody(source: Any, *, name: str = "song.mid") -> Melody:
    """The melody that `read_song` finds: its sections in the meter of the first, one after another.

    Raises InputError when the file cannot be read, or holds no note or another meter.
    """
    song = read_song(source, name=name)
    sections = [s for s in song.sections if s.melody.meter == song.meter]
    notes: list[Note] = []
    steps = 0
    for section in sections:
        notes += [replace(n, start=n.start + steps) for n in section.melody.notes]
        steps += section.melody.steps
    if not notes:
        named = source if isinstance(source, str | PathLike) else name
        raise InputError(f"{named}: no note in its bars of {song.meter}; wanted a melody")
    return Melody(tuple(notes), song.meter, steps // METERS[song.meter])


# ---- sections ------------------------------------------------------------------------------------------------------


def _sections(entry: Entry, laid: Sequence[bars.Stretch]) -> tuple[Section, ...]:
    """A section for each stretch of known meter. A note belongs where its nearest step lies, and to one section only."""
    sections: list[Section] = []
    begin = 0
    for stretch in laid:
        end = bisect_left(entry.notes, stretch.steps, begin, key=lambda n, grid=stretch.grid: grid.step(n.on))  # type: ignore[misc]
        inside, begin = entry.notes[begin:end], end
        if stretch.meter:
            inside = [n for n in inside if stretch.grid.step(n.on) >= stretch.locked]
            sections.append(_section(inside, stretch, stretch.meter, entry.single))
    return tuple(sections)


def _section(notes: list[Sounding], stretch: bars.Stretch, meter: str, single: bool) -> Section:
    chosen, left = line(notes, stretch.grid, single)
    octaves = _octaves([n.pitch for n in chosen.values()])
    if octaves is None:  # too wide to move: what lies outside stays as it is
        octaves = 0
        chosen, left = line([n for n in notes if LOWEST_PITCH <= n.pitch <= HIGHEST_PITCH], stretch.grid, single)
    left = [(s, n) for s, n in left if LOWEST_PITCH <= n.pitch + octaves <= HIGHEST_PITCH]
    taken = {id(n) for n in (*chosen.values(), *(n for _, n in left))}
    steps = list(chosen)
    written = tuple(
        Note(s, chosen[s].pitch + octaves, min(stretch.grid.end(chosen[s]), following) - s)
        for s, following in zip(steps, [*steps[1:], stretch.steps], strict=False)
    )
    return Section(
        Melody(written, meter, stretch.whole_bars),
        stretch.first_bar,
        octaves,
        stretch.locked,
        stretch.locked_end,
        tuple(chosen.values()),
        tuple((s, n.pitch + octaves) for s, n in left),
        tuple((stretch.grid.step(n.on), n.pitch + octaves) for n in notes if id(n) not in taken),
        tuple(n for _, n in left),
        stretch.grid,
        tuple(stretch.ends),
    )


def _octaves(pitches: list[int]) -> int | None:
    """The least move by octaves that brings all pitches into A0 to C8, or None."""
    for move in (0, 12, -12, 24, -24):
        if all(LOWEST_PITCH <= p + move <= HIGHEST_PITCH for p in pitches):
            return move
    return None


# ---- what else the file says ---------------------------------------------------------------------------------------


def _meters(file: File, heard: Sequence[int]) -> list[tuple[int, int, int]]:
    """(tick, numerator, denominator) of each change of meter, from tick 0 on: 4/4 when nothing is said."""
    changes = {0: (4, 4)}
    for track in heard:
        for event in tracks.meta(file.tracks[track], METER):
            if len(event.data) >= 2 and event.data[0] and event.data[1] <= 6:
                changes[event.tick] = (event.data[0], 2 ** event.data[1])
    return [(tick, *changes[tick]) for tick in sorted(changes)]


_SHARPS = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#")


def _heads(file: File, heard: Sequence[int], laid: Sequence[bars.Stretch]) -> tuple[tuple, tuple, tuple]:
    """Meters, tempos and key signatures of the piece with the bars that they begin in, repetitions left out."""
    tempos, keys = {0: 120.0}, {}
    for track in heard:
        for event in tracks.meta(file.tracks[track], TEMPO):
            if len(event.data) >= 3 and any(event.data[:3]):
                tempos[event.tick] = round(60e6 / int.from_bytes(event.data[:3], "big"), 3)
        for event in tracks.meta(file.tracks[track], KEY):
            if len(event.data) >= 2 and -7 <= (sharps := (event.data[0] + 128) % 256 - 128) <= 7:
                minor = event.data[1] == 1
                keys[event.tick] = f"{_SHARPS[sharps + 7 + 3 * minor]} {'minor' if minor else 'major'}"
    meters = {tick: f"{numerator}/{denominator}" for tick, numerator, denominator in _meters(file, heard)}
    return _by_bar(meters, laid), _by_bar(tempos, laid), _by_bar(keys, laid)


def _by_bar(said: dict[int, Any], laid: Sequence[bars.Stretch]) -> tuple:
    found: list[tuple[int, Any]] = []
    for tick in sorted(said):
        if not found or found[-1][1] != said[tick]:
            found.append((_bar_at(tick, laid), said[tick]))
    return tuple(found)


def _bar_at(tick: int, laid: Sequence[bars.Stretch]) -> int:
    """The bar, from 1, that a tick lies in."""
    stretch = laid[max(bisect_right(laid, tick, key=lambda s: s.grid.first_tick(s.locked)) - 1, 0)]
    return stretch.bar_at(stretch.grid.step(tick))


def _passed_through(sections: Sequence[Section], laid: Sequence[bars.Stretch]) -> list[str]:
    """Warnings of the bars that nothing can be changed in."""
    lines = [f"{bar_text([(s.first_bar, s.first_bar + s.bars - 1)])}: meter {s.written}; left as they are" for s in laid if not s.meter]
    empty = _joined([(first, last) for s in sections for first, last, sounds in s.spans() if not sounds])
    return lines + ([f"{bar_text(empty)}: no notes of the melody; left as they are"] if empty else [])


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, those that touch made one."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def bar_text(spans: list[tuple[int, int]]) -> str:
    """[(5, 8), (11, 11)] → "bars 5-8, 11"."""
    text = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)
    return f"bar{'' if len(spans) == 1 and spans[0][0] == spans[0][1] else 's'} {text}"
