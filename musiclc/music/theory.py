"""Pitch names, scales, keys, chords and meters: tables, and the few functions that read them.

Conventions: a pitch is a MIDI number, C4 = 60 (scientific pitch notation). A pitch class is 0-11 with
C = 0. A scale is a tuple of pitch classes above its tonic. A step is a sixteenth note.

Inside: `SCALES`, `CHORDS`, `METERS`, `steps_of`, `check_meter`, `parse_pitch`, `parse_pitch_class`, `pitch_name`, `parse_key`, `Key`, `parse_chord`.
"""

import re
from dataclasses import dataclass

from musiclc.errors import UsageError

LOWEST_PITCH, HIGHEST_PITCH = 21, 108  # the piano: A0 to C8
STEPS_PER_QUARTER = 4

# Steps (sixteenths) a bar. 2/2 is read as 4/4.
METERS: dict[str, int] = {"4/4": 16, "3/4": 12, "6/8": 12, "2/4": 8, "3/8": 6, "9/8": 18, "12/8": 24}
LONGEST_BAR = max(METERS.values())  # steps
METER_NAMES = tuple(METERS)  # a meter's number in arrays is its place here
# The meters of the networks of four-bar phrases, of their files and of the windows that they learn from, with the same numbers. 2/4 is read
# in pairs of bars, as 4/4, for them.
PHRASE_METERS = ("4/4", "3/4", "6/8")

# Semitones above the tonic. Church modes: Powers, "Mode", Grove Music Online. "blues" is the hexatonic minor blues scale.
SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "ionian": (0, 2, 4, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "aeolian": (0, 2, 3, 5, 7, 8, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "chromatic": tuple(range(12)),
}
_SCALE_ALIASES = {"": "major", "maj": "major", "m": "minor", "min": "minor", "natural minor": "minor", "pentatonic": "major pentatonic"}

# Semitones above the root, as the `kind` values of MusicXML 4.0's harmony element define them; written behind the root.
CHORDS: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "5": (0, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "mmaj7": (0, 3, 7, 11),
    "dim7": (0, 3, 6, 9),
    "m7b5": (0, 3, 6, 10),
    "9": (0, 2, 4, 7, 10),
    "maj9": (0, 2, 4, 7, 11),
    "m9": (0, 2, 3, 7, 10),
}
_CHORD_ALIASES = {"maj": "", "M": "", "min": "m", "M7": "maj7", "min7": "m7", "°": "dim", "°7": "dim7", "+": "aug", "sus": "sus4", "ø": "m7b5"}

_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"#": 1, "♯": 1, "b": -1, "♭": -1}
PITCH_CLASS_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")

_TONIC = re.compile(r"\s*([A-Ga-g])([#b♯♭]{0,2})(.*)", re.DOTALL)
_PITCH_CLASS = re.compile(r"\s*([A-Ga-g])([#b♯♭]{0,2})\s*")
_CHORD = re.compile(r"\s*([A-G])([#b♯♭]{0,2})(\S*)\s*")
_PITCH = re.compile(r"\s*([A-Ga-g])([#b♯♭]{0,2})(-?\d+)\s*")


def pitch_name(pitch: int) -> str:
    """The name of a MIDI pitch, such as 60 → "C4"."""
    return f"{PITCH_CLASS_NAMES[pitch % 12]}{pitch // 12 - 1}"


def _semitones(letter: str, accidentals: str) -> int:
    """Semitones from C to a letter with accidentals: -2 to 13."""
    return _LETTERS[letter.upper()] + sum(_ACCIDENTALS[a] for a in accidentals)


def parse_pitch_class(text: str) -> int:
    """A pitch class 0-11 from a name without octave, such as "F#" or "Bb". Raises UsageError otherwise."""
    match = _PITCH_CLASS.fullmatch(text)
    if not match:
        raise UsageError(f"pitch class {text!r}: wanted a name without octave, such as C, F# or Bb")
    return _semitones(*match.groups()) % 12


