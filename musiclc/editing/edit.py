"""What an edit tries, in order: nothing, where the wish is met; masks and counts (edits.py); everything else (steered.py).

Inside: `edited`.
"""

import numpy as np

from musiclc.editing.rewrite import EditProblem, rewritten, started
from musiclc.editing.steer import steered
from musiclc.rules import allowed_pitches


def edited(problem: EditProblem) -> np.ndarray:
    """The piece's state with the least change found that meets the wish, or comes nearest; the state itself when it is met already."""
    state = problem.piece.state
    if problem.met(state):
        return state
    if not problem.met(state, problem.granted) and allowed_pitches(problem.constraints).any():
        state = rewritten(problem, started(problem))
    return state if problem.met(state) else steered(problem, state)
