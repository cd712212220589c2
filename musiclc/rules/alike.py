"""How like a melody that is given others are, in one respect: the share of what they have in common, 0 to 1.

An example is as long as it is, whole bars from its first note's on; what is measured is of any length and is compared with the example played
again and again. So a shorter piece is compared with the example's first bars, or first notes.

| aspect | what is compared | how |
|---|---|---|
| rhythm | the steps on which notes begin, bar by bar | twice what is shared over both numbers (F1, or Dice) |
| notes | the same, of notes that have the same pitch, too | as rhythm |
| pitches | the pitches in turn, whenever they sound | 1 − Levenshtein distance / number |
| intervals | the semitones from each note to the next | as pitches |
| contour | whether each next note is higher, lower or the same | as pitches |

Inside: `ASPECTS`, `Exemplar`, `alike_measures`, `alike_rule`, `written_alike`.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from musiclc.errors import UsageError
from musiclc.music import tokens as tok
from musiclc.music.likeness import edit_distance
from musiclc.music.melody import Melody
from musiclc.rules.base import Rule, plain
from musiclc.rules.goals import Goal

BARWISE = ("notes", "rhythm")  # aspects that know bars, so that meters must agree
ASPECTS = (*BARWISE, "pitches", "contour", "intervals")
HALVES = {"2/4": ("4/4",), "4/4": ("2/4",), "3/8": ("6/8",), "6/8": ("3/8",)}  # meters of which one bar is two of the other
TOLERANCE = 0.05  # of a bare number
SHARES = ((0.85, 4.0), (0.55, 2.5))  # a rhythm at least so alike is written with so many nats for each step that is as the example's
PLACES = 8  # places in which what is not the example's may stand


@dataclass(frozen=True)
class Exemplar:
    """A melody and the aspect that others shall share. Raises UsageError where it has too few notes for that."""

    melody: Melody
    aspect: str = "notes"

    def __post_init__(self) -> None:
        few, notes = (2 if self.aspect in ("contour", "intervals") else 1), self.melody.notes
        if len(notes) < few:
            raise UsageError(f"an example of {len(notes)} notes; wanted {few} or more")
        first, last = (step // self.melody.steps_per_bar for step in (notes[0].start, notes[-1].end - 1))
        object.__setattr__(self, "melody", self.melody.window(first, last + 1 - first))

    @cached_property
    def pitches(self) -> np.ndarray:
        """MIDI numbers (m,)."""
        return np.array([note.pitch for note in self.melody.notes])

    def row(self, steps: int) -> np.ndarray:
        """Its tokens, played again and again: (steps,)."""
        return np.resize(tok.from_melody(self.melody), steps)

    def symbols(self, notes: int) -> list[int]:
        """What is compared of so many notes, for the aspects that are compared in turn."""
        return self.read(np.resize(self.pitches, notes))

    def read(self, pitches: np.ndarray) -> list[int]:
        """What the aspect sees of pitches (n,)."""
        found = pitches if self.aspect == "pitches" else np.diff(pitches)
        return (np.sign(found) if self.aspect == "contour" else found).tolist()


def alike_measures(example: Exemplar, tokens: np.ndarray, meter: str) -> np.ndarray:
    """How alike melodies (n, T) are to the example in its aspect: (n, 1), 0 for a silent one."""
    onsets = tok.onsets(tokens)
    if example.aspect in BARWISE:
        wanted = example.row(tokens.shape[1])
        there = wanted >= tok.FIRST_ONSET
        shared = onsets & there if example.aspect == "rhythm" else there & (tokens == wanted)
        found = 2 * shared.sum(axis=1) / np.maximum(onsets.sum(axis=1) + there.sum(), 1)
    else:
        found = np.array([_in_turn(example, row[begins].astype(int) + tok.PITCH_OF_TOKEN) for row, begins in zip(tokens, onsets, strict=True)])
    return found.reshape(-1, 1).astype(float)


def _in_turn(example: Exemplar, pitches: np.ndarray) -> float:
    symbols = example.read(pitches)
    return 1 - edit_distance(symbols, example.symbols(len(pitches))) / len(symbols) if symbols else 0.0


def alike_rule(example: Exemplar, parse: Callable[[str], Goal], goal: Goal) -> Rule:
    """The rule that says how alike melodies are. parse: a goal's text, which names the example, too, → bounds; goal: the one that it is made for."""
    barwise = example.aspect in BARWISE
    return Rule(
        **ABOUT_LIKE,
        measures=("share",),
        measure=partial(alike_measures, example),
        parse=parse,
        value=plain,
        limits=lambda meter: (0.0, 1.0),
        fixed=example.aspect in ("notes", "pitches"),
        judged=True,
        searched=True,
        written=partial(written_alike, example, goal),
        example=example.melody,
        meters=(example.melody.meter, *HALVES.get(example.melody.meter, ())) if barwise else (),
        begins=partial(_begins, example) if barwise else None,
    )


def _begins(example: Exemplar, goal: Goal, steps: int) -> tuple[np.ndarray, float]:
    firmly = next((strength for share, strength in SHARES if goal.low[0] >= share), 0.0)
    return tok.onsets(example.row(steps)[None])[0], firmly


ABOUT_LIKE: dict[str, Any] = {
    "name": "like",
    "about": "how like the melody of a MIDI file",
    "unit": "share",
    "span": "0..1",
    "goals": "a.mid, a.mid:rhythm, 'a.mid:pitches>=0.8', a.mid:contour, a.mid:intervals",
    "source": "onsets shared (F1), or in turn 1 - Levenshtein distance / length; the example again and again; 0.9 or more unless a goal is given",
    "tolerance": TOLERANCE,
}


