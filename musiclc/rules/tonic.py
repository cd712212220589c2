"""Which pitch class is heard as home, and in which mode: a measure that is counted, weighed and added, and nothing else.

Eight *kinds of evidence* are counted, each as shares of the twelve pitch classes (together 1, or all 0 where there is none):

- time: how long each sounds, a note counting four beats at most;
- downbeat: the same, of notes that begin a bar;
- long: the same, each note's time squared, so that few long notes outweigh many short ones;
- last: the last note; first: the note that begins the first bar that a note begins, or else the first note;
- leading: notes a semitone above the note before; fourth: those a fourth above it or a fifth below, by their time;
- bar ends: the last note to begin in each bar, its time squared.

A mode is a scale of seven notes. Seen from a tonic in a mode each pitch class is one of nine *classes*: degree 1 to 7, a raised
seventh (a semitone below the tonic, where the scale has none), or a note outside. WEIGHTS says what a share of each class is worth,
for each kind of evidence.

Modes differ in which *variant* of a degree they have: the minor or the major third, and so on. For five degrees VARIANTS says what it
is worth when only the mode's own variant sounds (as much against it when only the other does, nothing when both sound alike or neither does):
of the time of both, the share of its own, less a half, so -0.5 to 0.5.

A key's score is the sum of all that, plus how usual its mode is. The highest score is what is heard.

The weights were fitted, as a softmax over all keys, to the headers of the training tunes of O'Neill, Ryan and Aird (whole and eight
bars out of them; each mode weighed by its frequency to the power -1/4, since nine tunes of ten are major). But for how usual it is
no weight knows a mode: modes rarer than these books' four need no examples.

Conventions: a pitch class is 0-11 with C = 0; melodies come as token rows (n, T) in one meter, T any whole number of bars, any meter
such as "9/8". Transposition moves the tonic and changes nothing else. A pentatonic tune is heard in a mode of seven notes with its tonic.

Inside: `SURE`, `MODES`, `evidence`, `variants`, `scores`, `heard`, `named`.
"""

import numpy as np

from musiclc.music import tokens as tok
from musiclc.music.melody import Melody
from musiclc.music.theory import PITCH_CLASS_NAMES, SCALES, steps_of

SURE = 0.85  # share of the softmax over keys from which on a tonic is surely heard: three real tunes in minor of four reach it
MODES = ("major", "minor", "harmonic minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian")
EVIDENCE = ("time", "downbeat", "long", "last", "first", "leading", "fourth", "bar ends")
CLASSES = ("1", "2", "3", "4", "5", "6", "7", "outside", "raised 7")
MOST_BEATS = 4  # a longer note counts as this long
WEIGHTS = (  # a row a kind of evidence, a column a class
    (4.2, -0.5, 1.3, -0.1, 4.3, -2.4, -1.6, -4.3, -0.9),
    (-0.1, -0.6, 1.1, 0.0, 0.5, -0.1, -0.4, 0.4, -0.8),
    (6.7, -0.6, 0.2, -1.9, 1.2, -1.8, -0.2, -2.6, -1.0),
    (1.1, 0.1, 0.0, 0.1, -0.1, -0.1, 0.1, -0.8, -0.4),
    (0.5, -0.2, 0.2, -0.1, 0.5, -0.1, -0.2, -0.2, -0.4),
    (0.6, -1.1, -0.1, 0.9, -0.1, 0.0, 1.5, -1.1, -0.7),
    (0.6, -0.6, -0.3, -0.7, 0.4, 0.1, 0.9, -0.4, 0.0),
    (0.8, 0.6, 0.2, -0.1, 0.8, 0.1, 0.3, -2.2, -0.6),
)
VARIANTS = (3.5, 2.7, 2.8, 1.8, 2.9)  # of degrees 2, 3, 4, 6, 7
# How usual each mode is, in the order of MODES: fitted for major, minor, dorian and mixolydian; the others are taken to be as usual as dorian.
USUAL = (0.0, -0.9, -2.5, -2.5, -2.5, -2.5, -2.3, -2.5)


def _class_of(mode: str, semitones: int) -> int:
    """Number in CLASSES of the pitch class so many semitones above the tonic of a mode."""
    scale = SCALES[mode]
    if semitones in scale:
        return scale.index(semitones)
    return CLASSES.index("raised 7" if semitones == 11 else "outside")


_CLASS = np.array([[_class_of(mode, semitones) for semitones in range(12)] for mode in MODES])  # (modes, 12)
_LOWER = (1, 3, 5, 8, 10)  # semitones above the tonic of the lower variants of degrees 2, 3, 4, 6, 7; the upper is a semitone above
# 1 where a mode has the lower variant, -1 where it has the upper, 0 where it has both or neither: (modes, 5)
_HAS = np.array([[(low in SCALES[mode]) - (low + 1 in SCALES[mode]) for low in _LOWER] for mode in MODES])
_PROFILES = np.asarray(WEIGHTS)[:, _CLASS]  # (evidence, modes, 12 above the tonic)


