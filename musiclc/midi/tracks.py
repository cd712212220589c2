"""The tracks of a file, and which of them most likely has the melody.

A type 0 file, or one with a single track, gives an entry a channel; other files an entry a track, counted from 0 as in the file,
those without notes included. Drums (channel 10) are never the melody; in a track that has other channels too they are left out.

The choice is a sum, `score`, of what tells a melody (after the features of Rizo et al., "A Pattern Recognition Approach for Melody
Track Selection in MIDI Files", ISMIR 2006): one voice 3, height 2, share of bars with notes 2, notes a bar 1, several pitches 1,
each from 0 to 1; and a name such as "melody" +3, such as "bass" −2. Scores within NEAR of the best are worth a word.

Inside: `TrackInfo`, `Entry`, `track_name`, `entries`, `scored`, `choose`, `companions`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from musiclc.errors import InputError
from musiclc.midi.codec import INSTRUMENT, NAME, PROGRAM, Event, File
from musiclc.midi.notes import DRUMS, POLYPHONY, Sounding, pair, polyphony
from musiclc.midi.timing import meta

MELODY_NAMES = (
    "melod",
    "voice",
    "vocal",
    "voc.",
    "lead",
    "sopran",
    "flute",
    "violin 1",
    "violin i",
    "violino 1",
    "solo",
    "sing",
    "tune",
    "theme",
    "cantus",
)
OTHER_NAMES = ("bass", "drum", "perc", "pad", "chord", "accomp", "rhythm", "left", "harmon", "backing", "strings", "tenor", "alto", "comp")
BASSES = range(32, 40)  # General MIDI programs
NEAR = 0.5
MOST_NAMED = 32  # tracks that a message lists


@dataclass(frozen=True)
class TrackInfo:
    """One track, or one channel of a type 0 file. channels: from 0. polyphony: share of notes that sound together with another.

    lowest, highest: MIDI pitches, None without notes. score: see the module; 0 for drums and without notes.
    """

    index: int
    name: str
    channels: tuple[int, ...]
    program: int
    notes: int
    polyphony: float
    lowest: int | None
    highest: int | None
    is_drum: bool
    score: float = 0.0

    def __str__(self) -> str:
        return f"{self.index} {self.name!r}" if self.name else str(self.index)


@dataclass(frozen=True)
class Entry:
    """A track to choose from: what it is, which track of the file it lies in, its notes, and all the notes of that track."""

    info: TrackInfo
    track: int
    notes: list[Sounding]
    all_notes: list[Sounding]

    @property
    def single(self) -> bool:
        """Whether the notes are one voice."""
        return self.info.polyphony <= POLYPHONY


def track_name(events: Sequence[Event]) -> str:
    """The track's name, or its instrument's, or ""."""
    for kind in (NAME, INSTRUMENT):
        for event in meta(events, kind):
            try:
                text = event.data.decode("utf-8")
            except UnicodeDecodeError:
                text = event.data.decode("latin-1")
            if clean := " ".join("".join(c if c.isprintable() else " " for c in text).split()):
                return clean
    return ""


def entries(file: File) -> list[Entry]:
    """What may be chosen, unscored."""
    found: list[Entry] = []
    own = [_first_programs(events) for events in file.tracks]
    anywhere: dict[int, int] = {}
    for programs in own:
        anywhere |= {channel: program for channel, program in programs.items() if channel not in anywhere}
    by_channel = file.midi_type == 0 or len(file.tracks) == 1
    for track, events in enumerate(file.tracks):
        notes, name = pair(events), track_name(events)
        channels = sorted({n.channel for n in notes})
        for played in [(c,) for c in channels] if by_channel else [tuple(channels)]:
            called = (name if len(channels) == 1 else "") or f"channel {played[0] + 1}" if by_channel else name
            program = _program(played, own[track], anywhere)
            found.append(_entry(len(found), track, called, played, program, notes))
    return found


def _first_programs(events: Sequence[Event]) -> dict[int, int]:
    """The first program that a track sets on each channel, in order of time."""
    found: dict[int, int] = {}
    for event in events:
        if event.status & 0xF0 == PROGRAM:
            found.setdefault(event.status & 0x0F, min(event.data[0], 127))
    return found


def _program(channels: tuple[int, ...], own: dict[int, int], anywhere: dict[int, int]) -> int:
    """The first program on one of the channels: the track's own, or else another one's; 0 where none is set."""
    return next((program for programs in (own, anywhere) for channel, program in programs.items() if channel in channels), 0)


def _entry(index: int, track: int, name: str, channels: tuple[int, ...], program: int, notes: list[Sounding]) -> Entry:
    is_drum = channels == (DRUMS,)
    own = [n for n in notes if n.channel in channels and (is_drum or n.channel != DRUMS)]
    pitches = [n.pitch for n in own]
    shared = 0.0 if is_drum else round(polyphony(own), 3)
    info = TrackInfo(index, name, channels, program, len(own), shared, min(pitches, default=None), max(pitches, default=None), is_drum)
    return Entry(info, track, own, notes)


# ---- choosing ------------------------------------------------------------------------------------------------------


def scored(entry: Entry, bar_ticks: int, bars: int) -> Entry:
    """The entry with its score. bar_ticks: ticks of a bar of the piece, which has `bars` of them."""
    info = entry.info
    if info.is_drum or not entry.notes:
        return entry
    in_bars = len({n.on // bar_ticks for n in entry.notes})
    height = (sum(n.pitch for n in entry.notes) / info.notes - 36) / 36
    name = info.name.lower()
    hints = 3 * any(h in name for h in MELODY_NAMES) or -2 * any(h in name for h in OTHER_NAMES) or -2 * (info.program in BASSES)
    parts = (
        3 * (1 - info.polyphony),
        2 * min(max(height, 0), 1),
        2 * min(in_bars / max(bars, 1), 1),
        min(info.notes / max(in_bars, 1) / 4, 1),
        min(len({n.pitch for n in entry.notes}) / 5, 1),
    )
    return replace(entry, info=replace(info, score=round(sum(parts) + hints, 3)))


def choose(found: list[Entry], wanted: str | int, name: str) -> tuple[Entry, list[str]]:
    """The entry that `wanted` names, and warnings: "auto", a name, or an index as text; as a number, an index and no name.

    Raises InputError, a line that begins with `name`.
    """
    usable = [e for e in found if e.notes and not e.info.is_drum]
    if not usable:
        raise InputError(f"{name}: holds no notes{' but drums' if any(e.notes for e in found) else ''}; wanted a melody")
    if isinstance(wanted, str) and wanted.strip().lower() == "auto":
        best = max(usable, key=lambda e: e.info.score)  # of equal ones the first
        near = [e for e in usable if e is not best and e.info.score >= best.info.score - NEAR]
        return best, [f"took track {best.info} as the melody; nearly as likely: {_listed(near)} (choose with --track)"] if near else []
    chosen = _named(found, wanted.strip()) if isinstance(wanted, str) else next((e for e in found if e.info.index == wanted), None)
    if chosen is None or not chosen.notes or chosen.info.is_drum:
        was = f"no track {wanted!r}" if chosen is None else f"track {wanted!r} is {'drums' if chosen.info.is_drum else 'without notes'}"
        raise InputError(f"{name}: {was}; wanted auto or one of {_listed(usable)}")
    return chosen, []


def companions(file: File, melody: Entry, wanted: str, name: str) -> list[Entry]:
    """The pitched tracks that go along with the melody's: "melody" is none of them, "all" each, else those named, by name or index with commas.

    The tracks of a type 2 file are pieces of their own: none goes along with another. Raises InputError, a line that begins with `name`.
    """
    usable = [e for e in entries(file) if e.notes and not e.info.is_drum]
    others = [e for e in usable if e.info.index != melody.info.index and file.midi_type != 2]
    if wanted.strip().lower() in ("melody", "all"):
        return others if wanted.strip().lower() == "all" else []
    chosen = []
    for each in filter(None, map(str.strip, wanted.split(","))):
        entry = _named(usable, each)
        if entry is None:
            raise InputError(f"{name}: no pitched track {each!r} with notes; wanted melody, all or some of {_listed(usable)}")
        chosen.append(entry)
    return [e for e in others if e.info.index in {c.info.index for c in chosen}]


def _listed(found: Sequence[Entry]) -> str:
    """The tracks by index and name, the first of them where they are many."""
    rest = [f"{len(found) - MOST_NAMED} more"] if len(found) > MOST_NAMED else []
    return ", ".join([*(str(e.info) for e in found[:MOST_NAMED]), *rest])


def _named(found: Iterable[Entry], wanted: str) -> Entry | None:
    """The first entry of that name, letters' case aside; else of that index; else the only one whose name begins so."""
    folded = wanted.casefold()
    for entry in sorted(found, key=lambda e: not e.notes):
        if entry.info.name.casefold() == folded:
            return entry
    if wanted.isdecimal():
        return next((e for e in found if e.info.index == int(wanted)), None)
    begin = [e for e in found if folded and e.info.name.casefold().startswith(folded)]
    return begin[0] if len(begin) == 1 else None
