import numpy as np
import pytest

from musiclc import tokens as tok
from musiclc.errors import UsageError
from musiclc.melody import Melody, Note
from musiclc.rules import RULES, best_key, parse_constraint, parse_rule_option
from tests.helpers import c_major_scale, jig


def measured(name, goal, melody):
    constraint = parse_constraint(name, goal)
    return constraint.verdict(constraint.rule.measure(tok.from_melody(melody)[None], melody.meter)[0])


def test_a_c_major_scale_is_in_c_and_in_no_other_major_key():
    for tonic in ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"):
        assert measured("key", tonic, c_major_scale())["satisfied"] is (tonic == "C")


@pytest.mark.parametrize(
    ("goal", "share"),
    [("C", 1.0), ("A minor", 1.0), ("C minor", 5 / 8), ("G", 7 / 8), ("C major pentatonic", 6 / 8), ("{0}", 2 / 8), ("C chromatic", 1.0)],
)
def test_key_counts_notes_of_a_scale_by_hand(goal, share):
    # C D E F G A B C: with two C's out of eight notes
    verdict = measured("key", goal, c_major_scale())
    assert verdict["value"] == pytest.approx(share)
    assert verdict["score"] == pytest.approx(share)


def test_key_of_a_c_minor_scale():
    c_minor = Melody(tuple(Note(2 * i, p, 2) for i, p in enumerate([60, 62, 63, 65, 67, 68, 70, 72] * 4)), "4/4", 4)
    assert measured("key", "C minor", c_minor)["satisfied"]
    assert measured("key", "C", c_minor)["value"] == pytest.approx(5 / 8)


def test_the_best_key_of_a_scale_with_its_tonic_doubled():
    assert best_key(RULES["key"].measure(tok.from_melody(c_major_scale())[None], "4/4")[0]) == "C major"
    assert best_key(np.zeros(12)) == "none"


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


def test_measures_of_a_batch_are_those_of_its_rows():
    rows = tok.from_melodies([c_major_scale(), c_major_scale().transpose(4)])
    for rule in RULES.values():
        together = rule.measure(rows, "4/4")
        assert together.shape == (2, len(rule.measures))
        assert np.array_equal(together, np.concatenate([rule.measure(rows[i : i + 1], "4/4") for i in range(2)]))


@pytest.mark.parametrize(
    ("name", "goal"),
    [("density", "many"), ("density", "8..4"), ("density", ""), ("range", "C4"), ("range", "C5..C4"), ("range", "..C4"), ("key", "H")],
)
def test_bad_goals_say_what_was_wanted(name, goal):
    with pytest.raises(UsageError, match=r"wanted|comes first"):
        parse_constraint(name, goal)


@pytest.mark.parametrize(("name", "goal", "meter"), [("density", "40", "4/4"), ("density", ">=13", "6/8"), ("range", "A8..C9", "4/4")])
def test_impossible_wishes_are_refused(name, goal, meter):
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
