"""From bar vectors to tokens: the decoder of `BarVAE` bar by bar, each written bar encoded again as memory for the next.

Shapes: n pieces in one meter, B bars, S steps a bar, k latent dimensions a bar, V tokens.

Inside: `Manuscript`, `WriteOptions`, `BarWriter`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from musiclc.model.bars import BarVAE
from musiclc.model.context import SAME, Context, distance_buckets, of_source
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
    """temperature: of drawing tokens; 0 takes the likeliest."""

    temperature: float = 0.8


class BarWriter:
    """Writes sheets with one VAE; no gradients."""

    def __init__(self, vae: BarVAE):
        self.vae, self._reader = vae, Reader(vae)

    @torch.no_grad()
    def write(self, sheet: Manuscript, options: WriteOptions, gumbel: Gumbel) -> Tensor:
        """The sheet's tokens with its wanted bars written: int64 (n, B, S). A bar of kind "same" is its source, token by token, if it may be."""
        vae, context = self.vae, sheet.context
        n, bars, steps = sheet.tokens.shape
        written, clean = sheet.tokens.clone(), vae.encode(sheet.tokens)[0]
        h = vae.heard(sheet.z, sheet.t, context)
        buckets = distance_buckets(bars)
        keys = [block.keys(h[:, :0]) for block in vae.memory]
        before = torch.full((n,), START)
        for bar in range(bars):
            copied = sheet.wanted[:, bar] & (context.kind[:, bar] == SAME) & (context.source[:, bar] >= 0)
            source = written[torch.arange(n), context.source[:, bar].clamp(min=0)]
            copied = copied & _allowed(source, None if sheet.logit_bias is None else sheet.logit_bias[:, bar])
            written[:, bar] = torch.where(copied[:, None], source, written[:, bar])
            free = sheet.wanted[:, bar] & ~copied
            if free.any():
                found = h[:, bar : bar + 1] + vae.source_in(of_source(clean, context.source)[:, bar : bar + 1])
                for block, known in zip(vae.memory, keys, strict=True):
                    found = block(found, known, buckets[bar : bar + 1, :bar])
                bias = None if sheet.logit_bias is None else sheet.logit_bias[:, bar]
                drawn = self._bar(found[:, 0], context.meter, steps, before, bias, options, gumbel(bar))
                written[:, bar] = torch.where(free[:, None], drawn, written[:, bar])
            clean[:, bar] = vae.encode(written[:, bar])[0]
            remembered = vae.memory_in(clean[:, bar : bar + 1])
            keys = [torch.cat([known, block.attention.keys(remembered)], dim=3) for block, known in zip(vae.memory, keys, strict=True)]
            before = _after(written[:, bar], before)
        return written

    def _bar(self, h: Tensor, meter: Tensor, steps: int, before: Tensor, bias: Tensor | None, options: WriteOptions, gumbel: Tensor) -> Tensor:
        """One bar of every piece: h (n, width), the event before it (n,): tokens (n, S)."""
        features, state = self.vae.unfolded(h, meter, steps, before)
        token, found = before, []
        for step in range(steps):
            read, told = self._reader.of_step(features[:, step])
            state = self._reader.next(read + self._reader.of_token[token], state)
            logits = told + self._reader.logits(state)
            logits = logits if bias is None else logits + bias[:, step]
            logits = logits.index_put((_silent(token), torch.tensor(HOLD)), torch.tensor(-torch.inf))
            token = (logits / options.temperature + gumbel[:, step]).argmax(-1) if options.temperature else logits.argmax(-1)
            found.append(token)
        return torch.stack(found, dim=1)


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
