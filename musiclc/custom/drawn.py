"""Rules that a drawing makes: a line that pitches shall follow, a pattern of onsets. The drawing is the goal's text itself, so that a command line
holds all of it.

    --outline "60 64 67 72 67"     points of a line, evenly spaced from the beginning to the end, as MIDI numbers or names such as C4
    --onsets "x...x.x.x..."        a sixteenth each, x where a note begins; repeated until the end

Both are judged, without a critic; where draws do not meet them, the last edit moves or places notes as little as it can.

Inside: `DRAWN`, `outline_rule`, `onsets_rule`.
"""

import math
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from musiclc.errors import UsageError
from musiclc.music import tokens as tok
from musiclc.music.form import MOST_BARS
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH, parse_pitch
from musiclc.rules.base import Rule, plain
from musiclc.rules.goals import Goal

NEAR = 2.0  # semitones from the line, on average, up to which it is followed
HIT = 0.9  # share of onsets that are the pattern's, from which on it is met
MOST_POINTS, MOST_STEPS = 512, MOST_BARS * 24
EDIT_DISTANCES = (6, 4, 3, 2, 1)  # semitones from the line that an edit leaves notes at
_PATTERN = re.compile(r"[xX.\-_|\s]+")


# ---- outline -------------------------------------------------------------------------------------------------------


def outline_rule(points: np.ndarray) -> Rule:
    """The rule of a line: points (k,) MIDI pitches, evenly spaced over whatever is measured."""
    return Rule(
        **ABOUT_OUTLINE,
        measures=("semitones",),
        measure=partial(_distances, points),
        parse=_outline_goal,
        value=plain,
        limits=lambda meter: (0.0, math.inf),
        tolerance=NEAR,
        fixed=True,
        judged=True,
        written=partial(_drawn_to, points),
    )


ABOUT_OUTLINE: dict[str, Any] = {
    "name": "outline",
    "about": "mean distance of the notes from a line that is drawn",
    "unit": "semitones",
    "span": "0 and more",
    "goals": "'60 64 67 72 67', 'C4 G4 C5', evenly spaced from beginning to end",
    "source": "counting, at each note's onset; met up to 2 semitones",
}


def _line(points: np.ndarray, steps: int) -> np.ndarray:
    """The line's pitch at each step: (steps,)."""
    return np.interp(np.linspace(0, len(points) - 1, steps) if steps > 1 else [0.0], np.arange(len(points)), points)


def _distances(points: np.ndarray, tokens: np.ndarray, meter: str) -> np.ndarray:
    """Mean distance in semitones of notes (n, T) from the line at their onsets: (n, 1); NaN for silence."""
    onsets = tok.onsets(tokens)
    apart = np.abs(tokens.astype(float) + tok.PITCH_OF_TOKEN - _line(points, tokens.shape[1]))
    count = onsets.sum(axis=1)
    return np.where(count > 0, (apart * onsets).sum(axis=1) / np.maximum(count, 1), np.nan)[:, None]


def _drawn_to(points: np.ndarray, state: np.ndarray, free: np.ndarray, allowed: np.ndarray, per_bar: int) -> Iterator[np.ndarray]:
    """The state (T,) with notes that are far from the line moved towards it, by ever more. The line spans the free steps."""
    where = np.flatnonzero(free)
    choices = np.flatnonzero(allowed)
    if not len(where) or not len(choices):
        return
    line = np.zeros(len(state))
    line[where[0] : where[-1] + 1] = _line(points, where[-1] + 1 - where[0])
    onsets = np.flatnonzero(tok.onsets(state) & free)
    for distance in EDIT_DISTANCES:
        new = state.copy()
        wanted = np.clip(state[onsets].astype(float) + tok.PITCH_OF_TOKEN, line[onsets] - distance, line[onsets] + distance)
        new[onsets] = choices[np.abs(choices[None] - wanted[:, None]).argmin(axis=1)] - tok.PITCH_OF_TOKEN
        yield new


def _outline_points(text: str) -> np.ndarray:
    """Raises UsageError."""
    parts = text.replace(",", " ").split()
    if not 1 <= len(parts) <= MOST_POINTS:
        raise UsageError(f"outline: {len(parts)} points; wanted 1 to {MOST_POINTS} pitches, such as '60 64 67'")
    return np.array([_pitch(part) for part in parts])


