"""Reconstruction, samples, copies and cost, worked by hand on a few phrases; sampler and clock are stubs."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import torch

from musiclc.evaluation import samples
from musiclc.music import tokens as tok
from musiclc.training.corpus import SPLITS, Dataset
from tests.evaluation.worked import dense, phrase
from tests.helpers import c_major_scale, tiny_model

SCALE = tok.from_melody(c_major_scale())


def random_melodies(seed, n=6):
    random = np.random.default_rng(seed)
    rows = np.full((n, 64), tok.HOLD, np.uint8)
    rows[:, ::2] = random.integers(30, 60, (n, 32))
    return rows


def dataset(**splits):
    """Rows in 4/4 by split."""
    rows = np.concatenate(list(splits.values()))
    split = np.concatenate([np.full(len(r), SPLITS.index(name), np.uint8) for name, r in splits.items()])
    zeros = np.zeros(len(rows), np.int32)
    return Dataset(rows, zeros.astype(np.uint8), split, zeros, zeros, {})


# ---- reconstruction ------------------------------------------------------------------------------------------------


def test_reconstruction_counts_steps_onsets_and_phrases(monkeypatch):
    model = tiny_model()
    rows = random_melodies(3)
    wrong = rows.copy()
    wrong[0, :4] = tok.REST  # four steps wrong of 6 × 64, two of them onsets of 6 × 32
    monkeypatch.setattr(model.vae, "decode", lambda z, meter: torch.from_numpy(wrong.astype(np.int64)))
    (row,) = samples.reconstruction(model, dataset(test=rows), 0, _identity_seed(6))
    assert row == {
        **{"split": "test", "phrases": 6, "steps right": round(1 - 4 / 384, 4)},
        **{"onsets right": round(1 - 2 / 192, 4), "phrases exact": round(5 / 6, 4)},
    }


def _identity_seed(n):
    """A seed whose permutation of n leaves row 0 first, so that the stub's answer fits."""
    return next(s for s in range(10**6) if (np.random.default_rng(s).permutation(n) == np.arange(n)).all())


def test_reconstruction_adds_up_the_meters_of_a_split_in_chunks(monkeypatch):
    """Two meters; what comes back is right in 4/4, and silent in 3/4: 2 of 5 phrases."""
    monkeypatch.setattr(samples, "CHUNK", 2)
    model, waltz = tiny_model(), np.tile(SCALE[:48], (3, 1))
    rows = np.concatenate([np.stack([SCALE, SCALE]), tok.pad(waltz, "3/4")])
    meter, split, zeros = np.array([0, 0, 1, 1, 1], np.uint8), np.full(5, SPLITS.index("far"), np.uint8), np.zeros(5, np.int32)

    def decode(z, meters):
        assert len(z) <= 2
        return torch.from_numpy((np.tile(SCALE, (len(z), 1)) if meters[0] == 0 else np.zeros((len(z), 64))).astype(np.int64))

    monkeypatch.setattr(model.vae, "decode", decode)
    (row,) = samples.reconstruction(model, Dataset(rows, meter, split, zeros, zeros, {}), 0, 7)
    onsets = 2 * 32 + 3 * 24
    assert (row["split"], row["phrases"], row["phrases exact"]) == ("far", 5, 0.4)
    assert (row["steps right"], row["onsets right"]) == (round(128 / (128 + 144), 4), round(64 / onsets, 4))


# ---- samples -------------------------------------------------------------------------------------------------------


def test_what_is_delivered_is_read_back_from_files_in_order():
    model = tiny_model()
    tokens, drawn = samples.delivered(model, {"density": ">=2"}, 3, 5, attempts=1, candidates=1)
    assert [sample.index for sample in drawn] == [1, 2, 3]
    assert np.array_equal(tokens, tok.from_melodies([sample.melody for sample in drawn]))


def test_distinct_takes_transpositions_for_the_same():
    rows = np.stack([SCALE, tok.transpose(SCALE[None], 5)[0], phrase(60, 62), phrase(60, 63)])
    assert samples.distinct(rows) == 0.75


