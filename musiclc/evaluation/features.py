"""Numbers that describe a piece without naming a pitch, for a classifier that tells ours from real ones.

Counts; how long notes are, how far apart in pitch; which pitch classes, up to transposition; where in the bar notes begin; how far each
bar and phrase repeats what stood 1, 2, 4, 8 bars before; how phrases and the piece end. Pieces are token rows (n, T) in one meter, whole
bars. Nothing changes with transposition. With `pitched` there are also shares of pitch classes above the tonic that is heard.

Inside: `piece_features`, `pitch_class_entropy`.
"""

from collections.abc import Callable

import numpy as np

from musiclc.evaluation.returns import phrase_similarities
from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS
from musiclc.rules import tonic

DURATIONS = (1, 2, 3, 4, 6, 8, 12, 16)  # steps: classes of notes at most so long, and longer ones
INTERVALS = (0, 1, 2, 3, 4, 5, 7, 9, 12)  # semitones: the same
LAGS = (1, 2, 4, 8)  # bars

Group = Callable[[np.ndarray, str], np.ndarray]  # tokens (n, T) and meter → features (n, k)


def piece_features(tokens: np.ndarray, meter: str, pitched: bool = False) -> np.ndarray:
    """All features of pieces (n, T): float (n, k). pitched: whether pitch classes above the tonic are among them."""
    groups = (*GROUPS, _degrees) if pitched else GROUPS
    return np.concatenate([group(tokens, meter) for group in groups], axis=1).astype(np.float32)


# ---- small parts ---------------------------------------------------------------------------------------------------


def _shares(classes: np.ndarray, chosen: np.ndarray, k: int) -> np.ndarray:
    """Of the chosen places (n, T) the share with each class 0 to k - 1: (n, k)."""
    counts = np.stack([(chosen & (classes == c)).sum(axis=1) for c in range(k)], axis=1)
    return counts / np.maximum(chosen.sum(axis=1, keepdims=True), 1)


def _entropy(shares: np.ndarray) -> np.ndarray:
    """Entropy in bits of shares (n, k): (n,)."""
    return -(shares * np.log2(np.where(shares > 0, shares, 1))).sum(axis=1)


