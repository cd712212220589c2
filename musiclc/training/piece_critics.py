"""What steers whole pieces: a bank of written pieces, a critic for every rule, and the critic of realism. No files here.

Taught by nothing but scoring: vectors are drawn or taken from real tunes and made noisy, written, and the rules measure what was written.

Inside: `PieceBank`, `drawn_bank`, `real_bank`, `fit_piece_critic`, `fit_piece_realism`, `measure_piece_realism`.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from musiclc.latent.critics import Critic, CriticConfig
from musiclc.latent.descent import generator_of, seeded
from musiclc.latent.fitting import SmallFit, descend
from musiclc.latent.search import renoised
from musiclc.model.context import MODE_UNKNOWN, UNKNOWN_PLACE, Context
from musiclc.model.piece_critics import Asked, piece_critic
from musiclc.model.piece_realism import QUANTILES, PieceRealism, PieceRealismConfig, whole_features
from musiclc.model.pieces import DrawOptions, Hand, Pieces, PieceTask, vectors, write
from musiclc.music.theory import METER_NAMES
from musiclc.rules import Rule
from musiclc.training.pieces import PieceBatch, PieceData

CHUNK = 64
WHOLE = 0.5  # share of examples in which a rule measures the whole piece, and not some bars of it
AT_END, OF = 2, 5  # so many steps of so many show a critic points at the noise level of writing


@dataclass(frozen=True)
class PieceBank:
    """Written pieces of one meter and length. x: standardised (n, B, k) at noise levels t (n, B); tokens: int64 (n, B, S); context: as drawn."""

    x: Tensor
    tokens: Tensor
    context: Context
    t: Tensor

    @property
    def meter(self) -> str:
        """Their meter."""
        return METER_NAMES[int(self.context.meter[0])]


def drawn_bank(pieces: Pieces, data: PieceData, meter: str, bars: int, n: int, options: DrawOptions, seed: int = 0) -> tuple[PieceBank, PieceBatch]:
    """n pieces by the flow and the writer, each told the place, the mode and the returns of a real window; and those windows."""
    batch = data.windows(meter, bars, n, seed)
    n = len(batch.tokens)
    task = PieceTask(batch.context, batch.tokens, torch.ones(n, bars, dtype=torch.bool), batch.equal).told()
    hand = Hand([generator_of(seed, METER_NAMES.index(meter), bars, i) for i in range(n)])
    parts = []
    for rows in torch.arange(n).split(CHUNK):
        some, fingers = task.rows(rows), Hand([hand.generators[i] for i in rows.tolist()])
        with torch.no_grad():
            x, t = vectors(pieces, some, fingers, options)
        parts.append((x, write(pieces, some, x, t, fingers, options), t))
    x, tokens, t = (torch.cat(part) for part in zip(*parts, strict=True))
    return PieceBank(x, tokens, task.context, t), batch


def real_bank(pieces: Pieces, data: PieceData, key: tuple[int, ...], size: int, options: DrawOptions) -> PieceBank:
    """Windows of real tunes, made noisy and written again."""
    batch = data.draw(size, *key)
    n = len(batch.tokens)
    hand = Hand([generator_of(*key, i) for i in range(n)])
    task = PieceTask(batch.context, batch.tokens, torch.ones(batch.tokens.shape[:2], dtype=torch.bool), batch.equal)
    x = pieces.flow.standardise(pieces.bars.encode(batch.tokens)[0])
    x = (1 - options.end) * x + options.end * hand.normal(*x.shape[1:])
    t = torch.full(x.shape[:2], options.end)
    return PieceBank(x, write(pieces, task, x, t, hand, options), batch.context, t)


def fit_piece_critic(banks: list[PieceBank], rule: Rule, latent: int, options: SmallFit) -> Critic:
    """A critic that foretells the rule's measures of all bars, or of some in a row, of the banks' pieces."""
    examples = [_examples(bank, rule, np.random.default_rng((options.seed, number))) for number, bank in enumerate(banks)]
    measures = torch.cat([m for _, m in examples])
    with seeded(options.seed):
        critic = piece_critic(CriticConfig(latent, len(rule.measures), rule.family))
    if rule.family == "gaussian":
        critic.center.copy_(measures.nanmean(0).nan_to_num())
        critic.scale.copy_((measures - critic.center).square().nanmean(0).sqrt().nan_to_num().clamp(min=1e-3))

    def loss(step: int, generator: torch.Generator) -> Tensor:
        number = int(torch.randint(len(banks), (1,), generator=generator))
        bank, (asked, measured) = banks[number], examples[number]
        rows = torch.randint(len(bank.x), (min(options.batch, 4096 // bank.x.shape[1]),), generator=generator)
        x, t = bank.x[rows], bank.t[rows]
        to = t + (1 - t) * float(torch.rand(1, generator=generator)) if step % OF >= AT_END else t
        x, t = renoised(x, torch.randn(x.shape, generator=generator), t, to), to
        return critic.loss(x, t, Asked(bank.context.meter[rows], asked[rows]), measured[rows])

    descend(critic, loss, options)
    return critic


def _examples(bank: PieceBank, rule: Rule, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Of each piece the bars that are asked of, bool (n, B), and the rule's measures of those, float (n, m)."""
    n, bars, _ = bank.tokens.shape
    asked, measures = np.ones((n, bars), bool), np.zeros((n, len(rule.measures)), np.float32)
    lengths = np.where(random.random(n) < WHOLE, bars, random.integers(1, bars + 1, n))
    tokens = bank.tokens.numpy().astype(np.uint8)
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        here = random.integers(0, bars - length + 1, len(rows))[:, None] + np.arange(length)
        asked[rows] = False
        asked[rows[:, None], here] = True
        measures[rows] = rule.measure(tokens[rows[:, None], here].reshape(len(rows), -1), bank.meter)
    return torch.from_numpy(asked), torch.from_numpy(measures)


