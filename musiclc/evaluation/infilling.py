"""Bars that are hidden in real pieces and filled again: how near is what is filled to what stood there?

Figures as MUSIB has them (Araneda-Hernandez, Bravo-Marquez, Parra and Cadiz, "MUSIB: musical score inpainting benchmark", EURASIP Journal on
Audio, Speech, and Music Processing 2023:19), whose package on PyPI (0.0.3) holds none of them; so their formulas stand here:

- position F1: of the hidden bars' onsets, precision and recall of their steps, over all pieces together;
- pitch accuracy, rhythm accuracy: of the notes that begin where one stood, the share with its pitch, and with its duration;
- silence, pitch-class, groove divergence: Jensen-Shannon divergence in bits, 0 to 1. Silence: of silent and sounding steps, and pitch class:
  of pitch classes by notes, both within each piece, then the mean. Groove: of the similarity of onset patterns (1 - mean difference, Wu and
  Yang, ISMIR 2020) of hidden bars with given ones, in ten classes over all pieces together.

Beside them *token accuracy*, the share of the hidden steps that are the same (what InpaintNet and SketchNet are measured by).

Baselines repeat what stood 4 or 8 bars before or after: the best of the four for all pieces, and the best for each piece, with hindsight.

Inside: `TASKS`, `hidden`, `compared`, `token_accuracy`, `repeated`, `figures`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from musiclc.music import tokens as tok
from musiclc.rules.tonic import steps_of

Bars = tuple[int, ...]  # numbers of hidden bars, 0 for the first
Filler = Callable[[np.ndarray, Bars, str, int], np.ndarray]  # tokens (n, T) with silence where bars are hidden, those, meter, seed → (n, T)

TASKS: dict[str, tuple[Bars, ...]] = {  # of 16 bars
    "1 bar": ((5,), (10,)),
    "2 bars": ((6, 7), (10, 11)),
    "4 bars": ((4, 5, 6, 7), (8, 9, 10, 11)),
    "continue by 4": ((12, 13, 14, 15),),
}
SHIFTS = (-8, -4, 4, 8)  # bars
_CLASSES = 10


def _steps(bars: Bars, meter: str) -> np.ndarray:
    """The steps of bars: (k,)."""
    steps = steps_of(meter)[0]
    return (np.array(bars)[:, None] * steps + np.arange(steps)).ravel()


def hidden(tokens: np.ndarray, bars: Bars, meter: str) -> np.ndarray:
    """Pieces (n, T) with silence in those bars."""
    given = tokens.copy()
    given[:, _steps(bars, meter)] = tok.REST
    return given


def token_accuracy(real: np.ndarray, filled: np.ndarray, bars: Bars, meter: str) -> np.ndarray:
    """Share of the steps of those bars that are the same: (n,)."""
    at = _steps(bars, meter)
    return (real[:, at] == filled[:, at]).mean(axis=1)


# ---- figures -------------------------------------------------------------------------------------------------------


def _divergence(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence in bits of counts (..., k): (...). 0 where either has none."""
    p, q = (counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1e-9) for counts in (one, other))
    middle = (p + q) / 2
    parts = [(a * np.log2(np.where(a > 0, a, 1) / np.where(middle > 0, middle, 1))).sum(axis=-1) for a in (p, q)]
    return np.where((one.sum(axis=-1) > 0) & (other.sum(axis=-1) > 0), (parts[0] + parts[1]) / 2, 0.0)


def _counted(classes: np.ndarray, chosen: np.ndarray, k: int) -> np.ndarray:
    """How many of the chosen places (n, m) have each class: (n, k)."""
    return np.stack([(chosen & (classes == c)).sum(axis=1) for c in range(k)], axis=1)


def _groove(tokens: np.ndarray, bars: Bars, meter: str) -> np.ndarray:
    """How many pairs of a hidden and a given bar have onset patterns of each class of similarity: (10,)."""
    patterns = tok.onsets(tokens).reshape(len(tokens), -1, steps_of(meter)[0])
    given = [bar for bar in range(patterns.shape[1]) if bar not in bars]
    alike = 1 - (patterns[:, list(bars), None] != patterns[:, None, given]).mean(axis=3)
    return np.histogram(alike, bins=_CLASSES, range=(0, 1))[0]


def compared(real: np.ndarray, filled: np.ndarray, bars: Bars, meter: str) -> dict[str, float]:
    """All figures of the filled bars of pieces (n, T)."""
    at = _steps(bars, meter)
    onsets, times, sounding = ([f(tokens)[:, at] for tokens in (real, filled)] for f in (tok.onsets, tok.durations, tok.sounding))
    both = onsets[0] & onsets[1]
    hits = max(both.sum(), 1)
    silences = [np.stack([(s < 0).sum(1), (s >= 0).sum(1)], axis=1) for s in sounding]
    classes = [_counted(s % 12, on, 12) for s, on in zip(sounding, onsets, strict=True)]
    return {
        "token accuracy": float((real[:, at] == filled[:, at]).mean()),
        "position F1": float(2 * both.sum() / max(onsets[0].sum() + onsets[1].sum(), 1)),
        "pitch accuracy": float((both & (sounding[0] == sounding[1])).sum() / hits),
        "rhythm accuracy": float((both & (times[0] == times[1])).sum() / hits),
        "silence divergence": float(_divergence(*silences).mean()),
        "pitch-class divergence": float(_divergence(*classes).mean()),
        "groove divergence": float(_divergence(_groove(real, bars, meter), _groove(filled, bars, meter))),
    }


# ---- baselines -----------------------------------------------------------------------------------------------------


def repeated(given: np.ndarray, bars: Bars, meter: str, shift: int) -> np.ndarray | None:
    """Pieces (n, T) with those bars as what stands `shift` bars later, or earlier where that is negative; None where that is hidden or outside."""
    sources = tuple(bar + shift for bar in bars)
    if set(sources) & set(bars) or min(sources) < 0 or max(sources) >= given.shape[1] // steps_of(meter)[0]:
        return None
    filled = given.copy()
    filled[:, _steps(bars, meter)] = given[:, _steps(sources, meter)]
    return filled


def _by_repeating(real: np.ndarray, bars: Bars, meter: str) -> dict[str, np.ndarray]:
    """Pieces (n, T) filled by the best shift, and by the best for each of them."""
    given = hidden(real, bars, meter)
    ways = [filled for shift in SHIFTS if (filled := repeated(given, bars, meter, shift)) is not None]
    right = np.stack([token_accuracy(real, filled, bars, meter) for filled in ways])  # (ways, n)
    best = np.stack(ways)[right.argmax(axis=0), np.arange(len(real))]
    return {"repeated, best fixed": ways[int(right.mean(axis=1).argmax())], "repeated, with hindsight": best}


def figures(real: np.ndarray, meter: str, fillers: dict[str, Filler], seed: int = 0) -> list[dict[str, Any]]:
    """A row a task and filler, the baselines first: means over the task's places of the figures of real pieces of 16 bars (n, T)."""
    rows = []
    for task, places in TASKS.items():
        filled = [_by_repeating(real, bars, meter) for bars in places]
        for made, bars in zip(filled, places, strict=True):
            made |= {name: fill(hidden(real, bars, meter), bars, meter, seed) for name, fill in fillers.items()}
        for name in filled[0]:
            found = [compared(real, made[name], bars, meter) for made, bars in zip(filled, places, strict=True)]
            rows.append({"task": task, "filled by": name, "n": len(real), **_means(found)})
    return rows


def _means(found: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: round(float(np.mean([one[name] for one in found])), 3) for name in found[0]}
