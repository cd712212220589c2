"""Figures of constrained sampling: methods × rules, targets against what came out, realism, cost.

Everything is measured on notes read back from the written MIDI files, by the rules. *Single* is one decoded candidate a point,
*delivered* is as the command writes them. *Cross-entropy* is that of a trigram of other tunes (trigram.py), over that of real held-out
tunes; the *Fréchet distance* is the squared one between normal distributions fitted to `features` of melodies, as FID is to images.

Inside: `TOGETHER`, `RULE_BY_RULE`, `FEW`, `Bench`, `by_method`, `by_target`, `features`, `frechet`, `realism`, `rejection_cost`.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc.evaluation.samples import Table, delivered, distinct
from musiclc.evaluation.trigram import Trigram, events
from musiclc.evaluation.tunes import Goals
from musiclc.music import tokens as tok
from musiclc.rules import RULES, parse_constraint, parse_constraints
from musiclc.training.corpus import Dataset

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

METER = "4/4"
SINGLE = {"attempts": 1, "candidates": 1}
FEW = ("guided", "chosen", "rejection")  # for single rules, where all methods would take half an hour
TOGETHER: dict[str, Goals] = {
    "C major": {"scale": "C"},
    "C major, 9 notes a bar or more": {"scale": "C", "density": ">=9"},
    "C major, 9..11 notes a bar": {"scale": "C", "density": "9..11"},
    "four at once": {"scale": "A minor", "density": "5..8", "range": "C4..C6", "contour": "up"},
}
RULE_BY_RULE: dict[str, Goals] = {
    "tonic D in the scale of C": {"scale": "C", "tonic": "D"},
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
    "no_repeat 2": {"no_repeat": "2"},
    "rests 0": {"rests": "0"},
    "longest 2": {"longest": "2"},
    "start 5 in C": {"key": "C", "start": "5"},
    "end 1 in C": {"key": "C", "end": "1"},
    "chords C G Am F": {"chords": "C G Am F"},
}
TARGETED = ("density", "span", "motion", "complexity")
TARGETS, EACH = 25, 8  # evenly spaced targets a rule, melodies a target
MOST_TRAINING = 2000  # real training tunes that others are compared with
COSTLY = {"scale": "A minor", "density": ">=9", "range": "C4..C6"}  # what rejection is timed on
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
        """Cross-entropy of melodies (n, T) over that of real held-out tunes, in percent."""
        return round(100 * (self.judge.cross_entropy(events(tokens)) / self.judge.cross_entropy(events(self.real)) - 1), 1)


def _met(tokens: np.ndarray, asked: Goals) -> np.ndarray:
    """Whether each melody meets every constraint: bool (n,)."""
    return np.all([c.satisfied(c.rule.measure(tokens, METER)) for c in parse_constraints(asked)], axis=0)


def by_method(bench: Bench, every: Mapping[str, Goals], methods: Sequence[str]) -> Table:
    """Each of the constraints by each method, one candidate a point, and as delivered by the default."""
    return [_method_row(bench, name, asked, method) for name, asked in every.items() for method in (*methods, "delivered")]


def _method_row(bench: Bench, name: str, asked: Goals, method: str) -> dict[str, Any]:
    options: dict[str, Any] = {} if method == "delivered" else {"method": method, **SINGLE}
    began = time.perf_counter()
    tokens, _ = delivered(bench.model, asked, bench.n, bench.seed, **options)
    row: dict[str, Any] = {
        "constraints": name,
        "method": method,
        "met": round(float(_met(tokens, asked).mean()), 4),
        "cross-entropy over real, %": bench.over_real(tokens),
        "distinct": distinct(tokens),
        "notes a bar": round(float(RULES["density"].measure(tokens, METER).mean()), 2),
        "seconds": round(time.perf_counter() - began, 2),
    }
    if "scale" in asked:
        key = parse_constraint("scale", asked["scale"])
        row["mean share in key"] = round(float(key.score(RULES["scale"].measure(tokens, METER)).mean()), 4)
    return row


# ---- targets -------------------------------------------------------------------------------------------------------


def by_target(bench: Bench) -> tuple[Table, dict[str, dict[str, list[float]]], dict[str, np.ndarray]]:
    """Pearson's r and mean absolute error of target and measured value over evenly spaced targets between the corpus's 1 % and 99 %
    quantiles; the points for a plot; and the melodies whose targets lie within the 5–95 % quantiles.
    """
    table: Table = []
    points: dict[str, dict[str, list[float]]] = {}
    usual: dict[str, list[np.ndarray]] = {"single": [], "delivered": []}
    for name in TARGETED:
        low, q5, q95, high = np.nanquantile(RULES[name].measure(bench.train, METER)[:, 0], (0.01, 0.05, 0.95, 0.99))
        targets = np.linspace(low, high, TARGETS)
        wanted = np.repeat(targets, EACH)
        row: dict[str, Any] = {"rule": name, "targets": f"{low:g}..{high:g}"}
        points[name] = {"target": wanted.tolist()}
        for way, options in (("single", {"method": "guided", **SINGLE}), ("delivered", {})):
            melodies = [_aimed(bench, name, target, number, options) for number, target in enumerate(targets)]
            points[name][way] = RULES[name].measure(np.concatenate(melodies), METER)[:, 0].tolist()
            row |= {f"{figure}, {way}": value for figure, value in agreement(wanted, np.array(points[name][way]), RULES[name].tolerance).items()}
            usual[way] += [tokens for tokens, target in zip(melodies, targets, strict=True) if q5 <= target <= q95]
        table.append(row)
    return table, points, {way: np.concatenate(parts) for way, parts in usual.items()}


def _aimed(bench: Bench, name: str, target: float, number: int, options: dict[str, Any]) -> np.ndarray:
    """EACH melodies (EACH, T) for the target of that number."""
    return delivered(bench.model, {name: f"{target:.4f}"}, EACH, bench.seed + number, **options)[0]


def agreement(wanted: np.ndarray, got: np.ndarray, tolerance: float) -> dict[str, float]:
    """Pearson's r, the mean absolute error, and the share within the tolerance, of targets and measured values (n,)."""
    error = np.abs(wanted - got)
    return {
        "Pearson": round(float(np.corrcoef(wanted, got)[0, 1]), 4),
        "error": round(float(error.mean()), 3),
        "met": round(float((error <= tolerance + 1e-9).mean()), 4),
    }


