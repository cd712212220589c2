"""Search functions: methods of finding latent points, as plain functions that name no network and know no music.

An objective maps points (n, d) to (n,), larger is better, whatever it is made of: critics, realism, both. A velocity maps
(x (n, d), t (n,)) to (n, d): the field of a flow prior on standardised points, noise at t = 1. Where a function says so, a point may be made
of parts (n, parts, d), each with a time of its own (n, parts). Randomness comes in as
tensors or as a `Noise`, drawn row by row, so that a point depends on its own noise alone. No function changes its input.

| function | from | what it does |
|---|---|---|
| `guided` | noise | follows the prior's flow, its velocity bent by the objective's gradient |
| `gradient` | any points | climbs; each item stops the first time it is good enough; distance may be penalised (Engel et al. 2018, §3.3) |
| `langevin` | any points | samples exp(objective) by noisy climbing (LACE: Nie et al. 2021; LatentOps: Liu et al. 2022) |
| `chosen` | noise | follows the flow, and at each step keeps the best of a few by a judge (SCG: Huang et al. 2024): for what has no gradient |
| `vector` | any points | adds the difference of two means, as far as the objective likes it best (attribute vectors: White 2016) |
| `acted` | any points | an amortized actor's gated map (Engel et al. 2018, §3.2) |

Inside also: `noised`, `GuideOptions`, `ClimbOptions`, `LangevinOptions`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Objective = Callable[[Tensor], Tensor]  # points (n, d) → (n,), larger is better
Timed = Callable[[Tensor], Objective]  # times (n,) → the objective of points with so much noise
Velocity = Callable[[Tensor, Tensor], Tensor]  # points (n, d), times (n,) → (n, d)
Noise = Callable[[], Tensor]  # fresh standard normal numbers (n, d)


@dataclass(frozen=True)
class GuideOptions:
    """steps: of Euler's method. end: the time it stops at. strength: of the objective's gradient; 1 is Bayes' rule. limit: longest
    gradient that counts, in root mean square a dimension. most: largest factor t / (1 − t). corrections: climbing steps at the end,
    each of `rate` times the gradient. choices: continuations that `chosen` looks at in each step.
    """

    steps: int = 8
    end: float = 0.5
    strength: float = 1.0
    limit: float = 0.3
    most: float = 4.0
    corrections: int = 2
    rate: float = 0.1
    choices: int = 8


@dataclass(frozen=True)
class ClimbOptions:
    """steps, rate: of Adam. distance: weight of the mean over dimensions of log(1 + (z' − z)²) / scale², scale as given or 1."""

    steps: int = 60
    rate: float = 0.05
    distance: float = 0.0
    scale: Tensor | None = None


@dataclass(frozen=True)
class LangevinOptions:
    """steps of size `step`; temperature: 1 samples exp(objective), 0 climbs."""

    steps: int = 40
    step: float = 0.02
    temperature: float = 1.0


def noised(clean: Tensor, noise: Tensor, t: Tensor, temperature: float = 1.0) -> Tensor:
    """Points (n, d), or of parts, on the straight paths from `clean` to `noise` at times t: 0 is clean, 1 is noise."""
    return (1 - t[..., None]) * clean + t[..., None] * temperature * noise


def renoised(x: Tensor, noise: Tensor, t: Tensor, to: Tensor) -> Tensor:
    """Points (n, d), or of parts, at times t taken on to later times `to` by adding noise, such that x₀ + noise keeps the path's proportions."""
    shrink = (1 - to) / (1 - t).clamp(min=1e-6)
    added = (to**2 - (shrink * t) ** 2).clamp(min=0).sqrt()
    return shrink[..., None] * x + added[..., None] * noise


def guided(x: Tensor, start: Tensor, velocity: Velocity, objective: Timed | None, options: GuideOptions, end: Tensor | None = None) -> Tensor:
    """Points (n, d), or of parts, at time options.end that the flow reaches from x at times start, guided towards a larger objective.

    With p(x_t) the flow's density and exp(objective) a likelihood of x_t, Bayes' rule adds the objective's gradient to the
    score, which for straight paths adds −t / (1 − t) times it to the velocity. The factor is held below options.most, since
    near t = 1 a learnt gradient is mostly error. Ends with a few corrections along the objective at the end's own time.

    end: times in place of options.end, as `start`; parts whose two times are equal stay as they are.
    """
    end = torch.full_like(start, options.end) if end is None else end
    moving = (start != end)[..., None]
    for i in range(options.steps):
        share, next_share = i / options.steps, (i + 1) / options.steps
        t, following = (start + (end - start) * s for s in (share, next_share))
        v = velocity(x, t)
        if objective is not None:
            factor = options.strength * (t / (1 - t).clamp(min=1e-6)).clamp(max=options.most)
            v = v - factor[..., None] * _limited(slope(x, objective(t)) * moving, options.limit, moving)
        x = x - (t - following)[..., None] * v
    if objective is not None and options.corrections:
        last = objective(end)
        for _ in range(options.corrections):
            x = x + options.rate * options.strength * _limited(slope(x, last) * moving, options.limit, moving)
    return x


def gradient(z: Tensor, objective: Objective, *, options: ClimbOptions | None = None, good: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Points (n, d) climbed from z by Adam. good: points → bool (n,); an item is frozen the first time it is good."""
    options = options or ClimbOptions()
    scale = 1.0 if options.scale is None else options.scale
    now = z.clone()
    first, second = torch.zeros_like(z), torch.zeros_like(z)
    moving = torch.ones(len(z), 1)
    for step in range(1, options.steps + 1):
        if good is not None:
            moving = moving * (~good(now))[:, None]
            if not moving.any():
                break

        def total(x: Tensor) -> Tensor:
            return objective(x) - options.distance * (torch.log1p((x - z) ** 2) / scale**2).mean(1)

        g = slope(now, total)
        first, second = 0.9 * first + 0.1 * g, 0.99 * second + 0.01 * g**2
        update = (first / (1 - 0.9**step)) / ((second / (1 - 0.99**step)).sqrt() + 1e-8)
        now = now + options.rate * moving * update
    return now


def langevin(z: Tensor, objective: Objective, *, noise: Noise, options: LangevinOptions | None = None) -> Tensor:
    """Points (n, d) after unadjusted Langevin steps from z: z + step·∇objective + √(2·step·temperature)·noise."""
    options = options or LangevinOptions()
    for _ in range(options.steps):
        z = z + options.step * slope(z, objective) + (2 * options.step * options.temperature) ** 0.5 * noise()
    return z


def chosen(x: Tensor, start: Tensor, velocity: Velocity, judge: Callable[[Tensor, Tensor], Tensor], *, noise: Noise, options: GuideOptions) -> Tensor:
    """Points (n, d) at time options.end: at each step back from `start`, of options.choices re-noised continuations the one judged best.

    judge: points (n, d), times (n,) → (n,), larger is better; it may decode and measure, since no gradient is asked of it.
    """
    times = [start + (options.end - start) * (i + 1) / options.steps for i in range(options.steps)]
    t = start
    for following in times:
        v = velocity(x, t)
        clean, spread = x - t[:, None] * v, x + (1 - t)[:, None] * v  # the point and the noise that v sees in x
        best, score = x, torch.full((len(x),), -torch.inf)
        for choice in range(options.choices):
            fresh = spread if choice == 0 else 0.5**0.5 * (spread + noise())
            candidate = noised(clean, fresh, following)
            judged = judge(candidate, following)
            better = judged > score
            best, score = torch.where(better[:, None], candidate, best), torch.where(better, judged, score)
        x, t = best, following
    return x


def vector(z: Tensor, direction: Tensor, objective: Objective, amounts: tuple[float, ...] = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)) -> Tensor:
    """Points (n, d): z + amount·direction (n, d), for each item the amount that the objective likes best."""
    with torch.no_grad():
        tries = torch.stack([z + amount * direction for amount in amounts])  # (amounts, n, d)
        scores = torch.stack([objective(points) for points in tries])
    return tries[scores.argmax(0), torch.arange(len(z))]


def acted(z: Tensor, actor: Callable[[Tensor], tuple[Tensor, Tensor]]) -> Tensor:
    """Points (n, d): (1 − g)·z + g·δ with the gates g in [0, 1] and proposals δ (n, d) of an actor."""
    gate, proposal = actor(z)
    return (1 - gate) * z + gate * proposal


def slope(x: Tensor, objective: Objective) -> Tensor:
    """The objective's gradient at each point: (n, d), cut off from any graph."""
    with torch.enable_grad():
        x = x.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(objective(x).sum(), x)
    return gradient


def _limited(gradient: Tensor, limit: float, moving: Tensor) -> Tensor:
    """Gradients of points longer than `limit` times √d shortened to that length; d counts what moves, bool (n, 1) or (n, parts, 1)."""
    flat = gradient.flatten(1)
    longest = limit * (moving.flatten(1).sum(1, keepdim=True) * gradient.shape[-1]) ** 0.5
    return (flat * (longest / torch.maximum(flat.norm(dim=1, keepdim=True), longest.clamp(min=1e-9)))).view_as(gradient)
