"""Recall: while it writes, the decoder looks back at single notes, so that motifs come back, at their pitch or moved.

Attention from every step to the steps already there (those written, and bars that are given later on): a query from the
decoder's state meets keys made of the few steps before each place, in pitches and in intervals, and finds what came next there. Its
findings are added to the logits in two ways: by token, and by interval from the note before, which says "as then, but higher".

What comes next after the like context is the induction head of Olsson et al. 2022; intervals between notes as the relative attention of
Music Transformer (Huang et al. 2018) hears them, here in what is read and what is said.

Shapes: n pieces, B bars of S steps, L = B·S, V tokens, heads × size as RecallConfig.

Inside: `RecallConfig`, `Recall`, `Recollection`, `last_pitch`.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musiclc.model.context import BUCKETS, KINDS, Context, distance_buckets
from musiclc.music.theory import LONGEST_BAR
from musiclc.music.tokens import FIRST_ONSET, HOLD, PAD, VOCABULARY

SPAN = 12  # steps before a place that its key is made of
MOST = 12  # semitones: wider intervals count as this wide where they are read
SAID = 24  # semitones: intervals that are said
_HELD, _SILENT, _FIRST, _UNISON = 0, 1, 2, 3 + MOST
EVENTS = _UNISON + MOST + 1


@dataclass(frozen=True)
class RecallConfig:
    """Sizes. token, state: of the decoder's embeddings and its GRU."""

    token: int
    state: int
    heads: int = 2
    size: int = 48
    event: int = 32
    narrow: int = 40
    context: int = 96


