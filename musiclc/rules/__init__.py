"""Every rule, and the RULES table that all the rest reads: options, critics, `musiclc rules`, README.

What a rule is stands in `base.py`. Rules live by family: `keys.py` (key, scale, tonic), `harmony.py` (start, end, chords), `pitch.py` (range,
span, register, contour, motion, steps, no_repeat), `rhythm.py` (density, complexity, syncopation, repetition, rests, longest).

Adding a rule: a measuring function and its row in one of them, its place in RULES, a hand-worked test, a row in README.

Inside: `RULES`, `find_rule`, `parse_constraint`, `parse_constraints`, `parse_rule_option`, `split_weight`, `settled`,
`allowed_pitches`, `score`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from musiclc.errors import UsageError
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH
from musiclc.rules.base import Constraint, Measure, Rule, parts_of
from musiclc.rules.harmony import CHORDS, END, START
from musiclc.rules.keys import KEY, MAJOR_PROFILE, MINOR_PROFILE, SCALE, TONIC, best_key, scale_measures
from musiclc.rules.pitch import CONTOUR, MOTION, NO_REPEAT, RANGE, REGISTER, SPAN, STEPS
from musiclc.rules.rhythm import COMPLEXITY, DENSITY, LONGEST, REPETITION, RESTS, SYNCOPATION

__all__ = [
    "MAJOR_PROFILE",
    "MINOR_PROFILE",
    "RULES",
    "Measure",
    "Rule",
    "allowed_pitches",
    "best_key",
    "find_rule",
    "parse_constraint",
    "parse_rule_option",
    "parts_of",
    "scale_measures",
    "settled",
    "split_weight",
]

LONGEST_GOAL = 4000  # characters: a path may be long

# In the order in which options, tables and README show them.
_ROWS = (
    *(KEY, SCALE, TONIC, DENSITY, RANGE, SPAN, REGISTER, CONTOUR, MOTION, STEPS),
    *(COMPLEXITY, SYNCOPATION, REPETITION, NO_REPEAT, RESTS, LONGEST, START, END, CHORDS),
)
MADE_BY_GOALS = ("motif", "avoid", "like", "outline", "onsets")  # names of rules that custom/examples.py makes, each from its goal
RULES: dict[str, Rule] = {rule.name: rule for rule in _ROWS}


def find_rule(name: str) -> Rule:
    """The shipped rule of that name, or of that option, which has `-` for `_`. Raises UsageError, with the nearest names, when there is none."""
    if (known := name.replace("-", "_")) in RULES:
        return RULES[known]
    import difflib

    near = difflib.get_close_matches(name, RULES, n=1)
    slip = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(f"rule {name!r}: unknown; wanted one of {', '.join(RULES)}{slip}")


def parse_constraint(name: str, goal: str) -> Constraint:
    """A constraint from a rule's name and a goal's text, which may end in @WEIGHT. Raises UsageError."""
    rule = find_rule(name)
    text, weight = split_weight(goal)
    return Constraint(rule, rule.parse(text), weight)


def split_weight(text: str) -> tuple[str, float]:
    """A goal's text without its @WEIGHT, and the weight, 1 when there is none. Raises UsageError."""
    if len(text) > LONGEST_GOAL:
        raise UsageError(f"{text[:40]!r} …: {len(text)} characters; wanted a goal of at most {LONGEST_GOAL}")
    body, at, weight = text.rpartition("@")
    if not at:
        return text, 1.0
    try:
        number = float(weight)
    except ValueError as error:
        raise UsageError(f"{text!r}: wanted a number above 0 behind the @, such as {body}@2") from error
    if not 0 < number < math.inf:
        raise UsageError(f"{text!r}: the weight must be above 0")
    return body, number


def parse_rule_option(text: str) -> Constraint:
    """A constraint from "NAME=GOAL" or "NAME=GOAL@WEIGHT", as --rule takes it. Raises UsageError."""
    name, equals, goal = text.partition("=")
    if not equals:
        find_rule(name)
        raise UsageError(f"rule {text!r}: wanted NAME=GOAL, such as {name}={find_rule(name).goals.split(',')[0]}")
    return parse_constraint(name.strip(), goal.strip())


def settled(constraints: Sequence[Constraint]) -> list[Constraint]:
    """The constraints, each goal in the light of the others: a degree becomes that of the key asked for.

    Raises UsageError for two rules of one name, since critics and verdicts go by it.
    """
    _refuse_two_of_one_name(constraints)
    others = [[*constraints[:i], *constraints[i + 1 :]] for i in range(len(constraints))]
    return [replace(c, goal=c.rule.settle(c.goal, rest)) for c, rest in zip(constraints, others, strict=True)]


def _refuse_two_of_one_name(constraints: Sequence[Constraint]) -> None:
    """One rule may be asked for twice, with two goals."""
    first: dict[str, Rule] = {}
    for rule in (c.rule for c in constraints):
        other = first.setdefault(rule.name, rule)
        if other.source != rule.source:
            raise UsageError(f"rule {rule.name}: from {other.source} and from {rule.source}; wanted a name of its own for each; rename one")


def allowed_pitches(constraints: Sequence[Constraint]) -> np.ndarray:
    """Which MIDI pitches the constraints let every note have: bool (128,), none outside the piano."""
    pitches = np.arange(128)
    allowed = (pitches >= LOWEST_PITCH) & (pitches <= HIGHEST_PITCH)
    for constraint in parts_of(constraints):
        if constraint.rule.allowed:
            allowed &= constraint.rule.allowed(constraint.goal)
    return allowed


def parse_constraints(given: Mapping[str, str] | Sequence[Constraint] | None) -> list[Constraint]:
    """Constraints from {"key": "C", "density": "6"}; a list of constraints is taken as it is. Raises UsageError."""
    if isinstance(given, Mapping):
        return settled([parse_constraint(name, str(goal)) for name, goal in given.items()])
    return settled(list(given or []))


def score(melody: Melody, constraints: Mapping[str, str] | Sequence[Constraint] | None = None) -> list[dict[str, Any]]:
    """What each rule measures: verdicts on the constraints, or, without any, every rule's value."""
    parsed = parse_constraints(constraints)
    tokens = tok.from_melody(melody)[None]
    if not parsed:
        return [_measured(rule, rule.measure(tokens, melody.meter)[0]) for rule in RULES.values()]
    return [c.verdict(c.rule.measure(tokens, melody.meter)[0]) for c in parsed]


def _measured(rule: Rule, measures: np.ndarray) -> dict[str, Any]:
    """What a rule says of one melody's measures (m,) without a goal."""
    return {"rule": rule.name, "value": rule.value(measures, None), **(rule.told(measures) if rule.told else {})}
