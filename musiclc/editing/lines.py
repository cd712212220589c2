"""What an edit is asked, and the search for the likeliest lines of a piece's windows, held to what was there.

A window of four bars is encoded as a point in the latent space. The point is made noisy, x_t = (1 − t)·x, so that the decoder reads it as
a hint, and the decoder is searched (model.beam) for the likeliest line under logit biases: nothing forbidden, and so much more for every
token that stays. Noise level and bias strengths are one dial, `keep`. All of it happens at the piece's canonical transposition.

Inside: `BiasStrengths`, `EditProblem`, `LineSearch` with `points`, `logit_biases`, `lines`; `aligned`, `nll_per_note`, `generator_of`.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from musiclc.editing.piece import Piece, Windows
from musiclc.latent.fitting import Points
from musiclc.midi.section import MeterSection
from musiclc.model.beam import Beam, Lines, best_lines
from musiclc.music import tokens as tok
from musiclc.music.theory import METERS
from musiclc.rules import allowed_pitches
from musiclc.rules.base import Constraint, parts_of
from musiclc.rules.transposition import canonical_transpositions

if TYPE_CHECKING:
    from musiclc.latent.critics import Critic
    from musiclc.model.checkpoint import Model

MET = 1 - 1e-9
AT_ONCE = 32  # windows a network call
WIDTH, COUNTED_WIDTH = 16, 2  # lines kept, in all or for each number of notes
HEARD = 8  # windows that tell where bars begin
CLEARLY = 0.97  # of the nll_per_note with bars as written: below it, a pickup is believed


@dataclass(frozen=True)
class BiasStrengths:
    """How hard a line is held to the original. noise_level: t of its points, 0-1. The others are in nats:

    held: for a token that stays as it was; begun: for a note that begins where one began; near: lost for each semitone that a note is moved.
    """

    noise_level: float
    held: float
    begun: float
    near: float

    @staticmethod
    def of(keep: float) -> "BiasStrengths":
        """The strengths for keep in [0, 1]: 1 touches nothing that need not change, 0 holds on to little but the rhythm."""
        at = (0.0, 0.3, 0.7, 1.0)
        noise_level = float(np.interp(keep, at, (0.8, 0.8, 0.7, 0.7)))
        held = float(np.interp(keep, at, (1.0, 2.0, 4.5, 25.0)))
        near = float(np.interp(keep, at, (0.1, 0.2, 0.55, 1.5)))
        begun = float(np.interp(keep, at, (6.0, 6.0, 6.0, 25.0)))
        return BiasStrengths(noise_level, held, begun, near)

    @property
    def counted(self) -> "BiasStrengths":
        """The strengths where notes are counted: which of them stay, or are added, is as much a matter of the line as where they go."""
        return BiasStrengths(max(self.noise_level, 0.8), self.held * 0.6, self.begun / 2, self.near / 2)

    def weaker(self, factor: float) -> "BiasStrengths":
        """The same noise level with the biases multiplied by `factor`."""
        return BiasStrengths(self.noise_level, self.held * factor, self.begun * factor, self.near * factor)


@dataclass(frozen=True)
class EditProblem:
    """One piece and its constraints. critics: by rule name, for the rules of `left`. noise: its scale in the points, 0 for none, and its seed."""

    model: "Model"
    piece: Piece
    constraints: list[Constraint]
    strengths: BiasStrengths
    critics: "dict[str, Critic]" = field(default_factory=dict)
    noise: tuple[float, np.random.SeedSequence | None] = (0.0, None)

    def met(self, state: np.ndarray, constraints: list[Constraint] | None = None) -> bool:
        """Whether the rules find every goal met, of all constraints or of these."""
        asked = self.constraints if constraints is None else constraints
        return bool((self.piece.scores(asked, state[None]) >= MET).all())

    @property
    def granted(self) -> list[Constraint]:
        """The constraints, or parts of them, that allowed pitches or a number of notes grant."""
        return [c for c in parts_of(self.constraints) if c.rule.allowed or c.rule.notes]

    @property
    def left(self) -> list[Constraint]:
        """The constraints, or parts of them, that are left to critics and small changes."""
        return [c for c in parts_of(self.constraints) if not c.rule.allowed and not c.rule.notes]

    @property
    def counted(self) -> tuple[int, int] | None:
        """The fewest and most notes that the whole piece may have; None when no rule counts them."""
        limits = [c.rule.notes(c.goal, self.piece.bars) for c in self.constraints if c.rule.notes]
        if not limits:
            return None
        low, high = max(a for a, _ in limits), min(b for _, b in limits)
        return int(np.ceil(max(low, 0) - 1e-9)), int(np.floor(min(high, len(self.piece.state)) + 1e-9))


# ---- the piece before the model's eyes -----------------------------------------------------------------------------


def tensors(rows: np.ndarray, meters: np.ndarray) -> tuple[Tensor, Tensor]:
    """Rows (n, 64) and meters (n,) as the networks read them."""
    return torch.from_numpy(rows.astype(np.int64)), torch.from_numpy(meters)


def generator_of(seed: np.random.SeedSequence) -> torch.Generator:
    """A generator of torch's that a seed of numpy's determines."""
    return torch.Generator().manual_seed(int(seed.generate_state(1, np.uint64)[0] >> np.uint64(1)))


def nll_per_note(model: "Model", piece: Piece, state: np.ndarray) -> float:
    """The VAE's negative log-likelihood of a state (F,), in nats a note: the mean over its windows."""
    windows = piece.windows()
    return float(model.vae.nll_per_note(*tensors(windows.rows(state)[0], windows.meters)).mean())


