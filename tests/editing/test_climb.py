"""Small changes that rules alone judge: that they reach what a rule asks, keep to what is free, and depend on nothing but their numbers."""

import itertools
from random import Random

import numpy as np
import pytest

from musiclc.editing.climb import Climb, climbed, forerunners
from musiclc.editing.usual import Usual
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from tests.helpers import c_major_scale

START = tok.from_melody(c_major_scale())
WHITE = np.flatnonzero(np.isin(np.arange(128) % 12, (0, 2, 4, 5, 7, 9, 11)))[20:60]


def climb(score, **more):
    def scores(lines):
        return np.array([[score(each)] for each in tok.to_melodies(lines, "4/4")], float)

    return Climb(scores, more.pop("free", np.ones(64, bool)), WHITE, 16, **more)


def none():
    return START[None][:0]


def leaps(melody):
    p = [n.pitch for n in melody.notes]
    return min(1.0, sum(abs(a - b) >= 7 for a, b in itertools.pairwise(p)) / 6)


def test_a_graded_rule_is_met_with_most_of_the_line_as_it_was():
    found = climbed(climb(leaps), START, none, Random(1))
    assert leaps(tok.to_melody(found, "4/4")) == 1
    assert (found == START).mean() > 0.7


def test_steps_that_are_tied_change_together_and_given_ones_not_at_all():
    """Bars 1 and 3 are tied: what changes in either stands in both, the latter's where both do; bar 3's last step is given."""
    tied = np.tile(np.arange(16), 4) + 16 * np.repeat([0, 1, 0, 2], 16)
    free = np.ones(64, bool)
    free[47] = False
    line, changed = np.full(64, tok.HOLD), np.full(64, tok.HOLD)
    changed[[2, 15, 20, 35, 36]] = [50, 51, 52, 53, 54]
    changed[4] = 55
    found = climb(leaps, free=free, tied=tied).together(line, changed)
    assert found[[2, 34, 3, 35, 4, 36, 15, 47, 20]].tolist() == [50, 50, 53, 53, 54, 54, 51, tok.HOLD, 52]
    assert (found[48:] == tok.HOLD).all()


def test_bars_that_return_still_do_after_changes():
    twice = np.concatenate([START[:32], START[:32]])
    tied = np.tile(np.arange(32), 2)
    found = climbed(climb(leaps, tied=tied), twice, none, Random(1))
    assert leaps(tok.to_melody(found, "4/4")) == 1
    assert (found[:32] == found[32:]).all()


def test_the_same_numbers_give_the_same_line_and_others_another():
    one, two, other = (climbed(climb(leaps), START, none, Random(seed)) for seed in ("a", "a", "b"))
    assert one.tolist() == two.tolist() != other.tolist()


def test_what_is_not_free_stays_and_pitches_are_allowed_ones():
    free = np.arange(64) >= 32
    found = climbed(climb(leaps, free=free), START, none, Random(2))
    assert found[:32].tolist() == START[:32].tolist()
    assert set(found[tok.onsets(found[None])[0] & free] + tok.PITCH_OF_TOKEN) <= set(WHITE)


def test_a_rule_that_says_yes_or_no_is_met_by_way_of_a_forerunner():
    high = Melody(tuple(Note(4 * i, 96 - i, 4) for i in range(16)), "4/4", 4)

    def yes_or_no(melody):
        return float(sum(n.pitch >= 80 for n in melody.notes) >= 10)

    donors = np.stack([START, tok.from_melody(high)])
    searched = climb(yes_or_no, donors=donors)
    lines, worth = forerunners(searched, START, Random(3))
    assert np.isinf(worth[0])
    found = climbed(searched, START, lambda: lines[np.isinf(worth)], Random(4))
    assert yes_or_no(tok.to_melody(found, "4/4")) == 1


def test_what_cannot_be_met_ends_with_the_best():
    def short(melody):
        return 0.5 if len(melody.notes) < 20 else 0.1

    found = climbed(climb(short), START, none, Random(5))
    assert len(tok.to_melody(found, "4/4").notes) < 20


def test_a_silent_line_can_be_searched():
    found = climbed(climb(lambda melody: min(len(melody.notes), 3) / 3), np.zeros(64, np.uint8), none, Random(6))
    assert len(tok.to_melody(found, "4/4").notes) >= 3


def test_what_is_usual_is_what_was_counted():
    usual = Usual(np.stack([START, tok.transpose(START[None], 12)[0]]), 16)
    odd = START.copy()
    odd[tok.onsets(odd[None])[0]] = np.resize([30, 75], 32)
    assert usual.strangeness(np.stack([START, odd])).tolist() == [0.0, pytest.approx(usual.strangeness(odd[None])[0])]
    assert usual.strangeness(odd[None])[0] > 3
