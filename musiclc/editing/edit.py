"""What an edit tries, in order: nothing, where the constraints are met; allowed pitches and numbers of notes (rewrite.py); a tonic that is
nearly heard (emphasis.py); everything else (steer.py), before it, or where that fails, small changes for rules that these grant (climb.py). The one
way in for `transform` and `vary`.

Inside: `edited`; `snapped_alone`, a baseline; `extras_after`, for notes that the grid cannot hold.
"""

from functools import partial
from random import Random

import numpy as np

from musiclc.editing.climb import Climb, climbed, writers_of
from musiclc.editing.emphasis import emphasised
from musiclc.editing.lines import EditProblem
from musiclc.editing.rewrite import rewritten, snapped, started
from musiclc.editing.steer import steered
from musiclc.editing.usual import Usual
from musiclc.music import tokens as tok
from musiclc.music.theory import METERS
from musiclc.rules import allowed_pitches


def edited(problem: EditProblem) -> np.ndarray:
    """The piece's state with the least change found that meets the constraints, or comes nearest; the state itself when it meets them already."""
    state = problem.piece.state
    if problem.met(state):
        return state
    if not problem.met(state, problem.granted) and allowed_pitches(problem.constraints).any():
        state = rewritten(problem, started(problem))
    if not problem.met(state):
        free = ~problem.piece.locked
        state = emphasised(state, problem.constraints, partial(problem.piece.scores, problem.constraints), free, METERS[problem.piece.meter])
    ways = [steered, _changed_little] if any(c.rule.searched for c in problem.left) else [steered]
    if any(c.rule.searched and c.rule.written for c in problem.left):
        ways.reverse()
    for way in ways:
        state = state if problem.met(state) else way(problem, state)
    return state


def _changed_little(problem: EditProblem, state: np.ndarray) -> np.ndarray:
    """The state after small changes that the rules judge (climb.py), where these meet the constraints; else the state."""
    piece, allowed = problem.piece, allowed_pitches(problem.constraints)
    per_bar, free = METERS[piece.meter], ~piece.locked
    writers = writers_of(problem.constraints, free, per_bar, [(0, len(state))])
    climb = Climb(partial(piece.scores, problem.constraints), free, _scale(state, allowed), per_bar, writers, usual=Usual(state[None], per_bar))
    found = climbed(climb, state, lambda: state[None][:0], Random("transform"))
    return found if problem.met(found) else state


def _scale(state: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """The allowed pitches whose pitch classes a state (F,) has, ascending; all allowed ones where it has none of them."""
    classes = (state[tok.onsets(state[None])[0]].astype(int) + tok.PITCH_OF_TOKEN) % 12
    own = allowed & np.isin(np.arange(128) % 12, classes)
    return np.flatnonzero(own if own.any() else allowed if allowed.any() else np.ones(128, bool))


def snapped_alone(problem: EditProblem) -> np.ndarray:
    """The state with every forbidden note at the nearest allowed pitch and nothing else done."""
    return started(problem)


def extras_after(problem: EditProblem, state: np.ndarray) -> list[list[int | None]]:
    """What becomes of each section's extras in a state (F,): their pitches, allowed ones; None for one that is gone with the note on its step."""
    piece, allowed = problem.piece, allowed_pitches(problem.constraints)
    both = zip(piece.split(piece.state), piece.split(state), strict=True)
    gone = [(was >= tok.FIRST_ONSET) & (now < tok.FIRST_ONSET) for was, now in both]
    return [
        [None if step < len(lost) and lost[step] else _nearest(pitch, allowed) for step, pitch in section.extras]
        for section, lost in zip(piece.sections, gone, strict=True)
    ]


def _nearest(pitch: int, allowed: np.ndarray) -> int:
    """The allowed pitch nearest to a pitch; the pitch itself where none is allowed."""
    return int(snapped(np.array([pitch - tok.PITCH_OF_TOKEN], np.uint8), allowed)[0]) + tok.PITCH_OF_TOKEN
