"""Rounds of draws: from an item's number and the seed to the candidate that is delivered.

The first round draws one candidate an item from noise, decodes it and lets the rules judge. Where that does not do, later rounds
draw a few near the item's best so far, part of the way back to noise, and keep what is better. A chunk holds one round each of
as many items as fit, whatever their seeds. Nothing is gained by being likelier than likely enough: so draws keep the variety of the prior.

Inside: `SampleKey`, `Candidate`, `Rounds`.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from musiclc.latent.search import noised, renoised
from musiclc.model import methods
from musiclc.model.decode import CHUNK, decode, nll_per_note, scores
from musiclc.model.methods import SampleProblem, Start
from musiclc.music.melody import PHRASE_BARS
from musiclc.music.theory import METERS
from musiclc.sampling.drawn import Drawn, SampleKey
from musiclc.sampling.request import AUTO, SampleOptions
from musiclc.sampling.searching import Changes, asks_search

FRESH_STEPS, NEAR_STEPS = 8, 3  # of the flow, from noise and from near the best so far
TOGETHER = 4  # chunks of later draws whose likelihood is asked together, since most of them are beaten and need none
MORE_AFTER = 8  # draws after which an item has twice as many a round, then three times as many after twice as many, and so on
SEARCHED_AFTER = 3  # draws after which what small changes grant is left to them, where all else is met
EDITED_AFTER, NEARLY_HEARD = 12, 0.25  # draws after which a judged rule that is so nearly met, by its score, is left to a last edit
BACK_FROM, BACK_TO = 0.55, 0.8  # how far back to noise a draw near the best starts: times of the flow


@dataclass(frozen=True)
class Candidate(Drawn):
    """One decoded draw. scores: one a constraint. nll_per_note: of the VAE, nats a note, smaller for likelier ones; ∞ until it is asked for."""

    key: SampleKey
    attempt: int
    tokens: np.ndarray
    scores: np.ndarray
    nll_per_note: float
    point: Tensor  # standardised, in canonical transposition
    transposition: int  # semitones from there
    close: bool = True  # whether bare numbers are met within half their tolerance

    @property
    def quality(self) -> tuple[float, bool]:
        """Larger is better: what meets the constraints best, then what is close. Of what is worse by this, nobody asks the likelihood."""
        return round(float(self.scores.sum()), 6), self.close

    def rank(self, enough: float) -> tuple[float, bool, float]:
        """Larger is better: by quality, then what is likelier, as far as `enough` nats a note."""
        return *self.quality, -max(self.nll_per_note, enough)

    def good(self, enough: float, drawn: int, attempts: int) -> bool:
        """Whether it needs no better: met and likely enough, and close, too, in the first half of its attempts."""
        return self.met and self.nll_per_note <= enough and (self.close or 2 * drawn >= attempts)


@dataclass
class _Underway:
    """The items that are being drawn: each one's best so far and how many draws it has had; those whose next round is due, and its draws in all."""

    best: dict[SampleKey, Candidate] = field(default_factory=dict)
    drawn: Counter[SampleKey] = field(default_factory=Counter)
    again: deque[SampleKey] = field(default_factory=deque)
    waiting: int = 0


