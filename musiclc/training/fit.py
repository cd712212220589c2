"""Fitting the large networks: data in, fitted module and history out, progress by callback. No files. (The small ones: fitting.py.)

Every fit runs on Lightning Fabric, so that the same call runs on one CPU in bfloat16, on a GPU, or on several nodes. The batch
of step s on process r depends on (seed, s, r) alone, and `FitState` holds all the rest; so a resumed fit goes on as if it had
never stopped.

Inside: `FitOptions`, `FitState`, `TrainingWindows`, `fit_vae`, `fit_decoder`, `fit_prior`, `encode_all`, and the loop they share, `run`.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from musiclc.model.checkpoint import FitState
from musiclc.model.prior import QUANTILES, FlowPrior, PriorConfig
from musiclc.model.vae import MelodyVAE, VAEConfig
from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS
from musiclc.rules.transposition import canonical_transpositions

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from musiclc.training.corpus import Dataset

ENCODER_PARTS = ("tokens", "bar_in", "encoder", "mean", "std")  # of MelodyVAE; the decoder reads the token embedding as well
MIN_SCALE = 0.3  # least standard deviation by which the prior divides a latent dimension

OnStep = Callable[["FitState", dict[str, float]], None]


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


class TrainingWindows:
    """One split of a dataset, transposed at random as it is drawn, over all twelve keys and sometimes by an octave more.

    home: leave the windows where the prior knows them (home.py) instead.
    """

    def __init__(self, dataset: "Dataset", split: str, home: bool = False):
        rows = dataset.where(split)
        self.home = home
        self.tokens, self.meter = dataset.tokens[rows], dataset.meter[rows]
        if home:
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
        if self.home:
            return torch.from_numpy(self.tokens[rows].astype(np.int64)), torch.from_numpy(self.meter[rows].astype(np.int64))
        random = np.random.default_rng((*key, 1))
        shift = random.integers(-6, 6, n) + random.choice([-12, 0, 12], n, p=[0.1, 0.8, 0.1])
        shift = np.clip(shift, -self.room_down[rows], self.room_up[rows])
        tokens = tok.transpose(self.tokens[rows].astype(np.int64), shift)
        return torch.from_numpy(tokens), torch.from_numpy(self.meter[rows].astype(np.int64))


def fit_vae(
    data: TrainingWindows,
    start: VAEConfig | MelodyVAE,
    options: FitOptions,
    *,
    fabric: "Fabric",
    state: FitState | None = None,
    on_step: OnStep | None = None,
) -> tuple[MelodyVAE, FitState]:
    """A VAE fitted to `data`, with the averaged weights, and the state the fit ended in. start: its sizes, or a VAE to go on from."""
    torch.manual_seed(options.seed)
    model = (MelodyVAE(start) if isinstance(start, VAEConfig) else copy.deepcopy(start)).requires_grad_(True)

    def loss(wrapped: Any, step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        tokens, meter = data.draw(options.batch, options.seed, step, fabric.global_rank)
        noise = torch.randn(options.batch, model.dimensions, generator=generator)
        dropped = torch.rand(tokens.shape, generator=generator) < options.drop
        tensors = fabric.to_device((tokens, meter, noise, dropped))
        reconstruction, kl = wrapped.loss(tensors[0], tensors[1], noise=tensors[2], dropped=tensors[3])
        beta = options.beta * min(1.0, (step + 1) / (options.warm_share * options.steps + 1))
        return reconstruction + beta * kl, {"reconstruction": reconstruction.item(), "kl": kl.item(), "beta": beta}

    end = run(model, loss, options, fabric, state, on_step)
    return model, end


def fit_decoder(
    data: TrainingWindows,
    home: TrainingWindows,
    vae: MelodyVAE,
    options: FitOptions,
    *,
    fabric: "Fabric",
    state: FitState | None = None,
    on_step: OnStep | None = None,
) -> tuple[MelodyVAE, FitState]:
    """The VAE with its encoder kept and its decoder fitted further: to encodings with their own noise, half of each batch, drawn
    from `data`; and to encodings of windows at `home`, noisy by up to options.noise_level on the way to the prior's noise.
    """
    torch.manual_seed(options.seed)
    model = copy.deepcopy(vae).eval()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(ENCODER_PARTS))
    center, scale = latent_scale(model, home, options.seed)
    encodings, meters = encode_all(model, home)
    half = options.batch // 2

    def loss(wrapped: Any, step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        tokens, meter = data.draw(half, options.seed, step, fabric.global_rank)
        mean, std = _encode(model, *fabric.to_device((tokens, meter)))
        rows = torch.from_numpy(home.rows(half, options.seed, step, fabric.global_rank, 1))
        noise = torch.randn(2 * half, model.dimensions, generator=generator)
        t = torch.cat([torch.zeros(half), options.noise_level * torch.rand(half, generator=generator)])
        noisy = (1 - t[half:, None]) * encodings[rows] + t[half:, None] * (center + scale * noise[half:])
        z = torch.cat([mean.float() + std.float() * fabric.to_device(noise[:half]), fabric.to_device(noisy)])
        both = torch.cat([tokens, torch.from_numpy(home.tokens[rows].astype(np.int64))])
        dropped = torch.rand(both.shape, generator=generator) < options.drop
        tensors = fabric.to_device((torch.cat([meter, meters[rows]]), t, both, dropped))
        value = wrapped.spelling_loss(z, *tensors)
        return value, {"reconstruction": value.item()}

    return model, run(model, loss, options, fabric, state, on_step)


def fit_prior(
    data: TrainingWindows,
    held_out: TrainingWindows,
    vae: MelodyVAE,
    start: PriorConfig | FlowPrior,
    options: FitOptions,
    *,
    fabric: "Fabric",
    state: FitState | None = None,
    on_step: OnStep | None = None,
) -> tuple[FlowPrior, FitState]:
    """A flow prior fitted to the VAE's encoder means of `data`, windows at home; `held_out` says how likely real ones are.

    start: its sizes, or a prior of the same VAE to go on from.
    """
    torch.manual_seed(options.seed)
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

    end = run(prior, loss, options, fabric, state, on_step)
    measure_real(prior, vae, held_out, options.seed)
    return prior, end


@torch.no_grad()
def measure_real(prior: FlowPrior, vae: MelodyVAE, held_out: TrainingWindows, seed: int) -> None:
    """Tell the prior, in place, how likely the VAE finds held-out phrases: what `FlowPrior.realism` compares with."""
    tokens, meter = (part.to(prior.real_nll.device) for part in held_out.draw(2000, seed, 0, 1 << 21))
    prior.real_nll.copy_(torch.quantile(vae.nll_per_note(tokens, meter), torch.linspace(0, 1, QUANTILES)))


def encode_all(vae: MelodyVAE, data: TrainingWindows, chunk: int = 2000) -> tuple[Tensor, Tensor]:
    """Encoder means (N, d) and meters (N,) of all windows, which stand at home and so need encoding only once."""
    device = next(vae.parameters()).device
    tokens, meters = torch.from_numpy(data.tokens), torch.from_numpy(data.meter).long()
    pairs = zip(tokens.split(chunk), meters.split(chunk), strict=True)
    return torch.cat([_encode(vae, a.long().to(device), b.to(device))[0].cpu() for a, b in pairs]), meters


def _new_prior(config: PriorConfig, data: TrainingWindows, vae: MelodyVAE, options: FitOptions) -> FlowPrior:
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


def run(model: nn.Module, loss: Callable, options: FitOptions, fabric: Any, state: FitState | None, on_step: OnStep | None) -> FitState:
    """The loop: AdamW, a cosine rate after a short rise, a moving average of the weights.

    loss: (wrapped model, step, generator) → (loss, figures to report). `model` ends with the averaged weights.
    """
    state = state or FitState()
    optimizer: Any = torch.optim.AdamW(
        model.parameters(), lr=options.learning_rate, betas=(0.9, 0.98), weight_decay=options.weight_decay, foreach=True
    )
    wrapped, optimizer = fabric.setup(model, optimizer)
    wrapped.mark_forward_method("loss")
    _restore(model, optimizer, state)
    average = {k: v.detach().clone().to(fabric.device) for k, v in (state.average or dict(model.named_parameters())).items()}
    model.train()
    for step in range(state.step, options.steps):
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate * _rate(step, options.steps)
        with fabric.autocast():  # on one device Fabric runs a marked method as it is, outside its precision
            value, figures = loss(wrapped, step, _generator(options.seed, step, fabric.global_rank))
        optimizer.zero_grad()
        fabric.backward(value)
        nn.utils.clip_grad_norm_(model.parameters(), options.max_gradient)
        optimizer.step()
        parameters = dict(model.named_parameters())
        decay = min(options.average, (step + 1) / (step + 10))
        torch._foreach_lerp_([average[k] for k in parameters], [p.detach() for p in parameters.values()], 1 - decay)
        if on_step:
            now = FitState(step + 1, model.state_dict(), average, _flatten(optimizer))
            on_step(now, {"step": step + 1, **figures})
    model.load_state_dict(average, strict=False)
    model.eval()
    return FitState(options.steps, model.state_dict(), average)


def _rate(step: int, steps: int, warm: int = 100) -> float:
    return min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * step / steps))


def _generator(*key: int) -> torch.Generator:
    return torch.Generator().manual_seed(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1))


def _flatten(optimizer: Any) -> dict[str, Tensor]:
    """An optimiser's state as tensors by name "parameter.key", references and not copies."""
    states = optimizer.state_dict()["state"]
    return {f"{parameter}.{key}": torch.as_tensor(value) for parameter, values in states.items() for key, value in values.items()}


def _restore(model: nn.Module, optimizer: Any, state: FitState) -> None:
    if not state.module:
        return
    model.load_state_dict(state.module)
    whole = optimizer.state_dict()
    for name, value in state.optimizer.items():
        parameter, key = name.split(".")
        whole["state"].setdefault(int(parameter), {})[key] = value
    optimizer.load_state_dict(whole)
