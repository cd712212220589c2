"""The last note comes home, and what is equal to its bar with it."""

from types import SimpleNamespace

import numpy as np

from musiclc.music import tokens as tok
from musiclc.sampling.cadence import cadenced

SCALE = [0, 2, 4, 5, 7, 9, 11, 12, 11, 9, 7, 5, 4, 2, 0, 0]
C = 60 - tok.PITCH_OF_TOKEN


def piece(*last):
    """Four bars of C major in sixteenths, the second and the last of which end with these steps over C."""
    bars = np.tile(np.array(SCALE, int) + C, (4, 1)).astype(np.uint8)
    bars[1::2, -len(last) :] = np.array(last) + C
    return bars


def problem(tonic=None, wanted=(True, True, True, True), met=lambda tokens: np.ones((len(tokens), 1))):
    return SimpleNamespace(meter="4/4", tonic=tonic, wanted=np.array(wanted), scores=met)


def test_the_last_note_goes_to_the_nearest_tonic_in_every_bar_like_its_own():
    found = cadenced(problem(), piece(2))
    assert found[:, -1].tolist() == [C, C, C, C]
    assert (found[:, :-1] == piece(2)[:, :-1]).all()
    assert cadenced(problem(tonic=0), piece(7))[3, -1] == C + 12  # five semitones up, not seven down


def test_a_given_bar_stays_even_where_it_is_equal():
    assert cadenced(problem(wanted=(True, False, True, True)), piece(2))[:, -1].tolist() == [C, C + 2, C, C]


def test_what_would_break_a_constraint_or_has_no_note_is_left_alone():
    same = piece(2)
    assert cadenced(problem(met=lambda tokens: np.zeros((len(tokens), 1))), same) is same
    silent = np.full((4, 16), tok.REST, np.uint8)
    assert cadenced(problem(tonic=0), silent) is silent