class Recall(nn.Module):
    """What the steps before say about the next token: logits to be added."""

    def __init__(self, config: RecallConfig):
        super().__init__()
        self.config = c = config
        width, read = c.heads * c.size, c.token + c.event
        self.event = nn.Embedding(EVENTS, c.event)
        self.narrow = nn.Linear(read, c.narrow)
        self.context = nn.Linear(SPAN * c.narrow, c.context)
        self.query = nn.Linear(c.state, width)
        self.query_context = nn.Linear(c.context, width)
        self.key = nn.Linear(c.context, width)
        self.value = nn.Linear(c.narrow, width)
        self.query_place = nn.Parameter(0.02 * torch.randn(LONGEST_BAR, width))
        self.key_place = nn.Parameter(0.02 * torch.randn(LONGEST_BAR, width))
        self.nothing = nn.Parameter(0.02 * torch.randn(2, c.heads, c.size))
        self.distance = nn.Embedding(BUCKETS, c.heads)
        self.kind = nn.Embedding(len(KINDS), c.heads)
        self.token_out = nn.Linear(width, VOCABULARY)
        self.interval_out = nn.Linear(width, 2 * SAID + 1)
        self.interval_state = nn.Linear(c.state, 2 * SAID + 1)
        for layer in (self.token_out, self.interval_out, self.interval_state):  # at first it says nothing
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.distance.weight)
        nn.init.zeros_(self.kind.weight)

    # ---- reading

    def read(self, embedded: Tensor, tokens: Tensor, last: Tensor) -> Tensor:
        """Steps as they are read: their tokens' embeddings (..., token), tokens (...,), the pitch before each (...,): (..., read)."""
        return self.narrow(torch.cat([embedded, self.event(_events(tokens, last)).to(embedded.dtype)], dim=-1))

    def windows(self, read: Tensor) -> Tensor:
        """The SPAN steps before each place, of steps from the first on, (n, L, read): (n, L, SPAN · read)."""
        before = F.pad(read, (0, 0, SPAN, 0))[:, :-1]
        return before.unfold(1, SPAN, 1).transpose(2, 3).flatten(2)

    def heard(self, windows: Tensor) -> Tensor:
        """The context of places (..., SPAN · read): (..., context)."""
        return F.gelu(self.context(windows))

    def stored(self, heard: Tensor, read: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of steps: heard (n, L, context), read (n, L, read), their places in the bar int (L,): each (n, L, heads, size)."""
        keys = self.key(heard) + self.key_place[place].to(heard.dtype)
        return self._by_heads(keys), self._by_heads(self.value(read))

    def asked(self, state: Tensor, heard: Tensor, place: Tensor) -> Tensor:
        """Queries of steps: state (n, L, state), the context that they have themselves, places (L,): (n, L, heads, size)."""
        query = self.query(state) + self.query_context(heard)
        return self._by_heads((query + self.query_place[place].to(query.dtype)) * self.config.size**-0.5)

    def _by_heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.config.heads, self.config.size))

    def bias(self, context: Context) -> Tensor:
        """The bias of bars to bars, by distance and where one is the other's source: (n, heads, B, B)."""
        bars = context.bars
        near = self.distance(distance_buckets(bars).to(context.source.device))[None]
        source = F.one_hot(context.source.clamp(min=0), bars) * (context.source >= 0)[..., None]
        return (near + source[..., None] * self.kind(context.kind)[:, :, None]).permute(0, 3, 1, 2)

    def with_nothing(self, stored: Tensor, which: int) -> Tensor:
        """Keys (0) or values (1) of steps (n, L, heads, size) with those of "nothing" before them: (n, heads, 1 + L, size)."""
        nothing = self.nothing[which].to(stored.dtype).expand(len(stored), 1, -1, -1)
        return torch.cat([nothing, stored], dim=1).transpose(1, 2)

    @staticmethod
    def found(query: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
        """Attention: query (n, heads, Q, size), keys and values (n, heads, K, size), bias (n, heads, Q, K): (n, Q, heads · size)."""
        share = (query @ keys.transpose(-1, -2) + bias).softmax(-1).to(values.dtype)
        return (share @ values).transpose(1, 2).flatten(2)

    # ---- saying

    def said(self, found: Tensor, state: Tensor, last: Tensor) -> Tensor:
        """Logits (..., V) of what was found (..., heads · size), given the pitch before, a token (...,), HOLD where there is none."""
        interval = self.interval_out(found) + self.interval_state(state)
        pitch = torch.arange(VOCABULARY, device=last.device)
        distance = pitch - last[..., None]
        there = (last[..., None] > HOLD) & (pitch >= FIRST_ONSET) & (distance.abs() <= SAID)
        moved = interval.gather(-1, (distance + SAID).clamp(0, 2 * SAID))
        return self.token_out(found) + moved.masked_fill(~there, 0.0)

    def forward(self, embedded: Tensor, state: Tensor, tokens: Tensor, context: Context, wanted: Tensor) -> Tensor:
        """Logits (n, L, V) for all steps at once: embedded (n, L, token) tokens (n, B, S), state (n, L, state), wanted: bool (n, B).

        Every step sees those before it; one of a wanted bar also sees bars that are given later on (`later_given`).
        """
        _, bars, steps = tokens.shape
        flat, place = tokens.flatten(1), torch.arange(steps, device=tokens.device).repeat(bars)
        last = last_pitch(flat)
        read = self.read(embedded, flat, last)
        heard = self.heard(self.windows(read))
        keys, values = self.stored(heard, read, place)
        query = self.asked(state, heard, place).transpose(1, 2)
        later = later_given(wanted, steps).repeat_interleave(steps, 2).repeat_interleave(steps, 1)
        hidden = torch.ones(len(place), len(place), dtype=torch.bool, device=tokens.device).triu()[None] & ~later
        bias = self.bias(context).to(query.dtype).repeat_interleave(steps, 2).repeat_interleave(steps, 3).masked_fill(hidden[:, None], -torch.inf)
        found = self.found(query, self.with_nothing(keys, 0), self.with_nothing(values, 1), F.pad(bias, (1, 0)))
        return self.said(found, state, last)


class Recollection:
    """What `Recall` has seen of n pieces while they are written, step by step; no gradients.

    All keys take part at every step, hidden or not: how many there are would change a sum's last bits, and depend on other pieces.

    tokens: int64 (n, B, S), those of given bars count at once. embedding: of all tokens. precision: of keys and values, which are what is read most.
    """

    def __init__(self, recall: Recall, embedding: Tensor, tokens: Tensor, context: Context, wanted: Tensor, precision: torch.dtype = torch.float32):
        self.recall, self._embedding = recall, embedding
        self.steps = tokens.shape[2]
        self._bias, self._later = recall.bias(context), later_given(wanted, self.steps)
        flat = tokens.flatten(1)
        self.last = torch.full_like(flat[:, 0], HOLD)  # the pitch before the next step, a token
        self._read = F.pad(recall.read(embedding[flat], flat, last_pitch(flat)), (0, 0, SPAN, 0))
        heard = recall.heard(recall.windows(self._read[:, SPAN:]))
        stored = recall.stored(heard, self._read[:, SPAN:], torch.arange(self.steps).repeat(tokens.shape[1]))
        self._keys, self._values = (recall.with_nothing(part, which).to(precision).contiguous() for which, part in enumerate(stored))

    def begin(self, bar: int) -> None:
        """The next steps are those of a bar."""
        steps, n, bars = self.steps, len(self._read), self._later.shape[1]
        shown = torch.arange(bars).expand(n, -1) < bar
        shown = (shown | self._later[:, bar]).repeat_interleave(steps, 1)[:, None]
        self._heard_bias = F.pad(self._bias[:, :, bar].repeat_interleave(steps, 2).masked_fill(~shown, -torch.inf), (1, 0))

    def logits(self, bar: int, step: int, state: Tensor) -> Tensor:
        """What is said of a step's token, given the decoder's state (n, state): (n, V)."""
        at = bar * self.steps + step
        self._heard = self.recall.heard(self._read[:, at : at + SPAN].flatten(1))[:, None]
        query = self.recall.asked(state[:, None], self._heard, torch.tensor([step])).transpose(1, 2)
        found = self.recall.found(query.to(self._keys.dtype), self._keys, self._values, self._heard_bias[:, :, None]).to(state.dtype)
        return self.recall.said(found, state[:, None], self.last[:, None])[:, 0]

    def wrote(self, bar: int, step: int, token: Tensor) -> None:
        """The step that was just asked about has become token (n,)."""
        at = bar * self.steps + step
        read = self.recall.read(self._embedding[token], token, self.last)
        self._read[:, at + SPAN] = read
        keys, values = self.recall.stored(self._heard, read[:, None], torch.tensor([step]))
        self._keys[:, :, at + 1], self._values[:, :, at + 1] = keys[:, 0].to(self._keys.dtype), values[:, 0].to(self._keys.dtype)
        self._heard_bias[:, :, at + 1] = self._bias[:, :, bar, bar]
        self.last = torch.where(_onset(token), token, self.last)

    def end(self, bar: int, tokens: Tensor, before: Tensor) -> None:
        """The bar has become tokens (n, S) after all, whatever was written step by step; before (n,): the pitch before it, a token."""
        place = slice(bar * self.steps, (bar + 1) * self.steps)
        line = torch.cat([before[:, None], tokens], dim=1)
        last = last_pitch(line)[:, 1:]
        self._read[:, place.start + SPAN : place.stop + SPAN] = self.recall.read(self._embedding[tokens], tokens, last)
        windows = self._read[:, place.start : place.stop + SPAN - 1].unfold(1, SPAN, 1).transpose(2, 3).flatten(2)
        read = self._read[:, place.start + SPAN : place.stop + SPAN]
        keys, values = self.recall.stored(self.recall.heard(windows), read, torch.arange(self.steps))
        now = slice(place.start + 1, place.stop + 1)
        self._keys[:, :, now] = keys.transpose(1, 2).to(self._keys.dtype)
        self._values[:, :, now] = values.transpose(1, 2).to(self._keys.dtype)
        self.last = torch.where(_onset(tokens[:, -1]), tokens[:, -1], last[:, -1])


def later_given(wanted: Tensor, steps: int) -> Tensor:
    """For wanted bars, bool (n, B), the later ones that may be seen before they are reached: bool (n, B, B).

    They are given, and so are the bars that their keys are made of besides.
    """
    sound = ~wanted
    for back in range(1, -(-SPAN // steps) + 1):
        sound = sound & F.pad(~wanted, (back, 0), value=True)[:, : wanted.shape[1]]
    later = torch.ones(wanted.shape[1], wanted.shape[1], dtype=torch.bool, device=wanted.device).triu(1)
    return wanted[:, :, None] & sound[:, None] & later


def last_pitch(flat: Tensor) -> Tensor:
    """The latest onset strictly before each step of tokens (n, L): (n, L), HOLD where there is none."""
    place = torch.arange(flat.shape[1], device=flat.device).expand_as(flat)
    upto = place.masked_fill(~_onset(flat), -1).cummax(dim=1).values
    before = F.pad(upto, (1, -1), value=-1)
    return flat.gather(1, before.clamp(min=0)).masked_fill(before < 0, HOLD)


def _onset(tokens: Tensor) -> Tensor:
    return (tokens >= FIRST_ONSET) & (tokens < PAD)


def _events(tokens: Tensor, last: Tensor) -> Tensor:
    """Tokens as steps away from the pitch before: int, below EVENTS."""
    moved = (tokens - last).clamp(-MOST, MOST) + _UNISON
    sounding = torch.where(last > HOLD, moved, torch.full_like(moved, _FIRST))
    return torch.where(_onset(tokens), sounding, torch.where(tokens == HOLD, _HELD, _SILENT))
