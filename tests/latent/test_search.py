"""Every search function, on objectives and flows whose answers are known."""

import pytest
import torch

from musiclc.latent.search import ClimbOptions, GuideOptions, LangevinOptions, acted, chosen, gradient, guided, langevin, noised, renoised, vector


@pytest.fixture(autouse=True)
def same_noise():
    torch.manual_seed(0)


TO_THE_END = GuideOptions(steps=12, end=0.0)


def to_point(target):
    """The exact field of a distribution that is one point: x_t = (1 − t)·target + t·ε, so v = (x_t − target) / t."""
    return lambda x, t: (x - target) / t[:, None]


def standard_normal(x, t):
    """The exact field when data and noise are both standard normal."""
    t = t[:, None]
    return x * (2 * t - 1) / (t**2 + (1 - t) ** 2)


def hill(x):
    """Highest where the first number is 2."""
    return -((x[:, 0] - 2) ** 2) / 2


def test_the_flow_of_one_point_arrives_there():
    target = torch.randn(3)
    assert torch.allclose(guided(torch.randn(5, 3), torch.ones(5), to_point(target), None, TO_THE_END), target.expand(5, 3), atol=1e-5)


def test_a_flow_that_stops_earlier_keeps_so_much_of_its_noise():
    target, noise = torch.randn(3), torch.randn(5, 3)
    end = guided(noise, torch.ones(5), to_point(target), None, GuideOptions(end=0.5))
    assert torch.allclose(end, 0.5 * target + 0.5 * noise, atol=1e-5)


def test_guidance_moves_towards_the_goal_and_leaves_the_rest():
    noise = torch.randn(400, 2)
    before = noise.clone()
    free = guided(noise, torch.ones(len(noise)), standard_normal, None, TO_THE_END)
    pulled = guided(noise, torch.ones(len(noise)), standard_normal, lambda t: hill, GuideOptions(steps=12, end=0.0, strength=5.0))
    assert (pulled[:, 0].mean() - 2).abs() < (free[:, 0].mean() - 2).abs() / 2
    assert (pulled[:, 1] - free[:, 1]).abs().max() < 1e-5
    assert torch.equal(noise, before)


def test_an_objective_that_is_met_does_not_push():
    noise = torch.randn(50, 2)
    flat = guided(noise, torch.ones(50), standard_normal, lambda t: lambda x: 0 * x.sum(1), TO_THE_END)
    assert torch.equal(flat, guided(noise, torch.ones(50), standard_normal, None, TO_THE_END))


def test_a_steep_objective_is_limited():
    steep = guided(torch.randn(50, 2), torch.ones(50), standard_normal, lambda t: lambda x: 1e9 * x[:, 0], TO_THE_END)
    assert torch.isfinite(steep).all()
    assert steep.abs().max() < 20


def test_a_start_part_of_the_way_stays_near_and_each_row_has_its_own_time():
    clean, noise = torch.randn(3, 2), torch.randn(3, 2)
    start = torch.tensor([0.0, 0.3, 1.0])
    x = noised(clean, noise, start)
    assert torch.equal(x[0], clean[0])
    assert torch.allclose(x[2], noise[2])
    end = guided(x, start.clamp(min=1e-6), standard_normal, None, TO_THE_END)
    assert torch.allclose(end[0], clean[0], atol=1e-4)
    assert torch.allclose(end[1:2], guided(x[1:2], start[1:2], standard_normal, None, TO_THE_END))


def test_renoising_gives_the_proportions_of_the_later_time():
    clean, n = torch.tensor([[3.0]]), 40_000
    early, late = torch.full((n,), 0.4), torch.full((n,), 0.7)
    x = renoised(noised(clean.expand(n, 1), torch.randn(n, 1), early), torch.randn(n, 1), early, late)
    assert x.mean().item() == pytest.approx(0.3 * 3, abs=0.02)
    assert x.std().item() == pytest.approx(0.7, abs=0.02)
    assert torch.equal(renoised(x, torch.randn(n, 1), late, late), x)


def test_the_climb_arrives_and_an_item_stops_when_it_is_good():
    z = torch.zeros(3, 2)
    top = gradient(z, hill, options=ClimbOptions(steps=200))
    assert top[:, 0].tolist() == pytest.approx([2.0] * 3, abs=0.05)
    assert torch.equal(top[:, 1], z[:, 1])
    stopped = gradient(z, hill, good=lambda x: x[:, 0] > torch.tensor([-1.0, 0.5, 9.0]))
    assert torch.equal(stopped[0], z[0])  # good from the start: not moved at all
    assert 0.5 < stopped[1, 0] < 0.7 < stopped[2, 0]
    assert torch.equal(z, torch.zeros(3, 2))


def test_distance_keeps_a_climb_near_its_start():
    near = gradient(torch.zeros(1, 1), lambda x: x[:, 0], options=ClimbOptions(steps=300, distance=2.0))
    # the slope of log(1 + z²) is 2z / (1 + z²), so 2 · that equals 1 at z = 2 − √3
    assert near.item() == pytest.approx(2 - 3**0.5, abs=0.02)
    scaled = gradient(torch.zeros(1, 1), lambda x: x[:, 0], options=ClimbOptions(steps=300, distance=2.0, scale=torch.tensor([0.5])))
    assert scaled.item() < near.item() / 2


def test_langevin_samples_a_normal_distribution():
    generator = torch.Generator().manual_seed(0)
    z = torch.zeros(4000, 1)
    end = langevin(
        z, lambda x: -((x[:, 0] - 1) ** 2) / 2, noise=lambda: torch.randn(4000, 1, generator=generator), options=LangevinOptions(200, 0.05)
    )
    assert end.mean().item() == pytest.approx(1, abs=0.06)
    assert end.std().item() == pytest.approx(1, abs=0.06)


def test_choice_among_candidates_follows_a_judge_without_gradients():
    noise = torch.randn(200, 2)
    free = guided(noise, torch.ones(200), standard_normal, None, GuideOptions(end=0.5))
    picked = chosen(
        noise,
        torch.ones(200),
        standard_normal,
        lambda x, t: (x[:, 0] > 0.5).float(),
        noise=lambda: torch.randn(200, 2),
        options=GuideOptions(end=0.5),
    )
    assert (picked[:, 0] > 0.5).float().mean() > 0.9 > 2 * (free[:, 0] > 0.5).float().mean()


def test_a_vector_goes_as_far_as_the_objective_likes():
    z = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    assert vector(z, torch.tensor([1.0, 0.0]), hill)[:, 0].tolist() == [2.0, 2.0, 2.0]


def test_an_actors_gates_say_how_much_of_a_point_is_replaced():
    z = torch.ones(2, 2)
    assert acted(z, lambda z: (torch.tensor([[0.0, 1.0]]).expand(2, 2), torch.full((2, 2), 5.0))).tolist() == [[1.0, 5.0]] * 2
