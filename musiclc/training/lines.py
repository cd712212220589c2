"""Whole bars in playing order → lines on the grid, and which of them are melodies.

A *line* is a stretch of one part in one meter: it ends where the meter changes, and where two bars or more are silent. All its
bars are there, so that bar lines and places in the tune hold; bars that the grid cannot hold are marked `OFF_GRID` (more than a quarter
of their notes are moved), and cost nothing but themselves.

*Melody-likeness*, 0 to 1, is the product of two shares:

- top: of the bars with notes, those in which no other part lies higher (mean pitch, weighed by duration);
- fresh: of the notes from the third on, those whose pitch is neither that of the note before nor that of the one before it.

Inner and lower parts fail by the first; one pitch repeated, two in turn and broken chords (C G E G) by the second. A work in one part
is a melody as it stands. Of a work in several parts every eight bars of every line are judged for themselves, and those that follow
one another and pass stay one line.

Inside: `Line`, `lines_of`, `heights`, `melody_likeness`, `melodies_of`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby, pairwise

import numpy as np

from musiclc.music import tokens as tok
from musiclc.music.melody import Note
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH, METERS
from musiclc.training.playing import Marked, in_playing_order, whole_bars
from musiclc.training.scores import MAX_OFF_GRID, on_grid
from musiclc.training.written import WrittenBar, WrittenPart

MELODY = 0.45  # melody-likeness from which on a stretch counts: 199 of 200 fiddle tunes have more than .5
JUDGED = 8  # bars that are judged together
OFF_GRID = 2  # mark of a bar of whose notes more than MAX_OFF_GRID were moved; see playing.MENDED
LONGEST_SILENCE = 1  # whole silent bars within a line, at most
_READ_AS = {"2/2": "4/4"}


@dataclass(frozen=True)
class Line:
    """One stretch of a part. tokens (bars × steps a bar,) uint8; marks (bars,) uint8; first: its first bar's place in the part.

    begins, ends: whether the part begins and ends with it.
    """

    tokens: np.ndarray
    meter: str
    marks: np.ndarray
    first: int
    begins: bool
    ends: bool

    @property
    def bars(self) -> int:
        """Whole bars."""
        return len(self.marks)


def lines_of(part: WrittenPart, skipped: Counter) -> tuple[list[Line], np.ndarray]:
    """The lines of a part, and its heights (whole bars,). What is left out is counted in `skipped`, in bars."""
    bars = whole_bars(in_playing_order(part.bars), skipped)
    lines = [_line(bars, low, high) for low, high in _runs(bars, skipped)]
    return lines, heights([bar for bar, _ in bars])


def _runs(bars: Sequence[Marked], skipped: Counter) -> Iterator[tuple[int, int]]:
    """First bar, and bar after the last, of every stretch in one meter that we know, without silence at its ends or for long."""
    for meter, group in groupby(range(len(bars)), key=lambda i: _meter(bars[i][0])):
        places = list(group)
        if meter not in METERS:
            skipped[f"bars: meter {meter}"] += len(places)
            continue
        sounding = [i for i in places if bars[i][0].events]
        breaks = [k for k in range(1, len(sounding)) if sounding[k] - sounding[k - 1] - 1 > LONGEST_SILENCE]
        for low, high in zip([0, *breaks], [*breaks, len(sounding)], strict=True):
            if low < high:
                yield sounding[low], sounding[high - 1] + 1


def _meter(bar: WrittenBar) -> str:
    return _READ_AS.get(bar.meter, bar.meter)


def _line(bars: Sequence[Marked], low: int, high: int) -> Line:
    meter = _meter(bars[low][0])
    steps = METERS[meter]
    events = [
        (i * steps + onset, duration, _on_piano(pitch), tied)
        for i, (bar, _) in enumerate(bars[low:high])
        for onset, duration, pitch, tied in bar.events
    ]
    marks = np.array([mark | _off_grid(bar) for bar, mark in bars[low:high]], np.uint8)
    tokens = tokens_of(on_grid(events, len(marks) * steps), len(marks) * steps)
    return Line(tokens, meter, marks, low, low == 0, high == len(bars))


def _off_grid(bar: WrittenBar) -> int:
    moved = sum(1 for onset, *_ in bar.events if onset.denominator > 1)
    return OFF_GRID if moved > MAX_OFF_GRID * len(bar.events) else 0


def _on_piano(pitch: int) -> int:
    """The pitch, by octaves, on the piano."""
    while pitch < LOWEST_PITCH:
        pitch += 12
    while pitch > HIGHEST_PITCH:
        pitch -= 12
    return pitch


def tokens_of(notes: Sequence[Note], steps: int) -> np.ndarray:
    """Tokens (steps,) uint8 of notes in order of time that do not overlap."""
    tokens = np.zeros(steps, np.uint8)
    for note in notes:
        tokens[note.start] = note.pitch - tok.PITCH_OF_TOKEN
        tokens[note.start + 1 : note.end] = tok.HOLD
    return tokens


# ---- melody-likeness -----------------------------------------------------------------------------------------------


def heights(bars: Sequence[WrittenBar]) -> np.ndarray:
    """Mean pitch of every bar, weighed by duration, NaN for a silent one: (bars,)."""
    return np.array([_height(bar) for bar in bars], float)


def _height(bar: WrittenBar) -> float:
    total = sum((duration for _, duration, *_ in bar.events), Fraction(0))
    return float(sum(duration * pitch for _, duration, pitch, _ in bar.events) / total) if total else float("nan")


def melody_likeness(tokens: np.ndarray, mine: np.ndarray, others: Sequence[np.ndarray]) -> float:
    """Melody-likeness of tokens (T,), from the heights of its bars (bars,) and those of the other parts in the same bars; 0 below three notes."""
    pitches = tokens[tok.onsets(tokens)].astype(int)
    sounding = ~np.isnan(mine)
    if len(pitches) < 3 or not sounding.any():
        return 0.0
    fresh = (pitches[2:] != pitches[1:-1]) & (pitches[2:] != pitches[:-2])
    top = np.ones(len(mine), bool)
    for heights_there in others:
        top &= ~(heights_there > mine)  # NaN compares false: a silent part lies no higher
    return float(fresh.mean() * top[sounding].mean())


def melodies_of(parts: Sequence[WrittenPart], skipped: Counter) -> list[Line]:
    """The lines of a work's parts that are melodies. What is left out is counted in `skipped`, in bars."""
    read = [lines_of(part, skipped) for part in parts]
    if len(read) < 2:
        return [line for lines, _ in read for line in lines]
    found: list[Line] = []
    for i, (lines, mine) in enumerate(read):
        others = [h for j, (_, h) in enumerate(read) if j != i and len(h) == len(mine)]
        for line in lines:
            found += _melodic(line, mine, others, skipped)
    return found


