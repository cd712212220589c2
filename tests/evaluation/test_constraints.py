"""Figures of constrained sampling, worked by hand on a few phrases; the sampler is a stub."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from musiclc.evaluation import constraints
from musiclc.evaluation.constraints import Bench, agreement, by_method, by_target, features, frechet
from musiclc.music import tokens as tok
from musiclc.rules import RULES
from musiclc.training.corpus import SPLITS, Dataset
from tests.evaluation.worked import A_MINOR, dense, phrase
from tests.helpers import c_major_scale


def bench(train=None, real=None, n=4, cross_entropy=lambda sequences: 1.0):
    """A bench without a model; its judge is a function of the sequences."""
    train = dense(8) if train is None else train
    return Bench(None, train, train if real is None else real, SimpleNamespace(cross_entropy=cross_entropy), n, 7)


def sampler(monkeypatch, answer):
    """Puts answer(constraints, n, seed, **options) → tokens in the sampler's place."""
    monkeypatch.setattr(constraints, "delivered", lambda model, asked, n, seed, **options: (answer(asked, n, seed, **options), []))


def clock(monkeypatch, *seconds):
    """Successive readings of the clock."""
    monkeypatch.setattr(constraints, "time", SimpleNamespace(perf_counter=iter(seconds).__next__))


# ---- the bench -----------------------------------------------------------------------------------------------------


def test_the_bench_learns_from_training_tunes_and_compares_with_held_out_ones():
    tokens = np.stack([phrase(60), phrase(61), phrase(62), phrase(63), phrase(64), phrase(65)])
    split = np.array([SPLITS.index(s) for s in ("train", "train", "validation", "test", "near", "far")], np.uint8)
    zeros = np.zeros(6, np.int32)
    made = Bench.of(None, Dataset(tokens, zeros.astype(np.uint8), split, zeros, zeros, {}), 5, 6)
    assert np.array_equal(made.train, tokens[:2])
    assert np.array_equal(made.real, tokens[3:5])
    assert (made.n, made.seed) == (5, 6)


def test_cross_entropy_over_real_is_in_percent():
    """Two real tunes cost 2.5 nats a note, three others 2: a fifth less."""
    made = bench(real=dense(8, 8), cross_entropy=lambda sequences: {2: 2.5, 3: 2.0}[len(sequences)])
    assert made.over_real(dense(8, 8, 8)) == -20.0
    assert made.over_real(made.real) == 0.0


# ---- methods -------------------------------------------------------------------------------------------------------


def test_methods_are_counted_by_the_rules(monkeypatch):
    scale = phrase(60, 62, 64, 65, 67, 69, 71, 72)
    outside = phrase(60, 62, 63, 65, 67, 69, 71, 72, 60, 62, 64, 65)  # one of twelve notes outside C major

    def answer(asked, n, seed, method="auto", attempts=None, candidates=None):
        assert (asked, n, seed) == ({"scale": "C"}, 4, 7)
        assert (attempts, candidates) == ((None, None) if method == "auto" else (1, 1))
        return np.stack([scale, scale, scale, outside] if method == "auto" else [scale, outside, outside, tok.transpose(outside[None], 1)[0]])

    sampler(monkeypatch, answer)
    clock(monkeypatch, 10, 12.5, 20, 21)
    single, delivered = by_method(bench(cross_entropy=lambda sequences: 3.0), {"C major": {"scale": "C"}}, ("guided",))
    assert single == {
        "constraints": "C major",
        "method": "guided",
        "met": 0.25,
        "cross-entropy over real, %": 0.0,
        "distinct": 0.5,  # a transposition is the same melody
        "notes a bar": 2.75,  # 8, 12, 12, 12 notes in four bars
        "seconds": 2.5,
        "mean share in key": 0.7708,  # 12, 11, 11 and 3 (E, C, F) of twelve
    }
    assert (delivered["method"], delivered["met"], delivered["seconds"]) == ("delivered", 0.75, 1.0)


def test_several_constraints_are_met_together_or_not(monkeypatch):
    sampler(monkeypatch, lambda asked, n, seed, **options: np.stack([phrase(*A_MINOR), phrase(*A_MINOR[:20]), phrase(*A_MINOR[:-1], 70)]))
    asked = {"scale": "A minor", "density": ">=9"}  # both; too few notes; a note outside
    (row,) = by_method(bench(), {"both": asked}, ())
    assert row["met"] == round(1 / 3, 4)


