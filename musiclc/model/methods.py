"""The ways to move, tied to a model: from starting noise and a wish to latent points, one function a method.

| method | what it does |
|---|---|
| `guided` | the prior's flow, pulled by the critics on the way |
| `gradient` | a draw of the prior, then Adam up the critics and realism, each item frozen once its critics are content |
| `langevin` | a draw of the prior, then Langevin steps on the same sum |
| `actor` | one pass of the amortized map |
| `chosen` | the prior's flow; at each step the best of a few by the rules themselves: needs no critic |
| `vector` | a draw of the prior plus the difference of means between bank points that meet the goal and that do not |
| `rejection` | draws of the prior as they come |
| `normal` | draws of N(0, I), the VAE's own prior |

Inside: `METHODS`, `Wish`, `Start`, `points`, `objective`, `pushes`, `misses`, `asked`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from musiclc.latent import search
from musiclc.latent.critics import Bounds, Critic, Part, bounds, combine
from musiclc.model.decode import decode, scores
from musiclc.model.vae import fast_bfloat16
from musiclc.music.theory import METER_NAMES
from musiclc.rules import RULES
from musiclc.rules.base import Constraint
from musiclc.rules.transposition import transposed

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

CONTENT = 0.9  # probability of meeting the wish, by its critics, at which `gradient` freezes an item
FEATURE_LIMIT = 4.0  # standard deviations at which a bound told to the actor counts as infinite


@dataclass(frozen=True)
class Wish:
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
        return torch.full((n,), METER_NAMES.index(self.meter))


@dataclass(frozen=True)
class Start:
    """A chunk's starting points x (n, d) at times t (n,), each row's move from home and its generator of more noise."""

    x: Tensor
    t: Tensor
    moves: list[int]
    generators: list[torch.Generator] = field(default_factory=list)
    steps: int = 8
    misses: dict[str, Tensor] = field(default_factory=dict)  # rule → what its critic foretold too much, near x: (n, m)

    def noise(self) -> Tensor:
        """Fresh standard normal numbers (n, d), each row from its own generator."""
        return torch.stack([torch.randn(self.x.shape[1], generator=g) for g in self.generators])


def points(wish: Wish, start: Start, method: str) -> tuple[Tensor, float]:
    """Standardised points (n, d) by the method, and the blur at which to decode them."""
    if method == "normal":
        assert wish.model.prior is not None
        return wish.model.prior.standardise(start.x), 0.0
    with torch.no_grad():
        return METHODS[method](wish, start), _blur(wish)


def objective(wish: Wish, moves: list[int], misses: dict[str, Tensor] | None = None) -> search.Timed | None:
    """The critics' sum for melodies that will be moved so, as a function of time; None without constraints that have critics.

    misses: by how much to move each row's goals of a rule, since its critic is known to foretell so much too much there.
    """
    parts = []
    for c in wish.constraints:
        if c.rule.name not in wish.critics:
            continue
        limit = bounds([c.rule.moved(c.goal.tight, -move) for move in moves])
        if misses and c.rule.name in misses:
            limit = Bounds(limit.low + misses[c.rule.name], limit.high + misses[c.rule.name], limit.mix)
        parts.append(Part(wish.critics[c.rule.name], limit, c.weight))
    condition = wish.condition(len(moves))
    return (lambda t: combine(parts, t, condition)) if parts else None


def misses(wish: Wish, x: Tensor, tokens: np.ndarray, moves: list[int]) -> dict[str, Tensor]:
    """What critics of number rules foretell of points x (n, d) over what their melodies (n, T), moved from home so, measure: (n, m) each."""
    found = {}
    at_home = transposed(tokens, -np.asarray(moves))
    for c in wish.constraints:
        critic = wish.critics.get(c.rule.name)
        if critic is None or critic.config.family != "number" or c.goal.mix is not None or c.rule.fixed:
            continue
        with torch.no_grad():
            mean, _ = critic.normal(x, torch.full((len(x),), _blur(wish)), wish.condition(len(x)))
        measured = torch.from_numpy(c.rule.measure(at_home, wish.meter)).float()
        found[c.rule.name] = (mean * critic.scale + critic.center - measured).nan_to_num(0.0)
    return found


def _blur(wish: Wish) -> float:
    assert wish.model.prior is not None
    return wish.model.prior.config.blur


def _velocity(wish: Wish, n: int) -> search.Velocity:
    flow = wish.model.fast_prior() if fast_bfloat16() else wish.model.prior
    assert flow is not None
    width, meter = next(flow.parameters()).dtype, wish.condition(n)
    return lambda x, t: flow.velocity(x.to(width), t, meter).float()


def _options(wish: Wish, start: Start) -> search.GuideOptions:
    return search.GuideOptions(steps=start.steps, end=_blur(wish), strength=wish.strength)


def _guided(wish: Wish, start: Start) -> Tensor:
    return search.guided(start.x, start.t, _velocity(wish, len(start.x)), objective(wish, start.moves, start.misses), _options(wish, start))


def _drawn(wish: Wish, start: Start) -> Tensor:
    return search.guided(start.x, start.t, _velocity(wish, len(start.x)), None, _options(wish, start))


def pushes(wish: Wish, start: Start) -> tuple[search.Objective, search.Objective]:
    """The critics' sum and the same plus realism, at the blur."""
    t = torch.full((len(start.x),), _blur(wish))
    timed = objective(wish, start.moves, start.misses)
    met = timed(t) if timed else lambda x: x.sum(1) * 0
    real = _realism(wish, t)
    return met, lambda x: wish.strength * met(x) + real(x)


