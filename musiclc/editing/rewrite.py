"""The least change of a piece that grants a wish: latent points moved, decoded with a strengths to what was there.

1. *Where to*: notes that the wish forbids go to the nearest pitch that it allows: the start, which is what snapping to a scale gives.
2. *How*: each four-bar window's point is noisy, x_t = (1 − t)·x, and the decoder, which reads a noisy point as a hint, is searched
   for the likeliest line (beam.py) under logit_biases: nothing forbidden, and a strengths to the notes of the original. So what is not in
   question stays, and a note that must change goes where the line as a whole is likeliest. Blur and strengths are one dial, `keep`.
   Windows that lie over the joins are then searched anew, with both their sides given.
3. *How many*: where notes are counted (density), the search gives the best line of every window for every number of notes, and
   the best sum over windows (a shortest path) tells how they share the burden.
Any other rule: see steered.py; what is tried, in which order: editor.py.

Inside: `BiasStrengths`, `EditProblem`, `aligned`, `started`, `snapped`, `Search` with `lines`, `rewritten`, `shared`.
"""

import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from musiclc.editing.piece import Piece, Stretch, Windows
from musiclc.model.beam import Lines, best_lines
from musiclc.music import tokens as tok
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH, METERS
from musiclc.rules import allowed_pitches
from musiclc.rules.base import Constraint
from musiclc.rules.transposition import canonical_transpositions

if TYPE_CHECKING:
    from musiclc.latent.critics import Critic
    from musiclc.model.checkpoint import Model

MET = 1 - 1e-9
AT_ONCE = 32  # windows a network call
WIDTH, COUNTED_WIDTH = 16, 2  # lines kept, in all or for each number of notes
SLACK = 2  # notes more and fewer that a window over a join may have on the way to as many as before
HEARD = 8  # windows that tell where bars begin
CLEARLY = 0.97  # of the nats a note with bars as written: below it, a lead is believed
OCTAVES = (0, 12, -12, 24, -24, 36, -36)  # semitones, in the order in which they are liked


