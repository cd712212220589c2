"""Runs of steps that pieces share with training tunes, exactly, up to transposition.

A run is so many steps one after another; two are the same when one is a transposition of the other, token by token.

Inside: `runs`, `known_runs`, `share_copying`.
"""

from collections.abc import Iterable

import numpy as np

from musiclc.music import tokens as tok

LENGTH = 32  # steps
_FIRST = 700  # stands for a run's first note, whose interval lies outside the run
_INTERVAL = 300  # and this, plus the interval from the note before, for others


def runs(tokens: np.ndarray, length: int = LENGTH) -> np.ndarray:
    """A hash of every run of `length` steps of one melody (T,), the same for transpositions: uint64 (T - length + 1,)."""
    values = tokens.astype(np.int64)
    onsets = np.flatnonzero(values >= tok.FIRST_ONSET)
    many = len(values) - length + 1
    if many < 1:
        return np.zeros(0, np.uint64)
    symbols = values.copy()
    symbols[onsets] = _INTERVAL + np.diff(values[onsets], prepend=values[onsets[:1]])
    weights = np.random.default_rng(0).integers(1, 2**63, length, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    hashes = np.zeros(many, np.uint64)
    for i, weight in enumerate(weights):
        hashes += symbols[i : i + many].astype(np.uint64) * weight
    starts = np.arange(many)
    first = np.append(onsets, len(values) + length)[np.searchsorted(onsets, starts)]  # the first onset from each start on
    inside = first < starts + length
    at = first[inside]
    hashes[inside] += (np.uint64(_FIRST) - symbols[at].astype(np.uint64)) * weights[at - starts[inside]]
    return hashes


def known_runs(melodies: Iterable[np.ndarray], length: int = LENGTH) -> np.ndarray:
    """The runs of melodies (T,) of any lengths: sorted uint64 (k,)."""
    return np.unique(np.concatenate([np.zeros(0, np.uint64), *(runs(melody, length) for melody in melodies)]))


def share_copying(tokens: np.ndarray, known: np.ndarray, length: int = LENGTH) -> float:
    """Share of pieces (n, T) with a run that is known."""
    if not len(tokens) or not len(known):
        return 0.0
    mine = np.stack([runs(row, length) for row in tokens])
    return float((known[np.searchsorted(known, mine).clip(max=len(known) - 1)] == mine).any(axis=1).mean())