# ---- writing -------------------------------------------------------------------------------------------------------


def written_alike(example: Exemplar, goal: Goal, state: np.ndarray, free: np.ndarray, allowed: np.ndarray, per_bar: int) -> Iterator[np.ndarray]:
    """The state (T,) made as alike as the goal asks, what is left of it in several places. free: bool (T,), steps that may be written on; allowed:
    bool (128,), pitches that may be.
    """
    aim = goal.low[0] if math.isinf(goal.high[0]) else (goal.low[0] + goal.high[0]) / 2
    at = np.flatnonzero(free)
    if not len(at) or not math.isfinite(aim):
        return
    if example.aspect in BARWISE:
        yield from _rhythms(example, min(aim + 0.02, 1.0), state, at, allowed)
    else:
        yield from _lines(example, aim, state, at, allowed)


def _rhythms(example: Exemplar, aim: float, state: np.ndarray, at: np.ndarray, allowed: np.ndarray) -> Iterator[np.ndarray]:
    """Onsets as the example's, and for notes their pitches, but for a share of the steps that are as they were."""
    wanted, sounding = example.row(len(state)), tok.sounding(state[None])[0]
    there = wanted >= tok.FIRST_ONSET
    if example.aspect == "notes":
        there &= allowed[np.clip(wanted.astype(int) + tok.PITCH_OF_TOKEN, 0, 127)]
    else:
        wanted = np.where(there, _nearby(sounding) - tok.PITCH_OF_TOKEN, wanted)
    new = np.where(there, wanted, np.where(tok.onsets(state[None])[0] & ~there, tok.HOLD, state))
    for kept in _runs(len(at), round((1 - aim) * len(at))):
        yield _joined(state, new, np.setdiff1d(at, at[kept], assume_unique=True))


def _nearby(sounding: np.ndarray) -> np.ndarray:
    """Pitches that sound (T,), in silence the one before, or else the next."""
    known = np.flatnonzero(sounding >= 0)
    if not len(known):
        return np.full(len(sounding), 67)
    before = np.searchsorted(known, np.arange(len(sounding)), side="right") - 1
    found: np.ndarray = sounding[known[np.maximum(before, 0)]]
    return found


def _joined(state: np.ndarray, new: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The state with `new` at some steps."""
    whole = state.copy()
    whole[at] = new[at]
    return whole


def _runs(length: int, kept: int) -> list[np.ndarray]:
    """Stretches of so many of 0 … length - 1, in PLACES places; the last ones scattered."""
    kept = min(max(kept, 0), length)
    firsts = sorted({(length - kept) * i // max(PLACES - 1, 1) for i in range(PLACES)})
    return [np.arange(first, first + kept) for first in firsts] + ([np.arange(kept) * length // kept] if kept else [])


def _lines(example: Exemplar, aim: float, state: np.ndarray, at: np.ndarray, allowed: np.ndarray) -> Iterator[np.ndarray]:
    """Pitches as the example's in turn, but for a share of the notes that are as they were."""
    onsets = np.flatnonzero(tok.onsets(state[None])[0])
    mine = np.flatnonzero(np.isin(onsets, at))
    if not len(mine):
        return
    pitches = state[onsets].astype(int) + tok.PITCH_OF_TOKEN
    left = int((1 - aim) * len(onsets) + 1e-9) - (example.aspect != "pitches")
    for line in _targets(example, pitches, mine, allowed):
        for kept in _kept(line, pitches, mine, left):
            found = pitches.copy()
            found[np.setdiff1d(mine, kept)] = line[np.setdiff1d(mine, kept)]
            found = np.where(allowed[np.clip(found, 0, 127)], found, pitches)
            whole = state.copy()
            whole[onsets] = found - tok.PITCH_OF_TOKEN
            yield whole


def _kept(line: np.ndarray, pitches: np.ndarray, mine: np.ndarray, left: int) -> Iterator[np.ndarray]:
    """Which notes may stay as they were: those that are nearest to the line, and stretches of notes."""
    left = max(left, 0)
    yield mine[np.argsort(np.abs(line - pitches)[mine], kind="stable")[:left]]
    for run in _runs(len(mine), left)[:-1]:
        yield mine[run]


def _targets(example: Exemplar, pitches: np.ndarray, mine: np.ndarray, allowed: np.ndarray) -> list[np.ndarray]:
    """Lines (n,) of pitches that are the example's, in all that is compared."""
    line = np.resize(example.pitches, len(pitches))
    if example.aspect == "pitches":
        return [line]
    if example.aspect == "contour":
        return [_bent(pitches, np.sign(np.diff(line)), allowed)]
    shift = round(float(np.mean(pitches[mine] - line[mine])))
    lines = [line + shift + more for more in range(-6, 7)]
    return sorted(lines, key=lambda each: -int(allowed[np.clip(each, 0, 127)].sum()))[:2]


def _bent(pitches: np.ndarray, ways: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Pitches (n,) each moved as little as brings it on the right side, ways (n - 1,), of the one before."""
    found, choices = pitches.copy(), np.flatnonzero(allowed)
    for i, way in enumerate(ways, 1):
        side = choices[np.sign(choices - found[i - 1]) == way]
        if len(side):
            found[i] = side[np.abs(side - found[i]).argmin()]
    return found