def _pitch(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = float(parse_pitch(text))
    if not LOWEST_PITCH <= found <= HIGHEST_PITCH:
        raise UsageError(f"outline {text!r}: wanted pitches from {LOWEST_PITCH} to {HIGHEST_PITCH}, or A0 to C8")
    return found


def _outline_goal(text: str) -> Goal:
    _outline_points(text)
    return Goal(text, (-math.inf,), (NEAR,))


# ---- onsets --------------------------------------------------------------------------------------------------------


def onsets_rule(pattern: np.ndarray) -> Rule:
    """The rule of a pattern: bool (k,), whether a note begins at each sixteenth, again and again."""
    return Rule(
        **ABOUT_ONSETS,
        measures=("share",),
        measure=partial(_hits, pattern),
        parse=_onsets_goal,
        value=plain,
        limits=lambda meter: (0.0, 1.0),
        tolerance=1 - HIT,
        judged=True,
        written=partial(_placed, pattern),
    )


ABOUT_ONSETS: dict[str, Any] = {
    "name": "onsets",
    "about": "share of onsets that are those of a pattern that is drawn",
    "unit": "share",
    "span": "0..1; met from 0.9 on",
    "goals": "'x...x.x.x...x...', 'x..x..x.', a sixteenth each, repeated to the end",
    "source": "counting; onsets in both over onsets in either (Jaccard 1901)",
}


def _repeated(pattern: np.ndarray, steps: int) -> np.ndarray:
    return np.resize(pattern, steps)


def _hits(pattern: np.ndarray, tokens: np.ndarray, meter: str) -> np.ndarray:
    """Onsets in both the pattern and tokens (n, T), over those in either: (n, 1)."""
    wanted, onsets = _repeated(pattern, tokens.shape[1]), tok.onsets(tokens)
    return ((onsets & wanted).sum(axis=1) / np.maximum((onsets | wanted).sum(axis=1), 1))[:, None]


def _placed(pattern: np.ndarray, state: np.ndarray, free: np.ndarray, allowed: np.ndarray, per_bar: int) -> Iterator[np.ndarray]:
    """The state (T,) with notes at the pattern's onsets, at the pitches that sound there or begin next to them, and held to the next one."""
    where = np.flatnonzero(free)
    begun = np.flatnonzero(tok.onsets(state) & free)
    if not len(where) or not len(begun):
        return
    wanted = where[0] + np.flatnonzero(_repeated(pattern, where[-1] + 1 - where[0]))
    wanted = wanted[free[wanted]]
    if not len(wanted):
        return
    new = state.copy()
    new[where[where >= wanted[0]]] = tok.HOLD
    new[where[where < wanted[0]]] = tok.REST
    new[wanted] = state[begun[np.abs(begun[None] - wanted[:, None]).argmin(axis=1)]]
    yield new


def _onsets_pattern(text: str) -> np.ndarray:
    """Raises UsageError."""
    marks = re.sub(r"[|\s]", "", text)
    if not _PATTERN.fullmatch(text) or not marks:
        raise UsageError(f"onsets {text[:40]!r}: wanted an x where a note begins and a dot elsewhere, such as 'x...x.x.'")
    if len(marks) > MOST_STEPS or "x" not in marks.lower():
        raise UsageError(f"onsets: {len(marks)} sixteenths; wanted 1 to {MOST_STEPS} with an x among them")
    return np.array([mark in "xX" for mark in marks])


def _onsets_goal(text: str) -> Goal:
    _onsets_pattern(text)
    return Goal(text, (HIT,), (math.inf,))


def _outline(text: str) -> Rule:
    return outline_rule(_outline_points(text))


def _onsets(text: str) -> Rule:
    return onsets_rule(_onsets_pattern(text))


# rule → what its row says, how a goal's text makes it, and the text's form for --help
DRAWN: dict[str, tuple[dict[str, Any], Callable[[str], Rule], str]] = {
    "outline": (ABOUT_OUTLINE, _outline, "PITCHES"),
    "onsets": (ABOUT_ONSETS, _onsets, "x..x..x."),
}
