"""The bars of a part as they are written: notes, repeats and endings, before anything is played out.

A music21 part comes in, plain values go out, so that playing order (`playing.py`) can be read and tested without music21.

- Of a chord the top note counts, of several voices the first; grace notes are left out.
- A barline's signs belong to the bar on whose side they stand: `|:` to the bar that it begins, `:|` to the bar that it ends.
- ABC: a meter that no M: field names is none (music21 gives bars of odd length meters of their own).
- The key is that of the header: ABC's K: field, or a MusicXML key with its mode. It serves tests; no model reads it.

Inside: `WrittenBar`, `WrittenPart`, `written_parts`, `abc_parts`, `abc_key`, `abc_meters`,
`without_fermatas`.
"""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from musiclc.music.theory import STEPS_PER_QUARTER

Event = tuple[Fraction, Fraction, int, bool]  # onset in the bar and length in steps, pitch, tied on from the note before

_DOUBLE = ("double", "final", "heavy-light", "heavy-heavy")
_FINEST = 96  # largest denominator of a quarter length that is taken as written


@dataclass(frozen=True)
class WrittenBar:
    """One written bar.

    meter: as written, such as "6/8". length: in steps (sixteenths). begins: a repeat begins here (`|:`). plays: how often what
    ends here is played, 2 for `:|`, 0 where no repeat ends. endings: numbers of the endings that the bar stands in. closes: a double
    or final bar line ends it, or a repeat begins after it.
    """

    meter: str
    length: Fraction
    events: tuple[Event, ...] = ()
    begins: bool = False
    plays: int = 0
    endings: tuple[int, ...] = ()
    closes: bool = False

    @property
    def full(self) -> Fraction:
        """Steps that a whole bar of this meter has."""
        upper, lower = map(int, self.meter.split("/"))
        return Fraction(upper * 4 * STEPS_PER_QUARTER, lower)


@dataclass(frozen=True)
class WrittenPart:
    """One part: its name ("" where it has none), its key as the header says it ("D mixolydian", "" where it does not), its bars."""

    name: str
    key: str
    bars: tuple[WrittenBar, ...]


def written_parts(score: Any) -> Iterator[WrittenPart]:
    """Every part of a music21 score, or of every score of an opus."""
    for part in _parts(score):
        bars = tuple(_bars(part))
        if bars:
            yield WrittenPart(str(getattr(part, "partName", None) or ""), _key_of(part), bars)


def abc_parts(score: Any, text: str) -> Iterator[WrittenPart]:
    """Every part of a music21 score that was read from an ABC tune's `text`: its key and its meters are those of the text."""
    for part in _parts(score):
        bars = tuple(_bars(part, abc_meters(text)))
        if bars:
            yield WrittenPart("", abc_key(text), bars)


def _parts(score: Any) -> Iterator[Any]:
    for one in getattr(score, "scores", None) or [score]:
        yield from getattr(one, "parts", None) or [one]


def _bars(part: Any, meters: Container[str] | None = None) -> list[WrittenBar]:
    """The bars of a music21 part. meters: those that may be, when not all."""
    meter, endings = "", _endings(part)
    bars: list[WrittenBar] = []
    for measure in part.getElementsByClass("Measure"):
        signature = measure.timeSignature
        if signature is not None and (meters is None or signature.ratioString in meters):
            meter = signature.ratioString
        if bars and getattr(measure.leftBarline, "type", "") in _DOUBLE:
            bars[-1] = replace(bars[-1], closes=True)
        if meter and measure.highestTime > 0:
            bars.append(_bar(measure, meter, endings.get(id(measure), set())))
    return bars


def _bar(measure: Any, meter: str, endings: set[int]) -> WrittenBar:
    voice = measure.voices[0] if measure.hasVoices() else measure
    events = (_event(n) for n in voice.notes if not n.duration.isGrace and n.pitches)
    left, right = _repeat(measure.leftBarline), _repeat(measure.rightBarline)
    return WrittenBar(
        meter,
        _steps(measure.highestTime),
        tuple(e for e in events if e[1] > 0),
        begins=left is not None and left.direction == "start",
        plays=(right.times or 2) if right is not None and right.direction == "end" else 0,
        endings=tuple(sorted(endings)),
        closes=getattr(measure.rightBarline, "type", "") in _DOUBLE,
    )


def _steps(quarters: Any) -> Fraction:
    return Fraction(quarters).limit_denominator(_FINEST) * STEPS_PER_QUARTER


def _event(note: Any) -> Event:
    tied = note.tie is not None and note.tie.type in ("stop", "continue")
    return _steps(note.offset), _steps(note.duration.quarterLength), max(p.midi for p in note.pitches), tied


def _repeat(barline: Any) -> Any:
    return barline if "Repeat" in getattr(barline, "classes", ()) else None


def _endings(part: Any) -> dict[int, set[int]]:
    """Identity of a measure → numbers of the endings that it stands in."""
    found: dict[int, set[int]] = {}
    for bracket in part.recurse().getElementsByClass("RepeatBracket"):
        for measure in bracket.getSpannedElements():
            found.setdefault(id(measure), set()).update(max(1, number) for number in bracket.numberRange or [1])
    return found


# ---- what an ABC header says ---------------------------------------------------------------------------------------

_FIELD = re.compile(r"\s*[A-Za-z]:")
_QUOTED = re.compile(r'("[^"]*")')
_FERMATA = re.compile(r"H(?=[\^_=]*[A-Ga-g])")
_M_FIELD = re.compile(r"(?:^|\[)M:[ \t]*(C\|?|\d+/\d+)", re.MULTILINE)
_COMMON = {"C": "4/4", "C|": "2/2"}


def without_fermatas(text: str) -> str:
    """An ABC tune's text without the sign H before notes: with it, music21 loses the note."""
    lines = text.split("\n")
    return "\n".join(line if _FIELD.match(line) else "".join(_plain(part) for part in _QUOTED.split(line)) for line in lines)


def _plain(part: str) -> str:
    return part if part.startswith('"') else _FERMATA.sub("", part)


def abc_meters(text: str) -> set[str]:
    """The meters that an ABC tune's M: fields name, such as {"6/8"}."""
    return {_COMMON.get(meter, meter) for meter in _M_FIELD.findall(text)}


_MODES = {"": "major", "m": "minor", "min": "minor", "maj": "major", "ion": "major", "aeo": "minor"}
_MODES |= {mode[:3]: mode for mode in ("dorian", "phrygian", "lydian", "mixolydian", "locrian")}
_K_FIELD = re.compile(r"(?:^|\[)K:[ \t]*([A-G]?)([#b]?)[ \t]*([A-Za-z]*)", re.MULTILINE)


def abc_key(text: str) -> str:
    """The key that an ABC tune's K: fields name, such as "D mixolydian", or "G major, E minor" where it changes; "" where unknown."""
    return ", ".join(dict.fromkeys(_key_name(*match.groups()) for match in _K_FIELD.finditer(text)))


def _key_name(letter: str, accidental: str, word: str) -> str:
    mode = "major" if word == "M" else _MODES.get(word.lower()[:3], "")
    return f"{letter}{accidental} {mode}" if letter and mode else ""


def _key_of(part: Any) -> str:
    """The keys of a part that say their mode, as `abc_key` writes them; "" where one does not."""
    signatures = list(part.recurse().getElementsByClass("KeySignature"))
    names = [f"{k.tonic.name.replace('-', 'b')} {k.mode}" if getattr(k, "mode", None) else "" for k in signatures]
    return ", ".join(dict.fromkeys(names)) if all(names) else ""
