"""Ways to find latent points, as plain functions that name no network.

An objective maps points (n, d) to (n,), larger is better. A velocity maps (x (n, d), t (n,)) to (n, d): the flow prior's
field on standardised points. All randomness comes in as starting noise, so that a point depends on its own noise alone.

Inside: `GuideOptions`, `noised`, `guided`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Objective = Callable[[Tensor], Tensor]  # points (n, d) → (n,), larger is better
Velocity = Callable[[Tensor, Tensor], Tensor]  # points (n, d), times (n,) → (n, d)


@dataclass(frozen=True)
class GuideOptions:
    """steps: of Euler's method. strength: of the objective's pull. limit: longest pull a step may have, in standard deviations
    a dimension.
    """

    steps: int = 12
    strength: float = 1.5
    limit: float = 3.0


def noised(clean: Tensor, noise: Tensor, t: Tensor, temperature: float = 1.0) -> Tensor:
    """Points (n, d) on the straight paths from `clean` to `noise` at times t (n,): 0 is clean, 1 is noise."""
    return (1 - t[:, None]) * clean + t[:, None] * temperature * noise


def guided(x: Tensor, start: Tensor, velocity: Velocity, objective: Objective | None, options: GuideOptions) -> Tensor:
    """Points (n, d) that the flow reaches from x at times start (n,), pulled towards a larger objective on the way.

    At each time the clean point x₀ = x − t·v is estimated, and x moves along −v and along t·∇objective(x₀): guidance by
    the gradient at the denoised estimate, as in reconstruction guidance (Ho et al. 2022, Video Diffusion Models, §3.1),
    without differentiating through the flow. objective: of standardised points; None: the prior itself.
    """
    step = (start / options.steps)[:, None]
    for i in range(options.steps):
        t = start * (1 - i / options.steps)
        v = velocity(x, t)
        if objective is not None:
            pull = options.strength * t[:, None] * _limited(_gradient(x - t[:, None] * v, objective), options.limit)
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