def parse_pitch(text: str) -> int:
    """A MIDI pitch from a name ("F#4", "Bb3") or a number ("66"). Raises UsageError when it is neither, or outside 0-127."""
    match = _PITCH.fullmatch(text)
    if match:
        letter, accidentals, octave = match.groups()
        pitch = _semitones(letter, accidentals) + 12 * (int(octave) + 1)
    elif re.fullmatch(r"\s*\d+\s*", text):
        pitch = int(text)
    else:
        raise UsageError(f"pitch {text!r}: wanted a name with its octave such as C4 or F#3, or a MIDI number (C4 = 60)")
    if not 0 <= pitch <= 127:
        raise UsageError(f"pitch {text!r} is MIDI number {pitch}: wanted 0 to 127 (C4 = 60)")
    return pitch


@dataclass(frozen=True)
class Key:
    """A set of pitch classes with a name: what the rule `key` asks for.

    pitch_classes: sorted pitch classes 0-11. tonic: pitch class, or None when the key was given as a bare set.
    """

    name: str
    pitch_classes: tuple[int, ...]
    tonic: int | None = None

    @property
    def mask(self) -> tuple[bool, ...]:
        """Twelve booleans, C first: which pitch classes the key holds."""
        return tuple(pc in self.pitch_classes for pc in range(12))


def parse_key(text: str) -> Key:
    """A key from text: "C", "A minor", "F# dorian", "Bb major pentatonic" or a set of pitch classes "{0,4,7}".

    A tonic alone means major, as in `--key C`; "Am" and "A min" mean A minor. Raises UsageError otherwise.
    """
    stripped = text.strip()
    if stripped.startswith("{") and stripped.endswith("}"):
        return _pitch_class_set(stripped)
    match = _TONIC.fullmatch(text)
    if not match:
        raise UsageError(f"key {text!r}: wanted a tonic A to G with a mode, such as C, 'A minor' or 'F# dorian', or a set such as {{0,4,7}}")
    letter, accidentals, mode = match.groups()
    mode = " ".join(mode.replace("-", " ").lower().split())
    mode = _SCALE_ALIASES.get(mode, mode)
    if mode not in SCALES:
        raise UsageError(f"key {text!r}: unknown mode {mode!r}; wanted one of {', '.join(SCALES)}")
    tonic = _semitones(letter, accidentals) % 12
    name = f"{letter.upper()}{accidentals} {mode}"
    return Key(name, tuple(sorted((tonic + s) % 12 for s in SCALES[mode])), tonic)


def _pitch_class_set(text: str) -> Key:
    parts = text[1:-1].replace(",", " ").split()
    if not parts or any(not p.isdecimal() or int(p) > 11 for p in parts):
        raise UsageError(f"key {text!r}: wanted pitch classes 0 to 11 in braces, such as {{0,4,7}} (C = 0)")
    classes = tuple(sorted({int(p) for p in parts}))
    return Key("{" + ",".join(map(str, classes)) + "}", classes)


def parse_chord(text: str) -> frozenset[int]:
    """The pitch classes of a chord such as "C", "F#m", "Bbmaj7" or "Bm7b5". Raises UsageError when it is no such chord."""
    match = _CHORD.fullmatch(text)
    if not match:
        raise UsageError(f"chord {text!r}: wanted a capital root A to G with its kind, such as C, Am, F#dim or Bbmaj7")
    letter, accidentals, kind = match.groups()
    kind = _CHORD_ALIASES.get(kind, kind)
    if kind not in CHORDS:
        raise UsageError(
            f"chord {text!r}: unknown kind {kind!r}; wanted none (major) or one of {', '.join(filter(None, CHORDS))}; spaces part chords"
        )
    return frozenset((_semitones(letter, accidentals) + s) % 12 for s in CHORDS[kind])


def check_meter(meter: str) -> str:
    """The meter itself when it is one of METERS; raises UsageError otherwise."""
    if meter not in METERS:
        raise UsageError(f"meter {meter!r}: wanted one of {', '.join(METERS)} (2/2 is written as 4/4)")
    return meter


def steps_of(meter: str) -> tuple[int, int]:
    """Steps (sixteenths) a bar and a beat of any meter such as "9/8": a beat is three eighths in 3/8, 6/8, 9/8 and 12/8, else what the lower
    number says.
    """
    upper, lower = map(int, meter.split("/"))
    part = 4 * STEPS_PER_QUARTER // lower
    return upper * part, 3 * part if lower == 8 and upper % 3 == 0 else part
