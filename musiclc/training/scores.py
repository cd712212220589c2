"""Scores read with music21 (ABC text, MusicXML, kern) → melodies of whole bars. The only importer of music21.

A part becomes one or more *runs*: melodies of consecutive whole bars in one meter. A run ends where the meter changes, at a
bar that the grid cannot hold, and at a repeat's first ending (which is read once, and then left out).

- A pickup is left out, unless it completes the short bar before it (as at the repeats of fiddle tunes).
- Pairs of 2/4 bars make one of 4/4; 2/2 is read as 4/4.
- Onsets off the sixteenth grid (triplets, ornaments) are moved to the nearest step when at most a quarter of the bar's
  notes need it; where two then meet, the longer stays. Grace notes are left out. Of a chord the top note counts.

music21 works for hours on some texts, such as a rest of 9999 bars: one of which that can be told is refused, and any that takes MOST_SECONDS of
the processor is given up (in the main thread; elsewhere there is no such limit).

Inside: `split_abc`, `read_abc`, `read_file`, `parse_abc`, `parse_file`, `runs_of_score`, `on_grid`.
"""

import contextlib
import re
import signal
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from musiclc.errors import InputError
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH, METERS, STEPS_PER_QUARTER

MOST_SECONDS = 8.0  # of the processor for one tune or file
LARGEST_ARCHIVE = 64_000_000  # bytes that a compressed file may unfold to
_GIGANTIC_ABC = re.compile(r"[A-Ga-gx-zZX\])][,']*/*\d{4,}")  # a length
_GIGANTIC_XML = re.compile(
    rb"<(duration|divisions|beats|beat-type|actual-notes|normal-notes|measure-repeat|multiple-rest|voice|staves|octave|alter)[^>]*>\s*[-+]?\d{8}"
)
MAX_OFF_GRID = 0.25  # share of a bar's notes that may be moved to the grid
# meter as written → meter as read, and how many written bars make one
_READ_AS = {"4/4": ("4/4", 1), "2/2": ("4/4", 1), "2/4": ("4/4", 2), "3/4": ("3/4", 1), "6/8": ("6/8", 1)}

Event = tuple[Fraction, Fraction, int, bool]  # onset in the bar and length in steps, pitch, tied on from the note before


@dataclass
class Bar:
    """One written bar: its meter as written, its length in steps, its notes, and the ending (1, 2, …; 0 for none) it is in."""

    meter: str
    length: Fraction
    events: list[Event]
    ending: int = 0

    @property
    def full(self) -> Fraction:
        """Steps that a whole bar of this meter has."""
        upper, lower = map(int, self.meter.split("/"))
        return Fraction(upper * 4 * STEPS_PER_QUARTER, lower)


@dataclass
class Reading:
    """What one piece gave: its runs, and a count of what was skipped and why."""

    runs: list[Melody] = field(default_factory=list)
    skipped: Counter = field(default_factory=Counter)


def split_abc(text: str) -> list[str]:
    """The tunes of an ABC file, each from its X: field on."""
    starts = [m.start() for m in re.finditer(r"^X:", text, re.MULTILINE)]
    return [text[a:b] for a, b in pairwise([*starts, len(text)])]


def read_abc(text: str) -> Reading:
    """One ABC tune. Raises InputError when music21 cannot parse it."""
    score = parse_abc(text)
    return _parse(lambda: runs_of_score(score), "ABC tune")


def read_file(path: Path) -> Reading:
    """One MusicXML or kern file. Raises InputError when music21 cannot parse it."""
    score = parse_file(path)
    return _parse(lambda: runs_of_score(score), str(path))


def parse_abc(text: str) -> Any:
    """The music21 score of one ABC tune. Raises InputError when music21 cannot parse it."""
    from music21 import converter

    music = "\n".join(line for line in text.splitlines() if not re.match(r"[A-Za-z]:|%", line))
    if found := _GIGANTIC_ABC.search(music):
        raise InputError(f"ABC tune: a length of {found[0][:20]!r}; wanted up to 999")
    return _parse(lambda: converter.parseData(text, format="abc"), "ABC tune")


def parse_file(path: Path) -> Any:
    """The music21 score of one MusicXML or kern file. Raises InputError when music21 cannot parse it."""
    from music21 import converter

    _refuse_gigantic(path)
    return _parse(lambda: converter.parse(path, forceSource=True, storePickle=False), str(path))


