from dataclasses import replace

import pytest
import torch

from musiclc.errors import CheckpointError
from musiclc.latent.descent import FitState
from musiclc.model.checkpoint import load_model, load_networks, load_state, save_model, save_networks, save_state
from tests.helpers import tiny_model


def test_a_model_comes_back_within_what_int8_can_hold(tmp_path):
    model = tiny_model()
    model.notes = {"vae": {"steps": 3}}
    save_model(model, tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    assert (again.name, again.notes, set(again.critics)) == (model.name, model.notes, set(model.critics))
    assert again.vae.config == model.vae.config
    for name, value in model.vae.state_dict().items():
        assert torch.allclose(again.vae.state_dict()[name], value, atol=value.abs().max().item() / 100 + 1e-3), name
    assert not any(p.requires_grad for p in again.vae.parameters())


def test_all_parts_of_a_model_come_back(tmp_path):
    model = tiny_model()
    save_model(model, tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    assert torch.equal(again.bank.points.x, model.bank.points.x)  # a bank's points lie on the grid of its int8
    assert (again.bank.tokens == model.bank.tokens).all()
    assert again.bank.points.t == model.prior.config.noise_level
    assert again.actor.config == model.actor.config
    assert again.realism.config == model.realism.config
    assert again.fingerprint() == load_model(tmp_path / "m.safetensors").fingerprint()
    again.vae.out.weight.mul_(1.5)
    assert again.fingerprint() != load_model(tmp_path / "m.safetensors").fingerprint()


def test_networks_come_back_with_their_notes(tmp_path):
    save_networks({"critic/own": tiny_model().critics["density"]}, {"rule": "zigzag"}, tmp_path / "c")
    networks, notes = load_networks(tmp_path / "c")
    assert notes == {"rule": "zigzag"}
    assert networks["critic/own"].config == tiny_model().critics["density"].config


def test_writing_twice_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        save_model(tiny_model(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_state_comes_back_exactly(tmp_path):
    state = FitState(7, {"w": torch.randn(3)}, {"w": torch.randn(3)}, {"0.step": torch.tensor(7.0)})
    save_state(state, {"seed": 1}, tmp_path / "s")
    again, info = load_state(tmp_path / "s")
    assert (again.step, info) == (7, {"seed": 1})
    assert all(torch.equal(getattr(again, g)[k], v) for g in ("module", "average", "optimizer") for k, v in getattr(state, g).items())


@pytest.mark.parametrize(("data", "why"), [(None, "no such file"), (b"", "broken"), (b"\x80\x04pickle", "broken")])
def test_broken_files(tmp_path, data, why):
    path = tmp_path / "m.safetensors"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(CheckpointError, match=why):
        load_model(path)


def test_foreign_and_older_files_name_both_sides(tmp_path, monkeypatch):
    from safetensors.torch import save_file

    save_file({"w": torch.zeros(1)}, tmp_path / "foreign")
    with pytest.raises(CheckpointError, match="format None, wanted 'musiclc-model-3'"):
        load_model(tmp_path / "foreign")
    monkeypatch.setattr("musiclc.music.tokens.DESCRIPTION", "rest,hold,onset 0..127")
    save_model(tiny_model(), tmp_path / "other")
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match=r"vocabulary 'rest,hold,onset 0..127', this musiclc has"):
        load_model(tmp_path / "other")


def test_a_former_critic_of_key_is_that_of_the_scale(tmp_path):
    model = tiny_model()
    scale = model.critics["scale"]
    save_model(replace(model, critics={"key": scale}), tmp_path / "former")
    read = load_model(tmp_path / "former", "float32").critics
    assert list(read) == ["scale"]
    assert read["scale"].config == scale.config
