import numpy as np

from musiclc.evaluation import samples
from musiclc.music import tokens as tok
from musiclc.training.corpus import SPLITS, Dataset
from tests.helpers import c_major_scale, tiny_model


def random_melodies(seed, n=6):
    random = np.random.default_rng(seed)
    rows = np.full((n, 64), tok.HOLD, np.uint8)
    rows[:, ::2] = random.integers(30, 60, (n, 32))
    return rows


def test_runs_find_a_transposed_copy_at_another_place_and_nothing_else():
    train, other = random_melodies(0), random_melodies(1)
    copied = other.copy()
    copied[2, 20:52] = tok.transpose(train[4:5, 8:40], 5)[0]  # 32 steps of a training tune, a fourth up, elsewhere in the bar
    for length, found in ((16, [2]), (32, [2]), (34, [])):
        known = np.unique(samples._runs(train, length))
        hits = np.isin(samples._runs(copied, length), known).any(1)
        assert np.flatnonzero(hits).tolist() == found
        assert np.isin(samples._runs(train, length), known).all()


def test_snapping_puts_everything_in_c_and_moves_nothing_that_is():
    scale = tok.from_melody(c_major_scale())[None]
    assert (samples._snapped(scale) == scale).all()
    chromatic = np.arange(40, 56, dtype=np.uint8)[None]
    pitches = (samples._snapped(chromatic)[0].astype(int) + tok.PITCH_OF_TOKEN) % 12
    assert set(pitches.tolist()) == {0, 2, 4, 5, 7, 9, 11}


def test_reconstruction_counts_steps_and_onsets(monkeypatch):
    model = tiny_model()
    rows = random_melodies(3)
    wrong = rows.copy()
    wrong[0, :4] = tok.REST  # four steps wrong of 6 × 64, two of them onsets of 6 × 32
    import torch

    monkeypatch.setattr(model.vae, "decode", lambda z, meter: torch.from_numpy(wrong.astype(np.int64)))
    zeros = np.zeros(6, np.int32)
    dataset = Dataset(rows, zeros.astype(np.uint8), np.full(6, SPLITS.index("test"), np.uint8), zeros, zeros, {})
    (row,) = samples.reconstruction(model, dataset, 0, _identity_seed(6))
    assert row["steps right"] == round(1 - 4 / 384, 4)
    assert row["onsets right"] == round(1 - 2 / 192, 4)


def _identity_seed(n):
    """A seed whose permutation of n leaves row 0 first, so that the stub's answer fits."""
    return next(s for s in range(10**6) if (np.random.default_rng(s).permutation(n) == np.arange(n)).all())


def test_markdown_has_a_column_for_every_figure():
    text = samples.markdown([{"a": 1}, {"a": 2, "b": 3}])
    assert text.splitlines() == ["| a | b |", "|---|---|", "| 1 |  |", "| 2 | 3 |"]
