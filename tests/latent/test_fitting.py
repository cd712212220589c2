"""Every small fit learns what it should, from the objective alone, and moves nothing else."""

import numpy as np
import torch

from musiclc.latent.fitting import Actor, Ask, Points, SmallFit, fit_actor, fit_critic, fit_realism
from musiclc.model.bank import Bank, decoded, make_bank
from musiclc.rules import RULES
from tests.helpers import tiny_model

QUICK = SmallFit(steps=300, batch=128)


def test_a_critic_learns_from_the_rule_alone():
    x = torch.randn(4000, 16, generator=torch.Generator().manual_seed(0))
    tokens = np.zeros((4000, 64), np.uint8)
    counts = ((x[:, 0] + 3) * 4).clamp(0, 32).round().int().numpy()  # this "decoder" writes as many notes as x's first number says
    for row, count in zip(tokens, counts, strict=True):
        row[: 2 * count : 2] = 41
    bank = Bank(Points(x, torch.zeros(4000, dtype=torch.long)), tokens)
    measures = bank.measures(RULES["density"])
    critic, loss = fit_critic(bank.points, measures, "gaussian", SmallFit(steps=300, batch=128, noisy=False))
    mean, _spread = critic.normal(x, torch.zeros(4000), bank.points.condition)
    foretold = (mean * critic.scale + critic.center).flatten()
    assert np.corrcoef(foretold, measures[:, 0])[0, 1] > 0.97
    assert loss < 0
    assert not any(p.requires_grad for p in critic.parameters())
    # noise that was never taught is not told apart, but a critic taught with it knows how little it knows
    noisy, _ = fit_critic(bank.points, measures, "gaussian", QUICK)
    _, late = noisy.normal(x, torch.full((4000,), 0.95), bank.points.condition)
    _, early = noisy.normal(x, torch.zeros(4000), bank.points.condition)
    assert late.mean() > 2 * early.mean()


def test_the_paper_s_realism_critic_tells_a_cluster_from_wide_noise():
    real = Points(0.3 * torch.randn(2000, 4) + 1, torch.zeros(2000, dtype=torch.long))
    critic = fit_realism(real, lambda n, generator: 3 * torch.randn(n, 4, generator=generator), SmallFit(steps=200, batch=128))
    t, condition = torch.zeros(500), torch.zeros(500, dtype=torch.long)
    assert (critic.logit(real.x[:500], t, condition) > 0).float().mean() > 0.9
    assert (critic.logit(3 * torch.randn(500, 4), t, condition) > 0).float().mean() < 0.2


def test_an_actor_learns_to_climb_for_what_it_is_asked():
    actor = Actor(4, 1, width=32, layers=2)

    def draw(step, generator):
        x, asked = torch.randn(128, 4, generator=generator), torch.randint(0, 2, (128, 1), generator=generator) * 4.0 - 2
        return Ask(x, asked, torch.zeros(128, dtype=torch.long), lambda z: -((z[:, 0] - asked[:, 0]) ** 2))

    fit_actor(actor, draw, QUICK)
    x, condition = torch.randn(100, 4), torch.zeros(100, dtype=torch.long)
    for wanted in (-2.0, 2.0):
        moved = actor.act(x, torch.full((100, 1), wanted), condition)
        assert (moved[:, 0] - wanted).abs().mean() < 0.7
        assert (moved[:, 1:] - x[:, 1:]).abs().mean() < 0.3  # distance keeps what is not in question


def test_the_bank_holds_what_its_points_decode_to():
    model = tiny_model()
    bank = make_bank(model.vae, model.prior, Points(torch.randn(50, 16), torch.arange(50) % 3), 300, seed=0, chunk=50)
    assert len(bank) == 300
    again = decoded(model.vae, model.prior, bank.points.x, bank.points.condition)
    assert (again.tokens == bank.tokens).all()
    jigs = bank.points.condition == 2
    assert bank.measures(RULES["density"])[jigs].max() <= 12
    moved = (bank.measures(RULES["register"], transposition=5) - bank.measures(RULES["register"])).round()
    assert (moved == 5).float().mean() > 0.5
    assert ((moved % 12 == 5) | (moved == 0) | moved.isnan()).all()  # by octaves less where the piano ends
    assert len(bank.joined(bank.first(10))) == 310


def test_no_fit_touches_the_callers_random_numbers_nor_depends_on_them():
    x = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    points, short = Points(x, torch.zeros(200, dtype=torch.long)), SmallFit(steps=2, batch=8)
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        critic, _ = fit_critic(points, x[:, :1], "gaussian", short)
        realism = fit_realism(points, lambda n, generator: torch.randn(n, 4, generator=generator), short)
        assert torch.equal(torch.get_rng_state(), before)
        found.append([critic.trunk.out.weight, realism.trunk.out.weight])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
