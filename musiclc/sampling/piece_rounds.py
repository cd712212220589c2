"""Rounds of draws of whole pieces: vectors once, written several times, judged by the rules and, among equals, by the critic of realism.

Every network call works on as many pieces (`chunk_of`), so that a piece depends on its key, attempt and earlier best alone, not on its
neighbours. Of the writings that meet the constraints best one is taken with probability in proportion to its odds of being real
(sampling importance resampling: Rubin 1988): what is delivered spreads as real tunes do, where taking the likeliest would make it plain.
A piece that some of its bars keep from being as asked has those alone drawn again, among the others.

Inside: `PieceRounds`, `chunk_of`.
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
from musiclc.model.bank import Bank
from musiclc.model.context import ANY, Context
from musiclc.model.piece_critics import Asked
from musiclc.model.pieces import DrawOptions, Hand, Objective, PieceTask, Way, vectors, write
from musiclc.music import tokens as tok
from musiclc.music.theory import METER_NAMES
from musiclc.rules.transposition import transposed
from musiclc.sampling.drawn import SampleKey
from musiclc.sampling.piece_problem import PieceCandidate, PieceProblem
from musiclc.sampling.searching import Changes

PIECE_CHUNK, CHUNK_BARS = (8, 32), 512  # pieces a network call: so many bars of them, but not fewer nor more than so many pieces
STRENGTHS = (0.5, 1.0, 1.0, 2.0)  # of guidance in a piece's first draw, its second, and so on: it bends draws away from real tunes
WRITES = 8  # writings of one draw's vectors
BACK = (0.85, 0.97)  # noise levels to which a draw near the best so far goes back


def chunk_of(bars: int) -> int:
    """How many pieces of so many bars a network call works on."""
    return min(max(CHUNK_BARS // bars, PIECE_CHUNK[0]), PIECE_CHUNK[1])


@dataclass
class PieceRounds:
    """Draws that shall meet the problem's constraints. attempts: of a piece at most; realism: what is enough; options: of the draws. writes: of one
    draw's vectors. near: whether later draws begin near the best so far, and not from noise. chunk: pieces a network call; 0 stands for
    `chunk_of`. voices: draws of a piece at a time; with more than one a piece is not taken by its odds of being real, but is the one that most
    of all writings agree with.
    """

    problem: PieceProblem
    attempts: int = 12
    realism: float = 0.0
    options: DrawOptions = field(default_factory=DrawOptions)
    writes: int = WRITES
    near: bool = True
    chunk: int = 0
    voices: int = 1
    bank: Bank | None = None

    def __post_init__(self) -> None:
        self.chunk = self.chunk or chunk_of(self.problem.bars)

    def stream(self, more: Callable[[int], Sequence[SampleKey]]) -> Iterator[tuple[PieceCandidate, int]]:
        """The best candidate of each key and the draws it cost, as each is ready. more: at most how many → the next keys; ends when it gives none."""
        again: deque[tuple[SampleKey, int, PieceCandidate]] = deque()
        while True:
            most = self.chunk // self.voices
            fresh = [] if len(again) >= most else [(key, 1, None) for key in more(most)]
            rows: list[tuple[SampleKey, int, PieceCandidate | None]] = list(fresh)
            while again and len(rows) < most:
                rows.append(again.popleft())
            if not rows:
                return
            for (key, attempt, before), found in zip(rows[:most], self._drawn(rows[:most]), strict=True):
                best = found if before is None else max(before, found, key=lambda c: c.rank)
                if (
                    attempt >= self.attempts
                    or (best.met and best.settled >= 1 and best.realism >= self.realism)
                    or self._left_to_search(best, attempt)
                ):
                    yield best, attempt
                else:
                    again.append((key, attempt + 1, best))

    def _left_to_search(self, best: PieceCandidate, attempt: int) -> bool:
        """Whether what small changes grant is all that a piece misses."""
        return self.changes is not None and not best.met and bool((best.scores[~self.problem.searched] >= 1 - 1e-9).all())

    @cached_property
    def changes(self) -> Changes | None:
        """The search of small changes; None where no constraint asks for it, or one draw is all that there may be."""
        return None if not self.problem.searched.any() or self.attempts < 2 or not self.near else self.any_changes

    @cached_property
    def any_changes(self) -> Changes:
        """The search of small changes, whatever the constraints are."""
        problem = self.problem
        shape = problem.tokens.shape
        asked = [(part.constraints, [(a * shape[1], b * shape[1]) for a, b in part.windows]) for part in problem.parts]
        free = np.repeat(problem.wanted, shape[1])
        base = tok.transpose(problem.tokens.reshape(1, -1), problem.transpositions[0])[0].astype(np.uint8)

        def scores(lines: np.ndarray) -> np.ndarray:
            return problem.scores(lines.reshape(-1, *shape))

        return Changes(asked, scores, base, free, problem.meter, problem.transpositions[0], self.bank)

    def best(self, keys: Sequence[SampleKey]) -> Iterator[tuple[PieceCandidate, int]]:
        """As `stream`, in the order of keys."""
        left, ready = list(keys), {}

        def more(most: int) -> list[SampleKey]:
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

    def realism_of(self, candidate: PieceCandidate, tokens: np.ndarray) -> float:
        """The realism of tokens (B, S) that a candidate became, delivered where it was."""
        canonical = tok.transpose(tokens.reshape(1, -1), -candidate.transposition).reshape(1, *tokens.shape)
        task, _ = self._task([candidate], [np.random.default_rng(0)])
        return float(self._judged(torch.from_numpy(canonical.astype(np.int64)), task)[1][0])

    # ---- one chunk

    def _drawn(self, rows: list[tuple[SampleKey, int, PieceCandidate | None]]) -> list[PieceCandidate]:
        """The best writing of one draw, or one a voice, for each row."""
        voiced = [(*row, voice) for row in rows for voice in range(self.voices)]
        full = voiced + [voiced[0]] * (self.chunk - len(voiced))
        near = [before if self.near else None for _, _, before, _ in full]
        randoms = [np.random.default_rng(_numbers(key, attempt, voice, 7)) for key, attempt, _, voice in full]
        task, transpositions = self._task(near, randoms)
        hand = Hand([generator_of(*_numbers(key, attempt, voice)) for key, attempt, _, voice in full])
        objective = self._objective(task, transpositions, [attempt for _, attempt, _, _ in full])
        x, t = self._vectors(task, hand, objective, near, randoms)
        several = torch.arange(self.chunk).repeat_interleave(self.writes)
        fingers = Hand([generator_of(*_numbers(key, attempt, voice, j + 1)) for key, attempt, _, voice in full for j in range(self.writes)])
        tokens = write(self.problem.pieces, task.rows(several), x[several], t[several], fingers, self.options)
        return self._chosen(rows, tokens, task.rows(several), x, near, transpositions, randoms)

    def _task(self, near: Sequence[PieceCandidate | None], randoms: list[np.random.Generator]) -> tuple[PieceTask, list[int]]:
        """What a chunk shall become, and its transpositions; near: each piece's best so far."""
        problem, n = self.problem, len(near)
        equal, transpositions, modes = [], [], []
        tokens, wanted = np.repeat(problem.tokens[None].astype(np.int64), n, 0), np.repeat(problem.wanted[None], n, 0)
        for i, (before, random) in enumerate(zip(near, randoms, strict=True)):
            equal.append(problem.plan(random) if before is None else before.equal)
            choice = problem.transpositions[int(random.integers(len(problem.transpositions)))]
            transpositions.append(choice if before is None else before.transposition)
            frequency = problem.pieces.modes[METER_NAMES.index(problem.meter)]
            mode = int(random.choice(len(frequency), p=frequency)) if problem.mode is None else problem.mode
            modes.append(mode if before is None else before.mode)
            if before is not None and (mend := problem.to_mend(before.key, before.tokens, before.equal)) is not None:
                tokens[i], wanted[i] = before.canonical, mend
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
        return PieceTask(context, torch.from_numpy(tokens), torch.from_numpy(wanted), np.stack(equal), bias).told(), transpositions

    def _vectors(
        self,
        task: PieceTask,
        hand: Hand,
        objective: Objective | None,
        near: list[PieceCandidate | None],
        randoms: list[np.random.Generator],
    ) -> tuple[Tensor, Tensor]:
        """The chunk's vectors: from noise, or, for rows that have a best so far, from part of the way back to it."""
        start, back = None, None
        if any(best is not None for best in near):
            shape = (self.problem.bars, self.problem.pieces.bars.config.latent)
            start = torch.stack([best.x if best is not None else torch.zeros(shape) for best in near])
            levels = [random.uniform(*BACK) if best is not None else 1.0 for best, random in zip(near, randoms, strict=True)]
            back = torch.tensor(levels, dtype=torch.float32)
        with torch.no_grad():
            return vectors(self.problem.pieces, task, hand, self.options, Way(objective, start, back))

    def _objective(self, task: PieceTask, transpositions: list[int], attempts: list[int]) -> Objective | None:
        """The critics' weighted sum for melodies that will be transposed so, stronger in later draws; None where no constraint has a critic."""
        strength = torch.tensor([STRENGTHS[min(attempt, len(STRENGTHS)) - 1] for attempt in attempts])
        terms: list[tuple[Critic, Bounds, float, Asked]] = []
        for critic, c, windows in self.problem.guides:
            goal = bounds([c.rule.transposed(c.goal.tight, -transposition) for transposition in transpositions])
            for first, after in windows:
                asked = torch.zeros_like(task.wanted)
                asked[:, first:after] = True
                terms.append((critic, goal, c.weight, Asked(task.context.meter, asked)))
        if not terms:
            return None

        def objective(x: Tensor, t: Tensor) -> Tensor:
            return strength * torch.stack([weight * critic.log_met(x, t, asked, goal) for critic, goal, weight, asked in terms]).sum(0)

        return objective

    def _chosen(
        self,
        rows: list[tuple],
        tokens: Tensor,
        task: PieceTask,
        x: Tensor,
        near: list[PieceCandidate | None],
        transpositions: list[int],
        randoms: list[np.random.Generator],
    ) -> list[PieceCandidate]:
        """Of each row's writings the best by rank."""
        problem, writes = self.problem, self.writes
        odds, realism = self._judged(tokens, task)
        flat = tokens.flatten(1).numpy().astype(np.uint8)
        there = transposed(flat, np.repeat(transpositions, writes)).reshape(tokens.shape)
        scores = problem.scores(there)
        sure = problem.surely_heard(there)
        luck = np.concatenate([random.gumbel(size=writes) for random in randoms])
        found = []
        for i, (key, attempt, _) in enumerate(rows):
            mine = range(i * self.voices * writes, (i + 1) * self.voices * writes)
            worth = _agreement(there[mine], problem.wanted) if self.voices > 1 else (odds + luck)[mine]
            settled = (problem.ends(key, there[mine]).astype(float) + sure[mine]) / 2
            several = []
            for j, w, rest in zip(mine, worth.tolist(), settled.tolist(), strict=True):
                draw, wanted = j // writes, task.wanted[j, :, None]
                several.append(
                    PieceCandidate(
                        key,
                        attempt,
                        there[j],
                        scores[j],
                        rest,
                        w,
                        float(realism[j]),
                        _kept(x[draw], wanted, near[draw]),
                        transpositions[draw],
                        int(task.context.mode[j]),
                        task.equal[j],
                        flat[j].reshape(there[j].shape),
                    )
                )
            found.append(max(several, key=lambda c: c.rank))
        return found

    @torch.no_grad()
    def _judged(self, tokens: Tensor, task: PieceTask) -> tuple[np.ndarray, np.ndarray]:
        pieces = self.problem.pieces
        if pieces.realism is None:
            return np.zeros(len(tokens)), np.zeros(len(tokens))
        odds = pieces.realism(pieces.flow.standardise(pieces.bars.encode(tokens)[0]), tokens, task.context)
        return odds.numpy(), pieces.realism.realism(odds).numpy()


def _numbers(key: SampleKey, attempt: int, voice: int, *more: int) -> tuple[int, ...]:
    """What the random numbers of one draw go by, and, with more, those of one of its parts."""
    return (*key, attempt, *(more or ((0,) if voice else ())), *((voice,) if voice else ()))


def _kept(x: Tensor, wanted: Tensor, before: PieceCandidate | None) -> Tensor:
    """Vectors (B, k) of a draw; those of bars that were not drawn again, bool (B, 1), as they were before."""
    return x if before is None else torch.where(wanted, x, before.x)


def _agreement(tokens: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Of writings (m, B, S) the mean share of steps of wanted bars, bool (B,), that each has in common with all: (m,)."""
    notes = tokens[:, wanted].reshape(len(tokens), -1)
    return (notes[:, None] == notes[None]).mean((1, 2))
