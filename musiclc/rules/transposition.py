"""Canonical transpositions: transposition taken out of what the prior has to learn.

Transposing a melody is an exact symmetry, so a prior over melodies in all keys would learn everything twelve times over. The VAE
encodes any key; the prior knows melodies in *canonical transposition* only: as many notes as possible are white keys, and the mean
pitch is as near CANONICAL_PITCH as octaves allow. What is drawn there is transposed to where the constraints suit it best, and their
goals are transposed back for the critics.

Inside: `canonical_transpositions`, `shift_to_canonical`, `suitable_transpositions`, `transposed`.
"""

from collections.abc import Sequence

import numpy as np

from musiclc.music import tokens as tok
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH, SCALES
from musiclc.rules import MAJOR_PROFILE, MINOR_PROFILE, scale_measures
from musiclc.rules.base import Constraint
from musiclc.rules.tonic import MODES

CANONICAL_PITCH = 70
NEAR_BEST = 0.03  # transpositions whose fit is so near the best, as a share of it, are as good
FIXED_SAMPLE = 100  # melodies on which a rule that must be measured anew at every transposition is tried
_ANY_KEY = range(-6, 6)
_ANY_OCTAVE = range(LOWEST_PITCH - CANONICAL_PITCH, HIGHEST_PITCH - CANONICAL_PITCH + 1)
_TIE = 1e-3  # weight of the key profiles, which only decide between scales that hold as many notes


def canonical_transpositions(tokens: np.ndarray) -> np.ndarray:
    """Semitones by which each row of tokens (n, T) must be transposed to be in canonical transposition: int (n,)."""
    shares = scale_measures(tokens, "4/4")  # pitch classes do not depend on the meter
    white = np.isin(np.arange(12), SCALES["major"]).astype(float)
    profile = np.maximum(np.asarray(MAJOR_PROFILE), np.roll(MINOR_PROFILE, 9))  # C major, or A minor
    weights = white + _TIE * profile
    fit = np.stack([shares @ np.roll(weights, -transposition) for transposition in range(12)], axis=1)  # (n, 12): transposed up by so many
    transposition = fit.argmax(axis=1)
    sounding = tok.onsets(tokens)
    pitches = tokens.astype(int) + tok.PITCH_OF_TOKEN
    mean = (pitches * sounding).sum(axis=1) / np.maximum(sounding.sum(axis=1), 1)
    transposition = transposition + 12 * np.round((CANONICAL_PITCH - mean - transposition) / 12).astype(int)
    return _on_piano(tokens, transposition)


# The tonic of each of tonic.MODES with its scale on the white keys, where harmonic minor has its raised seventh besides.
CANONICAL_TONICS = {"major": 0, "minor": 9, "harmonic minor": 9, "dorian": 2, "phrygian": 4, "lydian": 5, "mixolydian": 7, "locrian": 11}


def shift_to_canonical(tokens: np.ndarray, tonic: int, mode: int) -> int:
    """Semitones by which a melody (T,), heard on a tonic 0-11 in a mode (number in tonic.MODES), comes to the canonical tonic of that mode, its mean
    pitch as near CANONICAL_PITCH as octaves and the piano allow; 0 for a silent one (tonic -1).
    """
    if tonic < 0:
        return 0
    mean = float(tokens[tok.onsets(tokens)].astype(float).mean()) + tok.PITCH_OF_TOKEN
    shift = (CANONICAL_TONICS[MODES[mode]] - tonic) % 12
    return int(_on_piano(tokens[None], np.array([shift + 12 * round((CANONICAL_PITCH - mean - shift) / 12)]))[0])


def transposed(tokens: np.ndarray, transpositions: np.ndarray) -> np.ndarray:
    """Rows (n, T) transposed by semitones (n,), by octaves less where they would leave the piano."""
    return tok.transpose(tokens, _on_piano(tokens, np.asarray(transpositions)))


def _on_piano(tokens: np.ndarray, transpositions: np.ndarray) -> np.ndarray:
    """The transpositions, by octaves less where they would leave the piano; none for a melody too wide for it."""
    sounding = tok.onsets(tokens) & (tokens < tok.PAD)
    pitches = tokens.astype(int) + tok.PITCH_OF_TOKEN
    lowest = np.where(sounding, pitches, HIGHEST_PITCH).min(axis=1)
    highest = np.where(sounding, pitches, LOWEST_PITCH).max(axis=1)
    up = np.maximum(np.ceil((LOWEST_PITCH - lowest - transpositions) / 12), 0)
    down = np.maximum(np.ceil((highest + transpositions - HIGHEST_PITCH) / 12), 0)
    fitted = transpositions + 12 * np.where(up > 0, up, -down).astype(int)
    fits = (lowest + fitted >= LOWEST_PITCH) & (highest + fitted <= HIGHEST_PITCH)
    return np.where(fits, fitted, 0)


def suitable_transpositions(constraints: Sequence[Constraint], melodies: np.ndarray, meter: str) -> list[int]:
    """Semitones from canonical that suit the constraints best, all about as good: any of the twelve keys when nothing is asked of pitch.

    melodies: tokens (n, T) of usual ones, canonical. How well a transposition suits is the mean over them of the product of the scores that they
    would have there; rules that transposition does not touch have no say.
    """
    pitched = [c for c in constraints if c.rule.transpose is not None]
    fixed = [c for c in constraints if c.rule.fixed]
    if not pitched and not fixed:
        return list(_ANY_KEY)
    transpositions = _ANY_OCTAVE if any(c.rule.octaves for c in constraints) else _ANY_KEY
    measures = [c.rule.measure(melodies, meter) for c in pitched]
    suits = np.ones((len(transpositions), len(melodies)))
    for row, transposition in enumerate(transpositions):
        for constraint, found in zip(pitched, measures, strict=True):
            suits[row] *= constraint.rule.score(found, constraint.rule.transposed(constraint.goal, -transposition)) ** constraint.weight
        for constraint in fixed:
            there = transposed(melodies[:FIXED_SAMPLE], np.full(min(len(melodies), FIXED_SAMPLE), transposition))
            suits[row] *= constraint.score(constraint.rule.measure(there, meter)).mean() ** constraint.weight
    fit = suits.mean(axis=1)
    best = [transposition for transposition, value in zip(transpositions, fit, strict=True) if value >= (1 - NEAR_BEST) * fit.max()]
    return best[:1] if fixed else best
