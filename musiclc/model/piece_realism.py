"""The realism critic of whole pieces: it reads written notes, and says how likely they are to stand in a real tune.

Engel et al. 2018 (§3.1) teach a critic to tell encodings of real data from points of the prior. Here it judges what was *written*: the bars of
a piece, encoded again, with a few counts that the encoder does not show, and the features of the whole (rules/features.py), among them how
many motifs come again. What is plainer than real tunes gives itself away as much as
what is odder: so its odds are a measure of typicality, two-sided, where a likelihood would call the plainest the most real.

Inside: `PieceRealism`, `whole_features`, `counts`.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from musiclc.model.bars import AroundBlock
from musiclc.model.context import Context, Told, distance_buckets
from musiclc.model.recall import last_pitch
from musiclc.music.theory import METER_NAMES
from musiclc.music.tokens import FIRST_ONSET, HOLD, PAD, REST
from musiclc.rules.features import FEATURES, features

COUNTS = 8
FARTHEST = 5.0  # standard deviations: features farther from the mean count as this far
QUANTILES = 101


@dataclass(frozen=True)
class PieceRealismConfig:
    """Sizes. latent: dimensions a bar, as the VAE's."""

    latent: int = 40
    width: int = 128
    heads: int = 4
    layers: int = 2
    features: int = FEATURES


class PieceRealism(nn.Module):
    """Bars, their vectors and context → log odds of being real. real: quantiles of those odds for held-out tunes.

    center, scale: (features,), standardise the features of a whole piece.
    """

    real: Tensor
    center: Tensor
    scale: Tensor

    def __init__(self, config: PieceRealismConfig):
        super().__init__()
        self.config = c = config
        self.latent_in = nn.Linear(c.latent + COUNTS, c.width)
        self.told = Told(c.width)
        self.blocks = nn.ModuleList(AroundBlock(c.width, c.heads) for _ in range(c.layers))
        self.whole = nn.Sequential(nn.Linear(c.features, c.width), nn.GELU())
        self.norm = nn.LayerNorm(3 * c.width)
        self.out = nn.Sequential(nn.Linear(3 * c.width, c.width), nn.GELU(), nn.Linear(c.width, 1))
        self.register_buffer("center", torch.zeros(c.features))
        self.register_buffer("scale", torch.ones(c.features))
        self.register_buffer("real", torch.linspace(-1, 1, QUANTILES))

    def forward(self, x: Tensor, tokens: Tensor, context: Context) -> Tensor:
        """Standardised clean vectors x (n, B, k) of tokens (n, B, S): log odds (n,). Returns are not told."""
        told = self.told(context.without_returns())
        h = self.latent_in(torch.cat([x, counts(tokens)], dim=-1)) + told
        buckets = distance_buckets(x.shape[1])
        for block in self.blocks:
            h = block(h, buckets)
        found = (whole_features(tokens, context)[:, : self.config.features] - self.center) / self.scale  # newer features stand at the end
        pooled = torch.cat([h.mean(1), h.amax(1), self.whole(found.clamp(-FARTHEST, FARTHEST))], dim=-1)
        return self.out(self.norm(pooled))[:, 0].float()

    def realism(self, odds: Tensor) -> Tensor:
        """Share of held-out tunes whose odds are smaller, in [0, 1]."""
        return torch.searchsorted(self.real, odds.contiguous()).float() / QUANTILES


def whole_features(tokens: Tensor, context: Context) -> Tensor:
    """The features of pieces (n, B, S) in one meter: float (n, FEATURES)."""
    return torch.from_numpy(features(tokens.flatten(1).numpy().astype(np.uint8), METER_NAMES[int(context.meter[0])]))


def counts(tokens: Tensor) -> Tensor:
    """Of each bar of tokens (n, B, S): shares of onsets, holds and rests, moves by step and by leap, repeated pitches, distinct pitches, onsets off
    the quarter: (n, B, 8)."""
    steps = tokens.shape[2]
    onset = (tokens >= FIRST_ONSET) & (tokens < PAD)
    flat, there = tokens.flatten(1), onset.flatten(1)
    last = last_pitch(flat)
    move = (flat - last).abs() * there * (last > HOLD)
    step, leap = ((move >= 1) & (move <= 2)), (move > 4)
    again = there & (last > HOLD) & (move == 0)
    pitch = torch.where(onset, tokens, torch.zeros_like(tokens)).sort(-1).values
    distinct = ((pitch[..., 1:] != pitch[..., :-1]) & (pitch[..., 1:] > 0)).sum(-1)
    off = onset & (torch.arange(steps) % 4 != 0)
    per_bar = [onset, tokens == HOLD, tokens == REST, step.view_as(onset), leap.view_as(onset), again.view_as(onset), off]
    shares = [part.float().mean(-1) for part in per_bar]
    return torch.stack([*shares, distinct.float() / steps], dim=-1) * 4
