"""Figures of whole pieces beside real held-out tunes and baselines: a table a part.

likeness: how well classifiers tell pieces from held-out ones, also among dense ones and those in a major key alone; ratios: cross-entropy, notes
a bar and pitch-class entropy over real ones, and how the bar after a join fares; copies; returns; ending; infilling. Those of pieces that
are asked for stand in asked.py.

"real training tunes" is the row that says what a measure gives for pieces that are real.

Inside: `PiecesRequest`, `Material`, `TABLES`, `join_cost`, `last_classes`, `write`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc.evaluation import copying, infilling, likeness, makers, returns
from musiclc.evaluation.samples import Table, markdown
from musiclc.evaluation.tonic import by_profiles
from musiclc.evaluation.trigram import Trigram, events
from musiclc.files import write_whole
from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS
from musiclc.music.theory import SCALES
from musiclc.rules import tonic
from musiclc.rules.features import pitch_class_entropy

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

DENSE = 9  # notes a bar
TAUGHT = 600  # real training tunes that teach a classifier, at most
REAL, TRAINING = "real held-out tunes", "real training tunes"


@dataclass(frozen=True)
class PiecesRequest:
    """What is measured. n: pieces a maker; tasks of infilling are measured on real pieces of 16 bars. networks: whether the network judges, too."""

    meter: str = "4/4"
    bars: int = 16
    n: int = 200
    seed: int = 7
    splits: tuple[str, ...] = ("validation",)
    networks: bool = True


@dataclass(frozen=True)
class Material:
    """What the tables share, each made when it is first asked for. made_by: makers of pieces, by name; fillers: of hidden bars."""

    request: PiecesRequest
    real: makers.RealPieces
    made_by: dict[str, makers.Maker]
    fillers: dict[str, infilling.Filler] = field(default_factory=dict)

    @classmethod
    def of(cls, model: "Model", real: makers.RealPieces, request: PiecesRequest) -> "Material":
        """With the makers of a model, and the baselines."""
        made, fillers = by_networks(model)
        return cls(request, real, {**baselines(model), **made}, fillers)

    @cached_property
    def held(self) -> np.ndarray:
        """Held-out pieces (n, T)."""
        r = self.request
        return self.real.splits(r.splits, r.meter, r.bars, r.seed)

    @cached_property
    def _training(self) -> np.ndarray:
        return self.real.of("train", self.request.meter, self.request.bars, self.request.seed)

    @property
    def _cut(self) -> int:
        return min(self.request.n, len(self._training) // 2)

    @property
    def taught(self) -> np.ndarray:
        """Training pieces that teach a classifier (k, T)."""
        return self._training[self._cut : self._cut + TAUGHT]

    @cached_property
    def judge(self) -> Trigram:
        """The trigram of the training tunes in this meter."""
        return makers.fitted(self.real.melodies("train", self.request.meter))

    @cached_property
    def known(self) -> np.ndarray:
        """Runs of the training tunes."""
        return copying.known_runs(self.real.melodies("train"))

    @cached_property
    def made(self) -> dict[str, np.ndarray]:
        """Pieces (n, T) by name: real training tunes, the trigram's, and those of every maker."""
        r, everyone = self.request, {"trigram": makers.by_trigram(self.judge), **self.made_by}
        return {TRAINING: self._training[: self._cut], **{name: maker(r.n, r.meter, r.bars, r.seed) for name, maker in everyone.items()}}

    @property
    def all(self) -> dict[str, np.ndarray]:
        """Pieces (n, T) by name, held-out ones first."""
        return {REAL: self.held, **self.made}


def baselines(model: "Model") -> dict[str, makers.Maker]:
    """Makers of pieces from single phrases of four bars, each drawn once and without constraints."""
    phrases = makers.by_model(model, attempts=1, candidates=1, realism=0.0)
    return {"four phrases side by side": makers.side_by_side(phrases), "one phrase again and again": makers.one_phrase(phrases)}


