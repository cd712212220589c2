"""Rounds of draws of whole pieces: vectors once, written several times, judged by the rules and, among equals, by the critic of realism.

Every network call works on PIECE_CHUNK pieces, so that a piece depends on its key, attempt and earlier best alone, not on its neighbours. Of the
writings that meet the constraints best one is taken with probability in proportion to its odds of being real (sampling importance
resampling: Rubin 1988): what is delivered spreads as real tunes do, where taking the likeliest would make it plain.

Inside: `PieceProblem`, `PieceCandidate`, `PieceRounds`.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from musiclc.latent.critics import Bounds, Critic, bounds
from musiclc.latent.descent import generator_of
from musiclc.model.context import ANY, LAST_PLACE, UNKNOWN_PLACE, Context
from musiclc.model.piece_critics import Asked
from musiclc.model.pieces import DrawOptions, Hand, Objective, Pieces, PieceTask, Way, vectors, write
from musiclc.music.theory import METER_NAMES, METERS
from musiclc.music.tokens import FIRST_ONSET, PITCH_OF_TOKEN, VOCABULARY
from musiclc.rules import allowed_pitches
from musiclc.rules.base import parts_of
from musiclc.rules.sections import SectionGoals
from musiclc.rules.transposition import transposed

PIECE_CHUNK = 8  # pieces a network call
WRITES = 4  # writings of one draw's vectors
BACK = (0.75, 0.95)  # noise levels to which a draw near the best so far goes back

PieceKey = tuple[int, int]  # (seed, index from 1)


@dataclass(frozen=True)
class PieceProblem:
    """What every piece shall become. tokens: int64 (B, S), canonical, those of given bars; wanted: bool (B,).

    plan: random numbers → the piece's shares of equal steps (B, B). mode: number in rules.tonic.MODES, None for any. transpositions: semitones from
    canonical, of which each piece takes one. tonic: pitch class that the last note should have, as written, or None.
    accept: further demands on tokens (n, B, S), such as a form: scores (n,) in [0, 1].
    """

    pieces: Pieces
    meter: str
    tokens: np.ndarray
    wanted: np.ndarray
    parts: tuple[SectionGoals, ...]
    plan: Callable[[np.random.Generator], np.ndarray]
    mode: int | None = None
    transpositions: tuple[int, ...] = (0,)
    opens: bool = True
    closes: bool = True
    tonic: int | None = None
    accept: Callable[[np.ndarray], np.ndarray] | None = None
    critics: dict[str, Critic] = field(default_factory=dict)

    @property
    def bars(self) -> int:
        """B."""
        return len(self.wanted)

    @cached_property
    def places(self) -> tuple[Tensor, Tensor]:
        """The places of all bars from the first and from the last: (B,) each."""
        unknown = torch.full((self.bars,), UNKNOWN_PLACE)
        first = torch.arange(1, self.bars + 1).clamp(max=LAST_PLACE)
        return first if self.opens else unknown, first.flip(0) if self.closes else unknown

    def logit_bias(self, transposition: int) -> Tensor | None:
        """−∞ for tokens that a part does not allow, in canonical transposition: (B, S, V); None where all are."""
        bias = torch.zeros(self.bars, METERS[self.meter], VOCABULARY)
        for part in self.parts:
            allowed = allowed_pitches(part.constraints)
            pitches = np.arange(VOCABULARY - FIRST_ONSET) + FIRST_ONSET + PITCH_OF_TOKEN + transposition
            banned = torch.from_numpy(~allowed[np.clip(pitches, 0, 127)])
            for first, after in part.windows:
                bias[first:after, :, FIRST_ONSET:].masked_fill_(banned, -torch.inf)
        return bias if bool((bias < 0).any()) else None

    def scores(self, tokens: np.ndarray) -> np.ndarray:
        """The rules' own verdict on tokens (n, B, S) as delivered: of each constraint, the worst over its stretches, (n, constraints)."""
        columns = [np.ones(len(tokens))]
        for part in self.parts:
            for c in part.constraints:
                found = [c.score(c.rule.measure(tokens[:, a:b].reshape(len(tokens), -1), self.meter)) for a, b in part.windows]
                columns.append(np.min(found, axis=0))
        if self.accept is not None:
            columns.append(self.accept(tokens))
        return np.stack(columns, axis=1)


