"""Fitting all that steers a finished prior: a bank, a critic for each rule, the paper's realism critic, an actor.

Nothing here needs a label: points are decoded and measured. Critics are fitted twice: on the bank, then on the bank and
on-policy points, those that guidance by the first critics finds under random constraints, since they are asked about such points most of all.

Inside: `SteerOptions`, `fit_steering`, `fit_critics`, `random_constraints`, `on_policy_points`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from musiclc.latent.critics import Critic
from musiclc.latent.descent import seeded
from musiclc.latent.fitting import Actor, Ask, Points, SmallFit, fit_actor, fit_critic, fit_realism
from musiclc.latent.search import noised
from musiclc.model import methods
from musiclc.model.bank import Bank, decoded, draw, make_bank
from musiclc.model.checkpoint import Model
from musiclc.model.methods import SampleProblem, Start
from musiclc.music.theory import PHRASE_METERS
from musiclc.rules import RULES, Rule
from musiclc.rules.base import Constraint
from musiclc.rules.goals import Goal

Talk = Callable[[str], None]
SOME_KEYS = ("C", "A minor", "D dorian", "G mixolydian", "C major pentatonic", "A minor pentatonic", "E phrygian")  # in canonical transposition
TAUGHT = {name: rule for name, rule in RULES.items() if not rule.parts}  # those that a critic is fitted for
SOME_CHORDS = ("C G Am F", "Am Dm G C", "C F G C", "Am F C G", "Dm G C Am", "C Am F G")


@dataclass(frozen=True)
class SteerOptions:
    """bank: points that critics learn from, of which the first `kept` go with the model. on_policy: points added that critics guide to.

    critics, realism, actor: how to fit each. asks: guided points that the actor learns to imitate.
    """

    bank: int = 40_000
    kept: int = 8_000
    on_policy: int = 12_000
    asks: int = 16_000
    critics: SmallFit = field(default_factory=lambda: SmallFit(steps=1600))
    realism: SmallFit = field(default_factory=lambda: SmallFit(steps=800, batch=256))
    actor: SmallFit = field(default_factory=lambda: SmallFit(steps=1500, learning_rate=1e-3))
    seed: int = 0


def fit_steering(model: Model, encodings: Tensor, meters: Tensor, options: SteerOptions, talk: Talk) -> Model:
    """The model with its bank, critics, realism critic and actor. encodings (N, d), meters (N,): of training windows in canonical transposition."""
    assert model.prior is not None
    talk(f"bank: decoding {options.bank} points")
    bank = make_bank(model.vae, model.prior, Points(encodings, meters), options.bank, options.seed)
    critics, _ = fit_critics(bank, replace(options.critics, steps=options.critics.steps // 2), {}, talk)
    model = replace(model, critics=critics, bank=bank.first(options.kept))
    talk(f"bank: decoding {options.on_policy} on-policy points")
    on_policy, _ = on_policy_points(model, bank, options.on_policy, options.seed)
    critics, fits = fit_critics(bank.joined(on_policy).joined(on_policy), options.critics, critics, talk)
    realism = _realism(model, encodings, meters, options)
    notes = {**model.notes, "steering": {"bank": options.bank, "on_policy": options.on_policy, "critics": vars(options.critics), "held out": fits}}
    model = replace(model, critics=critics, realism=realism, notes=notes)
    talk(f"actor: {options.asks} guided points to imitate")
    model.actor = _actor(model, bank, options)
    return model


def fit_critics(bank: Bank, options: SmallFit, start: dict[str, Critic], talk: Talk) -> tuple[dict[str, Critic], dict[str, float]]:
    """A critic for every shipped rule that is not made of others, going on from `start` where there is one; and their losses on points held out."""
    critics, fits = {}, {}
    for rule in TAUGHT.values():
        measures = bank.measures(rule)
        critics[rule.name], fits[rule.name] = fit_critic(
            bank.points, measures, rule.family, options, start=start.get(rule.name), conditions=len(PHRASE_METERS)
        )
        talk(f"critic {rule.name}: loss {fits[rule.name]:.4g} on points held out")
    return critics, fits


# ---- random constraints --------------------------------------------------------------------------------------------


def random_constraints(random: np.random.Generator, seen: dict[str, np.ndarray], most: int = 4) -> list[Constraint]:
    """One to `most` constraints on different rules, for canonical transposition.

    seen: each rule's measures (n, m) of a bank, from which goals are taken.
    """
    count = min(int(random.integers(1, most + 1)), len(seen))
    names = [str(n) for n in random.choice(list(seen), size=count, replace=False)]
    if random.random() < 0.4 and "scale" in seen and "scale" not in names:
        names[0] = "scale"
    return [Constraint(RULES[name], _random_goal(RULES[name], random, seen[name])) for name in names]


def _random_goal(rule: Rule, random: np.random.Generator, seen: np.ndarray) -> Goal:
    if rule.name == "scale":
        return rule.parse(str(random.choice(SOME_KEYS)))
    if rule.name == "chords":
        return rule.parse(str(random.choice(SOME_CHORDS)))
    row = seen[random.integers(len(seen))]
    if rule.family == "bernoulli":
        return rule.parse(str(rule.value(row, None) or "C"))
    if rule.name == "range":
        low, high = (row if np.isfinite(row).all() else (60, 79)) + random.integers(-2, 3, 2)
        return rule.parse(f"{int(low)}..{int(max(high, low + 4))}")
    value = row[0] if np.isfinite(row[0]) else np.nanmedian(seen[:, 0])
    width = rule.tolerance * (1 + 2 * random.random() ** 2)
    kind = random.integers(4)
    low, high = (value - width if kind != 1 else -np.inf), (value + width if kind != 2 else np.inf)
    rest = len(rule.measures) - 1
    return Goal("drawn", (float(low), *[-np.inf] * rest), (float(high), *[np.inf] * rest))


def on_policy_points(model: Model, bank: Bank, size: int, seed: int, chunk: int = 250) -> tuple[Bank, dict[str, Any]]:
    """Where guidance ends under random constraints, other ones for each `chunk`: a bank, and of what it came: noise (N, d), asked features (N, f)."""
    random = np.random.default_rng((seed, 77))
    seen = {name: bank.first(4000).measures(rule).numpy() for name, rule in TAUGHT.items()}
    kept: dict[str, list] = {"x": [], "noise": [], "asked": [], "meter": [], "problem": []}
    for i in range(-(-size // chunk)):
        meter = str(random.choice(PHRASE_METERS, p=[0.6, 0.2, 0.2]))
        problem = SampleProblem(model, random_constraints(random, seen), model.critics, meter, float(random.uniform(0.7, 2.0)))
        noise = torch.randn(chunk, model.vae.dimensions, generator=torch.Generator().manual_seed(seed * 7919 + i))
        start = Start(noise, torch.ones(chunk), [0] * chunk)
        x, _ = methods.points(problem, start, "guided")
        for name, value in {"x": x, "noise": noise, "asked": methods.asked(problem, start.transpositions), "meter": problem.condition(chunk)}.items():
            kept[name].append(value)
        kept["problem"].append(problem)
    assert model.prior is not None
    on_policy = decoded(model.vae, model.prior, torch.cat(kept["x"]), torch.cat(kept["meter"]))
    return on_policy, kept


def _realism(model: Model, encodings: Tensor, meters: Tensor, options: SteerOptions) -> Any:
    """The paper's realism critic at the prior's noise level: noisy encodings against N(0, I), as it has no better draws to refuse."""
    prior = model.prior
    assert prior is not None
    generator = torch.Generator().manual_seed(options.seed + 5)
    rows = torch.randint(0, len(encodings), (20_000,), generator=generator)
    clean = prior.standardise(encodings[rows])
    x = noised(clean, torch.randn(clean.shape, generator=generator), torch.full((len(rows),), prior.config.noise_level))
    assert model.bank is not None
    pool = draw(prior, 1.2 * torch.randn(2_000, x.shape[1], generator=generator), meters[rows[:2_000]])

    def drawn(n: int, generator: torch.Generator) -> Tensor:
        normal = torch.randn(n, x.shape[1], generator=generator) * x.std()
        from_pool = pool[torch.randint(0, len(pool), (n,), generator=generator)] + 0.3 * torch.randn(n, x.shape[1], generator=generator)
        return torch.where(torch.rand(n, 1, generator=generator) < 0.5, normal, from_pool)

    return fit_realism(Points(x, meters[rows], prior.config.noise_level), drawn, options.realism)


def _actor(model: Model, bank: Bank, options: SteerOptions) -> Actor:
    """An actor that imitates `guided` from the same noise and climbs the critics' sum on."""
    _, kept = on_policy_points(model, bank, options.asks, options.seed + 1)
    noise, target, asked, meter = (torch.cat(kept[k]) for k in ("noise", "x", "asked", "meter"))
    chunk = len(kept["noise"][0])
    with seeded(options.seed):
        actor = Actor(noise.shape[1], asked.shape[1], len(PHRASE_METERS))
    t = model.prior.config.noise_level  # type: ignore[union-attr]

    def ask(step: int, generator: torch.Generator) -> Ask:
        groups = torch.randint(0, len(kept["problem"]), (4,), generator=generator)
        rows = torch.cat([torch.arange(g * chunk, (g + 1) * chunk) for g in groups.tolist()])
        problems = [kept["problem"][g] for g in groups.tolist()]
        return Ask(noise[rows], asked[rows], meter[rows], partial(_summed, problems, chunk, t), target[rows])

    fit_actor(actor, ask, options.actor)
    return actor


def _summed(problems: list[SampleProblem], chunk: int, t: float, x: Tensor) -> Tensor:
    """The critics' sums of several problems, each for its own `chunk` rows of x."""
    parts = []
    for problem, rows in zip(problems, x.split(chunk), strict=True):
        timed = methods.objective(problem, [0] * len(rows))
        assert timed is not None
        parts.append(timed(torch.full((len(rows),), t))(rows))
    return torch.cat(parts)
