"""What an edit tries, in order: nothing, where the constraints are met; allowed pitches and numbers of notes (rewrite.py); a tonic that is
nearly heard (emphasis.py); everything else (steer.py). The one way in for `transform` and `vary`.

Inside: `edited`; `snapped_alone`, a baseline; `extras_after`, for notes that the grid cannot hold.
"""

from functools import partial

import numpy as np

from musiclc.editing.emphasis import emphasised
from musiclc.editing.lines import EditProblem
from musiclc.editing.rewrite import rewritten, snapped, started
from musiclc.editing.steer import steered
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
    return state if problem.met(state) else steered(problem, state)


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
