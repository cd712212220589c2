"""Ways to find latent points, as plain functions that name no network.

An objective maps points (n, d) to (n,), larger is better. A velocity maps (x (n, d), t (n,)) to (n, d): the flow prior's
field on standardised points. All randomness comes in as starting noise, so that a point depends on its own noise alone.

Inside: `GuideOptions`, `guided`, `time_grid`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

Objective = Callable[[Tensor], Tensor]
Velocity = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class GuideOptions:
    """steps: of Euler's method. strength: of the objective's pull (w in method.md §4). limit: longest pull a step may have,
    in standard deviations a dimension. temperature: scale of the starting noise; below 1 keeps to the likelier points.
    """

    steps: int = 12
    strength: float = 12.0
    limit: float = 3.0
    temperature: float = 1.0


def time_grid(steps: int) -> list[float]:
    """Times from 1 (noise) to 0 (clean), steps + 1 of them, evenly spaced."""
    return [1 - i / steps for i in range(steps + 1)]


def guided(noise: Tensor, velocity: Velocity, objective: Objective | None, options: GuideOptions) -> Tensor:
    """Points (n, d) that the flow reaches from `noise`, pulled towards a larger objective on the way.

    At each time the clean point x₀ = x − t·v is estimated, and x moves along −v and along t·∇objective(x₀): guidance by
    the gradient at the denoised estimate, as in reconstruction guidance (Ho et al. 2022, Video Diffusion Models, §3.1),
    without differentiating through the flow. objective: of standardised points; None: the prior itself.
    """
    x = options.temperature * noise
    times = time_grid(options.steps)
    for t, following in pairwise(times):
        v = velocity(x, torch.full((len(x),), t))
        step = t - following
        if objective is not None:
            pull = options.strength * t * _limited(_gradient(x - t * v, objective), options.limit)
            x = x + step * pull
        x = x - step * v
    return x


def _gradient(x: Tensor, objective: Objective) -> Tensor:
    with torch.enable_grad():
        x = x.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(objective(x).sum(), x)
    return gradient


def _limited(gradient: Tensor, limit: float) -> Tensor:
    """Rows longer than `limit` times √d shortened to that length."""
    longest = limit * gradient.shape[1] ** 0.5
    return gradient * (longest / gradient.norm(dim=1, keepdim=True).clamp(min=longest))
