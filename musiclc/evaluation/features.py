"""Numbers that describe a piece without naming a pitch, for a classifier that tells ours from real ones.

Those of rules/features.py, and besides: how alike its phrases are, how phrases and the piece end. Pieces are token rows
(n, T) in one meter, whole bars; nothing changes with transposition.

Inside: `piece_features`.
"""

import numpy as np

from musiclc.evaluation.returns import phrase_similarities
from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS
from musiclc.rules import tonic
from musiclc.rules.features import Group, by_bar, features, last_sounding


def piece_features(tokens: np.ndarray, meter: str) -> np.ndarray:
    """All features of pieces (n, T): float (n, k)."""
    return np.concatenate([group(tokens, meter) for group in GROUPS], axis=1).astype(np.float32)


def _phrases(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Similarity of four-bar phrases: largest, mean, least, on notes and on intervals."""
    found = []
    for reading in ("notes", "intervals"):
        alike = phrase_similarities(tokens, meter, PHRASE_BARS, reading)
        found += [alike.max(1), alike.mean(1), alike.min(1)] if alike.size else []
    return np.stack(found, axis=1) if found else np.zeros((len(tokens), 0))


def _endings(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Place and length of the last and first note; notes and onsets on the beat in each bar of a phrase of four, last phrase apart."""
    steps, beat = tonic.steps_of(meter)
    onsets = tok.onsets(tokens)
    last = tokens.shape[1] - 1 - onsets[:, ::-1].argmax(axis=1)
    length = np.take_along_axis(tok.durations(tokens), last[:, None], axis=1)[:, 0]
    notes = by_bar(onsets, meter).sum(axis=2)
    by_place = [notes[:, i::PHRASE_BARS].mean(axis=1) - notes.mean(axis=1) for i in range(PHRASE_BARS)]
    by_place += [notes[:, -1] - notes.mean(axis=1), notes[:, 0] - notes.mean(axis=1)]
    close = [onsets[:, -steps:][:, i::beat].mean(axis=1) for i in range(2)]
    return np.stack([last % steps, length, last // steps, onsets.argmax(axis=1), *by_place, *close], axis=1)


def _cadences(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Whether each phrase ends on the tonic that is heard, or on its third or fifth."""
    found, steps, pitch = tonic.heard(tokens, meter)[0], tonic.steps_of(meter)[0] * PHRASE_BARS, tok.sounding(tokens)
    above = [(last_sounding(pitch[:, :high]) - found) % 12 for high in range(steps, tokens.shape[1] + 1, steps)]
    return np.stack([*(a == 0 for a in above), *(np.isin(a, (3, 4, 7)) for a in above)], axis=1).astype(float)


GROUPS: tuple[Group, ...] = (features, _phrases, _endings, _cadences)
