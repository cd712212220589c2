"""Figures of constrained sampling: methods × rules, targets against what came out, realism, cost, rules of one's own.

Everything is measured on notes read back from the written MIDI files, by the rules. *Single* is one decoded candidate a point,
*delivered* is as the command writes them. CrossEntropy is that of a trigram model of other tunes (trigram.py), over that of real
held-out tunes; the Fréchet distance is between normal distributions fitted to the FEATURES of melodies.

Inside: `TOGETHER`, `RULE_BY_RULE`, `METHODS`, `FEW`, `by_method`, `by_target`, `frechet`, `rejection_cost`, `own_rules`, `figures`.
"""

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc.custom import critics, functions
from musiclc.evaluation.samples import Table, delivered
from musiclc.evaluation.trigram import Trigram, events
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody
from musiclc.rules import RULES, parse_constraint
from musiclc.rules.base import Constraint
from musiclc.training.corpus import Dataset

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

METER = "4/4"
SINGLE = {"attempts": 1, "candidates": 1}
FEW = ("guided", "chosen", "rejection")  # for single rules, where all methods would take half an hour
METHODS = ("guided", "actor", "gradient", "langevin", "chosen", "vector", "rejection", "normal")
TOGETHER: dict[str, dict[str, str]] = {
    "C major": {"key": "C"},
    "C major, 9 notes a bar or more": {"key": "C", "density": ">=9"},
    "C major, 9..11 notes a bar": {"key": "C", "density": "9..11"},
    "four at once": {"key": "A minor", "density": "5..8", "range": "C4..C6", "contour": "up"},
}
RULE_BY_RULE: dict[str, dict[str, str]] = {
    "density 8": {"density": "8"},
    "range D4..G5": {"range": "D4..G5"},
    "span 12": {"span": "12"},
    "register 67": {"register": "67"},
    "contour arch": {"contour": "arch"},
    "motion 16": {"motion": "16"},
    "steps .7..1": {"steps": ".7..1"},
    "complexity 3": {"complexity": "3"},
    "syncopation 0": {"syncopation": "0"},
    "repetition .5": {"repetition": ".5"},
    "rests 0": {"rests": "0"},
    "longest 2": {"longest": "2"},
    "start 5 in C": {"key": "C", "start": "5"},
    "end 1 in C": {"key": "C", "end": "1"},
    "chords C G Am F": {"chords": "C G Am F"},
}
TARGETED = ("density", "span", "motion", "complexity")
TARGETS, EACH = 25, 8  # evenly spaced targets a rule, melodies a target
FEATURES = ("density", "span", "motion", "steps", "complexity", "syncopation", "repetition", "rests", "longest")


@dataclass(frozen=True)
class Bench:
    """What all figures share: the model, real tunes in 4/4 (training, held out), and the trigram judge."""

    model: "Model"
    train: np.ndarray
    real: np.ndarray
    judge: Trigram
    n: int
    seed: int

    @classmethod
    def of(cls, model: "Model", dataset: Dataset, n: int, seed: int) -> "Bench":
        """From a dataset; real tunes are its test and near splits."""
        train = dataset.melody_tokens("train", METER)
        real = np.concatenate([dataset.melody_tokens(split, METER) for split in ("test", "near")])
        return cls(model, train, real, Trigram(events(train)), n, seed)

    def over_real(self, tokens: np.ndarray) -> float:
        """CrossEntropy over that of real held-out tunes, in percent."""
        return round(100 * (self.judge.cross_entropy(events(tokens)) / self.judge.cross_entropy(events(self.real)) - 1), 1)


def _met(tokens: np.ndarray, wish: Mapping[str, str]) -> np.ndarray:
    """Whether each melody meets the whole wish: bool (n,)."""
    from musiclc.rules import parse_constraints

    return np.all([c.satisfied(c.rule.measure(tokens, METER)) for c in parse_constraints(wish)], axis=0)


def _distinct(tokens: np.ndarray) -> float:
    return round(len({row.tobytes() for row in tok.key_free(tokens)}) / len(tokens), 4)


def by_method(bench: Bench, wishes: dict[str, dict[str, str]], methods: tuple[str, ...]) -> Table:
    """Every wish by every method, one candidate each, and as delivered by the default."""
    table: Table = []
    for name, wish in wishes.items():
        for method in (*methods, "delivered"):
            options: dict[str, Any] = {} if method == "delivered" else {"method": method, **SINGLE}
            began = time.perf_counter()
            tokens, _ = delivered(bench.model, wish, bench.n, bench.seed, **options)
            row: dict[str, Any] = {
                "wish": name,
                "method": method,
                "met": round(float(_met(tokens, wish).mean()), 4),
                "cross-entropy over real, %": bench.over_real(tokens),
                "distinct": _distinct(tokens),
                "notes a bar": round(float(RULES["density"].measure(tokens, METER).mean()), 2),
                "seconds": round(time.perf_counter() - began, 2),
            }
            if "key" in wish:
                key = parse_constraint("key", wish["key"])
                row["mean share in key"] = round(float(key.score(RULES["key"].measure(tokens, METER)).mean()), 4)
            table.append(row)
    return table


