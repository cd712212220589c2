"""MelodyVAE: four bars of tokens ↔ one latent point, a vector a bar. Read top to bottom.

Shapes: n melodies, B = 4 bars, S = 16 steps a bar (bars of 12 are filled up with PAD), T = B·S = 64, k latent dimensions a
bar, d = B·k in all. A meter is its number in `theory.PHRASE_METERS`.

The encoder flattens each bar's step embeddings into one vector (a bar is short and its grid is fixed, so dense layers do in
one product what a recurrent net does in sixteen steps), then lets the four bars attend to one another. The decoder lets the
four latent vectors attend to one another, unfolds each into step features, and a GRU writes the 64 tokens left to right. It
is told how much noise the point holds (its noise level t in [0, 1], a time of the prior's flow): a clean point it spells out, a
noisy one it reads as a hint and writes the likeliest line that agrees with it. So a point a little off the encodings
still decodes to a line that hangs together (noise-conditioned decoding, as the upsamplers of Ho et al. 2022, Cascaded
Diffusion Models, §4).

Sources: bar-wise latents as in MusicVAE's conductor (Roberts et al. 2018, §3.2); reconstruction weighed over the KL term
(β < 1) as in Engel, Hoffman and Roberts 2018, §2.

Inside: `VAEConfig`, `Block`, `time_features`, `MelodyVAE`, `Reader`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musiclc.music.melody import PHRASE_BARS
from musiclc.music.theory import METERS, PHRASE_METERS
from musiclc.music.tokens import BAR_STEPS, HOLD, PAD, VOCABULARY

START, DROPPED = PAD + 1, PAD + 2  # what the decoder reads before the first step, and in place of a token it must not see
IGNORE = -100  # cross_entropy's own mark for steps that do not count
MIN_STD = 1e-3
TIME_FEATURES = 64


@dataclass(frozen=True)
class VAEConfig:
    """Sizes. latent: dimensions a bar (k). width: of the bar vectors. recurrent, step_width: of the decoder's GRU and its input."""

    latent: int = 48
    width: int = 256
    heads: int = 4
    embedding: int = 48
    step_width: int = 64
    recurrent: int = 320
    encoder_layers: int = 1
    decoder_layers: int = 2


