"""A composer's own MIDI file: its melody on the sixteenth grid, bar by bar, and the way back into the same file.

`read_song` picks a track, cuts its melody into sections of known meter, each in bars of its own, and remembers which events each note
stands for, so that `Song.replaced` can change those events and no byte else. Every note goes to its nearest sixteenth; its distance from it stays.

    song = read_song(Path("mine.mid"))
    data = song.replaced([section.melody.transpose(2) for section in song.sections])

Inside: `Song`, `read_song`, `read_melody`, `bar_text`.
"""

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from os import PathLike
from typing import Any

import numpy as np

from musiclc.errors import InputError
from musiclc.midi.bars import laid_out
from musiclc.midi.beats import in_meter
from musiclc.midi.codec import File, parse
from musiclc.midi.edit import replaced
from musiclc.midi.mend import opened
from musiclc.midi.notes import Sounding, line
from musiclc.midi.objects import as_like, data_of
from musiclc.midi.repitch import repitched_notes
from musiclc.midi.section import READ_AS, READ_IN_PHRASES, MeterSection, Reading, cut, whole
from musiclc.midi.timing import keeping_time, key_signatures, last_tick, meters, tempos
from musiclc.midi.tracks import Entry, TrackInfo, choose, entries, scored
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH, STEPS_PER_QUARTER


@dataclass(frozen=True)
class Song:
    """A file as read. tracks: all of them; track: the one whose melody `sections` hold. length_bars: bars of the piece as written.

    meters, tempos, key_signatures: (bar from 1, "4/4" | quarter notes a minute | "C minor") where each begins. warnings: a line each.
    """

    file: File = field(repr=False)
    entry: Entry = field(repr=False)
    source: Any = field(repr=False)
    tracks: tuple[TrackInfo, ...]
    sections: tuple[MeterSection, ...]
    warnings: list[str]
    length_bars: int
    meters: tuple[tuple[int, str], ...]
    tempos: tuple[tuple[int, float], ...]
    key_signatures: tuple[tuple[int, str], ...]
    name: str = "song.mid"
    read_as: Reading = field(default_factory=lambda: READ_AS, repr=False)

    @property
    def track(self) -> TrackInfo:
        """The track that has the melody."""
        return self.entry.info

    @property
    def remarks(self) -> list[str]:
        """Those of the warnings that say how the file was read: what was mended, and in which meter."""
        return [line for line in self.warnings if line.startswith(("mended: ", "says "))]

    @cached_property
    def melody(self) -> Melody:
        """The whole piece as one melody, as rules measure it: all sections, see section.py."""
        return whole(self.sections)

    @property
    def midi_type(self) -> int:
        """0, 1 or 2."""
        return self.file.midi_type

    @property
    def meter(self) -> str:
        """The meter of the first section, as theory.METERS."""
        return self.sections[0].meter

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
        return replaced(self.file, self.entry, self.sections, melodies, extras)

    def cut(self, first: int, last: int) -> tuple[tuple[MeterSection, ...], np.ndarray]:
        """The bars `first` to `last`, from 1: see section.cut. Raises InputError where the piece has no such bars, or no melody in them."""
        if last > self.length_bars:
            raise InputError(f"{self.name}: has {self.length_bars} bars; wanted {first}..{last} within 1..{self.length_bars}")
        parts, at = cut(self.sections, first, last)
        if not any(part.notes for part in parts):
            raise InputError(f"{self.name}: {bar_text([(first, last)])}: no notes of the melody there; wanted some of {bar_text(self.edited_bars)}")
        return parts, at

    def ticks_of(self, first: int, last: int) -> list[tuple[int, int]]:
        """From which tick on, and up to which, notes lie in the bars `first` to `last` by their nearest step; for each section."""
        spans = []
        for section in self.sections:
            steps = [step for step in range(section.locked_steps, section.steps) if first <= section.bar_at(step) <= last]
            if steps:
                spans.append((section.grid.first_tick(steps[0]), section.grid.first_tick(steps[-1] + 1)))
        return spans

    def repitched(self, along: Sequence[Entry], pitch: Callable[[int], int], bars: tuple[int, int] | None = None) -> "Song":
        """The song with the notes of some tracks, or those of them that begin in the bars, at the pitch that `pitch` gives for theirs."""
        spans = [(0, sys.maxsize)] if bars is None else self.ticks_of(*bars)
        tracks = [(e.track, [n for n in e.notes if any(low <= n.on < high for low, high in spans)]) for e in along]
        file = replace(parse(repitched_notes(self.file, tracks, pitch), self.name), read_in=self.file.read_in)
        found = _scored(file, entries(file))
        return _read(file, found, found[self.track.index], [], self.name, self.read_as)

    def as_like(self, data: bytes) -> Any:
        """`data`, which `replaced` gave, as the same kind as was read: PrettyMIDI or NoteSequence; bytes for bytes and paths."""
        return as_like(self.source, self.file, data)


