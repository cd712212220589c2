"""Beam search through the decoder: the best line for a latent point, given a logit bias of each token besides its likelihood.

A *logit bias* is a number in nats added to a token's log-likelihood at a step: −∞ forbids the token, more than 0 favours it. So one
search serves a mask (a scale, a range), a preference for the notes of an original, and bars that must stay.

Lines may be kept apart by how many notes they have more than an original: each *bin*, a difference from −fewer to +more,
keeps the best `width` lines of its own. One search then gives the best line for every number of notes, where pushing on a
weight would jump from few to many. (The idea of beams kept apart by what is still to be met: grid beam search, Hokamp and Liu 2017.)

Shapes: n points, T = 64 steps in the model's layout (bars of 12 filled up with PAD), V tokens, S bins, w lines in each.

Inside: `Lines`, `Beam`, `best_lines`.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from musiclc.latent.fitting import Points
from musiclc.model.vae import START, MelodyVAE, Reader
from musiclc.music.tokens import BAR_STEPS, FIRST_ONSET, PAD


@dataclass(frozen=True)
class Lines:
    """Of each point and bin the best line. tokens: int64 (n, S, T); score: (n, S), log likelihood and logit biases, −∞ where there is none."""

    tokens: Tensor
    score: Tensor


@dataclass(frozen=True)
class Beam:
    """width: lines kept in each bin. original: bool (n, T), where the original's notes begin; when given, lines are kept apart by how many
    notes they have more, in bins −fewer … +more; else there is one bin, of any number of notes.
    """

    width: int = 8
    original: Tensor | None = None
    fewer: int = 0
    more: int = 0

    def begins(self, place: int) -> Tensor | None:
        """Where a note of the original begins at this step: bool (n,); None when lines are not kept apart."""
        return None if self.original is None else self.original[:, place]


@torch.no_grad()
def best_lines(vae: MelodyVAE, points: Points, logit_bias: Tensor, beam: Beam | None = None) -> Lines:
    """The best lines of latent points z (n, d), not standardised, in the meters that are their conditions, under logit_bias (n, T, V)."""
    beam = beam or Beam()
    steps, state = vae.unfolded(points.x, points.condition, torch.full((len(points.x),), points.t))
    reader, lengths = Reader(vae), vae.bar_lengths(points.condition)
    front = _first(state, beam.fewer + beam.more + 1, beam.fewer if beam.original is not None else 0)
    choices, parents = [], []
    for place in range(steps.shape[1]):
        state, log_likelihood = _read_on(reader, steps[:, place], front)
        reached = front.total[..., None] + log_likelihood + logit_bias[:, place, None, None]  # (n, S, w, V)
        chosen = _kept(reached, beam.begins(place), beam.width)
        idle = place % BAR_STEPS >= lengths  # a step that the bar does not have: every line stays as it is
        total, source, parent, token = _staying(chosen, front, idle[:, None, None]) if idle.any() else chosen
        at = source * front.width + parent  # (n, S, w) among the lines of the step before
        front = _Front(_picked(state, at), total, token)
        choices.append(token)
        parents.append(at)
    return _traced(choices, parents, front.total)


@dataclass(frozen=True)
class _Front:
    """The lines so far, w in each bin. state: the GRU's, (n, S, w, recurrent); total: log-likelihood and logit biases, token: the last, (n, S, w)."""

    state: Tensor
    total: Tensor
    token: Tensor

    @property
    def width(self) -> int:
        """w."""
        return self.total.shape[2]


def _first(state: Tensor, bins: int, start: int) -> _Front:
    """One line a point, in the bin `start` of so many, with the GRU's first state (n, recurrent)."""
    n = len(state)
    total = torch.full((n, bins, 1), -torch.inf).index_fill_(1, torch.tensor(start), 0.0)
    return _Front(state[:, None, None].expand(-1, bins, -1, -1), total, torch.full((n, bins, 1), START))


def _read_on(reader: Reader, step: Tensor, front: _Front) -> tuple[Tensor, Tensor]:
    """The GRU's state after a step with features (n, step_width), (n, S, w, recurrent); log-likelihoods of its tokens (n, S, w, V)."""
    flat = front.state.reshape(-1, front.state.shape[-1])
    read, told = reader.of_step(step)
    flat = reader.next((read[:, None, None] + reader.of_token[front.token]).reshape(len(flat), -1), flat)
    logits = reader.logits(flat).view(*front.token.shape, -1) + told[:, None, None]
    return flat.view(front.state.shape), F.log_softmax(logits, dim=-1)


def _picked(state: Tensor, at: Tensor) -> Tensor:
    """States (n, S, w, recurrent) of the lines `at` (n, S, w'), numbered through bins and lines: (n, S, w', recurrent)."""
    n, wide = len(state), state.shape[-1]
    return state.view(n, -1, wide).gather(1, at.flatten(1)[..., None].expand(-1, -1, wide)).view(*at.shape, wide)


def _staying(chosen: tuple[Tensor, Tensor, Tensor, Tensor], front: _Front, idle: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What `_kept` chose, but where idle (n, 1, 1) the lines as they are, with PAD."""
    total, source, parent, token = chosen
    bins, width = total.shape[1:]
    stay = torch.arange(width).clamp(max=front.width - 1).expand_as(parent)
    lines = F.pad(front.total, (0, width - front.width), value=-torch.inf)
    own = torch.arange(bins)[None, :, None].expand_as(source)
    return torch.where(idle, lines, total), torch.where(idle, own, source), torch.where(idle, stay, parent), torch.where(idle, PAD, token)


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


def _traced(choices: list[Tensor], parents: list[Tensor], total: Tensor) -> Lines:
    """The first line of every bin, read from its end back to its beginning."""
    n, bins, _ = total.shape
    line = torch.arange(bins).expand(n, -1) * total.shape[2]  # the best of each bin, among all S·w lines
    written = []
    for token, at in zip(reversed(choices), reversed(parents), strict=True):
        written.append(token.flatten(1).gather(1, line))
        line = at.flatten(1).gather(1, line)
    return Lines(torch.stack(written[::-1], dim=2), total[:, :, 0])
