"""Start, end and chords on melodies worked by hand, and goals settled by a key asked for (key itself: test_keys.py)."""

import numpy as np
import pytest

from musiclc.errors import UsageError
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import METERS
from musiclc.rules import RULES, parse_constraint, settled
from tests.helpers import c_major_scale, jig
from tests.rules.test_rules import measured, measures

SILENCE = Melody((), "4/4", 4)


def quarters(*pitches, bars=4):
    return Melody(tuple(Note(4 * i, p, 4) for i, p in enumerate(pitches)), "4/4", bars)


# ---- start and end

# A minor: A twice as often as any other, a raised seventh below it, and at the end
A_MINOR = quarters(69, 71, 72, 74, 76, 69, 68, 69, 64, 69)  # A B C D E A G# A E A


@pytest.mark.parametrize(
    ("name", "goal", "melody", "met", "value"),
    [
        ("start", "C", c_major_scale(), True, "C"),
        ("start", "1", c_major_scale(), True, 1),
        ("start", "D", c_major_scale(), False, "C"),
        ("start", "5", c_major_scale(), False, 1),
        ("start", "D", jig(), True, "D"),
        ("end", "E", jig(), True, "E"),
        ("end", "A", A_MINOR, True, "A"),
        ("end", "1", A_MINOR, True, 1),
        ("start", "C", quarters(61, 60, 64, 67, 60, 67, 64, 60), False, "C#"),
        ("start", "1", quarters(61, 60, 64, 67, 60, 67, 64, 60), False, None),  # C sharp is no degree of C major
        ("end", "5", quarters(60, 64, 67, 60, 64, 67, 60, 65, 62, 67), True, 5),
        ("end", "Gb", quarters(54), True, "F#"),
        ("start", "c#", quarters(49), True, "C#"),
        ("start", "1", SILENCE, False, None),
        ("end", "C", SILENCE, False, None),
    ],
)
def test_start_and_end_by_hand(name, goal, melody, met, value):
    verdict = measured(name, goal, melody)
    assert (verdict["satisfied"], verdict["value"], verdict["score"]) == (met, value, float(met))


def test_start_and_end_without_a_goal_name_the_pitch_class():
    assert [RULES[name].value(measures(name, jig())[0], None) for name in ("start", "end")] == ["D", "E"]
    assert RULES["start"].value(measures("start", SILENCE)[0], None) is None


def test_goal_texts():
    assert [parse_constraint("start", text).goal.text for text in (" f# ", "bb", "5", "Cb")] == ["F#", "Bb", "5", "Cb"]


@pytest.mark.parametrize("goal", ["0", "8", "C4", "H", "", "C major", "tonic", "1.5"])
def test_bad_starts_say_what_was_wanted(goal):
    with pytest.raises(UsageError, match=r"^start .*wanted a pitch class without octave"):
        parse_constraint("start", goal)


@pytest.mark.parametrize(
    ("key", "degree", "same_as"),
    [
        ("C", "1", "C"),
        ("C", "5", "G"),
        ("A minor", "3", "C"),
        ("A harmonic minor", "7", "G#"),
        ("A minor", "7", "G"),
        ("F# dorian", "1", "F#"),
        ("D dorian", "4", "G"),
        ("Bb", "4", "Eb"),
    ],
)
def test_a_degree_is_one_of_the_key_asked_for(key, degree, same_as):
    _, constraint = settled([parse_constraint("key", key), parse_constraint("end", f"{degree}@2")])
    expected = parse_constraint("end", same_as).goal
    assert (constraint.goal.low, constraint.goal.high, constraint.goal.text, constraint.weight) == (expected.low, expected.high, degree, 2)


@pytest.mark.parametrize(("key", "goal"), [("C major pentatonic", "5"), ("C", "G")])
def test_a_constraint_without_a_seven_note_key_or_without_a_degree_stays(key, goal):
    constraints = [parse_constraint("start", goal), parse_constraint("key", key), parse_constraint("density", "4")]
    assert settled(constraints) == constraints


