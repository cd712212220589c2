"""A key that is not quite heard, made heard: a few notes moved to other pitches that the constraints allow, their times as they are.

First the last note goes to the tonic, since that is what most tunes do; then, one by one, whichever note brings most for the way it moves,
until every constraint is met. What is a matter of one or two notes needs no search of lines; what takes more than a share of the notes is
left alone.

Inside: `emphasised`.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from musiclc.music import tokens as tok
from musiclc.rules import allowed_pitches
from musiclc.rules.base import Constraint, parts_of

FARTHEST = 5  # semitones that a note is moved
MOST = 0.2  # share of the notes that are moved
LOOKED_AT = 48  # notes that are tried, the longest and those on downbeats first
WAY = 0.05  # of a score, for each semitone

Scores = Callable[[np.ndarray], np.ndarray]  # states (k, F) → scores (k, constraints)


def emphasised(state: np.ndarray, constraints: Sequence[Constraint], scores: Scores, free: np.ndarray, per_bar: int) -> np.ndarray:
    """The state (F,) with the fewest notes moved that were found to meet the constraints, or as it is where none were.

    scores: of states, the rules' verdict on all of them; free: bool (F,), steps that may be written on; per_bar: steps a bar.
    """
    onsets = np.flatnonzero(tok.onsets(state) & free)
    if not len(onsets) or not any(part.rule.judged for part in parts_of(constraints)):
        return state
    allowed = np.flatnonzero(allowed_pitches(constraints)) - tok.PITCH_OF_TOKEN
    for start in _begun(state, onsets[-1], constraints, allowed):
        found = _climbed(start, scores, _order(state, onsets, per_bar), allowed, int(MOST * len(onsets)))
        if found is not None:
            return found
    return state


def _begun(state: np.ndarray, last: int, constraints: Sequence[Constraint], allowed: np.ndarray) -> Iterator[np.ndarray]:
    """The state with its last note on the tonic asked for, where that may be; then the state itself."""
    wanted = [pc for c in parts_of(constraints) if c.rule.judged for pc in np.flatnonzero(np.asarray(c.goal.high) == 0)]
    choices = allowed[np.isin((allowed + tok.PITCH_OF_TOKEN) % 12, wanted)]
    if len(choices):
        new = state.copy()
        new[last] = choices[np.abs(choices - int(state[last])).argmin()]
        yield new
    yield state


def _order(state: np.ndarray, onsets: np.ndarray, per_bar: int) -> np.ndarray:
    """The notes that weigh most in what is heard: steps, at most LOOKED_AT."""
    weight = tok.durations(state[None])[0][onsets] * (1 + (onsets % per_bar == 0))
    return onsets[np.argsort(-weight, kind="stable")[:LOOKED_AT]]


def _climbed(state: np.ndarray, scores: Scores, onsets: np.ndarray, allowed: np.ndarray, most: int) -> np.ndarray | None:
    """The state after the notes that bring most are moved, at most so many; None where the constraints are not met then."""
    now = scores(state[None])[0]
    for _ in range(max(most, 1)):
        if (now >= 1 - 1e-9).all():
            return state
        tries = np.stack([state, *_moved(state, onsets, allowed)])
        found = scores(tries)
        way = np.abs(tries.astype(int) - state.astype(int)).sum(axis=1)
        met = (found >= 1 - 1e-9).all(axis=1)
        best = int((np.nan_to_num(found).sum(axis=1) + met - WAY * way).argmax())
        if not best:
            break
        state, now = tries[best], found[best]
    return state if (now >= 1 - 1e-9).all() else None


def _moved(state: np.ndarray, onsets: np.ndarray, allowed: np.ndarray) -> Iterator[np.ndarray]:
    """The state with one of the notes at another allowed pitch near by."""
    for step in onsets:
        for choice in allowed[(np.abs(allowed - int(state[step])) <= FARTHEST) & (allowed != state[step])]:
            new = state.copy()
            new[step] = choice
            yield new
