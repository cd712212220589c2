"""Every figure by its section's name, as tables; with a folder, as files too: SECTION.json, SECTION.md and plots.

Inside: `figures`.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musiclc.evaluation import SECTIONS, constraints, edits, own, rare, samples, untouched
from musiclc.evaluation.samples import Table, markdown
from musiclc.files import write_whole
from musiclc.sampling.request import METHODS
from musiclc.training.corpus import Dataset

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

Figure = Callable[["Model", Dataset, int, int], Table]  # of a model, a dataset, how many melodies or tunes, and a seed

OF_SAMPLES: dict[str, Figure] = {
    "reconstruction": samples.reconstruction,
    "samples": samples.samples,
    "copies": samples.copies,
    "cost": samples.cost,
}
OF_EDITS: dict[str, Figure] = {
    "constraints": edits.by_constraints,
    "back": edits.back,
    "identity": edits.identity,
    "frontier": edits.frontier,
    "events": untouched.untouched,
    "length": untouched.length,
}


def figures(
    section: str, model: "Model", dataset: Dataset, size: tuple[int, int], parts: Sequence[str] = (), folder: Path | None = None
) -> dict[str, Table]:
    """The tables of a section of SECTIONS by name. size: melodies a figure (tunes a collection), and the seed; parts: which of the section's
    parts, all of them where none is the section's; folder: where tables of parts, and plots, are written too.
    """
    if section in OF_SAMPLES:
        return {section: OF_SAMPLES[section](model, dataset, *size)}
    points: dict[str, Any] = {}
    mine = [part for part in SECTIONS[section] if part in parts] or SECTIONS[section]
    if section == "constraints":
        tables, points = _of_constraints(constraints.Bench.of(model, dataset, *size), mine)
    else:
        tables = {part: OF_EDITS[part](model, dataset, *size) for part in mine}
    if folder is not None:
        _written(folder, section, {"model": model.name, "n": size[0], "seed": size[1]}, tables)
        _plotted(folder, tables, points)
    return tables


def _of_constraints(bench: constraints.Bench, parts: Sequence[str]) -> tuple[dict[str, Table], dict[str, Any]]:
    """The tables of the parts by name (of `targets` that of `realism` as well), and the points of the plot of targets."""
    tables: dict[str, Table] = {}
    points: dict[str, Any] = {}
    if "methods" in parts:
        tables["methods"] = constraints.by_method(bench, constraints.TOGETHER, tuple(METHODS))
    if "rules" in parts:
        tables["rules"] = constraints.by_method(bench, constraints.RULE_BY_RULE, constraints.FEW)
    if "targets" in parts:
        tables["targets"], points, usual = constraints.by_target(bench)
        tables["realism"] = constraints.realism(bench, usual)
    if "rejection" in parts:
        tables["rejection"] = constraints.rejection_cost(bench)
    if "own" in parts:
        tables["own"] = own.own_rules(bench)
    if "rare" in parts:
        tables["rare"] = rare.rare_rules(bench)
    return tables, points


# ---- files ---------------------------------------------------------------------------------------------------------


def _written(folder: Path, stem: str, head: dict[str, Any], tables: dict[str, Table]) -> None:
    """Tables as JSON and as Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{stem}.json", json.dumps({**head, **tables}, indent=1).encode())
    write_whole(folder / f"{stem}.md", "\n".join(f"## {name}\n\n{markdown(rows)}\n" for name, rows in tables.items()).encode())


def _plotted(folder: Path, tables: dict[str, Table], points: dict[str, Any]) -> None:
    """Plots of those tables that have one."""
    if points:
        _plot_targets(points, folder / "targets.png")
    if "methods" in tables:
        _plot_methods(tables["methods"], folder / "methods.png")
    if "frontier" in tables:
        _plot_frontier(tables["frontier"], folder / "frontier.png")


def _plot_frontier(table: Table, path: Path) -> None:
    """Cross-entropy over the share of allowed notes kept: a line over keep, snapping and the originals as points."""
    figure = new_figure((7, 5))
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


def new_figure(size: tuple[float, float]) -> Any:
    """An empty figure of so many inches, drawn without a screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _plot_targets(every: dict[str, dict[str, list[float]]], path: Path) -> None:
    """Target against decoded value, a panel a rule, single and delivered."""
    figure = new_figure((4 * len(every), 4))
    for panel, (rule, points) in zip(figure.subplots(1, len(every), squeeze=False)[0], every.items(), strict=True):
        target = points["target"]
        panel.plot([min(target), max(target)], [min(target), max(target)], color="0.7", linewidth=1)
        for way, marker in (("single", "."), ("delivered", "x")):
            panel.plot(target, points[way], marker, markersize=4, alpha=0.5, label=way)
        panel.set(title=rule, xlabel="target", ylabel="measured on the file")
        panel.legend()
    figure.savefig(path, dpi=100)


def _plot_methods(table: Table, path: Path) -> None:
    """Share of melodies that meet the constraints against cross-entropy over real tunes: a colour a method, a point a set of constraints, means
    ringed.
    """
    figure = new_figure((8, 5))
    panel = figure.subplots()
    for method in dict.fromkeys(row["method"] for row in table):
        rows = [row for row in table if row["method"] == method]
        x, y = [row["cross-entropy over real, %"] for row in rows], [row["met"] for row in rows]
        (line,) = panel.plot(x, y, ".", alpha=0.4)
        panel.plot([sum(x) / len(x)], [sum(y) / len(y)], "o", markersize=10, color=line.get_color(), markeredgecolor="black", label=method)
    panel.set(
        xlabel="cross-entropy over real tunes, %", ylabel="share that meets the constraints", title="one candidate a point (delivered: as written)"
    )
    panel.legend()
    panel.grid(alpha=0.3)
    figure.savefig(path, dpi=100)
