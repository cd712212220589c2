import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import SCALES
from musiclc.rules import parse_constraint, scale_measures
from musiclc.rules.base import Constraint
from musiclc.rules.transposition import CANONICAL_PITCH, canonical_transpositions, suitable_transpositions, transposed
from tests.helpers import c_major_scale

WHITE = np.isin(np.arange(12), SCALES["major"])
USUAL = tok.from_melodies([c_major_scale()])  # from C4 to C5, all white keys


@given(st.integers(-20, 20))
def test_every_transposition_has_the_same_canonical_one(semitones):
    rows = tok.from_melodies([c_major_scale(), c_major_scale().transpose(semitones)])
    canonical = transposed(rows, canonical_transpositions(rows))
    assert (canonical[0] == canonical[1]).all()
    assert scale_measures(canonical, "4/4")[:, WHITE].sum(1).tolist() == [1, 1]
    mean = (canonical[0][tok.onsets(canonical)[0]].astype(int) + tok.PITCH_OF_TOKEN).mean()
    assert abs(mean - CANONICAL_PITCH) <= 6


def test_a_pentatonic_tune_is_canonical_in_one_key_only():
    tune = Melody(tuple(Note(4 * i, p, 4) for i, p in enumerate([67, 69, 71, 74, 76, 74, 71, 67] * 2)), "4/4", 4)  # G major pentatonic
    moved = transposed(tok.from_melody(tune)[None], canonical_transpositions(tok.from_melody(tune)[None]))
    assert (int(moved[0, 0]) + tok.PITCH_OF_TOKEN) % 12 == 0  # C, F and G major all hold it; the profiles say C


def test_silence_stays():
    assert canonical_transpositions(np.zeros((2, 64), np.uint8)).shape == (2,)


def test_transpositions_never_leave_the_piano():
    rows = tok.from_melody(c_major_scale())[None]
    for semitones in (-60, 60):
        pitches = transposed(rows, np.array([semitones]))[0].astype(int) + tok.PITCH_OF_TOKEN
        onsets = pitches[::2]
        assert onsets.min() >= 21
        assert onsets.max() <= 108
        assert (onsets - 60 - (onsets[0] - 60) == np.array([n.pitch - 60 for n in c_major_scale().notes])).all()


def test_a_melody_as_wide_as_the_piano_stays_where_it_is():
    rows = tok.from_melody(Melody((Note(0, 21, 4), Note(4, 108, 4))))[None]
    assert (transposed(rows, np.array([3])) == rows).all()


def suitable(**goals):
    return suitable_transpositions([parse_constraint(name, goal) for name, goal in goals.items()], USUAL, "4/4")


def test_suitable_transpositions_by_hand():
    assert suitable() == list(range(-6, 6))
    assert suitable(density="6") == list(range(-6, 6))  # nothing is asked of pitch
    assert suitable(scale="C") == [0]
    assert suitable(scale="A minor") == [0]
    assert suitable(scale="D") == [2]
    assert suitable(scale="C minor") == [3]  # E flat major's notes
    assert suitable(scale="C chromatic") == list(range(-6, 6))
    assert suitable(range="C3..C4") == [-12]
    assert suitable(range="C3..C5") == list(range(-12, 1))
    assert suitable(scale="C", range="C2..C3") == [-24]
    assert suitable(register="78") == [11, 12]  # the scale's mean is 66.25; within a semitone is near enough


def test_a_rule_that_must_be_measured_anew_has_one_best_transposition():
    from musiclc.custom.functions import rule_of_function

    rule = rule_of_function(lambda melody: float(melody.notes[0].pitch == 62))
    assert rule.fixed
    assert suitable_transpositions([Constraint(rule, rule.parse("met"))], USUAL, "4/4") == [2]
