"""From bar vectors to tokens: the decoder of `BarVAE` bar by bar, each written bar encoded again as memory for the next.

Shapes: n pieces in one meter, B bars, S steps a bar, k latent dimensions a bar, V tokens.

Inside: `Manuscript`, `WriteOptions`, `BarWriter`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from musiclc.model.bars import BarVAE
from musiclc.model.context import CLOSE, SAME, VARIED, Context, distance_buckets, of_source
from musiclc.model.recall import Recollection
from musiclc.model.vae import START, Reader
from musiclc.music.tokens import HOLD, REST

Gumbel = Callable[[int], Tensor]  # bar → standard Gumbel noise (n, S, V), each piece's its own


@dataclass(frozen=True)
class Manuscript:
    """What is to be written. z: (n, B, k) at noise levels t (n, B). tokens: int64 (n, B, S), those of given bars count. wanted: bool (n, B).

    logit_bias: (n or 1, B, S, V), added to every token's logit; −∞ forbids it.
    """

    z: Tensor
    t: Tensor
    context: Context
    tokens: Tensor
    wanted: Tensor
    logit_bias: Tensor | None = None


@dataclass(frozen=True)
class WriteOptions:
    """temperature: of drawing tokens; 0 takes the likeliest. again: of drawing those of bars that return."""

    temperature: float
    again: float


class BarWriter:
    """Writes sheets with one VAE; no gradients."""

    def __init__(self, vae: BarVAE):
        self.vae, self._reader = vae, Reader(vae)

    @torch.no_grad()
    def write(self, sheet: Manuscript, options: WriteOptions, gumbel: Gumbel) -> Tensor:
        """The sheet's tokens with its wanted bars written: int64 (n, B, S). A bar of kind "same" is its source, token by token, if it may be."""
        vae, context = self.vae, sheet.context
        n, bars = sheet.wanted.shape
        written, clean = sheet.tokens.clone(), vae.encode(sheet.tokens)[0]
        h = vae.heard(sheet.z, sheet.t, context)
        buckets = distance_buckets(bars)
        keys = [block.keys(h[:, :0]) for block in vae.memory]
        before, recollection = torch.full((n,), START), Recollection(vae.recall, vae.tokens.weight, written, context, sheet.wanted, vae.precision)
        for bar in range(bars):
            pitch = recollection.last
            copied = sheet.wanted[:, bar] & (context.kind[:, bar] == SAME) & (context.source[:, bar] >= 0)
            source = written[torch.arange(n), context.source[:, bar].clamp(min=0)]
            copied = copied & _allowed(source, None if sheet.logit_bias is None else sheet.logit_bias[:, bar])
            written[:, bar] = torch.where(copied[:, None], source, written[:, bar])
            free, noise = sheet.wanted[:, bar] & ~copied, gumbel(bar)  # drawn for every bar: what a piece draws must not hang on others
            if free.any():
                found = h[:, bar : bar + 1] + vae.source_in(of_source(clean, context.source)[:, bar : bar + 1])
                for block, known in zip(vae.memory, keys, strict=True):
                    found = block(found, known, buckets[bar : bar + 1, :bar])
                bias = None if sheet.logit_bias is None else sheet.logit_bias[:, bar]
                ask = _Unwritten(found[:, 0], context.meter, before, bias, noise)
                returning = (context.kind[:, bar] == VARIED) | (context.kind[:, bar] == CLOSE)
                drawn = self._bar(bar, ask, torch.where(returning, options.again, options.temperature), recollection)
                written[:, bar] = torch.where(free[:, None], drawn, written[:, bar])
            clean[:, bar] = vae.encode(written[:, bar])[0]
            remembered = vae.memory_in(clean[:, bar : bar + 1])
            keys = [torch.cat([known, block.attention.keys(remembered)], dim=3) for block, known in zip(vae.memory, keys, strict=True)]
            before = _after(written[:, bar], before)
            recollection.end(bar, written[:, bar], pitch)
        return written

    def _bar(self, bar: int, asked: "_Unwritten", temperature: Tensor, recollection: Recollection) -> Tensor:
        """One bar of every piece, at temperatures (n,): tokens (n, S)."""
        features, state = self.vae.unfolded(asked.h, asked.meter, recollection.steps, asked.before)
        token, found = asked.before, []
        recollection.begin(bar)
        for step in range(features.shape[1]):
            read, told = self._reader.of_step(features[:, step])
            state = self._reader.next(read + self._reader.of_token[token], state)
            logits = told + self._reader.logits(state) + recollection.logits(bar, step, state)
            logits = logits if asked.bias is None else logits + asked.bias[:, step]
            logits = logits.index_put((_silent(token), torch.tensor(HOLD)), torch.tensor(-torch.inf))
            token = (logits + temperature[:, None] * asked.gumbel[:, step]).argmax(-1)
            recollection.wrote(bar, step, token)
            found.append(token)
        return torch.stack(found, dim=1)


@dataclass(frozen=True)
class _Unwritten:
    """A bar to be written. h: (n, width), what the decoder makes of it; meter (n,); before (n,), an event; bias (n or 1, S, V); gumbel (n, S, V)."""

    h: Tensor
    meter: Tensor
    before: Tensor
    bias: Tensor | None
    gumbel: Tensor


def _allowed(bar: Tensor, bias: Tensor | None) -> Tensor:
    """Whether none of a bar's tokens (n, S) is forbidden by a logit bias (n or 1, S, V): bool (n,)."""
    if bias is None:
        return torch.ones(len(bar), dtype=torch.bool)
    return (bias.expand(len(bar), -1, -1).gather(2, bar[..., None])[..., 0] > -torch.inf).all(1)


def _silent(token: Tensor) -> Tensor:
    """Rows in which nothing sounds, so that nothing can be held."""
    return ((token == REST) | (token == START)).nonzero()[:, 0]


def _after(bar: Tensor, before: Tensor) -> Tensor:
    """The last event of a bar (n, S), or else the one before it: (n,)."""
    place = torch.arange(bar.shape[1]).expand_as(bar).masked_fill(bar == HOLD, -1).max(dim=1).values
    return torch.where(place >= 0, bar.gather(1, place.clamp(min=0)[:, None])[:, 0], before)