def _shares(classes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weights (n, T) summed by pitch class (n, T), as shares: (n, 12); zeros where no weight is."""
    sums = np.stack([(weights * (classes == pc)).sum(axis=1) for pc in range(12)], axis=1)
    return sums / np.maximum(sums.sum(axis=1, keepdims=True), 1e-9)


def _intervals(tokens: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    """Semitones from the note before to each note, 0 for the first and where none begins: int (n, T)."""
    latest = np.maximum.accumulate(np.where(onsets, np.arange(tokens.shape[1]), -1), axis=1)
    before = np.concatenate([np.full((len(tokens), 1), -1), latest[:, :-1]], axis=1)
    there = np.take_along_axis(tokens.astype(int), np.maximum(before, 0), axis=1)
    return np.where(onsets & (before >= 0), tokens.astype(int) - there, 0)


def _first(chosen: np.ndarray) -> np.ndarray:
    """The first True of each row (..., T), alone: bool (..., T)."""
    return chosen & (np.cumsum(chosen, axis=-1) == 1)


def _last(chosen: np.ndarray) -> np.ndarray:
    """The last True of each row (..., T), alone: bool (..., T)."""
    return _first(chosen[..., ::-1])[..., ::-1]


def evidence(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Shares of the pitch classes by each kind of evidence: (n, 8, 12), C first; zeros for a silent melody."""
    bar, beat = steps_of(meter)
    onsets = tok.onsets(tokens)
    classes = np.where(onsets, (tokens.astype(int) + tok.PITCH_OF_TOKEN) % 12, -1)
    time = np.minimum(tok.durations(tokens), MOST_BEATS * beat).astype(float)
    down = onsets & (np.arange(tokens.shape[1]) % bar == 0)
    opening = np.where(down.any(axis=1, keepdims=True), _first(down), _first(onsets))
    intervals = _intervals(tokens, onsets)
    ends = _last(onsets.reshape(len(tokens), tokens.shape[1] // bar, bar)).reshape(onsets.shape)
    fourths = (intervals == 5) | (intervals == -7)
    weights = (time, time * down, time**2, _last(onsets), opening, intervals == 1, time * fourths, time**2 * ends)
    return np.stack([_shares(classes, w) for w in weights], axis=1)


def _last_class(tokens: np.ndarray) -> np.ndarray:
    """Pitch class of the last note: (n,); 0 for a silent melody."""
    step = tokens.shape[1] - 1 - tok.onsets(tokens)[:, ::-1].argmax(axis=1)
    return (tokens[np.arange(len(tokens)), step].astype(int) + tok.PITCH_OF_TOKEN) % 12


def variants(shares: np.ndarray) -> np.ndarray:
    """For every tonic and degree of VARIANTS, of the time of both variants the lower one's share, less a half, from `evidence`: (n, 12, 5)."""
    time = shares[:, EVIDENCE.index("time")]
    lower = (np.arange(12)[:, None] + _LOWER) % 12  # (tonic, degree) → pitch class
    both = time[:, lower] + time[:, (lower + 1) % 12]
    return np.where(both > 0, time[:, lower] / np.maximum(both, 1e-9) - 0.5, 0.0)


def scores(shares: np.ndarray) -> np.ndarray:
    """Score of every tonic and mode from `evidence` (n, 8, 12): (n, 12, modes), C first."""
    above = (np.arange(12)[:, None] + np.arange(12)) % 12  # (tonic, semitones above it) → pitch class
    by_class = np.einsum("nets,ems->ntm", shares[:, :, above], _PROFILES)
    return by_class + (variants(shares) * VARIANTS) @ _HAS.T + np.asarray(USUAL)


def heard(tokens: np.ndarray, meter: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tonic 0-11 (n,), mode as number in MODES (n,), and how sure that tonic is, 0-1 (n,), its share of the softmax over all keys.

    -1, -1 and 0 for a silent melody. Of keys alike the one whose tonic is next above the last note, so that transposition moves
    the tonic alone.
    """
    last = _last_class(tokens)
    turned = (last[:, None] + np.arange(12)) % 12  # pitch classes as seen from the last note
    shares = np.take_along_axis(evidence(tokens, meter), turned[:, None, :], axis=2)
    found = scores(shares).round(9)
    best = found.reshape(len(found), 12 * len(MODES)).argmax(axis=1)
    odds = np.exp(found - found.max(axis=(1, 2), keepdims=True)).sum(axis=2)
    sure = odds[np.arange(len(best)), best // len(MODES)] / odds.sum(axis=1)
    silent = ~tok.onsets(tokens).any(axis=1)
    tonic = (best // len(MODES) + last) % 12
    return np.where(silent, -1, tonic), np.where(silent, -1, best % len(MODES)), np.where(silent, 0.0, sure)


def named(melody: Melody) -> str:
    """The key that a melody is heard in, such as "D dorian"; "none" for a silent one."""
    tonic, mode, _ = heard(tok.from_melody(melody)[None], melody.meter)
    return f"{PITCH_CLASS_NAMES[tonic[0]]} {MODES[mode[0]]}" if tonic[0] >= 0 else "none"
