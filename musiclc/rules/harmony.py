"""Rules on which pitch classes occur, and where: key, start, end, chords.

Conventions: a pitch class is 0-11 with C = 0; a degree is 1-7, counted up a seven-note scale from its tonic. Melodies come as
token rows (n, T) in one meter, T any whole number of bars. Whole octaves change none of these measures.

Inside: `key_measures`, `best_key`, `start_measures`, `end_measures`, `chords_measures`; rows `KEY`, `START`, `END`, `CHORDS`.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from musiclc.errors import UsageError
from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS
from musiclc.music.theory import METERS, PITCH_CLASS_NAMES, SCALES, parse_chord, parse_key, parse_pitch_class
from musiclc.rules.base import Constraint, Measure, Rule
from musiclc.rules.goals import Goal

# ---- key -----------------------------------------------------------------------------------------------------------

# Krumhansl and Kessler (1982) probe-tone profiles, tonic first.
MAJOR_PROFILE = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR_PROFILE = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
KEY_NAMES = tuple(f"{tonic} {mode}" for mode in ("major", "minor") for tonic in PITCH_CLASS_NAMES)
_PROFILES = np.stack([np.roll(profile, tonic) for profile in (MAJOR_PROFILE, MINOR_PROFILE) for tonic in range(12)])  # (24, 12)


def key_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Share of the notes that each pitch class has, C first: (n, 12); zeros for a silent melody."""
    onsets = tok.onsets(tokens)
    classes = (tokens.astype(int) + tok.PITCH_OF_TOKEN) % 12
    counts = np.stack([(onsets & (classes == pc)).sum(axis=1) for pc in range(12)], axis=1)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def best_keys(shares: np.ndarray) -> np.ndarray:
    """Number in KEY_NAMES of the key whose probe-tone profile correlates best with each row of pitch-class shares (n, 12): (n,).

    -1 where no key is better than another: no notes, or all twelve pitch classes alike (Krumhansl 1990, ch. 4).
    """
    centred = shares - shares.mean(axis=1, keepdims=True)
    profiles = _PROFILES - _PROFILES.mean(axis=1, keepdims=True)
    profiles = profiles / np.linalg.norm(profiles, axis=1, keepdims=True)
    norm = np.linalg.norm(centred, axis=1, keepdims=True)
    correlation = centred @ profiles.T / np.maximum(norm, 1e-9)  # (n, 24)
    return np.where(norm[:, 0] > 1e-9, correlation.round(9).argmax(axis=1), -1)  # rounded: ties go to the first


def best_key(shares: np.ndarray) -> str:
    """The name of the best major or minor key for pitch-class shares (12,), or "none": see `best_keys`."""
    number = int(best_keys(shares[None])[0])
    return KEY_NAMES[number] if number >= 0 else "none"


def _allowed(held: Sequence[bool] | np.ndarray) -> tuple[float, ...]:
    """Upper bounds of a Bernoulli goal: none for what may occur, 0 for the rest."""
    return tuple(math.inf if may else 0.0 for may in held)


def _key_goal(text: str) -> Goal:
    key = parse_key(text)
    return Goal(key.name, (-math.inf,) * 12, _allowed(key.mask))


def _transposed_key(goal: Goal, semitones: int) -> Goal:
    return Goal(goal.text, goal.low, tuple(np.roll(goal.high, semitones).tolist()))


def _key_value(shares: np.ndarray, goal: Goal | None) -> Any:
    if goal is None:
        return best_key(shares)
    return round(float(shares @ (np.asarray(goal.high) > 0)), 6)


KEY = Rule(
    name="key",
    about="share of notes in the scale",
    unit="share",
    span="0..1",
    goals="C, 'A minor', 'F# dorian', 'G major pentatonic', {0,4,7}",
    source="counting; without a goal the best key by Krumhansl's profiles",
    measures=tuple(f"share of {name}" for name in PITCH_CLASS_NAMES),
    measure=key_measures,
    parse=_key_goal,
    value=_key_value,
    limits=lambda meter: (0.0, 1.0),
    family="bernoulli",
    transpose=_transposed_key,
    allowed=lambda goal: (np.asarray(goal.high) > 0)[np.arange(128) % 12],
)


# ---- start and end -------------------------------------------------------------------------------------------------