def read_song(source: Any, *, name: str = "song.mid", track: str | int = "auto", read_as: Reading = READ_AS, meter: str = "") -> Song:
    """The song in a path, bytes, a PrettyMIDI or a NoteSequence. track: "auto", a name, or an index. read_as: which meters are read, and in
    which bars; READ_IN_PHRASES for what the editor is to change. All readings find the same melody's track. meter: in place of what the file
    says, such as "3/4" or "1/4+4/4"; "" for its own, or where that is beats, such as 1/4, for what is heard (beats.py).

    Raises InputError, one line that begins with the path or `name`, when it cannot be read or holds no melody in a known meter.
    """
    data, name = data_of(source, name)
    file, other_meter = in_meter(opened(data, name), meter)
    found = _scored(file, entries(file))
    entry, warnings = choose(found, track, name)
    song = _read(file, found, entry, [*([f"mended: {file.mended}"] if file.mended else []), *other_meter, *warnings], name, read_as)
    return replace(song, source=source if not isinstance(source, bytes | str | PathLike) else None)


def _read(file: File, found: Sequence[Entry], entry: Entry, warnings: list[str], name: str, read_as: Reading) -> Song:
    """The song whose melody is in one of the tracks found."""
    time = keeping_time(file, entry.track)
    laid = _laid_out(file, [entry] if file.midi_type == 2 else found, time, read_as)
    if file.ticks < STEPS_PER_QUARTER:
        warnings.append(f"only {file.ticks} ticks a quarter note; sixteenths cannot all be told apart, nor written")
    sections = _sections(entry, laid, file.length(entry.track))
    _check(sections, laid, name, read_as)
    return Song(
        file,
        entry,
        None,
        tuple(e.info for e in found),
        sections,
        warnings + _passed_through(sections, laid),
        sum(w.bars for s in laid for w in s.written),
        _by_bar([(tick, f"{numerator}/{denominator}") for tick, numerator, denominator in meters(file, time)], laid),
        _by_bar([(tick, round(60e6 / microseconds, 3)) for tick, microseconds in tempos(file, time)], laid),
        _by_bar(key_signatures(file, time), laid),
        name,
        read_as,
    )


def read_melody(source: Any, *, name: str = "song.mid") -> Melody:
    """The melody that `read_song` finds, the whole piece as rules measure it: where the length of its bars changes, in the meter of the longest.

    Raises InputError when the file cannot be read or holds no melody in a known meter.
    """
    return read_song(source, name=name).melody


def _laid_out(file: File, found: Sequence[Entry], time: Sequence[int], read_as: Reading) -> list[MeterSection]:
    """The sections of the piece that these tracks play, in the time that those keep."""
    return laid_out(meters(file, time), file.ticks, _end(file, found, time), read_as)


