"""The least edit that lets a piece end on its tonic.

Inside: `cadenced`.
"""

from typing import TYPE_CHECKING

import numpy as np

from musiclc.music import tokens as tok
from musiclc.rules.tonic import heard

if TYPE_CHECKING:
    from musiclc.sampling.piece_problem import PieceProblem


def cadenced(problem: "PieceProblem", tokens: np.ndarray) -> np.ndarray:
    """The piece (B, S) with its last note on the nearest pitch of the tonic asked for, or else of the one that is heard; in all bars that are
    equal to its own, so that what returns still does. As it is where that would break a constraint, or where another tonic would be heard.
    """
    flat = tokens.reshape(-1)
    last = np.flatnonzero(tok.onsets(flat[None])[0])[-1:]
    tonic = int(heard(flat[None], problem.meter)[0][0]) if problem.tonic is None else problem.tonic
    if not len(last) or tonic < 0:
        return tokens
    bar, step = divmod(int(last[0]), tokens.shape[1])
    up = (tonic - (int(flat[last[0]]) + tok.PITCH_OF_TOKEN)) % 12
    for shift in sorted((up, up - 12), key=abs):
        token = int(flat[last[0]]) + shift
        if not tok.FIRST_ONSET <= token < tok.PAD:
            continue
        found = tokens.copy()
        found[(tokens == tokens[bar]).all(axis=1) & problem.wanted, step] = token
        if heard(found.reshape(1, -1), problem.meter)[0][0] == tonic and (problem.scores(found[None]) >= 1 - 1e-9).all():
            return found
    return tokens