def _refuse_gigantic(path: Path) -> None:
    """Raises InputError for a file of few bytes that would take all memory, or hours."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                unfolded = sum(each.file_size for each in archive.infolist())
            if unfolded > LARGEST_ARCHIVE:
                raise InputError(f"{path}: unfolds to {unfolded} bytes; wanted up to {LARGEST_ARCHIVE}")
        elif found := _GIGANTIC_XML.search(path.read_bytes()):
            raise InputError(f"{path}: a {found[1].decode()} of eight digits or more; no music has that")
    except (OSError, zipfile.BadZipFile, NotImplementedError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error


def _parse(parse: Any, what: str) -> Any:
    try:
        with _in_time():
            return parse()
    except _TooLong:
        raise InputError(f"{what}: music21 takes more than {MOST_SECONDS:g} s for it; given up") from None
    except Exception as error:  # music21 raises whatever its parsers trip over
        raise InputError(f"{what}: music21 cannot read it ({type(error).__name__}: {error})") from error


class _TooLong(BaseException):
    """Not an Exception, which music21 would go on after."""


@contextlib.contextmanager
def _in_time() -> Iterator[None]:
    """Raises _TooLong in what takes more than MOST_SECONDS of the processor, and again a second later where that was passed over."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise _TooLong

    former = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, former)


def runs_of_score(score: Any) -> Reading:
    """Every part's runs of a music21 score (or opus, of which every score)."""
    from music21 import stream

    reading = Reading()
    scores = list(score.scores) if isinstance(score, stream.Opus) else [score]
    for one in scores:
        parts = list(one.parts) if isinstance(one, stream.Score) else [one]
        for part in parts:
            bars = list(_bars_of_part(part))
            for sequence in _unfold_endings(bars):
                for run in _runs(_join_partials(sequence, reading.skipped), reading.skipped):
                    if run not in reading.runs:
                        reading.runs.append(run)
    return reading


def _bars_of_part(part: Any) -> Iterator[Bar]:
    meter = ""
    first_endings, later_endings = _endings(part)
    for measure in part.getElementsByClass("Measure"):
        if measure.timeSignature is not None:
            meter = measure.timeSignature.ratioString
        if not meter:
            continue
        voice = measure.voices[0] if measure.hasVoices() else measure
        events = [_event(n) for n in voice.notes if not n.duration.isGrace and n.pitches]
        length = Fraction(measure.highestTime).limit_denominator(96) * STEPS_PER_QUARTER
        if length > 0:
            ending = 1 if id(measure) in first_endings else 2 if id(measure) in later_endings else 0
            yield Bar(meter, length, [e for e in events if e[1] > 0], ending)


def _event(note: Any) -> Event:
    onset = Fraction(note.offset).limit_denominator(96) * STEPS_PER_QUARTER
    length = Fraction(note.duration.quarterLength).limit_denominator(96) * STEPS_PER_QUARTER
    tied = note.tie is not None and note.tie.type in ("stop", "continue")
    return onset, length, max(p.midi for p in note.pitches), tied


def _endings(part: Any) -> tuple[set[int], set[int]]:
    """Identities of the measures in first and in later endings."""
    first: set[int] = set()
    later: set[int] = set()
    for bracket in part.recurse().getElementsByClass("RepeatBracket"):
        numbers = bracket.numberRange or [1]
        (first if min(numbers) == 1 else later).update(id(m) for m in bracket.getSpannedElements())
    return first, later


def _unfold_endings(bars: list[Bar]) -> Iterator[list[Bar]]:
    """The bars with first endings left out, and, for each first ending, what leads up to and into it."""
    yield [b for b in bars if b.ending != 1]
    for i, bar in enumerate(bars):
        if bar.ending == 1 and (i + 1 == len(bars) or bars[i + 1].ending != 1):
            yield [b for b in bars[max(0, i - 8) : i + 1] if b.ending != 2]