def test_settling_is_done_once_and_without_a_key_not_at_all():
    constraints = settled([parse_constraint("start", "5"), parse_constraint("key", "A minor")])
    assert settled(constraints) == constraints
    assert settled([parse_constraint("start", "5")]) == [parse_constraint("start", "5")]
    assert settled([]) == []


def test_a_settled_degree_judges_by_the_key_asked_for():
    # it is heard in C major; in A minor its first note is the third degree
    _, constraint = settled([parse_constraint("key", "A minor"), parse_constraint("start", "3")])
    assert constraint.verdict(measures("start", c_major_scale())[0])["satisfied"]
    assert not measured("start", "3", c_major_scale())["satisfied"]


# ---- chords

PROGRESSION = quarters(60, 64, 67, 72, 67, 71, 74, 79, 69, 72, 76, 69, 65, 69, 72, 65)  # the notes of C | G | Am | F


@pytest.mark.parametrize(
    ("goal", "share"),
    [
        ("C G Am F", 1),
        ("C|G|Am|F", 1),
        ("C", 9 / 16),  # C E G C; G . . G; . C E .; . . C .: 4 + 2 + 2 + 1
        ("C G", 10 / 16),  # bars 1 and 3 over C: 4 + 2; bars 2 and 4 over G B D: 4 + 0
        ("G C F Am", 8 / 16),  # G B D: . . G . = 1; C E G: G . . G = 2; F A C: A C . A = 3; A C E: . A C . = 2
        ("Cmaj7 G7 Am7 F6", 1),
    ],
)
def test_chords_by_hand(goal, share):
    verdict = measured("chords", goal, PROGRESSION)
    assert verdict["value"] == pytest.approx(share)
    assert verdict["score"] == pytest.approx(1 / (1 + max(0.75 - share, 0) / 0.25))
    assert verdict["satisfied"] is (share >= 0.75)


def test_three_quarters_of_the_notes_meet_a_progression():
    # each bar has one note outside its chord
    melody = quarters(60, 64, 67, 62, 67, 71, 74, 65, 69, 72, 76, 71, 65, 69, 72, 67)
    verdict = measured("chords", "C G Am F", melody)
    assert (verdict["value"], verdict["score"], verdict["satisfied"]) == (0.75, 1, True)


def test_a_progression_is_repeated_in_longer_melodies():
    notes = PROGRESSION.notes
    twice = Melody(notes + tuple(Note(n.start + 64, n.pitch, n.duration) for n in notes), "4/4", 8)
    assert measured("chords", "C G Am F", twice)["value"] == 1
    assert np.array_equal(measures("chords", twice), measures("chords", PROGRESSION))


def test_chords_in_six_eight_count_bars_of_twelve():
    # D E F# a bar, the last without F#: of 11 notes D and F# are in D major, 4 + 3
    assert measured("chords", "D", jig())["value"] == pytest.approx(7 / 11)


def test_chords_of_silence_are_undefined_and_no_value_without_a_progression():
    verdict = measured("chords", "C", SILENCE)
    assert (verdict["value"], verdict["score"], verdict["satisfied"]) == (None, 0, False)
    assert RULES["chords"].value(measures("chords", PROGRESSION)[0], None) is None


@pytest.mark.parametrize(("goal", "message"), [("C G Am", "3 chords"), ("", "0 chords"), ("C D E F G", "5 chords"), ("C G am F", "capital root")])
def test_bad_progressions_say_what_was_wanted(goal, message):
    with pytest.raises(UsageError, match=f"{message}.*wanted|wanted.*{message}"):
        parse_constraint("chords", goal)


def test_a_progression_can_be_met_in_every_meter():
    constraint = parse_constraint("chords", "C G Am F")
    for meter in METERS:
        constraint.rule.check(constraint.goal, meter)


@pytest.mark.parametrize("meter", METERS)
def test_a_chord_lasts_a_bar_of_the_meter(meter):
    bar = METERS[meter]
    last_steps = Melody(tuple(Note(bar * (i + 1) - 1, p, 1) for i, p in enumerate((60, 71, 72, 65))), meter, 4)  # C B C F
    verdict = measured("chords", "C G Am F", last_steps)
    assert verdict["value"] == 1
    assert measured("chords", "G C F Am", last_steps)["value"] == 1 / 4  # C is in F