def _end(file: File, found: Sequence[Entry], time: Sequence[int]) -> int:
    """The piece's last tick; a last note has a sixteenth at least."""
    return max(last_tick(file, time), max((n.on for e in found for n in e.notes), default=0) + file.ticks // 4)


def _scored(file: File, found: list[Entry]) -> list[Entry]:
    """The entries with their scores, by bars of three quarters where the piece begins in 3/4 or 6/8, else of four: the same for all readings."""
    everything = range(len(file.tracks))
    laid = _laid_out(file, found, everything, READ_IN_PHRASES)
    bar = file.ticks * (4 if not laid or laid[0].meter in ("", "4/4") else 3)
    bars = -(-_end(file, found, everything) // bar)
    return [scored(e, bar, bars) for e in found]


def _check(sections: Sequence[MeterSection], laid: Sequence[MeterSection], name: str, read_as: Reading) -> None:
    """Raises InputError where there is no melody in a meter that is read."""
    *others, last = (f"{numerator}/{denominator}" for numerator, denominator in read_as)
    known = f"{', '.join(others)} or {last}"
    if not sections:
        raise InputError(f"{name}: meter {', '.join(dict.fromkeys(str(s.written[-1]) for s in laid))}; wanted {known}")
    if not any(s.notes for s in sections):
        raise InputError(f"{name}: no note between A0 and C8 in bars of {known}; wanted a melody")


# ---- sections ------------------------------------------------------------------------------------------------------


def _sections(entry: Entry, laid: Sequence[MeterSection], end: int) -> tuple[MeterSection, ...]:
    """The sections of known meter with their notes. A note belongs where its nearest step lies, and to one section only.

    end: the last tick of the melody's track; steps after it are locked.
    """
    sections: list[MeterSection] = []
    begin = 0
    for section in laid:
        steps = section.locked_steps + sum(w.steps for w in section.written)
        until = bisect_left(entry.notes, steps, begin, key=lambda n, grid=section.grid: grid.step(n.on))  # type: ignore[misc]
        inside, begin = entry.notes[begin:until], until
        if section.meter:
            inside = [n for n in inside if section.grid.step(n.on) >= section.locked_steps]
            sections.append(_ended(_with_notes(section, inside, entry.single), end))
    return tuple(sections)


def _with_notes(section: MeterSection, notes: list[Sounding], single: bool) -> MeterSection:
    """The section with the melody among the notes of its track that begin in it."""
    grid = section.grid
    chosen, left = line(notes, grid, single)
    octaves = _octaves([n.pitch for n in chosen.values()])
    if octaves is None:  # too wide to move: what lies outside stays as it is
        octaves = 0
        chosen, left = line([n for n in notes if LOWEST_PITCH <= n.pitch <= HIGHEST_PITCH], grid, single)
    left = [(s, n) for s, n in left if LOWEST_PITCH <= n.pitch + octaves <= HIGHEST_PITCH]
    taken = {id(n) for n in (*chosen.values(), *(n for _, n in left))}
    edges = [*list(chosen)[1:], section.steps - section.locked_end]
    return replace(
        section,
        notes=tuple(Note(s, n.pitch + octaves, min(grid.end(n), edge) - s) for (s, n), edge in zip(chosen.items(), edges, strict=False)),
        octaves=octaves,
        sources=tuple(chosen.values()),
        extras=tuple((s, n.pitch + octaves) for s, n in left),
        extra_sources=tuple(n for _, n in left),
        under=tuple((grid.step(n.on), n.pitch + octaves) for n in notes if id(n) not in taken),
    )


def _ended(section: MeterSection, end: int) -> MeterSection:
    """The section with the steps locked that lie after the last tick of its track: a note there would move the track's end."""
    used = section.notes[-1].end if section.notes else 0
    after = section.steps - max(section.grid.step(end), used, 0)
    return replace(section, locked_end=max(section.locked_end, after))


def _octaves(pitches: list[int]) -> int | None:
    """The least move by octaves that brings all pitches into A0 to C8, or None."""
    for move in (0, 12, -12, 24, -24):
        if all(LOWEST_PITCH <= p + move <= HIGHEST_PITCH for p in pitches):
            return move
    return None


# ---- what else the file says ---------------------------------------------------------------------------------------


def _by_bar(said: Sequence[tuple[int, Any]], laid: Sequence[MeterSection]) -> tuple:
    """(tick, what a file says there), in order → (bar from 1, the same), repetitions left out."""
    news = [(tick, what) for (_, before), (tick, what) in pairwise([(0, None), *said]) if what != before]
    return tuple((_bar_at(tick, laid), what) for tick, what in news)


def _bar_at(tick: int, laid: Sequence[MeterSection]) -> int:
    """The bar, from 1, that a tick lies in."""
    section = laid[max(bisect_right(laid, tick, key=lambda s: s.grid.first_tick(s.locked_steps)) - 1, 0)]
    return section.bar_at(section.grid.step(tick))


def _passed_through(sections: Sequence[MeterSection], laid: Sequence[MeterSection]) -> list[str]:
    """Warnings of the bars that nothing can be changed in."""
    unknown = [written for section in laid if not section.meter for written in section.written]
    lines = [f"{bar_text([(w.first, w.first + w.bars - 1)])}: meter {w}; left as they are" for w in unknown]
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
