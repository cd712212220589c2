"""Fitting: data in, fitted module and history out, progress by callback. No files.

Every fit runs on Lightning Fabric, so that the same call runs on one CPU in bfloat16, on a GPU, or on several nodes. The batch
of step s on process r depends on (seed, s, r) alone, and `FitState` holds all the rest; so a resumed fit goes on as if it had
never stopped.

Inside: `FitOptions`, `FitState`, `Windows`, `fit_vae`, `fit_prior`, `Bank`, `make_bank`, `fit_critic`, and the loop they share, `run`.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from musiclc import tokens as tok
from musiclc.critics import Critic, CriticConfig
from musiclc.home import moves_home
from musiclc.melody import PHRASE_BARS
from musiclc.model import MelodyVAE, VAEConfig
from musiclc.prior import QUANTILES, FlowPrior, PriorConfig
from musiclc.rules import key_measures
from musiclc.theory import METER_NAMES

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from musiclc.corpus import Dataset
    from musiclc.rules import Rule

MIN_SCALE = 0.3  # least standard deviation by which the prior divides a latent dimension

OnStep = Callable[["FitState", dict[str, float]], None]


@dataclass(frozen=True)
class FitOptions:
    """How to fit. steps, batch: of the optimiser. beta: weight of the KL term, reached after `warm_share` of the steps.

    drop: share of tokens the decoder does not get to see. average: decay of the moving average of weights that is kept.
    """

    steps: int
    batch: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    beta: float = 0.1
    warm_share: float = 0.25
    drop: float = 0.3
    average: float = 0.999
    max_gradient: float = 10.0
    seed: int = 0


@dataclass
class FitState:
    """Where a fit stands: steps done, and the tensors by name that a checkpoint needs to go on."""

    step: int = 0
    module: dict[str, Tensor] = field(default_factory=dict)
    average: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Tensor] = field(default_factory=dict)


class Windows:
    """One split of a dataset, transposed at random as it is drawn, over all twelve keys and sometimes by an octave more.

    home: leave the windows where the prior knows them (home.py) instead.
    """

    def __init__(self, dataset: "Dataset", split: str, home: bool = False):
        rows = dataset.where(split)
        self.home = home
        self.tokens, self.meter = dataset.tokens[rows], dataset.meter[rows]
        if home:
            silent = np.where(self.tokens == tok.PAD, tok.REST, self.tokens)
            self.tokens = tok.transpose(self.tokens, moves_home(silent))
        pitched = (self.tokens >= tok.FIRST_ONSET) & (self.tokens < tok.PAD)
        self.room_down = np.where(pitched, self.tokens, tok.PAD).min(1).astype(int) - tok.FIRST_ONSET
        self.room_up = tok.VOCABULARY - 1 - np.where(pitched, self.tokens, 0).max(1).astype(int)

    def __len__(self) -> int:
        return len(self.tokens)

    def draw(self, n: int, *key: int) -> tuple[Tensor, Tensor]:
        """n windows: tokens int64 (n, T) and meter (n,), drawn by the random key."""
        random = np.random.default_rng(key)
        rows = random.integers(0, len(self.tokens), n)
        if self.home:
            return torch.from_numpy(self.tokens[rows].astype(np.int64)), torch.from_numpy(self.meter[rows].astype(np.int64))
        shift = random.integers(-6, 6, n) + random.choice([-12, 0, 12], n, p=[0.1, 0.8, 0.1])
        shift = np.clip(shift, -self.room_down[rows], self.room_up[rows])
        tokens = tok.transpose(self.tokens[rows].astype(np.int64), shift)
        return torch.from_numpy(tokens), torch.from_numpy(self.meter[rows].astype(np.int64))


def fit_vae(
    data: Windows,
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


def fit_prior(
    data: Windows,
    held_out: Windows,
    vae: MelodyVAE,
    config: PriorConfig,
    options: FitOptions,
    *,
    fabric: "Fabric",
    state: FitState | None = None,
    on_step: OnStep | None = None,
) -> tuple[FlowPrior, FitState]:
    """A flow prior fitted to the VAE's encoder means of `data`, windows at home; `held_out` says how likely real ones are."""
    torch.manual_seed(options.seed)
    prior = FlowPrior(config)
    vae = fabric.to_device(vae.eval())
    z, _ = _encode(vae, *data.draw(8192, options.seed, 0, 1 << 20))
    prior.center.copy_(z.mean(0).view(PHRASE_BARS, -1).mean(0).repeat(PHRASE_BARS))
    # a dimension that the VAE hardly uses stays small, so that the flow need not learn its every wiggle
    prior.scale.copy_(z.view(-1, config.latent).std(0).clamp(min=MIN_SCALE).repeat(PHRASE_BARS))

    def loss(wrapped: Any, step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        tokens, meter = fabric.to_device(data.draw(options.batch, options.seed, step, fabric.global_rank))
        points, _ = _encode(vae, tokens, meter)
        noise = torch.randn(points.shape, generator=generator)
        t = torch.sigmoid(torch.randn(len(points), generator=generator))  # logit-normal: the middle of the path is the hard part (Esser et al. 2024)
        error = wrapped.loss(points, meter, noise=fabric.to_device(noise), t=fabric.to_device(t))
        return error, {"error": error.item()}

    end = run(prior, loss, options, fabric, state, on_step)
    nats = vae.nats(*fabric.to_device(held_out.draw(2000, options.seed, 0, 1 << 21)))
    prior.real_nats.copy_(torch.quantile(nats, torch.linspace(0, 1, QUANTILES)))
    prior.home_shares.copy_(torch.from_numpy(key_measures(np.where(data.tokens == tok.PAD, tok.REST, data.tokens), "4/4").mean(0)))
    return prior, end


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


# ---- critics -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bank:
    """Latent points with what they decode to: z (n, d), meter int (n,), tokens uint8 (n, T). Any rule can be scored on it."""

    z: Tensor
    meter: Tensor
    tokens: np.ndarray

    def measures(self, rule: "Rule") -> Tensor:
        """The rule's measures of every decoded melody: float (n, m)."""
        measures = np.zeros((len(self.z), len(rule.measures)), np.float32)
        for number, name in enumerate(METER_NAMES):
            rows = np.flatnonzero(self.meter.numpy() == number)
            measures[rows] = rule.measure(tok.unpad(self.tokens[rows], name), name)
        return torch.from_numpy(measures)


def make_bank(data: Windows, vae: MelodyVAE, prior: FlowPrior, size: int, seed: int, chunk: int = 1000) -> Bank:
    """A bank of decoded points: a fifth encodings of transposed training windows, a fifth of those with noise, the rest from the
    flow at several temperatures and stopped on the way (the blurred points that guidance asks critics about).
    """
    points, meters = [], []
    for i in range(-(-size // chunk)):
        generator = _generator(seed, 1 << 22, i)
        tokens, meter = data.draw(chunk, seed, i, 1 << 22)
        mean, std = _encode(vae, tokens, meter)
        noise = torch.randn(mean.shape, generator=generator)
        if i % 5 == 0:
            z = mean
        elif i % 5 == 1:
            z = mean + (0.5 + torch.rand(chunk, 1, generator=generator)) * std * noise
        else:
            with torch.autocast("cpu", torch.bfloat16):  # a bank needs no exact points, only exact scores of those it has
                z = _blurred(prior, noise, meter, generator).float()
        points.append(z)
        meters.append(meter)
    z, meter = torch.cat(points), torch.cat(meters)
    decoded = [vae.decode(a, b) for a, b in zip(z.split(chunk), meter.split(chunk), strict=True)]
    return Bank(z, meter, torch.cat(decoded).numpy().astype(np.uint8))


@torch.no_grad()
def _blurred(prior: FlowPrior, noise: Tensor, meter: Tensor, generator: torch.Generator, steps: int = 12) -> Tensor:
    """Flow samples, half of them the clean point as estimated at a random time of the path: latent points (n, d)."""
    n = len(noise)
    x = noise * (0.7 + 0.4 * torch.rand(n, 1, generator=generator))
    stop = torch.where(torch.rand(n, generator=generator) < 0.5, torch.rand(n, generator=generator), torch.zeros(n))
    estimate = x
    for i in range(steps):
        t = 1 - i / steps
        v = prior.velocity(x, torch.full((n,), t), meter).float()
        estimate = torch.where((stop <= t)[:, None], x - t * v, estimate)
        x = x - v / steps
    return prior.restore(torch.where((stop > 0)[:, None], estimate, x))


def fit_critic(
    bank: Bank, rule: "Rule", options: FitOptions, *, fabric: "Fabric", state: FitState | None = None, on_step: OnStep | None = None
) -> tuple[Critic, dict[str, float]]:
    """A critic for one rule, taught by nothing but the rule's measures of decoded points, and its figures on points held out."""
    torch.manual_seed(options.seed)
    measures = bank.measures(rule)
    held_out = len(bank.z) // 20
    critic = Critic(CriticConfig(bank.z.shape[1], measures.shape[1], rule.family))
    if rule.family == "number":
        critic.center.copy_(measures.nanmean(0))
        critic.scale.copy_((measures - critic.center).square().nanmean(0).sqrt().clamp(min=1e-6))

    def loss(wrapped: Any, step: int, generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = torch.randint(held_out, len(bank.z), (options.batch,), generator=generator)
        tensors = fabric.to_device((bank.z[rows], bank.meter[rows], measures[rows]))
        value = wrapped.loss(*tensors)
        return value, {"loss": value.item()}

    run(critic, loss, options, fabric, state, on_step)
    with torch.no_grad():
        fit = critic.loss(bank.z[:held_out], bank.meter[:held_out], measures[:held_out]).item()
    return critic, {"loss": fit}