def _melodic(line: Line, mine: np.ndarray, others: Sequence[np.ndarray], skipped: Counter) -> list[Line]:
    """The stretches of a line that are melodies."""
    edges = [*range(0, max(line.bars - JUDGED // 2, 1), JUDGED), line.bars]  # the last piece has 4 to 11 bars
    found: list[tuple[int, int]] = []
    for low, high in pairwise(edges):
        there = slice(line.first + low, line.first + high)
        if melody_likeness(_cut(line, low, high).tokens, mine[there], [h[there] for h in others]) < MELODY:
            skipped["bars: no melody"] += high - low
        elif found and found[-1][1] == low:
            found[-1] = (found[-1][0], high)
        else:
            found.append((low, high))
    return [_cut(line, low, high) for low, high in found]


def _cut(line: Line, low: int, high: int) -> Line:
    """Bars `low` to `high` (the bar after the last) of a line."""
    steps = METERS[line.meter]
    return replace(
        line,
        tokens=struck(line.tokens, low * steps, high * steps),
        marks=line.marks[low:high],
        first=line.first + low,
        begins=line.begins and low == 0,
        ends=line.ends and high == line.bars,
    )


def struck(tokens: np.ndarray, low: int, high: int) -> np.ndarray:
    """Steps `low` to `high` of tokens (T,); a note that sounds over the edge begins anew there."""
    part = tokens[low:high].copy()
    if low and part[0] == tok.HOLD:
        part[0] = _sounding_at(tokens, low)
    return part


def _sounding_at(tokens: np.ndarray, step: int) -> int:
    """The token of the note that is held at `step`."""
    while tokens[step] == tok.HOLD:
        step -= 1
    return int(tokens[step])
