"""How like an example: each aspect worked by hand, and what is written by it."""

import numpy as np
import pytest

from musiclc.errors import UsageError
from musiclc.music import tokens as tok
from musiclc.music.likeness import edit_distance
from musiclc.music.melody import Melody, Note
from musiclc.rules.alike import ASPECTS, Exemplar, alike_measures, alike_rule
from musiclc.rules.goals import Goal
from tests.helpers import c_major_scale

BAR = Melody((Note(0, 60, 4), Note(4, 64, 4), Note(8, 62, 4), Note(12, 67, 4)), "4/4", 1)


def alike(aspect, notes, bars=1, example=BAR):
    row = tok.from_melody(Melody(tuple(notes), "4/4", bars))
    return float(alike_measures(Exemplar(example, aspect), row[None], "4/4")[0, 0])


def goal_of(low, high=np.inf):
    return Goal("a.mid", (low,), (high,))


@pytest.mark.parametrize("aspect", ASPECTS)
def test_a_melody_is_wholly_like_itself_and_silence_like_nothing(aspect):
    assert alike(aspect, BAR.notes) == 1
    assert alike(aspect, ()) == 0


def test_rhythm_is_twice_the_shared_onsets_over_both_numbers_whatever_the_pitches():
    three = [Note(0, 70, 2), Note(4, 70, 2), Note(10, 71, 2)]
    assert alike("rhythm", three) == pytest.approx(2 * 2 / (3 + 4))
    assert alike("notes", [Note(0, 60, 2), Note(4, 70, 2), Note(10, 71, 2)]) == pytest.approx(2 * 1 / 7)


def test_what_is_in_turn_knows_no_time_and_forgives_a_note_too_many():
    shifted = [Note(1, 60, 1), Note(2, 64, 1), Note(3, 65, 1), Note(5, 62, 1), Note(9, 67, 1)]  # 60 64 62 67, a 65 between; then 60 again
    assert alike("pitches", shifted) == pytest.approx(1 - 2 / 5)
    assert alike("intervals", [Note(n.start, n.pitch + 5, n.duration) for n in BAR.notes]) == 1
    assert alike("contour", [Note(0, 60, 4), Note(4, 72, 4), Note(8, 71, 4), Note(12, 72, 4)]) == 1
    assert alike("contour", [Note(0, 60, 4), Note(4, 72, 4), Note(8, 72, 4), Note(12, 73, 4)]) == pytest.approx(2 / 3)


def test_a_longer_piece_goes_round_and_a_shorter_one_is_compared_with_the_beginning():
    twice = [*BAR.notes, *(Note(n.start + 16, n.pitch, n.duration) for n in BAR.notes)]
    for aspect in ASPECTS:
        assert alike(aspect, twice, 2) == 1
        assert alike(aspect, c_major_scale().window(0, 1).notes, 1, c_major_scale()) == 1


def test_an_example_begins_with_the_bar_of_its_first_note():
    late = Melody(tuple(Note(n.start + 32, n.pitch, n.duration) for n in BAR.notes), "4/4", 4)
    assert Exemplar(late, "rhythm").melody == BAR
    with pytest.raises(UsageError, match="an example of 0 notes; wanted 1 or more"):
        Exemplar(Melody((), "4/4", 1), "rhythm")


def test_bars_are_compared_in_their_meter_alone_and_in_its_halves():
    rhythm, pitches = (alike_rule(Exemplar(BAR, aspect), lambda text: goal_of(0.9), goal_of(0.9)) for aspect in ("rhythm", "pitches"))
    rhythm.check(goal_of(0.9), "2/4")
    pitches.check(goal_of(0.9), "6/8")
    with pytest.raises(UsageError, match="compares bars of 4/4, and the piece is in 6/8; wanted the same meter"):
        rhythm.check(goal_of(0.9), "6/8")


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("aim", [0.8, 1.0])
def test_what_is_written_is_as_alike_as_asked_and_leaves_other_steps_alone(aspect, aim):
    example, state = Exemplar(c_major_scale(), aspect), tok.from_melody(Melody(tuple(Note(3 * i, 60 + i * 5 % 7, 2) for i in range(21)), "4/4", 4))
    rule = alike_rule(example, lambda text: goal_of(aim), goal_of(aim))
    tries = np.stack(list(rule.written(state, np.ones(64, bool), np.ones(128, bool), 16)))
    assert alike_measures(example, tries, "4/4").max() >= aim - 1e-9
    for new in rule.written(state, np.arange(64) >= 32, np.ones(128, bool), 16):
        assert new[:32].tolist() == state[:32].tolist()


def test_distances_are_levenshteins():
    def slow(one, other):
        row = list(range(len(other) + 1))
        for i, a in enumerate(one, 1):
            new = [i]
            for j, b in enumerate(other, 1):
                new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (a != b)))
            row = new
        return row[-1]

    random = np.random.default_rng(1)
    for _ in range(200):
        one, other = (random.integers(4, size=random.integers(12)).tolist() for _ in range(2))
        assert edit_distance(one, other) == slow(one, other)
