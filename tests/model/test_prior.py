import torch

from musiclc.model.prior import QUANTILES
from tests.helpers import tiny_model


def test_standardising_is_undone():
    prior = tiny_model().prior
    prior.center.fill_(2.0)
    prior.scale.fill_(3.0)
    z = torch.randn(5, 16)
    assert torch.allclose(prior.restore(prior.standardise(z)), z, atol=1e-6)
    assert torch.allclose(prior.standardise(torch.full((1, 16), 5.0)), torch.ones(1, 16))


def test_a_field_that_knows_the_path_has_no_loss():
    prior = tiny_model().prior
    x, noise = torch.randn(4, 16), torch.randn(4, 16)
    prior.velocity = lambda x_t, t, meter: noise - x
    loss = prior.loss(x, torch.zeros(4, dtype=torch.long), noise=noise, t=torch.rand(4))
    assert loss.item() < 1e-10


def test_realism_is_the_share_of_real_phrases_that_cost_more():
    prior = tiny_model().prior
    prior.real_nll.copy_(torch.linspace(0, 1, QUANTILES))
    for nats, share in ((0.0, 1.0), (0.25, 0.75), (1.0, 0.0), (9.0, 0.0)):
        assert abs(prior.realism(nats) - share) < 1e-6
