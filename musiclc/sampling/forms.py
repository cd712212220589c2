"""A form as the networks of whole pieces are told it, and whether what they wrote keeps it.

Inside: `returning`, `plan_of_form`, `form_faults`.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from musiclc.music.form import Form, Section
from musiclc.music.likeness import similarity

if TYPE_CHECKING:
    from musiclc.model.pieces import Pieces

VARIED_BARS = ((1.0, 0.4), (0.9, 0.25), (0.72, 0.2), (0.57, 0.15))  # share of equal steps of a bar that returns varied, and how often
VARIED_SIMILARITY = (0.6, 0.9)  # of a section that returns varied with what it varies, 1 − Levenshtein distance / length


def returning(form: Form) -> Iterator[tuple[Section, Section | None]]:
    """Each section with the one that it repeats: the first of its name, or else the first of its letter, which it varies; None for what is new."""
    known: dict[str, Section] = {}
    for section in form:
        yield section, known.get(section.name) or known.get(section.letter)
        known.setdefault(section.name, section)
        known.setdefault(section.letter, section)


def plan_of_form(pieces: "Pieces", form: Form, meter: int, random: np.random.Generator) -> np.ndarray:
    """Shares of equal steps of a piece of that form: float32 (B, B). Inside a section as in a real tune; what returns is equal, or varied."""
    equal = np.eye(form[-1].after, dtype=np.float32)
    for section, source in returning(form):
        here = slice(section.first, section.after)
        if source is None:
            equal[here, here] = pieces.plans.draw(meter, section.bars, random)
            continue
        same, bars = source.name == section.name, min(section.bars, source.bars)
        if same:
            equal[here, here] = equal[source.first : source.after, source.first : source.after]
        equal[section.first + np.arange(bars), source.first + np.arange(bars)] = 1.0 if same else _varied(bars, random)
        equal = np.maximum(equal, equal.T)
    return equal


def _varied(bars: int, random: np.random.Generator) -> np.ndarray:
    shares, often = zip(*VARIED_BARS, strict=True)
    found = random.choice(shares, bars, p=often)
    found[int(random.integers(bars // 2, bars))] = shares[-1]  # it must differ somewhere, and most do towards the end
    return found


def form_faults(form: Form, tokens: np.ndarray) -> np.ndarray:
    """The bars of pieces (n, B, S) in returning sections that are not equal, or not as alike as varied ones should be: bool (n, B)."""
    faults = np.zeros(tokens.shape[:2], bool)
    for section, source in returning(form):
        if source is not None and source.bars == section.bars:
            one, other = (tokens[:, s.first : s.after].reshape(len(tokens), -1) for s in (source, section))
            alike = similarity(one, other)
            kept = alike >= 1 if source.name == section.name else (alike >= VARIED_SIMILARITY[0]) & (alike <= VARIED_SIMILARITY[1])
            faults[:, section.first : section.after] = ~kept[:, None]
    return faults
