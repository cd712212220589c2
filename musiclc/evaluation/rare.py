"""Figures of rules of one's own with rare goals: twenty numbers, each at least what one real window in a hundred has, and one in ten thousand.

The first ten were looked at while the search was tuned, the others held out.

Inside: `TUNED`, `HELD_OUT`, `rare_rules`, `rare_goal`.
"""

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from musiclc.custom import functions
from musiclc.evaluation.constraints import METER, Bench
from musiclc.evaluation.likeness import FEWEST, TREES, told_apart
from musiclc.evaluation.own import OWN_MELODIES
from musiclc.evaluation.samples import Table, delivered, distinct
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody
from musiclc.rules.base import Constraint

RARITIES = {"1 in 100": 0.01, "1 in 10,000": 0.0001}
MOST_REAL = 30_000  # windows that goals are taken from
COMPARED = 200  # real windows that meet a goal, which a classifier tells from ours


def _pitches(melody: Melody) -> list[int]:
    return [n.pitch for n in melody.notes]


def _intervals(melody: Melody) -> list[int]:
    return [b - a for a, b in pairwise(_pitches(melody))]


def turns(melody: Melody) -> float:
    """How often the line turns, a bar."""
    return sum(a * b < 0 for a, b in pairwise(_intervals(melody))) / melody.bars


def answers(melody: Melody) -> float:
    """How much more alike the rhythms of bars 1 and 3 are than those of bars 2 and 4: shared onsets over all."""
    bars = [{n.start % melody.steps_per_bar for n in melody.notes if n.start // melody.steps_per_bar == bar} for bar in range(4)]
    one, other = (len(bars[i] & bars[i + 2]) / max(len(bars[i] | bars[i + 2]), 1) for i in (0, 1))
    return one - other


def last_length(melody: Melody) -> float:
    """The length of the last note, in steps."""
    return melody.notes[-1].duration


def peak_place(melody: Melody) -> float:
    """When the highest pitch first comes, as a share of the melody."""
    return min(n.start for n in melody.notes if n.pitch == max(_pitches(melody))) / melody.steps


def fresh_run(melody: Melody) -> float:
    """The most notes in a row without one pitch twice in a row."""
    return _longest([interval != 0 for interval in _intervals(melody)]) + 1


def _longest(flags: list[bool]) -> int:
    longest = now = 0
    for flag in flags:
        now = now + 1 if flag else 0
        longest = max(longest, now)
    return longest


def thirds(melody: Melody) -> float:
    """Thirds a bar."""
    return sum(abs(interval) in (3, 4) for interval in _intervals(melody)) / melody.bars


def thinning(melody: Melody) -> float:
    """Notes in the first half less those in the second, a bar."""
    early = sum(n.start < melody.steps // 2 for n in melody.notes)
    return (2 * early - len(melody.notes)) / melody.bars


def off_eighths(melody: Melody) -> float:
    """Notes that begin off the eighths, a bar."""
    return sum(n.start % 2 for n in melody.notes) / melody.bars


def widest(melody: Melody) -> float:
    """The widest interval, in semitones."""
    return max(map(abs, _intervals(melody)), default=0)


def ends_apart(melody: Melody) -> float:
    """Semitones between the first and the last note."""
    return abs(melody.notes[0].pitch - melody.notes[-1].pitch)


def semitones(melody: Melody) -> float:
    """Intervals of a semitone, a bar."""
    return sum(abs(interval) == 1 for interval in _intervals(melody)) / melody.bars


def scale_run(melody: Melody) -> float:
    """The most steps in a row in one direction."""
    return max(_longest([0 < way * interval <= 2 for interval in _intervals(melody)]) for way in (1, -1))


def octaves(melody: Melody) -> float:
    """Intervals of an octave."""
    return sum(abs(interval) == 12 for interval in _intervals(melody))


def pitches_used(melody: Melody) -> float:
    """Different pitches."""
    return len(set(_pitches(melody)))


def lengths_used(melody: Melody) -> float:
    """Different lengths of notes."""
    return len({n.duration for n in melody.notes})


def silence(melody: Melody) -> float:
    """The longest silence, in steps."""
    begins, ends = [n.start for n in melody.notes], [n.end for n in melody.notes]
    return max(a - b for a, b in zip([*begins, melody.steps], [0, *ends], strict=True))


def mirrored(melody: Melody) -> float:
    """Intervals that go up where those of the line read backwards go down."""
    found = _intervals(melody)
    return sum(a * b < 0 for a, b in zip(found, found[::-1], strict=True))


def tritones(melody: Melody) -> float:
    """Intervals of a tritone."""
    return sum(abs(interval) == 6 for interval in _intervals(melody))


def held_over(melody: Melody) -> float:
    """Notes that begin off the beat and are held over the next one, a bar."""
    return sum(n.start % 4 > 0 and n.start // 4 < (n.end - 1) // 4 for n in melody.notes) / melody.bars


def triads(melody: Melody) -> float:
    """Three notes in a row that are a major or minor triad, a bar."""
    p = _pitches(melody)
    return sum(any({(x - root) % 12 for x in three} in ({0, 4, 7}, {0, 3, 7}) for root in three) for three in zip(p, p[1:], p[2:], strict=False)) / (
        melody.bars
    )


TUNED = (turns, answers, last_length, peak_place, fresh_run, thirds, thinning, off_eighths, widest, ends_apart)
HELD_OUT = (semitones, scale_run, octaves, pitches_used, lengths_used, silence, mirrored, tritones, held_over, triads)


def rare_goal(values: np.ndarray, share: float) -> float:
    """The value (of those that there are) which, or more, is had by about such a share of all, in logarithms."""
    there, counts = np.unique(values, return_counts=True)
    at_least = np.cumsum(counts[::-1])[::-1] / len(values)
    return float(there[np.abs(np.log(at_least / share)).argmin()])


def rare_rules(bench: Bench) -> Table:
    """Each rule at each rarity, as delivered: met, distinct, seconds of OWN_MELODIES, and by a classifier against real ones that meet it (AUC)."""
    real = bench.train[tok.onsets(bench.train).any(axis=1)][:MOST_REAL]
    melodies = tok.to_melodies(real, METER)
    kinds = (("tuned on", TUNED), ("held out", HELD_OUT))
    return [row for kind, some in kinds for function in some for row in _rows(bench, function, kind, real, melodies)]


def _rows(bench: Bench, function: Callable[[Melody], float], kind: str, real: np.ndarray, melodies: list[Melody]) -> Table:
    values = np.array([function(melody) for melody in melodies], float)
    rows = []
    for name, share in RARITIES.items():
        goal = rare_goal(values, share)
        rows.append({"rule": function.__name__, "kind": kind, "rarity": name, "goal": goal, **_row(bench, function, goal, real[values >= goal])})
    return rows


def _row(bench: Bench, function: Callable[[Melody], float], goal: float, like: np.ndarray) -> dict[str, Any]:
    rule = functions.rule_of_function(function, scored=False)
    asked = Constraint(rule, rule.parse(f">={goal:g}"))
    began = time.perf_counter()
    tokens, _ = delivered(bench.model, [asked], OWN_MELODIES, bench.seed)
    seconds = round(time.perf_counter() - began, 1)
    some = like[np.random.default_rng(bench.seed).permutation(len(like))[:COMPARED]]
    area = round(told_apart(TREES, some, tokens, METER), 3) if len(some) >= FEWEST else None
    met = round(float(asked.satisfied(rule.measure(tokens, METER)).mean()), 4)
    return {"real": len(like), "met": met, "distinct": round(distinct(tokens), 4), "seconds": seconds, "AUC": area}