_DEGREE_ORDER = np.array([1, 2, 3, 4, 5, 6, 7, 0])  # of the measures; 0 for a note outside the scale
_CLASSES, _DEGREES = slice(0, 12), slice(12, 20)  # places among the measures
# (mode, semitones above the tonic) → degree, 0 for what is not in the scale; modes in the order of KEY_NAMES
_DEGREE = np.array([[SCALES[mode].index(s) + 1 if s in SCALES[mode] else 0 for s in range(12)] for mode in ("major", "minor")])


def _one_note_measures(tokens: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Pitch class and degree of the notes that begin at `step` (n,), each as 0s and a 1: (n, 20); zeros for a silent melody.

    The degree is that in the melody's own best major or minor key, seen from the note: among equally good keys the one whose
    tonic is next above it, so that transposition changes no degree. A note outside that scale has the eighth.
    """
    rows = np.arange(len(tokens))
    classes = (tokens[rows, step].astype(int) + tok.PITCH_OF_TOKEN) % 12
    shares = key_measures(tokens, "4/4")  # pitch classes do not depend on the meter
    seen = np.take_along_axis(shares, (classes[:, None] + np.arange(12)) % 12, axis=1)  # the note's own pitch class first
    key = best_keys(seen)
    degree = np.where(key >= 0, _DEGREE[key // 12, -key % 12], 0)
    found = np.concatenate([classes[:, None] == np.arange(12), degree[:, None] == _DEGREE_ORDER], axis=1)
    return np.where(tok.onsets(tokens).any(axis=1, keepdims=True), found, False).astype(float)


def start_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Pitch class (12) and degree (7 and none) of the first note, each as 0s and a 1: (n, 20); zeros for a silent melody."""
    return _one_note_measures(tokens, tok.onsets(tokens).argmax(axis=1))


def end_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Pitch class (12) and degree (7 and none) of the last note, each as 0s and a 1: (n, 20); zeros for a silent melody."""
    return _one_note_measures(tokens, tokens.shape[1] - 1 - tok.onsets(tokens)[:, ::-1].argmax(axis=1))


def _class_goal(text: str, pitch_class: int) -> Goal:
    return Goal(text, (-math.inf,) * 20, _allowed(np.arange(12) == pitch_class) + _allowed([True] * 8))


def _note_goal(rule: str) -> Callable[[str], Goal]:
    """A parser of a degree 1 to 7, or a pitch class by name."""

    def parse(text: str) -> Goal:
        name = text.strip()
        if name.isdecimal() and 1 <= int(name) <= 7:
            return Goal(str(int(name)), (-math.inf,) * 20, _allowed([True] * 12) + _allowed(np.isin(_DEGREE_ORDER, int(name))))
        try:
            return _class_goal(name[:1].upper() + name[1:], parse_pitch_class(name))
        except UsageError as error:
            raise UsageError(f"{rule} {text!r}: wanted a pitch class without octave, such as C, F# or Bb, or a degree 1 to 7 of the key") from error

    return parse


def _asked(goal: Goal) -> slice:
    """Which measures a start or end goal is about: those of the pitch class or those of the degree."""
    return _CLASSES if 0.0 in goal.high[_CLASSES] else _DEGREES


def _note_grade(measures: np.ndarray, goal: Goal) -> np.ndarray:
    """1 where the note is the one asked for, 0 elsewhere: (n,)."""
    asked = _asked(goal)
    return measures[:, asked] @ (np.asarray(goal.high[asked]) > 0)


def _note_value(measures: np.ndarray, goal: Goal | None) -> Any:
    """The note's pitch class by name, or for a degree goal its degree; None where there is none."""
    asked = _CLASSES if goal is None else _asked(goal)
    found = np.flatnonzero(measures[asked])
    if not len(found):
        return None
    return PITCH_CLASS_NAMES[found[0]] if asked == _CLASSES else int(_DEGREE_ORDER[found[0]]) or None


def _transposed_note(goal: Goal, semitones: int) -> Goal:
    classes = np.roll(goal.high[_CLASSES], semitones)
    return Goal(goal.text, goal.low, (*classes.tolist(), *goal.high[_DEGREES]))


def _settled_note(goal: Goal, others: Sequence[Constraint]) -> Goal:
    """A degree as that of the key asked for, when that has seven notes; the text stays."""
    keys = [parse_key(c.goal.text) for c in others if c.rule.name == "key"]
    scales = [(key.tonic, sorted((pc - key.tonic) % 12 for pc in key.pitch_classes)) for key in keys if key.tonic is not None]
    for tonic, scale in scales:
        if _asked(goal) == _DEGREES and len(scale) == 7:
            return _class_goal(goal.text, (tonic + scale[int(goal.text) - 1]) % 12)
    return goal


def _note_rule(name: str, which: str, measure: Measure) -> Rule:
    return Rule(
        name=name,
        about=f"pitch class or degree of the {which} note",
        unit="pitch class",
        span="C..B, 1..7",
        goals="C, F#, Bb, 1, 5",
        source="a degree is one of the key asked for, or else of the best key by Krumhansl's profiles",
        measures=tuple(f"{which} note is {pc}" for pc in PITCH_CLASS_NAMES) + tuple(f"{which} note is degree {d}" for d in (*range(1, 8), "none")),
        measure=measure,
        parse=_note_goal(name),
        value=_note_value,
        limits=lambda meter: (0.0, 1.0),
        family="bernoulli",
        transpose=_transposed_note,
        settle=_settled_note,
        grade=_note_grade,
    )


START = _note_rule("start", "first", start_measures)
END = _note_rule("end", "last", end_measures)


# ---- chords --------------------------------------------------------------------------------------------------------

MOST_NOTES = 0.75  # share of notes in their bar's chord from which on a progression is met


def chords_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """For each of four places in the phrase (bar index modulo 4) and pitch class, the share of all notes there: (n, 48).

    Places first, C first in each; NaN for a silent melody.
    """
    onsets = tok.onsets(tokens)
    classes = (tokens.astype(int) + tok.PITCH_OF_TOKEN) % 12
    place = np.arange(tokens.shape[1]) // METERS[meter] % PHRASE_BARS
    counts = [(onsets & (classes == pc) & (place == p)).sum(axis=1) for p in range(PHRASE_BARS) for pc in range(12)]
    notes = onsets.sum(axis=1, keepdims=True)
    return np.where(notes > 0, np.stack(counts, axis=1) / np.maximum(notes, 1), np.nan)


def _chords_goal(text: str) -> Goal:
    """A progression, a chord a bar: one, two or four of them, since a phrase has four bars."""
    names = text.replace("|", " ").replace(",", " ").split()
    if len(names) not in (1, 2, PHRASE_BARS):
        raise UsageError(
            f"chords {text!r}: {len(names)} chords; wanted 1, 2 or 4, one a bar of a four-bar phrase, such as 'C G Am F' "
            "(quoted for the shell; write a chord again where it lasts longer)"
        )
    chords = [parse_chord(name) for name in names]
    mix = tuple(float(pc in chords[place % len(chords)]) for place in range(PHRASE_BARS) for pc in range(12))
    return Goal(" ".join(names), (MOST_NOTES,), (math.inf,), mix)


def _transposed_chords(goal: Goal, semitones: int) -> Goal:
    mix = np.roll(np.asarray(goal.mix, float).reshape(PHRASE_BARS, 12), semitones, axis=1)
    return Goal(goal.text, goal.low, goal.high, tuple(mix.ravel().tolist()))


def _chords_value(measures: np.ndarray, goal: Goal | None) -> Any:
    """The share of notes in their bar's chord; None without a progression, and for a silent melody."""
    if goal is None or np.isnan(measures).any():
        return None
    return round(float(measures @ np.asarray(goal.mix)), 6)


CHORDS = Rule(
    name="chords",
    about="share of notes in their bar's chord",
    unit="share",
    span="0..1; met from 0.75 on",
    goals="'C G Am F', 'Dm7 G7', Am, 'Bb F Gm7 Ebmaj7'",
    source="counting; chords as MusicXML 4.0 defines their kinds, one a bar, repeated",
    measures=tuple(f"share of {pc} in bar {place + 1}" for place in range(PHRASE_BARS) for pc in PITCH_CLASS_NAMES),
    measure=chords_measures,
    parse=_chords_goal,
    value=_chords_value,
    limits=lambda meter: (0.0, 1.0),
    tolerance=0.25,
    transpose=_transposed_chords,
)