@dataclass(frozen=True)
class BiasStrengths:
    """How hard a line is held to the original. noise_level: of its points, 0-1. In nats: held: for a token that stays as it was; begun: for a
    note that begins where one began; near: lost for each semitone that a moved note goes farther.
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
        """The same with its nats multiplied by `factor`."""
        return BiasStrengths(self.noise_level, self.held * factor, self.begun * factor, self.near * factor)


@dataclass(frozen=True)
class EditProblem:
    """One piece and its wish. critics: by rule name, for the rules of `left`. noise: its share of what blurs the points, and its seed."""

    model: "Model"
    piece: Piece
    constraints: list[Constraint]
    strengths: BiasStrengths
    critics: "dict[str, Critic]" = field(default_factory=dict)
    noise: tuple[float, np.random.SeedSequence | None] = (0.0, None)

    def met(self, state: np.ndarray, constraints: list[Constraint] | None = None) -> bool:
        """Whether the rules find every goal met, of all constraints or of these."""
        wished = self.constraints if constraints is None else constraints
        return bool((self.piece.scores(wished, state[None]) >= MET).all())

    @property
    def granted(self) -> list[Constraint]:
        """The constraints that allowed pitches or a number of notes grant."""
        return [c for c in self.constraints if c.rule.allowed or c.rule.notes]

    @property
    def left(self) -> list[Constraint]:
        """The constraints that are left to critics."""
        return [c for c in self.constraints if not c.rule.allowed and not c.rule.notes]

    @property
    def counted(self) -> tuple[int, int] | None:
        """The fewest and most notes that the whole piece may have; None when no rule counts them."""
        limits = [c.rule.notes(c.goal, self.piece.bars) for c in self.constraints if c.rule.notes]
        if not limits:
            return None
        low, high = max(a for a, _ in limits), min(b for _, b in limits)
        return int(np.ceil(max(low, 0) - 1e-9)), int(np.floor(min(high, len(self.piece.state)) + 1e-9))


def aligned(model: "Model", piece: Piece) -> Piece:
    """The piece with windows on the bars that one hears: each stretch's lead is the one with which the VAE finds it clearly likelier.

    Files often begin with a pickup and do not say so.
    """
    return Piece(tuple(replace(s, pickup=_pickup(model, s)) for s in piece.stretches))


def _pickup(model: "Model", stretch: Stretch) -> int:
    """Steps, an even number of them: eighths are the shortest pickups looked for."""
    leads = range(0, METERS[stretch.meter], 2)
    costs = []
    for lead in leads:
        part = Piece((replace(stretch, pickup=lead),))
        windows = part.windows()
        windows = Windows(*(a[:HEARD] for a in (windows.at, windows.free, windows.meters)))
        rows, _ = windows.rows(part.state)
        notes = ((rows >= tok.FIRST_ONSET) & (rows < tok.PAD) & windows.free).sum(axis=1)
        costs.append(float((model.vae.nll_per_note(*tensors(rows, windows.meters)).numpy() * notes).sum() / max(notes.sum(), 1)))
    best = int(np.argmin(costs))
    return leads[best] if costs[best] < CLEARLY * costs[0] else 0


# ---- where to ------------------------------------------------------------------------------------------------------


def started(problem: EditProblem) -> np.ndarray:
    """The state with every forbidden note at the nearest allowed pitch, by octaves where the whole piece then has more notes allowed."""
    allowed = allowed_pitches(problem.constraints)
    return snapped(_octave(problem.piece.state, allowed), allowed)


def snapped(state: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Forbidden onsets at the nearest allowed pitch, allowed: bool (128,). Where two are as near, each pitch class goes one way, such that
    as few as can be fall together: so degrees of one scale stay apart in another. A copy of the state where no pitch is allowed.
    """
    choices, onset = np.flatnonzero(allowed), tok.onsets(state)
    if not len(choices) or not onset.any():
        return state.copy()
    pitches = state[onset].astype(int) + tok.PITCH_OF_TOKEN
    apart = choices[None] - pitches[:, None]  # (notes, choices)
    nearest = np.abs(apart).min(axis=1, initial=128)
    torn = (np.abs(apart) == nearest[:, None]).sum(axis=1) > 1
    classes = sorted(set((pitches[torn] % 12).tolist()))
    best, found = (np.inf, np.inf), pitches
    for ways in itertools.product((-1, 1), repeat=len(classes)):
        way = np.zeros(12)
        way[classes] = ways
        moved = choices[(np.abs(apart) - 0.1 * (np.sign(apart) == way[pitches % 12][:, None])).argmin(axis=1)]
        worth = (-len(set((moved % 12).tolist())), min(ways.count(-1), ways.count(1)))
        if worth < best:
            best, found = worth, moved
    new = state.copy()
    new[onset] = found - tok.PITCH_OF_TOKEN
    return new


