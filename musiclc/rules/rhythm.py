"""Rules on when notes begin and how long they last: density, complexity, syncopation, repetition, rests, longest.

Conventions: a step is a sixteenth; a *beat* is a quarter in 2/4, 3/4 and 4/4 and a dotted quarter in 3/8, 6/8, 9/8 and 12/8. Melodies come as
token rows (n, T) in one meter, T any whole number of bars; a measure is NaN where it is undefined. Transposition changes none of them.

A meter is a hierarchy of levels (Lerdahl and Jackendoff 1983), each a row of evenly spaced steps among those of the next: the bar, its halves
where it has four beats, its beats, eighths, sixteenths. A step's weight is the number of levels that it belongs to. In 4/4 these are Toussaint's
(2002) weights: 5 1 2 1 3 1 2 1 4 1 2 1 3 1 2 1.

Inside: for each rule its measuring function, such as `density_measures`, and its row, such as `DENSITY`.
"""

import numpy as np

from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS
from musiclc.music.theory import METERS, STEPS_PER_QUARTER, steps_of
from musiclc.rules.base import Rule, number_goal, plain

# Steps from one to the next on each level: bar, half bar of four beats, beat, eighth, sixteenth. In 3/8 the bar is the beat.
LEVELS = {
    "4/4": (16, 8, 4, 2, 1),
    "3/4": (12, 4, 2, 1),
    "6/8": (12, 6, 2, 1),
    "2/4": (8, 4, 2, 1),
    "3/8": (6, 2, 1),
    "9/8": (18, 6, 2, 1),
    "12/8": (24, 12, 6, 2, 1),
}
# How strong each step of a bar is.
WEIGHTS = {meter: tuple(sum(step % apart == 0 for apart in levels) for step in range(METERS[meter])) for meter, levels in LEVELS.items()}