def aligned(model: "Model", piece: Piece) -> Piece:
    """The piece with windows on the bars that one hears: each section has the pickup with which the VAE finds it clearly likelier.

    Files often begin with a pickup and do not say so.
    """
    return Piece(tuple(replace(s, pickup=_pickup(model, s, t)) for s, t in zip(piece.sections, piece.split(piece.state), strict=True)), piece.state)


def _pickup(model: "Model", section: MeterSection, tokens: np.ndarray) -> int:
    """Steps, an even number of them: eighths are the shortest pickups looked for. tokens: the section's, (T,)."""
    pickups = range(0, METERS[section.meter], 2)
    means = []
    for pickup in pickups:
        part = Piece((replace(section, pickup=pickup),), tokens)
        windows = part.windows().some(slice(HEARD))
        rows, _ = windows.rows(part.state)
        notes = ((rows >= tok.FIRST_ONSET) & (rows < tok.PAD) & windows.free).sum(axis=1)
        means.append(float((model.vae.nll_per_note(*tensors(rows, windows.meters)).numpy() * notes).sum() / max(notes.sum(), 1)))
    best = int(np.argmin(means))
    return pickups[best] if means[best] < CLEARLY * means[0] else 0


# ---- the search ----------------------------------------------------------------------------------------------------


class Counted(NamedTuple):
    """The best line for every number of notes. state: (F,) to count from; fewer, more: how far from its number."""

    state: np.ndarray
    fewer: int
    more: int