class Residual(nn.Module):
    """x + MLP(LayerNorm(x))."""

    def __init__(self, width: int, expansion: int = 2):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, expansion * width), nn.GELU(), nn.Linear(expansion * width, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mlp(self.norm(x))


class Block(nn.Module):
    """A pre-norm transformer block over bars: (n, B, width) → (n, B, width)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.mlp = Residual(width)

    def forward(self, x: Tensor) -> Tensor:
        n, bars, width = x.shape
        q, k, v = self.qkv(self.norm(x)).view(n, bars, 3, self.heads, -1).permute(2, 0, 3, 1, 4)  # (n, heads, B, width / heads)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, bars, width)
        return self.mlp(x + self.project(attended))


def time_features(t: Tensor, width: int) -> Tensor:
    """Sines and cosines of t (n,) at frequencies from 1 to 1000: (n, width)."""
    frequencies = torch.exp(torch.linspace(0, math.log(1000.0), width // 2, device=t.device))
    angles = t[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class MelodyVAE(nn.Module):
    """encode: tokens → mean and std of q(z|x); decode: z → tokens; loss: what training minimises.

    precision: of the recurrent products when it decodes (numerics.py); float32 unless a loader says otherwise.
    """

    precision: torch.dtype = torch.float32

    def __init__(self, config: VAEConfig):
        super().__init__()
        self.config = c = config
        meters = len(PHRASE_METERS)
        self.tokens = nn.Embedding(DROPPED + 1, c.embedding)

        self.bar_in = nn.Sequential(nn.Linear(BAR_STEPS * c.embedding, c.width), Residual(c.width), Residual(c.width))
        self.encoder_meter = nn.Embedding(meters, c.width)
        self.encoder_place = nn.Parameter(0.02 * torch.randn(PHRASE_BARS, c.width))
        self.encoder = nn.Sequential(*(Block(c.width, c.heads) for _ in range(c.encoder_layers)))
        self.mean = nn.Linear(c.width, c.latent)
        self.std = nn.Linear(c.width, c.latent)

        self.latent_in = nn.Linear(c.latent, c.width)
        self.decoder_meter = nn.Embedding(meters, c.width)
        self.noise_level = nn.Sequential(nn.Linear(TIME_FEATURES, TIME_FEATURES), nn.SiLU(), nn.Linear(TIME_FEATURES, c.width))
        self.decoder_place = nn.Parameter(0.02 * torch.randn(PHRASE_BARS, c.width))
        self.decoder = nn.Sequential(*(Block(c.width, c.heads) for _ in range(c.decoder_layers)), nn.LayerNorm(c.width))
        self.unfold = nn.Linear(c.width, BAR_STEPS * c.step_width)
        self.step_place = nn.Parameter(0.02 * torch.randn(meters, BAR_STEPS, c.step_width))
        self.first_state = nn.Linear(PHRASE_BARS * c.width, c.recurrent)
        self.recurrent = nn.GRU(c.embedding + c.step_width, c.recurrent, batch_first=True)
        self.out = nn.Linear(c.recurrent + c.step_width, VOCABULARY)

    @property
    def dimensions(self) -> int:
        """d, the length of one latent point."""
        return PHRASE_BARS * self.config.latent

    def encode(self, tokens: Tensor, meter: Tensor) -> tuple[Tensor, Tensor]:
        """tokens int (n, T), meter int (n,) → mean, std of q(z|x), each (n, d)."""
        bars = self.tokens(tokens).view(len(tokens), PHRASE_BARS, -1)  # (n, B, S·embedding)
        h = self.bar_in(bars) + self.encoder_place + self.encoder_meter(meter)[:, None]
        h = self.encoder(h)  # (n, B, width)
        std = F.softplus(self.std(h).float() - 2) + MIN_STD
        return self.mean(h).float().flatten(1), std.flatten(1)

    def unfolded(self, z: Tensor, meter: Tensor, t: Tensor | None) -> tuple[Tensor, Tensor]:
        """z (n, d), t (n,) → step features (n, T, step_width) and the GRU's first state (n, recurrent)."""
        t = torch.zeros(len(z), device=z.device) if t is None else t
        told = self.decoder_meter(meter) + self.noise_level(time_features(t, TIME_FEATURES))
        h = self.latent_in(z.view(len(z), PHRASE_BARS, -1)) + self.decoder_place + told[:, None]
        h = self.decoder(h)  # (n, B, width)
        steps = self.unfold(h).view(len(z), PHRASE_BARS, BAR_STEPS, -1) + self.step_place[meter][:, None]
        return F.gelu(steps).flatten(1, 2), torch.tanh(self.first_state(h.flatten(1)))

    def logits(self, z: Tensor, meter: Tensor, previous: Tensor, t: Tensor | None = None) -> Tensor:
        """Logits (n, T, V) of every step's token given z (n, d), its t (n,) and the tokens before it (n, T), as `before` makes them."""
        steps, state = self.unfolded(z, meter, t)
        hidden, _ = self.recurrent(torch.cat([self.tokens(previous), steps], dim=-1), state[None])
        return self.out(torch.cat([hidden, steps], dim=-1))

    @staticmethod
    def before(tokens: Tensor) -> Tensor:
        """Tokens (n, T) one step later, START first."""
        return torch.cat([torch.full_like(tokens[:, :1], START), tokens[:, :-1]], dim=1)

    @torch.no_grad()
    def decode(self, z: Tensor, meter: Tensor, banned: Tensor | None = None, t: Tensor | None = None) -> Tensor:
        """z (n, d), meter int (n,) → the greedy tokens int64 (n, T); steps beyond a bar of 12 hold PAD.

        t: (n,) in [0, 1], the share of noise in each point: none when absent.
        banned: bool (V,), tokens never written: the decode-time mask, a baseline.
        """
        bar_length = self.bar_lengths(meter)

        def likeliest(place: int, logits: Tensor) -> Tensor:
            token = (logits if banned is None else logits.masked_fill(banned, -torch.inf)).argmax(-1)
            written.append(token.masked_fill(bar_length <= place % BAR_STEPS, PAD))
            return written[-1]

        written: list[Tensor] = []
        self._spell(z, meter, t, likeliest)
        return torch.stack(written, dim=1)

    @torch.no_grad()
    def logits_along(self, z: Tensor, meter: Tensor, tokens: Tensor, t: Tensor | None = None) -> Tensor:
        """As `logits` of what comes before tokens (n, T), without gradients and as `decode` works them out."""
        along = tokens.t().contiguous()
        return torch.stack(self._spell(z, meter, t, lambda place, _: along[place]), dim=1)

    def _spell(self, z: Tensor, meter: Tensor, t: Tensor | None, choose: Callable[[int, Tensor], Tensor]) -> list[Tensor]:
        """The decoder left to right: logits (n, V) of each step. choose: place, its logits → the tokens (n,) written there."""
        steps, state = self.unfolded(z, meter, t)
        reader = Reader(self)
        token = torch.full((len(z),), START, dtype=torch.long, device=z.device)
        found = []
        for place in range(steps.shape[1]):
            read, told = reader.of_step(steps[:, place])
            state = reader.next(read + reader.of_token[token], state)
            found.append(told + reader.logits(state))
            token = choose(place, found[-1])
        return found

    @staticmethod
    def bar_lengths(meter: Tensor) -> Tensor:
        """Steps a bar of each meter number: int (n,)."""
        return torch.tensor([METERS[name] for name in PHRASE_METERS], device=meter.device)[meter]

    @torch.no_grad()
    def nll_per_note(self, tokens: Tensor, meter: Tensor) -> Tensor:
        """Negative log-likelihood per note, by reconstruction and KL terms from the mean: nats, (n,), smaller for likelier melodies.

        Up to the noise of z, the negative evidence lower bound (Kingma and Welling 2014) over the number of notes.
        """
        mean, std = self.encode(tokens, meter)
        logits = self.logits_along(mean, meter, tokens)
        target = tokens.masked_fill(tokens == PAD, IGNORE)
        reconstruction = F.cross_entropy(logits.transpose(1, 2), target, ignore_index=IGNORE, reduction="none").sum(1)
        kl = (0.5 * (mean**2 + std**2 - 1) - std.log()).sum(1)
        return (reconstruction + kl) / ((tokens > HOLD) & (tokens < PAD)).sum(1).clamp(min=1)

    def spelling_loss(self, z: Tensor, meter: Tensor, t: Tensor, tokens: Tensor, dropped: Tensor) -> Tensor:
        """Cross-entropy of tokens (n, T) under the decoder, nats a melody, given points z (n, d) at noise levels t (n,); dropped as in `loss`."""
        logits = self.logits(z, meter, self.before(tokens).masked_fill(dropped, DROPPED), t).float()
        target = tokens.masked_fill(tokens == PAD, IGNORE).flatten()
        return F.cross_entropy(logits.flatten(0, 1), target, ignore_index=IGNORE, reduction="sum") / len(tokens)

    def loss(self, tokens: Tensor, meter: Tensor, *, noise: Tensor, dropped: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstruction and KL terms, in nats a melody, averaged over the batch.

        noise: standard normal (n, d). dropped: bool (n, T), steps whose token the decoder does not get to see, so that it
        listens to z (word dropout, Bowman et al. 2016).
        """
        mean, std = self.encode(tokens, meter)
        clean = torch.zeros(len(tokens), device=tokens.device)
        reconstruction = self.spelling_loss(mean + std * noise, meter, clean, tokens, dropped)
        kl = (0.5 * (mean**2 + std**2 - 1) - std.log()).sum(1).mean()
        return reconstruction, kl


class Reader:
    """The decoder's GRU and its logits, step by step and without gradients: products of n lines at a time, not of all their steps.

    A line's own product, nearly all the work, has the VAE's precision.
    """

    def __init__(self, vae: MelodyVAE):
        gru, out, wide, embedding = vae.recurrent, vae.out, vae.config.recurrent, vae.config.embedding
        self.of_token = F.linear(vae.tokens.weight, gru.weight_ih_l0[:, :embedding], gru.bias_ih_l0)  # (tokens, 3·recurrent)
        self._step, self._told = gru.weight_ih_l0[:, embedding:].contiguous(), out.weight[:, wide:].contiguous()
        self._out, self._bias = out.weight[:, :wide].contiguous(), out.bias
        self._recurrent, self._recurrent_bias = (weight.to(vae.precision) for weight in (gru.weight_hh_l0, gru.bias_hh_l0))

    def of_step(self, step: Tensor) -> tuple[Tensor, Tensor]:
        """Of a step's features (n, step_width): what the GRU reads (n, 3·recurrent) and what the logits are told (n, V)."""
        return F.linear(step, self._step), F.linear(step, self._told, self._bias)

    def next(self, read: Tensor, state: Tensor) -> Tensor:
        """One step of torch's GRU cell: read (n, 3·recurrent), of the token before and of the step; state (n, recurrent)."""
        remembered = F.linear(state.to(self._recurrent.dtype), self._recurrent, self._recurrent_bias).to(state.dtype)
        read_reset, read_keep, read_new = read.chunk(3, dim=1)
        old_reset, old_keep, old_new = remembered.chunk(3, dim=1)
        new = torch.tanh(read_new + torch.sigmoid(read_reset + old_reset) * old_new)
        keep = torch.sigmoid(read_keep + old_keep)
        return new + keep * (state - new)

    def logits(self, state: Tensor) -> Tensor:
        """The part of the logits that the state (n, recurrent) gives: (n, V), to be added to what they are told of the step."""
        return F.linear(state, self._out)
