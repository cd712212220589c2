"""Beam search through the decoder: the best line for a latent point, given a logit bias of each token besides its likelihood.

A *logit bias* is a number in nats added to a token's log-likelihood at a step: −∞ forbids the token, more than 0 favours it. So one
search serves a mask (a scale, a range), a preference for the notes of an original, and bars that must stay.

Lines may be kept apart by how many notes they have more than an original: each *bin*, a difference from −fewer to +more,
keeps the best `width` lines of its own. One search then gives the best line for every number of notes, where pushing on a
weight would jump from few to many. (The idea of beams kept apart by what is still to be met: grid beam search, Hokamp and Liu 2017.)

Shapes: n points, T = 64 steps in the model's layout (bars of 12 filled up with PAD), V tokens, S bins, w lines in each.

Inside: `Lines`, `best_lines`.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from musiclc.model.vae import START, MelodyVAE, Reader
from musiclc.music.tokens import BAR_STEPS, FIRST_ONSET, PAD


@dataclass(frozen=True)
class Lines:
    """Of each point and bin the best line. tokens: int64 (n, S, T); score: (n, S), log likelihood and logit biases, −∞ where there is none."""

    tokens: Tensor
    score: Tensor


@torch.no_grad()
def best_lines(
    vae: MelodyVAE,
    z: Tensor,
    meter: Tensor,
    logit_bias: Tensor,
    *,
    t: float,
    width: int = 8,
    original: Tensor | None = None,
    fewer: int = 0,
    more: int = 0,
) -> Lines:
    """The best lines of points z (n, d) in their meters (n,) under logit_bias (n, T, V).

    original: bool (n, T), where the original's notes begin; when given, lines are kept apart by how many notes they have more,
    in bins −fewer … +more; else there is one bin, of any number of notes.
    """
    steps, state = vae.unfolded(z, meter, torch.full((len(z),), t))
    reader = Reader(vae)
    n, bins = len(z), fewer + more + 1
    start = fewer if original is not None else 0
    state = state[:, None, None]  # (n, 1, 1, recurrent), later (n, S, w, recurrent)
    total = torch.zeros(n, 1, 1)
    token = torch.full((n, 1, 1), START)
    if bins > 1:
        total = torch.full((n, bins, 1), -torch.inf).index_fill_(1, torch.tensor(start), 0.0)
        state, token = state.expand(-1, bins, -1, -1), token.expand(-1, bins, -1)
    lengths = vae.bar_lengths(meter)
    choices, parents = [], []
    for place in range(steps.shape[1]):
        n_now, s_now, w_now, wide = state.shape
        flat = state.reshape(-1, wide)
        read, told = reader.of_step(steps[:, place])
        flat = reader.next((read[:, None, None] + reader.of_token[token]).reshape(len(flat), -1), flat)
        logits = reader.logits(flat).view(n_now, s_now, w_now, -1) + told[:, None, None]
        reached = total[..., None] + F.log_softmax(logits, dim=-1) + logit_bias[:, place, None, None]  # (n, S, w, V)
        real = place % BAR_STEPS < lengths
        total_new, source, parent, token_new = _kept(reached, None if original is None else original[:, place], width)
        idle = ~real[:, None, None]  # a step that the bar does not have: every line stays as it is
        if idle.any():
            stay = torch.arange(total_new.shape[2]).clamp(max=w_now - 1).expand_as(parent)
            total_new = torch.where(idle, _widened(total, total_new.shape[2]), total_new)
            source = torch.where(idle, torch.arange(s_now)[None, :, None].expand_as(source), source)
            parent, token_new = torch.where(idle, stay, parent), torch.where(idle, PAD, token_new)
        at = source * w_now + parent  # (n, S, w) among the lines of the step before
        state = flat.view(n_now, s_now * w_now, wide).gather(1, at.flatten(1)[..., None].expand(-1, -1, wide)).view(*at.shape, wide)
        total, token = total_new, token_new
        choices.append(token)
        parents.append((at, w_now))
    return _traced(choices, parents, total)


def _widened(total: Tensor, width: int) -> Tensor:
    """(n, S, w) with lines of −∞ added up to `width`."""
    return F.pad(total, (0, width - total.shape[2]), value=-torch.inf)


def _kept(reached: Tensor, begins: Tensor | None, width: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The best `width` of each bin: totals, and for each the bin and the line it goes on from, and its token; (n, S, w) each.

    begins: bool (n,), where a note of the original begins at this step; None when lines are not kept apart.
    """
    _, bins, lines, tokens = reached.shape
    if begins is None:
        total, at = reached.flatten(2).topk(min(width, lines * tokens), dim=2)
        return total, torch.zeros_like(at), at // tokens, at % tokens
    # A line goes down a bin where it drops a note that the original has, up where it adds one.
    lost = torch.full_like(reached[:, :1], -torch.inf)
    silent, sounding = reached[..., :FIRST_ONSET], reached[..., FIRST_ONSET:]
    from_above = torch.cat([silent[:, 1:], lost[..., :FIRST_ONSET]], dim=1)
    from_below = torch.cat([lost[..., FIRST_ONSET:], sounding[:, :-1]], dim=1)
    where = begins[:, None, None, None]
    joined = torch.cat([torch.where(where, from_above, silent), torch.where(where, sounding, from_below)], dim=-1)
    total, at = joined.flatten(2).topk(min(width, lines * tokens), dim=2)
    parent, token = at // tokens, at % tokens
    own = torch.arange(bins)[None, :, None]
    change = torch.where(token < FIRST_ONSET, torch.where(begins[:, None, None], 1, 0), torch.where(begins[:, None, None], 0, -1))
    return total, (own + change).clamp(0, bins - 1), parent, token


def _traced(choices: list[Tensor], parents: list[tuple[Tensor, int]], total: Tensor) -> Lines:
    """The first line of every bin, read from its end back to its beginning."""
    n, bins, _ = total.shape
    line = torch.arange(bins).expand(n, -1) * total.shape[2]  # the best of each bin, among all S·w lines
    written = []
    for token, (at, _) in zip(reversed(choices), reversed(parents), strict=True):
        written.append(token.flatten(1).gather(1, line))
        line = at.flatten(1).gather(1, line)
    return Lines(torch.stack(written[::-1], dim=2), total[:, :, 0])
