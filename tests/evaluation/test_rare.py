"""The twenty rules with rare goals, and how their goals are found."""

import numpy as np
import pytest

from musiclc.evaluation import rare
from musiclc.music.melody import Melody, Note


def line(*pitches, length=2):
    return Melody(tuple(Note(4 * i, pitch, length) for i, pitch in enumerate(pitches)), "4/4", 4)


@pytest.mark.parametrize(
    ("rule", "melody", "value"),
    [
        (rare.turns, line(60, 64, 60, 64), 2 / 4),
        (rare.answers, line(60, 62, 64, 65, 60, 60, 60, 60, 60, 60, 60, 60), 1.0),
        (rare.last_length, line(60, 62, length=3), 3),
        (rare.peak_place, line(60, 62, 64, 60), 8 / 64),
        (rare.fresh_run, line(60, 60, 62, 64, 64), 3),
        (rare.thirds, line(60, 64, 67, 69), 2 / 4),
        (rare.thinning, line(60, 60), 2 / 4),
        (rare.off_eighths, Melody((Note(1, 60, 1), Note(2, 60, 1)), "4/4", 4), 1 / 4),
        (rare.widest, line(60, 72, 70), 12),
        (rare.ends_apart, line(60, 72, 57), 3),
        (rare.semitones, line(60, 61, 60, 62), 2 / 4),
        (rare.scale_run, line(60, 62, 64, 65, 64, 60), 3),
        (rare.octaves, line(60, 72, 60, 61), 2),
        (rare.pitches_used, line(60, 72, 60), 2),
        (rare.lengths_used, Melody((Note(0, 60, 1), Note(2, 60, 1), Note(4, 60, 2)), "4/4", 4), 2),
        (rare.silence, line(60, 60), 64 - 6),
        (rare.mirrored, line(60, 62, 60), 2),
        (rare.tritones, line(60, 66, 60, 62), 2),
        (rare.held_over, Melody((Note(2, 60, 4), Note(6, 60, 2)), "4/4", 4), 1 / 4),
        (rare.triads, line(60, 64, 67, 69), 1 / 4),
    ],
)
def test_each_rule_by_hand(rule, melody, value):
    assert rule(melody) == pytest.approx(value)


def test_all_are_told_apart_by_name():
    rules = rare.TUNED + rare.HELD_OUT
    assert len({rule.__name__ for rule in rules}) == len(rules) == 20


def test_a_goal_is_as_rare_as_asked():
    assert rare.rare_goal(np.arange(1000), 0.01) == 990
    assert rare.rare_goal(np.arange(1000) // 100, 0.01) == 9
