"""Cross-entropy, in nats a note: an independent judge of how much melodies sound like real tunes.

A trigram of note events (pitch interval from the note before, steps since it began), smoothed by Witten and Bell's
interpolation (1991) down to a uniform distribution. It is fitted by counting on training tunes; it shares nothing with the
VAE, knows nothing of keys, and is the same for every transposition.

Inside: `events`, `Trigram`.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable

import numpy as np

from musiclc.music import tokens as tok

LONGEST_STEP, WIDEST_LEAP = 16, 24  # longer and wider ones count as these
_EVENTS = LONGEST_STEP * (2 * WIDEST_LEAP + 1)

Event = tuple[int, int]
START: Event = (0, 0)


def events(tokens: np.ndarray) -> list[list[Event]]:
    """Per row of tokens (n, T) its events (interval in semitones, steps since the note before), one a note after the first."""
    sequences = []
    for row in np.asarray(tokens).astype(int):
        at = np.flatnonzero(row >= tok.FIRST_ONSET)
        leaps = np.clip(np.diff(row[at]), -WIDEST_LEAP, WIDEST_LEAP)
        sequences.append(list(zip(leaps.tolist(), np.minimum(np.diff(at), LONGEST_STEP).tolist(), strict=True)))
    return sequences


class Trigram:
    """P(event | two events before), from counts."""

    def __init__(self, sequences: Iterable[list[Event]]):
        self.counts: list[dict[Hashable, Counter]] = [defaultdict(Counter) for _ in range(3)]
        for sequence in sequences:
            for context, event in _contexts(sequence):
                for order in range(3):
                    self.counts[order][context[2 - order :]][event] += 1

    def probability(self, context: tuple[Event, Event], event: Event) -> float:
        """P(event | context), interpolated from order 0 up: (c(e) + r·P_lower(e)) / (c + r), r the number of distinct events seen."""
        p = 1 / _EVENTS
        for order in range(3):
            seen = self.counts[order].get(context[2 - order :])
            if seen is None:
                break
            total, distinct = seen.total(), len(seen)
            p = (seen[event] + distinct * p) / (total + distinct)
        return p

    def nll(self, sequence: list[Event]) -> list[float]:
        """−log P in nats of each event of a sequence."""
        return [float(-np.log(self.probability(context, event))) for context, event in _contexts(sequence)]

    def cross_entropy(self, sequences: Iterable[list[Event]]) -> float:
        """Mean −log P in nats a note, over all notes of all sequences."""
        costs = [nll for sequence in sequences for nll in self.nll(sequence)]
        return float(np.mean(costs)) if costs else float("nan")

    def draw(self, context: tuple[Event, Event], random: np.random.Generator) -> Event:
        """An event by its probability: of each order from the highest down, one that was seen or, by the weight of the lower ones, none."""
        for order in (2, 1, 0):
            seen = self.counts[order].get(context[2 - order :])
            if seen is not None and random.random() * (seen.total() + len(seen)) < seen.total():
                return list(seen)[np.searchsorted(np.cumsum(list(seen.values())), random.integers(seen.total()), side="right")]
        leap, step = random.integers(-WIDEST_LEAP, WIDEST_LEAP + 1), random.integers(1, LONGEST_STEP + 1)
        return int(leap), int(step)


def _contexts(sequence: list[Event]) -> Iterable[tuple[tuple[Event, Event], Event]]:
    padded = [START, START, *sequence]
    return (((padded[i], padded[i + 1]), padded[i + 2]) for i in range(len(sequence)))