def _realism(wish: Wish, t: Tensor) -> search.Objective:
    condition = wish.condition(len(t))
    if wish.realism == "critic":
        assert wish.model.realism is not None
        return wish.model.realism.log_real(t, condition)
    velocity = _velocity(wish, len(t))

    def score_of_flow(x: Tensor) -> Tensor:
        # ∇ log p(x_t) = −(x + (1 − t)·v) / t on straight paths: an objective with that gradient, though of no meaningful value
        with torch.no_grad():
            score = -(x + (1 - t[:, None]) * velocity(x, t)) / t[:, None]
        return (x * score).sum(1)

    return score_of_flow


def _gradient(wish: Wish, start: Start) -> Tensor:
    met, total = pushes(wish, start)
    content = float(np.log(CONTENT))
    return search.gradient(_drawn(wish, start), total, good=lambda x: met(x) > content)


def _langevin(wish: Wish, start: Start) -> Tensor:
    return search.langevin(_drawn(wish, start), pushes(wish, start)[1], noise=start.noise)


def _acted(wish: Wish, start: Start) -> Tensor:
    actor = wish.model.actor
    assert actor is not None
    return actor.move(start.x, asked(wish, start.moves), wish.condition(len(start.x)))


def _chosen(wish: Wish, start: Start) -> Tensor:
    def judge(x: Tensor, t: Tensor) -> Tensor:
        melodies = decode(wish.model, x, float(t[0]), wish.meter, start.moves)
        return torch.from_numpy(scores(wish.constraints, melodies, wish.meter).sum(1))

    options = search.GuideOptions(steps=5, end=_blur(wish))
    near = search.GuideOptions(steps=4, end=0.8)
    velocity = _velocity(wish, len(start.x))
    x = search.guided(start.x, start.t, velocity, None, near)  # what is mostly noise decodes to nothing worth judging
    return search.chosen(x, torch.full_like(start.t, near.end), velocity, judge, noise=start.noise, options=options)


def _vector(wish: Wish, start: Start) -> Tensor:
    bank = wish.model.bank
    assert bank is not None
    x, melodies = bank.points.x[bank.points.condition == METER_NAMES.index(wish.meter)], bank.where(wish.meter)
    found = {}
    for move in set(start.moves):
        judged = scores(wish.constraints, transposed(melodies, np.full(len(x), move)), wish.meter).sum(1)
        better = torch.from_numpy(judged >= np.quantile(judged, 0.9))
        found[move] = x[better].mean(0) - x[~better].mean(0) if better.any() and not better.all() else torch.zeros(x.shape[1])
    direction = torch.stack([found[move] for move in start.moves])
    return search.vector(_drawn(wish, start), direction, pushes(wish, start)[0])


METHODS: dict[str, Callable[[Wish, Start], Tensor]] = {
    "guided": _guided,
    "gradient": _gradient,
    "langevin": _langevin,
    "actor": _acted,
    "chosen": _chosen,
    "vector": _vector,
    "rejection": _drawn,
}


def asked(wish: Wish, moves: list[int]) -> Tensor:
    """The wish as the actor reads it: (n, features). For every shipped rule of m measures 1 + 2·m numbers: whether it is asked,
    and the standardised bounds of its measures, or, in place of the bounds, allowed shares or the weights of a sum.
    """
    goals = {c.rule.name: c for c in wish.constraints}
    blocks = []
    for name, rule in RULES.items():
        if name not in wish.model.critics:
            continue
        block = torch.zeros(len(moves), 1 + 2 * len(rule.measures))
        if name in goals:
            block[:, 0] = 1
            limit = bounds([rule.moved(goals[name].goal, -move) for move in moves])
            block[:, 1:] = _told(limit, wish.model.critics[name], rule.family)
        blocks.append(block)
    return torch.cat(blocks, dim=1)


def _told(limit: Bounds, critic: Critic, family: str) -> Tensor:
    if family == "presence":
        allowed = (limit.high > 0).float()
        return torch.cat([allowed, 1 - allowed], dim=1)
    if limit.mix is not None:
        return torch.cat([limit.mix, limit.low.expand_as(limit.mix)], dim=1)
    standard = [((side - critic.center) / critic.scale).clamp(-FEATURE_LIMIT, FEATURE_LIMIT) for side in (limit.low, limit.high)]
    return torch.cat(standard, dim=1) / FEATURE_LIMIT