@dataclass(frozen=True)
class PieceCandidate:
    """One written piece. tokens: uint8 (B, S) as delivered. scores: as PieceProblem.scores; ends_on_tonic: whether its last note is as asked.

    odds: log odds of being real; realism: share of real tunes with less. x: vectors (B, k) at the noise level of writing; equal: its plan.
    """

    key: PieceKey
    attempt: int
    tokens: np.ndarray
    scores: np.ndarray
    ends_on_tonic: bool
    odds: float
    realism: float
    x: Tensor
    transposition: int
    luck: float
    equal: np.ndarray

    @property
    def index(self) -> int:
        """The item's number, from 1."""
        return self.key[1]

    @property
    def met(self) -> bool:
        """Whether all is as asked."""
        return bool((self.scores >= 1 - 1e-9).all())

    @property
    def rank(self) -> tuple[float, bool, float]:
        """Larger is better; among equals a draw by odds."""
        return round(float(self.scores.sum()), 6), self.ends_on_tonic, self.odds + self.luck


@dataclass
class PieceRounds:
    """Draws that shall meet the problem's constraints. attempts: of a piece at most; realism: what is enough; options: of the draws. writes: of one
    draw's vectors. near: whether later draws begin near the best so far, and not from noise. chunk: pieces a network call.
    """

    problem: PieceProblem
    attempts: int = 12
    realism: float = 0.0
    options: DrawOptions = field(default_factory=DrawOptions)
    writes: int = WRITES
    near: bool = True
    chunk: int = PIECE_CHUNK

    def stream(self, more: Callable[[int], Sequence[PieceKey]]) -> Iterator[tuple[PieceCandidate, int]]:
        """The best candidate of each key and the draws it cost, as each is ready. more: at most how many → the next keys; ends when it gives none."""
        again: deque[tuple[PieceKey, int, PieceCandidate]] = deque()
        while True:
            fresh = [] if len(again) >= self.chunk else [(key, 1, None) for key in more(self.chunk)]
            rows: list[tuple[PieceKey, int, PieceCandidate | None]] = list(fresh)
            while again and len(rows) < self.chunk:
                rows.append(again.popleft())
            if not rows:
                return
            for (key, attempt, before), found in zip(rows[: self.chunk], self._drawn(rows[: self.chunk]), strict=True):
                best = found if before is None else max(before, found, key=lambda c: c.rank)
                if attempt >= self.attempts or (best.met and best.ends_on_tonic and best.realism >= self.realism):
                    yield best, attempt
                else:
                    again.append((key, attempt + 1, best))

    def best(self, keys: Sequence[PieceKey]) -> Iterator[tuple[PieceCandidate, int]]:
        """As `stream`, in the order of keys."""
        left, ready = list(keys), {}

        def more(most: int) -> list[PieceKey]:
            now = left[:most]
            del left[:most]
            return now

        following = iter(keys)
        wanted = next(following, None)
        for candidate, attempts in self.stream(more):
            ready[candidate.key] = candidate, attempts
            while wanted in ready:
                yield ready.pop(wanted)
                wanted = next(following, None)

    # ---- one chunk

    def _drawn(self, rows: list[tuple[PieceKey, int, PieceCandidate | None]]) -> list[PieceCandidate]:
        """The best writing of one draw for each row."""
        full = rows + [rows[0]] * (self.chunk - len(rows))
        near = [before if self.near else None for _, _, before in full]
        randoms = [np.random.default_rng((*key, attempt, 7)) for key, attempt, _ in full]
        task, transpositions = self._task(full, randoms)
        hand = Hand([generator_of(*key, attempt) for key, attempt, _ in full])
        x, t = self._vectors(task, hand, transpositions, near, randoms)
        several = torch.arange(self.chunk).repeat_interleave(self.writes)
        fingers = Hand([generator_of(*full[i][0], full[i][1], j + 1) for i in range(self.chunk) for j in range(self.writes)])
        tokens = write(self.problem.pieces, task.rows(several), x[several], t[several], fingers, self.options)
        return self._chosen(rows, tokens, task.rows(several), x, transpositions, randoms)

    def _task(self, rows: Sequence[tuple], randoms: list[np.random.Generator]) -> tuple[PieceTask, list[int]]:
        problem, n = self.problem, len(rows)
        equal, transpositions, modes = [], [], []
        for (_, _, before), random in zip(rows, randoms, strict=True):
            equal.append(problem.plan(random) if before is None else before.equal)
            choice = problem.transpositions[int(random.integers(len(problem.transpositions)))]
            transpositions.append(choice if before is None else before.transposition)
            frequency = problem.pieces.modes[METER_NAMES.index(problem.meter)]
            modes.append(int(random.choice(len(frequency), p=frequency)) if problem.mode is None else problem.mode)
        first, last = problem.places
        none = torch.full((n, problem.bars), -1)
        context = Context(
            torch.full((n,), METER_NAMES.index(problem.meter)),
            torch.tensor(modes),
            first.expand(n, -1),
            last.expand(n, -1),
            none,
            torch.full_like(none, ANY),
        )
        biases = {transposition: problem.logit_bias(transposition) for transposition in set(transpositions)}
        masked = [biases[transposition] for transposition in transpositions]
        bias = torch.stack([b for b in masked if b is not None]) if all(b is not None for b in masked) else None
        tokens = torch.from_numpy(problem.tokens.astype(np.int64)).expand(n, -1, -1)
        wanted = torch.from_numpy(problem.wanted).expand(n, -1)
        return PieceTask(context, tokens, wanted, np.stack(equal), bias).told(), transpositions

    def _vectors(
        self, task: PieceTask, hand: Hand, transpositions: list[int], near: list[PieceCandidate | None], randoms: list[np.random.Generator]
    ) -> tuple[Tensor, Tensor]:
        """The chunk's vectors: from noise, or, for rows that have a best so far, from part of the way back to it."""
        objective = self._objective(task, transpositions)
        start, back = None, None
        if any(best is not None for best in near):
            shape = (self.problem.bars, self.problem.pieces.bars.config.latent)
            start = torch.stack([best.x if best is not None else torch.zeros(shape) for best in near])
            levels = [random.uniform(*BACK) if best is not None else 1.0 for best, random in zip(near, randoms, strict=True)]
            back = torch.tensor(levels, dtype=torch.float32)
        with torch.no_grad():
            return vectors(self.problem.pieces, task, hand, self.options, Way(objective, start, back))

    def _objective(self, task: PieceTask, transpositions: list[int]) -> Objective | None:
        """The critics' weighted sum for melodies that will be transposed so; None where no constraint has a critic."""
        terms: list[tuple[Critic, Bounds, float, Asked]] = []
        for part in self.problem.parts:
            for c in parts_of(part.constraints):
                critic = self.problem.critics.get(c.rule.name)
                if critic is None or c.rule.fixed:
                    continue
                goal = bounds([c.rule.transposed(c.goal.tight, -transposition) for transposition in transpositions])
                for first, after in part.windows:
                    asked = torch.zeros_like(task.wanted)
                    asked[:, first:after] = True
                    terms.append((critic, goal, c.weight, Asked(task.context.meter, asked)))
        if not terms:
            return None

        def objective(x: Tensor, t: Tensor) -> Tensor:
            return torch.stack([weight * critic.log_met(x, t, asked, goal) for critic, goal, weight, asked in terms]).sum(0)

        return objective

    def _chosen(
        self, rows: list[tuple], tokens: Tensor, task: PieceTask, x: Tensor, transpositions: list[int], randoms: list[np.random.Generator]
    ) -> list[PieceCandidate]:
        """Of each row's writings the best by rank."""
        problem, writes = self.problem, self.writes
        odds, realism = self._judged(tokens, task)
        flat = tokens.flatten(1).numpy().astype(np.uint8)
        there = transposed(flat, np.repeat(transpositions, writes)).reshape(tokens.shape)
        scores, on_tonic = problem.scores(there), self._on_tonic(there)
        found = []
        for i, (key, attempt, _) in enumerate(rows):
            luck = randoms[i].gumbel(size=writes)
            several = [
                PieceCandidate(
                    key,
                    attempt,
                    there[j],
                    scores[j],
                    bool(on_tonic[j]),
                    float(odds[j]),
                    float(realism[j]),
                    x[i],
                    transpositions[i],
                    float(luck[j - i * writes]),
                    task.equal[j],
                )
                for j in range(i * writes, (i + 1) * writes)
            ]
            found.append(max(several, key=lambda c: c.rank))
        return found

    @torch.no_grad()
    def _judged(self, tokens: Tensor, task: PieceTask) -> tuple[np.ndarray, np.ndarray]:
        pieces = self.problem.pieces
        if pieces.realism is None:
            return np.zeros(len(tokens)), np.zeros(len(tokens))
        odds = pieces.realism(pieces.flow.standardise(pieces.bars.encode(tokens)[0]), tokens, task.context)
        return odds.numpy(), pieces.realism.realism(odds).numpy()

    def _on_tonic(self, tokens: np.ndarray) -> np.ndarray:
        """Whether the last note of tokens (n, B, S) is as asked; true where nothing is said of it."""
        if self.problem.tonic is None:
            return np.ones(len(tokens), bool)
        flat = tokens.reshape(len(tokens), -1)
        onsets = flat >= FIRST_ONSET
        last = flat.shape[1] - 1 - onsets[:, ::-1].argmax(1)
        pitch = flat[np.arange(len(flat)), last].astype(int) + PITCH_OF_TOKEN
        return onsets.any(1) & (pitch % 12 == self.problem.tonic)
