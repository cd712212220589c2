"""How usual a line is beside others of its meter: intervals after intervals, places of onsets after onsets, pitch classes, all by counting.

It tells small changes apart that a rule likes equally: cheaper by far than a network, and only as a brake, since what is likelier than most lines is
as unreal as what is less likely. Lines are token rows (n, T) in one meter, whole bars, transposed alike.

Inside: `Usual`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from musiclc.music import tokens as tok

WIDEST = 12  # semitones: a wider interval counts as so wide
LONGEST = 16  # steps since the last onset
LEAST_DEVIATION = 0.2  # nats, where few lines say what is usual
SMOOTHING = 0.2  # of a count


@dataclass(frozen=True)
class Usual:
    """What is usual among lines (n, T). per_bar: steps a bar."""

    lines: np.ndarray
    per_bar: int

    @cached_property
    def _counts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Log probabilities of an interval after one (25, 25), of an onset at a step of the bar so long after one (2, per_bar, LONGEST), of a
        pitch class (12,).
        """
        before, after, _ = _intervals(self.lines)
        steps = np.full((2 * WIDEST + 1, 2 * WIDEST + 1), SMOOTHING)
        np.add.at(steps, (before, after), 1)
        begins = np.full((2, self.per_bar, LONGEST), SMOOTHING)
        onsets, place, since = _places(self.lines, self.per_bar)
        np.add.at(begins, (onsets.astype(int), place, since), 1)
        pitches = np.bincount((self.lines[tok.onsets(self.lines)].astype(int) + tok.PITCH_OF_TOKEN) % 12, minlength=12) + 1.0
        return np.log(steps / steps.sum(1, keepdims=True)), np.log(begins / begins.sum(0)), np.log(pitches / pitches.sum())

    def log_likelihoods(self, lines: np.ndarray) -> np.ndarray:
        """Of pitches, in nats a note, and of onsets, in nats a bar: (n, 2)."""
        steps, begins, classes = self._counts
        before, after, row = _intervals(lines)
        onset = tok.onsets(lines)
        notes = np.maximum(onset.sum(axis=1), 1)
        pitches = np.where(onset, classes[(lines.astype(int) + tok.PITCH_OF_TOKEN) % 12], 0.0).sum(axis=1)
        pitches += np.bincount(row, steps[before, after], len(lines))
        onsets, place, since = _places(lines, self.per_bar)
        return np.stack([pitches / notes, begins[onsets.astype(int), place, since].sum(axis=1) * self.per_bar / lines.shape[1]], axis=1)

    @cached_property
    def _level(self) -> tuple[np.ndarray, np.ndarray]:
        """The least that is typical, and the standard deviation, of each of the two: (2,) each."""
        found = self.log_likelihoods(self.lines)
        return np.median(found, axis=0), np.maximum(found.std(axis=0), LEAST_DEVIATION)

    def strangeness(self, lines: np.ndarray) -> np.ndarray:
        """How far lines are less usual than the typical one, in standard deviations: (n,), 0 for none."""
        typical, deviation = self._level
        return np.maximum((typical - self.log_likelihoods(lines)) / deviation, 0).sum(axis=1)


def _intervals(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every note but the first of each line the interval to it after the one before, as numbers from 0, and its line; all (k,)."""
    row, at = np.nonzero(tok.onsets(lines))
    pitches = lines[row, at].astype(int)
    steps = np.diff(pitches, prepend=0).clip(-WIDEST, WIDEST)
    first = np.diff(row, prepend=-1) > 0
    steps[first] = 0
    before = np.concatenate([[0], steps[:-1]])
    known = ~first
    return before[known] + WIDEST, steps[known] + WIDEST, row[known]


def _places(lines: np.ndarray, per_bar: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each step whether a note begins, its place in the bar, and the steps since the last onset; all (n, T)."""
    onsets = tok.onsets(lines)
    at = np.arange(lines.shape[1])
    last = np.maximum.accumulate(np.where(onsets, at, -LONGEST), axis=1)
    since = at - np.concatenate([np.full((len(lines), 1), -LONGEST), last[:, :-1]], axis=1)
    return onsets, np.broadcast_to(at % per_bar, lines.shape), np.minimum(since, LONGEST) - 1
