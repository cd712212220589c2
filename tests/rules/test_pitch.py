"""Range, span, register, contour, motion and steps on melodies worked by hand."""

import numpy as np
import pytest

from musiclc.errors import UsageError
from musiclc.music.melody import Melody, Note
from musiclc.rules import RULES, parse_constraint
from tests.helpers import c_major_scale, jig
from tests.rules.test_rules import measured, measures

SILENCE = Melody((), "4/4", 4)
ONE = Melody((Note(5, 64, 3),), "4/4", 4)


def quarters(*pitches, meter="4/4", bars=4):
    """The pitches as quarters from the start on."""
    return Melody(tuple(Note(4 * i, p, 4) for i, p in enumerate(pitches)), meter, bars)


# ---- span and register


@pytest.mark.parametrize(("goal", "score"), [("12", 1), ("13", 1), ("10", 1 / 2), ("<=7", 1 / 6), ("7..12", 1)])
def test_span_of_a_scale_is_an_octave(goal, score):
    # near 10 is 9..11, one short of 12; <=7 is 5 short
    verdict = measured("span", goal, c_major_scale())
    assert verdict["value"] == 12
    assert verdict["score"] == pytest.approx(score, abs=1e-6)


def test_span_of_one_note_is_nought_and_of_silence_undefined():
    assert measured("span", "0", ONE)["value"] == 0
    assert measured("span", "0", SILENCE)["value"] is None
    assert not measured("span", "0", SILENCE)["satisfied"]


@pytest.mark.parametrize(
    ("goal", "score"),
    [("66", 1), ("67", 1), ("C5", 1 / 6), ("F#4", 1), ("middle", 1), ("low", 1 / 7), ("high", 1 / 7), ("C4..C5", 1), (">=F#4", 1), ("Low", 1 / 7)],
)
def test_register_counts_each_note_once(goal, score):
    # (60 + 72 + 66) / 3 = 66, however long the notes are; C5 = 72 is near down to 71, 5 away; high begins at 72 and low ends at 60, 6 away
    melody = Melody((Note(0, 60, 1), Note(1, 72, 40), Note(50, 66, 2)), "4/4", 4)
    verdict = measured("register", goal, melody)
    assert verdict["value"] == 66
    assert verdict["score"] == pytest.approx(score, abs=1e-6)
    assert verdict["goal"] == {"Low": "low"}.get(goal, goal)


def test_register_of_silence_is_undefined():
    assert measured("register", "low", SILENCE)["value"] is None
    assert measured("register", "low", SILENCE)["score"] == 0


# ---- contour


def test_slopes_by_hand():
    # a semitone a quarter is 4 a bar of 4/4 and 3 a bar of 3/4
    assert measures("contour", quarters(*range(60, 76)))[0].tolist() == [4, 4, 4]
    assert measures("contour", quarters(*range(60, 72), meter="3/4"))[0].tolist() == [3, 3, 3]
    # up 4 a bar for two bars, down 4 a bar for two; symmetrical, so that the whole is level
    assert measures("contour", quarters(*range(60, 68), *range(67, 59, -1)))[0].tolist() == pytest.approx([0, 4, -4])


def test_a_least_squares_slope_of_three_notes_by_hand():
    # at bars 0, 1/4 and 1: mean 5/12; pitches 60, 61, 65: mean 62
    # Σ(t - t̄)(p - p̄) = (-5/12)(-2) + (-1/6)(-1) + (7/12)(3) = 10/12 + 2/12 + 21/12 = 33/12; Σ(t - t̄)² = (25 + 4 + 49) / 144 = 78/144
    melody = Melody((Note(0, 60, 1), Note(4, 61, 2), Note(16, 65, 9)), "4/4", 4)
    slope, first, second = measures("contour", melody)[0]
    assert (slope, first) == pytest.approx((33 / 12 * 144 / 78, 33 / 12 * 144 / 78))
    assert np.isnan(second)  # no notes in the second half


RISE, FALL, ARCH = quarters(*range(60, 76)), quarters(*range(76, 60, -1)), quarters(*range(60, 68), *range(67, 59, -1))
VALLEY, FLAT = quarters(*range(68, 60, -1), *range(61, 69)), quarters(*[60] * 16)


@pytest.mark.parametrize(
    ("melody", "met"),
    [
        (RISE, {"up", "4", ">=1"}),
        (FALL, {"down", "-4", "<=-1"}),
        (ARCH, {"level", "arch", "0.5"}),  # as a whole it goes nowhere; near 0.5 is -0.5 to 1.5
        (VALLEY, {"level", "valley", "0.5"}),
        (FLAT, {"level", "0.5"}),
    ],
)
def test_contour_words_and_numbers(melody, met):
    goals = ("up", "down", "level", "arch", "valley", "4", ">=1", "-4", "<=-1", "0.5")
    assert {goal for goal in goals if measured("contour", goal, melody)["satisfied"]} == met


def test_contour_grades_near_misses():
    assert measured("contour", "arch", RISE)["score"] == pytest.approx(1 / 6, abs=1e-6)  # the second half rises by 4, 5 above -1
    assert measured("contour", "up", FLAT)["score"] == pytest.approx(1 / 2)


def test_a_half_without_notes_voids_only_the_goals_that_ask_for_it():
    melody = quarters(60, 62, 64, 66)
    assert measured("contour", "up", melody)["satisfied"]
    assert measured("contour", "arch", melody)["score"] == 0
    assert measured("contour", "Up", melody)["goal"] == "up"


@pytest.mark.parametrize("melody", [ONE, SILENCE])
def test_contour_is_undefined_below_two_notes(melody):
    verdict = measured("contour", "level", melody)
    assert (verdict["value"], verdict["score"], verdict["satisfied"]) == (None, 0, False)