def test_snapping_moves_sharps_down_and_nothing_that_is_in_c():
    assert (samples._snapped(SCALE[None]) == SCALE).all()
    assert (samples._snapped(phrase(61, 63, 66, 68, 70)[None])[0] == phrase(60, 62, 65, 67, 69)).all()
    chromatic = np.arange(40, 56, dtype=np.uint8)[None]
    pitches = (samples._snapped(chromatic)[0].astype(int) + tok.PITCH_OF_TOKEN) % 12
    assert set(pitches.tolist()) == {0, 2, 4, 5, 7, 9, 11}


def test_a_mask_lets_nothing_outside_c_through(monkeypatch):
    monkeypatch.setattr(samples, "CHUNK", 2)
    free = random_melodies(1, n=3)
    monkeypatch.setattr(samples, "delivered", lambda *given, **options: (free, []))
    masked = samples._masked(tiny_model(), 3, 7)
    assert masked.shape == (3, 64)
    onsets = masked[tok.onsets(masked)] + tok.PITCH_OF_TOKEN
    assert len(onsets)
    assert set((onsets % 12).tolist()) <= {0, 2, 4, 5, 7, 9, 11}


def test_tonics_are_shares_by_key_and_by_last_note():
    """Three melodies heard in C, one in D: two end on C, one on G, one on D."""
    rows = np.stack([SCALE, SCALE, phrase(60, 62, 64, 65, 67, 69, 71, 72, 67, 64, 60, 67), tok.transpose(SCALE[None], 2)[0]])
    assert samples._tonics(rows) == {"C major": 0.75, "D major": 0.25, "C": 0.5, "G": 0.25, "D": 0.25}


def test_the_table_of_samples_by_hand(monkeypatch):
    """Each group is the same phrase, all in C, but for the VAE's prior, whose other melody has one of four notes outside."""
    inside, outside = phrase(60, 64, 67, 72), phrase(60, 64, 66, 72)
    asked = []

    def delivered(model, constraints, n, seed, method="auto", **options):
        asked.append((dict(constraints), n, method, options))
        drawn = [SimpleNamespace(attempts=3, method="guided+repair"), SimpleNamespace(attempts=2, method="guided")]
        return np.stack([inside, outside if method == "normal" else inside]), drawn

    monkeypatch.setattr(samples, "delivered", delivered)
    monkeypatch.setattr(samples, "_masked", lambda model, n, seed: np.stack([inside]))
    monkeypatch.setattr(samples.Trigram, "cross_entropy", lambda self, sequences: 4.0 if len(sequences) == 3 else 3.0)
    table = samples.samples(None, dataset(train=dense(8), test=inside[None], near=np.stack([inside, outside])), 300, 7)
    rows = {row.pop("method"): row for row in table}
    assert list(rows) == [
        *("real held-out tunes", "VAE prior N(0, I)", "prior, no constraint", "in C, single shot", "in C, delivered"),
        *("in C by rejection, up to 24 draws", "in C by decode-time mask", "in C by snapping"),
    ]
    assert rows["VAE prior N(0, I)"] == {
        **{"melodies": 2, "all in C": 0.5, "mean share in C": 0.875, "cross-entropy": 3.0, "over real": "-25.0 %"},
        **{"distinct": 1.0, "notes a bar": 1.0},
    }
    assert rows["real held-out tunes"]["over real"] == "+0.0 %"
    assert (rows["in C, delivered"]["attempts"], rows["in C, delivered"]["repaired"]) == (2.5, 1)
    assert "attempts" not in rows["in C, single shot"]
    assert ({"scale": "C"}, 200, "rejection", {"attempts": 24}) in asked


# ---- copies --------------------------------------------------------------------------------------------------------