def test_every_rule_is_among_the_figures():
    assert {name for asked in constraints.RULE_BY_RULE.values() for name in asked} == set(RULES)


# ---- targets -------------------------------------------------------------------------------------------------------


def test_agreement_by_hand():
    """Deviations −4 −4 0 0 4 4 and −13/3 −7/3 −1/3 −1/3 11/3 11/3: r = 56 / √(64 · 154/3)."""
    figures = agreement(np.array([2.0, 2, 6, 6, 10, 10]), np.array([2.0, 4, 6, 6, 10, 10]), tolerance=0.5)
    assert figures == {"Pearson": round(56 / math.sqrt(64 * 154 / 3), 4), "error": round(2 / 6, 3), "met": round(5 / 6, 4)}
    falling = agreement(np.array([1.0, 2, 3]), np.array([6.0, 4, 2]), tolerance=1.0)
    assert falling == {"Pearson": -1.0, "error": round((5 + 2 + 1) / 3, 3), "met": round(1 / 3, 4)}


def test_targets_are_even_between_quantiles_and_aimed_at_with_seeds_of_their_own(monkeypatch):
    """A corpus of 2 and of 10 notes a bar, in halves but for one phrase of 1 and one of 16: targets 2, 6, 10. Single melodies have some 2 notes
    a bar, whatever is asked.
    """
    monkeypatch.setattr(constraints, "TARGETED", ("density",))
    monkeypatch.setattr(constraints, "TARGETS", 3)
    monkeypatch.setattr(constraints, "EACH", 2)
    aimed = []

    def answer(asked, n, seed, method="auto", **options):
        aimed.append((method, asked["density"], n, seed))
        target = float(asked["density"])
        return dense(8, 8 + (target > 5)) if method == "guided" else dense(int(4 * target), int(4 * target))

    sampler(monkeypatch, answer)
    (row,), points, usual = by_target(bench(train=dense(4, *[8] * 150, *[40] * 150, 64)))
    assert aimed[:3] == [("guided", "2.0000", 2, 7), ("guided", "6.0000", 2, 8), ("guided", "10.0000", 2, 9)]
    assert row["targets"] == "2..10"
    assert (row["Pearson, delivered"], row["error, delivered"], row["met, delivered"]) == (1.0, 0.0, 1.0)
    assert (row["error, single"], row["met, single"]) == (round((0 + 0 + 4 + 3.75 + 8 + 7.75) / 6, 3), round(2 / 6, 4))
    assert points["density"] == {"target": [2, 2, 6, 6, 10, 10], "single": [2, 2, 2, 2.25, 2, 2.25], "delivered": [2, 2, 6, 6, 10, 10]}
    assert [len(usual["single"]), len(usual["delivered"])] == [6, 6]


def test_only_usual_targets_are_compared_with_real_tunes(monkeypatch):
    """Of a hundred phrases two have 2 notes a bar, two 10, the others 6: targets 2, 6, 10, of which only 6 lies within the 5–95 % quantiles."""
    monkeypatch.setattr(constraints, "TARGETED", ("density",))
    monkeypatch.setattr(constraints, "TARGETS", 3)
    sampler(monkeypatch, lambda asked, n, seed, **options: dense(*[round(4 * float(asked["density"]))] * n))
    (row,), _, usual = by_target(bench(train=dense(8, 8, *[24] * 96, 40, 40)))
    assert row["targets"] == "2..10"
    assert tok.onsets(usual["delivered"]).sum(1).tolist() == [24] * constraints.EACH


# ---- realism -------------------------------------------------------------------------------------------------------


def test_features_of_a_scale_by_hand():
    """Eight eighths a bar, up and down an octave: of 31 intervals 14 go up by a step, 14 down, 3 stay."""
    (row,) = features(tok.from_melody(c_major_scale())[None])
    density, span, motion, steps, complexity, syncopation, repetition, rests, longest = row[:9]
    assert (density, span, motion, steps, complexity, syncopation, repetition, rests, longest) == (8, 12, 12, 1, 0, 0, 0.75, 0, 0.5)
    assert row[9:16] == pytest.approx([0, 0, 14 / 31, 3 / 31, 14 / 31, 0, 0])
    assert row[16:].tolist() == [0, 1, 0, 0, 0]