def _bars(steps: np.ndarray, meter: str) -> np.ndarray:
    """(n, bars × steps a bar) → (n, bars, steps a bar)."""
    return steps.reshape(len(steps), steps.shape[1] // METERS[meter], METERS[meter])


# ---- density -------------------------------------------------------------------------------------------------------


def density_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Notes a bar: (n, 1)."""
    bars = tokens.shape[1] / METERS[meter]
    return tok.onsets(tokens).sum(axis=1, keepdims=True) / bars


DENSITY = Rule(
    name="density",
    about="notes a bar",
    unit="notes a bar",
    span="0..16 in 4/4: the sixteenths of a bar",
    goals="6, 4..8, '>=8', '>8', '<=3', '<3'",
    source="counting (Engel et al. 2018, §5)",
    measures=("notes a bar",),
    measure=density_measures,
    parse=number_goal("density", 0.5),
    value=plain,
    limits=lambda meter: (0.0, float(METERS[meter])),
    tolerance=0.5,
    notes=lambda goal, bars: (goal.low[0] * bars, goal.high[0] * bars),
)


# ---- complexity ----------------------------------------------------------------------------------------------------


def _strongest(meter: str) -> np.ndarray:
    """The largest sum of weights that 0, 1, 2, … onsets in a bar can have: int (steps a bar + 1,)."""
    return np.concatenate([[0], np.cumsum(sorted(WEIGHTS[meter], reverse=True))])


def complexity_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Toussaint's metrical complexity, mean over the bars: (n, 1).

    A bar's is the largest sum of weights that so many onsets could have, minus theirs: 0 for a bar on the strongest steps, and
    for an empty one.
    """
    onsets = _bars(tok.onsets(tokens), meter)
    theirs = (onsets * np.asarray(WEIGHTS[meter])).sum(axis=2)
    return (_strongest(meter)[onsets.sum(axis=2)] - theirs).mean(axis=1, keepdims=True)


def most_complex(meter: str) -> int:
    """The highest complexity of any bar, whose onsets all stand on the weakest steps: 15 in 4/4, 10 in 3/4, 9 in 6/8, 7 in 2/4, 4 in 3/8, 13 in 9/8,
    19 in 12/8.
    """
    weakest = np.concatenate([[0], np.cumsum(sorted(WEIGHTS[meter]))])
    return int((_strongest(meter) - weakest).max())


COMPLEXITY = Rule(
    name="complexity",
    about="metrical complexity of the onsets",
    unit="weight a bar",
    span="0..15 in 4/4 (10 in 3/4, 9 in 6/8, 7 in 2/4, 4 in 3/8, 13 in 9/8, 19 in 12/8)",
    goals="4, 2..6, '>=5', '<=1'",
    source="Toussaint 2002, metrical complexity; weights after Lerdahl and Jackendoff 1983",
    measures=("weight a bar",),
    measure=complexity_measures,
    parse=number_goal("complexity", 1.0),
    value=plain,
    limits=lambda meter: (0.0, float(most_complex(meter))),
)


# ---- syncopation ---------------------------------------------------------------------------------------------------


def syncopation_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Share of the notes that begin off the beat and still sound on the next beat, 0-1: (n, 1); NaN for a silent melody."""
    lengths, beat = tok.durations(tokens), steps_of(meter)[1]
    behind = np.arange(tokens.shape[1]) % beat  # steps since the beat
    over = (behind > 0) & (behind + lengths > beat) & (lengths > 0)
    notes = (lengths > 0).sum(axis=1, keepdims=True)
    return np.where(notes > 0, over.sum(axis=1, keepdims=True) / np.maximum(notes, 1), np.nan)


SYNCOPATION = Rule(
    name="syncopation",
    about="share of notes that begin off the beat and are held over the next",
    unit="share",
    span="0..1",
    goals="0.2, 0.1..0.3, '>=0.3', '<=0.05'",
    source="counting; the beat is a quarter, in 3/8, 6/8, 9/8 and 12/8 a dotted quarter",
    measures=("share of notes",),
    measure=syncopation_measures,
    parse=number_goal("syncopation", 0.05),
    value=plain,
    limits=lambda meter: (0.0, 1.0),
    tolerance=0.05,
)


# ---- repetition ----------------------------------------------------------------------------------------------------


def _came_before(bars: np.ndarray) -> np.ndarray:
    """Whether each bar of (n, bars, steps) equals an earlier one: bool (n, bars)."""
    repeats = np.zeros(bars.shape[:2], bool)
    for bar in range(1, bars.shape[1]):
        repeats[:, bar] = (bars[:, :bar] == bars[:, bar : bar + 1]).all(axis=2).any(axis=1)
    return repeats


def repetition_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Share of the bars whose rhythm of onsets, or whose sequence of pitches, is that of an earlier bar, 0-1: (n, 1).

    A bar without onsets repeats nothing. In four bars the measure is 0, 0.25, 0.5 or 0.75.
    """
    bars = _bars(tokens, meter)
    onsets = tok.onsets(bars)
    first = np.argsort(~onsets, axis=2, kind="stable")  # onsets first, in order of time
    sequences = np.take_along_axis(np.where(onsets, bars, tok.REST), first, axis=2)
    repeats = (_came_before(onsets) | _came_before(sequences)) & onsets.any(axis=2)
    return repeats.mean(axis=1, keepdims=True)


REPETITION = Rule(
    name="repetition",
    about="share of bars whose rhythm or pitches came before",
    unit="share",
    span="0..1; in four bars 0, 0.25, 0.5 or 0.75",
    goals="0.5, '>=0.5', '<=0.25', 0",
    source="counting",
    measures=("share of bars",),
    measure=repetition_measures,
    parse=number_goal("repetition", 0.1),
    value=plain,
    limits=lambda meter: (0.0, 1.0),
    tolerance=0.1,
)


# ---- rests and longest ---------------------------------------------------------------------------------------------


def rests_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Share of the steps that are silent, 0-1: (n, 1)."""
    return (tok.sounding(tokens) < 0).mean(axis=1, keepdims=True)


RESTS = Rule(
    name="rests",
    about="share of time silent",
    unit="share",
    span="0..1",
    goals="0.1, 0.1..0.3, '>=0.2', '<=0.05'",
    source="counting sixteenths",
    measures=("share of time",),
    measure=rests_measures,
    parse=number_goal("rests", 0.05),
    value=plain,
    limits=lambda meter: (0.0, 1.0),
    tolerance=0.05,
)


def longest_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Length of the longest note, quarters: (n, 1); 0 for a silent melody."""
    return tok.durations(tokens).max(axis=1, keepdims=True) / STEPS_PER_QUARTER


LONGEST = Rule(
    name="longest",
    about="longest note",
    unit="quarters",
    span="0..16 in 4/4: four bars",
    goals="2, 1..4, '>=4', '<=1'",
    source="counting sixteenths",
    measures=("quarters",),
    measure=longest_measures,
    parse=number_goal("longest", 0.25),
    value=plain,
    limits=lambda meter: (0.0, PHRASE_BARS * METERS[meter] / STEPS_PER_QUARTER),
    tolerance=0.25,
)
