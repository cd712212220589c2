"""What holds for every rule of the table; and density and range worked by hand."""

import json
import math

import numpy as np
import pytest

from musiclc.errors import UsageError
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody
from musiclc.music.theory import METERS
from musiclc.rules import RULES, parse_constraint, parse_rule_option
from tests.helpers import c_major_scale, jig


def measures(name, melody):
    """The rule's measures of one melody: (1, m)."""
    return RULES[name].measure(tok.from_melody(melody)[None], melody.meter)


def measured(name, goal, melody):
    return parse_constraint(name, goal).verdict(measures(name, melody)[0])


def random_rows(meter, bars=4, n=40, seed=0):
    """Token rows (n, T) of all sorts between C3 and C6: full and sparse, one of a single note, the last silent."""
    random = np.random.default_rng(seed)
    rows = random.choice([tok.REST, tok.HOLD, tok.FIRST_ONSET], (n, bars * METERS[meter]), p=[0.1, 0.5, 0.4])
    scale = np.isin(np.arange(128) % 12, [0, 2, 4, 5, 7, 9, 11]) & (np.arange(128) >= 48) & (np.arange(128) <= 84)
    pitches = random.choice(np.flatnonzero(scale), rows.shape) + random.choice([0, 0, 0, 1], rows.shape)
    rows = np.where(rows == tok.FIRST_ONSET, pitches - tok.PITCH_OF_TOKEN, rows).astype(np.uint8)
    rows[n // 2 :] = np.where(random.random(rows[n // 2 :].shape) < 0.7, tok.HOLD, rows[n // 2 :])
    rows[-2:] = tok.REST
    rows[-2, 5] = 41
    return rows


def examples(rule):
    """The goals that the rule's row shows, and a few that every number rule knows."""
    shown = [goal.strip().strip("'") for goal in rule.goals.replace("{0,4,7}", "{0 4 7}").split(",")]
    return shown + {"contour": ["-1"], "chords": ["Bdim F#m7b5"], "start": ["3"], "end": ["7"]}.get(rule.name, [])


@pytest.mark.parametrize(
    ("goal", "score"),
    [("8", 1.0), ("8.5", 1.0), ("9", 0.5), (">=8", 1.0), ("<=7", 1 / 3), ("7..9", 1.0), ("9..10", 1 / 3), (">=8.5", 0.5)],
)
def test_density_grades_near_misses_by_hand(goal, score):
    # eight notes a bar; the tolerance is 0.5, so a distance of 0.5 scores 1/2 and of 1 a third
    verdict = measured("density", goal, c_major_scale())
    assert verdict["value"] == 8
    assert verdict["score"] == pytest.approx(score)
    assert verdict["satisfied"] is (score == 1.0)


def test_density_in_six_eight_counts_bars_of_twelve():
    assert measured("density", "3", jig())["value"] == pytest.approx(11 / 4)


@pytest.mark.parametrize(("goal", "met"), [("C4..C5", True), ("60..72", True), ("C4..B4", False), ("C#4..C6", False), ("A0..C8", True)])
def test_range(goal, met):
    verdict = measured("range", goal, c_major_scale())
    assert verdict["value"] == [60, 72]
    assert verdict["satisfied"] is met


def test_silence_meets_no_key_and_no_range_but_has_density_nought():
    silence = Melody((), "4/4", 4)
    assert not measured("key", "C", silence)["satisfied"]
    assert not measured("range", "C4..C5", silence)["satisfied"]
    assert measured("range", "C4..C5", silence)["value"] == [None, None]
    assert measured("density", "0", silence)["satisfied"]


# ---- every rule ----------------------------------------------------------------------------------------------------

every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)


def test_the_table_has_the_contracts_rules_in_its_order():
    order = (
        "key scale tonic density range span register contour motion steps complexity syncopation repetition no_repeat rests longest start end chords"
    )
    assert " ".join(RULES) == order


@every_rule
@pytest.mark.parametrize("meter", METERS)
@pytest.mark.parametrize("bars", [1, 3, 4, 8])
def test_measures_of_a_batch_are_those_of_its_rows(rule, meter, bars):
    rows = random_rows(meter, bars, n=6)
    kept = rows.copy()
    together = rule.measure(rows, meter)
    assert together.shape == (6, len(rule.measures))
    assert np.array_equal(together, np.concatenate([rule.measure(rows[i : i + 1], meter) for i in range(6)]), equal_nan=True)
    assert np.array_equal(together, rule.measure(rows.astype(np.int64), meter), equal_nan=True)
    assert np.array_equal(rows, kept)
    assert rule.measure(rows[:0], meter).shape == (0, len(rule.measures))


