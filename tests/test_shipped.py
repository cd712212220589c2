"""The shipped model end to end, a few times: is what it writes in key, and is it music?"""

import numpy as np
import pytest

import musiclc
from musiclc.music import tokens as tok
from musiclc.rules import RULES


@pytest.fixture(scope="module")
def model():
    return musiclc.load()


def test_melodies_in_c_are_in_c_varied_and_like_real_tunes(model, tmp_path):
    draws = list(musiclc.sample(model, {"key": "C"}, 64, musiclc.SampleOptions(seed=11)))
    read = []
    for draw in draws:
        (tmp_path / f"{draw.index}.mid").write_bytes(musiclc.to_bytes(draw.melody))
        read.append(musiclc.read_melody(tmp_path / f"{draw.index}.mid"))
    outside = [{n.pitch % 12 for n in m.notes} - {0, 2, 4, 5, 7, 9, 11} for m in read]
    assert sum(bool(o) for o in outside) <= 1
    assert len({m.key_free() for m in read}) >= 62
    assert len({m.notes[-1].pitch % 12 for m in read}) >= 4  # not one tonic for all
    leaps = np.concatenate([np.abs(np.diff([n.pitch for n in m.notes])) for m in read])
    assert (leaps <= 4).mean() > 0.6  # mostly by step and third, as tunes go
    assert np.mean([d.realism for d in draws]) > 0.2


def test_several_wishes_at_once(model):
    wishes = {"key": "G dorian", "density": ">=7", "range": "G3..C6"}
    draws = list(musiclc.sample(model, wishes, 32, musiclc.SampleOptions(seed=3)))
    assert sum(d.satisfied for d in draws) >= 31


@pytest.mark.parametrize("meter", ["3/4", "6/8"])
def test_other_meters(model, meter):
    draws = list(musiclc.sample(model, {"key": "D"}, 16, musiclc.SampleOptions(seed=3, meter=meter)))
    assert sum(d.satisfied for d in draws) >= 15
    assert all(d.melody.steps == 48 for d in draws)


def test_a_known_tune_comes_back_from_its_latent_point(model):
    """Frère Jacques: a tune that no rule of ours wrote."""
    import torch

    phrase = [(60, 4), (62, 4), (64, 4), (60, 4)] * 2 + [(64, 4), (65, 4), (67, 8)] * 2
    pitches = np.zeros(64, np.uint8)
    at = 0
    for pitch, length in phrase:
        pitches[at] = pitch - tok.PITCH_OF_TOKEN
        pitches[at + 1 : at + length] = tok.HOLD
        at += length
    meter = torch.zeros(1, dtype=torch.long)
    mean, _ = model.vae.encode(torch.from_numpy(pitches[None].astype(np.int64)), meter)
    assert (model.vae.decode(mean, meter)[0].numpy() == pitches).mean() > 0.95
    assert RULES["key"].measure(model.vae.decode(mean, meter).numpy(), "4/4")[0, [0, 2, 4, 5, 7]].sum() > 0.9
