"""Rounds of draws: from an item's number and the seed to the candidate that is delivered.

The first round draws one candidate an item from noise, decodes it and lets the rules judge. Where that does not do, later rounds
draw a few near the item's best so far, part of the way back to noise, and keep what is better. A chunk holds one round each of
as many items as fit, whatever their seeds. Nothing is gained by being likelier than likely enough: so draws keep the variety of the prior.

Inside: `RoundOptions`, `SampleKey`, `Candidate`, `Rounds`.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from musiclc.latent.search import noised, renoised
from musiclc.model import methods
from musiclc.model.decode import CHUNK, decode, nll_per_note, scores
from musiclc.model.methods import SampleProblem, Start

FRESH_STEPS, NEAR_STEPS = 8, 3  # of the flow, from noise and from near the best so far
TOGETHER = 4  # chunks of later draws that are priced together, since most of them are beaten and need no price
MORE_AFTER = 8  # draws after which an item has twice as many a round, then three times as many after twice as many, and so on
BACK_FROM, BACK_TO = 0.55, 0.8  # how far back to noise a draw near the best starts: times of the flow

SampleKey = tuple[int, int]  # (seed, index from 1): all that a melody of one wish depends on


@dataclass(frozen=True)
class RoundOptions:
    """seed: of `best`. temperature: of the noise. candidates: draws a round after the first. attempts: most draws an item. enough: nats a
    note at which an item that meets the wish is done. near: whether later rounds start near the best.
    """

    seed: int
    temperature: float = 1.0
    candidates: int = 2
    attempts: int = 24
    enough: float = float("inf")
    near: bool = True


@dataclass(frozen=True)
class Candidate:
    """One decoded draw. scores: one a constraint. nll_per_note: of the VAE the VAE, nats a note, smaller for likelier ones; ∞ until it is priced."""

    key: SampleKey
    attempt: int
    tokens: np.ndarray
    scores: np.ndarray
    nll_per_note: float
    point: Tensor  # standardised, at home
    transposition: int  # semitones from home
    close: bool = True  # whether bare numbers are met within half their tolerance

    @property
    def index(self) -> int:
        """The item's number, from 1."""
        return self.key[1]

    @property
    def met(self) -> bool:
        """Whether every constraint is met."""
        return bool((self.scores >= 1 - 1e-9).all())

    @property
    def quality(self) -> tuple[float, bool]:
        """Larger is better: what meets the constraints best, then what is close. What is worse by this need not be priced."""
        return round(float(self.scores.sum()), 6), self.close

    def rank(self, enough: float) -> tuple[float, bool, float]:
        """Larger is better: by quality, then what is likelier, as far as `enough` nats a note."""
        return *self.quality, -max(self.nll_per_note, enough)

    def good(self, enough: float, drawn: int, attempts: int) -> bool:
        """Whether it needs no better: met and likely enough, and close, too, in the first half of its attempts."""
        return self.met and self.nll_per_note <= enough and (self.close or 2 * drawn >= attempts)


