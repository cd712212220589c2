"""Critics of whole pieces: what a rule will measure of some of a piece's bars, foretold from all of its bar vectors.

As latent/critics.py, with a trunk that reads any number of bars: each bar with its neighbours, twice, then the bars in question
pooled: their mean, largest and smallest values, their mean weighed by place (for slopes), the first and the last of them.

Shapes: n pieces, B bars, k latent dimensions a bar.

Inside: `Asked`, `PieceTrunk`, `piece_critic`.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musiclc.latent.critics import Critic, CriticConfig
from musiclc.model.context import METERS

WIDTH = 112


@dataclass(frozen=True)
class Asked:
    """Of which bars it is asked. meter: int (n,). bars: bool (n, B), at least one each."""

    meter: Tensor
    bars: Tensor


class PieceTrunk(nn.Module):
    """(x (n, B, k), t (n, B), Asked) → (n, outputs)."""

    def __init__(self, dimensions: int, outputs: int, width: int = WIDTH):
        super().__init__()
        self.meter = nn.Embedding(METERS, width)
        self.time = nn.Linear(2, width)
        self.first = nn.Linear(3 * (dimensions + 2), width)
        self.second = nn.Linear(3 * width, width)
        self.third = nn.Linear(width, width)
        self.pooled = nn.Linear(6 * width, width)
        self.out = nn.Linear(width, outputs)

    def forward(self, x: Tensor, t: Tensor, asked: Asked) -> Tensor:
        mask = asked.bars
        known = x * (1 - t[..., None])  # what is mostly noise says little: let it weigh little
        told = torch.cat([known, t[..., None], mask[..., None].to(x.dtype)], dim=-1)
        h = F.silu(self.first(_with_neighbours(told)) + self.meter(asked.meter)[:, None])
        h = h + F.silu(self.second(_with_neighbours(h)))
        h = h + F.silu(self.third(h) + self.time(torch.stack([t, t**2], dim=-1)))
        return self.out(F.silu(self.pooled(_pooled(h, mask))))


def _with_neighbours(h: Tensor) -> Tensor:
    """Each bar with the one before and the one after it, zeros beyond the ends: (n, B, width) → (n, B, 3·width)."""
    around = F.pad(h, (0, 0, 1, 1))
    return torch.cat([around[:, :-2], h, around[:, 2:]], dim=-1)


def _pooled(h: Tensor, mask: Tensor) -> Tensor:
    """h (n, B, width) over the bars of the mask (n, B): (n, 6·width)."""
    weight = mask.to(h.dtype)
    weight = weight / weight.sum(1, keepdim=True)
    rank = mask.cumsum(1).to(h.dtype)
    place = (2 * rank / rank.amax(1, keepdim=True) - 1) * weight
    low, high = h.masked_fill(~mask[..., None], torch.inf).amin(1), h.masked_fill(~mask[..., None], -torch.inf).amax(1)
    first = mask.int().argmax(1)
    last = mask.shape[1] - 1 - mask.flip(1).int().argmax(1)
    rows = torch.arange(len(h))
    return torch.cat([(h * weight[..., None]).sum(1), (h * place[..., None]).sum(1), low, high, h[rows, first], h[rows, last]], dim=1)


def piece_critic(config: CriticConfig) -> Critic:
    """A critic of one rule; its `condition` is an Asked, and its points are (n, B, k) at times (n, B)."""
    return Critic(config, PieceTrunk(config.dimensions, config.outputs))