def _mean(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Mean over the chosen places (n, T): (n,), 0 where none is."""
    return (values * chosen).sum(axis=1) / np.maximum(chosen.sum(axis=1), 1)


def _by_bar(values: np.ndarray, meter: str) -> np.ndarray:
    """(n, T) → (n, bars, steps)."""
    return values.reshape(len(values), -1, tonic.steps_of(meter)[0])


def _intervals(tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Note by note the interval to the next (n, m), and which of them are there."""
    onsets = tok.onsets(tokens)
    order = np.argsort(~onsets, axis=1, kind="stable")
    pitches = np.take_along_axis(tokens.astype(int), order, axis=1)
    return np.diff(pitches, axis=1), np.arange(tokens.shape[1] - 1) < onsets.sum(axis=1, keepdims=True) - 1


def pitch_class_entropy(tokens: np.ndarray) -> np.ndarray:
    """Entropy in bits of the pitch classes of pieces (n, T), by time: (n,)."""
    sounding = tok.sounding(tokens)
    return _entropy(_shares(sounding % 12, sounding >= 0, 12))


# ---- groups --------------------------------------------------------------------------------------------------------


def _counts(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Notes a bar: mean, deviation, least, most; shares of silent and held steps; bars without a note."""
    notes = _by_bar(tok.onsets(tokens), meter).sum(axis=2)
    silent, held = (tok.sounding(tokens) < 0).mean(axis=1), (tokens == tok.HOLD).mean(axis=1)
    return np.stack([notes.mean(1), notes.std(1), notes.min(1), notes.max(1), silent, held, (notes == 0).mean(1)], axis=1)


def _rhythm(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Shares of durations; of onsets by step of the bar; bars that begin with a note or are held over; entropy of durations."""
    onsets, time = tok.onsets(tokens), tok.durations(tokens)
    lasting = _shares(np.searchsorted(DURATIONS, time), onsets, len(DURATIONS) + 1)
    bars = _by_bar(onsets, meter)
    places = bars.sum(axis=1) / np.maximum(onsets.sum(axis=1, keepdims=True), 1)
    held_over = _by_bar(tokens == tok.HOLD, meter)[:, :, 0].mean(axis=1, keepdims=True)
    return np.concatenate([lasting, _entropy(lasting)[:, None], places, bars[:, :, 0].mean(axis=1, keepdims=True), held_over], axis=1)


def _steps(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Shares of intervals by size and direction; mean size; turns; span; deviation of pitch."""
    gaps, there = _intervals(tokens)
    sizes = _shares(np.searchsorted(INTERVALS, np.abs(gaps)), there, len(INTERVALS) + 1)
    both = there[:, 1:] & there[:, :-1]
    turns = _mean(gaps[:, 1:] * gaps[:, :-1] < 0, both)
    onward = _mean((gaps[:, 1:] * gaps[:, :-1] > 0) & (np.abs(gaps[:, 1:]) <= 2), both)
    leap_back = _mean((np.abs(gaps[:, :-1]) >= 5) & (gaps[:, 1:] * gaps[:, :-1] < 0), both)
    pitches = np.where(tok.onsets(tokens), tokens.astype(float), np.nan)
    pitches[~tok.onsets(tokens).any(axis=1)] = 0.0
    span = np.nanmax(pitches, axis=1) - np.nanmin(pitches, axis=1)
    single = [_mean(gaps > 0, there), _mean(np.abs(gaps), there), turns, onward, leap_back, span, np.nanstd(pitches, axis=1)]
    return np.concatenate([sizes, np.stack(single, axis=1)], axis=1)


def _pitch_classes(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Shares of the pitch classes, largest first, by time; their entropy, and that by notes; how many; share in the best scale of seven notes."""
    sounding, onsets = tok.sounding(tokens), tok.onsets(tokens)
    by_time = _shares(sounding % 12, sounding >= 0, 12)
    by_notes = _shares(sounding % 12, onsets, 12)
    scales = np.stack([np.roll(np.isin(np.arange(12), (0, 2, 4, 5, 7, 9, 11)), k) for k in range(12)], axis=1)
    single = [_entropy(by_time), _entropy(by_notes), (by_notes > 0).sum(axis=1), (by_notes @ scales).max(axis=1)]
    return np.concatenate([-np.sort(-by_time, axis=1)[:, :8], np.stack(single, axis=1)], axis=1)


def _figures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Share of runs of two, three and five intervals that came before in the piece, without and with the time between notes."""
    rows = []
    for row in tokens.astype(int):
        at = np.flatnonzero(row >= tok.FIRST_ONSET)
        plain = np.diff(row[at])
        timed = plain * 64 + np.minimum(np.diff(at), 63)
        rows.append([_repeated(events, size) for events in (plain, timed) for size in (2, 3, 5)])
    return np.array(rows).reshape(len(tokens), -1)


def _repeated(events: np.ndarray, size: int) -> float:
    """Share of runs of so many events (m,) that stand earlier in the row too."""
    runs = len(events) - size + 1
    if runs < 1:
        return 0.0
    return 1 - len(np.unique(np.lib.stride_tricks.sliding_window_view(events, size), axis=0)) / runs


def _repetition(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Distinct bars and rhythms; for each lag of LAGS shares of bars equal, of bars with equal rhythm, of steps equal, of steps with equal rhythm."""
    bars, rhythm = _by_bar(tokens.astype(int), meter), _by_bar(tok.onsets(tokens), meter)
    found = [_distinct(bars), _distinct(rhythm)]
    for lag in (lag for lag in LAGS if lag < bars.shape[1]):
        same, alike = bars[:, lag:] == bars[:, :-lag], rhythm[:, lag:] == rhythm[:, :-lag]
        found += [same.all(2).mean(1), alike.all(2).mean(1), same.mean((1, 2)), alike.mean((1, 2))]
    return np.stack(found, axis=1)


def _distinct(bars: np.ndarray) -> np.ndarray:
    """Share of different bars (n, bars, steps) in each piece: (n,)."""
    return np.array([len({bar.tobytes() for bar in piece}) / len(piece) for piece in bars])


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
    notes = _by_bar(onsets, meter).sum(axis=2)
    by_place = [notes[:, i::PHRASE_BARS].mean(axis=1) - notes.mean(axis=1) for i in range(PHRASE_BARS)]
    by_place += [notes[:, -1] - notes.mean(axis=1), notes[:, 0] - notes.mean(axis=1)]
    close = [onsets[:, -steps:][:, i::beat].mean(axis=1) for i in range(2)]
    return np.stack([last % steps, length, last // steps, onsets.argmax(axis=1), *by_place, *close], axis=1)


def _cadences(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Whether phrases end, and the piece begins, on the tonic that is heard, or on its third or fifth; how sure that is; whether it is major."""
    found, mode, sure = tonic.heard(tokens, meter)
    steps = tonic.steps_of(meter)[0] * PHRASE_BARS
    pitch = tok.sounding(tokens)
    ends = [_last_sounding(pitch[:, :high]) for high in range(steps, tokens.shape[1] + 1, steps)]
    first = pitch[np.arange(len(pitch)), (pitch >= 0).argmax(axis=1)]
    above = [(p - found) % 12 for p in (*ends, first)]
    on_it = [(a == 0).astype(float) for a in above] + [np.isin(a, (3, 4, 7)).astype(float) for a in above]
    return np.stack([*on_it, np.mean([a == 0 for a in above[:-1]], axis=0), sure, mode == 0], axis=1)


def _last_sounding(pitch: np.ndarray) -> np.ndarray:
    """The last pitch (n,) that sounds in (n, T); -1 in silence."""
    last = pitch.shape[1] - 1 - (pitch >= 0)[:, ::-1].argmax(axis=1)
    return pitch[np.arange(len(pitch)), last]


def _degrees(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Shares of pitch classes above the tonic that is heard, by time: (n, 12)."""
    sounding = tok.sounding(tokens)
    found = tonic.heard(tokens, meter)[0][:, None]
    return _shares((sounding - found) % 12, sounding >= 0, 12)


GROUPS: tuple[Group, ...] = (_counts, _rhythm, _steps, _pitch_classes, _figures, _repetition, _phrases, _endings, _cadences)