@every_rule
@pytest.mark.parametrize("meter", METERS)
def test_measures_stay_within_the_limits(rule, meter):
    low, high = rule.limits(meter)
    found = rule.measure(random_rows(meter), meter)
    found = found[~np.isnan(found)]
    assert low <= found.min() <= found.max() <= high


@every_rule
def test_shown_goals_parse_can_be_met_and_score_within_bounds(rule):
    for text in examples(rule):
        constraint = parse_constraint(rule.name, text)
        found = rule.measure(random_rows("6/8"), "6/8")
        scores = constraint.score(found)
        assert scores.shape == (40,)
        assert ((scores >= 0) & (scores <= 1 + 1e-9)).all()
        bounds = len(rule.measures) if constraint.goal.mix is None else 1
        assert len(constraint.goal.low) == len(constraint.goal.high) == bounds
        for meter in METERS.keys() - {"2/4", "3/8"}:  # whose bars have too few sixteenths for some
            rule.check(constraint.goal, meter)


@every_rule
def test_a_goals_text_parses_to_the_same_goal(rule):
    for text in examples(rule):
        goal = rule.parse(text)
        assert rule.parse(goal.text) == goal


@every_rule
def test_the_option_error_shows_a_goal_that_parses(rule):
    with pytest.raises(UsageError) as error:
        parse_rule_option(rule.name)
    shown = str(error.value).split("such as ")[1].replace("'", "")
    assert parse_rule_option(shown).rule is rule


@every_rule
@pytest.mark.parametrize("semitones", [-13, -12, -5, 1, 7, 12])
def test_a_moved_goal_scores_a_transposed_melody_as_the_goal_the_melody(rule, semitones):
    rows = random_rows("3/4")
    before, after = rule.measure(rows, "3/4"), rule.measure(tok.transpose(rows, semitones), "3/4")
    for text in examples(rule):
        goal = rule.parse(text)
        assert rule.score(after, rule.transposed(goal, semitones)) == pytest.approx(rule.score(before, goal)), text
        assert rule.transposed(goal, 0) == goal
    if rule.transpose is None or (not rule.octaves and semitones % 12 == 0):
        assert np.array_equal(before, after, equal_nan=True)
    else:
        assert not np.array_equal(before, after, equal_nan=True)


@every_rule
def test_values_are_plain_json_with_and_without_a_goal(rule):
    for row in rule.measure(random_rows("4/4"), "4/4"):
        for goal in (None, *map(rule.parse, examples(rule))):
            json.dumps(rule.value(row, goal), allow_nan=False)


def test_silence_leaves_undefined_measures_undefined():
    silence = Melody((), "4/4", 4)
    undefined = {name for name in RULES if np.isnan(measures(name, silence)).any()}
    assert undefined == {"range", "span", "register", "contour", "motion", "steps", "syncopation", "no_repeat", "chords"}
    assert all(math.isfinite(v) for name in set(RULES) - undefined for v in measures(name, silence)[0])


@pytest.mark.parametrize(
    ("name", "goal"),
    [("density", "many"), ("density", "8..4"), ("density", ""), ("range", "C4"), ("range", "C5..C4"), ("range", "..C4"), ("key", "H")],
)
def test_bad_goals_say_what_was_wanted(name, goal):
    with pytest.raises(UsageError, match=r"wanted|comes first"):
        parse_constraint(name, goal)


@pytest.mark.parametrize(("name", "goal", "meter"), [("density", "40", "4/4"), ("density", ">=13", "6/8"), ("range", "A8..C9", "4/4")])
def test_impossible_goals_are_refused(name, goal, meter):
    constraint = parse_constraint(name, goal)
    with pytest.raises(UsageError, match="cannot be met"):
        constraint.rule.check(constraint.goal, meter)


def test_rule_options_and_weights():
    assert parse_rule_option("density=6@2.5").weight == 2.5
    assert parse_rule_option("key=C").goal.text == "C major"
    for text in ("densty=6", "density", "density=6@x", "density=6@0", "density=6@-1"):
        with pytest.raises(UsageError):
            parse_rule_option(text)
    with pytest.raises(UsageError, match="did you mean density"):
        parse_rule_option("densty=6")
