"""Rules on which pitch classes occur where: start, end, chords.

Conventions: a pitch class is 0-11 with C = 0; a degree is 1-7, counted up a seven-note scale from its tonic: that of the key asked for, or else
of the one that is heard (tonic.py). Melodies come as
token rows (n, T) in one meter, T any whole number of bars. Whole octaves change none of these measures.

Inside: `start_measures`, `end_measures`, `chords_measures`; rows `START`, `END`, `CHORDS`.
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
from musiclc.rules.keys import allowed_bounds
from musiclc.rules.tonic import MODES, heard

# ---- start and end -------------------------------------------------------------------------------------------------

_DEGREE_ORDER = np.array([1, 2, 3, 4, 5, 6, 7, 0])  # of the measures; 0 for a note outside the scale
_CLASSES, _DEGREES = slice(0, 12), slice(12, 20)  # places among the measures
# (mode, semitones above the tonic) → degree, 0 for what is not in the scale
_DEGREE = np.array([[SCALES[mode].index(s) + 1 if s in SCALES[mode] else 0 for s in range(12)] for mode in MODES])


def _one_note_measures(tokens: np.ndarray, step: np.ndarray, meter: str) -> np.ndarray:
    """Pitch class and degree of the notes that begin at `step` (n,), each as 0s and a 1: (n, 20); zeros for a silent melody.

    The degree is that in the key that is heard; a note outside its scale has the eighth.
    """
    classes = (tokens[np.arange(len(tokens)), step].astype(int) + tok.PITCH_OF_TOKEN) % 12
    which, mode, _ = heard(tokens, meter)
    degree = _DEGREE[mode, (classes - which) % 12]
    found = np.concatenate([classes[:, None] == np.arange(12), degree[:, None] == _DEGREE_ORDER], axis=1)
    return np.where(which[:, None] >= 0, found, False).astype(float)


def start_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Pitch class (12) and degree (7 and none) of the first note, each as 0s and a 1: (n, 20); zeros for a silent melody."""
    return _one_note_measures(tokens, tok.onsets(tokens).argmax(axis=1), meter)


def end_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Pitch class (12) and degree (7 and none) of the last note, each as 0s and a 1: (n, 20); zeros for a silent melody."""
    return _one_note_measures(tokens, tokens.shape[1] - 1 - tok.onsets(tokens)[:, ::-1].argmax(axis=1), meter)


def _class_goal(text: str, pitch_class: int) -> Goal:
    return Goal(text, (-math.inf,) * 20, allowed_bounds(np.arange(12) == pitch_class) + allowed_bounds([True] * 8))


def _note_goal(rule: str) -> Callable[[str], Goal]:
    """A parser of a degree 1 to 7, or a pitch class by name."""

    def parse(text: str) -> Goal:
        name = text.strip()
        if name.isdecimal() and 1 <= int(name) <= 7:
            return Goal(str(int(name)), (-math.inf,) * 20, allowed_bounds([True] * 12) + allowed_bounds(np.isin(_DEGREE_ORDER, int(name))))
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
    for first, scale in scales:
        if _asked(goal) == _DEGREES and len(scale) == 7:
            return _class_goal(goal.text, (first + scale[int(goal.text) - 1]) % 12)
    return goal


def _note_rule(name: str, which: str, measure: Measure) -> Rule:
    return Rule(
        name=name,
        about=f"pitch class or degree of the {which} note",
        unit="pitch class",
        span="C..B, 1..7",
        goals="C, F#, Bb, 1, 5",
        source="a degree is one of the key asked for, or else of the one that is heard",
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
