"""BarVAE: one bar of tokens ↔ one latent vector, and a decoder that writes whole pieces bar by bar. Read top to bottom.

Shapes: n pieces in one meter, B bars, S steps a bar (24 in the encoder, shorter bars filled up with PAD; the meter's own in the
decoder), k latent dimensions a bar, V tokens.

The encoder sees a bar alone: equal bars have equal vectors, wherever they stand. The decoder hears three things of a bar: its own vector and those of
the other bars, each with as much noise as its noise level t says (attention over all bars); the bars already written, encoded
without noise (its *memory*; attention over earlier bars, so that what returns can be copied and joins hold); and the source, where
the bar is a return. From them it unfolds step features and the first state of a GRU, which writes the bar's tokens; the first token
follows the last event of the bar before. What single notes before say is added to its logits (recall.py). With t = 1 the vectors say nothing,
and it writes from memory alone.

Sources: bar-wise latents as in MusicVAE's conductor (Roberts et al. 2018, §3.2); β < 1 as in Engel, Hoffman and Roberts 2018, §2;
noise-conditioned decoding as the upsamplers of Ho et al. 2022, Cascaded Diffusion Models, §4.

Inside: `BarConfig`, `BarVAE`, `carried`.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musiclc.model.context import BUCKETS, Context, Told, distance_buckets, of_source
from musiclc.model.recall import Recall, RecallConfig
from musiclc.model.vae import DROPPED, IGNORE, MIN_STD, START, TIME_FEATURES, Residual, time_features
from musiclc.music.theory import LONGEST_BAR
from musiclc.music.tokens import HOLD, PAD, VOCABULARY


@dataclass(frozen=True)
class BarConfig:
    """Sizes. latent: dimensions a bar (k). width: of bar vectors. recurrent, step_width: of the decoder's GRU and its input."""

    latent: int = 40
    width: int = 320
    heads: int = 5
    embedding: int = 48
    step_width: int = 64
    recurrent: int = 352
    layers: int = 2
    memories: int = 2


class Attention(nn.Module):
    """Attention of bars to bars with a learnt bias by distance: queries (n, Q, width), keys (n, K, width), bias (heads, Q, K) → (n, Q, width)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.both = nn.Linear(width, 2 * width)
        self.project = nn.Linear(width, width)
        self.distance = nn.Embedding(BUCKETS, heads)
        nn.init.zeros_(self.distance.weight)

    def keys(self, at: Tensor) -> Tensor:
        """Keys and values of bars (n, K, width): (2, n, heads, K, width / heads)."""
        n, bars, _ = at.shape
        return self.both(at).view(n, bars, 2, self.heads, -1).permute(2, 0, 3, 1, 4)

    def bias(self, buckets: Tensor) -> Tensor:
        """The bias of pairs of bars, buckets (Q, K): (heads, Q, K)."""
        return self.distance(buckets).permute(2, 0, 1)

    def forward(self, x: Tensor, keys: Tensor, bias: Tensor) -> Tensor:
        n, bars, width = x.shape
        q = self.query(self.norm(x)).view(n, bars, self.heads, -1).transpose(1, 2)
        weights = q @ keys[0].transpose(-1, -2) * q.shape[-1] ** -0.5 + bias
        attended = weights.softmax(-1).to(keys.dtype) @ keys[1]
        return self.project(attended.transpose(1, 2).reshape(n, bars, width))


class AroundBlock(nn.Module):
    """Every bar looks at all bars: (n, B, width) → the same."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attention = Attention(width, heads)
        self.mlp = Residual(width)

    def forward(self, x: Tensor, buckets: Tensor) -> Tensor:
        a = self.attention
        return self.mlp(x + a(x, a.keys(a.norm(x)), a.bias(buckets)))