def by_networks(model: "Model") -> tuple[dict[str, makers.Maker], dict[str, infilling.Filler]]:
    """Makers and fillers of a model that has networks of whole pieces; none where it has none."""
    if model.pieces is None:
        return {}, {}
    made = {"the model": {}, "the model, in a key": {"key": "G"}, f"the model, {DENSE} notes a bar or more": {"density": f">={DENSE}"}}
    return {name: makers.by_model(model, asked) for name, asked in made.items()}, {"the model": makers.by_filling(model)}


# ---- tables --------------------------------------------------------------------------------------------------------


def _density(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Notes a bar: (n,)."""
    return tok.onsets(tokens).sum(axis=1) * tonic.steps_of(meter)[0] / tokens.shape[1]


def surely_major(tokens: np.ndarray, meter: str) -> np.ndarray:
    """Whether pieces (n, T) are surely heard in a major key and have all their notes in its scale: bool (n,)."""
    heard, mode, sure = tonic.heard(tokens, meter)
    above = (tok.sounding(tokens) - heard[:, None]) % 12
    inside = np.isin(above, SCALES["major"]) | (tok.sounding(tokens) < 0)
    return (mode == tonic.MODES.index("major")) & (sure >= tonic.SURE) & inside.all(axis=1)


_KINDS: dict[str, Callable[[np.ndarray, str], np.ndarray]] = {
    "all": lambda tokens, meter: np.ones(len(tokens), bool),
    f"{DENSE} notes a bar or more": lambda tokens, meter: _density(tokens, meter) >= DENSE,
    "surely in a major key": surely_major,
}


def _likeness(material: Material) -> Table:
    """AUC of each classifier, a row a maker; then among dense pieces alone, and among those that are surely in a major key and its scale, where
    there are enough: pieces that were asked for so can be told from all real ones by that alone.
    """
    rows = [_likeness_row(material, name, kind) for kind in _KINDS for name in material.made]
    return [row for row in rows if row]


def _likeness_row(material: Material, name: str, kind: str) -> dict[str, Any]:
    """AUC of one maker's pieces of a kind; {} where there are too few of them or of real ones."""
    request, of_kind = material.request, _KINDS[kind]
    sides = [tokens[of_kind(tokens, request.meter)] for tokens in (material.held, material.made[name], material.taught)]
    if min(len(sides[0]), len(sides[1])) < likeness.FEWEST:
        return {}
    row: dict[str, Any] = {"pieces": name, "among": kind, "real": len(sides[0]), "n": len(sides[1])}
    judges = {"trees": likeness.TREES} | ({"network": likeness.NETWORK} if request.networks else {})
    for label, judge in judges.items():
        row[label] = round(likeness.told_apart(judge, sides[0], sides[1], request.meter, seed=request.seed), 3)
    row["±"] = round(likeness.standard_error(row["trees"], len(sides[0]), len(sides[1])), 3)
    row["trees, taught"] = round(likeness.told_apart(likeness.TREES, sides[0], sides[1], request.meter, sides[2], request.seed), 3)
    return row


def _ratios(material: Material) -> Table:
    """Cross-entropy, notes a bar, pitch-class entropy, and what a join costs: as they are, and over real ones in percent."""
    meter = material.request.meter
    found = {name: _means(material.judge, tokens, meter) for name, tokens in material.all.items()}
    rows: Table = []
    for name, means in found.items():
        over = {f"{what}, over real": f"{100 * (value / found[REAL][what] - 1):+.1f} %" for what, value in means.items()}
        rows.append({"pieces": name, **{what: round(value, 3) for what, value in means.items()}, **over})
    return rows


def _means(judge: Trigram, tokens: np.ndarray, meter: str) -> dict[str, float]:
    """What `_ratios` compares, of pieces (n, T)."""
    return {
        "cross-entropy": judge.cross_entropy(events(tokens)),
        "notes a bar": float(_density(tokens, meter).mean()),
        "pitch-class entropy": float(pitch_class_entropy(tokens).mean()),
        "after a join over inner bars": join_cost(judge, tokens, meter),
    }


def join_cost(judge: Trigram, tokens: np.ndarray, meter: str, every: int = PHRASE_BARS) -> float:
    """Cross-entropy of notes in the first bar after a join, one every so many bars, over that of notes in the bars between."""
    steps = tonic.steps_of(meter)[0]
    after: list[float] = []
    inner: list[float] = []
    for row, sequence in zip(tokens, events(tokens), strict=True):
        bars = np.flatnonzero(tok.onsets(row))[1:] // steps
        for bar, nll in zip(bars.tolist(), judge.nll(sequence), strict=True):
            if bar:
                (inner if bar % every else after).append(nll)
    return float(np.mean(after) / np.mean(inner)) if after and inner else float("nan")


def _copies(material: Material) -> Table:
    """Share of pieces with a run of 32 steps that a training tune has; not of training tunes, which have it all."""
    return [
        {"pieces": name, "n": len(tokens), f"share {copying.LENGTH} steps": round(copying.share_copying(tokens, material.known), 3)}
        for name, tokens in material.all.items()
        if name != TRAINING
    ]


def _returns(material: Material) -> Table:
    return [{"pieces": name, "n": len(tokens), **returns.figures(tokens, material.request.meter)} for name, tokens in material.all.items()]


def _ending(material: Material) -> Table:
    """How often the last note is the tonic that is heard, and that of Albrecht and Shanahan's profiles, and how often these two agree."""
    rows: Table = []
    for name, tokens in material.all.items():
        heard, finder, last = tonic.heard(tokens, material.request.meter)[0], by_profiles(tokens)[0], last_classes(tokens)
        shares = {"on the tonic heard": last == heard, "on that of the profiles": last == finder, "tonics agree": heard == finder}
        rows.append({"pieces": name, "n": len(tokens), **{what: round(float(share.mean()), 3) for what, share in shares.items()}})
    return rows


def last_classes(tokens: np.ndarray) -> np.ndarray:
    """Pitch class of the last note of pieces (n, T): (n,); -1 in silence."""
    last = tokens.shape[1] - 1 - tok.onsets(tokens)[:, ::-1].argmax(axis=1)
    pitches = tokens[np.arange(len(tokens)), last].astype(int) + tok.PITCH_OF_TOKEN
    return np.where(tok.onsets(tokens).any(axis=1), pitches % 12, -1)


def _infilling(material: Material) -> Table:
    return infilling.figures(material.held, material.request.meter, material.fillers, material.request.seed) if material.request.bars == 16 else []


TABLES: dict[str, Callable[[Material], Table]] = {
    "likeness": _likeness,
    "ratios": _ratios,
    "copies": _copies,
    "returns": _returns,
    "ending": _ending,
    "infilling": _infilling,
}


# ---- files ---------------------------------------------------------------------------------------------------------


def write(folder: Path, found: dict[str, Table], head: dict[str, Any]) -> None:
    """Tables as pieces.json and pieces.md, and a plot of the AUCs."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "pieces.json", json.dumps({**head, **found}, indent=1).encode())
    write_whole(folder / "pieces.md", "\n".join(f"## {name}\n\n{markdown(rows)}\n" for name, rows in found.items()).encode())
    _plot(found.get("likeness", []), folder / "pieces.png")


def _plot(rows: Table, path: Path) -> None:
    from musiclc.evaluation.report import new_figure

    if rows:
        figure = new_figure((8, 0.6 * len(rows) + 2))
        panel = figure.subplots()
        for what, marker in (("trees", "o"), ("network", "s"), ("trees, taught", "^")):
            shown = [(row[what], i) for i, row in enumerate(rows) if what in row]
            panel.plot(*zip(*shown, strict=True), marker, label=what)
        panel.set(
            yticks=range(len(rows)),
            yticklabels=[f"{row['pieces']} ({row['among']})" for row in rows],
            xlabel="AUC against held-out tunes",
            xlim=(0.3, 1.02),
        )
        panel.axvline(0.5, color="0.7")
        panel.legend()
        figure.savefig(path, dpi=100)
