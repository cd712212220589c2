"""The table of rules as the page shows it: a dial a rule, made from the rule's own row.

Inside: `dials`, `checked`.
"""

import math
import re
from typing import Any

from musiclc.custom.examples import parse_goal
from musiclc.errors import UsageError, one_line
from musiclc.music.theory import PITCH_CLASS_NAMES, SCALES
from musiclc.rules import RULES
from musiclc.rules.base import Rule

_WORD = re.compile(r"[A-Za-z#][A-Za-z#' ]*")
_BETWEEN = re.compile(r"(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)")
STEPS_OF_SHARE, MOST_OF_MANY = 0.01, 32.0
PITCHES = ("MIDI pitch",)  # units that are shown as names
KINDS = {"near": "60", ">=": ">=60", "<=": "<=60", "..": "60..72"}  # kinds of goals on numbers, and one of each
WHOLE = ("MIDI pitch", "notes", "semitones")  # units of which there are no halves that anyone asks for


def dials() -> list[dict[str, Any]]:
    """For each shipped rule what its dial needs: name, about, unit, goals, the slider's ends and step (None where its goals are words alone),
    the words it knows.
    """
    return [_dial(rule) for rule in RULES.values()]


def checked(rule: str, goal: str) -> dict[str, str]:
    """{"goal": as it is understood}, or {"wrong": why it is not}."""
    if rule not in RULES:
        return {"wrong": f"rule {rule!r}: unknown; wanted one of {', '.join(RULES)}"}
    try:
        return {"goal": parse_goal(rule, goal).goal.text}
    except UsageError as error:
        return {"wrong": one_line(error)}


def _dial(rule: Rule) -> dict[str, Any]:
    ends = _ends(rule) if _takes_numbers(rule) else None
    return {
        "rule": rule.name,
        "about": rule.about,
        "unit": rule.unit,
        "goals": rule.goals,
        "span": rule.span,
        "tolerance": rule.tolerance if ends and rule.family == "gaussian" else None,
        "ends": ends,
        "step": None if ends is None else STEPS_OF_SHARE if rule.unit == "share" else 1.0 if rule.unit in WHOLE else 0.5,
        "pitches": rule.unit in PITCHES,
        "kinds": [kind for kind, goal in KINDS.items() if ends and _parses(rule, goal)],
        "menu": _menu(rule),
        "words": _words(rule),
    }


def _takes_numbers(rule: Rule) -> bool:
    """Whether its goals are numbers and intervals."""
    return rule.family == "gaussian" and _parses(rule, "60..72")


def _parses(rule: Rule, text: str) -> bool:
    try:
        rule.parse(text)
    except UsageError:
        return False
    return True


def _menu(rule: Rule) -> list[list[str]] | None:
    """Notes and modes to choose from, where its goals are such; degrees among the notes where it knows them."""
    if _parses(rule, "C dorian"):
        return [list(PITCH_CLASS_NAMES), [mode for mode in SCALES if _parses(rule, f"C {mode}")]]
    if rule.unit == "pitch class":
        return [[*PITCH_CLASS_NAMES, *(degree for degree in map(str, range(1, 8)) if _parses(rule, degree))], []]
    return None


def _ends(rule: Rule) -> list[float]:
    """Where its slider begins and ends: where most melodies lie, or where its row says it lies, or what can be at all."""
    said = _BETWEEN.findall(rule.span)
    if "within" in rule.span and said:
        return [float(end) for end in said[-1]]
    low, high = rule.limits("4/4")
    if said and not rule.span.startswith("0..1392"):
        low, high = max(low, min(float(said[0][0]), high)), min(high, max(float(said[0][1]), low))
    if rule.unit in PITCHES:
        return [36.0, 96.0]
    return [low if math.isfinite(low) else 0.0, min(high, MOST_OF_MANY) if math.isfinite(high) else MOST_OF_MANY]


def _words(rule: Rule) -> list[str]:
    """The examples of its goals that are words, as the rule itself reads them."""
    found = [part.strip().strip("'") for part in re.split(r",(?![^{]*\})", rule.goals)]
    return [word for word in found if _WORD.fullmatch(word) and (word.islower() or rule.family == "bernoulli" or "chord" in rule.name or rule.judged)]
