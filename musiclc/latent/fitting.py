"""Fitting the small networks that steer a latent space: critics, the realism critic, actors. They know no music and no files.

All of them are fitted in seconds to minutes by the loop of descent.py on one processor, since users fit critics of their own. Nothing
here touches torch's global generator.

Inside: `SmallFit`, `Points`, `descend`, `fit_critic`, `fit_realism`, `Actor`, `Ask`, `fit_actor`.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from musiclc.latent.critics import Critic, CriticConfig, Realism, Trunk
from musiclc.latent.descent import Descent, Schedule, generator_of, seeded
from musiclc.latent.search import Objective, acted, renoised

AT_OWN_TIME = 0.5  # share of a batch that is taken at the points' own noise level, the rest further on the way to noise


@dataclass(frozen=True)
class SmallFit:
    """steps, batch: of AdamW with a cosine rate. average: decay of the moving average of weights that is kept. noisy: whether to
    learn about points on the way to noise as well.
    """

    steps: int = 1500
    batch: int = 512
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    average: float = 0.99
    noisy: bool = True
    seed: int = 0

    @property
    def schedule(self) -> Schedule:
        """What the loop needs to know."""
        return Schedule(self.steps, self.learning_rate, self.weight_decay, self.average)


@dataclass(frozen=True)
class Points:
    """Latent points x (N, d), all with the same share of noise `t`, and the condition of each, int (N,)."""

    x: Tensor
    condition: Tensor
    t: float = 0.0

    def batch(self, rows: Tensor, noisy: bool, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """The rows' x, times and conditions; when noisy, part of them taken on towards noise to a random time."""
        x = self.x[rows].float()
        t = torch.full((len(rows),), self.t)
        if noisy:
            later = self.t + (1 - self.t) * torch.rand(len(rows), generator=generator)
            to = torch.where(torch.rand(len(rows), generator=generator) < AT_OWN_TIME, t, later)
            x, t = renoised(x, torch.randn(x.shape, generator=generator), t, to), to
        return x, t, self.condition[rows]


def descend(module: nn.Module, loss: Callable[[int, torch.Generator], Tensor], options: SmallFit) -> None:
    """Fit a module in place; it ends with the averaged weights, in evaluation mode. loss: (step, generator) → what to make small.

    Step s draws from a generator of its own, seeded by (options.seed, s).
    """
    module.requires_grad_(True)
    Descent(module, options.schedule).run(lambda step: loss(step, generator_of(options.seed, step)))
    module.requires_grad_(False)


def fit_critic(
    points: Points, measures: Tensor, family: str, options: SmallFit | None = None, *, start: Critic | None = None, conditions: int = 1
) -> tuple[Critic, float]:
    """A critic that foretells measures (N, m) of points, and its loss on a twentieth held out. start: one to go on from."""
    options = options or SmallFit()
    critic = copy.deepcopy(start) if start is not None else _new_critic(points, measures, family, conditions, options.seed)
    held_out = len(points.x) // 20

    def loss(step: int, generator: torch.Generator) -> Tensor:
        rows = torch.randint(held_out, len(points.x), (options.batch,), generator=generator)
        return critic.loss(*points.batch(rows, options.noisy, generator), measures[rows])

    descend(critic, loss, options)
    with torch.no_grad():
        rows = torch.arange(max(held_out, 1))
        fit = critic.loss(*points.batch(rows, False, generator_of(options.seed)), measures[rows]).item()
    return critic, fit


def _new_critic(points: Points, measures: Tensor, family: str, conditions: int, seed: int) -> Critic:
    with seeded(seed):
        critic = Critic(CriticConfig(points.x.shape[1], measures.shape[1], family, conditions))
    if family == "gaussian":
        critic.center.copy_(measures.nanmean(0).nan_to_num())
        critic.scale.copy_((measures - critic.center).square().nanmean(0).sqrt().nan_to_num().clamp(min=1e-3))
    return critic


def fit_realism(real: Points, drawn: Callable[[int, torch.Generator], Tensor], options: SmallFit | None = None) -> Realism:
    """The paper's realism critic: `real` points against those that `drawn(n, generator)` gives, (n, d) at the same noise level."""
    options = options or SmallFit()
    with seeded(options.seed):
        critic = Realism(real.x.shape[1], int(real.condition.max()) + 1)

    def loss(step: int, generator: torch.Generator) -> Tensor:
        rows = torch.randint(0, len(real.x), (options.batch,), generator=generator)
        x, t, condition = real.batch(rows, False, generator)
        between = torch.rand(options.batch, 1, generator=generator)
        return critic.loss(x, drawn(options.batch, generator), t, condition, between=between)

    descend(critic, loss, options)
    return critic


class Actor(nn.Module):
    """The amortized map of Engel et al. 2018, §3.2: points and what is asked of them → gates and proposals, each (n, d)."""

    def __init__(self, dimensions: int, features: int, conditions: int = 1, width: int = 512, layers: int = 4):
        super().__init__()
        self.config = {"dimensions": dimensions, "features": features, "conditions": conditions, "width": width, "layers": layers}
        self.trunk = Trunk(dimensions + features, 2 * dimensions, conditions, width, layers)

    def forward(self, x: Tensor, asked: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """x (n, d), asked (n, features), condition int (n,) → gate in [0, 1], proposal."""
        out = self.trunk(torch.cat([x, asked], dim=1), torch.zeros(len(x)), condition).float()
        gate, proposal = out.chunk(2, dim=1)
        return torch.sigmoid(gate), x + proposal

    def act(self, x: Tensor, asked: Tensor, condition: Tensor) -> Tensor:
        """The points themselves: search.acted with this actor."""
        return acted(x, lambda z: self(z, asked, condition))


@dataclass(frozen=True)
class Ask:
    """One batch to teach an actor with: points, what is asked of them as features and as an objective, and, where a slower
    search has been there already, where it ended.
    """

    x: Tensor
    asked: Tensor
    condition: Tensor
    objective: Objective
    target: Tensor | None = None


def fit_actor(actor: Actor, draw: Callable[[int, torch.Generator], Ask], options: SmallFit, *, distance: float = 0.1, imitate: float = 1.0) -> None:
    """Teach an actor in place to map points to where their objective is large and, where there is a target, close to it.

    distance: weight of mean log(1 + (z' − z)²) where there is no target.
    """

    def loss(step: int, generator: torch.Generator) -> Tensor:
        ask = draw(step, generator)
        found = actor.act(ask.x, ask.asked, ask.condition)
        unmet = -ask.objective(found).clamp(min=-50).mean() / ask.x.shape[1] ** 0.5
        if ask.target is not None:
            return unmet + imitate * ((found - ask.target) ** 2).mean()
        return unmet + distance * torch.log1p((found - ask.x) ** 2).mean()

    descend(actor, loss, options)
