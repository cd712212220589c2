"""Goals of the whole piece and of sections that cannot hold beside each other, as far as that can be proved before any work.

counts     numbers of notes: bounds on sums over runs of bars, which can all hold exactly when no circle of them is negative (Cormen et al.,
           Introduction to Algorithms, ch. 24.4, difference constraints)
pitches    masks: each bar needs a pitch that all constraints on it allow
intervals  two goals of one rule, or two tonics, for the same bars; first notes of what begins together, last notes of what ends together
parts      what is never more in a part than in the whole: span, longest, no_repeat
compass    masks that leave no pitches so far apart, so high or so low as span and register ask for

Inside: `refuse_contradictions`.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musiclc.errors import UsageError
from musiclc.music.theory import METERS
from musiclc.rules import allowed_pitches
from musiclc.rules.base import Constraint
from musiclc.rules.goals import Goal
from musiclc.rules.sections import SectionGoals

NEVER_MORE = ("span", "longest", "no_repeat")  # in a part than in the whole
EDGES = ("start", "end")  # rules on the first and on the last note, whose first twelve measures are its pitch class
_CLOSE = 1e-9


@dataclass(frozen=True)
class _Held:
    """A constraint and the bars on which it holds. allowed: which pitches it lets notes have, bool (128,). name: of its section, "" for the
    whole piece.
    """

    constraint: Constraint
    allowed: np.ndarray
    name: str
    first: int
    after: int

    def __str__(self) -> str:
        where = f"section {self.name}" if self.name else "the whole piece"
        return f"{self.constraint.rule.name} {self.constraint.goal.text!r} of {where}"

    @property
    def window(self) -> tuple[int, int]:
        return self.first, self.after

    def within(self, other: "_Held") -> bool:
        return other.first <= self.first and self.after <= other.after

    def overlaps(self, other: "_Held") -> bool:
        return self.first < other.after and other.first < self.after


def refuse_contradictions(whole: Sequence[Constraint], sections: Sequence[SectionGoals], bars: int, meter: str) -> None:
    """Raises UsageError where goals of the whole piece and of placed sections cannot hold beside each other, in a piece of `bars` bars."""
    places = [("", c, [(0, bars)]) for c in whole] + [(s.name, c, s.windows) for s in sections for c in s.constraints]
    held = [_Held(c, allowed, name, *window) for name, c, windows in places for allowed in [allowed_pitches([c])] for window in windows]
    for a, b in itertools.combinations(held, 2):
        if why := _reason(a, b, bars, meter):
            raise UsageError(f"{b} and {a} cannot both hold: {why}")
    _refuse_together(held, bars, meter)


def _reason(a: _Held, b: _Held, bars: int, meter: str) -> str:
    """Why two cannot both hold, "" where that is not known."""
    if a.constraint.rule.notes and b.constraint.rule.notes and not _countable([a, b], bars, meter):
        return f"{_notes(b)}, {_notes(a)}"
    if a.overlaps(b) and not (a.allowed & b.allowed).any():
        return f"no pitch is left for bars {max(a.first, b.first) + 1}..{min(a.after, b.after)}"
    if a.overlaps(b) and (why := _compass(a, b) or _compass(b, a)):
        return why
    if why := _edge(a, b) or _edge(b, a):
        return why
    if a.window == b.window and _two_tonics(a.constraint, b.constraint):
        return "no melody has two tonics"
    if a.constraint.rule.name == b.constraint.rule.name and _apart(a, b):
        return "no melody is both"
    return ""


def _compass(a: _Held, b: _Held) -> str:
    """Why the pitches that a leaves are too near each other, too high or too low for b; "" where they are not."""
    name, goal = b.constraint.rule.name, b.constraint.goal
    low, high = (int(edge) for edge in np.flatnonzero(a.allowed)[[0, -1]]) if a.allowed.any() else (0, 127)
    if name == "span" and b.within(a) and goal.low[0] > high - low:
        return f"its pitches are at most {high - low} semitones apart"
    if name == "register" and b.within(a) and (goal.low[0] > high or goal.high[0] < low):
        return f"its pitches are {low} to {high} in MIDI numbers"
    return ""


def _edge(a: _Held, b: _Held) -> str:
    """Why a first or last note that b asks for is none that a leaves; "" where it may be."""
    name = b.constraint.rule.name
    if name not in EDGES or not (a.first <= b.first < a.after if name == "start" else a.first < b.after <= a.after):
        return ""
    left = np.bincount(np.flatnonzero(a.allowed) % 12, minlength=12) > 0
    wanted = np.asarray(b.constraint.goal.high[:12]) > 0
    return "" if (left & wanted).any() else f"its notes have no such pitch for the {'first' if name == 'start' else 'last'} one"


def _refuse_together(held: Sequence[_Held], bars: int, meter: str) -> None:
    """What no two of them forbid, and all of them together do. Raises UsageError."""
    counting = [h for h in held if h.constraint.rule.notes]
    if not _countable(counting, bars, meter):
        raise UsageError(f"{', '.join(map(str, counting))} cannot all hold: no number of notes is left")
    for first, after in itertools.pairwise(_edges(held)):
        here = [h for h in held if h.first <= first and after <= h.after]
        if not _common(here).any():
            masks = [str(h) for h in here if h.constraint.rule.allowed]
            raise UsageError(f"{', '.join(masks)} cannot all hold: no pitch is left for bars {first + 1}..{after}")


def _common(held: Sequence[_Held]) -> np.ndarray:
    """Which pitches all of them let notes have: bool (128,)."""
    return np.logical_and.reduce([np.ones(128, bool), *(h.allowed for h in held)])


def _edges(held: Sequence[_Held]) -> list[int]:
    """The bars at which some of them begin or end, in order."""
    return sorted({bar for h in held for bar in h.window})


# ---- numbers of notes ----------------------------------------------------------------------------------------------


def _bounds(held: _Held) -> tuple[float, float]:
    """The fewest and most notes in its bars, as whole numbers where they are finite."""
    assert held.constraint.rule.notes is not None
    low, high = held.constraint.rule.notes(held.constraint.goal, held.after - held.first)
    return (math.ceil(low - _CLOSE) if math.isfinite(low) else low), (math.floor(high + _CLOSE) if math.isfinite(high) else high)


def _notes(held: _Held) -> str:
    """How many notes it wants, in words."""
    low, high = _bounds(held)
    number = f"at most {high:g}" if low <= 0 else f"{low:g} or more" if math.isinf(high) else f"{low:g}" if low == high else f"{low:g} to {high:g}"
    return f"{'bars ' + str(held.first + 1) + '..' + str(held.after) if held.name else 'the whole'} would have {number} notes"


def _countable(held: Sequence[_Held], bars: int, meter: str) -> bool:
    """Whether there are numbers of notes, a bar at most one a step, that meet them all.

    With the number of notes before each edge as unknown, each bound is one on a difference of two, at most `weight`.
    """
    edges = sorted({0, bars, *_edges(held)})
    bounds = [(a, b, 0.0, float(METERS[meter] * (b - a))) for a, b in itertools.pairwise(edges)]
    bounds += [(*h.window, *_bounds(h)) for h in held]
    arcs = [arc for a, b, low, high in bounds for arc in ((a, b, high), (b, a, -low))]
    distance = dict.fromkeys(edges, 0.0)
    for _ in edges:
        for a, b, weight in arcs:
            distance[b] = min(distance[b], distance[a] + weight)
    return all(distance[b] <= distance[a] + weight + _CLOSE for a, b, weight in arcs)


# ---- two goals of one rule -----------------------------------------------------------------------------------------


def _apart(a: _Held, b: _Held) -> bool:
    """Whether two goals of one rule are known not to hold both."""
    name, one, other = a.constraint.rule.name, a.constraint.goal, b.constraint.goal
    if name in EDGES:
        return (a.first == b.first if name == "start" else a.after == b.after) and _other_classes(one, other)
    if name in NEVER_MORE and (a.within(b) or b.within(a)):
        part, rest = (one, other) if a.within(b) else (other, one)
        return part.low[0] > rest.high[0] or (a.window == b.window and _no_common_interval(one, other))
    return a.window == b.window and a.constraint.rule.family == "gaussian" and _no_common_interval(one, other)


def _two_tonics(a: Constraint, b: Constraint) -> bool:
    """Whether both want a tonic to be heard, and no pitch class is right for both."""
    wanted = [np.asarray(part.goal.high) == 0 for c in (a, b) for part in c.parts if part.rule.name == "tonic"]
    return len(wanted) == 2 and not (wanted[0] & wanted[1]).any()


def _other_classes(a: Goal, b: Goal) -> bool:
    """Whether no pitch class of a first or last note is right for both goals."""
    return not ((np.asarray(a.high[:12]) > 0) & (np.asarray(b.high[:12]) > 0)).any()


def _no_common_interval(a: Goal, b: Goal) -> bool:
    """Whether some measure has no value within both goals' bounds; what is bounded by a weighted sum is left alone."""
    if a.mix or b.mix:
        return False
    return any(max(pair[:2]) > min(pair[2:]) for pair in zip(a.low, b.low, a.high, b.high, strict=True))
