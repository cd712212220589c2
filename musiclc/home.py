"""Home: transposition taken out of what the prior has to learn.

Transposing a melody is an exact symmetry, so a prior over melodies in all keys would learn everything twelve times over. The
VAE encodes any key; the prior knows melodies at *home* only: moved so that as many notes as possible are white keys, and the
mean pitch is as near HOME_PITCH as octaves allow. What is drawn at home is moved to where the wish wants it, and the wish's
goals are moved home for the critics.

Inside: `moves_home`, `moves_away`, `transposed`.
"""

from collections.abc import Sequence

import numpy as np

from musiclc import tokens as tok
from musiclc.goals import Constraint, Goal
from musiclc.rules import MAJOR_PROFILE, MINOR_PROFILE, key_measures
from musiclc.theory import HIGHEST_PITCH, LOWEST_PITCH, SCALES

HOME_PITCH = 70
HOME_RANGE = (62, 79)  # of a usual melody at home: mean lowest and highest pitch
NEAR_BEST = 0.03  # moves whose expected share in key is so near the best are as good
_ANY_KEY = range(-6, 6)
_TIE = 1e-3  # weight of the key profiles, which only decide between scales that hold as many notes


def moves_home(tokens: np.ndarray) -> np.ndarray:
    """Semitones by which each row of tokens (n, T) must be transposed to be at home: int (n,)."""
    shares = key_measures(tokens, "4/4")  # pitch classes do not depend on the meter
    white = np.isin(np.arange(12), SCALES["major"]).astype(float)
    profile = np.maximum(np.asarray(MAJOR_PROFILE), np.roll(MINOR_PROFILE, 9))  # C major, or A minor
    weights = white + _TIE * profile
    fit = np.stack([shares @ np.roll(weights, -move) for move in range(12)], axis=1)  # (n, 12): moved up by so many
    move = fit.argmax(axis=1)
    sounding = tok.onsets(tokens)
    pitches = tokens.astype(int) + tok.PITCH_OF_TOKEN
    mean = (pitches * sounding).sum(axis=1) / np.maximum(sounding.sum(axis=1), 1)
    move = move + 12 * np.round((HOME_PITCH - mean - move) / 12).astype(int)
    return _on_piano(tokens, move)


def transposed(tokens: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Rows (n, T) moved by semitones (n,), by octaves less where they would leave the piano."""
    return tok.transpose(tokens, _on_piano(tokens, np.asarray(moves)))


def _on_piano(tokens: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """The moves, by octaves less where they would leave the piano; none for a melody too wide to move so."""
    sounding = tok.onsets(tokens) & (tokens < tok.PAD)
    pitches = tokens.astype(int) + tok.PITCH_OF_TOKEN
    lowest = np.where(sounding, pitches, HIGHEST_PITCH).min(axis=1)
    highest = np.where(sounding, pitches, LOWEST_PITCH).max(axis=1)
    up = np.maximum(np.ceil((LOWEST_PITCH - lowest - moves) / 12), 0)
    down = np.maximum(np.ceil((highest + moves - HIGHEST_PITCH) / 12), 0)
    fitted = moves + 12 * np.where(up > 0, up, -down).astype(int)
    fits = (lowest + fitted >= LOWEST_PITCH) & (highest + fitted <= HIGHEST_PITCH)
    return np.where(fits, fitted, 0)


def moves_away(constraints: Sequence[Constraint], home_shares: np.ndarray) -> list[int]:
    """Semitones from home that suit the constraints best, all as good: any of the twelve keys when nothing is asked of pitch.

    home_shares: (12,), how often each pitch class occurs at home.
    """
    by_rule = {c.rule.name: c.goal for c in constraints}
    moves = list(_ANY_KEY if "range" not in by_rule else range(LOWEST_PITCH - HOME_PITCH, HIGHEST_PITCH - HOME_PITCH + 1))
    if "key" in by_rule:
        held = np.asarray(by_rule["key"].high) > 0
        share = {move: float(home_shares @ np.roll(held, -move)) for move in moves}
        moves = [move for move in moves if share[move] >= max(share.values()) - NEAR_BEST]
    if "range" in by_rule:
        excess = {move: _excess(move, by_rule["range"]) for move in moves}
        moves = [move for move in moves if excess[move] <= min(excess.values()) + 1e-9]
    return moves


def _excess(move: int, goal: Goal) -> float:
    """Semitones by which a usual melody, moved from home, sticks out of the wished range; least where it is in the middle."""
    below, above = goal.low[0] - (HOME_RANGE[0] + move), HOME_RANGE[1] + move - goal.high[1]
    return max(below, 0.0) + max(above, 0.0) + (abs(below - above) / 100 if max(below, above) > 0 else 0.0)