@dataclass(frozen=True)
class Rounds:
    """Draws that shall meet the problem's constraints. transpositions: semitones from canonical ones that suit the constraints, of which each
    draw takes one. enough: nats a note at which an item that meets the constraints is done.
    """

    problem: SampleProblem
    options: SampleOptions
    transpositions: list[int]
    enough: float = float("inf")

    @cached_property
    def changes(self) -> Changes | None:
        """The search of small changes; None where no constraint asks for it, or one draw is all that there may be."""
        problem = self.problem
        if not asks_search(problem.constraints) or self.options.attempts < 2 or not self.options.how.near:
            return None
        steps = PHRASE_BARS * METERS[problem.meter]
        judge = partial(scores, problem.constraints, meter=problem.meter)
        free, base = np.ones(steps, bool), np.zeros(steps, np.uint8)
        return Changes([(problem.constraints, [(0, steps)])], judge, base, free, problem.meter, self.transpositions[0], problem.model.bank)

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
        underway = _Underway()
        while items := self._due(underway, more):
            drawn = underway.drawn
            now = [(item, attempt + 1) for item in items for attempt in range(drawn[item], drawn[item] + self._next(drawn[item]))]
            underway.best.update(self._judged(now, underway.best))
            for candidate in self._with_nll(self._done(underway, items)):
                yield candidate, drawn.pop(candidate.key)

    def _due(self, underway: _Underway, more: Callable[[int], Sequence[SampleKey]]) -> list[SampleKey]:
        """The items of the next round: new ones, until enough draws wait for a few chunks of their own."""
        items = [] if underway.waiting >= TOGETHER * CHUNK else list(more(CHUNK))
        if items:
            return items
        room, again = TOGETHER * CHUNK, underway.again
        while again and (not items or self._next(underway.drawn[again[0]]) <= room):
            items.append(again.popleft())
            room -= self._next(underway.drawn[items[-1]])
        underway.waiting -= TOGETHER * CHUNK - room
        return items

    def _done(self, underway: _Underway, items: Sequence[SampleKey]) -> list[Candidate]:
        """After a round of these items: the best of those that need no better; the others wait for another round."""
        done, drawn, attempts = [], underway.drawn, self.options.attempts
        for item in items:
            drawn[item] += self._next(drawn[item])
            best = underway.best[item]
            if drawn[item] < attempts and not best.good(self.enough, drawn[item], attempts) and not self._left_to_edit(best, drawn[item]):
                underway.again.append(item)
                underway.waiting += self._next(drawn[item])
            else:
                done.append(underway.best.pop(item))
        return done

    def _left_to_edit(self, best: Candidate, drawn: int) -> bool:
        """Whether judged rules that are nearly met are all that an item misses after so many draws: a note or two will do (editing/emphasis.py)."""
        judged, searched = (
            np.array([any(getattr(part.rule, kind) for part in c.parts) for c in self.problem.constraints], bool) for kind in ("judged", "searched")
        )
        if searched.any() and self.options.attempts > 1 and drawn >= SEARCHED_AFTER and (best.scores[~searched] >= 1 - 1e-9).all():
            return True
        if not judged.any() or not self.options.how.near or drawn < EDITED_AFTER:
            return False
        return bool((best.scores >= np.where(judged, NEARLY_HEARD, 1 - 1e-9)).all())

    def _next(self, drawn: int) -> int:
        """How many draws an item has next, after so many: one, then a few, then more, since a chunk that stragglers leave empty takes as long."""
        several = self.options.candidates * (1 + drawn // MORE_AFTER) if self.options.how.near else 1
        return min(several if drawn else 1, self.options.attempts - drawn)

    def _judged(self, now: list[tuple[SampleKey, int]], best: Mapping[SampleKey, Candidate]) -> dict[SampleKey, Candidate]:
        """The best of each item after the draws (item, attempt); with its likelihood where that has a say: it is met, or one of equals."""
        rivals: dict[SampleKey, list[Candidate]] = {item: [best[item]] for item, _ in now if item in best}
        for first in range(0, len(now), CHUNK):
            for candidate in self._drawn(now[first : first + CHUNK], best if self.options.how.near else {}):
                rivals.setdefault(candidate.key, []).append(candidate)
        leading = []
        for several in rivals.values():
            most = max(candidate.quality for candidate in several)
            leading.append([candidate for candidate in several if candidate.quality == most])
        if np.isfinite(self.enough):
            asked = self._with_nll([c for equals in leading for c in equals if c.met or len(equals) > 1])
            known = {(c.key, c.attempt): c for c in asked}
            leading = [[known.get((c.key, c.attempt), c) for c in equals] for equals in leading]
        return {equals[0].key: max(equals, key=lambda c: c.rank(self.enough)) for equals in leading}

    def _with_nll(self, candidates: list[Candidate]) -> list[Candidate]:
        """The same in the same order, each with its negative log-likelihood."""
        without = [i for i, candidate in enumerate(candidates) if candidate.nll_per_note == np.inf]
        found = nll_per_note(self.problem.model, np.stack([candidates[i].tokens for i in without]), self.problem.meter) if without else np.zeros(0)
        known = dict(zip(without, found, strict=True))
        return [replace(c, nll_per_note=float(known[i])) if i in known else c for i, c in enumerate(candidates)]

    def _drawn(self, now: list[tuple[SampleKey, int]], best: Mapping[SampleKey, Candidate]) -> list[Candidate]:
        """A chunk of draws (item, attempt), decoded, transposed and scored by the rules; without its likelihood yet."""
        start, near = self._start(now, best)
        how = self.options.how
        method = AUTO if near and how.actor else how.name  # the actor's map begins at noise
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
        if now[0][0] in best:
            return self._start_near(now, [best[item] for item, _ in now]), True
        noise, generators, choices = self._noise(now)
        times, transpositions = torch.ones(CHUNK), [self.transpositions[choice % len(self.transpositions)] for choice, _ in choices]
        x = noised(torch.zeros_like(noise), noise, times, self.options.temperature)
        return Start(x, times, transpositions, generators, FRESH_STEPS), False

    def _start_near(self, now: list[tuple[SampleKey, int]], best: list[Candidate]) -> Start:
        """Points part of the way back to noise from each item's best."""
        noise, generators, choices = self._noise(now)
        clean, times, transpositions = torch.zeros_like(noise), torch.ones(CHUNK), [self.transpositions[0]] * CHUNK
        for row, candidate in enumerate(best):
            clean[row], transpositions[row] = candidate.point, candidate.transposition
            times[row] = BACK_FROM + (BACK_TO - BACK_FROM) * choices[row][1] / 2**64
        t = self.problem.model.prior.config.noise_level  # type: ignore[union-attr]
        x = renoised(clean, self.options.temperature * noise, torch.full((CHUNK,), t), times)
        return Start(x, times, transpositions, generators, NEAR_STEPS, self._misses(clean, best, transpositions))

    def _noise(self, now: list[tuple[SampleKey, int]]) -> tuple[Tensor, list[torch.Generator], list[tuple[int, int]]]:
        """Of a chunk's rows, by (item, attempt): standard normal noise (CHUNK, d), a generator of more of it, and two choices of 64 bits."""
        noise = torch.zeros(CHUNK, self.problem.model.vae.dimensions)
        generators, choices = [torch.Generator().manual_seed(0) for _ in range(CHUNK)], [(0, 0)] * CHUNK
        for row, (item, attempt) in enumerate(now):
            key, *two = map(int, np.random.SeedSequence((*item, attempt)).generate_state(3, np.uint64))
            generators[row], choices[row] = torch.Generator().manual_seed(key >> 1), (two[0], two[1])
            noise[row] = torch.randn(noise.shape[1], generator=generators[row])
        return noise, generators, choices

    def _misses(self, clean: Tensor, best: list[Candidate], transpositions: list[int]) -> dict[str, Tensor]:
        """methods.misses of the points that a chunk's rows start near; rows that are not used repeat the first."""
        rows = [c.tokens for c in best] + [best[0].tokens] * (CHUNK - len(best))
        return methods.misses(self.problem, clean, np.stack(rows), transpositions)
