"""The networks of whole pieces together, and one draw from them: places, modes and returns told, vectors by the flow, notes by the writer.

Shapes: n pieces in one meter, B bars, S steps a bar, k latent dimensions a bar.

Inside: `Pieces`, `DrawOptions`, `PieceTask`, `Hand`, `Way`, `vectors`, `write`.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from musiclc.latent.search import renoised
from musiclc.model.bars import BarVAE
from musiclc.model.context import ANY, CLOSE, SAME, VARIED, Context
from musiclc.model.flow import PieceFlow
from musiclc.model.piece_realism import PieceRealism
from musiclc.model.returns import Plans, earlier_or_given, returns
from musiclc.model.writing import BarWriter, Manuscript, WriteOptions
from musiclc.music.tokens import VOCABULARY

Objective = Callable[[Tensor, Tensor], Tensor]  # x (n, B, k), t (n, B) → (n,), larger is better


@dataclass(frozen=True)
class Pieces:
    """bars: tokens ↔ bar vectors. flow: the prior over them. plans: how real tunes return. realism: critic of written notes.

    modes: float (meters, modes), how often each mode is in the tunes of a meter.
    """

    bars: BarVAE
    flow: PieceFlow
    plans: Plans
    modes: np.ndarray
    realism: PieceRealism | None = None

    @cached_property
    def narrow(self) -> PieceFlow:
        """The flow in the precision of `bars`, converted once: what velocities are computed with."""
        return self.flow if self.bars.precision == torch.float32 else copy.deepcopy(self.flow).to(self.bars.precision)


@dataclass(frozen=True)
class DrawOptions:
    """steps, later: of the flow, for what is new and for what returns varied. end: the noise level at which vectors are written.

    temperature: of writing; noise: scale of the flow's. back: the levels to which sources go back for close and for varied returns.
    """

    steps: int = 8
    later: int = 5
    end: float = 0.65
    temperature: float = 0.7
    noise: float = 1.0
    back: tuple[float, float] = (0.65, 0.65)


@dataclass(frozen=True)
class PieceTask:
    """What n pieces in one meter shall become. tokens: int64 (n, B, S), those of given bars; wanted: bool (n, B); equal: (n, B, B), their plans.

    logit_bias: (n or 1, B, S, V), as Manuscript.
    """

    context: Context
    tokens: Tensor
    wanted: Tensor
    equal: np.ndarray
    logit_bias: Tensor | None = None

    def told(self) -> "PieceTask":
        """With the context told of the plans' returns."""
        wanted = self.wanted.numpy()
        source, kind = returns(self.equal, earlier_or_given(wanted))
        source, kind = np.where(wanted, source, -1), np.where(wanted, kind, ANY)
        return replace(self, context=replace(self.context, source=torch.from_numpy(source), kind=torch.from_numpy(kind)))

    def rows(self, at: Tensor) -> "PieceTask":
        """Some of the pieces."""
        bias = self.logit_bias if self.logit_bias is None or len(self.logit_bias) == 1 else self.logit_bias[at]
        return PieceTask(self.context.rows(at), self.tokens[at], self.wanted[at], self.equal[at.numpy()], bias)


