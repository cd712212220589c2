"""The tracks of a file, and which of them most likely has the melody.

A type 0 file, or one with a single track, gives an entry a channel; other files an entry a track, counted from 0 as in the file,
those without notes included. Drums (channel 10) are never the melody; in a track that has other channels too they are left out.

The choice is a sum, `score`, of what tells a melody (after the features of Rizo et al., "A Pattern Recognition Approach for Melody
Track Selection in MIDI Files", ISMIR 2006): one voice 3, height 2, share of bars with notes 2, notes a bar 1, several pitches 1,
each from 0 to 1; and a name such as "melody" +3, such as "bass" −2. Scores within NEAR of the best are worth a word.

Inside: `TrackInfo`, `Entry`, `entries`, `choose`, `meta`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from musiclc.errors import InputError
from musiclc.midi.codec import INSTRUMENT, META, NAME, PROGRAM, Event, File
from musiclc.midi.notes import DRUMS, POLYPHONY, Sounding, pair, polyphony

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


def meta(events: tuple[Event, ...], kind: int) -> Iterator[Event]:
    """A track's meta events of one type."""
    return (e for e in events if e.status == META and e.kind == kind)


def _text(events: tuple[Event, ...]) -> str:
    """The track's name, or its instrument's."""
    for kind in (NAME, INSTRUMENT):
        for event in meta(events, kind):
            try:
                text = event.data.decode("utf-8")
            except UnicodeDecodeError:
                text = event.data.decode("latin-1")
            if clean := " ".join("".join(c if c.isprintable() else " " for c in text).split()):
                return clean
    return ""


def _program(file: File, track: int, channels: tuple[int, ...]) -> int:
    """The first program that the track, or else another one, sets on one of the channels; 0 when none does."""
    for events in (file.tracks[track], *file.tracks):
        for event in events:
            if event.status & 0xF0 == PROGRAM and event.status & 0x0F in channels:
                return min(event.data[0], 127)
    return 0


def entries(file: File) -> list[Entry]:
    """What may be chosen, unscored."""
    found: list[Entry] = []
    for track, events in enumerate(file.tracks):
        notes = pair(events)
        channels = sorted({n.channel for n in notes})
        if file.midi_type == 0 or len(file.tracks) == 1:
            for channel in channels:
                name = (_text(events) if len(channels) == 1 else "") or f"channel {channel + 1}"
                found.append(_entry(file, len(found), track, name, (channel,), notes))
        else:
            found.append(_entry(file, track, track, _text(events), tuple(channels), notes))
    return found


def _entry(file: File, index: int, track: int, name: str, channels: tuple[int, ...], notes: list[Sounding]) -> Entry:
    is_drum = channels == (DRUMS,)
    own = [n for n in notes if n.channel in channels and (is_drum or n.channel != DRUMS)]
    pitches = [n.pitch for n in own]
    info = TrackInfo(
        index,
        name,
        channels,
        _program(file, track, channels),
        len(own),
        0.0 if is_drum else round(polyphony(own), 3),
        min(pitches, default=None),
        max(pitches, default=None),
        is_drum,
    )
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


def choose(found: list[Entry], wish: str, name: str) -> tuple[Entry, list[str]]:
    """The entry that `wish` names ("auto", a name, an index), and warnings. Raises InputError, a line that begins with `name`."""
    usable = [e for e in found if e.notes and not e.info.is_drum]
    if not usable:
        raise InputError(f"{name}: holds no notes{' but drums' if any(e.notes for e in found) else ''}; wanted a melody")
    if wish.strip().lower() == "auto":
        best = max(usable, key=lambda e: e.info.score)  # of equal ones the first
        near = [str(e.info) for e in usable if e is not best and e.info.score >= best.info.score - NEAR]
        if near:
            return best, [f"took track {best.info} as the melody; nearly as likely: {', '.join(near)} (choose with --track)"]
        return best, []
    chosen = _named(found, wish.strip())
    if chosen is None or chosen not in usable:
        was = f"no track {wish!r}" if chosen is None else f"track {wish!r} is {'drums' if chosen.info.is_drum else 'without notes'}"
        raise InputError(f"{name}: {was}; wanted auto or one of {', '.join(str(e.info) for e in usable)}")
    return chosen, []


def _named(found: list[Entry], wish: str) -> Entry | None:
    """The first entry of that name, letters' case aside; else of that index; else the only one whose name begins so."""
    folded = wish.casefold()
    for entry in sorted(found, key=lambda e: not e.notes):
        if entry.info.name.casefold() == folded:
            return entry
    if wish.isdecimal():
        return next((e for e in found if e.info.index == int(wish)), None)
    begin = [e for e in found if folded and e.info.name.casefold().startswith(folded)]
    return begin[0] if len(begin) == 1 else None
