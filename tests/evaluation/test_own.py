"""The ten rules of one's own that figures are made of, and how their figures are counted."""

from types import SimpleNamespace

import numpy as np
import pytest

from musiclc.evaluation import own
from musiclc.evaluation.constraints import Bench
from musiclc.music.melody import Melody, Note
from tests.evaluation.worked import phrase
from tests.helpers import c_major_scale


def melody(*notes):
    """Four bars of 4/4 from (start, pitch) or (start, pitch, duration)."""
    return Melody(tuple(Note(start, pitch, *(rest or (1,))) for start, pitch, *rest in notes), "4/4", 4)


def line(*pitches):
    return melody(*enumerate(pitches))


@pytest.mark.parametrize(
    ("rule", "scored", "score"),
    [
        (own.zigzag, line(60, 64, 60, 64), 1.0),
        (own.zigzag, line(60, 62, 64, 62, 64, 65), 1.0),  # two of four inner notes turn
        (own.zigzag, line(60, 62, 64, 65, 64, 62), 0.5),  # one of four
        (own.zigzag, line(60, 62), 0.0),
        (own.call_and_answer, melody((0, 60), (4, 62), (20, 64), (32, 65), (36, 60)), 1.0),
        (own.call_and_answer, melody((0, 60), (4, 62), (32, 65), (38, 60)), 1 / 3),
        (own.ends_long, melody((0, 60, 1), (4, 62, 8)), 1.0),
        (own.ends_long, melody((0, 60, 12), (20, 62, 2)), 0.25),
        (own.peak_late, melody((0, 60), (32, 72), (40, 72)), 1.0),
        (own.peak_late, melody((0, 60), (8, 72), (40, 72)), 0.25),
        (own.no_repeats, line(60, 62, 60, 62), 1.0),
        (own.no_repeats, line(60, 60, 62, 62, 62), 0.25),
        (own.thirds, line(60, 64, 67, 69, 71, 72), 1.0),  # two of five
        (own.thirds, line(60, 64, 65, 67, 69, 70), 0.5),  # one of five
        (own.thins_out, melody((0, 60), (4, 60), (8, 60), (40, 60), (50, 60)), 1.0),
        (own.thins_out, melody((0, 60), (40, 60), (50, 60)), 1 / 3),
        (own.on_the_beat, melody((0, 60), (2, 60), (6, 60)), 1.0),
        (own.on_the_beat, melody((0, 60), (3, 60)), 0.5 / 0.9),
        (own.wide_leap, line(60, 70, 69), 1.0),
        (own.wide_leap, line(60, 65), 0.5),
        (own.same_ends, line(60, 65, 60), 1.0),
        (own.same_ends, line(60, 65, 63), 0.25),
    ],
)
def test_each_rule_by_hand(rule, scored, score):
    assert rule(scored) == pytest.approx(score)


def test_all_are_scores_in_0_to_1_and_counted_once():
    rules = own.TUNED + own.HELD_OUT
    assert len({rule.__name__ for rule in rules}) == len(rules) == 10
    assert all(0 <= rule(c_major_scale()) <= 1 for rule in rules)


def test_a_rules_row_by_hand(monkeypatch):
    """Free samples meet it 1 in 4, single ones 2 in 4, delivered ones 4 in 4; the critic is forgotten before and after."""
    good, bad = phrase(60, 64, 60, 64), phrase(60, 62, 64, 66, 68)
    forgotten = []

    def delivered(model, constraints, n, seed, method="auto", **options):
        assert (constraints[0].rule.name, n, seed) == ("zigzag", own.OWN_MELODIES, 7)
        return np.stack([good, good, bad, bad] if method == "guided" else [good] * 4), []

    monkeypatch.setattr(own, "delivered", delivered)
    monkeypatch.setattr(own.critics, "forget", forgotten.append)
    monkeypatch.setattr(own, "time", SimpleNamespace(perf_counter=iter([0, 9.04, 10, 12.5]).__next__))
    judge = SimpleNamespace(cross_entropy=lambda sequences: 2.0)
    row = own._own(Bench(None, good[None], good[None], judge, 4, 7), own.zigzag, np.stack([good, bad, bad, bad]))
    assert row == {
        **{"met, free": 0.25, "met, single": 0.5, "met, delivered": 1.0},
        **{"cross-entropy over real, %": 0.0, "seconds, first": 9.0, "again": 2.5},
    }
    assert forgotten == ["zigzag", "zigzag"]