@dataclass(frozen=True)
class Rounds:
    """Draws of one wish by one method. transpositions: semitones from home that suit the wish, of which each draw takes one."""

    problem: SampleProblem
    method: str
    transpositions: list[int]
    options: RoundOptions

    def best(self, n: int) -> Iterator[tuple[Candidate, int]]:
        """The best candidate of each of n items and the draws it cost, in order of index, as they are ready."""
        items = ((self.options.seed, i) for i in range(1, n + 1))
        ready: dict[int, tuple[Candidate, int]] = {}
        following = 1
        for candidate, attempts in self.stream(lambda most: list(islice(items, most))):
            ready[candidate.index] = candidate, attempts
            while following in ready:
                yield ready.pop(following)
                following += 1

    def stream(self, more: Callable[[int], Sequence[SampleKey]]) -> Iterator[tuple[Candidate, int]]:
        """The best candidate of each item and the draws it cost, as each is ready.

        more: at most how many → the next items, no two of them the same; asked anew each time that a chunk has room, so that
        late comers share chunks with those that are still being drawn. Ends once it gives none and none is being drawn.
        """
        options = self.options
        again = deque[SampleKey]()
        best: dict[SampleKey, Candidate] = {}
        drawn: Counter[SampleKey] = Counter()
        waiting = 0  # draws that those in `again` are to have next
        while True:
            items = [] if waiting >= TOGETHER * CHUNK else list(more(CHUNK))
            if not items:
                room = TOGETHER * CHUNK
                while again and (not items or self._next(drawn[again[0]]) <= room):
                    items.append(again.popleft())
                    room -= self._next(drawn[items[-1]])
                waiting -= TOGETHER * CHUNK - room
            if not items:
                return
            now = [(item, attempt + 1) for item in items for attempt in range(drawn[item], drawn[item] + self._next(drawn[item]))]
            best.update(self._judged(now, best))
            done = []
            for item in items:
                drawn[item] += self._next(drawn[item])
                if drawn[item] < options.attempts and not best[item].good(options.enough, drawn[item], options.attempts):
                    again.append(item)
                    waiting += self._next(drawn[item])
                else:
                    done.append(best.pop(item))
            for candidate in self._priced(done):
                yield candidate, drawn.pop(candidate.key)

    def _next(self, drawn: int) -> int:
        """How many draws an item has next, after so many: one, then a few, then more, since a chunk that stragglers leave empty takes as long."""
        several = self.options.candidates * (1 + drawn // MORE_AFTER) if self.options.near else self.options.candidates
        return min(several if drawn else 1, self.options.attempts - drawn)

    def _judged(self, now: list[tuple[SampleKey, int]], best: Mapping[SampleKey, Candidate]) -> dict[SampleKey, Candidate]:
        """The best of each item after the draws (item, attempt), priced where the price has a say: it meets the wish or is one of equals."""
        rivals: dict[SampleKey, list[Candidate]] = {item: [best[item]] for item, _ in now if item in best}
        for first in range(0, len(now), CHUNK):
            for candidate in self._drawn(now[first : first + CHUNK], best if self.options.near else {}):
                rivals.setdefault(candidate.key, []).append(candidate)
        leading = []
        for several in rivals.values():
            most = max(candidate.quality for candidate in several)
            leading.append([candidate for candidate in several if candidate.quality == most])
        if np.isfinite(self.options.enough):
            matter = self._priced([c for equals in leading for c in equals if c.met or len(equals) > 1])
            priced = {(c.key, c.attempt): c for c in matter}
            leading = [[priced.get((c.key, c.attempt), c) for c in equals] for equals in leading]
        return {equals[0].key: max(equals, key=lambda c: c.rank(self.options.enough)) for equals in leading}

    def _priced(self, candidates: list[Candidate]) -> list[Candidate]:
        """The same in the same order, those that have no price yet priced."""
        without = [i for i, candidate in enumerate(candidates) if candidate.nll_per_note == np.inf]
        costs = nll_per_note(self.problem.model, np.stack([candidates[i].tokens for i in without]), self.problem.meter) if without else np.zeros(0)
        priced = dict(zip(without, costs, strict=True))
        return [replace(c, nll_per_note=float(priced[i])) if i in priced else c for i, c in enumerate(candidates)]

    def _drawn(self, now: list[tuple[SampleKey, int]], best: Mapping[SampleKey, Candidate]) -> list[Candidate]:
        """A chunk of draws (item, attempt), decoded, moved from home and scored by the rules; not priced yet."""
        start, near = self._start(now, best)
        method = "guided" if near and self.method == "actor" else self.method  # the actor's map begins at noise
        x, t = methods.points(self.problem, start, method)
        x = torch.where(torch.isfinite(x), x, torch.zeros(()))
        meter = self.problem.meter
        tokens = decode(self.problem.model, x, t, meter, start.transpositions)[: len(now)]
        found = scores(self.problem.constraints, tokens, meter)
        tight = [replace(c, goal=c.goal.tight) for c in self.problem.constraints]
        close = np.all(scores(tight, tokens, meter) >= 1 - 1e-9, axis=1, keepdims=True)
        return [Candidate(*now[i], tokens[i], found[i], np.inf, x[i], start.transpositions[i], bool(close[i, 0])) for i in range(len(now))]

    def _start(self, now: list[tuple[SampleKey, int]], best: Mapping[SampleKey, Candidate]) -> tuple[Start, bool]:
        """A chunk of starting points, and whether they are near the best; each row depends on (item, attempt). Unused rows are zero."""
        d, near = self.problem.model.vae.dimensions, now[0][0] in best
        noise, clean, times, transpositions = torch.zeros(CHUNK, d), torch.zeros(CHUNK, d), torch.ones(CHUNK), [self.transpositions[0]] * CHUNK
        generators = [torch.Generator().manual_seed(0) for _ in range(CHUNK)]
        for row, (item, attempt) in enumerate(now):
            key, choice, time = np.random.SeedSequence((*item, attempt)).generate_state(3, np.uint64)
            generators[row] = torch.Generator().manual_seed(int(key >> np.uint64(1)))
            noise[row] = torch.randn(d, generator=generators[row])
            transpositions[row] = self.transpositions[int(choice) % len(self.transpositions)]
            if near:
                clean[row], transpositions[row] = best[item].point, best[item].transposition
                times[row] = BACK_FROM + (BACK_TO - BACK_FROM) * float(time) / 2**64
        if near:
            t = self.problem.model.prior.config.noise_level  # type: ignore[union-attr]
            x = renoised(clean, self.options.temperature * noise, torch.full((CHUNK,), t), times)
        else:
            x = noised(clean, noise, times, self.options.temperature)
        if not near:
            return Start(x, times, transpositions, generators, FRESH_STEPS), False
        return Start(x, times, transpositions, generators, NEAR_STEPS, self._misses(clean, [best[i] for i, _ in now], transpositions)), True

    def _misses(self, clean: Tensor, best: list[Candidate], transpositions: list[int]) -> dict[str, Tensor]:
        """methods.misses of the points that a chunk's rows start near; rows that are not used repeat the first."""
        rows = [c.tokens for c in best] + [best[0].tokens] * (CHUNK - len(best))
        return methods.misses(self.problem, clean, np.stack(rows), transpositions)
