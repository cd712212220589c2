"""Fitting the large networks: data in, fitted module and the state it ended in out, progress by callback. No files.

(The small ones: latent/fitting.py; the loop of both: latent/descent.py.) Every fit runs on Lightning Fabric, so that the same call
runs on one CPU in bfloat16, on a GPU, or on several nodes. The batch of step s on process r depends on (seed, s, r) alone, and `FitState` holds
all the rest; so a resumed fit goes on as if it had never stopped. Torch's global generator stays as it is.

Inside: `FitOptions`, `TrainingWindows`, `Trainer`, `fit_vae`, `fit_decoder`, `fit_prior`, `measure_real`, `encode_all`.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from musiclc.latent.descent import Descent, FitState, Schedule, generator_of, seeded
from musiclc.model.prior import QUANTILES, FlowPrior, PriorConfig
from musiclc.model.vae import MelodyVAE, VAEConfig
from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS
from musiclc.rules.transposition import canonical_transpositions

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from musiclc.training.corpus import Dataset

ENCODER_PARTS = ("tokens", "bar_in", "encoder", "mean", "std")  # of MelodyVAE; the decoder reads the token embedding as well
RISE = 100  # steps in which the learning rate rises
MIN_SCALE = 0.3  # least standard deviation by which the prior divides a latent dimension

Loss = Callable[[Any, int, torch.Generator], tuple[Tensor, dict[str, float]]]  # wrapped model, step, generator → loss, figures to report
OnStep = Callable[[FitState, dict[str, float]], None]


@dataclass(frozen=True)
class FitOptions:
    """How to fit. steps, batch: of the optimiser. beta: weight of the KL term, reached after `warm_share` of the steps.

    drop: share of tokens the decoder does not get to see. noise_level: most noise that `fit_decoder` mixes in.
    average: decay of the moving average of weights that is kept.
    """

    steps: int
    batch: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    beta: float = 0.1
    warm_share: float = 0.25
    drop: float = 0.3
    noise_level: float = 0.8
    average: float = 0.999
    max_gradient: float = 10.0
    seed: int = 0

    @property
    def schedule(self) -> Schedule:
        """What the loop needs to know."""
        return Schedule(self.steps, self.learning_rate, self.weight_decay, self.average, RISE, self.max_gradient)


class TrainingWindows:
    """One split of a dataset, transposed at random as it is drawn, over all twelve keys and sometimes by an octave more.

    canonical: bring each window to its canonical transposition (rules/transposition.py), the one that the prior knows, instead.
    """

    def __init__(self, dataset: "Dataset", split: str, canonical: bool = False):
        rows = dataset.where(split)
        self.canonical = canonical
        self.tokens, self.meter = dataset.tokens[rows], dataset.meter[rows]
        if canonical:
            silent = np.where(self.tokens == tok.PAD, tok.REST, self.tokens)
            self.tokens = tok.transpose(self.tokens, canonical_transpositions(silent))
        pitched = (self.tokens >= tok.FIRST_ONSET) & (self.tokens < tok.PAD)
        self.room_down = np.where(pitched, self.tokens, tok.PAD).min(1).astype(int) - tok.FIRST_ONSET
        self.room_up = tok.VOCABULARY - 1 - np.where(pitched, self.tokens, 0).max(1).astype(int)

    def __len__(self) -> int:
        return len(self.tokens)

    def rows(self, n: int, *key: int) -> np.ndarray:
        """n indices of windows, drawn by the random key."""
        return np.random.default_rng(key).integers(0, len(self.tokens), n)

    def draw(self, n: int, *key: int) -> tuple[Tensor, Tensor]:
        """n windows: tokens int64 (n, T) and meter (n,), drawn by the random key."""
        rows = self.rows(n, *key)
        if self.canonical:
            return torch.from_numpy(self.tokens[rows].astype(np.int64)), torch.from_numpy(self.meter[rows].astype(np.int64))
        random = np.random.default_rng((*key, 1))
        shift = random.integers(-6, 6, n) + random.choice([-12, 0, 12], n, p=[0.1, 0.8, 0.1])
        shift = np.clip(shift, -self.room_down[rows], self.room_up[rows])
        tokens = tok.transpose(self.tokens[rows].astype(np.int64), shift)
        return torch.from_numpy(tokens), torch.from_numpy(self.meter[rows].astype(np.int64))


@dataclass(frozen=True)
class Trainer:
    """Runs fits. fabric: where, and how wide. state: where a stopped fit of the same kind stood. on_step: told after each step."""

    fabric: "Fabric"
    state: FitState | None = None
    on_step: OnStep | None = None

    def fit(self, model: nn.Module, loss: Loss, options: FitOptions, method: str = "loss") -> FitState:
        """Fit in place; `model` ends with the averaged weights. method: the model's own that `loss` calls."""
        descent = Descent(model, options.schedule, self.fabric, self.state)
        descent.wrapped.mark_forward_method(method)
        figures: dict[str, float] = {}

        def of_step(step: int) -> Tensor:
            value, now = loss(descent.wrapped, step, generator_of(options.seed, step, self.fabric.global_rank))
            figures.update(now)
            return value

        on_step = self.on_step
        descent.run(of_step, (lambda d: on_step(d.state(), {"step": d.step, **figures})) if on_step else None)
        return descent.state()


