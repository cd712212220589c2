import numpy as np
import torch

from musiclc.model.vae import START, MelodyVAE
from musiclc.music import tokens as tok
from musiclc.music.theory import PHRASE_METERS
from tests.helpers import c_major_scale, jig, tiny_model


def batch():
    rows = np.concatenate([tok.pad(tok.from_melody(m)[None], m.meter) for m in (c_major_scale(), jig())])
    return torch.from_numpy(rows.astype(np.int64)), torch.tensor([0, 2])


def test_shapes_and_pad_beyond_short_bars():
    vae = tiny_model().vae
    tokens, meter = batch()
    mean, std = vae.encode(tokens, meter)
    assert mean.shape == std.shape == (2, vae.dimensions)
    assert (std > 0).all()
    decoded = vae.decode(mean, meter)
    assert decoded.shape == tokens.shape
    assert ((decoded == tok.PAD) == (tokens == tok.PAD)).all()


def test_the_networks_know_the_meters_of_phrases_and_no_more():
    model = tiny_model()
    tables = (model.vae.encoder_meter.weight, model.vae.decoder_meter.weight, model.vae.step_place, model.prior.meter.weight)
    assert [len(table) for table in tables] == [len(PHRASE_METERS)] * 4
    assert MelodyVAE.bar_lengths(torch.tensor([2, 0, 1])).tolist() == [12, 16, 12]


def test_what_the_decoder_reads_is_one_step_behind():
    tokens, _ = batch()
    before = MelodyVAE.before(tokens)
    assert (before[:, 0] == START).all()
    assert (before[:, 1:] == tokens[:, :-1]).all()


def test_greedy_decoding_agrees_with_the_logits_of_training():
    vae = tiny_model().vae
    z, meter = torch.randn(3, vae.dimensions), torch.tensor([0, 0, 0])
    decoded = vae.decode(z, meter)
    assert (vae.logits(z, meter, vae.before(decoded)).argmax(-1) == decoded).all()


def test_logits_along_a_line_are_the_logits_of_training():
    vae, meter = tiny_model().vae, torch.tensor([0, 2, 1])
    z, t = torch.randn(3, vae.dimensions), torch.tensor([0.0, 0.5, 1.0])
    tokens = vae.decode(z, meter, t=t)
    trained = vae.logits(z, meter, vae.before(tokens), t).detach()
    for vae.precision, close in ((torch.float32, 1e-5), (torch.bfloat16, 0.02)):  # bfloat16 has 8 bits of precision
        assert torch.allclose(vae.logits_along(z, meter, tokens, t), trained, atol=close)


def test_banned_tokens_are_never_written():
    vae = tiny_model().vae
    banned = torch.ones(tok.VOCABULARY, dtype=torch.bool)
    banned[[tok.HOLD, 41]] = False
    assert set(vae.decode(torch.randn(8, vae.dimensions), torch.zeros(8, dtype=torch.long), banned).unique().tolist()) <= {tok.HOLD, 41}


def test_loss_by_hand_when_nothing_is_known():
    vae = tiny_model().vae
    for parameter in (vae.out.weight, vae.out.bias, vae.mean.weight, vae.mean.bias):
        torch.nn.init.zeros_(parameter)
    tokens, meter = batch()
    reconstruction, kl = vae.loss(tokens, meter, noise=torch.zeros(2, vae.dimensions), dropped=torch.zeros(tokens.shape, dtype=torch.bool))
    assert torch.isclose(reconstruction, torch.tensor((64 + 48) / 2 * np.log(tok.VOCABULARY)).float())  # PAD does not count
    assert kl > 0
