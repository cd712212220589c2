"""Every fit moves what should move, leaves what is frozen, and goes on after a stop as if there had been none."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from musiclc.model.prior import PriorConfig
from musiclc.model.vae import VAEConfig
from musiclc.music import tokens as tok
from musiclc.training.corpus import SPLITS, Dataset
from musiclc.training.fit import ENCODER_PARTS, FitOptions, Trainer, TrainingWindows, fit_decoder, fit_prior, fit_vae
from tests.helpers import c_major_scale, jig, tiny_model

pytest.importorskip("lightning_fabric")
SIZES = VAEConfig(latent=4, width=16, heads=2, embedding=8, step_width=8, recurrent=16)
OPTIONS = FitOptions(steps=30, batch=16, learning_rate=3e-3, average=0.9)


@pytest.fixture(scope="module")
def fabric():
    from musiclc.training.run import fabric

    return fabric(precision="32-true")


@pytest.fixture(scope="module")
def data():
    rows = np.concatenate([tok.pad(tok.from_melody(m)[None], m.meter) for m in (c_major_scale(), jig(), c_major_scale().transpose(20))])
    zeros = np.zeros(3, np.int32)
    return TrainingWindows(Dataset(rows, np.array([0, 2, 0], np.uint8), np.full(3, SPLITS.index("train"), np.uint8), zeros, zeros, {}), "train")


def differs(before, after):
    return {k for k in before if not torch.equal(before[k], after[k])}


def test_drawn_windows_are_transpositions_that_stay_on_the_piano(data):
    tokens, meter = data.draw(500, 1, 2)
    pitched = (tokens >= tok.FIRST_ONSET) & (tokens < tok.PAD)
    assert ((tokens == tok.PAD).any(1) == (meter == 2)).all()
    assert tokens[pitched].max() < tok.VOCABULARY
    first = torch.stack([row[p][0] for row, p in zip(tokens[meter == 2], pitched[meter == 2], strict=True)])
    assert len(set((first % 12).tolist())) == 12  # all twelve keys
    again, _ = data.draw(500, 1, 2)
    assert torch.equal(tokens, again)
    assert not torch.equal(tokens, data.draw(500, 1, 3)[0])


def test_the_vae_learns_and_every_weight_moves(data, fabric):
    figures = []
    start = {}

    def watch(state, now):
        start.update({k: v.clone() for k, v in state.module.items()} if not start else {})
        figures.append(now["reconstruction"])

    options = replace(OPTIONS, steps=150)
    vae, _ = fit_vae(data, SIZES, options, Trainer(fabric, on_step=watch))
    assert np.mean(figures[-10:]) < 0.6 * np.mean(figures[:10])
    still = set(start) - differs(start, vae.state_dict())
    assert not still


def test_a_resumed_fit_ends_where_an_undisturbed_one_does(data, fabric, tmp_path):
    from musiclc.model.checkpoint import load_state, save_state

    whole, _ = fit_vae(data, SIZES, OPTIONS, Trainer(fabric))

    class Stop(Exception):
        pass

    def stop_half_way(state, figures):
        if state.step == 17:
            save_state(state, {}, tmp_path / "state")
            raise Stop

    with pytest.raises(Stop):
        fit_vae(data, SIZES, OPTIONS, Trainer(fabric, on_step=stop_half_way))
    resumed, _ = fit_vae(data, SIZES, OPTIONS, Trainer(fabric, load_state(tmp_path / "state")[0]))
    assert not differs(whole.state_dict(), resumed.state_dict())


def test_the_prior_learns_and_leaves_the_vae_alone(data, fabric):
    vae = tiny_model().vae
    before = {k: v.clone() for k, v in vae.state_dict().items()}
    errors = []
    options = replace(OPTIONS, steps=200)
    prior, _ = fit_prior(data, data, vae, PriorConfig(4, 16, 2, 1, 8), options, Trainer(fabric, on_step=lambda s, f: errors.append(f["error"])))
    assert np.mean(errors[-20:]) < 0.8 * np.mean(errors[:20])
    assert not differs(before, vae.state_dict())
    assert (prior.real_nll.diff() >= 0).all()
    assert prior.real_nll[-1] > prior.real_nll[0]


def test_the_decoder_learns_to_write_from_noisy_points_and_the_encoder_stays(data, fabric):
    vae, _ = fit_vae(data, SIZES, replace(OPTIONS, steps=100), Trainer(fabric))
    figures = []
    after, _ = fit_decoder(data, data, vae, replace(OPTIONS, steps=100), Trainer(fabric, on_step=lambda s, f: figures.append(f["reconstruction"])))
    assert np.mean(figures[-10:]) < 0.8 * np.mean(figures[:10])
    moved = differs(vae.state_dict(), after.state_dict())
    assert moved
    assert not [name for name in moved if name.startswith(ENCODER_PARTS)]
    assert {"latent_in.weight", "noise_level.2.weight", "out.weight"} <= moved


def test_no_fit_touches_the_callers_random_numbers(data, fabric):
    before, short = torch.get_rng_state(), replace(OPTIONS, steps=2)
    vae, _ = fit_vae(data, SIZES, short, Trainer(fabric))
    vae, _ = fit_decoder(data, data, vae, short, Trainer(fabric))
    fit_prior(data, data, vae.requires_grad_(False), PriorConfig(4, 16, 2, 1, 8), short, Trainer(fabric))
    assert torch.equal(torch.get_rng_state(), before)
