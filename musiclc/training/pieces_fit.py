"""Fitting the networks of whole pieces: the bar VAE, then its decoder on noisy vectors, and the flow over bars. As fit.py: no files here.

The decoder's fit and the flow's need nothing of one another, so that they can run side by side once the encoder stands.

Inside: `fit_bars`, `fit_writer`, `fit_flow`, `bar_scale`.
"""

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor

from musiclc.latent.descent import FitState, seeded
from musiclc.model.bars import BarConfig, BarVAE
from musiclc.model.flow import FlowConfig, PieceFlow
from musiclc.training.fit import MIN_SCALE, FitOptions, Trainer
from musiclc.training.pieces import PieceData, wanted_bars, with_returns

ENCODER_PARTS = ("tokens", "bar_in", "mean", "std")
WARM_POWER = 3  # the KL term's weight rises so slowly at first that the vectors have come to mean something when it is felt
FORGOTTEN = 1.0, 0.1  # share of pieces whose memory is hidden, when the VAE and when its decoder is fitted
OWN_LEVEL = 0.2  # share of pieces each of whose wanted bars has a noise level of its own
WRITER_POWER = 0.6  # the writer's noise levels are uniform ones to this power: more of them lie where draws stop
GIVEN_NOISY, GIVEN_NOISE = 0.2, 0.45  # share of pieces whose given bars hold some noise, and how much at most


def fit_bars(data: PieceData, start: BarConfig | BarVAE, options: FitOptions, trainer: Trainer) -> tuple[BarVAE, FitState]:
    """A bar VAE fitted to whole tunes in all keys. options.batch: bars a step."""
    move = trainer.fabric.to_device
    with seeded(options.seed):
        model = (BarVAE(start) if isinstance(start, BarConfig) else copy.deepcopy(start)).requires_grad_(True)

    def loss(wrapped: Any, step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        key = (options.seed, step, trainer.fabric.global_rank)
        random = np.random.default_rng((*key, 2))
        batch = data.draw(options.batch, *key, canonical=step % 2 == 0)
        context = with_returns(batch, np.ones(batch.tokens.shape[:2], bool), random)
        noise = torch.randn(*batch.tokens.shape[:2], model.config.latent, generator=generator)
        dropped = torch.rand(batch.tokens.shape, generator=generator) < options.drop
        forgotten = torch.rand(len(noise), generator=generator) < FORGOTTEN[0]
        tokens, noise, dropped, forgotten = move((batch.tokens, noise, dropped, forgotten))
        spelled, kl = wrapped.loss(tokens, context.to(move), noise=noise, dropped=dropped, forgotten=forgotten)
        beta = options.beta * min(1.0, (step + 1) / (options.warm_share * options.steps + 1)) ** WARM_POWER
        return spelled + beta * kl, {"reconstruction": spelled.item(), "kl": kl.item(), "beta": beta}

    return model, trainer.fit(model, loss, options)


def fit_writer(data: PieceData, vae: BarVAE, flow: PieceFlow, options: FitOptions, trainer: Trainer) -> tuple[BarVAE, FitState]:
    """The VAE with its encoder kept and its decoder fitted to noisy vectors among given ones, in the flow's unit of noise."""
    model, move = copy.deepcopy(vae).eval(), trainer.fabric.to_device
    center, scale = move((flow.center, flow.scale))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(ENCODER_PARTS))

    def loss(wrapped: Any, step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        key = (options.seed, step, trainer.fabric.global_rank)
        random = np.random.default_rng((*key, 2))
        batch = data.draw(options.batch, *key, canonical=step % 4 > 0)
        wanted = wanted_bars(len(batch.tokens), batch.context.bars, random)
        context = with_returns(batch, wanted, random)
        tokens = move(batch.tokens)
        with torch.no_grad():
            mean, std = model.encode(tokens)
        noise = torch.randn(mean.shape, generator=generator)
        t = options.noise_level * _levels(wanted, random, 1.0) ** WRITER_POWER
        t = t * torch.from_numpy(random.random(len(t)) >= 0.15).float()[:, None]  # of some pieces all bars are clean
        dropped = torch.rand(tokens.shape, generator=generator) < options.drop
        forgotten = torch.rand(len(noise), generator=generator) < FORGOTTEN[1]
        noise, t, seen = move((noise, t, {"dropped": dropped, "forgotten": forgotten, "wanted": torch.from_numpy(wanted)}))
        far = t[..., None]
        z = torch.where(far > 0, (1 - far) * mean + far * (center + scale * noise), mean + std * noise)
        value = wrapped.spelling_loss(z, t, tokens, context.to(move), clean=mean, **seen)
        clean, noisy = (t == 0).float(), (t > 0).float()
        return value.mean(), {
            "clean": ((value * clean).sum() / clean.sum().clamp(min=1)).item(),
            "noisy": ((value * noisy).sum() / noisy.sum().clamp(min=1)).item(),
        }

    return model, trainer.fit(model, loss, options, "spelling_loss")


def fit_flow(data: PieceData, vae: BarVAE, start: PieceFlow, options: FitOptions, trainer: Trainer) -> tuple[PieceFlow, FitState]:
    """A flow over the bars of whole tunes in canonical transposition, from `start`, which has its standardisation (`bar_scale`)."""
    flow, move = copy.deepcopy(start).requires_grad_(True), trainer.fabric.to_device
    vae = move(vae.eval())

    def loss(wrapped: Any, step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        key = (options.seed, step, trainer.fabric.global_rank)
        random = np.random.default_rng((*key, 2))
        batch = data.draw(options.batch, *key)
        wanted = wanted_bars(len(batch.tokens), batch.context.bars, random)
        context = with_returns(batch, wanted, random)
        with torch.no_grad():
            x = flow.standardise(vae.encode(move(batch.tokens))[0])
        noise = torch.randn(x.shape, generator=generator)
        t = _levels(wanted, random, 1.0, logistic=True)
        noise, t, asked = move((noise, t, torch.from_numpy(wanted)))
        error = wrapped.loss(x, t, context.to(move), noise=noise, wanted=asked)
        return error, {"error": error.item()}

    return flow, trainer.fit(flow, loss, options)


def _levels(wanted: np.ndarray, random: np.random.Generator, most: float, logistic: bool = False) -> Tensor:
    """Noise levels (n, B): of wanted bars the same in a piece, or each its own; of given ones none, or a little."""
    n, bars = wanted.shape
    own = random.random((n, bars)), random.random((n, 1))
    if logistic:  # the middle of the path is the hard part (Esser et al. 2024)
        own = tuple(1 / (1 + np.exp(-random.standard_normal(part.shape))) for part in own)  # type: ignore[assignment]
    level = most * np.where(random.random((n, 1)) < OWN_LEVEL, own[0], own[1])
    little = np.where(random.random((n, 1)) < GIVEN_NOISY, GIVEN_NOISE * random.random((n, 1)), 0.0)
    return torch.from_numpy(np.where(wanted, level, np.minimum(little, level))).float()


@torch.no_grad()
def bar_scale(data: PieceData, vae: BarVAE, config: FlowConfig, seed: int) -> PieceFlow:
    """A new flow that knows mean and standard deviation of bar vectors."""
    with seeded(seed):
        flow = PieceFlow(config)
    z = torch.cat([vae.encode(data.draw(2048, seed, step, 1 << 20).tokens)[0].flatten(0, 1) for step in range(20)])
    flow.center.copy_(z.mean(0))
    flow.scale.copy_(z.std(0).clamp(min=MIN_SCALE))
    return flow