@dataclass(frozen=True)
class LineSearch:
    """Lines for windows of a piece. start: the state that lines are held to, (F,)."""

    problem: EditProblem
    start: np.ndarray

    @property
    def transposition(self) -> int:
        """Semitones from the piece to its canonical transposition."""
        return int(canonical_transpositions(self.problem.piece.whole(self.start[None]))[0])

    def points(self, windows: Windows, state: np.ndarray) -> Tensor:
        """Standardised points (n, d) of the windows of a state, at the canonical transposition."""
        prior, transposition = self.problem.model.prior, self.transposition
        assert prior is not None
        rows = tok.transpose(windows.rows(state)[0], transposition)
        with torch.no_grad():
            return prior.standardise(self.problem.model.vae.encode(*tensors(rows, windows.meters))[0])

    def logit_biases(self, windows: Windows, state: np.ndarray, strengths: BiasStrengths) -> Tensor:
        """What is added to each token's logit at each step of the windows, at the canonical transposition, in nats: (n, 64, V).

        −∞ for what is forbidden, and for all but the state's own token where a step may not change.
        """
        rows, tied = windows.rows(state)
        rows, start, original = (tok.transpose(r, self.transposition) for r in (rows, windows.rows(self.start)[0], self._original(windows)))
        bias = self._held(start, original, strengths)
        self._forbid(bias, windows)
        fixed = ~windows.free | tied
        forced = np.where(np.arange(tok.VOCABULARY) == np.minimum(rows, tok.VOCABULARY - 1)[..., None], 0.0, -np.inf)
        return torch.from_numpy(np.where(fixed[..., None], forced, bias).astype(np.float32))

    def _original(self, windows: Windows) -> np.ndarray:
        return windows.rows(self.problem.piece.state)[0]

    @staticmethod
    def _held(start: np.ndarray, original: np.ndarray, strengths: BiasStrengths) -> np.ndarray:
        """The pull to the start's rows (n, 64), stronger where they are the original's: (n, 64, V)."""
        tokens, inside = np.arange(tok.VOCABULARY), np.minimum(start, tok.VOCABULARY - 1)[..., None]
        onset = ((start >= tok.FIRST_ONSET) & (start < tok.PAD))[..., None]
        bias = np.where(onset & (tokens >= tok.FIRST_ONSET), strengths.begun - strengths.near * np.abs(tokens - inside), 0.0)
        bias += strengths.held * ((tokens == inside) & (start == original)[..., None])
        return bias

    def _forbid(self, bias: np.ndarray, windows: Windows) -> None:
        """−∞ in bias (n, 64, V) for pitches that are not allowed, for notes held over from another section, and for what a chord would cover."""
        tokens, piece = np.arange(tok.VOCABULARY), self.problem.piece
        pitches = tokens[tok.FIRST_ONSET :] + tok.PITCH_OF_TOKEN - self.transposition  # in the piece
        allowed = allowed_pitches(self.problem.constraints)[pitches.clip(0, 127)]  # neither 0 nor 127 is on the piano
        bias[..., tok.FIRST_ONSET :][..., ~allowed] = -np.inf
        bias[np.isin(windows.at, piece.starts), tok.HOLD] = -np.inf
        floor = np.where(windows.at >= 0, piece.floor[np.maximum(windows.at, 0)].astype(int), 0)
        bias[(tokens < (floor + self.transposition)[..., None]) & (floor > 0)[..., None]] = -np.inf  # what lies under would be the line

    def lines(self, windows: Windows, x: Tensor, bias: Tensor, noise_level: float, counted: Counted | None = None, width: int = WIDTH) -> Lines:
        """The best lines of noisy points x (n, d) under biases (n, 64, V), transposed back. width: lines kept where notes are not counted."""
        prior, vae = self.problem.model.prior, self.problem.model.vae
        assert prior is not None
        found = []
        for first in range(0, len(x), AT_ONCE):
            part = slice(first, first + AT_ONCE)
            some = windows.some(part)
            beam = Beam(width) if counted is None else _counting(some, counted)
            found.append(best_lines(vae, Points(prior.restore(x[part]), torch.from_numpy(some.meters), noise_level), bias[part], beam))
        tokens = torch.cat([f.tokens for f in found])
        sounding = (tokens >= tok.FIRST_ONSET) & (tokens < tok.PAD)
        return Lines(torch.where(sounding, tokens - self.transposition, tokens), torch.cat([f.score for f in found]))


def _counting(windows: Windows, counted: Counted) -> Beam:
    """A beam that keeps lines for each number of notes."""
    rows = windows.rows(counted.state)[0]
    begins = torch.from_numpy((rows >= tok.FIRST_ONSET) & (rows < tok.PAD))
    return Beam(COUNTED_WIDTH, begins, counted.fewer, counted.more)
