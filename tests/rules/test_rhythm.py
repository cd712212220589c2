"""Complexity, syncopation, repetition, rests and longest on melodies worked by hand (density: test_rules.py)."""

import itertools

import numpy as np
import pytest

from musiclc.errors import UsageError
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import METERS
from musiclc.rules import RULES, parse_constraint
from musiclc.rules.rhythm import WEIGHTS
from tests.helpers import c_major_scale, jig
from tests.rules.test_rules import measured

SILENCE = Melody((), "4/4", 4)


def rhythm(*steps, meter="4/4", bars=4, length=1):
    """Notes on C4 that begin at the steps."""
    return Melody(tuple(Note(s, 60, length) for s in steps), meter, bars)


# ---- complexity


@pytest.mark.parametrize(
    ("melody", "complexity"),
    [
        (rhythm(0, 4, 8, 12, bars=1), 0),  # the four strongest: 5 + 4 + 3 + 3
        (rhythm(0, 3, 6, 10, 12, bars=1), 4),  # son clave: 17 - (5 + 1 + 2 + 2 + 3), as Toussaint 2002 gives it
        (rhythm(0, 3, 7, 10, 12, bars=1), 5),  # rumba clave: 17 - (5 + 1 + 1 + 2 + 3)
        (rhythm(1, bars=1), 4),  # 5 - 1
        (rhythm(1, bars=2), 2),  # the mean over two bars, one of them empty
        (rhythm(*range(16), bars=1), 0),  # all steps: there is no stronger choice
        (rhythm(*range(1, 16, 2), bars=1), 15),  # eight weakest: 5 + 4 + 3 + 3 + 2 + 2 + 2 + 2 - 8
        (rhythm(0, 4, 8, meter="3/4", bars=1), 0),
        (rhythm(2, 6, meter="3/4", bars=1), 3),  # 4 + 3 - 2 - 2
        (rhythm(0, 6, meter="6/8", bars=1), 0),
        (rhythm(0, 4, 8, meter="6/8", bars=1), 1),  # a hemiola: 4 + 3 + 2 - (4 + 2 + 2)
        (rhythm(0, 4, meter="2/4", bars=1), 0),  # 4 + 3
        (rhythm(2, 7, meter="2/4", bars=1), 4),  # 7 - (2 + 1)
        (rhythm(0, 2, 4, meter="3/8", bars=1), 0),  # 3 + 2 + 2
        (rhythm(1, 4, meter="3/8", bars=1), 2),  # 5 - (1 + 2)
        (rhythm(0, 6, 12, meter="9/8", bars=1), 0),  # 4 + 3 + 3
        (rhythm(0, 4, 10, 14, meter="9/8", bars=1), 2),  # 4 + 3 + 3 + 2 - (4 + 2 + 2 + 2)
        (rhythm(0, 6, 12, 18, meter="12/8", bars=1), 0),  # 5 + 4 + 3 + 3
        (rhythm(0, 6, meter="12/8", bars=1), 1),  # 5 + 4 - (5 + 3): the half bar is at 12
        (rhythm(4, 10, 16, 22, meter="12/8", bars=1), 7),  # 15 - 4 * 2: the last eighth of each beat
        (SILENCE, 0),
    ],
)
def test_complexity_by_hand(melody, complexity):
    assert measured("complexity", "0", melody)["value"] == complexity


@pytest.mark.parametrize(
    ("meter", "weights"),
    [
        ("4/4", "5 1 2 1 3 1 2 1 4 1 2 1 3 1 2 1"),
        ("3/4", "4 1 2 1 3 1 2 1 3 1 2 1"),
        ("6/8", "4 1 2 1 2 1 3 1 2 1 2 1"),
        ("2/4", "4 1 2 1 3 1 2 1"),
        ("3/8", "3 1 2 1 2 1"),
        ("9/8", "4 1 2 1 2 1 3 1 2 1 2 1 3 1 2 1 2 1"),
        ("12/8", "5 1 2 1 2 1 3 1 2 1 2 1 4 1 2 1 2 1 3 1 2 1 2 1"),
    ],
)
def test_weights_are_those_of_the_meters_hierarchy(meter, weights):
    assert WEIGHTS[meter] == tuple(map(int, weights.split()))
    assert WEIGHTS.keys() == METERS.keys()


@pytest.mark.parametrize(("meter", "limit"), [("4/4", 15), ("3/4", 10), ("6/8", 9), ("2/4", 7), ("3/8", 4), ("9/8", 13), ("12/8", 19)])
def test_no_bar_is_more_complex_than_the_limit_says(meter, limit):
    assert RULES["complexity"].limits(meter) == (0, limit)
    steps = METERS[meter]
    if steps > 16:
        patterns = np.random.default_rng(0).choice([0, 41], (5000, steps)).astype(np.uint8)
    else:
        patterns = np.array(list(itertools.product([0, 41], repeat=steps))[:: 1 if steps <= 12 else 5], np.uint8)
    found = RULES["complexity"].measure(patterns, meter)
    assert 0 <= found.min() <= found.max() <= limit
    weakest = rhythm(*range(1, steps, 2), meter=meter, bars=1)
    assert measured("complexity", "9", weakest)["value"] == limit


# ---- syncopation


