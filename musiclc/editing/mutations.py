"""Small changes of a line: one note higher, lower, earlier, later, shorter, longer, gone, split; one bar as another.

They are what an edit can always fall back on, whatever the rule: a function that only measures can tell which of them help.

A row is a window of tokens in the model's layout, (64,). Every function yields new rows; only free steps are changed.

Inside: `mutations`.
"""

from collections.abc import Iterator

import numpy as np

from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS

LEAPS = (1, 2, 3, 4, 5, 7, 12)  # semitones, up and down
SHIFTS = (1, 2)  # steps, earlier and later
LENGTHS = (4, 8, 16)  # steps that a note may be drawn out to


def mutations(row: np.ndarray, free: np.ndarray) -> Iterator[np.ndarray]:
    """Every small change of a row (64,) that keeps to its free steps, bool (64,); each a new row."""
    steps = np.flatnonzero(row != tok.PAD)
    line, may = row[steps], free[steps]
    for new in _line_mutations(line, len(steps) // PHRASE_BARS):
        changed = new != line
        if changed.any() and may[changed].all():
            whole = row.copy()
            whole[steps] = new
            yield whole


def _line_mutations(line: np.ndarray, per_bar: int) -> Iterator[np.ndarray]:
    onsets = np.flatnonzero(line >= tok.FIRST_ONSET)
    for start, following in zip(map(int, onsets), [*map(int, onsets[1:]), len(line)], strict=False):
        held = np.flatnonzero(line[start + 1 : following] != tok.HOLD)
        end = start + 1 + int(held[0]) if len(held) else following
        yield from _pitches(line, start)
        yield from _lengths(line, start, end, following)
        yield from _times(line, start, end)
    for a in range(PHRASE_BARS):
        for b in range(PHRASE_BARS):
            if a != b:
                yield _with(line, slice(b * per_bar, (b + 1) * per_bar), line[a * per_bar : (a + 1) * per_bar])


def _with(line: np.ndarray, where: slice | int, what: np.ndarray | int) -> np.ndarray:
    new = line.copy()
    new[where] = what
    return new


def _pitches(line: np.ndarray, start: int) -> Iterator[np.ndarray]:
    for leap in (*LEAPS, *(-leap for leap in LEAPS)):
        if tok.FIRST_ONSET <= line[start] + leap < tok.VOCABULARY:
            yield _with(line, start, line[start] + leap)


def _lengths(line: np.ndarray, start: int, end: int, following: int) -> Iterator[np.ndarray]:
    """Gone, shorter, longer, split."""
    if start and line[start - 1] != tok.REST:
        yield _with(line, start, tok.HOLD)
    yield _with(line, slice(start, end), tok.REST)
    if end - start >= 2:
        middle = start + (end - start) // 2
        yield _with(line, slice(middle, end), tok.REST)
        yield _with(line, slice(end - 1, end), tok.REST)
        for leap in (0, 2, -2):
            if tok.FIRST_ONSET <= line[start] + leap < tok.VOCABULARY:
                yield _with(line, middle, line[start] + leap)
    if end < following:
        yield _with(line, slice(end, following), tok.HOLD)
    for length in LENGTHS:
        if end - start < length <= len(line) - start:
            new = _with(line, slice(start + 1, start + length), tok.HOLD)
            rest = start + length
            if rest < len(new) and new[rest] == tok.HOLD:  # the middle of a note that was covered: silence from here to its end
                over = np.flatnonzero(new[rest:] != tok.HOLD)
                new[rest : rest + (int(over[0]) if len(over) else len(new))] = tok.REST
            yield new


def _times(line: np.ndarray, start: int, end: int) -> Iterator[np.ndarray]:
    """Earlier and later."""
    for shift in SHIFTS:
        if start - shift >= 0 and (line[start - shift : start] < tok.FIRST_ONSET).all():
            new = _with(line, start, tok.HOLD)
            new[start - shift : start] = tok.HOLD
            new[start - shift] = line[start]
            yield new
        if start + shift < end:
            before = tok.HOLD if start and line[start - 1] != tok.REST else tok.REST
            new = _with(line, slice(start, start + shift), before)
            new[start + shift] = line[start]
            yield new