def by_target(bench: Bench) -> tuple[Table, dict[str, dict[str, list[float]]], dict[str, np.ndarray]]:
    """Pearson's r and mean absolute error of target and decoded value over evenly spaced targets between the corpus's 1 % and 99 %
    quantiles; the points for a plot; and the melodies whose targets lie within the 5–95 % quantiles.
    """
    table: Table = []
    plots: dict[str, dict[str, list[float]]] = {}
    usual: dict[str, list[np.ndarray]] = {"single": [], "delivered": []}
    for name in TARGETED:
        measures = RULES[name].measure(bench.train, METER)[:, 0]
        low, q5, q95, high = np.nanquantile(measures, (0.01, 0.05, 0.95, 0.99))
        row: dict[str, Any] = {"rule": name, "targets": f"{low:g}..{high:g}"}
        plots[name] = {"target": []}
        for way, options in (("single", {"method": "guided", **SINGLE}), ("delivered", {})):
            wanted, got = [], []
            for number, target in enumerate(np.linspace(low, high, TARGETS)):
                tokens, _ = delivered(bench.model, {name: f"{target:.4f}"}, EACH, bench.seed + number, **options)
                wanted += [float(target)] * EACH
                got += RULES[name].measure(tokens, METER)[:, 0].tolist()
                if q5 <= target <= q95:
                    usual[way].append(tokens)
            error = np.abs(np.array(wanted) - got)
            row |= {
                f"Pearson, {way}": round(float(np.corrcoef(wanted, got)[0, 1]), 4),
                f"error, {way}": round(float(error.mean()), 3),
                f"met, {way}": round(float((error <= RULES[name].tolerance + 1e-9).mean()), 4),
            }
            plots[name] |= {"target": wanted, way: got}
        table.append(row)
    return table, plots, {way: np.concatenate(parts) for way, parts in usual.items()}


def _features(tokens: np.ndarray) -> np.ndarray:
    """FEATURES, the shares of intervals from −12 to 12 in six classes, and of note lengths in five: (n, f)."""
    columns = [RULES[name].measure(tokens, METER)[:, :1] for name in FEATURES]
    return np.nan_to_num(np.concatenate([*columns, _interval_shares(tokens), _length_shares(tokens)], axis=1))


def _interval_shares(tokens: np.ndarray) -> np.ndarray:
    edges = np.array([-127, -4, -2, 0, 1, 3, 5, 128])
    rows = [np.histogram(np.diff(row[row >= tok.FIRST_ONSET].astype(int)), edges)[0] for row in tokens]
    return np.array([counts / max(counts.sum(), 1) for counts in rows])


def _length_shares(tokens: np.ndarray) -> np.ndarray:
    lengths = tok.durations(tokens)
    rows = [np.histogram(row[row > 0], np.array([1, 2, 3, 4, 8, 65]))[0] for row in lengths]
    return np.array([counts / max(counts.sum(), 1) for counts in rows])


def frechet(a: np.ndarray, b: np.ndarray, scale: np.ndarray) -> float:
    """Fréchet distance of normal distributions fitted to features (n, f) and (m, f), each divided by `scale` (Dowson and Landau 1982)."""
    a, b = a / scale, b / scale
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    # the trace of the square root of a product of covariances: its eigenvalues are real and not negative, up to rounding
    eigenvalues = np.linalg.eigvals(cov_a @ cov_b).real.clip(min=0)
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * np.sqrt(eigenvalues).sum())


def realism(bench: Bench, usual: dict[str, np.ndarray]) -> Table:
    """Fréchet distance to real held-out tunes, and cross_entropy: the VAE's prior, ours without and with constraints, real training tunes."""
    prior, _ = delivered(bench.model, {}, bench.n, bench.seed, method="normal", **SINGLE)
    free, _ = delivered(bench.model, {}, bench.n, bench.seed)
    in_c, _ = delivered(bench.model, {"key": "C"}, bench.n, bench.seed)
    real = _features(bench.real)
    scale = real.std(0).clip(min=1e-6)
    pool = np.concatenate([in_c, usual["delivered"]])
    groups = {
        "VAE prior N(0, I), unconstrained": prior,
        "ours, unconstrained": free,
        "ours, in C": in_c,
        "ours, targets within 5–95 %, single": usual["single"],
        "ours, targets within 5–95 %, delivered": usual["delivered"],
        "ours, all constrained": pool,
        "real training tunes": bench.train[np.random.default_rng(bench.seed).permutation(len(bench.train))[:2000]],
    }
    base = frechet(_features(prior), real, scale)
    return [
        {
            "melodies": name,
            "n": len(tokens),
            "Fréchet": round(frechet(_features(tokens), real, scale), 3),
            "over VAE prior": round(frechet(_features(tokens), real, scale) / base, 4),
            "cross-entropy over real, %": bench.over_real(tokens),
            "distinct": _distinct(tokens),
        }
        for name, tokens in groups.items()
    ]


