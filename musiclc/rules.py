"""Every rule, and the RULES table that all the rest reads: options, critics, `musiclc rules`, README.

A rule measures melodies: vectorised over a batch of token rows (n, T) in one meter, it gives *measures* (n, m), which a critic
learns to foretell from latent points. A goal bounds the measures; the value reported is one number for people.

Adding a rule: a measuring function and its row in RULES, a hand-worked test, a row in README.

Inside: `Rule`, `key_measures`, `density_measures`, `range_measures`, `best_key`, `RULES`, `parse_constraint`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from musiclc import tokens as tok
from musiclc.errors import UsageError
from musiclc.goals import Constraint, Goal, distance_score, interval
from musiclc.theory import METERS, PITCH_CLASS_NAMES, parse_key, parse_pitch, pitch_name

Measure = Callable[[np.ndarray, str], np.ndarray]


@dataclass(frozen=True)
class Rule:
    """One rule. `family` says what a critic learns: each measure's number, or whether each share is above zero.

    tolerance: in the rule's unit; how near a bare number must be met, and how fast scores fall outside the goal.
    """

    name: str
    about: str
    unit: str
    span: str
    goals: str
    source: str
    measures: tuple[str, ...]
    measure: Measure
    parse: Callable[[str], Goal]
    value: Callable[[np.ndarray, Goal | None], Any]
    limits: Callable[[str], tuple[float, float]]
    family: Literal["number", "presence"] = "number"
    tolerance: float = 1.0
    move: Callable[[Goal, int], Goal] = lambda goal, semitones: goal  # what the goal is for melodies transposed by so much

    def score(self, measures: np.ndarray, goal: Goal) -> np.ndarray:
        """Scores in [0, 1] of measures (n, m): (n,); 1 means that the goal is met.

        For shares, the share that the goal allows; for numbers, falling with the distance from the goal.
        """
        if self.family == "presence":
            return measures @ (np.asarray(goal.high) > 0)
        return distance_score(measures, goal, self.tolerance)

    def check(self, goal: Goal, meter: str) -> None:
        """Raises UsageError when no melody in `meter` can meet the goal."""
        low, high = self.limits(meter)
        if any(a > high or b < low for a, b in zip(goal.low, goal.high, strict=True)):
            raise UsageError(f"{self.name} {goal.text!r} cannot be met in {meter}: {self.name} lies between {low:g} and {high:g} {self.unit}")


# ---- key -----------------------------------------------------------------------------------------------------------

# Krumhansl and Kessler (1982) probe-tone profiles, tonic first.
MAJOR_PROFILE = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR_PROFILE = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


def key_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Share of the notes that each pitch class has, C first: (n, 12); zeros for a silent melody."""
    onsets = tok.onsets(tokens)
    classes = (tokens.astype(int) + tok.PITCH_OF_TOKEN) % 12
    counts = np.stack([(onsets & (classes == pc)).sum(axis=1) for pc in range(12)], axis=1)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _key_goal(text: str) -> Goal:
    key = parse_key(text)
    return Goal(key.name, (-math.inf,) * 12, tuple(math.inf if held else 0.0 for held in key.mask))


def _moved_key(goal: Goal, semitones: int) -> Goal:
    classes = np.roll(np.asarray(goal.high), semitones)
    return Goal(goal.text, goal.low, tuple(classes.tolist()))


def best_key(shares: np.ndarray) -> str:
    """The major or minor key whose probe-tone profile correlates best with pitch-class shares (12,) (Krumhansl 1990, ch. 4)."""
    if not shares.any():
        return "none"
    candidates = {}
    for mode, profile in (("major", MAJOR_PROFILE), ("minor", MINOR_PROFILE)):
        for tonic in range(12):
            candidates[f"{PITCH_CLASS_NAMES[tonic]} {mode}"] = float(np.corrcoef(shares, np.roll(profile, tonic))[0, 1])
    return max(candidates, key=lambda k: candidates[k])


def _key_value(shares: np.ndarray, goal: Goal | None) -> Any:
    if goal is None:
        return best_key(shares)
    return round(float(shares @ (np.asarray(goal.high) > 0)), 6)


# ---- density -------------------------------------------------------------------------------------------------------


def density_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Notes a bar: (n, 1)."""
    bars = tokens.shape[1] / METERS[meter]
    return tok.onsets(tokens).sum(axis=1, keepdims=True) / bars


# ---- range ---------------------------------------------------------------------------------------------------------


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


def _moved_range(goal: Goal, semitones: int) -> Goal:
    return Goal(goal.text, tuple(v + semitones for v in goal.low), tuple(v + semitones for v in goal.high))


# ---- the table -----------------------------------------------------------------------------------------------------


def _plain(measures: np.ndarray, goal: Goal | None) -> Any:
    """The one measure (1,) as JSON; None where undefined."""
    return None if np.isnan(measures[0]) else round(float(measures[0]), 6)


def _number_goal(name: str, tolerance: float) -> Callable[[str], Goal]:
    def parse(text: str) -> Goal:
        low, high = interval(text, tolerance, name)
        return Goal(text.strip(), (low,), (high,))

    return parse


_ROWS = (
    Rule(
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
        family="presence",
        move=_moved_key,
    ),
    Rule(
        name="density",
        about="notes a bar",
        unit="notes a bar",
        span="0..16 (12 in 3/4 and 6/8)",
        goals="6, 4..8, '>=8', '<=3'",
        source="counting (Engel et al. 2018, §5)",
        measures=("notes a bar",),
        measure=density_measures,
        parse=_number_goal("density", 0.5),
        value=_plain,
        limits=lambda meter: (0.0, float(METERS[meter])),
        tolerance=0.5,
    ),
    Rule(
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
        limits=lambda meter: (21.0, 108.0),
        move=_moved_range,
    ),
)
RULES: dict[str, Rule] = {rule.name: rule for rule in _ROWS}


def find_rule(name: str) -> Rule:
    """The shipped rule of that name. Raises UsageError, with the nearest names, when there is none."""
    if name in RULES:
        return RULES[name]
    import difflib

    near = difflib.get_close_matches(name, RULES, n=1)
    slip = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(f"rule {name!r}: unknown; wanted one of {', '.join(RULES)}{slip}")


def parse_constraint(name: str, goal: str) -> Constraint:
    """A constraint from a rule's name and a goal's text, which may end in @WEIGHT. Raises UsageError."""
    rule = find_rule(name)
    text, at, weight = goal.rpartition("@")
    if not at:
        return Constraint(rule, rule.parse(goal))
    try:
        number = float(weight)
    except ValueError as error:
        raise UsageError(f"{name} {goal!r}: wanted a number above 0 behind the @, such as {text}@2") from error
    if not 0 < number < math.inf:
        raise UsageError(f"{name} {goal!r}: the weight must be above 0")
    return Constraint(rule, rule.parse(text), number)


def parse_rule_option(text: str) -> Constraint:
    """A constraint from "NAME=GOAL" or "NAME=GOAL@WEIGHT", as --rule takes it. Raises UsageError."""
    name, equals, goal = text.partition("=")
    if not equals:
        find_rule(name)
        raise UsageError(f"rule {text!r}: wanted NAME=GOAL, such as {name}={RULES[name].goals.split(',')[0]}")
    return parse_constraint(name.strip(), goal.strip())
