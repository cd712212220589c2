"""Figures of rules of one's own: ten that no model ships a critic for; the first five were looked at while tuning, the others held out.

Each returns a score in [0, 1] where 1 means met.

Inside: `TUNED`, `HELD_OUT`, `own_rules`.
"""

import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from musiclc.custom import critics, functions
from musiclc.evaluation.constraints import METER, SINGLE, Bench
from musiclc.evaluation.samples import Table, delivered
from musiclc.music.melody import Melody
from musiclc.rules.base import Constraint


def zigzag(melody: Melody) -> float:
    """Share of inner notes where the line turns, at least a half."""
    p = [n.pitch for n in melody.notes]
    turns = [(b - a) * (c - b) < 0 for a, b, c in zip(p, p[1:], p[2:], strict=False)]
    return min(1.0, 2 * sum(turns) / len(turns)) if turns else 0.0


def call_and_answer(melody: Melody) -> float:
    """Bars 1 and 3 have the same rhythm."""
    bars = [{n.start % melody.steps_per_bar for n in melody.notes if n.start // melody.steps_per_bar == bar} for bar in (0, 2)]
    return len(bars[0] & bars[1]) / max(len(bars[0] | bars[1]), 1)


def ends_long(melody: Melody) -> float:
    """The last note lasts a half note or more."""
    return min(1.0, melody.notes[-1].duration / 8)


def peak_late(melody: Melody) -> float:
    """The highest pitch is first reached in the third bar or later."""
    top = max(n.pitch for n in melody.notes)
    first = min(n.start for n in melody.notes if n.pitch == top)
    return min(1.0, first / (2 * melody.steps_per_bar))


def no_repeats(melody: Melody) -> float:
    """No pitch is struck twice in a row."""
    p = [n.pitch for n in melody.notes]
    return 1 - sum(a == b for a, b in itertools.pairwise(p)) / max(len(p) - 1, 1)


def thirds(melody: Melody) -> float:
    """At least four in ten intervals are thirds."""
    p = [n.pitch for n in melody.notes]
    found = [abs(a - b) in (3, 4) for a, b in itertools.pairwise(p)]
    return min(1.0, sum(found) / len(found) / 0.4) if found else 0.0


def thins_out(melody: Melody) -> float:
    """The second half has at most two thirds as many notes as the first."""
    half = melody.bars * melody.steps_per_bar // 2
    early = sum(n.start < half for n in melody.notes)
    late = len(melody.notes) - early
    return min(1.0, early / (1.5 * late)) if late else float(early > 0)


def on_the_beat(melody: Melody) -> float:
    """At least nine in ten notes begin on an eighth."""
    return min(1.0, sum(n.start % 2 == 0 for n in melody.notes) / len(melody.notes) / 0.9)


def wide_leap(melody: Melody) -> float:
    """Some interval is a seventh or more: ten semitones."""
    p = [n.pitch for n in melody.notes]
    return min(1.0, max((abs(a - b) for a, b in itertools.pairwise(p)), default=0) / 10)


def same_ends(melody: Melody) -> float:
    """First and last note have the same pitch."""
    return 1 / (1 + abs(melody.notes[0].pitch - melody.notes[-1].pitch))


TUNED = (zigzag, call_and_answer, ends_long, peak_late, no_repeats)
HELD_OUT = (thirds, thins_out, on_the_beat, wide_leap, same_ends)
OWN_MELODIES = 64  # a rule


def own_rules(bench: Bench) -> Table:
    """Rules of one's own, as delivered: met, against unconstrained samples, and the seconds to fit a critic and sample OWN_MELODIES."""
    free, _ = delivered(bench.model, {}, bench.n, bench.seed)
    rows: Table = []
    for kind, some in (("tuned on", TUNED), ("held out", HELD_OUT)):
        for function in some:
            rows.append({"rule": function.__name__, "kind": kind, **_own(bench, function, free)})
    return rows


def _own(bench: Bench, function: Callable[[Melody], float], free: np.ndarray) -> dict[str, Any]:
    """Figures of one rule, its critic fitted the first time and read from the cache the second."""
    rule = functions.rule_of_function(function)
    asked = Constraint(rule, rule.parse("met"))
    critics.forget(rule.name)
    times = []
    for _ in ("first time", "again"):
        began = time.perf_counter()
        tokens, _ = delivered(bench.model, [asked], OWN_MELODIES, bench.seed)
        times.append(round(time.perf_counter() - began, 1))
    single, _ = delivered(bench.model, [asked], OWN_MELODIES, bench.seed, method="guided", **SINGLE)
    critics.forget(rule.name)
    groups = {"free": free, "single": single, "delivered": tokens}
    return {
        **{f"met, {name}": round(float(asked.satisfied(rule.measure(group, METER)).mean()), 4) for name, group in groups.items()},
        "cross-entropy over real, %": bench.over_real(tokens),
        "seconds, first": times[0],
        "again": times[1],
    }
