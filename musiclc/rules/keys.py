"""Rules on the key: how many notes a scale holds, which pitch class is heard as its tonic, and both at once.

`scale` counts and nothing else: C major, A minor and D dorian are one goal. `tonic` asks which pitch class is heard as tonic (tonic.py). `key`
is met when every note is in the scale and that tonic is heard, in a mode compatible with the one asked for: where `tonic.heard` knows
that mode, the mode itself; for the scales that it hears as something else (harmonic minor, pentatonics, blues) any mode with that third.

A tonic or a key that is not heard is so many nats below the one that is: how much the logarithm of its share in the softmax over all keys is
smaller. That distance grades the scores, as it does for numbers: 1 / (1 + distance), times the share of notes in the scale for a key.

Conventions: a pitch class is 0-11 with C = 0. Melodies come as token rows (n, T) in one meter, T any whole number of bars. Whole octaves
change none of these measures.

Inside: `scale_measures`, `tonic_measures`, `key_measures`, `best_keys`, `best_key`, `compatible_modes`; rows `SCALE`, `TONIC`, `KEY`.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from musiclc.errors import UsageError
from musiclc.music import tokens as tok
from musiclc.music.theory import PITCH_CLASS_NAMES, SCALES, parse_key, parse_pitch_class
from musiclc.rules.base import Constraint, Rule
from musiclc.rules.goals import BEYOND, Goal
from musiclc.rules.tonic import MODES, evidence, heard
from musiclc.rules.tonic import scores as key_scores

SILENT = 100.0  # nats, more than any key is missed by: of every key in a silent melody

# ---- scale ---------------------------------------------------------------------------------------------------------

# Krumhansl and Kessler (1982) probe-tone profiles, tonic first.
MAJOR_PROFILE = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR_PROFILE = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
KEY_NAMES = tuple(f"{pc} {mode}" for mode in ("major", "minor") for pc in PITCH_CLASS_NAMES)
_PROFILES = np.stack([np.roll(profile, pc) for profile in (MAJOR_PROFILE, MINOR_PROFILE) for pc in range(12)])  # (24, 12)


def scale_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Share of the notes that each pitch class has, C first: (n, 12); zeros for a silent melody."""
    onsets = tok.onsets(tokens)
    classes = (tokens.astype(int) + tok.PITCH_OF_TOKEN) % 12
    counts = np.stack([(onsets & (classes == pc)).sum(axis=1) for pc in range(12)], axis=1)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def best_keys(shares: np.ndarray) -> np.ndarray:
    """Number in KEY_NAMES of the key whose probe-tone profile correlates best with each row of pitch-class shares (n, 12): (n,).

    -1 where no key is better than another: no notes, or all twelve pitch classes alike (Krumhansl 1990, ch. 4).
    """
    centred = shares - shares.mean(axis=1, keepdims=True)
    profiles = _PROFILES - _PROFILES.mean(axis=1, keepdims=True)
    profiles = profiles / np.linalg.norm(profiles, axis=1, keepdims=True)
    norm = np.linalg.norm(centred, axis=1, keepdims=True)
    correlation = centred @ profiles.T / np.maximum(norm, 1e-9)  # (n, 24)
    return np.where(norm[:, 0] > 1e-9, correlation.round(9).argmax(axis=1), -1)  # rounded: ties go to the first


def best_key(shares: np.ndarray) -> str:
    """The name of the best major or minor key for pitch-class shares (12,), or "none": see `best_keys`."""
    number = int(best_keys(shares[None])[0])
    return KEY_NAMES[number] if number >= 0 else "none"


def allowed_bounds(held: Sequence[bool] | np.ndarray) -> tuple[float, ...]:
    """Upper bounds of a Bernoulli goal: none for what may occur, 0 for the rest."""
    return tuple(math.inf if may else 0.0 for may in held)


def _scale_goal(text: str) -> Goal:
    key = parse_key(text)
    return Goal(key.name, (-math.inf,) * 12, allowed_bounds(key.mask))