def test_runs_find_a_transposed_copy_at_another_place_and_nothing_else():
    train, other = random_melodies(0), random_melodies(1)
    copied = other.copy()
    copied[2, 20:52] = tok.transpose(train[4:5, 8:40], 5)[0]  # 32 steps of a training tune, a fourth up, elsewhere in the bar
    for length, found in ((16, [2]), (32, [2]), (34, [])):
        known = np.unique(samples._runs(train, length))
        hits = np.isin(samples._runs(copied, length), known).any(1)
        assert np.flatnonzero(hits).tolist() == found
        assert np.isin(samples._runs(train, length), known).all()


def test_copies_are_shares_of_melodies_by_length(monkeypatch):
    """Of four samples one shares 32 steps with a training tune and one 24; of those in C none shares any."""
    train, free, in_c = random_melodies(0), random_melodies(1, n=4), random_melodies(2, n=2)
    free[1, 20:52] = tok.transpose(train[4:5, 8:40], 5)[0]
    free[3, 2:26] = train[0, 30:54]
    monkeypatch.setattr(samples, "delivered", lambda model, constraints, n, seed: (in_c if constraints else free, []))
    real, prior, delivered = samples.copies(None, dataset(train=train, test=train[:3]), 4, 7)
    lengths = ("16 steps", "24 steps", "32 steps", "40 steps", "48 steps")
    assert [real[name] for name in lengths] == [1.0] * 5
    assert [prior[name] for name in lengths] == [0.5, 0.5, 0.25, 0.0, 0.0]
    assert [delivered[name] for name in lengths] == [0.0] * 5


# ---- cost ----------------------------------------------------------------------------------------------------------


def test_cost_is_in_units_of_importing_torch(monkeypatch):
    """torch 2 s; one melody 3 s, ten 5 s with 400 MB, ten under two constraints 8 s; bare Python 0.02 s, --help 0.07 s; 15 MB on disk."""
    commands = []

    def timed(command, repeats=3):
        words = " ".join(command[1:])
        commands.append(words)
        seconds = (
            2
            if "torch" in words
            else 0.02
            if words == "-c pass"
            else 0.07
            if "--help" in words
            else 8
            if "9..11" in words
            else 5
            if "-n 10" in words
            else 3
        )
        return seconds, 400.4

    monkeypatch.setattr(samples, "timed", timed)
    monkeypatch.setattr(samples, "_package_bytes", lambda: 15_004_000)
    table = samples.cost(None, None, 10, 7)
    assert [(row["what"], row["value"], row["unit"]) for row in table] == [
        ("import torch", 2, "s"),
        ("sample --scale C --bars 4 -n 1", 1.5, "× import torch"),
        ("sample --scale C --bars 4 -n 10", 2.5, "× import torch"),
        ("sample --scale C --bars 4 --density 9..11 -n 10", 4.0, "× import torch"),
        ("musiclc --help over bare Python", 0.05, "s"),
        ("peak memory of sample --scale C --bars 4 -n 10", 400, "MB"),
        ("package with weights", 15.0, "MB"),
    ]
    assert sum("-m musiclc.cli sample --scale C --bars 4 " in words and "--seed 7" in words for words in commands) == 3


def test_the_size_is_that_of_the_source_and_the_shipped_model():
    assert samples._package_bytes() > samples.shipped_model().stat().st_size > 1e6


def test_the_least_of_several_times_counts(monkeypatch):
    ran, clock = [], iter([0, 5, 10, 12, 20, 23])
    monkeypatch.setattr(subprocess, "run", lambda arguments, **options: ran.append((arguments, options["check"])))
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    seconds, megabytes = samples.timed([sys.executable, "-c", "pass"])
    assert seconds == 2
    assert ran == [([sys.executable, "-c", "pass"], True)] * 3
    assert megabytes >= 0


def test_markdown_has_a_column_for_every_figure():
    text = samples.markdown([{"a": 1}, {"a": 2, "b": 3}])
    assert text.splitlines() == ["| a | b |", "|---|---|", "| 1 |  |", "| 2 | 3 |"]
