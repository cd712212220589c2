import torch

from musiclc.search import GuideOptions, guided, noised


def to_point(target):
    """The exact field of a distribution that is one point: x_t = (1 − t)·target + t·ε, so v = (x_t − target) / t."""
    return lambda x, t: (x - target) / t[:, None]


def standard_normal(x, t):
    """The exact field when data and noise are both standard normal."""
    t = t[:, None]
    return x * (2 * t - 1) / (t**2 + (1 - t) ** 2)


def test_the_flow_of_one_point_arrives_there():
    target = torch.randn(3)
    assert torch.allclose(guided(torch.randn(5, 3), torch.ones(5), to_point(target), None, GuideOptions()), target.expand(5, 3), atol=1e-5)


def test_guidance_moves_towards_the_goal_and_leaves_the_rest():
    noise = torch.randn(400, 2)
    before = noise.clone()
    options = GuideOptions(strength=5.0)
    free = guided(noise, torch.ones(len(noise)), standard_normal, None, options)
    pulled = guided(noise, torch.ones(len(noise)), standard_normal, lambda x: -((x[:, 0] - 2) ** 2) / 2, options)
    assert (pulled[:, 0].mean() - 2).abs() < (free[:, 0].mean() - 2).abs() / 2
    assert (pulled[:, 1] - free[:, 1]).abs().max() < 1e-5
    assert torch.equal(noise, before)


def test_an_objective_that_is_met_does_not_push():
    noise = torch.randn(50, 2)
    flat = guided(noise, torch.ones(len(noise)), standard_normal, lambda x: 0 * x.sum(1), GuideOptions())
    assert torch.equal(flat, guided(noise, torch.ones(len(noise)), standard_normal, None, GuideOptions()))


def test_a_steep_objective_is_limited():
    steep = guided(torch.randn(50, 2), torch.ones(50), standard_normal, lambda x: 1e9 * x[:, 0], GuideOptions(strength=1.0, limit=2.0))
    assert torch.isfinite(steep).all()
    assert steep.abs().max() < 20


def test_a_start_part_of_the_way_stays_near_and_each_row_has_its_own_time():
    clean, noise = torch.randn(3, 2), torch.randn(3, 2)
    start = torch.tensor([0.0, 0.3, 1.0])
    x = noised(clean, noise, start)
    assert torch.equal(x[0], clean[0])
    assert torch.allclose(x[2], noise[2])
    end = guided(x, start.clamp(min=1e-6), standard_normal, None, GuideOptions())
    assert torch.allclose(end[0], clean[0], atol=1e-4)
    assert torch.allclose(end[1:2], guided(x[1:2], start[1:2], standard_normal, None, GuideOptions()))