@dataclass(frozen=True)
class Hand:
    """The random numbers of n pieces, each from a generator of its own, so that a piece does not depend on its neighbours."""

    generators: Sequence[torch.Generator] = field(default_factory=list)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers (n, *shape)."""
        return torch.stack([torch.randn(shape, generator=g) for g in self.generators])

    def gumbel(self, *shape: int) -> Tensor:
        """Standard Gumbel numbers (n, *shape)."""
        uniform = torch.stack([torch.rand(shape, generator=g) for g in self.generators])
        return -torch.log(-torch.log(uniform.clamp(1e-9, 1 - 1e-7)))


@dataclass(frozen=True)
class Way:
    """How vectors are found besides by the flow alone. objective: what bends it. start: vectors (n, B, k) at options.end of an earlier draw, and
    back (n,): the noise levels to which what is new goes back from there, 1 for a fresh draw.
    """

    objective: Objective | None = None
    start: Tensor | None = None
    back: Tensor | None = None


def vectors(pieces: Pieces, task: PieceTask, hand: Hand, options: DrawOptions, way: Way | None = None) -> tuple[Tensor, Tensor]:
    """Standardised vectors x (n, B, k) of a told task by the flow, and their noise levels t (n, B): 0 for given bars, options.end for wanted ones.

    What is new is drawn first, then, among it, what returns varied.
    """
    way = way or Way()
    flow, context, wanted = pieces.flow, task.context, task.wanted
    clean = flow.standardise(pieces.bars.encode(task.tokens)[0])
    noise = options.noise * hand.normal(*clean.shape[1:])
    varied = wanted & (context.source >= 0) & ((context.kind == VARIED) | (context.kind == CLOSE))
    same = wanted & (context.source >= 0) & (context.kind == SAME)
    new = wanted & ~varied & ~same
    far = torch.where(wanted, 1.0, 0.0)
    x = torch.where(wanted[..., None], noise, clean)
    if way.start is not None and way.back is not None:
        far = torch.where(new, way.back[:, None], far)
        x = torch.where(new[..., None], renoised_bars(way.start, noise, options.end, far), x)
    x, t = _flowed(pieces.narrow, context, x, far, new, options.steps, options, way.objective)
    x, t = _from_sources(x, t, context, varied, hand, options)
    x, t = _flowed(pieces.narrow, context, x, t, varied, options.later, options, way.objective)
    for bar in range(x.shape[1]):  # in order, since a source may itself be one that returns
        rows = same[:, bar].nonzero()[:, 0]
        x[rows, bar], t[rows, bar] = x[rows, context.source[rows, bar]], t[rows, context.source[rows, bar]]
    return x, t


def _from_sources(x: Tensor, t: Tensor, context: Context, varied: Tensor, hand: Hand, options: DrawOptions) -> tuple[Tensor, Tensor]:
    """x (n, B, k) at levels t (n, B), with the bars that return varied, bool (n, B), begun at their sources, part of the way back to noise."""
    base, level = x.clone(), t.clone()
    for bar in range(x.shape[1]):  # in order, since a source may itself be one that returns
        rows = ((context.source[:, bar] >= 0) & (varied[:, bar] | (context.kind[:, bar] == SAME))).nonzero()[:, 0]
        base[rows, bar], level[rows, bar] = base[rows, context.source[rows, bar]], level[rows, context.source[rows, bar]]
    back = torch.where(context.kind == CLOSE, options.back[0], options.back[1])
    to = torch.where(varied, torch.maximum(back, level), level)
    flat = renoised(base.flatten(0, 1), hand.normal(*x.shape[1:]).flatten(0, 1), level.flatten(), to.flatten()).view(x.shape)
    return torch.where(varied[..., None], flat, x), torch.where(varied, to, t)


def renoised_bars(x: Tensor, noise: Tensor, t: float, to: Tensor) -> Tensor:
    """Vectors x (n, B, k) at noise level t taken on to levels `to` (n, B), none of them below t."""
    flat, levels = x.flatten(0, 1), to.clamp(min=t).flatten()
    return renoised(flat, noise.flatten(0, 1), torch.full_like(levels, t), levels).view(x.shape)


def _flowed(
    flow: PieceFlow, context: Context, x: Tensor, t: Tensor, moving: Tensor, steps: int, options: DrawOptions, objective: Objective | None
) -> tuple[Tensor, Tensor]:
    """x (n, B, k) at levels t (n, B), with the moving bars, bool (n, B), brought to options.end by the flow in so many steps."""
    if not moving.any():
        return x, t
    begin = t
    width = next(flow.parameters()).dtype
    for i in range(steps):
        now, then = (begin + (options.end - begin) * share / steps for share in (i, i + 1))
        now, then = torch.where(moving, now, begin), torch.where(moving, then, begin)
        v = flow.velocity(x.to(width), now, context).float()
        if objective is not None:
            v = v - _push(x, now, objective, moving)
        x = x - torch.where(moving, now - then, torch.zeros(()))[..., None] * v
    return x, torch.where(moving, options.end, begin)


STRENGTH, LIMIT, MOST = 2.0, 0.3, 4.0  # as search.GuideOptions


def _push(x: Tensor, t: Tensor, objective: Objective, moving: Tensor) -> Tensor:
    """What Bayes' rule adds to the velocity of moving bars: search.guided, bar by bar."""
    with torch.enable_grad():
        x = x.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(objective(x, t).sum(), x)
    slope = slope * moving[..., None]
    longest = LIMIT * (moving.sum(1) * x.shape[2]).float().sqrt()[:, None, None]
    slope = slope * (longest / slope.flatten(1).norm(dim=1)[:, None, None].clamp(min=1e-9)).clamp(max=1)
    return STRENGTH * (t / (1 - t).clamp(min=1e-6)).clamp(max=MOST)[..., None] * slope


@torch.no_grad()
def write(pieces: Pieces, task: PieceTask, x: Tensor, t: Tensor, hand: Hand, options: DrawOptions) -> Tensor:
    """The tokens int64 (n, B, S) of standardised vectors x at noise levels t."""
    sheet = Manuscript(pieces.flow.restore(x), t, task.context, task.tokens, task.wanted, task.logit_bias)
    steps = task.tokens.shape[2]
    return BarWriter(pieces.bars).write(sheet, WriteOptions(options.temperature), lambda bar: hand.gumbel(steps, VOCABULARY))
