"""Rules on how high a melody lies and how its pitch changes: range, span, register, contour, motion, steps, no_repeat.

Conventions: a pitch is a MIDI number; an *interval* is the distance from a note to the next one, in semitones, up positive, repeats included (0).
Melodies come as token rows (n, T) in one meter, T any whole number of bars; a measure is NaN where it is undefined.

Inside: for each rule its measuring function, such as `range_measures`, and its row, such as `RANGE`.
"""

import math
import re
from typing import Any

import numpy as np

from musiclc.errors import UsageError
from musiclc.music import tokens as tok
from musiclc.music.form import MOST_BARS
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH, METERS, parse_pitch, pitch_name
from musiclc.rules.base import Rule, number_goal, plain, transposed_pitches
from musiclc.rules.goals import Goal, interval

WIDEST = HIGHEST_PITCH - LOWEST_PITCH  # semitones: 87
WHOLE_TONE = 2  # semitones: the largest interval that is a step


def _where_defined(values: np.ndarray, defined: np.ndarray) -> np.ndarray:
    """values (n,) as measures (n, 1), NaN where not defined (n,)."""
    return np.where(defined, values, np.nan)[:, None]


def _intervals(tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Semitones from the note before to each note, 0 elsewhere, int (n, T); and where there are such intervals, bool (n, T)."""
    onsets, pitches = tok.onsets(tokens), tokens.astype(int) + tok.PITCH_OF_TOKEN
    latest = np.maximum.accumulate(np.where(onsets, np.arange(tokens.shape[1]), -1), axis=1)
    before = np.concatenate([np.full((len(tokens), 1), -1), latest[:, :-1]], axis=1)  # step of the note before, or -1
    present = onsets & (before >= 0)
    return np.where(present, pitches - np.take_along_axis(pitches, np.maximum(before, 0), axis=1), 0), present


# ---- range and span ------------------------------------------------------------------------------------------------


def range_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Lowest and highest pitch, MIDI numbers: (n, 2); NaN for a silent melody."""
    onsets = tok.onsets(tokens)
    pitches = tokens.astype(float) + tok.PITCH_OF_TOKEN
    low = np.where(onsets, pitches, np.inf).min(axis=1)
    high = np.where(onsets, pitches, -np.inf).max(axis=1)
    both = np.stack([low, high], axis=1)
    return np.where(np.isfinite(both), both, np.nan)


def _range_goal(text: str) -> Goal:
    low, dots, high = text.partition("..")
    if not dots:
        raise UsageError(f"range {text!r}: wanted lowest..highest pitch, such as C4..C6 or 60..84")
    lowest, highest = parse_pitch(low), parse_pitch(high)
    if lowest > highest:
        raise UsageError(f"range {text!r}: the lowest pitch comes first, as in {high.strip()}..{low.strip()}")
    return Goal(f"{pitch_name(lowest)}..{pitch_name(highest)}", (lowest, -math.inf), (math.inf, highest))


def _pitches(measures: np.ndarray, goal: Goal | None) -> Any:
    """Lowest and highest pitch as JSON; None where undefined."""
    return [None if np.isnan(v) else int(v) for v in measures]


RANGE = Rule(
    name="range",
    about="lowest and highest pitch",
    unit="MIDI pitch",
    span="A0..C8 (21..108)",
    goals="C4..C6, 60..84",
    source="counting",
    measures=("lowest pitch", "highest pitch"),
    measure=range_measures,
    parse=_range_goal,
    value=_pitches,
    limits=lambda meter: (float(LOWEST_PITCH), float(HIGHEST_PITCH)),
    transpose=transposed_pitches,
    octaves=True,
    allowed=lambda goal: (np.arange(128) >= goal.low[0]) & (np.arange(128) <= goal.high[1]),
)


def span_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Highest minus lowest pitch, semitones 0-87: (n, 1); NaN for a silent melody."""
    both = range_measures(tokens, meter)
    return both[:, 1:] - both[:, :1]


SPAN = Rule(
    name="span",
    about="highest minus lowest pitch",
    unit="semitones",
    span="0..87",
    goals="12, 7..12, '>=12', '<=7'",
    source="counting",
    measures=("semitones",),
    measure=span_measures,
    parse=number_goal("span", 1.0),
    value=plain,
    limits=lambda meter: (0.0, float(WIDEST)),
)


# ---- register ------------------------------------------------------------------------------------------------------

REGISTERS = {"low": (-math.inf, 60.0), "middle": (60.0, 72.0), "high": (72.0, math.inf)}
_PITCH_NAME = re.compile(r"(?<![\w#♯♭])[A-Ga-g][#b♯♭]{0,2}-?\d+")


def register_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Mean pitch over the notes, each counting once, MIDI number: (n, 1); NaN for a silent melody."""
    onsets = tok.onsets(tokens)
    total = ((tokens.astype(int) + tok.PITCH_OF_TOKEN) * onsets).sum(axis=1)
    notes = onsets.sum(axis=1)
    return _where_defined(total / np.maximum(notes, 1), notes > 0)


def _register_goal(text: str) -> Goal:
    """As any number, but a pitch's name may stand for its number: "C5" is near 72."""
    numbers = _PITCH_NAME.sub(lambda name: str(parse_pitch(name[0])), text)
    goal = number_goal("register", 1.0, REGISTERS)(numbers)
    return goal if numbers == text else Goal(text.strip(), goal.low, goal.high)


REGISTER = Rule(
    name="register",
    about="mean pitch",
    unit="MIDI pitch",
    span="A0..C8 (21..108)",
    goals="high, middle, low, C5, 72, 67..74, '>=72'",
    source="counting; low is up to C4, high from C5 on",
    measures=("mean pitch",),
    measure=register_measures,
    parse=_register_goal,
    value=plain,
    limits=lambda meter: (float(LOWEST_PITCH), float(HIGHEST_PITCH)),
    transpose=transposed_pitches,
    octaves=True,
)


# ---- contour -------------------------------------------------------------------------------------------------------

_ANY = (-math.inf, math.inf)
# Bounds on the slopes of the whole, of the first half and of the second half; semitones a bar.
CONTOURS = {
    "up": ((1.0, math.inf), _ANY, _ANY),
    "down": ((-math.inf, -1.0), _ANY, _ANY),
    "level": ((-0.5, 0.5), _ANY, _ANY),
    "arch": (_ANY, (1.0, math.inf), (-math.inf, -1.0)),
    "valley": (_ANY, (-math.inf, -1.0), (1.0, math.inf)),
}


def _slope(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Least-squares slope of pitch over onset, semitones a bar: (n,); NaN below two notes. Exact in integers until the end."""
    onsets = tok.onsets(tokens)
    pitches = np.where(onsets, tokens.astype(int) + tok.PITCH_OF_TOKEN, 0)
    steps = np.arange(tokens.shape[1]) * onsets
    notes, time, pitch = onsets.sum(axis=1), steps.sum(axis=1), pitches.sum(axis=1)
    together = notes * (steps * pitches).sum(axis=1) - time * pitch
    alone = notes * (steps**2).sum(axis=1) - time**2
    return np.where(notes > 1, METERS[meter] * together / np.maximum(alone, 1), np.nan)


def contour_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Slope of pitch over onset, semitones a bar, of the whole, of its first and of its second half: (n, 3).

    NaN for a part with fewer than two notes. A note belongs to the half in which it begins.
    """
    half = tokens.shape[1] // 2
    return np.stack([_slope(part, meter) for part in (tokens, tokens[:, :half], tokens[:, half:])], axis=1)


def _contour_goal(text: str) -> Goal:
    word = text.strip().lower()
    bounds = CONTOURS.get(word) or (interval(text, 1.0, "contour", tuple(CONTOURS)), _ANY, _ANY)
    low, high = zip(*bounds, strict=True)
    return Goal(word if word in CONTOURS else text.strip(), low, high)


CONTOUR = Rule(
    name="contour",
    about="slope of pitch over time",
    unit="semitones a bar",
    span="-1392..1392 in 4/4, 87 a sixteenth of the bar; most melodies within -3..3",
    goals="up, down, level, arch, valley, 2, 1..3, '>=1'",
    source="least squares; arch and valley by the slopes of both halves, after Huron 1996",
    measures=("slope", "slope of the first half", "slope of the second half"),
    measure=contour_measures,
    parse=_contour_goal,
    value=plain,
    limits=lambda meter: (-float(WIDEST * METERS[meter]), float(WIDEST * METERS[meter])),
)


# ---- motion and steps ----------------------------------------------------------------------------------------------


def motion_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Sum of the absolute intervals, semitones a bar: (n, 1); 0 for one note, NaN for a silent melody."""
    intervals, _ = _intervals(tokens)
    bars = tokens.shape[1] / METERS[meter]
    return _where_defined(np.abs(intervals).sum(axis=1) / bars, tok.onsets(tokens).sum(axis=1) > 0)


MOTION = Rule(
    name="motion",
    about="sum of absolute pitch steps",
    unit="semitones a bar",
    span="0..1392 in 4/4, 87 a sixteenth of the bar; most melodies within 5..30",
    goals="10, 8..16, '>=12', '<=6'",
    source="counting",
    measures=("semitones a bar",),
    measure=motion_measures,
    parse=number_goal("motion", 2.0),
    value=plain,
    limits=lambda meter: (0.0, float(WIDEST * METERS[meter])),
    tolerance=2.0,
)


def steps_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Share of the intervals that are at most a whole tone, repeats included, 0-1: (n, 1); NaN below two notes."""
    intervals, present = _intervals(tokens)
    number = present.sum(axis=1)
    small = (present & (np.abs(intervals) <= WHOLE_TONE)).sum(axis=1)
    return _where_defined(small / np.maximum(number, 1), number > 0)


STEPS = Rule(
    name="steps",
    about="share of intervals of at most a whole tone",
    unit="share",
    span="0..1",
    goals="0.7, 0.5..0.8, '>=0.8', '<=0.4'",
    source="counting; repeated notes count as steps",
    measures=("share of intervals",),
    measure=steps_measures,
    parse=number_goal("steps", 0.05),
    value=plain,
    limits=lambda meter: (0.0, 1.0),
    tolerance=0.05,
)


# ---- no_repeat -----------------------------------------------------------------------------------------------------


def no_repeat_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Notes in the longest run of notes of one pitch, and how many runs are as long: (n, 2); NaN for a silent melody.

    Notes follow each other whatever silence is between them; a run of one note is a run.
    """
    onsets = tok.onsets(tokens)
    intervals, present = _intervals(tokens)
    place = np.cumsum(onsets, axis=1)  # of each note, from 1
    first = np.maximum.accumulate(np.where(onsets & ~(present & (intervals == 0)), place, 0), axis=1)  # place of the first of its run
    run = np.where(onsets, place - first + 1, 0)  # notes of its run up to each
    longest = run.max(axis=1, initial=0)
    as_long = ((run == longest[:, None]) & onsets).sum(axis=1)
    return np.where(longest[:, None] > 0, np.stack([longest, as_long], axis=1), np.nan)


def _no_repeat_goal(text: str) -> Goal:
    """As any number, but a bare one is the most that there may be."""
    low, high = interval(text, 0.0, "no_repeat")
    bare = low == high and ".." not in text
    return Goal(text.strip(), (-math.inf if bare else low, -math.inf), (high, math.inf))


def _no_repeat_grade(measures: np.ndarray, goal: Goal) -> np.ndarray:
    """As any number's, but with each of several longest runs too long counting a little, so that to shorten one of them is worth something."""
    longest, as_long = measures[:, 0], measures[:, 1]
    over = np.where(longest > goal.high[0], longest - 1 + as_long / (as_long + 1) - np.floor(goal.high[0]), 0)
    distance = over + np.maximum(np.ceil(goal.low[0]) - longest, 0)
    return np.where(np.isnan(longest), 0.0, 1 / (1 + np.nan_to_num(distance)))


NO_REPEAT = Rule(
    name="no_repeat",
    about="most notes in a row on one pitch",
    unit="notes",
    span="1 and more",
    goals="2, 1, '<=3', 2..4, '>=4'",
    source="counting; a bare number is the most that there may be, and silence between two notes parts no run",
    measures=("notes in a row", "runs of so many"),
    measure=no_repeat_measures,
    parse=_no_repeat_goal,
    value=plain,
    limits=lambda meter: (1.0, float(MOST_BARS * METERS[meter])),
    grade=_no_repeat_grade,
    judged=True,
)
