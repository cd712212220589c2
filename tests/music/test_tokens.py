from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import PHRASE_METERS
from tests.helpers import c_major_scale, jig


@st.composite
def melodies(draw, meters=("4/4", "3/4", "6/8", "2/4", "3/8", "9/8", "12/8")):
    meter = draw(st.sampled_from(meters))
    steps = 4 * {"4/4": 16, "3/4": 12, "6/8": 12, "2/4": 8, "3/8": 6, "9/8": 18, "12/8": 24}[meter]
    cuts = sorted(draw(st.sets(st.integers(0, steps), min_size=2, max_size=20)))
    notes = [Note(a, draw(st.integers(21, 108)), draw(st.integers(1, b - a))) for a, b in pairwise(cuts) if draw(st.booleans())]
    return Melody(tuple(notes), meter, 4)


@given(melodies())
def test_melody_to_tokens_and_back(melody):
    assert tok.to_melody(tok.from_melody(melody), melody.meter) == melody


@given(melodies(PHRASE_METERS))
def test_padding_is_undone(melody):
    rows = tok.from_melody(melody)[None]
    padded = tok.pad(rows, melody.meter)
    assert padded.shape == (1, tok.WINDOW_STEPS)
    assert (tok.unpad(padded, melody.meter) == rows).all()


def test_views_worked_by_hand():
    row = tok.from_melody(Melody((Note(1, 60, 2), Note(4, 67, 1)), "4/4", 1))[None]
    assert row[0, :6].tolist() == [0, 41, 1, 0, 48, 0]
    assert np.flatnonzero(tok.onsets(row)[0]).tolist() == [1, 4]
    assert tok.sounding(row)[0, :6].tolist() == [-1, 60, 60, -1, 67, -1]
    assert tok.durations(row)[0, :6].tolist() == [0, 2, 0, 0, 1, 0]


def test_a_hold_with_nothing_before_it_is_silence():
    row = np.array([[tok.HOLD, tok.HOLD, 41, tok.HOLD] + [tok.REST] * 12])
    assert tok.to_melody(row[0], "4/4").notes == (Note(2, 60, 2),)


def test_transposition_moves_onsets_only_and_key_free_undoes_it():
    rows = np.concatenate([tok.pad(tok.from_melody(m)[None], m.meter) for m in (c_major_scale(), jig())])
    moved = tok.transpose(rows, np.array([3, -5]))
    assert ((moved != rows) == (tok.onsets(rows) & (rows != tok.PAD))).all()
    first = tok.from_melody(c_major_scale())[None]
    assert (tok.key_free(tok.transpose(first, 7)) == tok.key_free(first)).all()
