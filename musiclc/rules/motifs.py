"""Rules that compare with notes that are given: how often a motif occurs, and how long a run of notes is shared.

Conventions: melodies come as token rows (n, T) in one meter, T any whole number of bars. A motif is two or more notes; where a note stands is its
onset, and how long the last one sounds does not matter. Two runs of notes are the same when one is a transposition of the other, onset by onset.

Inside: `Motif`, `motif_measures`, `motif_rule`, `written_motifs`; `shared_measures`, `avoid_rule`.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from musiclc.errors import UsageError
from musiclc.music import tokens as tok
from musiclc.music.form import MOST_BARS
from musiclc.music.melody import Melody
from musiclc.music.theory import METERS
from musiclc.rules.base import Rule, plain
from musiclc.rules.goals import Goal

FORMS = ("any", "exact", "transposed", "inverted")  # any: transposed (by no semitones, too) or inverted
WHOLE = 1 - 1e-9
OCTAVE = 12


# ---- motif ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Motif:
    """A melody's notes as a motif. Raises UsageError for fewer than two, which occur everywhere."""

    melody: Melody
    form: str = "any"

    def __post_init__(self) -> None:
        if len(self.melody.notes) < 2:
            raise UsageError(f"a motif of {len(self.melody.notes)} notes: wanted two or more")

    @property
    def begins(self) -> int:
        """The step of its bar that its first note is on."""
        return self.melody.notes[0].start % self.melody.steps_per_bar

    @cached_property
    def onsets(self) -> np.ndarray:
        """Steps from its first note to each: int (m,)."""
        return np.array([note.start - self.melody.notes[0].start for note in self.melody.notes])

    @cached_property
    def pitches(self) -> np.ndarray:
        """MIDI numbers (m,)."""
        return np.array([note.pitch for note in self.melody.notes])

    @cached_property
    def row(self) -> np.ndarray:
        """Its tokens from its first note to the end of its last: (steps,)."""
        return tok.from_melody(self.melody)[self.melody.notes[0].start : self.melody.notes[-1].end]

    @property
    def shapes(self) -> tuple[np.ndarray, ...]:
        """The intervals (m - 1,) that count as its own."""
        upright = np.diff(self.pitches)
        return {"inverted": (-upright,), "any": (upright, -upright)}.get(self.form, (upright,))


def _in_time(tokens: np.ndarray, motif: Motif) -> tuple[np.ndarray, np.ndarray]:
    """For each step as the place of the motif's first note: whether each of its notes is there with none between it and the one before, bool
    (m, n, T); and the pitches there (m, n, T).
    """
    length = tokens.shape[1]
    long = np.pad(tokens.astype(int), ((0, 0), (0, int(motif.onsets[-1]))), constant_values=tok.REST)
    onsets = tok.onsets(long)
    before = np.cumsum(onsets, axis=1)
    there = np.stack([onsets[:, at : at + length] for at in motif.onsets])
    count = np.stack([before[:, at : at + length] for at in motif.onsets])
    there[1:] &= np.diff(count, axis=0) == 1
    return there, np.stack([long[:, at : at + length] for at in motif.onsets]) + tok.PITCH_OF_TOKEN


def _shares(tokens: np.ndarray, motif: Motif) -> np.ndarray:
    """How much of the motif begins at each step, 0-1: (n, T). Half of each note or interval is its time, half its pitch."""
    there, pitches = _in_time(tokens, motif)
    if motif.form == "exact":
        right = there & (pitches == motif.pitches[:, None, None])
        share = (there.mean(axis=0) + right.mean(axis=0)) / 2
    else:
        linked = there[1:] & there[:-1]
        intervals = np.diff(pitches, axis=0)
        right_most = np.max([(linked & (intervals == shape[:, None, None])).mean(axis=0) for shape in motif.shapes], axis=0)
        share = (there[1:].mean(axis=0) + right_most) / 2
    return np.where(there[0], share, 0.0)


def motif_measures(motif: Motif, tokens: np.ndarray, meter: str) -> np.ndarray:
    """How often the motif occurs, one occurrence after another, and the largest share of one more that is there: (n, 1), 2.5 for two and a half."""
    shares = _shares(tokens, motif)
    return np.array([_occurrences(row, int(motif.onsets[-1]) + 1) for row in shares], float).reshape(-1, 1)


