"""What rules judge that have no critic (a key that is not quite heard, too many notes on one pitch), granted by a few notes: moved to other
pitches that the constraints allow, their times as they are.

For a tonic the last note goes to it first, since that is what most tunes do; then, one by one, whichever note brings most for the way it moves,
until every constraint is met. What is a matter of one or two notes needs no search of lines; what takes more than a share of the notes is
left alone.

Inside: `emphasised`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from musiclc.music import tokens as tok
from musiclc.rules import allowed_pitches
from musiclc.rules.base import Constraint, parts_of

FARTHEST = 5  # semitones that a note is moved
MOST_WRITTEN = 16  # times that a rule writes what it counts


@dataclass(frozen=True)
class Reach:
    """How far an edit goes. most: share of the notes that are moved; looked_at: notes that are tried, the longest and those on downbeats first;
    way: of a score, for each semitone.
    """

    most: float
    looked_at: int
    way: float


FOR_TONIC, FOR_OTHERS = Reach(0.2, 48, 0.05), Reach(0.4, 160, 1e-5)  # where any note may be the one, and brings little by itself
Scores = Callable[[np.ndarray], np.ndarray]  # states (k, F) → scores (k, constraints)


def emphasised(state: np.ndarray, constraints: Sequence[Constraint], scores: Scores, free: np.ndarray, per_bar: int) -> np.ndarray:
    """The state (F,) with the fewest notes moved that were found to meet the constraints, or as it is where none were.

    scores: of states, the rules' verdict on all of them; free: bool (F,), steps that may be written on; per_bar: steps a bar.
    """
    onsets = np.flatnonzero(tok.onsets(state) & free)
    judged = {part.rule.name for part in parts_of(constraints) if part.rule.judged}
    if not len(onsets) or not judged:
        return state
    reach = FOR_TONIC if judged == {"tonic"} else FOR_OTHERS
    notes, most = _order(state, onsets, per_bar)[: reach.looked_at], max(int(reach.most * len(onsets)), 1)
    allowed = np.flatnonzero(allowed_pitches(constraints)) - tok.PITCH_OF_TOKEN
    first = _written(state, constraints, scores, free, per_bar)
    for start in (*([] if first is state else [first]), *_begun(state, onsets[-1], constraints, allowed)):
        found = _climbed(start, partial(_moved, notes, allowed), scores, most, reach.way)
        if found is not None:
            return found
    return state


def _begun(state: np.ndarray, last: int, constraints: Sequence[Constraint], allowed: np.ndarray) -> Iterator[np.ndarray]:
    """The state with its last note on the tonic asked for, where that may be; then the state itself."""
    wanted = [pc for c in parts_of(constraints) if c.rule.name == "tonic" for pc in np.flatnonzero(np.asarray(c.goal.high) == 0)]
    choices = allowed[np.isin((allowed + tok.PITCH_OF_TOKEN) % 12, wanted)]
    if len(choices):
        new = state.copy()
        new[last] = choices[np.abs(choices - int(state[last])).argmin()]
        yield new
    yield state


def _written(state: np.ndarray, constraints: Sequence[Constraint], scores: Scores, free: np.ndarray, per_bar: int) -> np.ndarray:
    """The state after rules that know how have written on it what they count, once or more, each time where it brings most; or as it is."""
    allowed, now = allowed_pitches(constraints), scores(state[None])[0]
    for rule in (c.rule for c in constraints if c.rule.written):
        for _ in range(MOST_WRITTEN):
            tries = list(rule.written(state, free, allowed, per_bar)) if (now < 1 - 1e-9).any() else []  # type: ignore[misc]
            found = np.nan_to_num(scores(np.stack([state, *tries])))
            best = int(found.sum(axis=1).argmax())
            if not best:
                break
            state, now = tries[best - 1], found[best]
    return state


def _order(state: np.ndarray, onsets: np.ndarray, per_bar: int) -> np.ndarray:
    """The notes' steps, those that weigh most in what is heard first."""
    weight = tok.durations(state[None])[0][onsets] * (1 + (onsets % per_bar == 0))
    return onsets[np.argsort(-weight, kind="stable")]


def _climbed(state: np.ndarray, moved: Callable[[np.ndarray], Iterator[np.ndarray]], scores: Scores, most: int, each: float) -> np.ndarray | None:
    """The state after the notes that bring most are moved, at most so many; None where the constraints are not met then.

    moved: a state → those with one note moved. each: of a score, what a semitone costs.
    """
    now = scores(state[None])[0]
    for _ in range(most):
        if (now >= 1 - 1e-9).all():
            return state
        tries = np.stack([state, *moved(state)])
        found = scores(tries)
        way = np.abs(tries.astype(int) - state.astype(int)).sum(axis=1)
        met = (found >= 1 - 1e-9).all(axis=1)
        best = int((np.nan_to_num(found).sum(axis=1) + met - each * way).argmax())
        if not best:
            break
        state, now = tries[best], found[best]
    return state if (now >= 1 - 1e-9).all() else None


def _moved(onsets: np.ndarray, allowed: np.ndarray, state: np.ndarray) -> Iterator[np.ndarray]:
    """The state with one of the notes at another allowed pitch near by."""
    for step in onsets:
        for choice in allowed[(np.abs(allowed - int(state[step])) <= FARTHEST) & (allowed != state[step])]:
            new = state.copy()
            new[step] = choice
            yield new
