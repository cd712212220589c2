import math

import numpy as np
import pytest

from musiclc.errors import UsageError
from musiclc.rules import parse_constraint
from musiclc.rules.goals import Goal, distance_score, interval


@pytest.mark.parametrize(
    ("text", "bounds"),
    [("6", (5.5, 6.5)), ("4..8", (4, 8)), (">=8", (8, math.inf)), ("<=3", (-math.inf, 3)), (" -2 .. 2.5 ", (-2, 2.5)), ("0.5", (0, 1))],
)
def test_intervals(text, bounds):
    assert interval(text, 0.5, "density") == bounds


@pytest.mark.parametrize(
    ("rule", "text", "met", "missed"),
    [
        ("density", ">8", 8.25, 8.0),  # a note more in four bars
        ("density", "<3", 2.75, 3.0),
        ("density", "> 0", 0.25, 0.0),
        ("span", ">12", 13.0, 12.0),
        ("motion", ">12", 12.25, 12.0),  # its tolerance is 2
        ("contour", "<-1", -1.01, -1.0),
        ("register", ">C5", 72.01, 72.0),
        ("rests", ">0.1", 0.11, 0.1),
        ("longest", "<1", 0.75, 1.0),
    ],
)
def test_a_bound_without_the_equals_sign_is_strict(rule, text, met, missed):
    constraint = parse_constraint(rule, text)
    measures = np.array([[met], [missed]]).repeat(len(constraint.rule.measures), axis=1)
    assert constraint.satisfied(measures).tolist() == [True, False]
    assert 0.999 < constraint.score(measures)[1] < 1 - 5e-7
    assert constraint.goal.text == text.strip()
    assert constraint.verdict(measures[1])["score"] < 1


def test_a_strict_bound_is_strict_however_coarse_the_rule():
    low, high = interval(">5", 1e5, "hertz")
    assert distance_score(np.array([[5.0]]), Goal(">5", (low,), (high,)), 1e5)[0] < 1 - 1e-9


@pytest.mark.parametrize(("text", "possible"), [(">16", False), (">=16", True), (">15.9", True), ("<0", False), ("<=0", True)])
def test_a_strict_bound_at_the_end_of_what_there_is_cannot_be_met(text, possible):
    constraint = parse_constraint("density", text)
    if possible:
        constraint.rule.check(constraint.goal, "4/4")
    else:
        with pytest.raises(UsageError, match="cannot be met in 4/4"):
            constraint.rule.check(constraint.goal, "4/4")


@pytest.mark.parametrize("text", ["", "six", "4...8", "4..", "==3", "=>3", ">>3", "1e9e9", "nan"])
def test_bad_intervals(text):
    with pytest.raises(UsageError, match="wanted a number such as 6"):
        interval(text, 0.5, "density")


def test_scores_by_hand_and_undefined_measures_score_nought():
    goal = Goal("60..72", (60, -math.inf), (math.inf, 72))
    measures = np.array([[60, 72], [59, 72], [58, 73], [np.nan, np.nan]])
    assert distance_score(measures, goal, 1.0) == pytest.approx([1, 1 / 2, 1 / 4, 0])


def test_a_rules_words_are_named_where_a_goal_is_none_of_them():
    with pytest.raises(UsageError, match=r"wanted a number such as 6.*, or up, down"):
        interval("sideways", 1.0, "contour", ("up", "down"))


def test_an_undefined_measure_counts_only_where_the_goal_bounds_it():
    inf, nan = math.inf, np.nan
    goal = Goal("up", (1, -inf, -inf), (inf, inf, inf))
    measures = np.array([[1, nan, nan], [0, nan, 5], [nan, 2, 2]])
    # met; one below, with a tolerance of 1; the bounded one undefined
    assert distance_score(measures, goal, 1.0) == pytest.approx([1, 1 / 2, 0])


def test_a_mix_bounds_the_weighted_sum_of_the_measures():
    goal = Goal("mix", (0.75,), (math.inf,), (1.0, 0.0, 0.5))
    measures = np.array([[0.5, 0.9, 0.5], [0.25, 0.9, 0.5], [np.nan, 0, 1]])
    # sums 0.75, 0.5 (0.25 below, as much as the tolerance) and undefined
    assert distance_score(measures, goal, 0.25) == pytest.approx([1, 1 / 2, 0])


def test_a_bare_number_is_aimed_at_more_closely_than_it_must_be_met():
    goal = parse_constraint("density", "6").goal
    assert (goal.low, goal.high, goal.tight.low, goal.tight.high) == ((5.5,), (6.5,), (5.75,), (6.25,))
    for text in ("4..8", ">=9"):
        goal = parse_constraint("density", text).goal
        assert goal.tight == goal
    assert parse_constraint("contour", "2").goal.tight.low == (1.5, -math.inf, -math.inf)
