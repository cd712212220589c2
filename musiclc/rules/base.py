"""What a rule is: `Rule`; what is asked of it: `Constraint`; and the helpers that its rows share.

A rule measures melodies: vectorised over a batch of token rows (n, T) in one meter, it gives *measures* (n, m), which a critic
learns to foretell from latent points. A goal bounds the measures, or one weighted sum of them; the value reported is one
number, or a few words, for people.

Inside: `Constraint`, `Rule`, `parts_of`, `plain`, `number_goal`, `transposed_pitches`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from musiclc.errors import UsageError
from musiclc.music.melody import Melody
from musiclc.music.theory import METERS
from musiclc.rules.goals import Goal, distance_score, interval

Measure = Callable[[np.ndarray, str], np.ndarray]


@dataclass(frozen=True)
class Constraint:
    """A rule, a goal and a weight: of its log probability in what the search climbs, 1 by default."""

    rule: "Rule"
    goal: Goal
    weight: float = 1.0

    def score(self, measures: np.ndarray) -> np.ndarray:
        """Scores in [0, 1] of the rule's measures (n, m): (n,); 1 means met."""
        return self.rule.score(measures, self.goal)

    def satisfied(self, measures: np.ndarray) -> np.ndarray:
        """Whether the goal is met: bool (n,)."""
        return self.score(measures) >= 1 - 1e-9

    @property
    def parts(self) -> tuple["Constraint", ...]:
        """What it is made of, with its weight: constraints that masks, counts and critics can grant; itself where it is one of those."""
        return tuple(replace(part, weight=self.weight) for part in self.rule.parts(self.goal)) if self.rule.parts else (self,)

    def verdict(self, measures: np.ndarray) -> dict[str, Any]:
        """One melody's measures (m,) as the manifest's entry."""
        row = measures[None]
        return {
            "rule": self.rule.name,
            "goal": self.goal.text,
            "value": self.rule.value(row[0], self.goal),
            **(self.rule.told(row[0]) if self.rule.told else {}),
            "score": round(float(self.score(row)[0]), 6),
            "satisfied": bool(self.satisfied(row)[0]),
            "weight": self.weight,
        }


def _settled(goal: Goal, others: Sequence[Constraint]) -> Goal:
    return goal


