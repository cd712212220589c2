"""Numbers that describe a piece without naming a pitch, as many whatever its length and meter.

Counts; how long notes are, how far apart in pitch; which pitch classes, up to transposition; where in the bar notes begin; which motifs
come again; how far each bar repeats what stood 1, 2, 4, 8 bars before; whether it begins and ends on the tonic that is heard. Pieces are
token rows (n, T) in one meter, whole bars. Nothing changes with transposition.

Inside: `features`, `FEATURES`, `pitch_class_entropy`, `LAGS`.
"""

from collections.abc import Callable

import numpy as np

from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS
from musiclc.music.theory import LONGEST_BAR
from musiclc.rules.tonic import heard, steps_of

DURATIONS = (1, 2, 3, 4, 6, 8, 12, 16)  # steps: classes of notes at most so long, and longer ones
INTERVALS = (0, 1, 2, 3, 4, 5, 7, 9, 12)  # semitones: the same
LAGS = (1, 2, 4, 8)  # bars
RUNS = (2, 3, 5)  # intervals of a motif
FEATURES = 104

Group = Callable[[np.ndarray, str], np.ndarray]  # tokens (n, T) and meter → features (n, k)


def features(tokens: np.ndarray, meter: str) -> np.ndarray:
    """All of them of pieces (n, T): float32 (n, FEATURES)."""
    return np.concatenate([group(tokens, meter) for group in GROUPS], axis=1).astype(np.float32)


# ---- small parts ---------------------------------------------------------------------------------------------------


def shares_of(classes: np.ndarray, chosen: np.ndarray, k: int) -> np.ndarray:
    """Of the chosen places (n, T) the share with each class 0 to k - 1: (n, k)."""
    counts = np.stack([(chosen & (classes == c)).sum(axis=1) for c in range(k)], axis=1)
    return counts / np.maximum(chosen.sum(axis=1, keepdims=True), 1)


def _entropy(shares: np.ndarray) -> np.ndarray:
    """Entropy in bits of shares (n, k): (n,)."""
    return -(shares * np.log2(np.where(shares > 0, shares, 1))).sum(axis=1)


