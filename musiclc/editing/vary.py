"""Pieces near a piece, and between two: points with noise in them, or on the line between two, decoded under biases to what was there.

Inside: `variation`, `between`.
"""

from dataclasses import replace

import numpy as np
import torch

from musiclc.editing.edit import edited
from musiclc.editing.lines import BiasStrengths, EditProblem, LineSearch, generator_of
from musiclc.editing.piece import Piece
from musiclc.music import tokens as tok
from musiclc.rules.transposition import transposed

HELD = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.5, 7.0, 12.0)  # bias strengths that are tried, in nats, for a variation that keeps a given share
NOISE_LEVEL = 0.6  # t of a variation's points
HALFWAY = BiasStrengths(0.5, 3.0, 3.0, 0.1)  # of lines between two pieces


def variation(problem: EditProblem, keep: float, temperature: float, seed: np.random.SeedSequence) -> np.ndarray:
    """A state of the piece that keeps about the share `keep` of its notes and meets the constraints, from points with fresh noise."""
    piece, search = problem.piece, LineSearch(problem, problem.piece.state)
    windows = piece.windows()
    x = search.points(windows, piece.state)
    x = (1 - NOISE_LEVEL) * x + NOISE_LEVEL * temperature * torch.randn(x.shape, generator=generator_of(seed))
    onset, tied = tok.onsets(piece.state), windows.rows(piece.state)[1]
    best, gap = piece.state, np.inf
    for held in HELD:
        strengths = BiasStrengths(NOISE_LEVEL, held, held, 0.05 * held)
        lines = search.lines(windows, x, search.logit_biases(windows, piece.state, strengths), NOISE_LEVEL)
        state = windows.written(piece.state, lines.tokens[:, 0].numpy(), ~tied)
        off = abs(float((state == piece.state)[onset].mean()) - keep)
        if off < gap and not np.array_equal(state, piece.state):
            best, gap = state, off
    return best if problem.met(best) else edited(replace(problem, piece=piece.changed(best)))


def between(problem: EditProblem, other: Piece, share: float) -> np.ndarray:
    """A state of the problem's piece on the way to another one: share 0 is the piece, 1 the other, gone round where it is shorter.

    Points lie on the line between both pieces' at their canonical transpositions, noisy, and lines are held to both; the key is that of the
    nearer piece.
    """
    piece = problem.piece
    there = EditProblem(problem.model, other, [], problem.strengths)
    here_search, there_search = LineSearch(problem, piece.state), LineSearch(there, other.state)
    windows, others = piece.windows(), other.windows()
    which = np.arange(len(windows.at)) % len(others.at)
    x = (1 - share) * here_search.points(windows, piece.state) + share * there_search.points(others, other.state)[torch.from_numpy(which)]
    near = replace(HALFWAY, held=HALFWAY.held * (1 - share), begun=HALFWAY.begun * (1 - share))
    far = replace(HALFWAY, held=HALFWAY.held * share, begun=HALFWAY.begun * share)
    bias = here_search.logit_biases(windows, piece.state, near)
    to_other = there_search.logit_biases(others, other.state, far)[torch.from_numpy(which)]
    bias = bias + torch.where(torch.isfinite(to_other), to_other, torch.zeros(()))
    lines = here_search.lines(windows, (1 - HALFWAY.noise_level) * x, bias, HALFWAY.noise_level).tokens[:, 0].numpy()
    state = windows.written(piece.state, lines, ~windows.rows(piece.state)[1])
    if share > 0.5:
        state = transposed(state[None], np.array([here_search.transposition - there_search.transposition]))[0]
    return state if problem.met(state) else edited(replace(problem, piece=piece.changed(state)))