def _occurrences(shares: np.ndarray, steps: int) -> float:
    """Whole ones, the earliest first, that do not overlap, and the largest share apart from them. steps: from first to last note."""
    apart, free = shares.copy(), 0
    count = 0
    for at in np.flatnonzero(shares >= WHOLE):
        if at >= free:
            count, free = count + 1, int(at) + steps
            apart[max(at - steps + 1, 0) : free] = 0.0
    rest = apart.max(initial=0.0)
    return count + (rest if rest < WHOLE else 0.0)


def _motif_grade(measures: np.ndarray, goal: Goal) -> np.ndarray:
    """1 within the goal, falling with what is missing, parts included, or with whole occurrences too many: (n,)."""
    found = measures[:, 0]
    missing = np.maximum(np.ceil(goal.low[0]) - found, 0)
    over = np.maximum(np.floor(found) - np.floor(goal.high[0]), 0)
    return 1 / (1 + missing + over)


def motif_rule(motif: Motif, parse: Callable[[str], Goal]) -> Rule:
    """The rule that counts a motif. parse: a goal's text, which names the motif, too, → bounds on the count."""
    return Rule(
        **ABOUT_MOTIF,
        measures=("occurrences, one more in part",),
        measure=partial(motif_measures, motif),
        parse=parse,
        value=plain,
        limits=lambda meter: (0.0, float(MOST_BARS * METERS[meter])),
        grade=_motif_grade,
        fixed=motif.form == "exact",
        judged=True,
        steps=int(motif.onsets[-1]) + 1,
        written=partial(written_motifs, motif),
    )


ABOUT_MOTIF: dict[str, Any] = {
    "name": "motif",
    "about": "how often the melody of a MIDI file occurs",
    "unit": "occurrences",
    "span": "0 and more; the last in part, by times and pitches",
    "goals": "hook.mid, 'hook.mid:transposed>=2', hook.mid:inverted, hook.mid:exact, 'hook.mid<=3'",
    "source": "counting; as it is, transposed or inverted unless the goal says which, at least once unless it says how often",
}


def written_motifs(motif: Motif, state: np.ndarray, free: np.ndarray, allowed: np.ndarray, per_bar: int) -> Iterator[np.ndarray]:
    """The state (T,) with one more motif written over it, each in another place or at another pitch, those that fit best first in each place.

    free: bool (T,), steps that may be written on; allowed: bool (128,), pitches that may be. Its first note is where it is in its own bar, or, in
    other meters, on a downbeat.
    """
    begins = motif.begins if motif.melody.steps_per_bar == per_bar else 0
    pitches = tok.sounding(state[None])[0]
    for at in range(begins, len(state) - len(motif.row) + 1, per_bar):
        here = slice(at, at + len(motif.row))
        if free[here].all():
            around = [int(p) for p in (pitches[max(at - 1, 0)], pitches[min(here.stop, len(pitches) - 1)]) if p >= 0]
            for found in _pitched(motif, allowed, around):
                new = state.copy()
                new[here] = motif.row
                new[at + motif.onsets] = found - tok.PITCH_OF_TOKEN
                yield new


def _pitched(motif: Motif, allowed: np.ndarray, around: list[int]) -> list[np.ndarray]:
    """The pitches (m,) that a motif may have, the two of each shape that are nearest to what is around."""
    if motif.form == "exact":
        return [motif.pitches] if allowed[motif.pitches].all() else []
    centre = float(np.mean(around)) if around else float(motif.pitches.mean())
    found = []
    for shape in motif.shapes:
        line = np.concatenate([[0], np.cumsum(shape)])
        lines = [line + first for first in range(128) if (line + first).min() >= 0 and (line + first).max() < 128]
        may = [line for line in lines if allowed[line].all()]
        found += sorted(may, key=lambda line: abs(float(line.mean()) - centre))[:2]
    return found


# ---- avoid ---------------------------------------------------------------------------------------------------------

Symbol = tuple[int, ...]