def test_syncopation_by_hand():
    # at step 2 for 4 steps: over the beat at 4. At step 6 for 2: ends on the beat. At 8: on the beat. At 15 for 3: over the beat at 16
    melody = Melody((Note(2, 60, 4), Note(6, 60, 2), Note(8, 60, 6), Note(15, 60, 3)), "4/4", 4)
    assert measured("syncopation", "0.5", melody)["value"] == 0.5
    assert measured("syncopation", "0.4", melody)["score"] == pytest.approx(1 / 2)  # 0.05 beyond, as much as the tolerance
    assert measured("syncopation", "0", c_major_scale())["value"] == 0


def test_the_beat_of_six_eight_is_a_dotted_quarter():
    notes = (Note(4, 60, 4), Note(10, 60, 2))
    assert measured("syncopation", "0.5", Melody(notes, "6/8", 4))["value"] == 0.5  # 4..8 sounds over the beat at 6
    assert measured("syncopation", "0", Melody(notes, "3/4", 4))["value"] == 0  # 4 is a beat
    assert measured("syncopation", "0", jig())["value"] == 0


@pytest.mark.parametrize(("meter", "share"), [("2/4", 0), ("3/4", 0), ("4/4", 0), ("3/8", 0.5), ("6/8", 0.5), ("9/8", 0.5), ("12/8", 0.5)])
def test_the_beat_is_a_quarter_or_in_eighths_by_threes_a_dotted_one(meter, share):
    notes = (Note(4, 60, 4), Note(10, 60, 2))  # 4..8 sounds over a beat at 6, but begins on one at 4
    assert measured("syncopation", "0", Melody(notes, meter, 4))["value"] == share


def test_bars_are_those_of_the_meter():
    slip_jig = Melody(tuple(Note(18 * bar + s, 60, 2) for bar in range(2) for s in (0, 6, 10, 16)), "9/8", 2)
    assert measured("density", "4", slip_jig)["value"] == 4
    assert measured("repetition", "0.5", slip_jig)["value"] == 0.5
    assert RULES["density"].limits("9/8") == (0, 18)
    assert RULES["longest"].limits("3/8") == (0, 6)


def test_syncopation_of_silence_is_undefined_and_the_end_is_no_beat():
    assert measured("syncopation", "0", SILENCE)["value"] is None
    assert measured("syncopation", "0", Melody((Note(62, 60, 2),), "4/4", 4))["value"] == 0


# ---- repetition

SAME, OTHER, LATE = ((0, 60), (4, 62), (8, 64)), ((0, 65), (4, 67), (8, 69)), ((2, 60), (6, 62), (10, 64))
NEW = ((1, 70),)


def in_bars(*bars):
    return Melody(tuple(Note(16 * b + s, p, 2) for b, bar in enumerate(bars) for s, p in bar), "4/4", len(bars))


@pytest.mark.parametrize(
    ("melody", "share"),
    [
        (in_bars(SAME, SAME, SAME, SAME), 0.75),
        (in_bars(SAME, OTHER, NEW, ()), 0.25),  # OTHER has SAME's rhythm
        (in_bars(SAME, LATE, NEW, ()), 0.25),  # LATE has SAME's pitches
        (in_bars(SAME, NEW, LATE, OTHER), 0.5),
        (in_bars(SAME, NEW), 0),
        (in_bars(SAME, (), (), ()), 0),  # empty bars repeat nothing
        (in_bars((), (), NEW, NEW), 0.25),
        (in_bars(SAME), 0),
        (in_bars(SAME, SAME, NEW, NEW, NEW), 3 / 5),
        (SILENCE, 0),
        (c_major_scale(), 0.75),
    ],
)
def test_repetition_by_hand(melody, share):
    assert measured("repetition", "0.5", melody)["value"] == pytest.approx(share)


def test_a_bar_that_holds_the_same_pitches_and_one_more_repeats_nothing():
    assert measured("repetition", "0", in_bars(SAME, (*LATE, (14, 64))))["value"] == 0


# ---- rests and longest


def test_rests_and_longest_by_hand():
    # 6 + 10 of 64 steps sound; the longest lasts 10 sixteenths
    melody = Melody((Note(2, 60, 6), Note(20, 60, 10)), "4/4", 4)
    assert measured("rests", "0.75", melody)["value"] == 0.75
    assert measured("rests", "0.65", melody)["score"] == pytest.approx(1 / 2)
    assert measured("longest", "2.5", melody)["value"] == 2.5
    assert measured("longest", "2", melody)["score"] == pytest.approx(1 / 2)  # 0.25 beyond
    assert measured("rests", "0", jig())["value"] == pytest.approx(6 / 48)  # its last dotted quarter is missing


def test_rests_and_longest_of_silence():
    assert measured("rests", "1", SILENCE)["value"] == 1
    assert measured("longest", "0", SILENCE)["value"] == 0


def test_a_hold_at_the_start_is_silence():
    tokens = np.array([[tok.HOLD] * 8 + [41] + [tok.HOLD] * 3 + [tok.REST] * 4], np.uint8)
    assert RULES["rests"].measure(tokens, "4/4") == [[0.75]]
    assert RULES["longest"].measure(tokens, "4/4") == [[1.0]]


@pytest.mark.parametrize(
    ("name", "goal", "meter"),
    [("complexity", "17", "4/4"), ("complexity", "11", "6/8"), ("longest", "17", "4/4"), ("longest", "13", "3/4"), ("rests", ">=1.5", "4/4")],
)
def test_impossible_goals_are_refused(name, goal, meter):
    constraint = parse_constraint(name, goal)
    with pytest.raises(UsageError, match="cannot be met"):
        constraint.rule.check(constraint.goal, meter)
