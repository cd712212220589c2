import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from musiclc import tokens as tok
from musiclc.home import HOME_PITCH, moves_away, moves_home, transposed
from musiclc.melody import Melody, Note
from musiclc.rules import key_measures, parse_constraint
from musiclc.theory import SCALES
from tests.helpers import c_major_scale

WHITE = np.isin(np.arange(12), SCALES["major"])
SHARES = np.array([0.2, 0, 0.13, 0, 0.14, 0.1, 0, 0.16, 0, 0.14, 0, 0.13])


@given(st.integers(-20, 20))
def test_every_transposition_has_the_same_home(semitones):
    rows = tok.from_melodies([c_major_scale(), c_major_scale().transpose(semitones)])
    at_home = transposed(rows, moves_home(rows))
    assert (at_home[0] == at_home[1]).all()
    assert key_measures(at_home, "4/4")[:, WHITE].sum(1).tolist() == [1, 1]
    mean = (at_home[0][tok.onsets(at_home)[0]].astype(int) + tok.PITCH_OF_TOKEN).mean()
    assert abs(mean - HOME_PITCH) <= 6


def test_a_pentatonic_tune_is_at_home_in_one_key_only():
    tune = Melody(tuple(Note(4 * i, p, 4) for i, p in enumerate([67, 69, 71, 74, 76, 74, 71, 67] * 2)), "4/4", 4)  # G major pentatonic
    moved = transposed(tok.from_melody(tune)[None], moves_home(tok.from_melody(tune)[None]))
    assert (int(moved[0, 0]) + tok.PITCH_OF_TOKEN) % 12 == 0  # C, F and G major all hold it; the profiles say C


def test_silence_stays():
    assert moves_home(np.zeros((2, 64), np.uint8)).shape == (2,)


def test_moves_never_leave_the_piano():
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


def test_moves_away_by_hand():
    assert moves_away([], SHARES) == list(range(-6, 6))
    assert moves_away([parse_constraint("key", "C")], SHARES) == [0]
    assert moves_away([parse_constraint("key", "A minor")], SHARES) == [0]
    assert moves_away([parse_constraint("key", "D")], SHARES) == [2]
    assert moves_away([parse_constraint("key", "C minor")], SHARES) == [3]  # E flat major's notes
    assert moves_away([parse_constraint("key", "C chromatic")], SHARES) == list(range(-6, 6))
    assert moves_away([parse_constraint("range", "C3..C5")], SHARES) != moves_away([parse_constraint("range", "C4..C6")], SHARES)
    low = moves_away([parse_constraint("key", "C"), parse_constraint("range", "A1..A3")], SHARES)
    assert low == [-24]
