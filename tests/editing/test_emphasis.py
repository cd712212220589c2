"""Few notes moved until a tonic is heard: on melodies worked by hand, with the rules themselves as judge."""

import numpy as np
import pytest

from musiclc.editing.emphasis import emphasised
from musiclc.model.decode import scores
from musiclc.music import tokens as tok
from musiclc.rules import parse_constraints, tonic
from tests.rules.test_keys import WHITE
from tests.rules.test_tonic import cadence


def asked(**goals):
    constraints = parse_constraints(goals)
    return constraints, lambda states: scores(constraints, states, "4/4")


def emphasis(state, **goals):
    constraints, judge = asked(**goals)
    return emphasised(state, constraints, judge, np.ones(len(state), bool), 16)


def nearly_dorian():
    """D dorian at rest on D, but for its end: C for two beats."""
    state = cadence(WHITE[1:8])[0].copy()
    last = np.flatnonzero(tok.onsets(state[None])[0])[-3:]
    state[last] = np.array([64, 60, 60]) - tok.PITCH_OF_TOKEN
    return state


def test_a_tonic_that_is_nearly_heard_is_heard_after_the_last_note_is_moved():
    state = nearly_dorian()
    _constraints, judge = asked(key="D dorian")
    found = emphasis(state, key="D dorian")
    assert (judge(found[None]) == 1).all()
    assert tonic.heard(found[None], "4/4")[0] == [2]
    assert tok.onsets(found).tolist() == tok.onsets(state).tolist()
    assert (found != state).sum() <= 4
    last = np.flatnonzero(tok.onsets(found))[-1]
    assert (int(found[last]) + tok.PITCH_OF_TOKEN) % 12 == 2


def test_what_is_too_far_off_and_what_asks_for_no_tonic_stays():
    state = nearly_dorian()
    assert np.array_equal(emphasis(state, key="F# phrygian"), state)
    assert np.array_equal(emphasis(state, scale="G", density="3"), state)


def test_steps_that_are_not_free_stay():
    state = nearly_dorian()
    constraints, judge = asked(key="D dorian")
    free = np.arange(len(state)) < 16
    found = emphasised(state, constraints, judge, free, 16)
    assert np.array_equal(found[16:], state[16:])


@pytest.mark.parametrize("goal", ["C", "A"])
def test_other_constraints_are_kept(goal):
    state = cadence(WHITE[:7])[0]
    found = emphasis(state, tonic=goal, range="C4..B4")
    _constraints, judge = asked(tonic=goal, range="C4..B4")
    assert (judge(found[None]) == 1).all() or np.array_equal(found, state)


def test_runs_on_one_pitch_are_broken_by_as_few_notes_as_can_be():
    pitches = [60, 60, 60, 60, 62, 64, 64, 64, 62, 60, 62, 64, 65, 67, 65, 64]
    state = np.full(64, tok.HOLD, np.uint8)
    state[::4] = np.array(pitches) - tok.PITCH_OF_TOKEN
    found = emphasis(state, no_repeat="2", scale="C")
    _constraints, judge = asked(no_repeat="2", scale="C")
    assert (judge(found[None]) == 1).all()
    assert np.flatnonzero(found != state).size == 2  # the second or third of the four, and one of the three
    assert tok.onsets(found).tolist() == tok.onsets(state).tolist()


def test_a_run_asked_for_is_no_pitch_class():
    """0 as the most of another judged rule is no tonic C for the last note."""
    state = np.full(64, tok.HOLD, np.uint8)
    state[::16] = np.array([62, 62, 64, 67]) - tok.PITCH_OF_TOKEN
    assert emphasis(state, no_repeat="1")[48] == state[48]
