"""Where draws do not meet what has no critic: the search of small changes, with what it starts and borrows from (editing/climb.py).

Forerunners are found once for a problem, from the model's bank alone, and serve every item: so an item depends on its key alone.

Inside: `Changes`, `asks_search`, `refuse_slow`.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from random import Random

import numpy as np

from musiclc.editing.climb import BORN, GENERATIONS, SCANNED, Climb, climbed, forerunners, writers_of
from musiclc.editing.usual import Usual
from musiclc.errors import UsageError
from musiclc.model.bank import Bank
from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS
from musiclc.music.theory import METERS, PHRASE_METERS
from musiclc.rules import allowed_pitches
from musiclc.rules.base import Constraint, parts_of
from musiclc.rules.transposition import transposed

log = logging.getLogger("musiclc")

BEST = 8  # forerunners that a line may go on from where none meets the constraints
SLOWEST = 0.1  # seconds that a function may take for a melody
RARE = 0.02  # of the notes, below which a pitch class is not chosen
TRIED = SCANNED + GENERATIONS * BORN  # melodies that forerunners are the best of


def asks_search(constraints: Sequence[Constraint]) -> bool:
    """Whether some constraint is granted by small changes."""
    return any(part.rule.searched for part in parts_of(constraints))


def refuse_slow(constraints: Sequence[Constraint], meter: str) -> None:
    """Raises UsageError for a function that takes longer than SLOWEST for a melody. Time decides on nothing else."""
    line = np.resize(np.array([tok.FIRST_ONSET + 40, tok.HOLD, tok.FIRST_ONSET + 42, tok.HOLD], np.uint8), (1, PHRASE_BARS * METERS[meter]))
    for rule in (c.rule for c in constraints if c.rule.searched):
        each = float("inf")
        for _ in range(3):  # the best of three, since a machine may be busy
            began = time.monotonic()
            rule.measure(line, meter)
            each = min(each, time.monotonic() - began)
        if each > SLOWEST:
            raise UsageError(
                f"rule {rule.name} takes {1000 * each:.0f} ms a melody, and small changes ask it of thousands; wanted {1000 * SLOWEST:.0f} at most; "
                "make the function faster, or take --method rejection, which asks it of each draw alone"
            )


@dataclass(frozen=True)
class Changes:
    """Small changes for one problem. asked: constraints, and the windows (first step, step after the last) that they are asked of; scores: lines
    (k, T) → all their scores (k, c); base: a line (T,) with what stands; free: bool (T,), steps that may be written on; transposition: the first that
    suits, in which forerunners are found.
    """

    asked: Sequence[tuple[Sequence[Constraint], Sequence[tuple[int, int]]]]
    scores: Callable[[np.ndarray], np.ndarray]
    base: np.ndarray
    free: np.ndarray
    meter: str
    transposition: int = 0
    bank: Bank | None = None
    _by_transposition: dict[int, Climb] = field(default_factory=dict, repr=False)

    def made(self, line: np.ndarray, transposition: int, numbers: Sequence[int], returning: bool = False) -> np.ndarray:
        """The line (T,), drawn in that transposition, after small changes by which the constraints are met, or as near as was found.

        returning: bars that are equal stay so, and no forerunner is gone on from, since it returns otherwise.
        """
        climb, random = self._climb(transposition), Random(repr(tuple(numbers)))
        if not returning:
            return climbed(climb, line, partial(self._forerunners, transposition - self.transposition), random)
        _, number = np.unique(line.reshape(-1, climb.per_bar), axis=0, return_inverse=True)
        tied = (number.reshape(-1, 1) * climb.per_bar + np.arange(climb.per_bar)).reshape(-1)
        return climbed(replace(climb, tied=tied), line, lambda: line[None][:0], random)

    def _forerunners(self, way: int) -> np.ndarray:
        """Those that meet the constraints, or a few of the best (m, T), transposed by so many semitones."""
        lines, worth = self._ahead
        met = np.isinf(worth)
        some = lines[met] if met.any() else lines[:BEST]
        return transposed(some, np.full(len(some), way)) if way else some

    def _climb(self, transposition: int) -> Climb:
        if transposition not in self._by_transposition:
            self._by_transposition[transposition] = self._new_climb(transposition)
        return self._by_transposition[transposition]

    def _new_climb(self, transposition: int) -> Climb:
        donors, usual = self._donors(transposition)
        writers = [w for some, windows in self.asked for w in writers_of(some, self.free, METERS[self.meter], windows)]
        return Climb(self.scores, self.free, self._pitches(donors), METERS[self.meter], writers, donors, usual)

    def _pitches(self, donors: np.ndarray | None) -> np.ndarray:
        """The MIDI pitches that notes may get, ascending: allowed ones, and, where any of them are, those of pitch classes that donors have."""
        allowed = allowed_pitches([c for some, _ in self.asked for c in some])
        if donors is not None:
            classes = np.bincount((donors[tok.onsets(donors)].astype(int) + tok.PITCH_OF_TOKEN) % 12, minlength=12)
            usual = allowed & (classes[np.arange(128) % 12] >= RARE * classes.sum())
            allowed = usual if usual.any() else allowed
        return np.flatnonzero(allowed if allowed.any() else allowed_pitches([]))

    def _donors(self, transposition: int) -> tuple[np.ndarray | None, Usual | None]:
        """Lines (d, T) of the bank's phrases, and what is usual among these; None where the bank has no such meter."""
        if self.bank is None or self.meter not in PHRASE_METERS:
            return None, None
        phrases = self.bank.where(self.meter, SCANNED)
        phrases = transposed(phrases, np.full(len(phrases), transposition))
        return _long(phrases, len(self.base), METERS[self.meter]), Usual(phrases, METERS[self.meter])

    @cached_property
    def _ahead(self) -> tuple[np.ndarray, np.ndarray]:
        lines, worth = forerunners(self._climb(self.transposition), self.base, Random("forerunners"))
        if len(worth) and not np.isinf(worth).any():
            self._say_how_far(lines[:1])
        return lines, worth

    def _say_how_far(self, best: np.ndarray) -> None:
        """A line that names what the best of all forerunners does not meet, and what it reaches."""
        for c, (first, after) in ((c, window) for some, windows in self.asked for c in some for window in windows):
            measures = c.rule.measure(best[:, first:after], self.meter)
            if not c.satisfied(measures)[0]:
                log.warning(
                    "%s %s: met by none of %d melodies that were tried; the best reached %s",
                    c.rule.name,
                    c.goal.text,
                    TRIED,
                    c.rule.value(measures[0], c.goal),
                )


def _long(phrases: np.ndarray, steps: int, per_bar: int) -> np.ndarray:
    """Phrases (n, 4 bars) made into lines (n, steps): as they are, cut, or, where longer, one after another, returning as tunes do: A A B A."""
    phrase = PHRASE_BARS * per_bar
    if steps <= phrase:
        return phrases[:, :steps]
    order = (0, 0, 1, 0, 2, 2, 1, 0)
    at = np.arange(len(phrases))
    parts = [phrases[(at + 7 * order[i % len(order)] + 31 * (i // len(order))) % len(phrases)] for i in range(-(-steps // phrase))]
    return np.concatenate(parts, axis=1)[:, :steps]
