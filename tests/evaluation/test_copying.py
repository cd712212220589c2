import numpy as np

from musiclc.evaluation import copying
from musiclc.music import tokens as tok


def melody(seed, steps=128):
    row = np.random.default_rng(seed).integers(30, 60, steps).astype(np.uint8)
    row[1::2] = tok.HOLD
    return row


def test_a_run_is_known_up_to_transposition_and_from_its_length_on():
    known = copying.known_runs([melody(1), melody(2, 20)])
    copy = melody(3)
    copy[40:72] = tok.transpose(melody(1)[None, 10:42], 3)[0]
    assert copying.share_copying(np.stack([melody(3), copy]), known) == 0.5
    copy[55] += tok.FIRST_ONSET + 40  # one step differs
    assert copying.share_copying(copy[None], known) == 0.0
    assert copying.share_copying(melody(4)[None], known) == 0.0


def test_runs_are_one_a_start_and_a_held_note_at_the_start_counts_as_it_stands():
    assert len(copying.runs(melody(1))) == 128 - 32 + 1
    assert len(copying.runs(melody(1, 31))) == 0
    held = np.full(64, tok.HOLD, np.uint8)
    assert len(np.unique(copying.runs(held))) == 1