def _octave(state: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """The state moved by the octaves, none if that is as good, that leave the most notes within the allowed compass."""
    pitches = state[tok.onsets(state)].astype(int) + tok.PITCH_OF_TOKEN
    if not len(pitches) or not allowed.any():
        return state
    low, high = np.flatnonzero(allowed)[[0, -1]]
    on_piano = [m for m in OCTAVES if pitches.min() + m >= LOWEST_PITCH and pitches.max() + m <= HIGHEST_PITCH]
    inside = [int(((pitches + m >= low) & (pitches + m <= high)).sum()) for m in on_piano]
    return tok.transpose(state[None], on_piano[int(np.argmax(inside))])[0]


# ---- how -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Search:
    """Lines for windows of a piece. start: the state that lines are pulled to. noise: standard normal (n, d) in place of a plain noise_level."""

    problem: EditProblem
    start: np.ndarray

    @property
    def transposition(self) -> int:
        """Semitones from the piece to home."""
        return int(canonical_transpositions(self.problem.piece.whole(self.start[None]))[0])

    def points(self, windows: Windows, state: np.ndarray) -> Tensor:
        """Standardised points (n, d) of the windows of a state, moved home."""
        prior, transposition = self.problem.model.prior, self.transposition
        assert prior is not None
        rows = tok.transpose(windows.rows(state)[0], transposition)
        with torch.no_grad():
            return prior.standardise(self.problem.model.vae.encode(*tensors(rows, windows.meters))[0])

    def logit_biases(self, windows: Windows, state: np.ndarray, strengths: BiasStrengths) -> Tensor:
        """What each token logit_biases at each step of the windows, at home: (n, 64, V)."""
        rows, tied = windows.rows(state)
        wanted, _ = windows.rows(self.start)
        original, _ = windows.rows(self.problem.piece.state)
        rows, wanted, original = (tok.transpose(r, self.transposition) for r in (rows, wanted, original))
        tokens = np.arange(tok.VOCABULARY)
        inside = np.minimum(wanted, tok.VOCABULARY - 1)
        onset = (wanted >= tok.FIRST_ONSET) & (wanted < tok.PAD)
        distance = np.abs(tokens - inside[..., None])
        gain = np.where(onset[..., None] & (tokens >= tok.FIRST_ONSET), strengths.begun - strengths.near * distance, 0.0)
        here = tokens == inside[..., None]
        gain += strengths.held * (here & (wanted == original)[..., None])
        back = np.arange(tok.FIRST_ONSET, tok.VOCABULARY) + tok.PITCH_OF_TOKEN - self.transposition  # pitches of the tokens, back from home
        allowed = allowed_pitches(self.problem.constraints)[back.clip(0, 127)]  # neither 0 nor 127 is on the piano
        gain[..., tok.FIRST_ONSET :][..., ~allowed] = -np.inf
        gain[np.isin(windows.at, self.problem.piece.starts), tok.HOLD] = -np.inf  # no note is held over from the stretch before
        floor = np.where(windows.at >= 0, self.problem.piece.floor[np.maximum(windows.at, 0)].astype(int), 0)
        gain[(tokens < (floor + self.transposition)[..., None]) & (floor > 0)[..., None]] = -np.inf  # what lies under would be the line
        fixed = ~windows.free | tied
        forced = np.where(tokens == np.minimum(rows, tok.VOCABULARY - 1)[..., None], 0.0, -np.inf)
        return torch.from_numpy(np.where(fixed[..., None], forced, gain).astype(np.float32))

    def lines(
        self, windows: Windows, x: Tensor, gain: Tensor, noise_level: float, counted: tuple[np.ndarray, int, int] | None = None, width: int = WIDTH
    ) -> Lines:
        """The best lines of noisy points x (n, d) under gain, back from home. counted: the state to count from, fewer and more notes.

        width: lines that are kept where notes are not counted.
        """
        prior, vae = self.problem.model.prior, self.problem.model.vae
        assert prior is not None
        meters = torch.from_numpy(windows.meters)
        found = []
        for first in range(0, len(x), AT_ONCE):
            part = slice(first, first + AT_ONCE)
            z = prior.restore(x[part])
            if counted is None:
                found.append(best_lines(vae, z, meters[part], gain[part], t=noise_level, width=width))
                continue
            rows = Windows(windows.at[part], windows.free[part], windows.meters[part]).rows(counted[0])[0]
            begins = torch.from_numpy((rows >= tok.FIRST_ONSET) & (rows < tok.PAD))
            options = {"t": noise_level, "width": COUNTED_WIDTH, "original": begins, "fewer": counted[1], "more": counted[2]}
            found.append(best_lines(vae, z, meters[part], gain[part], **options))
        tokens = torch.cat([f.tokens for f in found])
        sounding = (tokens >= tok.FIRST_ONSET) & (tokens < tok.PAD)
        return Lines(torch.where(sounding, tokens - self.transposition, tokens), torch.cat([f.score for f in found]))


def rewritten(problem: EditProblem, start: np.ndarray) -> np.ndarray:
    """The start with its windows searched: allowed pitches only, and as many notes as the wish counts, if it can be."""
    search, state, strengths = Search(problem, start), start, problem.strengths.counted if problem.counted else problem.strengths
    for shift in (0, 2):
        windows = problem.piece.windows(shift)
        if not len(windows.at):
            continue
        noisy = (1 - strengths.noise_level) * search.points(windows, state) + strengths.noise_level * _noise(problem, windows)
        counted, wanted = _counted(problem, windows, state, shift)
        lines = search.lines(windows, noisy, search.logit_biases(windows, state, strengths), strengths.noise_level, counted)
        chosen = shared(lines.score.numpy(), counted[1], wanted) if counted else np.zeros(len(windows.at), int)
        rows = lines.tokens.numpy()[np.arange(len(windows.at)), chosen]
        state = windows.written(state, rows, ~windows.rows(state)[1])
    return state


def _noise(problem: EditProblem, windows: Windows) -> Tensor:
    """Noise for the windows' points (n, d), as much as the problem wants."""
    share, seed = problem.noise
    if not share or seed is None:
        return torch.zeros(())
    generator = torch.Generator().manual_seed(int(seed.generate_state(1, np.uint64)[0] >> np.uint64(1)))
    return share * torch.randn(len(windows.at), problem.model.vae.dimensions, generator=generator)


def _counted(problem: EditProblem, windows: Windows, state: np.ndarray, shift: int) -> tuple[tuple[np.ndarray, int, int] | None, tuple[int, int]]:
    """What `lines` shall count, and how many notes more the windows shall have in all, fewest and most."""
    limits = problem.counted
    if limits is None:
        return None, (0, 0)
    if shift:
        return (state, SLACK, SLACK), (0, 0)
    have = int(tok.onsets(state).sum())
    low, high = limits[0] - have, limits[1] - have
    need = max(low, 0) + min(high, 0)
    room = -(-abs(need) * 8 // (5 * len(windows.at))) + 4
    return (state, room if need < 0 else 1, room if need > 0 else 1), (low, high)


def shared(score: np.ndarray, fewer: int, wanted: tuple[int, int]) -> np.ndarray:
    """For each window the bin of score (n, S) that makes the sum over windows best, with wanted[0] to wanted[1] notes more in all.

    A bin s is s − fewer notes more; −∞ where there is no line. Where no sum is as wanted, the nearest is taken. int (n,).
    """
    n, bins = score.shape
    total = np.full(n * (bins - 1) + 1, -np.inf)  # best score so far by sum of bins
    total[0] = 0.0
    came = np.zeros((n, len(total)), int)
    for i in range(n):
        options = np.full((bins, len(total)), -np.inf)
        for s in range(bins):
            options[s, s:] = total[: len(total) - s] + score[i, s]
        came[i] = options.argmax(axis=0)
        total = options.max(axis=0)
    more = np.arange(len(total)) - n * fewer
    outside = np.maximum(wanted[0] - more, 0) + np.maximum(more - wanted[1], 0)
    outside = np.where(np.isfinite(total), outside, np.iinfo(int).max)
    at = int(np.where(outside == outside.min(), total, -np.inf).argmax())
    chosen = np.zeros(n, int)
    for i in reversed(range(n)):
        chosen[i] = came[i, at]
        at -= chosen[i]
    return chosen


def tensors(rows: np.ndarray, meters: np.ndarray) -> tuple[Tensor, Tensor]:
    """Rows (n, 64) and meters (n,) as the networks read them."""
    return torch.from_numpy(rows.astype(np.int64)), torch.from_numpy(meters)
