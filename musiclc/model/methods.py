"""The search methods, tied to a model: from starting noise and constraints to latent points, one function a method.

| method | what it does |
|---|---|
| `guided` | the prior's flow, its velocity bent by the critics' gradient |
| `gradient` | a draw of the prior, then Adam up the critics and realism, each item frozen once its critics are content |
| `langevin` | a draw of the prior, then Langevin steps on the same sum |
| `actor` | one pass of the amortized map |
| `chosen` | the prior's flow; at each step the best of a few by the rules themselves: needs no critic |
| `vector` | a draw of the prior plus the difference of means between bank points that meet the goal and that do not |
| `rejection` | draws of the prior as they come |
| `normal` | draws of N(0, I), the VAE's own prior |

Inside: `SEARCHES`, `SampleProblem`, `Start`, `points`, `objective`, `pushes`, `misses`, `asked`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from musiclc.latent import search
from musiclc.latent.critics import Bounds, Critic, Term, bounds, combine
from musiclc.model.decode import decode, scores
from musiclc.music.theory import PHRASE_METERS
from musiclc.rules import RULES
from musiclc.rules.base import Constraint, parts_of
from musiclc.rules.transposition import transposed

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

CONTENT = 0.9  # probability of meeting the constraints, by their critics, at which `gradient` freezes an item
FEATURE_LIMIT = 4.0  # standard deviations at which a bound told to the actor counts as infinite


@dataclass(frozen=True)
class SampleProblem:
    """What every point of a chunk shall become. critics: by rule name, for all constraints that have one.

    realism: "flow", the prior's score, or "critic", the paper's; it is what `gradient` and `langevin` stay near.
    """

    model: "Model"
    constraints: list[Constraint]
    critics: dict[str, Critic]
    meter: str
    strength: float = 1.0
    realism: str = "flow"

    def condition(self, n: int) -> Tensor:
        """The meter's number for n points."""
        return torch.full((n,), PHRASE_METERS.index(self.meter))


@dataclass(frozen=True)
class Start:
    """A chunk's starting points x (n, d) at times t (n,), each row's transposition from canonical and its generator of more noise."""

    x: Tensor
    t: Tensor
    transpositions: list[int]
    generators: list[torch.Generator] = field(default_factory=list)
    steps: int = 8
    misses: dict[str, Tensor] = field(default_factory=dict)  # rule → what its critic foretold too much, near x: (n, m)

    def noise(self) -> Tensor:
        """Fresh standard normal numbers (n, d), each row from its own generator."""
        return torch.stack([torch.randn(self.x.shape[1], generator=g) for g in self.generators])


def points(problem: SampleProblem, start: Start, method: str) -> tuple[Tensor, float]:
    """Standardised points (n, d) by the method, and the noise level at which to decode them."""
    if method == "normal":
        assert problem.model.prior is not None
        return problem.model.prior.standardise(start.x), 0.0
    with torch.no_grad():
        return SEARCHES[method](problem, start), _noise_level(problem)


def objective(problem: SampleProblem, transpositions: list[int], misses: dict[str, Tensor] | None = None) -> search.Timed | None:
    """The critics' sum for melodies that will be transposed so, as a function of time; None without constraints that have critics.

    misses: by how much to shift each row's goals of a rule, since its critic is known to foretell so much too much there.
    """
    terms = []
    for c in parts_of(problem.constraints):
        if c.rule.name not in problem.critics:
            continue
        limit = bounds([c.rule.transposed(c.goal.tight, -transposition) for transposition in transpositions])
        if misses and c.rule.name in misses:
            limit = Bounds(limit.low + misses[c.rule.name], limit.high + misses[c.rule.name], limit.mix)
        terms.append(Term(problem.critics[c.rule.name], limit, c.weight))
    condition = problem.condition(len(transpositions))
    return (lambda t: combine(terms, t, condition)) if terms else None


def misses(problem: SampleProblem, x: Tensor, tokens: np.ndarray, transpositions: list[int]) -> dict[str, Tensor]:
    """How much more critics of Gaussian rules foretell of points x (n, d) than their melodies (n, T), transposed so, measure: (n, m) each."""
    found = {}
    canonical = transposed(tokens, -np.asarray(transpositions))
    for c in parts_of(problem.constraints):
        critic = problem.critics.get(c.rule.name)
        if critic is None or critic.config.family != "gaussian" or c.goal.mix is not None or c.rule.fixed:
            continue
        with torch.no_grad():
            mean, _ = critic.normal(x, torch.full((len(x),), _noise_level(problem)), problem.condition(len(x)))
        measured = torch.from_numpy(c.rule.measure(canonical, problem.meter)).float()
        found[c.rule.name] = (mean * critic.scale + critic.center - measured).nan_to_num(0.0)
    return found


def _noise_level(problem: SampleProblem) -> float:
    assert problem.model.prior is not None
    return problem.model.prior.config.noise_level


def _velocity(problem: SampleProblem, n: int) -> search.Velocity:
    flow = problem.model.flow()
    width, meter = next(flow.parameters()).dtype, problem.condition(n)
    return lambda x, t: flow.velocity(x.to(width), t, meter).float()


def _options(problem: SampleProblem, start: Start) -> search.GuideOptions:
    return search.GuideOptions(steps=start.steps, end=_noise_level(problem), strength=problem.strength)


