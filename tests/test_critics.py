import math

import pytest
import torch

from musiclc.critics import Critic, CriticConfig, _log_between, combine
from musiclc.goals import Goal
from musiclc.rules import parse_constraint
from tests.helpers import tiny_model

METER = torch.zeros(1, dtype=torch.long)


def phi(x):
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.5, 2.0), (-3.0, -2.0), (-math.inf, 0.3), (1.0, math.inf)])
def test_log_probability_between_bounds(low, high):
    assert _log_between(torch.tensor(low), torch.tensor(high)).item() == pytest.approx(math.log(phi(high) - phi(low)), rel=1e-4)


def test_far_tails_stay_finite_and_keep_their_gradient():
    for sign in (1.0, -1.0):
        mean = torch.tensor(40.0 * sign, requires_grad=True)
        value = _log_between(-1 - mean, 1 - mean)
        value.backward()
        assert torch.isfinite(value)
        assert mean.grad * sign < -10  # a strong pull back towards the goal


def test_number_critic_by_hand():
    critic = Critic(CriticConfig(4, 1, "number"))
    critic.normal = lambda z, meter: (torch.full((len(z), 1), 0.5), torch.ones(len(z), 1))
    critic.center.fill_(6.0)
    critic.scale.fill_(2.0)  # so the measure is normal with mean 7 and spread 2
    got = critic.log_met(torch.zeros(1, 4), METER, Goal("6..8", (6.0,), (8.0,)))
    assert got.item() == pytest.approx(math.log(phi(0.5) - phi(-0.5)), rel=1e-4)


def test_presence_critic_by_hand():
    critic = Critic(CriticConfig(4, 3, "presence"))
    critic.forward = lambda z, meter: torch.tensor([[0.0, math.log(3), 5.0]])
    goal = Goal("the third is allowed", (-math.inf,) * 3, (0.0, 0.0, math.inf))
    # P(first absent) = 1/2, P(second absent) = 1/4
    assert critic.log_met(torch.zeros(1, 4), METER, goal).item() == pytest.approx(math.log(1 / 8), rel=1e-5)


def test_undefined_measures_teach_nothing():
    critic = Critic(CriticConfig(4, 1, "number", width=8))
    loss = critic.loss(torch.randn(3, 4), torch.zeros(3, dtype=torch.long), torch.full((3, 1), math.nan))
    loss.backward()
    assert loss.item() == 0
    assert all(p.grad is None or p.grad.abs().sum() == 0 for p in critic.parameters())


def test_constraints_add_up_by_weight():
    critics, z, meter = tiny_model().critics, torch.randn(5, 16), torch.zeros(5, dtype=torch.long)
    key, density = parse_constraint("key", "C"), parse_constraint("density", "6@3")
    together = combine(critics, [key, density], meter)(z)
    apart = combine(critics, [key], meter)(z) + 3 * combine(critics, [parse_constraint("density", "6")], meter)(z)
    assert torch.allclose(together, apart, rtol=1e-5)
    assert (together <= 0).all()
