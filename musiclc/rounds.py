"""Rounds of draws: from an item's number and the seed to the candidate that is delivered.

The first round draws one candidate an item from noise, decodes it and lets the rules judge. Where that does not do, later rounds
draw a few near the item's best so far, part of the way back to noise, and keep what is better. A chunk holds one round each of
as many items as fit, whatever their seeds. Nothing is gained by being likelier than likely enough: so draws keep the variety of the prior.

Inside: `RoundOptions`, `Item`, `Candidate`, `Rounds`.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from musiclc import methods
from musiclc.judge import CHUNK, decode, nats, scores
from musiclc.methods import Start, Wish
from musiclc.search import noised, renoised

FRESH_STEPS, NEAR_STEPS = 8, 4  # of the flow, from noise and from near the best so far
TOGETHER = 4  # chunks of later draws that are priced together, since most of them are beaten and need no price
BACK_FROM, BACK_TO = 0.55, 0.8  # how far back to noise a draw near the best starts: times of the flow

Item = tuple[int, int]  # (seed, index from 1): all that a melody of one wish depends on


@dataclass(frozen=True)
class RoundOptions:
    """seed: of `best`. temperature: of the noise. candidates: draws a round after the first. attempts: most draws an item. enough: nats a
    note at which an item that meets the wish is done. near: whether later rounds start near the best.
    """

    seed: int
    temperature: float = 1.0
    candidates: int = 4
    attempts: int = 24
    enough: float = float("inf")
    near: bool = True


@dataclass(frozen=True)
class Candidate:
    """One decoded draw. scores: one a constraint. nats: what it costs the VAE, nats a note, smaller for likelier ones."""

    item: Item
    attempt: int
    tokens: np.ndarray
    scores: np.ndarray
    nats: float
    point: Tensor  # standardised, at home
    move: int  # semitones from home
    close: bool = True  # whether bare numbers are met within half their tolerance

    @property
    def index(self) -> int:
        """The item's number, from 1."""
        return self.item[1]

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
        return *self.quality, -max(self.nats, enough)

    def good(self, enough: float, drawn: int, attempts: int) -> bool:
        """Whether it needs no better: met and likely enough, and close, too, in the first half of its attempts."""
        return self.met and self.nats <= enough and (self.close or 2 * drawn >= attempts)


@dataclass(frozen=True)
class Rounds:
    """Draws of one wish by one method. choices: semitones from home that suit the wish, of which each draw takes one."""

    wish: Wish
    method: str
    choices: list[int]
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

    def stream(self, more: Callable[[int], Sequence[Item]]) -> Iterator[tuple[Candidate, int]]:
        """The best candidate of each item and the draws it cost, as each is ready.

        more: at most how many → the next items, no two of them the same; asked anew each time that a chunk has room, so that
        late comers share chunks with those that are still being drawn. Ends once it gives none and none is being drawn.
        """
        options = self.options
        again = deque[Item]()
        best: dict[Item, Candidate] = {}
        drawn: Counter[Item] = Counter()
        while True:
            each = min(options.candidates, options.attempts - 1)
            together = max(TOGETHER * CHUNK // max(each, 1), 1)
            items = [] if len(again) >= together else list(more(CHUNK))
            if items:
                each = 1
            else:
                items = [again.popleft() for _ in range(min(together, len(again)))]
            if not items:
                return
            now = [(item, drawn[item] + i) for item in items for i in range(1, each + 1)]
            for candidate in self._judged(now, best if options.near else {}):
                if candidate.item not in best or candidate.rank(options.enough) > best[candidate.item].rank(options.enough):
                    best[candidate.item] = candidate
            for item in items:
                drawn[item] += each
                if drawn[item] < options.attempts and not best[item].good(options.enough, drawn[item], options.attempts):
                    again.append(item)
                else:
                    yield best.pop(item), drawn.pop(item)

    def _judged(self, now: list[tuple[Item, int]], best: Mapping[Item, Candidate]) -> list[Candidate]:
        """Of the draws (item, attempt), those that may become their item's best, priced; of each item without a best at least one."""
        drawn = [c for first in range(0, len(now), CHUNK) for c in self._drawn(now[first : first + CHUNK], best)]
        lead = {item: candidate.quality for item, candidate in best.items()}
        for candidate in drawn:
            lead[candidate.item] = max(lead.get(candidate.item, candidate.quality), candidate.quality)
        leading = [candidate for candidate in drawn if candidate.quality == lead[candidate.item]]
        costs = nats(self.wish.model, np.stack([c.tokens for c in leading]), self.wish.meter) if leading else np.zeros(0)
        return [replace(candidate, nats=float(cost)) for candidate, cost in zip(leading, costs, strict=True)]

    def _drawn(self, now: list[tuple[Item, int]], best: Mapping[Item, Candidate]) -> list[Candidate]:
        """A chunk of draws (item, attempt), decoded, moved from home and scored by the rules; not priced yet."""
        start, near = self._start(now, best)
        method = "guided" if near and self.method == "actor" else self.method  # the actor's map begins at noise
        x, blur = methods.points(self.wish, start, method)
        x = torch.where(torch.isfinite(x), x, torch.zeros(()))
        meter = self.wish.meter
        tokens = decode(self.wish.model, x, blur, meter, start.moves)[: len(now)]
        found = scores(self.wish.constraints, tokens, meter)
        tight = [replace(c, goal=c.goal.tight) for c in self.wish.constraints]
        close = np.all(scores(tight, tokens, meter) >= 1 - 1e-9, axis=1, keepdims=True)
        return [Candidate(*now[i], tokens[i], found[i], np.inf, x[i], start.moves[i], bool(close[i, 0])) for i in range(len(now))]

    def _start(self, now: list[tuple[Item, int]], best: Mapping[Item, Candidate]) -> tuple[Start, bool]:
        """A chunk of starting points, and whether they are near the best; each row depends on (item, attempt). Unused rows are zero."""
        d, near = self.wish.model.vae.dimensions, now[0][0] in best
        noise, clean, times, moves = torch.zeros(CHUNK, d), torch.zeros(CHUNK, d), torch.ones(CHUNK), [self.choices[0]] * CHUNK
        generators = [torch.Generator().manual_seed(0) for _ in range(CHUNK)]
        for row, (item, attempt) in enumerate(now):
            key, choice, time = np.random.SeedSequence((*item, attempt)).generate_state(3, np.uint64)
            generators[row] = torch.Generator().manual_seed(int(key >> np.uint64(1)))
            noise[row] = torch.randn(d, generator=generators[row])
            moves[row] = self.choices[int(choice) % len(self.choices)]
            if near:
                clean[row], moves[row] = best[item].point, best[item].move
                times[row] = BACK_FROM + (BACK_TO - BACK_FROM) * float(time) / 2**64
        if near:
            blur = self.wish.model.prior.config.blur  # type: ignore[union-attr]
            x = renoised(clean, self.options.temperature * noise, torch.full((CHUNK,), blur), times)
        else:
            x = noised(clean, noise, times, self.options.temperature)
        if not near:
            return Start(x, times, moves, generators, FRESH_STEPS), False
        return Start(x, times, moves, generators, NEAR_STEPS, self._misses(clean, [best[i] for i, _ in now], moves)), True

    def _misses(self, clean: Tensor, best: list[Candidate], moves: list[int]) -> dict[str, Tensor]:
        """methods.misses of the points that a chunk's rows start near; rows that are not used repeat the first."""
        rows = [c.tokens for c in best] + [best[0].tokens] * (CHUNK - len(best))
        return methods.misses(self.wish, clean, np.stack(rows), moves)
