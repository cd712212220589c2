"""The flow-matching prior over the bars of a whole piece: new pieces, continuations, infillings and returns by one network.

A transformer over up to 128 bar vectors learns the velocity of straight paths between noise and encodings (Lipman et al. 2023). Every bar has a
noise level of its own (Diffusion Forcing: Chen et al. 2024): a bar that is given stands at t = 0, one that is wanted comes from
t = 1, one to be varied from between. With x a bar's standardised vector and ε standard normal, x_t = (1 − t)·x + t·ε and v(x_t, t)
is trained towards ε − x.

Each bar's noise level and context (context.py) steer every block by scale and shift of its normalised input (FiLM, as DiT: Peebles and Xie
2023); bars that return read their source's vector.

Inside: `FlowConfig`, `PieceFlow` with `velocity`, `loss`.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musiclc.model.context import BUCKETS, Context, Told, distance_buckets, of_source
from musiclc.model.prior import SteeredBlock
from musiclc.model.vae import time_features


@dataclass(frozen=True)
class FlowConfig:
    """Sizes. latent: dimensions a bar, as the VAE's. noise_level: the time t at which a draw stops and is written."""

    latent: int = 40
    width: int = 256
    heads: int = 4
    layers: int = 6
    condition: int = 96  # width of what noise level and context become
    noise_level: float = 0.8


class FlowBlock(SteeredBlock):
    """A steered block, bar by bar, whose attention has a learnt bias by distance."""

    def __init__(self, width: int, heads: int, condition: int):
        super().__init__(width, heads, condition)
        self.distance = nn.Embedding(BUCKETS, heads)
        nn.init.zeros_(self.distance.weight)

    def among(self, x: Tensor, condition: Tensor, buckets: Tensor) -> Tensor:
        """x (n, B, width), condition (n, B, condition), buckets of pairs of bars (B, B): (n, B, width)."""
        return self(x, condition, self.distance(buckets).permute(2, 0, 1))


class PieceFlow(nn.Module):
    """The velocity field. center, scale: (k,), standardise bar vectors."""

    center: Tensor
    scale: Tensor

    def __init__(self, config: FlowConfig):
        super().__init__()
        self.config = c = config
        self.latent_in = nn.Linear(c.latent, c.width)
        self.source_in = nn.Linear(c.latent + 1, c.width)
        self.level_in = nn.Linear(c.condition, c.width)
        self.time = nn.Sequential(nn.Linear(c.condition, c.condition), nn.SiLU(), nn.Linear(c.condition, c.condition))
        self.told = Told(c.condition)
        self.blocks = nn.ModuleList(FlowBlock(c.width, c.heads, c.condition) for _ in range(c.layers))
        self.norm = nn.LayerNorm(c.width)
        self.out = nn.Linear(c.width, c.latent)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.register_buffer("center", torch.zeros(c.latent))
        self.register_buffer("scale", torch.ones(c.latent))

    def standardise(self, z: Tensor) -> Tensor:
        """Bar vectors (..., k) → what the flow works on."""
        return (z - self.center) / self.scale

    def restore(self, x: Tensor) -> Tensor:
        """The inverse of `standardise`."""
        return x * self.scale + self.center

    def velocity(self, x: Tensor, t: Tensor, context: Context) -> Tensor:
        """v(x_t, t): x (n, B, k) standardised, t (n, B) in [0, 1] → (n, B, k)."""
        time = self.time(time_features(t.flatten(), self.config.condition).to(x.dtype)).view(*t.shape, -1)
        condition = F.silu(time + self.told(context))
        source = of_source(torch.cat([x, 1 - t[..., None].to(x.dtype)], dim=-1), context.source)
        h = self.latent_in(x) + self.source_in(source) + self.level_in(condition)
        buckets = distance_buckets(x.shape[1]).to(x.device)
        for block in self.blocks:
            h = block.among(h, condition, buckets)
        return self.out(self.norm(h))

    def loss(self, x: Tensor, t: Tensor, context: Context, *, noise: Tensor, wanted: Tensor) -> Tensor:
        """Mean squared error of the velocity at wanted bars, bool (n, B); x, noise (n, B, k), x standardised; t (n, B)."""
        x_t = (1 - t[..., None]) * x + t[..., None] * noise
        error = ((self.velocity(x_t, t, context).float() - (noise - x)) ** 2).mean(-1)
        return (error * wanted).sum() / wanted.sum().clamp(min=1)