def _mean(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Mean over the chosen places (n, T): (n,), 0 where none is."""
    return (values * chosen).sum(axis=1) / np.maximum(chosen.sum(axis=1), 1)


def by_bar(values: np.ndarray, meter: str) -> np.ndarray:
    """(n, T) → (n, bars, steps)."""
    return values.reshape(len(values), -1, steps_of(meter)[0])


def _intervals(tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Note by note the interval to the next (n, m), the steps to it (n, m), and which of them are there."""
    onsets = tok.onsets(tokens)
    order = np.argsort(~onsets, axis=1, kind="stable")
    pitches = np.take_along_axis(tokens.astype(int), order, axis=1)
    return np.diff(pitches, axis=1), np.diff(order, axis=1), np.arange(tokens.shape[1] - 1) < onsets.sum(axis=1, keepdims=True) - 1


def pitch_class_entropy(tokens: np.ndarray) -> np.ndarray:
    """Entropy in bits of the pitch classes of pieces (n, T), by time: (n,)."""
    sounding = tok.sounding(tokens)
    return _entropy(shares_of(sounding % 12, sounding >= 0, 12))


# ---- groups --------------------------------------------------------------------------------------------------------


def _counts(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Notes a bar: mean, deviation, least, most; shares of silent and held steps; bars without a note."""
    notes = by_bar(tok.onsets(tokens), meter).sum(axis=2)
    silent, held = (tok.sounding(tokens) < 0).mean(axis=1), (tokens == tok.HOLD).mean(axis=1)
    return np.stack([notes.mean(1), notes.std(1), notes.min(1), notes.max(1), silent, held, (notes == 0).mean(1)], axis=1)


def _rhythm(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Shares of durations; of onsets by step of the bar; bars that begin with a note or are held over; entropy of durations."""
    onsets, time = tok.onsets(tokens), tok.durations(tokens)
    lasting = shares_of(np.searchsorted(DURATIONS, time), onsets, len(DURATIONS) + 1)
    bars = by_bar(onsets, meter)
    places = bars.sum(axis=1) / np.maximum(onsets.sum(axis=1, keepdims=True), 1)
    places = np.pad(places, ((0, 0), (0, LONGEST_BAR - places.shape[1])))
    held_over = by_bar(tokens == tok.HOLD, meter)[:, :, 0].mean(axis=1, keepdims=True)
    return np.concatenate([lasting, _entropy(lasting)[:, None], places, bars[:, :, 0].mean(axis=1, keepdims=True), held_over], axis=1)


def _steps(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Shares of intervals by size and direction; mean size; turns; span; deviation of pitch."""
    gaps, _, there = _intervals(tokens)
    sizes = shares_of(np.searchsorted(INTERVALS, np.abs(gaps)), there, len(INTERVALS) + 1)
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
    by_time = shares_of(sounding % 12, sounding >= 0, 12)
    by_notes = shares_of(sounding % 12, onsets, 12)
    scales = np.stack([np.roll(np.isin(np.arange(12), (0, 2, 4, 5, 7, 9, 11)), k) for k in range(12)], axis=1)
    single = [_entropy(by_time), _entropy(by_notes), (by_notes > 0).sum(axis=1), (by_notes @ scales).max(axis=1)]
    return np.concatenate([-np.sort(-by_time, axis=1)[:, :8], np.stack(single, axis=1)], axis=1)


def _motifs(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Share of runs of RUNS intervals that came before in the piece, without and with the time between notes."""
    gaps, times, there = _intervals(tokens)
    timed = gaps * 64 + np.minimum(times, 63)
    return np.stack([_repeated(events, there, size) for events in (gaps, timed) for size in RUNS], axis=1)


def _repeated(events: np.ndarray, there: np.ndarray, size: int) -> np.ndarray:
    """Share of runs of so many events (n, m), those that are there, that stand earlier in the row too: (n,)."""
    runs = events.shape[1] - size + 1
    if runs < 1:
        return np.zeros(len(events))
    code = np.zeros((len(events), runs), np.int64)
    for i in range(size):
        code = code * 1_000_003 + events[:, i : i + runs] + 4096
    known = there[:, size - 1 :]
    code = np.sort(np.where(known, code & (2**62 - 1), 2**62), axis=1)
    different = 1 + ((code[:, 1:] != code[:, :-1]) & (code[:, 1:] < 2**62)).sum(axis=1)
    count = known.sum(axis=1)
    return np.where(count > 0, 1 - different / np.maximum(count, 1), 0.0)


def _repetition(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Distinct bars and rhythms; for each lag of LAGS shares of bars equal, of bars with equal rhythm, of steps equal, of steps with equal rhythm."""
    bars, rhythm = by_bar(tokens.astype(int), meter), by_bar(tok.onsets(tokens), meter)
    found = [_distinct(bars), _distinct(rhythm)]
    for lag in LAGS:
        if lag >= bars.shape[1]:
            found += [np.zeros(len(bars))] * 4
            continue
        same, alike = bars[:, lag:] == bars[:, :-lag], rhythm[:, lag:] == rhythm[:, :-lag]
        found += [same.all(2).mean(1), alike.all(2).mean(1), same.mean((1, 2)), alike.mean((1, 2))]
    return np.stack(found, axis=1)


def _distinct(bars: np.ndarray) -> np.ndarray:
    """Share of different bars (n, bars, steps) in each piece: (n,)."""
    return np.array([len({bar.tobytes() for bar in piece}) / len(piece) for piece in bars])


def _cadences(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Whether the last and the first note are the tonic heard, or its third or fifth; shares of phrases that end so; how sure it is; major."""
    tonic, mode, sure = heard(tokens, meter)
    pitch, steps = tok.sounding(tokens), PHRASE_BARS * steps_of(meter)[0]
    ends = [last_sounding(pitch[:, :after]) for after in range(min(steps, pitch.shape[1]), pitch.shape[1] + 1, steps)]
    first = pitch[np.arange(len(pitch)), (pitch >= 0).argmax(axis=1)]
    above = (np.stack([last_sounding(pitch), first, *ends], axis=1) - tonic[:, None]) % 12
    on, near = above == 0, np.isin(above, (3, 4, 7))
    single = [on[:, 0], near[:, 0], on[:, 1], near[:, 1], on[:, 2:].mean(axis=1), near[:, 2:].mean(axis=1), sure, mode == 0]
    return np.stack(single, axis=1)


def last_sounding(pitch: np.ndarray) -> np.ndarray:
    """The last pitch (n,) that sounds in (n, T); -1 in silence."""
    last = pitch.shape[1] - 1 - (pitch >= 0)[:, ::-1].argmax(axis=1)
    return pitch[np.arange(len(pitch)), last]


GROUPS: tuple[Group, ...] = (_counts, _rhythm, _steps, _pitch_classes, _motifs, _repetition, _cadences)
