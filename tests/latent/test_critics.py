import math

import pytest
import torch

from musiclc.latent.critics import Bounds, Critic, CriticConfig, Realism, Term, _log_between, bounds, combine
from musiclc.rules import parse_constraint
from musiclc.rules.goals import Goal
from tests.helpers import tiny_model

METER = torch.zeros(1, dtype=torch.long)
NOW = torch.zeros(1)


def summed(critics, constraints, moves, z):
    """The combined objective of constraints for rows that will be moved so."""
    parts = [Term(critics[c.rule.name], bounds([c.rule.transposed(c.goal, -m) for m in moves]), c.weight) for c in constraints]
    return combine(parts, torch.full((len(z),), 0.5), torch.zeros(len(z), dtype=torch.long))(z)


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
    critic = Critic(CriticConfig(4, 1, "gaussian"))
    critic.normal = lambda z, t, meter: (torch.full((len(z), 1), 0.5), torch.ones(len(z), 1))
    critic.center.fill_(6.0)
    critic.scale.fill_(2.0)  # so the measure is normal with mean 7 and spread 2
    got = critic.log_met(torch.zeros(1, 4), NOW, METER, Bounds(torch.tensor([[6.0]]), torch.tensor([[8.0]])))
    assert got.item() == pytest.approx(math.log(phi(0.5) - phi(-0.5)), rel=1e-4)


def test_presence_critic_by_hand():
    critic = Critic(CriticConfig(4, 3, "bernoulli"))
    critic.trunk.forward = lambda z, t, meter: torch.tensor([[0.0, math.log(3), 5.0]])
    low, high = torch.full((1, 3), -math.inf), torch.tensor([[0.0, 0.0, math.inf]])  # the third is allowed
    # P(first absent) = 1/2, P(second absent) = 1/4
    assert critic.log_met(torch.zeros(1, 4), NOW, METER, Bounds(low, high)).item() == pytest.approx(math.log(1 / 8), rel=1e-5)


def test_undefined_measures_teach_nothing():
    critic = Critic(CriticConfig(4, 1, "gaussian", width=8))
    loss = critic.loss(torch.randn(3, 4), torch.zeros(3), torch.zeros(3, dtype=torch.long), torch.full((3, 1), math.nan))
    loss.backward()
    assert loss.item() == 0
    assert all(p.grad is None or p.grad.abs().sum() == 0 for p in critic.parameters())


def test_constraints_add_up_by_weight():
    critics, z = tiny_model().critics, torch.randn(5, 16)
    scale, density = parse_constraint("scale", "C"), parse_constraint("density", "6@3")
    together = summed(critics, [scale, density], [0] * 5, z)
    apart = summed(critics, [scale], [0] * 5, z) + 3 * summed(critics, [parse_constraint("density", "6")], [0] * 5, z)
    assert torch.allclose(together, apart, rtol=1e-5)
    assert (together <= 0).all()


def test_a_melody_that_will_be_moved_has_its_goals_moved_back():
    critics, z = tiny_model().critics, torch.randn(2, 16)
    moved = summed(critics, [parse_constraint("scale", "D"), parse_constraint("range", "D4..A5")], [2, 0], z)
    canonical = summed(critics, [parse_constraint("scale", "C"), parse_constraint("range", "C4..G5")], [0, 0], z)
    assert torch.isclose(moved[0], canonical[0])  # D major, once transposed up a tone, is C major in canonical transposition
    assert not torch.isclose(moved[1], canonical[1])


@pytest.mark.parametrize("goal", [">=9", "<=3", "4..8", "8"])
def test_gradients_are_finite_for_every_kind_of_goal(goal):
    critics = tiny_model().critics
    z = (10 * torch.randn(6, 16)).requires_grad_(True)
    asked = {"density": goal, "range": "C4..C6", "scale": "A minor", "contour": "arch", "start": "5", "chords": "C G Am F"}
    (gradient,) = torch.autograd.grad(summed(critics, [parse_constraint(k, v) for k, v in asked.items()], [0] * 6, z).sum(), z)
    assert torch.isfinite(gradient).all()
    assert gradient.abs().sum() > 0


def test_a_bound_on_a_weighted_sum_by_hand():
    critic = Critic(CriticConfig(4, 2, "gaussian"))
    critic.normal = lambda z, t, meter: (torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]))
    # the sum of both has mean 3 and, as if independent, spread 5; it must be at least 8
    goal = bounds([Goal("", (8.0,), (math.inf,), (1.0, 1.0))])
    assert critic.log_met(torch.zeros(1, 4), NOW, METER, goal).item() == pytest.approx(math.log(1 - phi(1.0)), rel=1e-4)


def test_realism_tells_real_from_drawn_and_its_loss_is_known_at_the_start():
    critic = Realism(4, width=8, layers=2)
    torch.nn.init.zeros_(critic.trunk.out.weight)
    torch.nn.init.zeros_(critic.trunk.out.bias)
    real, drawn = torch.randn(6, 4), torch.randn(6, 4)
    t, condition = torch.zeros(6), torch.zeros(6, dtype=torch.long)
    loss = critic.loss(real, drawn, t, condition, between=torch.rand(6, 1))
    assert loss.item() == pytest.approx(2 * math.log(2) + 10, rel=1e-4)  # two coins, and a slope of 0 where 1 is wanted
    assert critic.log_real(t, condition)(real).tolist() == pytest.approx([math.log(0.5)] * 6, rel=1e-4)
