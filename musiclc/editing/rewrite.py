"""The least change of a piece that grants constraints on pitches and on the number of notes.

1. *Where to*: notes that the constraints forbid go to the nearest pitch that they allow: the start, which is what snapping to a scale gives.
2. *How*: the windows are searched for the likeliest line that is held to the start (lines.py). So what is not in question stays, and a note
   that must change goes where the line as a whole is likeliest. Windows that lie over the joins are then searched anew, with both their
   sides given.
3. *How many*: where notes are counted (density), the search gives the best line of every window for every number of notes, and
   the best sum over windows (a shortest path) tells how they share the burden.

Inside: `started`, `snapped`, `rewritten`, `shared`, `least_change`.
"""

import itertools
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from musiclc.editing.lines import BiasStrengths, Counted, EditProblem, LineSearch, generator_of
from musiclc.editing.piece import Piece, Windows
from musiclc.midi.section import MeterSection
from musiclc.music import tokens as tok
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH, METERS
from musiclc.rules import allowed_pitches
from musiclc.rules.base import Constraint

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

SLACK = 2  # notes more and fewer that a window over a join may have on the way to as many as before
OCTAVES = (0, 12, -12, 24, -24, 36, -36)  # semitones, in the order in which they are liked


# ---- where to ------------------------------------------------------------------------------------------------------


def started(problem: EditProblem) -> np.ndarray:
    """The state with every forbidden note at the nearest allowed pitch, by octaves where the whole piece then has more notes allowed."""
    allowed = allowed_pitches(problem.constraints)
    return snapped(_octave(problem.piece.state, allowed), allowed)


def snapped(state: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Forbidden onsets at the nearest allowed pitch, allowed: bool (128,). Where two are as near, each pitch class goes one way, such that
    as few as can be fall together: so degrees of one scale stay apart in another. A copy of the state where no pitch is allowed.
    """
    choices, onset = np.flatnonzero(allowed), tok.onsets(state)
    if not len(choices) or not onset.any():
        return state.copy()
    pitches = state[onset].astype(int) + tok.PITCH_OF_TOKEN
    apart = choices[None] - pitches[:, None]  # (notes, choices)
    nearest = np.abs(apart).min(axis=1, initial=128)
    torn = (np.abs(apart) == nearest[:, None]).sum(axis=1) > 1
    classes = sorted(set((pitches[torn] % 12).tolist()))
    best, found = (np.inf, np.inf), pitches
    for ways in itertools.product((-1, 1), repeat=len(classes)):
        way = np.zeros(12)
        way[classes] = ways
        moved = choices[(np.abs(apart) - 0.1 * (np.sign(apart) == way[pitches % 12][:, None])).argmin(axis=1)]
        worth = (-len(set((moved % 12).tolist())), min(ways.count(-1), ways.count(1)))
        if worth < best:
            best, found = worth, moved
    new = state.copy()
    new[onset] = found - tok.PITCH_OF_TOKEN
    return new


def _octave(state: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """The state moved by the octaves, none if that is as good, that leave the most notes within the allowed compass."""
    pitches = state[tok.onsets(state)].astype(int) + tok.PITCH_OF_TOKEN
    if not len(pitches) or not allowed.any():
        return state
    low, high = np.flatnonzero(allowed)[[0, -1]]
    on_piano = [m for m in OCTAVES if pitches.min() + m >= LOWEST_PITCH and pitches.max() + m <= HIGHEST_PITCH]
    inside = [int(((pitches + m >= low) & (pitches + m <= high)).sum()) for m in on_piano]
    return tok.transpose(state[None], on_piano[int(np.argmax(inside))])[0]


# ---- how, and how many ---------------------------------------------------------------------------------------------


def rewritten(problem: EditProblem, start: np.ndarray) -> np.ndarray:
    """The start with its windows searched: allowed pitches only, and as many notes as the constraints count, if it can be."""
    search, state, strengths = LineSearch(problem, start), start, problem.strengths.counted if problem.counted else problem.strengths
    for shift in (0, 2):
        windows = problem.piece.windows(shift)
        if not len(windows.at):
            continue
        noisy = (1 - strengths.noise_level) * search.points(windows, state) + strengths.noise_level * _noise(problem, windows)
        counted, more = _counted(problem, windows, state, shift)
        lines = search.lines(windows, noisy, search.logit_biases(windows, state, strengths), strengths.noise_level, counted)
        chosen = shared(lines.score.numpy(), counted.fewer, more) if counted else np.zeros(len(windows.at), int)
        rows = lines.tokens.numpy()[np.arange(len(windows.at)), chosen]
        state = windows.written(state, rows, ~windows.rows(state)[1])
    return state


def _noise(problem: EditProblem, windows: Windows) -> Tensor:
    """Noise for the windows' points (n, d), as much as the problem wants."""
    scale, seed = problem.noise
    if not scale or seed is None:
        return torch.zeros(())
    return scale * torch.randn(len(windows.at), problem.model.vae.dimensions, generator=generator_of(seed))


def _counted(problem: EditProblem, windows: Windows, state: np.ndarray, shift: int) -> tuple[Counted | None, tuple[int, int]]:
    """What the search shall count, and how many notes more the windows shall have in all, fewest and most."""
    limits = problem.counted
    if limits is None:
        return None, (0, 0)
    if shift:
        return Counted(state, SLACK, SLACK), (0, 0)
    have = int(tok.onsets(state).sum())
    low, high = limits[0] - have, limits[1] - have
    need = max(low, 0) + min(high, 0)
    room = -(-abs(need) * 8 // (5 * len(windows.at))) + 4
    return Counted(state, room if need < 0 else 1, room if need > 0 else 1), (low, high)


def shared(score: np.ndarray, fewer: int, wanted: tuple[int, int]) -> np.ndarray:
    """For each window the bin of score (n, S) that makes the sum over windows best, with wanted[0] to wanted[1] notes more in all.

    A bin s is s − fewer notes more; −∞ where there is no line. Where no sum is as wanted, the nearest is taken. int (n,).
    """
    n, bins = score.shape
    total = np.full(n * (bins - 1) + 1, -np.inf)  # best score so far by sum of bins
    total[0] = 0.0
    came = np.zeros((n, len(total)), int)
    for i in range(n):
        options = np.full((bins, len(total)), -np.inf)
        for s in range(bins):
            options[s, s:] = total[: len(total) - s] + score[i, s]
        came[i] = options.argmax(axis=0)
        total = options.max(axis=0)
    more = np.arange(len(total)) - n * fewer
    outside = np.maximum(wanted[0] - more, 0) + np.maximum(more - wanted[1], 0)
    outside = np.where(np.isfinite(total), outside, np.iinfo(int).max)
    at = int(np.where(outside == outside.min(), total, -np.inf).argmax())
    chosen = np.zeros(n, int)
    for i in reversed(range(n)):
        chosen[i] = came[i, at]
        at -= chosen[i]
    return chosen


def least_change(model: "Model", constraints: list[Constraint], tokens: np.ndarray, meter: str, keep: float) -> np.ndarray | None:
    """A melody's tokens (T,) after the least change that meets all constraints; None where they are met, where none is found, or where
    more is missed than allowed pitches and numbers of notes. keep: as BiasStrengths.of.
    """
    piece = Piece((MeterSection(meter, len(tokens) // METERS[meter]),), tokens)
    problem = EditProblem(model, piece, constraints, BiasStrengths.of(keep))
    if problem.met(tokens) or not problem.met(tokens, problem.left) or not tok.onsets(tokens).any():
        return None
    found = rewritten(problem, started(problem))
    return found if problem.met(found) else None
