"""Figures as files: constraints.json, constraints.md and two plots; transform.json, transform.md and a plot.

Inside: `constraints`, `edits`, `PARTS`, `figures`.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musiclc.evaluation import constraints as constrained
from musiclc.evaluation.edits import back, frontier, identity, table
from musiclc.evaluation.samples import Table, markdown
from musiclc.evaluation.untouched import length, untouched
from musiclc.files import write_whole
from musiclc.training.corpus import Dataset

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model


def constraints(model: "Model", dataset: Dataset, size: tuple[int, int], parts: tuple[str, ...], folder: Path | None) -> dict[str, Table]:
    """The tables of constraints.figures; with a folder, written there too, plots included. size: melodies a figure, seed."""
    tables, plots = constrained.figures(model, dataset, *size, parts)
    if folder is not None:
        _written(folder, "constraints", {"model": model.name, "n": size[0], "seed": size[1]}, tables)
        if plots:
            _plot_targets(plots, folder / "targets.png")
        if "methods" in tables:
            _plot_methods(tables["methods"], folder / "methods.png")
    return tables


def edits(model: "Model", dataset: Dataset, size: tuple[int, int], parts: tuple[str, ...], folder: Path | None) -> dict[str, Table]:
    """The tables of `figures`; with a folder, written there too, the frontier as a plot included. size: tunes a collection, seed."""
    tables = figures(model, dataset, *size, parts)
    if folder is not None:
        _written(folder, "transform", {"model": model.name, "n": size[0], "seed": size[1]}, tables)
        if "frontier" in tables:
            _plot_frontier(tables["frontier"], folder / "frontier.png")
    return tables


def _written(folder: Path, stem: str, head: dict[str, Any], tables: dict[str, Table]) -> None:
    """Tables as JSON and as Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{stem}.json", json.dumps({**head, **tables}, indent=1).encode())
    write_whole(folder / f"{stem}.md", "\n".join(f"## {name}\n\n{markdown(rows)}\n" for name, rows in tables.items()).encode())


def _plot_frontier(table: Table, path: Path) -> None:
    """CrossEntropy over the share of allowed notes kept: a line over keep, snapping and the originals as points."""
    figure = _figure((7, 5))
    panel = figure.subplots()
    dial = [row for row in table if row["way"].startswith("keep")]
    panel.plot([row["allowed notes kept"] for row in dial], [row["cross-entropy"] for row in dial], "o-", label="transform")
    for row in dial:
        panel.annotate(row["way"], (row["allowed notes kept"], row["cross-entropy"]), textcoords="offset points", xytext=(5, 5), fontsize=8)
    for row in table:
        if not row["way"].startswith("keep"):
            panel.plot([row["allowed notes kept"]], [row["cross-entropy"]], "s" if row["way"] == "snapping" else "^", label=row["way"])
    panel.set(xlabel="share of allowed notes kept", ylabel="cross-entropy, nats a note", title="to the parallel mode, whole tunes")
    panel.legend()
    panel.grid(alpha=0.3)
    figure.savefig(path, dpi=100)


def _figure(size: tuple[float, float]) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _plot_targets(plots: dict[str, dict[str, list[float]]], path: Path) -> None:
    """Target against decoded value, a panel a rule, single and delivered."""
    figure = _figure((4 * len(plots), 4))
    for panel, (rule, points) in zip(figure.subplots(1, len(plots), squeeze=False)[0], plots.items(), strict=True):
        target = points["target"]
        panel.plot([min(target), max(target)], [min(target), max(target)], color="0.7", linewidth=1)
        for way, marker in (("single", "."), ("delivered", "x")):
            panel.plot(target, points[way], marker, markersize=4, alpha=0.5, label=way)
        panel.set(title=rule, xlabel="target", ylabel="measured on the file")
        panel.legend()
    figure.savefig(path, dpi=100)


def _plot_methods(table: Table, path: Path) -> None:
    """Share of melodies that meet the wish against cross-entropy over real tunes: a colour a method, a point a wish, means ringed."""
    figure = _figure((8, 5))
    panel = figure.subplots()
    for method in dict.fromkeys(row["method"] for row in table):
        rows = [row for row in table if row["method"] == method]
        x, y = [row["cross-entropy over real, %"] for row in rows], [row["met"] for row in rows]
        (line,) = panel.plot(x, y, ".", alpha=0.4)
        panel.plot([sum(x) / len(x)], [sum(y) / len(y)], "o", markersize=10, color=line.get_color(), markeredgecolor="black", label=method)
    panel.set(xlabel="cross-entropy over real tunes, %", ylabel="share that meets the wish", title="one candidate a point (delivered: as written)")
    panel.legend()
    panel.grid(alpha=0.3)
    figure.savefig(path, dpi=100)


PARTS: dict[str, Callable[["Model", Dataset, int, int], Table]] = {
    "wishes": table,
    "back": back,
    "identity": identity,
    "frontier": frontier,
    "events": untouched,
    "length": length,
}


def figures(model: "Model", dataset: Dataset, n: int, seed: int, parts: Sequence[str] = ()) -> dict[str, Table]:
    """The tables of some parts, or of all."""
    return {name: PARTS[name](model, dataset, n, seed) for name in parts or PARTS}