def _rolled(goal: Goal, semitones: int) -> Goal:
    return Goal(goal.text, goal.low, tuple(np.roll(goal.high, semitones).tolist()))


def _scale_value(shares: np.ndarray, goal: Goal | None) -> Any:
    if goal is None:
        return best_key(shares)
    return round(float(shares @ (np.asarray(goal.high) > 0)), 6)


SCALE = Rule(
    name="scale",
    about="share of notes in the scale, whatever is heard as its tonic",
    unit="share",
    span="0..1",
    goals="C, 'A minor', 'F# dorian', 'G major pentatonic', 'C chromatic', {0,4,7}",
    source="counting; without a goal the best key by Krumhansl's profiles",
    measures=tuple(f"share of {name}" for name in PITCH_CLASS_NAMES),
    measure=scale_measures,
    parse=_scale_goal,
    value=_scale_value,
    limits=lambda meter: (0.0, 1.0),
    family="bernoulli",
    transpose=_rolled,
    allowed=lambda goal: (np.asarray(goal.high) > 0)[np.arange(128) % 12],
)


# ---- tonic ---------------------------------------------------------------------------------------------------------


def _below(tokens: np.ndarray, meter: str) -> np.ndarray:
    """By how many nats the score of each tonic and mode lies below that of the key that is heard: (n, 12, modes), C first.

    0 for that key alone, at least BEYOND for its equals; SILENT throughout where nothing is heard.
    """
    scores = key_scores(evidence(tokens, meter)).round(9)
    found = np.maximum(scores.max(axis=(1, 2), keepdims=True) - scores, BEYOND)
    which, mode, _ = heard(tokens, meter)
    found[np.arange(len(found)), which, mode] = 0.0
    found[which < 0] = SILENT
    return found


def tonic_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """By how many nats each pitch class, in its best mode, misses being heard as tonic, C first: (n, 12), 0 for the one that is.

    SILENT for a silent melody.
    """
    return _below(tokens, meter).min(axis=2)


def _tonic_goal(text: str) -> Goal:
    name = text.strip()
    try:
        pitch_class = parse_pitch_class(name)
    except UsageError as error:
        raise UsageError(f"tonic {text!r}: wanted a pitch class without octave, such as C, F# or Bb; --key takes a mode too") from error
    return Goal(name[:1].upper() + name[1:], (-math.inf,) * 12, allowed_bounds(np.arange(12) != pitch_class))


def _tonic_value(below: np.ndarray, goal: Goal | None) -> Any:
    return PITCH_CLASS_NAMES[int(below.argmin())] if below.min() == 0 else None


def _nearness(below: np.ndarray, goal_high: Sequence[float]) -> np.ndarray:
    """1 / (1 + nats below) of the nearest measure (n, m) that the goal wants at 0: (n,); 0 where nothing is heard."""
    wanted = np.asarray(goal_high) == 0
    return np.where(below.min(axis=1) == 0, 1 / (1 + below[:, wanted].min(axis=1)), 0.0)


TONIC = Rule(
    name="tonic",
    about="pitch class heard as tonic",
    unit="pitch class",
    span="C..B",
    goals="C, F#, Bb",
    source="evidence of durations, metrical weight, intervals and endings, fitted to the headers of folk tunes (rules/tonic.py)",
    measures=tuple(f"nats that {name} misses as tonic" for name in PITCH_CLASS_NAMES),
    measure=tonic_measures,
    parse=_tonic_goal,
    value=_tonic_value,
    limits=lambda meter: (0.0, math.inf),
    family="bernoulli",
    transpose=_rolled,
    grade=lambda measures, goal: _nearness(measures, goal.high),
    judged=True,
)


# ---- key -----------------------------------------------------------------------------------------------------------

_SHARES, _KEYS = slice(0, 12), slice(12, 12 + 12 * len(MODES))  # places among the measures
_AS_HEARD = {"ionian": "major", "aeolian": "minor"}  # two names of one mode