def test_intervals_and_lengths_fall_into_the_classes_stated():
    leaps = phrase(60, 65, 60, 64, 60, 61, 61)  # +5 −5 +4 −4 +1 0
    assert features(leaps[None])[0, 9:16] == pytest.approx(np.array([1, 1, 0, 1, 1, 1, 1]) / 6)
    lengths = np.concatenate([phrase(60, steps=n, total=n) for n in (1, 2, 3, 4, 7, 8, 39)])
    assert features(lengths[None])[0, 16:] == pytest.approx(np.array([1, 1, 1, 2, 2]) / 7)


def corners(x, y):
    """Four points with these standard deviations and no correlation, mean 0."""
    return np.array([[x, y], [x, -y], [-x, y], [-x, -y]]) * math.sqrt(3 / 4)


def test_frechet_distance_by_hand():
    """Variances 1, 4 against 4, 1, means 5 apart: 25 + 5 + 5 − 2 · (2 + 2) = 27."""
    a, b = corners(1, 2), corners(2, 1) + np.array([3, 4])
    assert frechet(a, b, np.ones(2)) == pytest.approx(27)
    assert frechet(b, a, np.ones(2)) == pytest.approx(27)
    assert frechet(a, a, np.ones(2)) == pytest.approx(0, abs=1e-12)
    assert frechet(a, b, np.array([2.0, 2])) == pytest.approx(27 / 4)


def test_frechet_distance_sees_correlation():
    """[[2, 1], [1, 2]], whose root has the trace √3 + 1, against the unit matrix: 4 + 2 − 2 · (√3 + 1)."""
    turned = corners(math.sqrt(3), 1) @ np.array([[1, 1], [-1, 1]]) / math.sqrt(2)
    assert np.cov(turned.T) == pytest.approx(np.array([[2, 1], [1, 2]]))
    assert frechet(turned, corners(1, 1), np.ones(2)) == pytest.approx(6 - 2 * (math.sqrt(3) + 1))


def test_realism_is_told_over_the_prior_of_the_vae(monkeypatch):
    random = np.random.default_rng(1)
    some = {name: np.stack([phrase(*random.integers(lowest, lowest + 12, 20)) for _ in range(12)]) for name, lowest in (("normal", 40), ("ours", 60))}
    real, train = some["ours"][:9], some["ours"][3:]
    sampler(monkeypatch, lambda asked, n, seed, method="ours", **options: some[method])
    table = constraints.realism(bench(train, real), {"single": some["ours"][:5], "delivered": some["ours"]})
    rows = {row["melodies"]: row for row in table}
    assert [row["n"] for row in table] == [12, 12, 12, 5, 12, 24, 9]
    assert rows["VAE prior N(0, I), unconstrained"]["over VAE prior"] == 1.0
    scale = features(real).std(0).clip(min=1e-6)
    ours, prior = (frechet(features(some[name]), features(real), scale) for name in ("ours", "normal"))
    assert rows["ours, in C"]["Fréchet"] == round(ours, 3)
    assert rows["ours, in C"]["over VAE prior"] == round(ours / prior, 4) < 1


# ---- cost ----------------------------------------------------------------------------------------------------------


def test_what_rejection_costs_by_hand(monkeypatch):
    """Guided: 64 draws in 8 s, 16 of them right. The actor: none of 64 in 4 s. Rejection: 2 of 80 in 20 s."""
    right = {"guided": 16, "actor": 0, "rejection": 2}

    def answer(asked, n, seed, method, **options):
        assert options == {"attempts": 1, "candidates": 1}
        return np.stack([phrase(*A_MINOR)] * right[method] + [phrase(*A_MINOR[:30])] * (n - right[method]))

    sampler(monkeypatch, answer)
    clock(monkeypatch, 0, 8, 10, 14, 20, 40)
    guided, actor, rejection = constraints.rejection_cost(bench(n=10))
    assert guided == {
        **{"method": "guided", "drawn": 64, "met": 16, "draws a melody": 4.0, "seconds a melody": 0.5},
        **{"times guided, draws": 1.0, "times guided, seconds": 1.0},
    }
    assert (actor["draws a melody"], actor["seconds a melody"], actor["times guided, draws"]) == (64.0, 4.0, 16.0)
    assert (rejection["drawn"], rejection["met"], rejection["draws a melody"], rejection["seconds a melody"]) == (80, 2, 40.0, 10.0)
    assert (rejection["times guided, draws"], rejection["times guided, seconds"]) == (10.0, 20.0)
