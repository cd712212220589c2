"""Critics: small networks on a latent space that foretell what a rule will measure of a point once it is decoded.

A critic never sees what is decoded, and no label: it is taught by decoding points and measuring what came out. It knows no
music either: a measure is a number, and points come in a few *conditions* (for melodies: meters). One critic a rule serves
every goal, since it foretells the *distribution* of the rule's measures, and a goal is a region of measures:

- family "gaussian": each measure is normal, with a mean and a spread that depend on the point. A goal's objective is the log
  probability that each measure, or one weighted sum of them, lies within its bounds.
- family "bernoulli": each share is above zero with a probability that depends on the point. A goal forbids some shares; its
  objective is the log probability that none of them occurs, as if they were independent.

Both go flat once the goal is sure to be met, and never far from it, unlike a sigmoid of a score (Engel et al.
2018, §3.2, use the latter). A critic also reads how much noise the point holds (t in [0, 1], the time of a flow), so that it
can be asked about points on the way from noise (noise-aware guidance: Dhariwal and Nichol 2021, Diffusion Models Beat GANs, §4).

`Realism` is the paper's own critic of a different kind: real points against drawn ones (Engel et al. 2018, §3.1).

Inside: `CriticConfig`, `Critic`, `Bounds`, `bounds`, `combine`, `Realism`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musiclc.latent.search import Objective

FAR = 1e3  # standard deviations of a measure that count as infinitely many
LARGEST = 1e9  # a bound beyond it is an infinite one
MIN_SPREAD = 0.02  # of a foretold normal, in standard deviations of the measure


@dataclass(frozen=True)
class CriticConfig:
    """dimensions: d of a latent point. measures: how many the rule has. family: as in rules.Rule. conditions: how many there are."""

    dimensions: int
    measures: int
    family: str
    conditions: int = 1
    width: int = 256
    layers: int = 3

    @property
    def outputs(self) -> int:
        """Numbers that the trunk gives: a mean and a spread a measure, or a log odds."""
        return self.measures * (2 if self.family == "gaussian" else 1)


@dataclass(frozen=True)
class Bounds:
    """Goals as tensors, one a row. low, high: (n, m), or (n, 1) with mix (n, m), the weights of the sum they bound."""

    low: Tensor
    high: Tensor
    mix: Tensor | None = None


class HasBounds(Protocol):
    """What `bounds` reads: a goal's bounds on each measure, or on one sum of them weighted by `mix`."""

    @property
    def low(self) -> tuple[float, ...]: ...
    @property
    def high(self) -> tuple[float, ...]: ...
    @property
    def mix(self) -> tuple[float, ...] | None: ...


def bounds(goals: Sequence[HasBounds]) -> Bounds:
    """The bounds of goals of one rule, a row each; all of them have a mix, or none."""
    mix = torch.tensor([g.mix for g in goals]) if goals[0].mix is not None else None
    return Bounds(torch.tensor([g.low for g in goals]), torch.tensor([g.high for g in goals]), mix)


