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

from musiclc.latent.search import GuideOptions, guided, renoised
from musiclc.model.bars import BarVAE
from musiclc.model.context import ANY, NEW, SAME, Context
from musiclc.model.flow import PieceFlow
from musiclc.model.piece_realism import PieceRealism
from musiclc.model.returns import Plans, earlier_or_given, returns
from musiclc.model.writing import BarWriter, Manuscript, WriteOptions
from musiclc.music.tokens import VOCABULARY

STRENGTH = 1.0  # of guidance; 1 is Bayes' rule
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
    """steps: of the flow. end: the noise level at which vectors are written. temperature, again: of writing what is new and what returns varied.
    noise: scale of the flow's.
    """

    steps: int = 8
    end: float = 0.8
    temperature: float = 0.85
    again: float = 0.85
    noise: float = 1.0

    @property
    def guide(self) -> GuideOptions:
        """How the flow is followed."""
        return GuideOptions(self.steps, self.end, strength=STRENGTH, corrections=0)


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
    """Standardised vectors x (n, B, k) of a told task, and their noise levels t (n, B): 0 for given bars, options.end for new ones, by the flow.

    Bars that return have their sources' vectors; those that return varied, at options.end at least.
    """
    way = way or Way()
    context, wanted = task.context, task.wanted
    clean = pieces.flow.standardise(pieces.bars.encode(task.tokens)[0])
    noise = options.noise * hand.normal(*clean.shape[1:])
    returning = wanted & (context.source >= 0) & (context.kind != NEW) & (context.kind != ANY)
    new = wanted & ~returning
    far = torch.where(wanted, 1.0, 0.0)
    x = torch.where(wanted[..., None], noise, clean)
    if way.start is not None and way.back is not None:
        far = torch.where(new, way.back[:, None], far)
        x = torch.where(new[..., None], renoised_bars(way.start, noise, options.end, far), x)
    x, t = _flowed(pieces, context, x, far, new, options.guide, way.objective)
    more = hand.normal(*clean.shape[1:])
    for bar in range(x.shape[1]):  # in order, since a source may itself be one that returns
        rows = returning[:, bar].nonzero()[:, 0]
        source, same = context.source[rows, bar], context.kind[rows, bar] == SAME
        level = t[rows, source]
        t[rows, bar] = torch.where(same, level, level.clamp(min=options.end))
        x[rows, bar] = renoised(x[rows, source], more[rows, bar], level, t[rows, bar])
    return x, t


def renoised_bars(x: Tensor, noise: Tensor, t: float, to: Tensor) -> Tensor:
    """Vectors x (n, B, k) at noise level t taken on to levels `to` (n, B), none of them below t."""
    levels = to.clamp(min=t)
    return renoised(x, noise, torch.full_like(levels, t), levels)


def _flowed(
    pieces: Pieces, context: Context, x: Tensor, t: Tensor, moving: Tensor, guide: GuideOptions, objective: Objective | None
) -> tuple[Tensor, Tensor]:
    """x (n, B, k) at levels t (n, B), with the moving bars, bool (n, B), brought to guide.end by the flow, guided; and the levels then."""
    if not moving.any():
        return x, t
    end, width = torch.where(moving, guide.end, t), next(pieces.narrow.parameters()).dtype

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        return pieces.narrow.velocity(x.to(width), t, context).float()

    timed = None if objective is None else lambda t: lambda x: objective(x, t)
    return guided(x, t, velocity, timed, guide, end), end


@torch.no_grad()
def write(pieces: Pieces, task: PieceTask, x: Tensor, t: Tensor, hand: Hand, options: DrawOptions) -> Tensor:
    """The tokens int64 (n, B, S) of standardised vectors x at noise levels t."""
    sheet = Manuscript(pieces.flow.restore(x), t, task.context, task.tokens, task.wanted, task.logit_bias)
    steps = task.tokens.shape[2]
    return BarWriter(pieces.bars).write(sheet, WriteOptions(options.temperature, options.again), lambda bar: hand.gumbel(steps, VOCABULARY))