def fit_piece_realism(pieces: Pieces, banks: list[tuple[PieceBank, PieceBatch]], options: SmallFit) -> PieceRealism:
    """The critic of realism, fitted to tell real windows from what was written in their places (`drawn_bank`)."""
    with seeded(options.seed):
        realism = PieceRealism(PieceRealismConfig(latent=pieces.bars.config.latent))
    found = torch.cat([whole_features(part.tokens, part.context) for each in banks for part in each])
    realism.center.copy_(found.mean(0))
    realism.scale.copy_(found.std(0).clamp(min=1e-3))

    def odds(tokens: Tensor, context: Context) -> Tensor:
        with torch.no_grad():
            x = pieces.flow.standardise(pieces.bars.encode(tokens)[0])
        return realism(x, tokens, context)

    def loss(step: int, generator: torch.Generator) -> Tensor:
        bank, batch = banks[int(torch.randint(len(banks), (1,), generator=generator))]
        rows, others = (torch.randint(len(bank.x), (options.batch // bank.context.bars,), generator=generator) for _ in range(2))
        untold = float(torch.rand(1, generator=generator)) < 0.5
        real = odds(batch.tokens[rows], _untold(batch.context.rows(rows), untold))
        drawn = odds(bank.tokens[others], _untold(bank.context.rows(others), untold))
        return F.softplus(-real).mean() + F.softplus(drawn).mean()

    descend(realism, loss, options)
    return realism


def _untold(context: Context, untold: bool) -> Context:
    """Sometimes not told of places and mode, so that it judges parts of tunes, too."""
    if not untold:
        return context
    place = torch.full_like(context.first, UNKNOWN_PLACE)
    return Context(context.meter, torch.full_like(context.mode, MODE_UNKNOWN), place, place, context.source, context.kind)


@torch.no_grad()
def measure_piece_realism(realism: PieceRealism, pieces: Pieces, real: list[tuple[Tensor, Context]]) -> None:
    """Tell the critic, in place, the odds of held-out tunes: what its realism compares with."""
    odds = [realism(pieces.flow.standardise(pieces.bars.encode(tokens)[0]), tokens, context) for tokens, context in real]
    realism.real.copy_(torch.quantile(torch.cat(odds), torch.linspace(0, 1, QUANTILES)))