def _guided(problem: SampleProblem, start: Start) -> Tensor:
    return search.guided(
        start.x, start.t, _velocity(problem, len(start.x)), objective(problem, start.transpositions, start.misses), _options(problem, start)
    )


def _drawn(problem: SampleProblem, start: Start) -> Tensor:
    return search.guided(start.x, start.t, _velocity(problem, len(start.x)), None, _options(problem, start))


def pushes(problem: SampleProblem, start: Start) -> tuple[search.Objective, search.Objective]:
    """The critics' sum and the same plus realism, at the prior's noise level."""
    t = torch.full((len(start.x),), _noise_level(problem))
    timed = objective(problem, start.transpositions, start.misses)
    met = timed(t) if timed else lambda x: x.sum(1) * 0
    real = _realism(problem, t)
    return met, lambda x: problem.strength * met(x) + real(x)


def _realism(problem: SampleProblem, t: Tensor) -> search.Objective:
    condition = problem.condition(len(t))
    if problem.realism == "critic":
        assert problem.model.realism is not None
        return problem.model.realism.log_real(t, condition)
    velocity = _velocity(problem, len(t))

    def score_of_flow(x: Tensor) -> Tensor:
        # ∇ log p(x_t) = −(x + (1 − t)·v) / t on straight paths: an objective with that gradient, though of no meaningful value
        with torch.no_grad():
            score = -(x + (1 - t[:, None]) * velocity(x, t)) / t[:, None]
        return (x * score).sum(1)

    return score_of_flow


def _gradient(problem: SampleProblem, start: Start) -> Tensor:
    met, total = pushes(problem, start)
    content = float(np.log(CONTENT))
    return search.gradient(_drawn(problem, start), total, good=lambda x: met(x) > content)


def _langevin(problem: SampleProblem, start: Start) -> Tensor:
    return search.langevin(_drawn(problem, start), pushes(problem, start)[1], noise=start.noise)


def _acted(problem: SampleProblem, start: Start) -> Tensor:
    actor = problem.model.actor
    assert actor is not None
    return actor.act(start.x, asked(problem, start.transpositions), problem.condition(len(start.x)))


def _chosen(problem: SampleProblem, start: Start) -> Tensor:
    def judge(x: Tensor, t: Tensor) -> Tensor:
        melodies = decode(problem.model, x, float(t[0]), problem.meter, start.transpositions)
        return torch.from_numpy(scores(problem.constraints, melodies, problem.meter).sum(1))

    options = search.GuideOptions(steps=5, end=_noise_level(problem))
    near = search.GuideOptions(steps=4, end=0.8)
    velocity = _velocity(problem, len(start.x))
    x = search.guided(start.x, start.t, velocity, None, near)  # what is mostly noise decodes to nothing worth judging
    return search.chosen(x, torch.full_like(start.t, near.end), velocity, judge, noise=start.noise, options=options)


def _vector(problem: SampleProblem, start: Start) -> Tensor:
    bank = problem.model.bank
    assert bank is not None
    x, melodies = bank.points.x[bank.points.condition == PHRASE_METERS.index(problem.meter)], bank.where(problem.meter)
    found = {}
    for transposition in set(start.transpositions):
        judged = scores(problem.constraints, transposed(melodies, np.full(len(x), transposition)), problem.meter).sum(1)
        better = torch.from_numpy(judged >= np.quantile(judged, 0.9))
        found[transposition] = x[better].mean(0) - x[~better].mean(0) if better.any() and not better.all() else torch.zeros(x.shape[1])
    direction = torch.stack([found[transposition] for transposition in start.transpositions])
    return search.vector(_drawn(problem, start), direction, pushes(problem, start)[0])


SEARCHES: dict[str, Callable[[SampleProblem, Start], Tensor]] = {
    "guided": _guided,
    "gradient": _gradient,
    "langevin": _langevin,
    "actor": _acted,
    "chosen": _chosen,
    "vector": _vector,
    "rejection": _drawn,
}


def asked(problem: SampleProblem, transpositions: list[int]) -> Tensor:
    """The constraints as the actor reads them: (n, features). For every shipped rule of m measures 1 + 2·m numbers: whether it is asked,
    and the standardised bounds of its measures, or, in place of the bounds, allowed shares or the weights of a sum.
    """
    goals = {c.rule.name: c for c in parts_of(problem.constraints)}
    blocks = []
    for name, rule in RULES.items():
        if name not in problem.model.critics:
            continue
        block = torch.zeros(len(transpositions), 1 + 2 * len(rule.measures))
        if name in goals:
            block[:, 0] = 1
            limit = bounds([rule.transposed(goals[name].goal, -transposition) for transposition in transpositions])
            block[:, 1:] = _told(limit, problem.model.critics[name], rule.family)
        blocks.append(block)
    return torch.cat(blocks, dim=1)


def _told(limit: Bounds, critic: Critic, family: str) -> Tensor:
    if family == "bernoulli":
        allowed = (limit.high > 0).float()
        return torch.cat([allowed, 1 - allowed], dim=1)
    if limit.mix is not None:
        return torch.cat([limit.mix, limit.low.expand_as(limit.mix)], dim=1)
    standard = [((side - critic.center) / critic.scale).clamp(-FEATURE_LIMIT, FEATURE_LIMIT) for side in (limit.low, limit.high)]
    return torch.cat(standard, dim=1) / FEATURE_LIMIT