def key_measures(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Shares of the pitch classes (12), and by how many nats each key misses being heard, tonic after tonic in all MODES: (n, 108)."""
    return np.concatenate([scale_measures(tokens, meter), _below(tokens, meter).reshape(len(tokens), 12 * len(MODES))], axis=1)


def compatible_modes(mode: str) -> tuple[bool, ...]:
    """Which of MODES may be heard where a scale is asked for: bool (modes,).

    The mode itself, where it is one that is told from others by what is in it; for harmonic minor, pentatonics and blues any with the third
    (or thirds) that the scale has.
    """
    mode = _AS_HEARD.get(mode, mode)
    if mode in MODES and mode != "harmonic minor":
        return tuple(m == mode for m in MODES)
    return tuple(bool(set(SCALES[m]) & set(SCALES[mode]) & {3, 4}) for m in MODES)


def _key_goal(text: str) -> Goal:
    key = parse_key(text)
    mode = key.name.partition(" ")[2]
    if key.tonic is None or mode == "chromatic":
        raise UsageError(f"key {text!r}: has no tonic; wanted one with a mode, such as C or 'A minor'; --scale takes a set or chromatic")
    wanted = np.zeros((12, len(MODES)), bool)
    wanted[key.tonic] = compatible_modes(mode)
    return Goal(key.name, (-math.inf,) * (12 + wanted.size), allowed_bounds(key.mask) + allowed_bounds(~wanted.ravel()))


def _transposed_key(goal: Goal, semitones: int) -> Goal:
    shares = np.roll(goal.high[_SHARES], semitones)
    keys = np.roll(np.reshape(goal.high[_KEYS], (12, -1)), semitones, axis=0)
    return Goal(goal.text, goal.low, (*shares.tolist(), *keys.ravel().tolist()))


def _key_parts(goal: Goal) -> tuple[Constraint, ...]:
    """The goal's scale, and its tonic."""
    missed = np.reshape(goal.high[_KEYS], (12, -1)).min(axis=1)
    return (
        Constraint(SCALE, Goal(goal.text, (-math.inf,) * 12, goal.high[_SHARES])),
        Constraint(TONIC, Goal(goal.text, (-math.inf,) * 12, tuple(missed.tolist()))),
    )


def _key_grade(measures: np.ndarray, goal: Goal) -> np.ndarray:
    return measures[:, _SHARES] @ (np.asarray(goal.high[_SHARES]) > 0) * _nearness(measures[:, _KEYS], goal.high[_KEYS])


def _key_value(measures: np.ndarray, goal: Goal | None) -> Any:
    """The share of notes in the scale asked for, or else in that of the key that is heard."""
    if goal is not None:
        return _scale_value(measures[_SHARES], Goal("", (), goal.high[_SHARES]))
    heard = _key_heard(measures)
    return None if heard == "none" else _scale_value(measures[_SHARES], _scale_goal(heard))


def _key_heard(measures: np.ndarray) -> str:
    """The key that is heard, such as "A minor"; "none" in a silent melody."""
    if measures[_KEYS].min() > 0:
        return "none"
    which, mode = divmod(int(measures[_KEYS].argmin()), len(MODES))
    return f"{PITCH_CLASS_NAMES[which]} {MODES[mode]}"


KEY = Rule(
    name="key",
    about="share of notes in the scale, with its tonic and mode heard",
    unit="share",
    span="0..1",
    goals="C, 'A minor', 'F# dorian', 'G major pentatonic'",
    source="scale, and what tonic hears; harmonic minor, pentatonics and blues are heard in any mode with their third",
    measures=SCALE.measures + tuple(f"nats that {name} {mode} misses as key" for name in PITCH_CLASS_NAMES for mode in MODES),
    measure=key_measures,
    parse=_key_goal,
    value=_key_value,
    limits=lambda meter: (0.0, math.inf),
    family="bernoulli",
    transpose=_transposed_key,
    grade=_key_grade,
    parts=_key_parts,
    told=lambda measures: {"heard": _key_heard(measures)},
)
