"""Consecutive bars in one meter: the melody in them, where they lie in a file, and several of them as the one melody that rules measure.

A piece is a row of such sections. Where it changes between bars of several lengths, rules measure all of it in the meter of the longest bars,
the shorter ones drawn out at their end: their last note, or silence, goes on. `score` and the editor both measure so.

There are two readings. READ_AS has every meter in bars of its own: what `score` and `inspect` measure. READ_IN_PHRASES is for the networks of
four-bar phrases, so for the editor and for windows to learn from: 2/4 in pairs of bars as 4/4, and only theory.PHRASE_METERS.

Conventions: steps are sixteenths, counted from a section's first bar line; `written` bars are as the file has them (a section may read two
bars of 2/4 as one of 4/4).

Inside: `Reading`, `READ_AS`, `READ_IN_PHRASES`; `MeterSection`, `WrittenBars`; the whole: `measured_meter`, `places`, `chord_floor`, `heard`,
`whole`; some bars of it: `cut`.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import accumulate
from math import ceil

import numpy as np

from musiclc.midi.notes import Grid, Sounding
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH, METERS, STEPS_PER_QUARTER

Reading = Mapping[tuple[int, int], str]  # (numerator, denominator) → the meter that such bars are read in
READ_AS: Reading = {**{(int(name.split("/")[0]), int(name.split("/")[1])): name for name in METERS}, (2, 2): "4/4"}
READ_IN_PHRASES: Reading = {(4, 4): "4/4", (2, 4): "4/4", (2, 2): "4/4", (3, 4): "3/4", (6, 8): "6/8"}
NOWHERE = -1  # in an index into tokens: a step that the bar does not have


@dataclass(frozen=True)
class WrittenBars:
    """The bars that one time signature of a file governs. first: the number of the first in the file, from 1; start: its tick.

    steps: how many they have; a change of meter may cut the last short. exact: whether they last a whole number of steps.
    meter: that which they are read in, or "".
    """

    numerator: int
    denominator: int
    first: int
    start: int
    steps: int
    exact: bool
    meter: str = ""

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"

    @property
    def per_bar(self) -> Fraction:
        """Steps a bar."""
        return Fraction(4 * STEPS_PER_QUARTER * self.numerator, self.denominator)

    @property
    def bars(self) -> int:
        """How many bars they are, the last one whole or not."""
        return ceil(self.steps / self.per_bar)

    def bar_at(self, step: int) -> int:
        """The number of the bar that a step, counted from their start, lies in; the first or the last for a step outside."""
        return self.first + min(max(int(step / self.per_bar), 0), self.bars - 1)


@dataclass(frozen=True)
class MeterSection:
    """Consecutive bars that are read in one meter, and the melody in them.

    meter: as theory.METERS, or "" where it is unknown: such bars have no melody, and pass through. bars: whole bars of that meter.
    locked_steps: leading steps that the file does not have, before a pickup; locked_end: trailing ones, where a change of meter cuts a bar
    short or the melody's track ends. Nothing may be written there.
    pickup: steps, fewer than a bar, by which the bars that one hears begin before those that are written, where a file does not announce its
    pickup. Rules measure the bars as written.
    under: (step, pitch) of notes in chords below the melody's, which stay: where the melody goes below one, that one is heard as the line.
    extras: (step, pitch) of notes of a single voice that the grid cannot hold.
    octaves: semitones (a multiple of 12) by which the file's notes were moved to lie within A0 to C8. sources, extra_sources: which notes of
    the file the notes and the extras stand for. written: the bars as the file has them; grid: where they lie in it.
    """

    meter: str
    bars: int
    notes: tuple[Note, ...] = ()
    locked_steps: int = 0
    locked_end: int = 0
    pickup: int = 0
    under: tuple[tuple[int, int], ...] = ()
    extras: tuple[tuple[int, int], ...] = ()
    octaves: int = 0
    sources: tuple[Sounding, ...] = field(default=(), repr=False)
    extra_sources: tuple[Sounding, ...] = field(default=(), repr=False)
    written: tuple[WrittenBars, ...] = field(default=(), repr=False)
    grid: Grid = field(default=Grid(0, STEPS_PER_QUARTER), repr=False)

    @cached_property
    def melody(self) -> Melody:
        """The notes in their bars."""
        return Melody(self.notes, self.meter, self.bars)

    @property
    def steps(self) -> int:
        """Steps of all bars, locked ones included; 0 where the meter is unknown."""
        return self.bars * METERS[self.meter] if self.meter else 0

    @property
    def heard_bars(self) -> int:
        """How many bars one hears, counted with the pickup."""
        return -(-(self.pickup + self.steps) // METERS[self.meter])

    @property
    def first_bar(self) -> int:
        """The number in the file, from 1, of the first written bar."""
        return self.written[0].first

    @cached_property
    def _begins(self) -> list[int]:
        """The step at which each of `written` begins."""
        return list(accumulate((w.steps for w in self.written[:-1]), initial=self.locked_steps))

    def bar_at(self, step: int) -> int:
        """The number in the file of the written bar that a step lies in."""
        at = max(bisect_right(self._begins, step) - 1, 0)
        return self.written[at].bar_at(step - self._begins[at])

    def bar_number(self, bar: int) -> int:
        """The number in the file, from 1, of a bar of the melody, from 0: of the first of a pair of 2/4 bars."""
        return self.bar_at(bar * METERS[self.meter])

    def spans(self) -> list[tuple[int, int, bool]]:
        """For each bar of the melody the first and the last bar of the file that it covers, and whether the melody sounds in it."""
        per_bar = METERS[self.meter]
        sounding = {bar for n in self.notes for bar in range(n.start // per_bar, -(-n.end // per_bar))}
        return [(self.bar_number(bar), self.bar_at((bar + 1) * per_bar - 1), bar in sounding) for bar in range(self.bars)]


# ---- sections as one melody ----------------------------------------------------------------------------------------


def measured_meter(sections: Sequence[MeterSection]) -> str:
    """The meter in which rules measure the whole: that of the longest bars, of several such (3/4 and 6/8) that of the most steps."""
    longest = max(METERS[section.meter] for section in sections)
    steps: Counter[str] = Counter()
    for section in sections:
        if METERS[section.meter] == longest:
            steps[section.meter] += section.steps
    return steps.most_common(1)[0][0]


def places(sections: Sequence[MeterSection]) -> np.ndarray:
    """For each step of the whole its place in the tokens of all sections, one after another; NOWHERE where a bar is drawn out: int (T,)."""
    per_bar, parts, offset = METERS[measured_meter(sections)], [], 0
    for section in sections:
        at = np.full((section.bars, per_bar), NOWHERE)
        at[:, : METERS[section.meter]] = offset + np.arange(section.steps).reshape(section.bars, -1)
        parts.append(at.ravel())
        offset += section.steps
    return np.concatenate(parts)


def chord_floor(section: MeterSection, tokens: np.ndarray) -> np.ndarray:
    """Where one of the section's tokens (T,) is an onset over notes of a chord, the token of the highest of these, elsewhere 0: uint8 (T,)."""
    floor = np.zeros(len(tokens), np.uint8)
    for step, pitch in section.under:
        if LOWEST_PITCH <= pitch <= HIGHEST_PITCH and tokens[step] >= tok.FIRST_ONSET:
            floor[step] = max(floor[step], pitch - tok.PITCH_OF_TOKEN)
    return floor


