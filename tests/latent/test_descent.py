"""The loop: its rate and its average by hand, an exact resumption, and a global generator that it leaves alone."""

import math

import pytest
import torch
from torch import nn

from musiclc.latent.descent import Descent, Schedule, generator_of, seeded

SCHEDULE = Schedule(steps=20, learning_rate=0.1, average=0.6, rise=4)


def noisy_line():
    """A module of one weight and a loss that depends on the step alone."""
    with seeded(3):
        module = nn.Linear(3, 1)

    def loss(step):
        x = torch.randn(8, 3, generator=generator_of(1, step))
        return (module(x)[:, 0] - x.sum(1)).square().mean()

    return module, loss


def test_the_rate_rises_and_then_falls_as_a_cosine_by_hand():
    schedule = Schedule(steps=8, learning_rate=2.0, rise=2)
    assert schedule.rate(0) == 1.0  # half way up; the cosine is still 1
    assert schedule.rate(1) == pytest.approx(1 + math.cos(math.pi / 8))
    assert schedule.rate(4) == pytest.approx(1.0)
    assert schedule.rate(8) == pytest.approx(0.0)


def test_the_average_by_hand():
    module, loss = noisy_line()
    descent, seen = Descent(module, SCHEDULE), [module.weight.detach().clone()]
    descent.run(loss, lambda d: seen.append(d.module.weight.detach().clone()))
    average = seen[0]
    for n, weight in enumerate(seen[1:], start=1):  # decay 1/10, 2/11, 3/12, … and at most 0.6
        decay = min(0.6, n / (n + 9))
        average = decay * average + (1 - decay) * weight
    assert torch.allclose(module.weight, average, atol=1e-6)
    assert not torch.allclose(module.weight, seen[-1], atol=1e-4)
    assert not module.training


@pytest.mark.parametrize("stop", [1, 13])
def test_a_resumed_fit_ends_where_an_undisturbed_one_does(stop):
    whole, loss = noisy_line()
    Descent(whole, SCHEDULE).run(loss)

    class Stop(Exception):
        pass

    def stopped(descent):
        if descent.step == stop:
            kept.append(descent.state())
            raise Stop

    first, loss = noisy_line()
    kept = []
    with pytest.raises(Stop):
        Descent(first, SCHEDULE).run(loss, stopped)
    second, loss = noisy_line()
    with torch.no_grad():
        second.weight.fill_(9.0)  # all comes from the state
    Descent(second, SCHEDULE, state=kept[0]).run(loss)
    assert torch.equal(whole.weight, second.weight)
    assert torch.equal(whole.bias, second.bias)


def test_an_engine_does_all_that_it_is_for():
    class Engine:
        def __init__(self):
            self.done = []

        def setup(self, module, optimizer):
            return ("wrapped", module), optimizer

        def autocast(self):
            self.done.append("autocast")
            return torch.autocast("cpu", torch.bfloat16)

        def backward(self, tensor):
            self.done.append(tensor.dtype)
            tensor.backward()

    module, engine = nn.Linear(3, 1), Engine()
    descent = Descent(module, Schedule(steps=2), engine)
    descent.run(lambda step: descent.wrapped[1](torch.ones(1, 3)).sum())
    assert engine.done == ["autocast", torch.bfloat16] * 2


def test_seeded_weights_are_the_same_and_the_callers_random_numbers_go_on():
    torch.manual_seed(11)
    expected = torch.rand(4)
    torch.manual_seed(11)
    with seeded(5):
        first = nn.Linear(3, 1).weight
    assert torch.equal(torch.rand(4), expected)
    torch.manual_seed(5)
    assert torch.equal(nn.Linear(3, 1).weight, first)  # the bits that torch.manual_seed gave