def rejection_cost(bench: Bench) -> Table:
    """Decoded candidates and seconds a melody that meets key, density and range: ours and rejection from the same prior."""
    wish = {"key": "A minor", "density": ">=9", "range": "C4..C6"}
    rows: Table = []
    for method in ("guided", "actor", "rejection"):
        began = time.perf_counter()
        count = max(64, bench.n) if method != "rejection" else 8 * bench.n
        tokens, _ = delivered(bench.model, wish, count, bench.seed, method=method, **SINGLE)
        spent, met = time.perf_counter() - began, int(_met(tokens, wish).sum())
        rows.append(
            {
                "method": method,
                "drawn": count,
                "met": met,
                "draws a melody": round(count / max(met, 1), 2),
                "seconds a melody": round(spent / max(met, 1), 4),
            }
        )
    for row in rows:
        row["times guided, draws"] = round(row["draws a melody"] / rows[0]["draws a melody"], 2)
        row["times guided, seconds"] = round(row["seconds a melody"] / rows[0]["seconds a melody"], 2)
    return rows


# ---- rules of one's own: ten that no model ships a critic for; the first five were looked at while tuning ------------------


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
    """At least four in ten moves are thirds."""
    p = [n.pitch for n in melody.notes]
    moves = [abs(a - b) in (3, 4) for a, b in itertools.pairwise(p)]
    return min(1.0, sum(moves) / len(moves) / 0.4) if moves else 0.0


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
    """Some move spans a seventh or more."""
    p = [n.pitch for n in melody.notes]
    return min(1.0, max((abs(a - b) for a, b in itertools.pairwise(p)), default=0) / 10)


def same_ends(melody: Melody) -> float:
    """First and last note have the same pitch."""
    return 1 / (1 + abs(melody.notes[0].pitch - melody.notes[-1].pitch))


TUNED = (zigzag, call_and_answer, ends_long, peak_late, no_repeats)
HELD_OUT = (thirds, thins_out, on_the_beat, wide_leap, same_ends)


def own_rules(bench: Bench) -> Table:
    """Rules of one's own, as delivered: met, against unconstrained draws of the prior, and the seconds to fit and draw 64."""
    free, _ = delivered(bench.model, {}, bench.n, bench.seed)
    rows: Table = []
    for kind, some in (("tuned on", TUNED), ("held out", HELD_OUT)):
        for function in some:
            rows.append({"rule": function.__name__, "kind": kind, **_own(bench, function, free)})
    return rows


def _own(bench: Bench, function: Callable[[Melody], float], free: np.ndarray) -> dict[str, Any]:
    rule = functions.rule_of_function(function)
    wish = [Constraint(rule, rule.parse("met"))]
    critics.forget(rule.name)
    times = []
    for _ in ("first time", "again"):
        began = time.perf_counter()
        tokens, _ = delivered(bench.model, wish, 64, bench.seed)
        times.append(round(time.perf_counter() - began, 1))
    single, _ = delivered(bench.model, wish, 64, bench.seed, method="guided", **SINGLE)
    critics.forget(rule.name)
    met = {
        name: round(float(wish[0].satisfied(rule.measure(t, METER)).mean()), 4)
        for name, t in (("free", free), ("single", single), ("delivered", tokens))
    }
    return {
        **{f"met, {name}": value for name, value in met.items()},
        "cross-entropy over real, %": bench.over_real(tokens),
        "seconds, first": times[0],
        "again": times[1],
    }


def figures(model: "Model", dataset: Dataset, n: int, seed: int, parts: tuple[str, ...] = ()) -> tuple[dict[str, Table], dict[str, Any]]:
    """All tables by name, and the points of the plots. parts: which of them; all when empty."""
    bench = Bench.of(model, dataset, n, seed)
    tables: dict[str, Table] = {}
    plots: dict[str, Any] = {}
    if not parts or "methods" in parts:
        tables["methods"] = by_method(bench, TOGETHER, METHODS)
    if not parts or "rules" in parts:
        tables["rules"] = by_method(bench, RULE_BY_RULE, FEW)
    if not parts or "targets" in parts:
        tables["targets"], plots, usual = by_target(bench)
        tables["realism"] = realism(bench, usual)
    if not parts or "rejection" in parts:
        tables["rejection"] = rejection_cost(bench)
    if not parts or "own" in parts:
        tables["own"] = own_rules(bench)
    return tables, plots
