"""The beam finds the best line, keeps numbers of notes apart, and obeys its logit biases."""

import itertools

import numpy as np
import pytest
import torch

from musiclc.latent.fitting import Points
from musiclc.model.beam import Beam, best_lines
from musiclc.music import tokens as tok
from musiclc.music.theory import METER_NAMES
from tests.helpers import c_major_scale, jig, tiny_model


@pytest.fixture(scope="module")
def vae():
    return tiny_model().vae.requires_grad_(False)


def row_of(melody):
    return torch.from_numpy(tok.pad(tok.from_melody(melody)[None], melody.meter).astype(np.int64))


def forced(row):
    """Logit biases that allow nothing but a row (1, 64)."""
    logit_bias = torch.full((1, 64, tok.VOCABULARY), -torch.inf)
    return logit_bias.scatter(2, row.clamp(max=tok.VOCABULARY - 1)[..., None], 0.0)


def worth(vae, z, meter, row, logit_bias, t):
    """Log likelihood and logit biases of a row, teacher-forced: what the beam should have counted."""
    logits = vae.logits(z, meter, vae.before(row), torch.full((1,), t))
    here = row.clamp(max=tok.VOCABULARY - 1)[..., None]
    each = torch.log_softmax(logits, -1).gather(2, here)[..., 0] + logit_bias.gather(2, here)[..., 0]
    return float(each[row != tok.PAD].sum())


@pytest.mark.parametrize("melody", [c_major_scale(), jig()])
def test_it_finds_what_trying_all_lines_finds(vae, melody):
    row, meter = row_of(melody), torch.tensor([METER_NAMES.index(melody.meter)])
    z, logit_bias = torch.randn(1, 16, generator=torch.Generator().manual_seed(1)), forced(row)
    open_steps, choices = (3, 17, 18), (tok.REST, tok.HOLD, 40, 55)
    for i, (step, token) in enumerate(itertools.product(open_steps, choices)):
        logit_bias[0, step, token] = 0.3 * i
    tries = []
    for picked in itertools.product(choices, repeat=3):
        new = row.clone()
        new[0, list(open_steps)] = torch.tensor(picked)
        tries.append((worth(vae, z, meter, new, logit_bias, 0.5), new))
    best, line = max(tries, key=lambda t: t[0])
    found = best_lines(vae, Points(z, meter, 0.5), logit_bias, Beam(64))
    assert torch.equal(found.tokens[:, 0], line)
    assert float(found.score[0, 0]) == pytest.approx(best, abs=1e-3)


def test_bins_hold_lines_with_so_many_notes_more_each_the_best_of_its_own(vae):
    row, meter, z = row_of(c_major_scale()), torch.zeros(1, dtype=torch.long), torch.randn(1, 16, generator=torch.Generator().manual_seed(2))
    begins, logit_bias = row >= tok.FIRST_ONSET, forced(row)
    open_steps = (2, 3, 9)  # a note that may go, and two steps that may get one
    for step in open_steps:
        logit_bias[0, step, [tok.HOLD, 50]] = 0.0
    found = best_lines(vae, Points(z, meter, 0.6), logit_bias, Beam(16, begins, fewer=2, more=2))
    best = {}
    for picked in itertools.product((int(row[0, 2]), tok.HOLD, 50), (tok.HOLD, 50), (tok.HOLD, 50)):
        new = row.clone()
        new[0, list(open_steps)] = torch.tensor(picked)
        more = int((new >= tok.FIRST_ONSET).sum() - begins.sum())
        best[more] = max(best.get(more, -np.inf), worth(vae, z, meter, new, logit_bias, 0.6))
    for bin, more in enumerate(range(-2, 3)):
        if more in best:
            assert float(found.score[0, bin]) == pytest.approx(best[more], abs=1e-3)
            assert int((found.tokens[0, bin] >= tok.FIRST_ONSET).sum() - begins.sum()) == more
        else:
            assert found.score[0, bin] == -torch.inf


def test_nothing_forbidden_is_written_and_a_great_bias_gives_the_original_back(vae):
    row, meter = row_of(jig()), torch.tensor([METER_NAMES.index("6/8")])
    z, logit_bias = torch.randn(1, 16), torch.zeros(1, 64, tok.VOCABULARY)
    logit_bias[..., 30:] = -torch.inf
    written = best_lines(vae, Points(z, meter, 0.8), logit_bias).tokens[0, 0]
    assert (written[written != tok.PAD] < 30).all()
    favoured = 50 * torch.nn.functional.one_hot(row.clamp(max=tok.VOCABULARY - 1), tok.VOCABULARY).float()
    assert torch.equal(best_lines(vae, Points(z, meter, 0.8), favoured).tokens[:, 0], row)


def test_a_row_does_not_depend_on_its_neighbours_in_other_meters(vae):
    z = torch.randn(3, 16, generator=torch.Generator().manual_seed(3))
    meters, logit_bias = torch.tensor([0, 1, 2]), torch.zeros(3, 64, tok.VOCABULARY)
    together = best_lines(vae, Points(z, meters, 0.5), logit_bias).tokens
    for i in range(3):
        alone = best_lines(vae, Points(z[i : i + 1], meters[i : i + 1], 0.5), logit_bias[i : i + 1]).tokens
        assert torch.equal(alone[0], together[i])
