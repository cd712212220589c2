"""A bank of decoded points: latent points with what they decode to, on which any rule can be scored in moments.

Every point is a noisy one, at the time prior.config.noise_level where the prior's draws stop and the decoder takes over; x is
standardised, as the prior works on it. Melodies are in canonical transposition (rules/transposition.py).

Inside: `Bank`, `make_bank`, `decoded`.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from musiclc.latent.fitting import Points
from musiclc.latent.search import GuideOptions, guided, noised
from musiclc.model.prior import FlowPrior
from musiclc.model.vae import MelodyVAE
from musiclc.music import tokens as tok
from musiclc.music.theory import PHRASE_METERS
from musiclc.rules import Rule
from musiclc.rules.transposition import transposed

GRID = 32  # a stored point lies on a grid of this many steps a unit, so that it fits an int8 a dimension
WIDE = 0.5  # most extra noise of the points that lie off the prior's own


@dataclass(frozen=True)
class Bank:
    """points: x (N, d), condition the meter's number. tokens: uint8 (N, 64), filled up with PAD."""

    points: Points
    tokens: np.ndarray

    def __len__(self) -> int:
        return len(self.tokens)

    def measures(self, rule: Rule, transposition: int = 0) -> Tensor:
        """The rule's measures of every melody, transposed by `transposition` semitones from canonical: float (N, m)."""
        measures = np.zeros((len(self), len(rule.measures)), np.float32)
        for number, name in enumerate(PHRASE_METERS):
            rows = np.flatnonzero(self.points.condition.numpy() == number)
            if len(rows):
                melodies = tok.unpad(self.tokens[rows], name)
                measures[rows] = rule.measure(transposed(melodies, np.full(len(rows), transposition)) if transposition else melodies, name)
        return torch.from_numpy(measures)

    def where(self, meter: str, most: int | None = None) -> np.ndarray:
        """Melodies in one meter, at most so many: tokens (n, T) without filling."""
        rows = np.flatnonzero(self.points.condition.numpy() == PHRASE_METERS.index(meter))[:most]
        return tok.unpad(self.tokens[rows], meter)

    def first(self, n: int) -> "Bank":
        """The first n points."""
        return Bank(Points(self.points.x[:n], self.points.condition[:n], self.points.t), self.tokens[:n])

    def joined(self, other: "Bank") -> "Bank":
        """Both, one after the other."""
        x, condition = (torch.cat([a, b]) for a, b in ((self.points.x, other.points.x), (self.points.condition, other.points.condition)))
        return Bank(Points(x, condition, self.points.t), np.concatenate([self.tokens, other.tokens]))


def on_grid(x: Tensor) -> Tensor:
    """Points rounded to what a bank can store."""
    return (x * GRID).round().clamp(-127, 127) / GRID


@torch.no_grad()
def decoded(vae: MelodyVAE, prior: FlowPrior, x: Tensor, meter: Tensor, chunk: int = 1000) -> Bank:
    """The bank of standardised points x (N, d), rounded to the grid first."""
    x, t = on_grid(x), prior.config.noise_level
    pairs = zip(x.split(chunk), meter.split(chunk), strict=True)
    tokens = [vae.decode(prior.restore(a), b, t=torch.full((len(a),), t)) for a, b in pairs]
    return Bank(Points(x, meter, t), torch.cat(tokens).numpy().astype(np.uint8))


@torch.no_grad()
def make_bank(vae: MelodyVAE, prior: FlowPrior, real: Points, size: int, seed: int, chunk: int = 1000) -> Bank:
    """A bank of `size` points: half noisy encodings of real melodies, a quarter draws of the prior, a quarter noisy encodings with extra noise.

    real: encodings x (M, d), not standardised, and their meters.
    """
    points, conditions = [], []
    for i in range(-(-size // chunk)):
        generator = torch.Generator().manual_seed(seed * 100_003 + i)
        rows = torch.randint(0, len(real.x), (chunk,), generator=generator)
        clean, meter = prior.standardise(real.x[rows]), real.condition[rows]
        noise = torch.randn(clean.shape, generator=generator)
        if i % 4 == 2:
            x = draw(prior, noise * (0.8 + 0.3 * torch.rand(chunk, 1, generator=generator)), meter)
        else:
            x = noised(clean, noise, torch.full((chunk,), prior.config.noise_level))
            extra = WIDE * torch.rand(chunk, 1, generator=generator) * torch.randn(clean.shape, generator=generator)
            x = x + extra if i % 4 == 3 else x
        points.append(x)
        conditions.append(meter)
    return decoded(vae, prior, torch.cat(points)[:size], torch.cat(conditions)[:size])


def draw(prior: FlowPrior, noise: Tensor, meter: Tensor) -> Tensor:
    """Draws of the prior at its t, from noise (n, d)."""
    options = GuideOptions(end=prior.config.noise_level)
    return guided(noise, torch.ones(len(noise)), lambda x, t: prior.velocity(x, t, meter), None, options)
