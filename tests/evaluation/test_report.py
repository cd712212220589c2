"""Every section has its tables; as files they hold what is printed; the command prints them."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from musiclc.cli.evaluate import command
from musiclc.evaluation import SECTIONS, constraints, own, rare, report
from musiclc.model.checkpoint import save_model
from musiclc.music import tokens as tok
from musiclc.training import corpus
from tests.evaluation.worked import dense
from tests.helpers import c_major_scale, tiny_model

METHODS = [
    {"constraints": "C", "method": "guided", "met": 0.5, "cross-entropy over real, %": -2.5},
    {"constraints": "C", "method": "delivered", "met": 1.0, "cross-entropy over real, %": 4.0, "mean share in key": 1.0},
]
FRONTIER = [{"way": way, "allowed notes kept": 0.9, "contour": 0.8, "cross-entropy": 3.0} for way in ("keep 0", "keep 1", "snapping", "original")]


@pytest.fixture
def dataset():
    zeros = np.zeros(4, np.int32)
    rows = np.stack([tok.from_melody(c_major_scale().transpose(n)) for n in range(4)])
    split = np.array([corpus.SPLITS.index(s) for s in ("train", "test", "near", "far")], np.uint8)
    return corpus.Dataset(rows, zeros.astype(np.uint8), split, zeros, zeros, {"format": corpus.FORMAT})


@pytest.fixture
def stubs(monkeypatch):
    """Every figure answers with its own name; `asked` lists them in order."""
    asked = []

    def named(name, answer):
        return lambda *given: asked.append(name) or answer

    monkeypatch.setattr(constraints, "by_method", lambda bench, every, methods: asked.append(len(methods)) or METHODS)
    points = {"density": {"target": [1.0, 2.0], "single": [1.5, 1.5], "delivered": [1.0, 2.0]}}
    monkeypatch.setattr(constraints, "by_target", named("targets", ([{"rule": "density"}], points, {"delivered": dense(8)})))
    for name in ("realism", "rejection_cost"):
        monkeypatch.setattr(constraints, name, named(name, [{"table": name}]))
    monkeypatch.setattr(own, "own_rules", named("own", [{"table": "own"}]))
    monkeypatch.setattr(rare, "rare_rules", named("rare", [{"table": "rare"}]))
    for table in (report.OF_SAMPLES, report.OF_EDITS):
        for name in table:
            monkeypatch.setitem(table, name, named(name, FRONTIER if name == "frontier" else [{"table": name}]))
    return asked


def test_the_list_of_parts_is_that_of_the_tables(stubs, dataset):
    assert set(SECTIONS) == {*report.OF_SAMPLES, "constraints", "transform"}
    assert tuple(report.OF_EDITS) == SECTIONS["transform"]
    made = report.figures("constraints", tiny_model(), dataset, (4, 7))
    assert list(made) == ["methods", "rules", "targets", "realism", "rejection", "own", "rare"]
    assert set(SECTIONS["constraints"]) == set(made) - {"realism"}


def test_only_the_parts_named_are_made_and_those_of_another_section_name_none(stubs, dataset):
    assert list(report.figures("transform", tiny_model(), dataset, (4, 7), ("events", "own", "back"))) == ["back", "events"]
    assert stubs == ["back", "events"]
    assert list(report.figures("constraints", tiny_model(), dataset, (4, 7), ("rejection",))) == ["rejection"]
    assert len(report.figures("transform", tiny_model(), dataset, (4, 7), ("own",))) == len(report.OF_EDITS)


def test_tables_and_plots_as_files(stubs, dataset, tmp_path):
    pytest.importorskip("matplotlib")
    made = report.figures("constraints", tiny_model(), dataset, (4, 7), (), tmp_path / "new")
    made |= report.figures("transform", tiny_model(), dataset, (5, 8), ("frontier", "back"), tmp_path / "new")
    read = json.loads((tmp_path / "new" / "constraints.json").read_text())
    assert (read["model"], read["n"], read["seed"]) == ("tiny", 4, 7)
    assert read["methods"] == METHODS
    text = (tmp_path / "new" / "constraints.md").read_text()
    assert "## methods\n\n| constraints | method | met | cross-entropy over real, % | mean share in key |\n|---|---|---|---|---|\n" in text
    assert "| C | guided | 0.5 | -2.5 |  |\n| C | delivered | 1.0 | 4.0 | 1.0 |" in text
    assert json.loads((tmp_path / "new" / "transform.json").read_text())["frontier"] == FRONTIER
    for name in ("targets", "methods", "frontier"):
        assert (tmp_path / "new" / f"{name}.png").read_bytes().startswith(b"\x89PNG"), name


def test_no_plot_without_its_table(stubs, dataset, tmp_path):
    report.figures("transform", tiny_model(), dataset, (4, 7), ("back",), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["transform.json", "transform.md"]


def test_points_of_the_plots_lie_where_the_table_says(stubs, dataset, tmp_path, monkeypatch):
    """A method's ringed point is the mean over its rows; snapping and the original are single points beside the line."""
    pytest.importorskip("matplotlib")
    drawn = []
    whole = report.new_figure

    def figure(size):
        drawn.append(whole(size))
        return drawn[-1]

    monkeypatch.setattr(report, "new_figure", figure)
    rows = [{**METHODS[0], "met": met, "cross-entropy over real, %": x} for met, x in ((0.0, -10.0), (0.5, 0.0), (1.0, 40.0))]
    report._plot_methods(rows, tmp_path / "methods.png")
    means = drawn[0].axes[0].lines[1]
    assert (means.get_xdata()[0], means.get_ydata()[0], means.get_label()) == (10.0, 0.5, "guided")
    report._plot_frontier([{**row, "allowed notes kept": 0.1 * n} for n, row in enumerate(FRONTIER)], tmp_path / "frontier.png")
    dial, snapping, original = drawn[1].axes[0].lines
    assert list(dial.get_xdata()) == [0.0, 0.1]
    assert (snapping.get_xdata()[0], original.get_xdata()[0]) == pytest.approx((0.2, 0.3))


def test_the_command_prints_a_table_or_lines_of_json(dataset, tmp_path):
    save_model(tiny_model(), tmp_path / "tiny.safetensors")
    corpus.save(dataset, tmp_path / "data.safetensors")
    words = [
        "reconstruction",
        "copies",
        "--data",
        str(tmp_path / "data.safetensors"),
        "--model",
        str(tmp_path / "tiny.safetensors"),
        "-n",
        "2",
        "--quiet",
    ]
    shown = CliRunner().invoke(command, words, catch_exceptions=False)
    assert shown.exit_code == 0
    assert "## reconstruction\n\n| split | phrases | steps right | onsets right | phrases exact |" in shown.output
    lines = [json.loads(line) for line in CliRunner().invoke(command, [*words, "--json"], catch_exceptions=False).output.splitlines()]
    assert [line["section"] for line in lines] == ["reconstruction", "copies"]
    assert [row["split"] for row in lines[0]["rows"]] == ["test", "near", "far"]
    assert lines[1]["rows"][0] == {"melodies": "real held-out tunes", **{f"{n} steps": 1.0 for n in (16, 24, 32, 40, 48)}}
