"""Critics: small networks on the latent space that foretell a rule's measures; and how constraints combine.

A critic never sees notes, and no label: it is taught by decoding latent points and measuring what came out. One critic a rule
serves every goal, since it foretells the *distribution* of the rule's measures at z, and a goal is a region of measures:

- family "number": each measure is normal, with a mean and a spread that depend on z. A goal's objective is the log
  probability that the measure lies within its bounds.
- family "presence": each share is above zero with a probability that depends on z. A goal forbids some shares; its objective
  is the log probability that none of them occurs, as if they were independent.

Both stop pushing once the goal is sure to be met, and never go flat far from it, unlike a sigmoid of a score (Engel et al.
2018, §3.2, use the latter).

Inside: `CriticConfig`, `Critic`, `combine`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musiclc.goals import Constraint, Goal
from musiclc.search import Objective
from musiclc.theory import METER_NAMES

FAR = 1e3  # standard deviations of a measure that count as infinitely many
MIN_SPREAD = 0.02  # of a foretold normal, in standard deviations of the measure


@dataclass(frozen=True)
class CriticConfig:
    """dimensions: d of a latent point. measures: how many the rule has. family: as in rules.Rule."""

    dimensions: int
    measures: int
    family: str
    width: int = 384
    layers: int = 3


class Critic(nn.Module):
    """Latent points → the distribution of one rule's measures."""

    center: Tensor
    scale: Tensor

    def __init__(self, config: CriticConfig):
        super().__init__()
        self.config = c = config
        self.meter = nn.Embedding(len(METER_NAMES), c.width)
        self.first = nn.Linear(c.dimensions, c.width)
        self.hidden = nn.ModuleList(nn.Linear(c.width, c.width) for _ in range(c.layers - 1))
        self.out = nn.Linear(c.width, c.measures * (2 if c.family == "number" else 1))
        self.register_buffer("center", torch.zeros(c.measures))
        self.register_buffer("scale", torch.ones(c.measures))

    def forward(self, z: Tensor, meter: Tensor) -> Tensor:
        """z (n, d), meter int (n,) → (n, outputs)."""
        h = F.silu(self.first(z) + self.meter(meter))
        for layer in self.hidden:
            h = h + F.silu(layer(h))
        return self.out(h)

    def normal(self, z: Tensor, meter: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and spread of each measure, standardised by `center` and `scale`: two of (n, m)."""
        mean, spread = self(z, meter).float().chunk(2, dim=1)
        return mean, F.softplus(spread) + MIN_SPREAD

    def loss(self, z: Tensor, meter: Tensor, measures: Tensor) -> Tensor:
        """What fitting minimises: mean negative log-likelihood of measures (n, m), those that are undefined left out."""
        if self.config.family == "presence":
            return F.binary_cross_entropy_with_logits(self(z, meter).float(), (measures > 0).float())
        mean, spread = self.normal(z, meter)
        known = ~measures.isnan()
        error = (torch.where(known, (measures - self.center) / self.scale, mean) - mean) / spread
        return ((0.5 * error**2 + spread.log()) * known).mean()

    def log_met(self, z: Tensor, meter: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """Log probability that the measures at z lie within the bounds: (n,), at most 0. low, high: (n, m), a goal a row."""
        if self.config.family == "presence":
            return -(F.softplus(self(z, meter)) * (high <= 0)).sum(1)
        mean, spread = self.normal(z, meter)
        # standard scores of the bounds; an infinite one would turn the gradient into NaN
        below = (((low - self.center) / self.scale).clamp(-FAR, FAR) - mean) / spread
        above = (((high - self.center) / self.scale).clamp(-FAR, FAR) - mean) / spread
        return _log_between(below, above).sum(1)


def _log_between(low: Tensor, high: Tensor) -> Tensor:
    """log(Φ(high) − Φ(low)) without cancellation, also far in the tails."""
    flip = low > 0  # work in the lower tail, where log Φ is exact
    low, high = torch.where(flip, -high, low), torch.where(flip, -low, high)
    log_low, log_high = torch.special.log_ndtr(low.clamp(-1e4, 1e4)), torch.special.log_ndtr(high.clamp(-1e4, 1e4))
    return log_high + torch.log1p(-torch.exp((log_low - log_high).clamp(max=-1e-6)))


def _bounds(goals: list[Goal]) -> tuple[Tensor, Tensor]:
    """Lower and upper bounds of goals, a row each: two of (n, m)."""
    return torch.tensor([g.low for g in goals]), torch.tensor([g.high for g in goals])


def combine(critics: dict[str, Critic], constraints: list[Constraint], meter: Tensor, moves: Sequence[int]) -> Objective:
    """The weighted sum of the constraints' log probabilities, as an objective: (n, d) → (n,).

    moves: semitones by which each row's melody will be transposed once it is decoded; its goals are moved back by as much.
    """
    bounds = [_bounds([c.rule.move(c.goal, -move) for move in moves]) for c in constraints]

    def objective(z: Tensor) -> Tensor:
        parts = [c.weight * critics[c.rule.name].log_met(z, meter, *bound) for c, bound in zip(constraints, bounds, strict=True)]
        return torch.stack(parts).sum(0)

    return objective
