"""What returns within a piece, and how alike it is; forms, as asked for and as the notes tell.

*Similarity* of two phrases or sections is 1 − edit distance / length of the longer (Levenshtein 1966; Wu et al., "TunesFormer", 2023, for
sections of tunes), 0 to 1, on one of three readings:

- notes: a symbol a note, its pitch and its duration. Phrases that have nothing to do with one another are about .1 alike; what returns
  is .6 or more;
- tokens: a symbol a step. Holds and rests are alike anywhere, so even strangers are .4 to .5 alike;
- intervals: a symbol a note, the interval from the note before and its duration: transposition changes nothing.

The *labels* of a form number letters, and variants of a letter, in the order in which they come: A A' B A' is (0, 0), (0, 1), (1, 0), (0, 1).

Inside: `similarity`, `phrase_similarities`, `figures`, `labels`, `read_labels`, `strangers`, `form_figures`.
"""

from itertools import combinations
from typing import Any

import numpy as np

from musiclc.music import tokens as tok
from musiclc.music.form import Form
from musiclc.music.likeness import READINGS, similarity
from musiclc.music.melody import PHRASE_BARS
from musiclc.rules.tonic import steps_of

RETURNS = 0.6  # from this similarity on a phrase returns
VARIED = (0.6, 0.9)  # similarity of a section and its variant (A and A')
SAME = 0.95  # from this similarity on a reader hears the same section again

Labels = tuple[tuple[int, int], ...]


# ---- similarity ----------------------------------------------------------------------------------------------------


def _struck_phrases(tokens: np.ndarray, steps: int) -> np.ndarray:
    """Phrases (n, k, steps) of pieces (n, T). A note that sounds over a phrase's first step begins anew there."""
    sounding = tok.sounding(tokens)
    struck = np.where(sounding >= 0, sounding - tok.PITCH_OF_TOKEN, tok.REST).astype(tokens.dtype)
    whole = tokens[:, : tokens.shape[1] // steps * steps].copy()
    whole[:, ::steps] = np.where(whole[:, ::steps] == tok.HOLD, struck[:, : whole.shape[1] : steps], whole[:, ::steps])
    return whole.reshape(len(tokens), -1, steps)


def phrase_similarities(tokens: np.ndarray, meter: str, bars: int = PHRASE_BARS, reading: str = "notes") -> np.ndarray:
    """Similarity of every two phrases of so many bars of pieces (n, T), in the order of itertools.combinations: (n, pairs)."""
    phrases = _struck_phrases(tokens, bars * steps_of(meter)[0])
    pairs = list(combinations(range(phrases.shape[1]), 2))
    one, other = (phrases[:, [pair[i] for pair in pairs]].reshape(-1, phrases.shape[2]) for i in (0, 1))
    return similarity(one, other, reading).reshape(len(tokens), len(pairs))


def figures(tokens: np.ndarray, meter: str) -> dict[str, Any]:
    """Of pieces (n, T): share with two four-bar phrases over RETURNS similar, mean similarity, share of such pairs; the other readings beside it."""
    by = {reading: phrase_similarities(tokens, meter, reading=reading) for reading in READINGS}
    if not by["notes"].size:
        return {}
    found: dict[str, Any] = {
        "a phrase returns": (by["notes"] > RETURNS).any(axis=1).mean(),
        "mean similarity": by["notes"].mean(),
        "pairs that return": (by["notes"] > RETURNS).mean(),
        "returns, transposed too": (by["intervals"] > RETURNS).any(axis=1).mean(),
        "mean, transposed too": by["intervals"].mean(),
        "mean, by tokens": by["tokens"].mean(),
    }
    return {name: round(float(value), 3) for name, value in found.items()}


# ---- forms ---------------------------------------------------------------------------------------------------------


def labels(form: Form) -> Labels:
    """The labels of a form: (letter, variant) numbers in order of first appearance."""
    letters: dict[str, dict[int, int]] = {}
    for section in form:
        variants = letters.setdefault(section.letter, {})
        variants.setdefault(section.primes, len(variants))
    numbers = {letter: i for i, letter in enumerate(letters)}
    return tuple((numbers[section.letter], letters[section.letter][section.primes]) for section in form)


def read_labels(alike: np.ndarray) -> Labels:
    """The labels that a listener would give sections from nothing but their similarities (k, k).

    Each in turn goes by the most similar before it: from SAME on it is the same, from RETURNS on a variant, else a new letter.
    """
    found: list[tuple[int, int]] = []
    for i in range(len(alike)):
        nearest = int(np.argmax(alike[i, :i])) if i else 0
        if i and alike[i, nearest] >= SAME:
            found.append(found[nearest])
        elif i and alike[i, nearest] >= RETURNS:
            letter = found[nearest][0]
            found.append((letter, 1 + max(variant for known, variant in found if known == letter)))
        else:
            found.append((1 + max((known for known, _ in found), default=-1), 0))
    return tuple(found)


def strangers(tokens: np.ndarray, meter: str, bars: int = PHRASE_BARS) -> tuple[float, float]:
    """The 5 % and 95 % quantiles of the similarity of phrases of so many bars that do not return, in real pieces (n, T)."""
    alike = phrase_similarities(tokens, meter, bars).ravel()
    low, high = np.quantile(alike[alike <= RETURNS], (0.05, 0.95))
    return float(low), float(high)


def _sections(tokens: np.ndarray, meter: str, form: Form) -> list[np.ndarray]:
    """Tokens (n, steps) of every section of a form."""
    steps = steps_of(meter)[0]
    return [tokens[:, section.first * steps : section.after * steps] for section in form]


def section_similarities(tokens: np.ndarray, meter: str, form: Form) -> np.ndarray:
    """Similarity of every two sections of pieces (n, T): (n, k, k)."""
    sections = _sections(tokens, meter, form)
    alike = np.ones((len(tokens), len(sections), len(sections)))
    for i, j in combinations(range(len(sections)), 2):
        alike[:, i, j] = alike[:, j, i] = similarity(sections[i], sections[j])
    return alike


def form_figures(tokens: np.ndarray, meter: str, form: Form, usual: tuple[float, float]) -> dict[str, Any]:
    """How well pieces (n, T) keep a form, as shares of pairs of sections, and of pieces. usual: of `strangers`.

    same: pairs alike by letter and primes that have the same notes; varied: pairs of one letter in VARIED; different: pairs of two letters
    within `usual`; kept: pieces of which all that holds; found: pieces whose form `read_labels` reads from the notes.
    """
    alike, wanted = section_similarities(tokens, meter, form), labels(form)
    right: dict[str, list[np.ndarray]] = {"same": [], "varied": [], "different": []}
    for i, j in combinations(range(len(form)), 2):
        kind, low, high = _kind(wanted[i], wanted[j], usual)
        right[kind].append((alike[:, i, j] >= low - 1e-9) & (alike[:, i, j] <= high + 1e-9))
    shares = {kind: round(float(np.mean(held)), 3) for kind, held in right.items() if held}
    kept = np.all([held for kind in right.values() for held in kind], axis=0)
    found = [read_labels(row) == wanted for row in alike]
    return {**shares, "kept": round(float(np.mean(kept)), 3), "found": round(float(np.mean(found)), 3)}


def _kind(one: tuple[int, int], other: tuple[int, int], usual: tuple[float, float]) -> tuple[str, float, float]:
    """What two labels say of their sections: same, varied or different, and the similarities that this allows."""
    if one == other:
        return "same", 1.0, 1.0
    return ("varied", *VARIED) if one[0] == other[0] else ("different", *usual)
