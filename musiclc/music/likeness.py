"""How alike two stretches of music are: 1 − Levenshtein distance / length of the longer, as TunesFormer (Wu et al. 2023) compares sections.

*Readings*, what is compared: notes, each its pitch and length; tokens, step by step, by which even strangers are half alike; intervals, as
notes but with the way from the note before in place of the pitch.

Inside: `READINGS`, `similarity`; `edit_distance`, of two sequences.
"""

from collections.abc import Hashable, Sequence

import numpy as np

from musiclc.music import tokens as tok

READINGS = ("notes", "tokens", "intervals")
_LONGEST = 128  # a longer note counts as this many steps


def _symbols(tokens: np.ndarray, reading: str) -> tuple[np.ndarray, np.ndarray]:
    """What is compared of tokens (n, T): symbols (n, T) int, the first `lengths` (n,) of each row."""
    values = tokens.astype(int)
    if reading == "tokens":
        return values, np.full(len(tokens), tokens.shape[1])
    chosen = tok.onsets(tokens)
    order = np.argsort(~chosen, axis=1, kind="stable")  # the onsets first
    pitches, lengths = np.take_along_axis(values, order, axis=1), chosen.sum(axis=1)
    if reading == "intervals":
        pitches = np.diff(pitches, axis=1, prepend=pitches[:, :1]) + tok.VOCABULARY
    times = np.minimum(np.take_along_axis(tok.durations(tokens), order, axis=1), _LONGEST - 1)
    return pitches * _LONGEST + times, lengths


def _distances(one: np.ndarray, ends: np.ndarray, other: np.ndarray, other_ends: np.ndarray) -> np.ndarray:
    """Edit distances (n,) of rows of symbols (n, a) and (n, b), of which the first (n,) count."""
    at, rows = np.arange(other.shape[1] + 1), np.arange(len(one))
    row = np.broadcast_to(at, (len(one), len(at)))
    found = other_ends
    for i in range(one.shape[1]):
        best = np.minimum(row[:, 1:] + 1, row[:, :-1] + (other != one[:, i, None]))
        best = np.concatenate([np.full((len(one), 1), i + 1), best], axis=1)
        row = np.minimum.accumulate(best - at, axis=1) + at  # insertions: one each
        found = np.where(ends == i + 1, row[rows, other_ends], found)
    return found


def similarity(one: np.ndarray, other: np.ndarray, reading: str = "notes") -> np.ndarray:
    """Similarity 0-1 of each row of tokens (n, T) with the same row of the other (n, U): (n,). Silence is like silence."""
    (a, ends), (b, other_ends) = _symbols(one, reading), _symbols(other, reading)
    longest = np.maximum(ends, other_ends)
    most = max(int(longest.max(initial=0)), 1)
    return np.where(longest > 0, 1 - _distances(a[:, :most], ends, b[:, :most], other_ends) / np.maximum(longest, 1), 1.0)


def edit_distance(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """Levenshtein distance of two sequences, a column of its table at a time in the bits of one number (Myers 1999, as Hyyrö 2003 has it)."""
    if not one:
        return len(other)
    places: dict[Hashable, int] = {}
    for i, symbol in enumerate(one):
        places[symbol] = places.get(symbol, 0) | 1 << i
    every, last, distance = (1 << len(one)) - 1, 1 << (len(one) - 1), len(one)
    up, down = every, 0  # where the table rises by one, or falls, from one row to the next
    for symbol in other:
        here = places.get(symbol, 0)
        level = ((((here & up) + up) ^ up) | here | down) & every
        rises, falls = (down | ~(level | up)) & every, up & level
        distance += bool(rises & last) - bool(falls & last)
        rises = (rises << 1 | 1) & every
        up, down = ((falls << 1) | ~(level | rises)) & every, rises & level
    return distance
