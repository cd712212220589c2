"""Constraints on a part of a piece: on the sections of a letter of its form, or on some of its bars.

Where a letter comes more than once, each of its sections meets the goals by itself. A section is measured as if it stood alone: a note belongs
to the section in which it begins, and what is held over from before is silence.

Inside: `SectionGoals`, `placed`, `section_verdicts`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from musiclc.music.form import Form, Window, windows_of
from musiclc.music.theory import METERS
from musiclc.rules import settled
from musiclc.rules.base import Constraint


@dataclass(frozen=True)
class SectionGoals:
    """What a section shall be. name: a letter of the form, which stands for its varied returns too, such as B; one with primes, such as A'; or
    bars counted from 1, such as 9..16. windows: (first bar from 0, bar after the last) of each of its places; () until it is `placed`.
    """

    name: str
    constraints: tuple[Constraint, ...]
    windows: tuple[Window, ...] = ()


def placed(sections: Iterable[SectionGoals], whole: Sequence[Constraint], form: Form, bars: int) -> tuple[SectionGoals, ...]:
    """The sections with their windows in a piece of that form and so many bars, one of each name, their goals settled: a degree is that of the
    key asked for in the section, or else in the whole piece.

    Raises UsageError for names that the piece has no place for, and for two rules of one name.
    """
    merged: dict[str, list[Constraint]] = {}
    for section in sections:
        merged.setdefault(section.name, []).extend(section.constraints)
    settled([*whole, *(c for own in merged.values() for c in own)])  # refuses two rules of one name
    return tuple(SectionGoals(name, tuple(settled_within(own, whole)), windows_of(name, form, bars)) for name, own in merged.items())


def settled_within(own: Sequence[Constraint], whole: Sequence[Constraint]) -> list[Constraint]:
    """A section's constraints, settled in the light of each other first and then of the whole piece's."""
    return settled([*own, *whole])[: len(own)]


def section_verdicts(sections: Iterable[SectionGoals], tokens: np.ndarray, meter: str) -> list[dict[str, Any]]:
    """Verdicts as the manifest has them on a piece's tokens (T,), one a section and constraint: on the worst of the section's places."""
    return [{"section": s.name, **_worst(constraint, s.windows, tokens, meter)} for s in sections for constraint in s.constraints]


def _worst(constraint: Constraint, windows: Sequence[Window], tokens: np.ndarray, meter: str) -> dict[str, Any]:
    """The verdict on the place that meets the goal worst, the first of those alike."""
    steps = METERS[meter]
    parts = [tokens[None, first * steps : after * steps] for first, after in windows]
    return min((constraint.verdict(constraint.rule.measure(part, meter)[0]) for part in parts), key=lambda verdict: verdict["score"])
