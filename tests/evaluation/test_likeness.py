import numpy as np
import pytest

from musiclc.evaluation import features, likeness
from musiclc.music import tokens as tok
from musiclc.rules.features import pitch_class_entropy


def pieces(n, seed, steps=(0, 2, 4, 5, 7)):
    """Pieces (n, 256) of eighths from a scale."""
    random = np.random.default_rng(seed)
    row = np.full((n, 256), tok.HOLD, np.uint8)
    row[:, ::2] = 40 + random.choice(steps, (n, 128))
    return row


def test_the_area_counts_pairs_and_ties_half():
    assert likeness.auc(np.array([3.0, 2.0]), np.array([1.0, 2.0])) == (1 + 1 + 1 + 0.5) / 4
    assert likeness.standard_error(0.5, 100, 100) == pytest.approx(np.sqrt((0.25 + 2 * 99 * (1 / 3 - 0.25)) / 1e4))


@pytest.mark.parametrize("view", [features.piece_features, likeness.channels])
def test_transposition_changes_nothing_that_a_classifier_sees(view):
    some = pieces(3, 1)
    assert view(some, "4/4") == pytest.approx(view(tok.transpose(some, 5), "4/4"), abs=1e-5)


def test_features_are_finite_for_silence_and_every_meter():
    for meter, steps in (("4/4", 16), ("6/8", 12), ("9/8", 18)):
        rows = np.zeros((2, 16 * steps), np.uint8)
        rows[1, 5] = 40
        assert np.isfinite(features.piece_features(rows, meter)).all()
        assert np.isfinite(likeness.channels(rows, meter)).all()


def test_entropy_of_pitch_classes_by_time():
    row = np.full((1, 32), tok.HOLD, np.uint8)
    row[0, ::8] = (40, 52, 42, 42)  # an octave is the same pitch class
    assert pitch_class_entropy(row) == pytest.approx([1.0])


def test_what_is_different_is_told_apart_and_what_is_alike_is_not():
    pytest.importorskip("sklearn")
    real = pieces(40, 1)
    assert likeness.told_apart(likeness.TREES, real, pieces(40, 2, (0, 1, 6, 8, 11)), "4/4") > 0.95
    assert likeness.told_apart(likeness.TREES, real, pieces(40, 3), "4/4", taught=pieces(40, 4)) == pytest.approx(0.5, abs=0.2)
    assert np.isnan(likeness.told_apart(likeness.TREES, real[:19], real, "4/4"))


def test_no_piece_is_judged_by_a_classifier_that_has_seen_it():
    seen = []

    def fit(known, is_real, unknown, seed):
        seen.append((set(known[:, 0]), set(unknown[:, 0]), int(is_real.sum())))
        return unknown[:, 0]

    named = likeness.Classifier(lambda tokens, meter: tokens[:, :1], fit)
    real, ours, taught = (np.arange(n)[:, None] + first for n, first in ((25, 0), (30, 100), (7, 200)))
    assert likeness.told_apart(named, real, ours, "4/4", taught) == 0.0
    assert all(not known & judged and set(range(200, 207)) <= known for known, judged, _ in seen)
    assert sorted(x for _, judged, _ in seen for x in judged) == [*range(25), *range(100, 130)]
    assert {n for *_, n in seen} == {25 - 5 + 7}
