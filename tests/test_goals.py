import math

import numpy as np
import pytest

from musiclc.errors import UsageError
from musiclc.goals import Goal, distance_score, interval


@pytest.mark.parametrize(
    ("text", "bounds"),
    [("6", (5.5, 6.5)), ("4..8", (4, 8)), (">=8", (8, math.inf)), ("<=3", (-math.inf, 3)), (" -2 .. 2.5 ", (-2, 2.5)), ("0.5", (0, 1))],
)
def test_intervals(text, bounds):
    assert interval(text, 0.5, "density") == bounds


@pytest.mark.parametrize("text", ["", "six", "4...8", "4..", "==3", "1e9e9", "nan"])
def test_bad_intervals(text):
    with pytest.raises(UsageError, match="wanted a number such as 6"):
        interval(text, 0.5, "density")


def test_scores_by_hand_and_undefined_measures_score_nought():
    goal = Goal("60..72", (60, -math.inf), (math.inf, 72))
    measures = np.array([[60, 72], [59, 72], [58, 73], [np.nan, np.nan]])
    assert distance_score(measures, goal, 1.0) == pytest.approx([1, 1 / 2, 1 / 4, 0])