def heard(states: np.ndarray, floor: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Tokens of all sections (k, F) → of the whole (k, T), as rules measure them. floor: (F,), of all sections; at: as `places` gives them."""
    return np.where(at == NOWHERE, tok.HOLD, np.maximum(states, floor)[:, np.maximum(at, 0)]).astype(np.uint8)


def whole(sections: Sequence[MeterSection]) -> Melody:
    """The sections as one melody, as rules measure it."""
    tokens = [tok.from_melody(s.melody) for s in sections]
    floor = np.concatenate([chord_floor(s, t) for s, t in zip(sections, tokens, strict=True)])
    return tok.to_melody(heard(np.concatenate(tokens)[None], floor, places(sections))[0], measured_meter(sections))


# ---- some bars alone -----------------------------------------------------------------------------------------------


def cut(sections: Sequence[MeterSection], first: int, last: int) -> tuple[tuple[MeterSection, ...], np.ndarray]:
    """The bars `first` to `last` of the file as sections of their own, and where their steps are among those of all sections: int (T,).

    Steps of other bars (of a pair of 2/4) and those that a note from before sounds into are locked. They can be measured and edited, not written.
    """
    parts, at, offset = [], [np.zeros(0, int)], 0
    for section in sections:
        inside = [step for step in range(section.locked_steps, section.steps) if first <= section.bar_at(step) <= last]
        if inside:
            part, low = _cut(section, inside[0], inside[-1] + 1)
            parts.append(part)
            at.append(offset + low + np.arange(part.steps))
        offset += section.steps
    return tuple(parts), np.concatenate(at)


def _cut(section: MeterSection, start: int, end: int) -> tuple[MeterSection, int]:
    """The whole bars about steps `start` to `end` of a section, and the step at which they begin."""
    per_bar = METERS[section.meter]
    low, high = start // per_bar * per_bar, -(-end // per_bar) * per_bar
    begun = max([start, *(n.end for n in section.notes if n.start < start < n.end)])
    part = replace(
        section,
        bars=(high - low) // per_bar,
        notes=tuple(Note(n.start - low, n.pitch, min(n.end, high) - n.start) for n in section.notes if low <= n.start < high),
        locked_steps=begun - low,
        locked_end=max(high - end, section.locked_end - (section.steps - high)),
        pickup=0,
        under=tuple((step - low, pitch) for step, pitch in section.under if low <= step < high),
        extras=(),
        sources=(),
        extra_sources=(),
    )
    return part, low