def fit_vae(data: TrainingWindows, start: VAEConfig | MelodyVAE, options: FitOptions, trainer: Trainer) -> tuple[MelodyVAE, FitState]:
    """A VAE fitted to `data`, with the averaged weights, and the state the fit ended in. start: its sizes, or a VAE to go on from."""
    fabric = trainer.fabric
    with seeded(options.seed):
        model = (MelodyVAE(start) if isinstance(start, VAEConfig) else copy.deepcopy(start)).requires_grad_(True)

    def loss(wrapped: Any, step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        tokens, meter = data.draw(options.batch, options.seed, step, fabric.global_rank)
        noise = torch.randn(options.batch, model.dimensions, generator=generator)
        dropped = torch.rand(tokens.shape, generator=generator) < options.drop
        tensors = fabric.to_device((tokens, meter, noise, dropped))
        reconstruction, kl = wrapped.loss(tensors[0], tensors[1], noise=tensors[2], dropped=tensors[3])
        beta = options.beta * min(1.0, (step + 1) / (options.warm_share * options.steps + 1))
        return reconstruction + beta * kl, {"reconstruction": reconstruction.item(), "kl": kl.item(), "beta": beta}

    return model, trainer.fit(model, loss, options)


def fit_decoder(
    data: TrainingWindows, canonical: TrainingWindows, vae: MelodyVAE, options: FitOptions, trainer: Trainer
) -> tuple[MelodyVAE, FitState]:
    """The VAE with its encoder kept and its decoder fitted further: to encodings with their own noise, half of each batch, drawn
    from `data`; and to encodings of windows in canonical transposition, noisy by up to options.noise_level on the way to the prior's noise.
    """
    fabric, half = trainer.fabric, options.batch // 2
    model = _decoder_only(vae)
    center, scale = latent_scale(model, canonical, options.seed)
    encodings, meters = encode_all(model, canonical)

    def loss(wrapped: Any, step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        tokens, meter = data.draw(half, options.seed, step, fabric.global_rank)
        mean, std = _encode(model, *fabric.to_device((tokens, meter)))
        rows = torch.from_numpy(canonical.rows(half, options.seed, step, fabric.global_rank, 1))
        noise = torch.randn(2 * half, model.dimensions, generator=generator)
        t = torch.cat([torch.zeros(half), options.noise_level * torch.rand(half, generator=generator)])
        noisy = (1 - t[half:, None]) * encodings[rows] + t[half:, None] * (center + scale * noise[half:])
        z = torch.cat([mean.float() + std.float() * fabric.to_device(noise[:half]), fabric.to_device(noisy)])
        both = torch.cat([tokens, torch.from_numpy(canonical.tokens[rows].astype(np.int64))])
        dropped = torch.rand(both.shape, generator=generator) < options.drop
        tensors = fabric.to_device((torch.cat([meter, meters[rows]]), t, both, dropped))
        value = wrapped.spelling_loss(z, *tensors)
        return value, {"reconstruction": value.item()}

    return model, trainer.fit(model, loss, options, "spelling_loss")


def _decoder_only(vae: MelodyVAE) -> MelodyVAE:
    """A copy of which only the decoder is to be fitted."""
    model = copy.deepcopy(vae).eval()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(ENCODER_PARTS))
    return model


def fit_prior(
    data: TrainingWindows, held_out: TrainingWindows, vae: MelodyVAE, start: PriorConfig | FlowPrior, options: FitOptions, trainer: Trainer
) -> tuple[FlowPrior, FitState]:
    """A flow prior fitted to the VAE's encoder means of `data`, in canonical transposition; `held_out` says how likely real windows are.

    start: its sizes, or a prior of the same VAE to go on from.
    """
    fabric = trainer.fabric
    vae = fabric.to_device(vae.eval())
    prior = _new_prior(start, data, vae, options) if isinstance(start, PriorConfig) else copy.deepcopy(start).requires_grad_(True)
    encodings, meters = encode_all(vae, data)

    def loss(wrapped: Any, step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = torch.from_numpy(data.rows(options.batch, options.seed, step, fabric.global_rank))
        points, meter = fabric.to_device((encodings[rows], meters[rows]))
        noise = torch.randn(points.shape, generator=generator)
        t = torch.sigmoid(torch.randn(len(points), generator=generator))  # logit-normal: the middle of the path is the hard part (Esser et al. 2024)
        error = wrapped.loss(points, meter, noise=fabric.to_device(noise), t=fabric.to_device(t))
        return error, {"error": error.item()}

    end = trainer.fit(prior, loss, options)
    measure_real(prior, vae, held_out, options.seed)
    return prior, end


@torch.no_grad()
def measure_real(prior: FlowPrior, vae: MelodyVAE, held_out: TrainingWindows, seed: int) -> None:
    """Tell the prior, in place, how likely the VAE finds held-out phrases: what `FlowPrior.realism` compares with."""
    tokens, meter = (part.to(prior.real_nll.device) for part in held_out.draw(2000, seed, 0, 1 << 21))
    prior.real_nll.copy_(torch.quantile(vae.nll_per_note(tokens, meter), torch.linspace(0, 1, QUANTILES)))


def encode_all(vae: MelodyVAE, data: TrainingWindows, chunk: int = 2000) -> tuple[Tensor, Tensor]:
    """Encoder means (N, d) and meters (N,) of all windows, which are in canonical transposition and so need encoding only once."""
    device = next(vae.parameters()).device
    tokens, meters = torch.from_numpy(data.tokens), torch.from_numpy(data.meter).long()
    pairs = zip(tokens.split(chunk), meters.split(chunk), strict=True)
    return torch.cat([_encode(vae, a.long().to(device), b.to(device))[0].cpu() for a, b in pairs]), meters


def _new_prior(config: PriorConfig, data: TrainingWindows, vae: MelodyVAE, options: FitOptions) -> FlowPrior:
    with seeded(options.seed):
        prior = FlowPrior(config)
    center, scale = latent_scale(vae, data, options.seed)
    prior.center.copy_(center)
    prior.scale.copy_(scale)
    return prior


def latent_scale(vae: MelodyVAE, data: TrainingWindows, seed: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (d,) of encodings, the same for every bar: the unit of the prior's noise."""
    z, _ = _encode(vae, *data.draw(8192, seed, 0, 1 << 20))
    center = z.mean(0).view(PHRASE_BARS, -1).mean(0)
    # a dimension that the VAE hardly uses stays small, so that the flow need not learn its every wiggle
    scale = z.view(-1, len(center)).std(0).clamp(min=MIN_SCALE)
    return center.repeat(PHRASE_BARS), scale.repeat(PHRASE_BARS)


@torch.no_grad()
def _encode(vae: MelodyVAE, tokens: Tensor, meter: Tensor) -> tuple[Tensor, Tensor]:
    return vae.encode(tokens, meter)