@dataclass(frozen=True)
class Rule:
    """One rule: what it measures, how goals are read and scored, and what searches may know of it beforehand.

    For people: name, as options have it; about, a phrase for help; unit, of the value; span, the values there are; goals, examples that
    parse; source, where the definition comes from.

    Measuring: measure, (tokens (n, T), meter) → measures (n, m), NaN where undefined; measures, the names of the m; limits, meter → the
    least and largest number there is; value, (one melody's measures (m,), goal or None) → what the manifest says of them, as JSON has it;
    told, what else a verdict says of them, by name.

    Goals: parse, text → goal, raising UsageError; tolerance, in the rule's unit, how near a bare number must be met, and how fast scores fall
    outside the goal; grade, (measures, goal) → scores (n,), for a rule whose scores are not those of its family; settle, (goal,
    the other constraints) → the goal in their light, such as a degree in the key asked for.

    Critics: family, what one learns: "gaussian", each measure's number, or "bernoulli", whether each share is above zero; critic, (model, goal,
    semitones from canonical) → a critic, for a rule that no model ships one for; judged, whether searches do without a critic where a model has
    none, and leave it to rounds to find what the rule judges well; parts, goal → constraints of other rules without which it cannot be met, whose
    masks and critics searches use in its place.

    Transposition: transpose, (goal, semitones) → the goal for melodies transposed by so much, None when transposition changes no
    measure; octaves, whether whole octaves change measures; fixed, whether transposition changes measures in a way that no goal can
    follow, so that they must be measured anew.

    Masks and counts: allowed, goal → which MIDI pitches a note may have, bool (128,), for a rule that is met exactly when every note
    is allowed; notes, (goal, bars) → the fewest and most notes that so many bars may have, for a rule that does nothing but count them; steps,
    how many sixteenths a piece must have at least that meets a goal above 0.

    Edits: written, (tokens (T,), steps that may be written on, bool (T,), pitches that notes may have, bool (128,), steps a bar) → the tokens
    with more of what the rule counts written over them, in several ways, for a rule that knows how; searched, whether small changes that it
    judges grant it (editing/climb.py), without a critic, where no method is asked for.

    Examples: example, the melody that it compares with; meters, the only ones that it measures in, () for any; begins, (goal, steps) → where notes
    shall begin, bool (steps,), and how firmly, in nats.
    """

    name: str
    about: str
    unit: str
    span: str
    goals: str
    source: str
    measures: tuple[str, ...]
    measure: Measure
    parse: Callable[[str], Goal]
    value: Callable[[np.ndarray, Goal | None], Any]
    limits: Callable[[str], tuple[float, float]]
    family: Literal["gaussian", "bernoulli"] = "gaussian"
    tolerance: float = 1.0
    transpose: Callable[[Goal, int], Goal] | None = None
    octaves: bool = False
    fixed: bool = False
    settle: Callable[[Goal, Sequence[Constraint]], Goal] = _settled
    grade: Callable[[np.ndarray, Goal], np.ndarray] | None = None
    critic: Callable[[Any, Goal, int], Any] | None = None
    judged: bool = False
    parts: Callable[[Goal], tuple[Constraint, ...]] | None = None
    told: Callable[[np.ndarray], dict[str, Any]] | None = None
    allowed: Callable[[Goal], np.ndarray] | None = None
    notes: Callable[[Goal, int], tuple[float, float]] | None = None
    steps: int = 0
    written: Callable[[np.ndarray, np.ndarray, np.ndarray, int], Iterator[np.ndarray]] | None = None
    searched: bool = False
    example: Melody | None = None
    meters: tuple[str, ...] = ()
    begins: Callable[[Goal, int], tuple[np.ndarray, float]] | None = None

    def transposed(self, goal: Goal, semitones: int) -> Goal:
        """The goal for melodies transposed by `semitones`."""
        return self.transpose(goal, semitones) if self.transpose else goal

    def score(self, measures: np.ndarray, goal: Goal) -> np.ndarray:
        """Scores in [0, 1] of measures (n, m): (n,); 1 means that the goal is met.

        For shares, the share that the goal allows; for numbers, falling with the distance from the goal.
        """
        if self.grade:
            return self.grade(measures, goal)
        if self.family == "bernoulli":
            return measures @ (np.asarray(goal.high) > 0)
        return distance_score(measures, goal, self.tolerance)

    def check(self, goal: Goal, meter: str, bars: int = 0) -> None:
        """Raises UsageError when no melody in `meter` can meet the goal, or none of so many bars where that is said."""
        if self.meters and meter not in self.meters:
            raise UsageError(f"{self.name} {goal.text!r} compares bars of {self.meters[0]}, and the piece is in {meter}; wanted the same meter")
        have = bars * METERS[meter]
        if bars and goal.low[0] > 0 and self.steps > have:
            raise UsageError(f"{self.name} {goal.text!r} lasts {self.steps} sixteenths, and {bars} bars of {meter} have {have}; wanted more bars")
        low, high = self.limits(meter)
        if any(a > high or b < low for a, b in zip(goal.low, goal.high, strict=True)):
            raise UsageError(f"{self.name} {goal.text!r} cannot be met in {meter}: {self.name} lies between {low:g} and {high:g} {self.unit}")


def parts_of(constraints: Sequence[Constraint]) -> list[Constraint]:
    """The constraints with those that are made of others taken apart."""
    return [part for constraint in constraints for part in constraint.parts]


def plain(measures: np.ndarray, goal: Goal | None) -> Any:
    """The first measure of (m,) as JSON; None where undefined."""
    return None if np.isnan(measures[0]) else round(float(measures[0]), 6)


def number_goal(name: str, tolerance: float, words: dict[str, tuple[float, float]] | None = None) -> Callable[[str], Goal]:
    """A parser of goals on a rule's one measure: "6", "4..8", ">=8", ">8", "<=3", "<3", or one of `words` with its bounds."""

    def parse(text: str) -> Goal:
        word = text.strip().lower()
        if words and word in words:
            return Goal(word, (words[word][0],), (words[word][1],))
        low, high = interval(text, tolerance, name, tuple(words or ()))
        return Goal(text.strip(), (low,), (high,))

    return parse


def transposed_pitches(goal: Goal, semitones: int) -> Goal:
    """A goal whose measures are all pitches, for melodies transposed by `semitones`."""
    return Goal(goal.text, tuple(v + semitones for v in goal.low), tuple(v + semitones for v in goal.high), goal.mix)
