"""The flow-matching prior over bar vectors: what realism means, and how to draw from it.

A transformer over the four bar vectors learns the velocity of straight paths between noise and encodings of melodies in canonical
transposition (Lipman et al. 2023; rectified flow, Liu et al. 2023). With x an encoding's mean, standardised per dimension, and ε standard normal:
x_t = (1 − t)·x + t·ε, and v(x_t, t) is trained towards ε − x. So x_t − t·v is the clean point that v sees in x_t.

Time and meter steer every block by a scale and shift of its normalised input (FiLM, as DiT: Peebles and Xie 2023).

Inside: `PriorConfig`, `FlowPrior` with `velocity`, `loss`, `realism`.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musiclc.model.vae import time_features
from musiclc.music.melody import PHRASE_BARS
from musiclc.music.theory import PHRASE_METERS

QUANTILES = 101


@dataclass(frozen=True)
class PriorConfig:
    """Sizes. latent: dimensions a bar, as the VAE's. noise_level: the time t at which a draw stops and is decoded."""

    latent: int = 48
    width: int = 320
    heads: int = 5
    layers: int = 5
    condition: int = 64  # width of what time and meter become
    noise_level: float = 0.5


class SteeredBlock(nn.Module):
    """A transformer block whose normalised inputs are scaled and shifted by a condition, (n, 1 or B, condition): (n, B, width) → the same.

    bias: (heads, B, B), added to the weights of attention.
    """

    def __init__(self, width: int, heads: int, condition: int):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.steer = nn.Linear(condition, 4 * width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))
        for last in (self.project, self.mlp[-1]):  # every block starts as the identity
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, x: Tensor, condition: Tensor, bias: Tensor | None = None) -> Tensor:
        n, bars, width = x.shape
        scale1, shift1, scale2, shift2 = self.steer(condition).chunk(4, dim=-1)
        h = self.norm(x) * (1 + scale1) + shift1
        q, k, v = self.qkv(h).view(n, bars, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        weights = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5  # for four bars faster than torch's fused attention
        attended = (weights if bias is None else weights + bias).softmax(-1).to(v.dtype) @ v
        x = x + self.project(attended.transpose(1, 2).reshape(n, bars, width))
        return x + self.mlp(self.norm(x) * (1 + scale2) + shift2)


class FlowPrior(nn.Module):
    """The velocity field, with what else of real melodies the sampler needs.

    center, scale: (d,), standardise latent points. real_nll: quantiles of `MelodyVAE.nll_per_note` of held-out phrases.
    """

    center: Tensor
    scale: Tensor
    real_nll: Tensor

    def __init__(self, config: PriorConfig):
        super().__init__()
        self.config = c = config
        self.latent_in = nn.Linear(c.latent, c.width)
        self.place = nn.Parameter(0.02 * torch.randn(PHRASE_BARS, c.width))
        self.time = nn.Sequential(nn.Linear(c.condition, c.condition), nn.SiLU(), nn.Linear(c.condition, c.condition))
        self.meter = nn.Embedding(len(PHRASE_METERS), c.condition)
        self.blocks = nn.ModuleList(SteeredBlock(c.width, c.heads, c.condition) for _ in range(c.layers))
        self.norm = nn.LayerNorm(c.width)
        self.out = nn.Linear(c.width, c.latent)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.register_buffer("center", torch.zeros(PHRASE_BARS * c.latent))
        self.register_buffer("scale", torch.ones(PHRASE_BARS * c.latent))
        self.register_buffer("real_nll", torch.zeros(QUANTILES))

    def standardise(self, z: Tensor) -> Tensor:
        """Latent points (n, d) → what the flow works on."""
        return (z - self.center) / self.scale

    def restore(self, x: Tensor) -> Tensor:
        """The inverse of `standardise`."""
        return x * self.scale + self.center

    def velocity(self, x: Tensor, t: Tensor, meter: Tensor) -> Tensor:
        """v(x_t, t): x (n, d) standardised, t (n,) in [0, 1], meter int (n,) → (n, d)."""
        condition = F.silu(self.time(time_features(t, self.config.condition).to(self.place.dtype)) + self.meter(meter))
        h = self.latent_in(x.view(len(x), PHRASE_BARS, -1)) + self.place
        for block in self.blocks:
            h = block(h, condition[:, None])
        return self.out(self.norm(h)).flatten(1)

    def loss(self, z: Tensor, meter: Tensor, *, noise: Tensor, t: Tensor) -> Tensor:
        """Mean squared error of the velocity; z, noise (n, d), t (n,)."""
        x = self.standardise(z)
        x_t = (1 - t[:, None]) * x + t[:, None] * noise
        return F.mse_loss(self.velocity(x_t, t, meter).float(), noise - x)

    def realism(self, nll: float) -> float:
        """Share of real held-out phrases with a larger negative log-likelihood per note than `nll`: in [0, 1], 1 for the likeliest."""
        return 1 - float(np.interp(nll, self.real_nll.numpy(), np.linspace(0, 1, QUANTILES)))

    def nll_of(self, realism: float) -> float:
        """The inverse of `realism`: the negative log-likelihood per note that a share `realism` of real held-out phrases exceeds; infinite for 0."""
        if realism <= 0:
            return math.inf
        return float(np.interp(1 - realism, np.linspace(0, 1, QUANTILES), self.real_nll.numpy()))
