"""What an edit tries, in order: nothing, where the wish is met; masks and counts (edits.py); everything else (steered.py).

Inside: `edited`.
"""

import numpy as np

from musiclc.editing.rewrite import Task, rewritten, started
from musiclc.editing.steer import steered
from musiclc.rules import allowed_pitches


def edited(task: Task) -> np.ndarray:
    """The piece's state with the least change found that meets the wish, or comes nearest; the state itself when it is met already."""
    state = task.piece.state
    if task.met(state):
        return state
    if not task.met(state, task.granted) and allowed_pitches(task.constraints).any():
        state = rewritten(task, started(task))
    return state if task.met(state) else steered(task, state)