def _symbols(tokens: np.ndarray) -> list[Symbol]:
    """What leads from each note of a row (T,) to the next: interval in semitones and steps between the onsets."""
    at = np.flatnonzero(tok.onsets(tokens[None])[0])
    return list(zip(np.diff(tokens[at].astype(int)).tolist(), np.diff(at).tolist(), strict=True))


class _Automaton:
    """All runs of some sequences of symbols: their suffix automaton (Blumer et al. 1985), whose size grows with theirs.

    ways: of each state, symbol → state; link: the state of the longest suffix that is elsewhere, too; length: of the longest run that leads there.
    """

    def __init__(self, sequences: Sequence[Sequence[Symbol]]):
        self.ways: list[dict[Symbol, int]] = [{}]
        self.link, self.length = [-1], [0]
        last = 0
        for number, sequence in enumerate(sequences):
            for symbol in (*sequence, (number,)):  # which no melody has
                last = self._grown(last, symbol)

    def _state(self, length: int, link: int, ways: dict[Symbol, int]) -> int:
        self.length.append(length)
        self.link.append(link)
        self.ways.append(ways)
        return len(self.ways) - 1

    def _grown(self, last: int, symbol: Symbol) -> int:
        new = self._state(self.length[last] + 1, 0, {})
        at = last
        while at >= 0 and symbol not in self.ways[at]:
            self.ways[at][symbol] = new
            at = self.link[at]
        if at >= 0:
            self.link[new] = self._parted(at, self.ways[at][symbol], symbol)
        return new

    def _parted(self, at: int, there: int, symbol: Symbol) -> int:
        """The state that the longest suffix leads to, of its own where longer runs led there, too."""
        if self.length[there] == self.length[at] + 1:
            return there
        twin = self._state(self.length[at] + 1, self.link[there], dict(self.ways[there]))
        self.link[there] = twin
        while at >= 0 and self.ways[at].get(symbol) == there:
            self.ways[at][symbol] = twin
            at = self.link[at]
        return twin

    def matches(self, sequence: Sequence[Symbol]) -> list[int]:
        """At each symbol of a sequence, how long a run that ends with it is one of these."""
        state, length, found = 0, 0, []
        for symbol in sequence:
            while state and symbol not in self.ways[state]:
                state = self.link[state]
                length = self.length[state]
            if symbol in self.ways[state]:
                state, length = self.ways[state][symbol], length + 1
            found.append(length)
        return found


def shared_measures(known: _Automaton, most: int, tokens: np.ndarray, meter: str) -> np.ndarray:
    """Notes in the longest run that is in what is known, too, and notes that end a run there of more than `most` notes: (n, 2).

    The first is 1 where no two notes are shared, 0 for a silent melody.
    """
    found = np.zeros((len(tokens), 2))
    for i in np.flatnonzero(tok.onsets(tokens).any(axis=1)):
        notes = np.array([0, *known.matches(_symbols(tokens[i]))]) + 1
        found[i] = notes.max(), (notes > most).sum()
    return found


def avoid_rule(melodies: Sequence[Melody], most: int, parse: Callable[[str], Goal]) -> Rule:
    """The rule that says how long a run of notes is shared with melodies. most: notes of a run that may be; parse: a goal's text, which names the
    melodies, too, → bounds on both measures.
    """
    known = _Automaton([_symbols(tok.from_melody(melody)) for melody in melodies])
    return Rule(
        **ABOUT_AVOID,
        measures=("notes", "notes that end a run too long"),
        measure=partial(shared_measures, known, most),
        parse=parse,
        value=plain,
        limits=lambda meter: (0.0, math.inf),
        grade=lambda measures, goal: np.where(measures[:, 0] > goal.high[0], 1 / (1 + measures[:, 1] / most), 1.0),
        judged=True,
    )


ABOUT_AVOID: dict[str, Any] = {
    "name": "avoid",
    "about": "longest run of notes shared with MIDI files",
    "unit": "notes",
    "span": "0 and more; 1 where no two notes are shared",
    "goals": "old.mid, old/, old/:6",
    "source": "counting; a run is intervals and times between onsets, at any pitch; met below 8 notes, or below the number behind the colon",
}