# ---- motion and steps


def test_motion_by_hand():
    # C D E F G A B C moves 12 up, is repeated, moves 12 down, is repeated, …: 4 × 12 in 4 bars
    assert measured("motion", "12", c_major_scale())["value"] == 12
    assert measured("motion", "10", c_major_scale())["satisfied"]  # within 2
    assert measured("motion", "9", c_major_scale())["score"] == pytest.approx(2 / 3, abs=1e-6)  # 1 beyond
    # D E F# in each bar: 2 + 2, and 4 back over each of three barlines; the last bar lacks its F#: 4 × 2 + 3 × 2 + 3 × 4 = 26
    assert measured("motion", "6", jig())["value"] == 6.5


def test_motion_is_nought_for_one_note_and_undefined_for_silence():
    assert measured("motion", "0", ONE)["value"] == 0
    assert measured("motion", "0", SILENCE)["value"] is None


def test_motion_goes_over_rests():
    melody = Melody((Note(0, 60, 1), Note(30, 67, 1), Note(63, 62, 1)), "4/4", 4)
    assert measured("motion", "3", melody)["value"] == 3  # (7 + 5) / 4


def test_steps_by_hand():
    # 31 moves in a scale up and down twice: all of 0, 1 or 2 semitones
    assert measured("steps", "1", c_major_scale())["value"] == 1
    # moves 0, 2, 3, -12: two of four; a bare number is met within 0.05
    melody = quarters(60, 60, 62, 65, 53)
    assert measured("steps", "0.46", melody)["value"] == 0.5
    assert measured("steps", "0.46", melody)["satisfied"]
    assert measured("steps", "0.4", melody)["score"] == pytest.approx(1 / 2)
    for few in (ONE, SILENCE):
        assert measured("steps", "0", few)["value"] is None


# ---- goals


@pytest.mark.parametrize(
    ("name", "goal"),
    [("span", "wide"), ("register", "C4..C3"), ("register", "deep"), ("register", "H4"), ("contour", "upward"), ("contour", "3..1"), ("steps", "")],
)
def test_bad_goals_say_what_was_wanted(name, goal):
    with pytest.raises(UsageError, match=r"wanted|comes first"):
        parse_constraint(name, goal)


def test_errors_name_the_words():
    with pytest.raises(UsageError, match="or up, down, level, arch, valley"):
        parse_constraint("contour", "upward")
    with pytest.raises(UsageError, match="or low, middle, high"):
        parse_constraint("register", "deep")


@pytest.mark.parametrize(
    ("name", "goal"), [("span", "90"), ("register", "C9"), ("register", "<=20"), ("steps", ">=1.1"), ("motion", "<=-1"), ("contour", ">=1400")]
)
def test_impossible_goals_are_refused(name, goal):
    constraint = parse_constraint(name, goal)
    with pytest.raises(UsageError, match="cannot be met"):
        constraint.rule.check(constraint.goal, "4/4")


def test_the_steepest_melody_reaches_the_limit_of_contour():
    melody = Melody((Note(0, 21, 1), Note(1, 108, 1)), "4/4", 4)
    assert measured("contour", "up", melody)["value"] == RULES["contour"].limits("4/4")[1] == 87 * 16


# ---- no_repeat


@pytest.mark.parametrize(
    ("goal", "score"),
    [("3", 1), ("2", 1 / 1.5), ("1", 1 / 2.5), ("<=3", 1), ("<3", 1 / 1.5), (">=3", 1), (">=5", 1 / 3), ("2..4", 1), ("4..5", 1 / 2)],
)
def test_the_longest_run_of_one_pitch_is_counted_by_hand(goal, score):
    # 60, then three of 62, then two of 60: one run of three is half a note above two, and one and a half above one
    verdict = measured("no_repeat", goal, quarters(60, 62, 62, 62, 60, 60))
    assert verdict["value"] == 3
    assert verdict["score"] == pytest.approx(score, abs=1e-5)
    assert verdict["satisfied"] is (score == 1)


def test_one_run_too_long_less_is_nearer_though_the_longest_is_as_long():
    two, one = (measured("no_repeat", "2", quarters(*p)) for p in [(60, 60, 60, 62, 62, 62), (60, 60, 60, 62, 62, 64)])
    assert (two["value"], one["value"]) == (3, 3)
    assert two["score"] < one["score"] < measured("no_repeat", "2", quarters(60, 60, 62, 62, 64, 62))["score"] == 1


def test_a_run_goes_on_over_silence_and_an_octave_ends_it():
    apart = Melody((Note(0, 60, 1), Note(20, 60, 1), Note(63, 60, 1)), "4/4", 4)
    assert measured("no_repeat", "1", apart)["value"] == 3
    assert measured("no_repeat", "1", quarters(60, 72, 60, 48))["satisfied"]


def test_one_note_is_a_run_of_one_and_silence_has_none():
    assert measured("no_repeat", "1", ONE)["satisfied"]
    assert measured("no_repeat", "1", SILENCE)["value"] is None
    assert not measured("no_repeat", "1", SILENCE)["satisfied"]


def test_no_melody_has_no_note_in_a_row_and_the_options_name_does_too():
    constraint = parse_constraint("no-repeat", "0")
    with pytest.raises(UsageError, match="cannot be met in 4/4: no_repeat lies between 1 and 2048 notes"):
        constraint.rule.check(constraint.goal, "4/4")
    with pytest.raises(UsageError, match="wanted a number such as 6"):
        parse_constraint("no_repeat", "inf")