def _join_partials(bars: list[Bar], skipped: Counter) -> Iterator[Bar | None]:
    """Whole bars; None where the run breaks. A short bar is completed by a short bar after it, or by silence at a section's end."""
    pending: Bar | None = None
    for bar in bars:
        if pending is not None:
            if bar.meter == pending.meter and pending.length + bar.length == bar.full:
                shifted = [(onset + pending.length, length, pitch, tied) for onset, length, pitch, tied in bar.events]
                yield Bar(bar.meter, bar.full, pending.events + shifted)
                pending = None
                continue
            if pending.length * 2 >= pending.full:
                yield Bar(pending.meter, pending.full, pending.events)  # the end of a section whose next begins without pickup
            else:
                skipped["bars: pickup left out"] += 1
            yield None
            pending = None
        if bar.length == bar.full:
            yield bar
        elif bar.length < bar.full:
            pending = bar
        else:
            skipped["bars: longer than the meter"] += 1
            yield None
    if pending is not None and pending.length * 2 >= pending.full:
        yield Bar(pending.meter, pending.full, pending.events)


def _runs(bars: Iterator[Bar | None], skipped: Counter) -> Iterator[Melody]:
    """Consecutive bars of one meter as melodies on the grid."""
    run: list[Bar] = []
    for bar in bars:
        usable = bar is not None and _usable(bar, skipped)
        if run and (bar is None or not usable or bar.meter != run[0].meter):
            yield from _as_melody(run, skipped)
            run = []
        if usable and bar is not None:
            run.append(bar)
    if run:
        yield from _as_melody(run, skipped)


def _usable(bar: Bar, skipped: Counter) -> bool:
    off_grid = sum(1 for onset, *_ in bar.events if onset.denominator > 1)
    if bar.meter not in _READ_AS:
        skipped[f"bars: meter {bar.meter}"] += 1
    elif off_grid > MAX_OFF_GRID * len(bar.events):
        skipped["bars: too many onsets off the sixteenth grid"] += 1
    elif any(not LOWEST_PITCH <= pitch <= HIGHEST_PITCH for _, _, pitch, _ in bar.events):
        skipped["bars: pitch outside the piano"] += 1
    else:
        return True
    return False


def _as_melody(run: list[Bar], skipped: Counter) -> Iterator[Melody]:
    meter, bars_in_one = _READ_AS[run[0].meter]
    bars = len(run) // bars_in_one
    if bars == 0:
        skipped["bars: a single 2/4 bar"] += 1
        return
    written = int(run[0].full)
    events = [(i * written + onset, length, pitch, tied) for i, bar in enumerate(run) for onset, length, pitch, tied in bar.events]
    yield Melody(on_grid(events, bars * METERS[meter]), meter, bars)


def on_grid(events: list[Event], steps: int) -> tuple[Note, ...]:
    """Notes on the grid, one at a time, ties joined; events are in order of time, in steps from the run's first."""
    slots: dict[int, tuple[Fraction, int, int]] = {}  # onset → (length as written, pitch, end)
    last: int | None = None
    for onset, length, pitch, tied in events:
        start, end = _round(onset), _round(onset + length)
        if tied and last is not None and slots[last][1] == pitch and slots[last][2] >= start:
            slots[last] = (slots[last][0] + length, pitch, end)
            continue
        if start < steps and (start not in slots or slots[start][0] < length):
            slots[start] = (length, pitch, max(end, start + 1))
            last = start
    starts = sorted(slots)
    return tuple(Note(s, slots[s][1], min(slots[s][2], e) - s) for s, e in zip(starts, [*starts[1:], steps], strict=False))


def _round(steps: Fraction) -> int:
    return int(steps + Fraction(1, 2))  # halves up; Python's round() would go to even


# ---- whole tunes as MIDI -------------------------------------------------------------------------------------------


def midi_files(collection: str, most: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """(name, MIDI bytes) of whole tunes of one ABC collection of music21's corpus, repeats played, at most so many, drawn by the seed.

    Tunes that music21 cannot parse or write are left out. Raises InputError when music21 is not installed.
    """
    try:
        import music21
        from music21.midi.translate import streamToMidiFile
    except ImportError as error:
        raise InputError("music21 is not installed: pip install 'musiclc[train]'") from error
    import random

    folder = Path(music21.__file__).parent / "corpus" / collection
    texts = {p.name: split_abc(p.read_text(encoding="utf-8", errors="replace")) for p in sorted(folder.rglob("*.abc"))}
    found = [(f"{collection}/{name}#{i}", text) for name, tunes in texts.items() for i, text in enumerate(tunes, 1)]
    random.Random(seed).shuffle(found)
    for name, text in found[:most]:
        try:
            yield name, streamToMidiFile(music21.converter.parseData(text, format="abc")).writestr()
        except Exception:  # music21 raises whatever its parsers trip over
            continue