class Trunk(nn.Module):
    """(x (n, d), t (n,), condition int (n,)) → (n, outputs): a residual network of dense layers."""

    def __init__(self, dimensions: int, outputs: int, conditions: int, width: int, layers: int):
        super().__init__()
        self.condition = nn.Embedding(conditions, width)
        self.time = nn.Linear(2, width)
        self.first = nn.Linear(dimensions, width)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(layers - 1))
        self.out = nn.Linear(width, outputs)

    def forward(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        """As the class says."""
        told = self.condition(condition) + self.time(torch.stack([t, t**2], dim=1))
        h = F.silu(self.first(x * (1 - t[:, None])) + told)  # what is mostly noise says little: let it weigh little
        for layer in self.hidden:
            h = h + F.silu(layer(h) + told)
        return self.out(h)


class Critic(nn.Module):
    """Points → the distribution of one rule's measures."""

    center: Tensor
    scale: Tensor

    def __init__(self, config: CriticConfig, trunk: nn.Module | None = None):
        super().__init__()
        self.config = c = config
        self.trunk = trunk or Trunk(c.dimensions, c.outputs, c.conditions, c.width, c.layers)
        self.register_buffer("center", torch.zeros(c.measures))
        self.register_buffer("scale", torch.ones(c.measures))

    def normal(self, x: Tensor, t: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and spread of each measure, standardised by `center` and `scale`: two of (n, m)."""
        mean, spread = self.trunk(x, t, condition).float().chunk(2, dim=1)
        return mean, F.softplus(spread) + MIN_SPREAD

    def loss(self, x: Tensor, t: Tensor, condition: Tensor, measures: Tensor) -> Tensor:
        """What fitting minimises: mean negative log-likelihood of measures (n, m), those that are undefined left out."""
        if self.config.family == "bernoulli":
            return F.binary_cross_entropy_with_logits(self.trunk(x, t, condition).float(), (measures > 0).float())
        mean, spread = self.normal(x, t, condition)
        known = ~measures.isnan()
        error = (torch.where(known, (measures - self.center) / self.scale, mean) - mean) / spread
        return ((0.5 * error**2 + spread.log()) * known).mean()

    def log_met(self, x: Tensor, t: Tensor, condition: Tensor, goal: Bounds) -> Tensor:
        """Log probability that what x will decode to meets the goal: (n,), at most 0."""
        if self.config.family == "bernoulli":
            return -(F.softplus(self.trunk(x, t, condition).float()) * (goal.high <= 0)).sum(1)
        mean, spread = self.normal(x, t, condition)
        center, scale = self.center, self.scale
        if goal.mix is not None:
            deviation = ((goal.mix * scale * spread) ** 2).sum(1, keepdim=True).clamp(min=1e-10).sqrt()
            mean = (goal.mix * (center + scale * mean)).sum(1, keepdim=True) / deviation
            spread, center, scale = torch.ones_like(mean), torch.zeros(1), deviation
        # standard scores of the bounds; an infinite one would turn the gradient into NaN
        low, high = (side.clamp(-LARGEST, LARGEST) for side in (goal.low, goal.high))
        below = (((low - center) / scale).clamp(-FAR, FAR) - mean) / spread
        above = (((high - center) / scale).clamp(-FAR, FAR) - mean) / spread
        return _log_between(below, above).sum(1)


def _log_between(low: Tensor, high: Tensor) -> Tensor:
    """log(Φ(high) − Φ(low)) without cancellation, also far in the tails."""
    flip = low > 0  # work in the lower tail, where log Φ is exact
    low, high = torch.where(flip, -high, low), torch.where(flip, -low, high)
    log_low, log_high = torch.special.log_ndtr(low.clamp(-1e4, 1e4)), torch.special.log_ndtr(high.clamp(-1e4, 1e4))
    return log_high + torch.log1p(-torch.exp((log_low - log_high).clamp(max=-1e-6)))


@dataclass(frozen=True)
class Term:
    """One constraint as critics see it: the critic, the goals of all rows, and the weight of its log probability."""

    critic: Critic
    goal: Bounds
    weight: float = 1.0


def combine(terms: Sequence[Term], t: Tensor, condition: Tensor) -> Objective:
    """The weighted sum of the terms' log probabilities at noise level t (n,), as an objective: (n, d) → (n,)."""

    def objective(x: Tensor) -> Tensor:
        return torch.stack([term.weight * term.critic.log_met(x, t, condition, term.goal) for term in terms]).sum(0)

    return objective


class Realism(nn.Module):
    """D(x), the paper's realism critic: the log odds that a point is an encoding of real data (plus its noise) and not a drawn one.

    A gradient penalty on points between real and drawn keeps it smooth (Gulrajani et al. 2017; weight 10 in the authors' notebook).
    """

    def __init__(self, dimensions: int, conditions: int = 1, width: int = 384, layers: int = 4):
        super().__init__()
        self.config = {"dimensions": dimensions, "conditions": conditions, "width": width, "layers": layers}
        self.trunk = Trunk(dimensions, 1, conditions, width, layers)

    def logit(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        """D(x): (n,)."""
        return self.trunk(x, t, condition).float()[:, 0]

    def log_real(self, t: Tensor, condition: Tensor) -> Objective:
        """log σ(D(x)) as an objective."""
        return lambda x: F.logsigmoid(self.logit(x, t, condition))

    def loss(self, real: Tensor, drawn: Tensor, t: Tensor, condition: Tensor, *, between: Tensor, penalty: float = 10.0) -> Tensor:
        """Cross-entropy, real → 1 and drawn → 0, with the gradient penalty at between·real + (1 − between)·drawn; between (n, 1)."""
        point = (between * real + (1 - between) * drawn).detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(self.logit(point, t, condition).sum(), point, create_graph=True)
        steep = ((slope.norm(dim=1) - 1) ** 2).mean()
        return F.softplus(-self.logit(real, t, condition)).mean() + F.softplus(self.logit(drawn, t, condition)).mean() + penalty * steep
