"""How often the tonic and the mode that are heard are those that headers name, beside simpler finders.

Examples are tunes of ABC collections whose header names one key, major, minor, dorian or mixolydian, and does not change it: the
longest line of each, whole or some bars of it at random. Headers are sometimes wrong, so no finder can be right in all of them.

Baselines, on durations: Krumhansl and Kessler's profiles (1982) by correlation; Albrecht and Shanahan's (2013) by Euclidean distance;
and the last note, as a tonic without mode.

Inside: `Example`, `examples`, `FINDERS`, `by_profiles`, `figures`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from musiclc.music import tokens as tok
from musiclc.music.theory import parse_key
from musiclc.rules import MAJOR_PROFILE, MINOR_PROFILE, tonic
from musiclc.training.lines import struck
from musiclc.training.tunes import Tunes

COLLECTIONS = ("oneills1850", "ryansMammoth", "airdsAirs", "miscFolk")  # whose headers are K: fields
HEADER_MODES = ("major", "minor", "dorian", "mixolydian")
LENGTHS = (0, 16, 8, 4)  # bars; 0 for whole tunes
DRAWS = 4  # windows a tune and length

# Albrecht and Shanahan, "The use of large corpora to train a new type of key-finding algorithm", Music Perception 31 (2013); tonic first.
MAJOR_SHARES = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
MINOR_SHARES = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)

Found = tuple[int, str]  # tonic 0-11, mode
Finder = Callable[[np.ndarray, str], Found]
Table = list[dict[str, Any]]


@dataclass(frozen=True)
class Example:
    """Bars of a tune and the key that its header names. tokens (T,); tonic 0-11; mode one of HEADER_MODES."""

    tokens: np.ndarray
    meter: str
    tonic: int
    mode: str
    collection: str
    name: str


def examples(tunes: Tunes, split: str, bars: int, seed: int = 7) -> Iterator[Example]:
    """The examples of one split: whole tunes when bars is 0, else DRAWS windows of so many bars a tune, by the seed."""
    random = np.random.default_rng(seed)
    for line in _longest_lines(tunes, split):
        key, mode = parse_key(tunes.key(line)), tunes.key(line).partition(" ")[2]
        steps = len(tunes.line(line)) // int(tunes.bars[line])
        size = bars or int(tunes.bars[line])
        firsts = random.integers(0, max(int(tunes.bars[line]) - size, 0) + 1, DRAWS if bars else 1)
        for first in firsts.tolist() if size <= tunes.bars[line] else ():
            row = struck(tunes.line(line), first * steps, (first + size) * steps)
            if tok.onsets(row[None]).any():
                yield Example(row, tunes.meter_of(line), key.tonic or 0, mode, tunes.collection(line), tunes.name(line))


def _longest_lines(tunes: Tunes, split: str) -> list[int]:
    """The longest line of every tune whose header names one key that we test."""
    longest: dict[int, int] = {}
    for line in tunes.where(split).tolist():
        tested = tunes.collection(line) in COLLECTIONS and tunes.key(line).partition(" ")[2] in HEADER_MODES
        before = longest.get(int(tunes.tune[line]))
        if tested and (before is None or tunes.bars[line] > tunes.bars[before]):
            longest[int(tunes.tune[line])] = line
    return list(longest.values())


# ---- finders -------------------------------------------------------------------------------------------------------


def _heard(tokens: np.ndarray, meter: str) -> Found:
    found, mode, _ = tonic.heard(tokens[None], meter)
    return int(found[0]), tonic.MODES[mode[0]].removeprefix("harmonic ")  # headers name no harmonic minor


def _durations(tokens: np.ndarray) -> np.ndarray:
    """Share of the sounding time of every pitch class: (12,)."""
    pitches = tok.sounding(tokens[None])[0]
    counts = np.bincount(pitches[pitches >= 0] % 12, minlength=12)
    return counts / max(counts.sum(), 1)


def _best(fits: np.ndarray) -> Found:
    """The best of fits (24,), twelve major keys and twelve minor ones."""
    best = int(fits.argmax())
    return best % 12, ("major", "minor")[best // 12]


def _by_krumhansl(tokens: np.ndarray, meter: str) -> Found:
    shares = _durations(tokens)
    profiles = [np.roll(p, t) for p in (MAJOR_PROFILE, MINOR_PROFILE) for t in range(12)]
    centred = np.array(profiles) - np.mean(profiles, axis=1, keepdims=True)
    return _best(centred @ (shares - shares.mean()) / np.linalg.norm(centred, axis=1))


def _by_albrecht_shanahan(tokens: np.ndarray, meter: str) -> Found:
    profiles = [np.roll(p, t) for p in (MAJOR_SHARES, MINOR_SHARES) for t in range(12)]
    return _best(-np.linalg.norm(np.array(profiles) - _durations(tokens), axis=1))


def by_profiles(tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tonic 0-11 (n,) and whether the mode is major (n,), of pieces (n, T), by Albrecht and Shanahan's profiles."""
    found = [_by_albrecht_shanahan(row, "") for row in tokens]
    return np.array([key for key, _ in found]), np.array([mode == "major" for _, mode in found])


def _last_note(tokens: np.ndarray, meter: str) -> Found:
    return int(tokens[np.flatnonzero(tok.onsets(tokens[None])[0])[-1]] + tok.PITCH_OF_TOKEN) % 12, ""


FINDERS: dict[str, Finder] = {
    "heard": _heard,
    "Krumhansl": _by_krumhansl,
    "Albrecht-Shanahan": _by_albrecht_shanahan,
    "last note": _last_note,
}


# ---- figures -------------------------------------------------------------------------------------------------------


def figures(tunes: Tunes, splits: tuple[str, ...] = ("test", "near"), seed: int = 7) -> Table:
    """Share of tonics, and of tonics with mode, that are the header's: a row a length, collection and finder; all collections first."""
    rows: Table = []
    for bars in LENGTHS:
        found = [e for split in splits for e in examples(tunes, split, bars, seed)]
        for group in ("all", *sorted({e.collection for e in found})):
            mine = [e for e in found if group in ("all", e.collection)]
            rows += [{"bars": bars or "whole", "collection": group, **_row(name, finder, mine)} for name, finder in FINDERS.items() if mine]
    return rows


def _row(name: str, finder: Finder, found: list[Example]) -> dict[str, Any]:
    answers = [finder(e.tokens, e.meter) for e in found]
    tonics = [a[0] == e.tonic for a, e in zip(answers, found, strict=True)]
    both = [a == (e.tonic, e.mode) for a, e in zip(answers, found, strict=True)]
    return {"finder": name, "n": len(found), "tonic": round(float(np.mean(tonics)), 3), "tonic and mode": round(float(np.mean(both)), 3)}


def disagreements(tunes: Tunes, splits: tuple[str, ...] = ("test", "near")) -> Iterator[tuple[Example, Found]]:
    """Whole tunes whose header and what is heard differ, with what is heard."""
    for split in splits:
        for example in examples(tunes, split, 0):
            found = _heard(example.tokens, example.meter)
            if found != (example.tonic, example.mode):
                yield example, found