# ---- realism -------------------------------------------------------------------------------------------------------


def features(tokens: np.ndarray) -> np.ndarray:
    """What melodies (n, T) are compared by: FEATURES, shares of intervals in seven classes and of note lengths in five, (n, f); 0 where undefined."""
    columns = [RULES[name].measure(tokens, METER)[:, :1] for name in FEATURES]
    return np.nan_to_num(np.concatenate([*columns, _interval_shares(tokens), _length_shares(tokens)], axis=1))


def _interval_shares(tokens: np.ndarray) -> np.ndarray:
    """Down by 5 semitones or more, by 3 or 4, by 1 or 2; none; up by 1 or 2, by 3 or 4, by 5 or more: shares, (n, 7)."""
    edges = np.array([-127, -4, -2, 0, 1, 3, 5, 128])
    rows = [np.histogram(np.diff(row[row >= tok.FIRST_ONSET].astype(int)), edges)[0] for row in tokens]
    return np.array([counts / max(counts.sum(), 1) for counts in rows])


def _length_shares(tokens: np.ndarray) -> np.ndarray:
    """Notes of 1, 2, 3, 4 to 7, and 8 steps or more: shares, (n, 5)."""
    lengths = tok.durations(tokens)
    rows = [np.histogram(row[row > 0], np.array([1, 2, 3, 4, 8, 65]))[0] for row in lengths]
    return np.array([counts / max(counts.sum(), 1) for counts in rows])


def frechet(a: np.ndarray, b: np.ndarray, scale: np.ndarray) -> float:
    """Squared Fréchet distance of normal distributions fitted to features (n, f) and (m, f), f at least 2, each divided by `scale` (f,): that of
    the means plus tr(A + B − 2 √(AB)) for the covariances A and B (Dowson and Landau 1982).
    """
    a, b = a / scale, b / scale
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    # the trace of the square root of a product of covariances: its eigenvalues are real and not negative, up to rounding
    eigenvalues = np.linalg.eigvals(cov_a @ cov_b).real.clip(min=0)
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * np.sqrt(eigenvalues).sum())


def realism(bench: Bench, usual: dict[str, np.ndarray]) -> Table:
    """Fréchet distance to real held-out tunes, and cross-entropy: the VAE's prior, ours without and with constraints, real training tunes."""
    prior, _ = delivered(bench.model, {}, bench.n, bench.seed, method="normal", **SINGLE)
    free, _ = delivered(bench.model, {}, bench.n, bench.seed)
    in_c, _ = delivered(bench.model, {"scale": "C"}, bench.n, bench.seed)
    groups = {
        "VAE prior N(0, I), unconstrained": prior,
        "ours, unconstrained": free,
        "ours, in C": in_c,
        "ours, targets within 5–95 %, single": usual["single"],
        "ours, targets within 5–95 %, delivered": usual["delivered"],
        "ours, all constrained": np.concatenate([in_c, usual["delivered"]]),
        "real training tunes": bench.train[np.random.default_rng(bench.seed).permutation(len(bench.train))[:MOST_TRAINING]],
    }
    real = features(bench.real)
    scale = real.std(0).clip(min=1e-6)
    base = frechet(features(prior), real, scale)
    return [_realism_row(bench, name, tokens, frechet(features(tokens), real, scale), base) for name, tokens in groups.items()]


def _realism_row(bench: Bench, name: str, tokens: np.ndarray, distance: float, base: float) -> dict[str, Any]:
    """A row of `realism`. base: the distance that the others are told in."""
    return {
        "melodies": name,
        "n": len(tokens),
        "Fréchet": round(distance, 3),
        "over VAE prior": round(distance / base, 4),
        "cross-entropy over real, %": bench.over_real(tokens),
        "distinct": distinct(tokens),
    }


# ---- what rejection costs ------------------------------------------------------------------------------------------


def rejection_cost(bench: Bench) -> Table:
    """Decoded candidates and seconds for each melody that meets key, density and range: ours, and rejection from the same prior."""
    rows = [_cost_row(bench, method) for method in ("guided", "actor", "rejection")]
    for row in rows:
        row["times guided, draws"] = round(row["draws a melody"] / rows[0]["draws a melody"], 2)
        row["times guided, seconds"] = round(row["seconds a melody"] / rows[0]["seconds a melody"], 2)
    return rows


def _cost_row(bench: Bench, method: str) -> dict[str, Any]:
    """Where no melody meets the constraints, the cost is that of one that might have come next."""
    count = max(64, bench.n) if method != "rejection" else 8 * bench.n
    began = time.perf_counter()
    tokens, _ = delivered(bench.model, COSTLY, count, bench.seed, method=method, **SINGLE)
    spent, met = time.perf_counter() - began, int(_met(tokens, COSTLY).sum())
    cost = {"draws a melody": round(count / max(met, 1), 2), "seconds a melody": round(spent / max(met, 1), 4)}
    return {"method": method, "drawn": count, "met": met, **cost}
