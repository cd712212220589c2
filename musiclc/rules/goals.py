"""Goals: what a rule's number should be, as text → bounds → a score in [0, 1] that grades near misses.

A number is near ("6": within the rule's tolerance), "4..8" an interval with both ends, ">=8" and "<=3" half-lines with their end, ">8" and
"<3" half-lines without it. Words and keys are each rule's own (rules/). All become bounds on the rule's measures; 1 means met.

Inside: `Goal`, `interval`, `distance_score`.
"""

import math
import re
from dataclasses import dataclass

import numpy as np

from musiclc.errors import UsageError

_NUMBER = r"\s*([-+]?(?:\d+(?:\.\d+)?|\.\d+))\s*"
_NEAR, _BETWEEN, _BOUND = re.compile(_NUMBER), re.compile(rf"{_NUMBER}\.\.(?!\.){_NUMBER}"), re.compile(rf"\s*([<>]=?){_NUMBER}")
BEYOND = (
    1e-6  # how far beyond its end an open bound begins, for ends and tolerances up to 1, else as a share of them: values are told to six decimals
)


@dataclass(frozen=True)
class Goal:
    """Bounds that each of a rule's measures must lie in, both ends included. text: how manifests name it.

    mix: a weight for each measure; when given, low and high hold one bound each, on the weighted sum of the measures.
    """

    text: str
    low: tuple[float, ...]
    high: tuple[float, ...]
    mix: tuple[float, ...] | None = None

    @property
    def tight(self) -> "Goal":
        """For a bare number, the inner half of its tolerance, which is aimed at first; any other goal as it is."""
        if not _NEAR.fullmatch(self.text):
            return self
        pairs = [((3 * a + b) / 4, (a + 3 * b) / 4) if math.isfinite(a + b) else (a, b) for a, b in zip(self.low, self.high, strict=True)]
        return Goal(self.text, tuple(a for a, _ in pairs), tuple(b for _, b in pairs), self.mix)


def interval(text: str, tolerance: float, rule: str, words: tuple[str, ...] = ()) -> tuple[float, float]:
    """The closed interval that a goal's text means; a bare number stretches by `tolerance` to both sides, ">8" begins just beyond 8.

    Raises UsageError when it is none of "6", "4..8", ">=8", ">8", "<=3", "<3"; it names the rule's `words`, which the caller has tried.
    """
    if match := _NEAR.fullmatch(text):
        return float(match[1]) - tolerance, float(match[1]) + tolerance
    if match := _BETWEEN.fullmatch(text):
        low, high = float(match[1]), float(match[2])
        if low > high:
            raise UsageError(f"{rule} {text!r}: the interval is empty; the lower end comes first, as in {match[2]}..{match[1]}")
        return low, high
    if match := _BOUND.fullmatch(text):
        end = float(match[2])
        beyond = 0.0 if match[1].endswith("=") else BEYOND * max(1.0, abs(end), tolerance)
        return (end + beyond, math.inf) if match[1].startswith(">") else (-math.inf, end - beyond)
    known = f", or {', '.join(words)}" if words else ""
    raise UsageError(
        f"{rule} {text!r}: wanted a number such as 6, an interval 4..8, or a bound '>=8', '>8', '<=3' or '<3' (quote it for the shell){known}"
    )


def distance_score(measures: np.ndarray, goal: Goal, tolerance: float) -> np.ndarray:
    """1 within the goal's bounds, falling as 1 / (1 + distance / tolerance) outside; 0 where a bounded measure is undefined (NaN).

    measures: (n, m). The distance is the sum over measures, in the rule's unit; a measure without bounds adds nothing.
    """
    low, high = np.asarray(goal.low), np.asarray(goal.high)
    if goal.mix is not None:
        measures = measures @ np.asarray(goal.mix)[:, None]
    bounded = np.isfinite(low) | np.isfinite(high)
    outside = np.maximum(low - measures, 0) + np.maximum(measures - high, 0)
    distance = np.where(bounded, outside, 0).sum(axis=1)
    return np.where(np.isnan(distance), 0.0, 1 / (1 + distance / tolerance))
