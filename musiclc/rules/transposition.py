"""Home: transposition taken out of what the prior has to learn.

Transposing a melody is an exact symmetry, so a prior over melodies in all keys would learn everything twelve times over. The
VAE encodes any key; the prior knows melodies at *home* only: moved so that as many notes as possible are white keys, and the
mean pitch is as near HOME_PITCH as octaves allow. What is drawn at home is moved to where the wish wants it, and the wish's
goals are moved home for the critics.

Inside: `moves_home`, `moves_away`, `transposed`.
"""

from collections.abc import Sequence

import numpy as np

from musiclc.music import tokens as tok
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH, SCALES
from musiclc.rules import MAJOR_PROFILE, MINOR_PROFILE, key_measures
from musiclc.rules.base import Constraint

HOME_PITCH = 70
NEAR_BEST = 0.03  # moves whose fit is so near the best, as a share of it, are as good
FIXED_SAMPLE = 100  # melodies on which a rule that must be measured anew at every move is tried
_ANY_KEY = range(-6, 6)
_ANY_OCTAVE = range(LOWEST_PITCH - HOME_PITCH, HIGHEST_PITCH - HOME_PITCH + 1)
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


def moves_away(constraints: Sequence[Constraint], melodies: np.ndarray, meter: str) -> list[int]:
    """Semitones from home that suit the constraints best, all about as good: any of the twelve keys when nothing is asked of pitch.

    melodies: tokens (n, T) of usual ones at home. How well a move suits is the mean over them of the product of the scores
    that they would have there; rules that transposition does not touch have no say.
    """
    pitched = [c for c in constraints if c.rule.move is not None]
    fixed = [c for c in constraints if c.rule.fixed]
    if not pitched and not fixed:
        return list(_ANY_KEY)
    moves = _ANY_OCTAVE if any(c.rule.octaves for c in constraints) else _ANY_KEY
    measures = [c.rule.measure(melodies, meter) for c in pitched]
    suits = np.ones((len(moves), len(melodies)))
    for row, move in enumerate(moves):
        for constraint, found in zip(pitched, measures, strict=True):
            suits[row] *= constraint.rule.score(found, constraint.rule.moved(constraint.goal, -move)) ** constraint.weight
        for constraint in fixed:
            there = transposed(melodies[:FIXED_SAMPLE], np.full(min(len(melodies), FIXED_SAMPLE), move))
            suits[row] *= constraint.score(constraint.rule.measure(there, meter)).mean() ** constraint.weight
    fit = suits.mean(axis=1)
    best = [move for move, value in zip(moves, fit, strict=True) if value >= (1 - NEAR_BEST) * fit.max()]
    return best[:1] if fixed else best