class MemoryBlock(nn.Module):
    """Every bar looks at the bars written before it, and at a learnt one that stands for "nothing"."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attention = Attention(width, heads)
        self.nothing = nn.Parameter(0.02 * torch.randn(width))
        self.mlp = Residual(width)

    def keys(self, memory: Tensor) -> Tensor:
        """Keys and values of remembered bars (n, K, width), "nothing" first."""
        nothing = self.nothing.expand(len(memory), 1, -1)
        return self.attention.keys(torch.cat([nothing, memory], dim=1))

    def forward(self, x: Tensor, keys: Tensor, buckets: Tensor, hidden: Tensor | None = None) -> Tensor:
        """x (n, Q, width); buckets (Q, K) of the remembered bars; hidden: bool (Q, K) or (n, Q, K), those that may not be seen."""
        bias = F.pad(self.attention.bias(buckets), (1, 0))[None]
        if hidden is not None:
            mask = F.pad(hidden if hidden.dim() == 3 else hidden[None], (1, 0))
            bias = bias.masked_fill(mask[:, None], -torch.inf)
        return self.mlp(x + self.attention(x, keys, bias))


class BarVAE(nn.Module):
    """encode: bars → mean and std; loss: what training minimises; write: vectors and noise levels → tokens, bar by bar.

    precision: of the recurrent products when it writes (numerics.py); float32 unless a loader says otherwise.
    """

    precision: torch.dtype = torch.float32

    def __init__(self, config: BarConfig):
        super().__init__()
        self.config = c = config
        self.tokens = nn.Embedding(DROPPED + 1, c.embedding)
        self.bar_in = nn.Sequential(nn.Linear(LONGEST_BAR * c.embedding, c.width), Residual(c.width), Residual(c.width), nn.LayerNorm(c.width))
        self.mean = nn.Linear(c.width, c.latent)
        self.std = nn.Linear(c.width, c.latent)

        self.latent_in = nn.Linear(c.latent, c.width)
        self.noise_level = nn.Sequential(nn.Linear(TIME_FEATURES, TIME_FEATURES), nn.SiLU(), nn.Linear(TIME_FEATURES, c.width))
        self.told = Told(c.width)
        self.source_in = nn.Linear(c.latent, c.width)
        self.memory_in = nn.Linear(c.latent, c.width)
        self.around = nn.ModuleList(AroundBlock(c.width, c.heads) for _ in range(c.layers))
        self.memory = nn.ModuleList(MemoryBlock(c.width, c.heads) for _ in range(c.memories))
        self.norm = nn.LayerNorm(c.width)
        self.unfold = nn.Linear(c.width, LONGEST_BAR * c.step_width)
        self.step_place = nn.Parameter(0.02 * torch.randn(self.told.meter.num_embeddings, LONGEST_BAR, c.step_width))
        self.first_state = nn.Linear(c.width + c.embedding, c.recurrent)
        self.recurrent = nn.GRU(c.embedding + c.step_width, c.recurrent, batch_first=True)
        self.out = nn.Linear(c.recurrent + c.step_width, VOCABULARY)
        self.recall = Recall(RecallConfig(c.embedding, c.recurrent))

    # ---- tokens → vectors

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Bars int (..., S) → mean and std of q(z|bar), each (..., k)."""
        bars = F.pad(tokens, (0, LONGEST_BAR - tokens.shape[-1]), value=PAD)
        h = self.bar_in(self.tokens(bars).flatten(-2))
        return self.mean(h).float(), F.softplus(self.std(h).float() - 2) + MIN_STD

    # ---- vectors → tokens

    def heard(self, z: Tensor, t: Tensor, context: Context) -> Tensor:
        """What the decoder makes of all bars before it remembers: z (n, B, k) at noise levels t (n, B): (n, B, width)."""
        noise = self.noise_level(time_features(t.flatten(), TIME_FEATURES)).view(*t.shape, -1)
        h = self.latent_in(z) + noise + self.told(context)
        buckets = distance_buckets(z.shape[1]).to(z.device)
        for block in self.around:
            h = block(h, buckets)
        return h

    def unfolded(self, h: Tensor, meter: Tensor, steps: int, before: Tensor) -> tuple[Tensor, Tensor]:
        """h (..., width), meter (...,), the event before each bar (...,) → step features (..., S, step_width), first states (..., recurrent)."""
        h = self.norm(h)
        features = self.unfold(h).unflatten(-1, (LONGEST_BAR, -1))[..., :steps, :] + self.step_place[meter][..., :steps, :]
        return F.gelu(features), torch.tanh(self.first_state(torch.cat([h, self.tokens(before).to(h.dtype)], dim=-1)))

    def logits(
        self, z: Tensor, t: Tensor, tokens: Tensor, context: Context, *, clean: Tensor, dropped: Tensor, forgotten: Tensor, wanted: Tensor
    ) -> Tensor:
        """Logits (n, B, S, V) of tokens (n, B, S) given those before them, z and t as in `heard`, and the clean vectors of earlier bars.

        dropped: bool (n, B, S), tokens that are not to be seen. forgotten: bool (n,), pieces whose earlier bars and sources are not to be seen.
        wanted: bool (n, B), bars that are not given.
        """
        n, bars, steps = tokens.shape
        clean = clean.masked_fill(forgotten[:, None, None], 0.0)
        h = self.heard(z, t, context) + self.source_in(of_source(clean, context.source))
        later = torch.ones(bars, bars, dtype=torch.bool, device=z.device).triu()
        hidden = later[None] | forgotten[:, None, None]
        buckets, remembered = distance_buckets(bars).to(z.device), self.memory_in(clean)
        for block in self.memory:
            h = block(h, block.keys(remembered), buckets, hidden)
        before = carried(tokens).masked_fill(forgotten[:, None], START)
        features, state = self.unfolded(h, context.meter[:, None].expand(-1, bars), steps, before)
        previous = torch.cat([before[..., None], tokens[..., :-1]], dim=-1).masked_fill(dropped, DROPPED)
        read = torch.cat([self.tokens(previous), features], dim=-1).flatten(0, 1)
        written, _ = self.recurrent(read, state.flatten(0, 1)[None])
        logits = self.out(torch.cat([written, features.flatten(0, 1)], dim=-1)).view(n, bars, steps, -1)
        if forgotten.all():
            return logits
        recalled = self.recall(self.tokens(tokens.flatten(1)), written.reshape(n, bars * steps, -1), tokens, context, wanted)
        return logits + recalled.view_as(logits).masked_fill(forgotten[:, None, None, None], 0.0)

    def spelling_loss(self, z: Tensor, t: Tensor, tokens: Tensor, context: Context, **seen: Tensor) -> Tensor:
        """Cross-entropy of tokens, in nats a bar: (n, B). seen: as `logits` takes it."""
        logits = self.logits(z, t, tokens, context, **seen).float()
        return F.cross_entropy(logits.flatten(0, 2), tokens.flatten(), ignore_index=IGNORE, reduction="none").view(tokens.shape).sum(-1)

    def loss(self, tokens: Tensor, context: Context, *, noise: Tensor, dropped: Tensor, forgotten: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstruction and KL terms, nats a bar. noise: standard normal (n, B, k); the rest as in `logits`."""
        mean, std = self.encode(tokens)
        z = mean + std * noise
        clean = torch.zeros(tokens.shape[:2], device=z.device)
        seen = {"dropped": dropped, "forgotten": forgotten, "wanted": torch.ones_like(clean, dtype=torch.bool)}
        spelled = self.spelling_loss(z, clean, tokens, context, clean=mean.detach(), **seen).mean()
        return spelled, (0.5 * (mean**2 + std**2 - 1) - std.log()).sum(-1).mean()


def carried(tokens: Tensor) -> Tensor:
    """The last event, onset or rest, before each bar of tokens (n, B, S): (n, B), START before the first."""
    flat = tokens.flatten(1)
    place = torch.arange(flat.shape[1], device=tokens.device).expand_as(flat)
    event = place.masked_fill(flat == HOLD, 0).cummax(dim=1).values
    ends = flat.gather(1, event).view(tokens.shape)[..., -1]
    return torch.cat([torch.full_like(ends[:, :1], START), ends[:, :-1]], dim=1)
