"""Figures that documents quote are those of evidence/*.json; what has no JSON yet is skipped by name, never passed. And the tool that says so, by
hand-worked pages."""

import json
import sys

import pytest

from tools import evidence, figures, quotes
from tools.runs import HISTORY, RUNS, Run

RUNS_OF_A_TEST = {
    "tonic": {"tables": {"t": [{"who": "a", "n": 12, "share": 0.948, "gain": "-5.1 %"}, {"who": "b", "n": 3, "share": 0.5, "gain": "+2.0 %"}]}}
}
STORED = quotes.stored()
MAPPING = quotes.mapping()
TEXTS = {page: (quotes.ROOT / page).read_text() for page in quotes.PAGES}


# ---- the documents -------------------------------------------------------------------------------------------------


def grouped():
    """(page, run) → findings."""
    groups = {}
    for page, text in TEXTS.items():
        for finding in quotes.findings(page, text, STORED, MAPPING):
            groups.setdefault((page, finding.source.split("/")[0]), []).append(finding)
    return groups


@pytest.mark.parametrize(("place", "found"), [pytest.param(place, found, id=" ".join(place)) for place, found in sorted(grouped().items())])
def test_quoted_figures_are_those_that_were_made(place, found):
    differing = [str(finding) for finding in found if finding.kind == "differs"]
    assert not differing, "\n".join(differing)
    if missing := sum(finding.kind == "missing" for finding in found):
        pytest.skip(f"{missing} figures of {place[0]} have no evidence/{place[1]}.json yet")


@pytest.mark.parametrize("page", TEXTS)
def test_every_figure_says_where_it_comes_from(page):
    """In evidence/quotes.json, or between marks; a figure that is written down without one turns this red."""
    assert quotes.unnamed(page, TEXTS[page], MAPPING) == []


def test_every_picture_is_made_by_a_run_a_page_or_an_example_or_told_why_not():
    from tools import examples

    made = {place for run in RUNS.values() for place in run.plots.values()} | set(HISTORY)
    shown = {picture for page in examples.PAGES for block in examples.blocks(page) for picture in block.shows}
    docs = quotes.ROOT / "docs"
    pictures = {path.relative_to(docs).as_posix() for path in docs.rglob("*.png")}
    gallery = {picture for picture in pictures if picture.startswith("gallery/")}  # by examples/gallery.py
    assert pictures == made | shown | gallery


def test_the_plan_fits_into_its_time_on_two_cores():
    together = sum(run.minutes for run in RUNS.values() if not run.alone)
    alone = sum(run.minutes for run in RUNS.values() if run.alone)
    assert max(together / evidence.LANES, max(run.minutes for run in RUNS.values())) + alone <= evidence.LIMIT


def test_every_json_is_of_a_run_of_the_plan_and_says_what_made_it():
    assert {path.stem for path in quotes.EVIDENCE.glob("*.json")} - {"quotes"} <= set(RUNS)
    for name, run in STORED.items():
        assert run["command"] == evidence.said(RUNS[name]), name
        assert {"musiclc", "model", "sha256", "seconds", "tables"} <= set(run), name


# ---- the tool ------------------------------------------------------------------------------------------------------


def page_of(text, of, spread=""):
    return {"p.md": {"quotes": [{"text": text, "of": of, "spread": spread}]}}


def kinds(text, mapping, runs=RUNS_OF_A_TEST):
    return [finding.kind for finding in quotes.findings("p.md", text, runs, mapping)]


@pytest.mark.parametrize(
    ("quoted", "kind"), [(".948", "agrees"), ("0.95", "agrees"), (".9", "agrees"), (".947", "differs"), ("0.94", "differs"), ("1", "agrees")]
)
def test_a_figure_agrees_when_it_is_what_was_made_rounded(quoted, kind):
    mapping = page_of("right in {} of tunes", ["tonic/t?who=a#share"])
    assert kinds(f"It is right in {quoted} of\ntunes.", mapping) == [kind]


def test_percent_signs_minus_signs_and_spreads():
    assert kinds("−5.1 % over", page_of("{} % over", ["tonic/t?who=a#gain"])) == ["agrees"]
    assert kinds("5.1 % over", page_of("{} % over", ["tonic/t?who=a#gain"])) == ["differs"]
    assert kinds("95 % of", page_of("{} % of", ["tonic/t?who=a#share*100"])) == ["agrees"]
    assert kinds("10 of", page_of("{} of", ["tonic/t?who=a#n"])) == ["differs"]
    assert kinds("10 of", page_of("{} of", ["tonic/t?who=a#n"], "20 %")) == ["agrees"]
    assert kinds("3 to 12 of", page_of("{} to {} of", ["tonic/t#n:min", "tonic/t#n:max"])) == ["agrees", "agrees"]


def test_what_has_no_json_is_missing_and_what_is_from_nowhere_an_error():
    assert kinds("5 of", page_of("{} of", ["copies/copies#16 steps"])) == ["missing"]
    for source in ("nothing/t#n", "tonic/t?who=c#n", "tonic/t?who=a#m", "tonic/u#n"):
        with pytest.raises(KeyError):
            kinds("5 of", page_of("{} of", [source]))


@pytest.mark.parametrize("text", ["nothing", "1 of and 2 of"])
def test_a_quote_stands_in_its_page_once(text):
    with pytest.raises(ValueError, match="wanted once"):
        kinds(text, page_of("{} of", ["tonic/t#n"]))


TABLE = '<!-- figures tonic/t columns="who; n" -->\n| who | n |\n|---|---|\n| a | {} |\n| b | 3 |\n<!-- /figures -->\n'


def test_marked_tables_are_compared_cell_by_cell_and_made_anew():
    assert kinds(TABLE.format(12), {}) == ["agrees"] * 4
    assert kinds(TABLE.format(13), {}) == ["agrees", "differs", "agrees", "agrees"]
    assert kinds(TABLE.format(13), {}, {}) == ["missing"]
    assert kinds(TABLE.replace("| b | 3 |\n", "").format(12), {}) == ["differs"]
    assert quotes.rewritten("p.md", TABLE.format(13), RUNS_OF_A_TEST, {}) == TABLE.format(12)
    assert quotes.rewritten("p.md", TABLE.format(13), {}, {}) == TABLE.format(13)


@pytest.mark.parametrize(
    ("quoted", "made", "written"),
    [
        (".92", 0.948, ".95"),
        ("0.9200", 0.948, "0.9480"),
        ("1,000", 982, "982"),
        ("9,000", 10240, "10,240"),
        ("−5.1", 2.04, "+2.0"),
        ("+1", -3, "−3"),
        ("7", 8.2, "8"),
    ],
)
def test_figures_are_written_as_the_old_ones_were(quoted, made, written):
    assert quotes.written_like(quoted, made) == written


def test_figures_in_sentences_are_made_anew_and_nothing_else():
    mapping = page_of("{} % over, as {} of 5.0", ["tonic/t?who=b#gain", "tonic/t?who=b#share"])
    assert quotes.rewritten("p.md", "7.1: −1.5 % over, as .7 of 5.0", RUNS_OF_A_TEST, mapping) == "7.1: +2.0 % over, as .5 of 5.0"


def test_figures_that_nothing_names_are_found():
    page = "It is 3.5 times so, 12 % in 4/4, `--keep 0.3`, 7 s.\n```\n5.5\n```\n<!-- stated -->8.5<!-- /stated -->\n" + TABLE
    assert [line.split("…")[0] for line in quotes.unnamed("p.md", page, {})] == ["p.md:1: "] * 3
    named = {"p.md": {"quotes": [{"text": "{} times so, {} %", "of": ["tonic/t#n", "tonic/t#n"]}], "stated": ["7 s."]}}
    assert quotes.unnamed("p.md", page, named) == []


def test_tables_are_read_as_json_as_markdown_and_in_columns():
    assert evidence.tables_in('{"section": "a", "rows": [{"n": 1}]}\n') == {"a": [{"n": 1}]}
    assert evidence.tables_in("said\n\n| n | m |\n|---|---|\n| 1 | |\n") == {"table": [{"n": "1", "m": ""}]}
    assert evidence.tables_in("what is   n\nthis one  1\n\nother    m\nb    2") == {
        "what-is": [{"what is": "this one", "n": "1"}],
        "other": [{"other": "b", "m": "2"}],
    }


@pytest.fixture
def plan(monkeypatch):
    """A plan of two runs, one of which fails."""
    code = 'import json; print(json.dumps({"section": "t", "rows": [{"n": 5}]}))'
    runs = {
        "good": Run("says 5", (sys.executable, "-c", code), 1),
        "bad": Run("fails", (sys.executable, "-c", "import sys; sys.exit('no tunes')"), 1, alone=True),
    }
    for module in (evidence, quotes):
        monkeypatch.setattr(module, "RUNS", runs)
    return runs


def test_a_run_is_kept_when_it_is_of_this_model_and_a_failing_one_says_why(plan, tmp_path, capsys):
    assert evidence.run_all(list(plan), {"windows": "w", "tunes": "t"}, False, False, tmp_path) == 1
    assert "bad: exit 1: no tunes" in capsys.readouterr().err
    found = json.loads((tmp_path / "good.json").read_text())
    assert found["tables"] == {"t": [{"n": 5}]}
    assert found["sha256"] == evidence.shipped()[1]
    assert evidence.run_all(["good"], {}, False, False, tmp_path) == 0
    assert "0 of 1 made, 1 kept" in capsys.readouterr().out
    (tmp_path / "good.json").write_text(json.dumps({**found, "sha256": "other"}))
    assert evidence.run_all(["good"], {}, False, False, tmp_path) == 0
    assert "1 of 1 made" in capsys.readouterr().out


def test_the_check_fails_for_what_differs_and_with_complete_for_what_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(evidence, "all_findings", lambda: [quotes.Finding("p.md", "x", "missing", "cost/cost#value", "5")])
    assert evidence.check(complete=False) == 0
    assert "NO JSON  evidence/cost.json" in capsys.readouterr().out
    assert evidence.check(complete=True) == 1
    monkeypatch.setattr(evidence, "all_findings", lambda: [quotes.Finding("p.md", "x", "differs", "cost/cost#value", "5", "6")])
    assert evidence.check(complete=False) == 1
    assert "quoted 5, made 6" in capsys.readouterr().out


def test_a_tiny_run_never_takes_the_place_of_evidence(capsys):
    with pytest.raises(SystemExit):
        evidence.main(["run", "tonic", "--tiny"])
    assert "no evidence" in capsys.readouterr().err


def test_commands_of_the_plan_are_ones_that_musiclc_takes():
    from tests.test_docs import parsed

    for name, run in RUNS.items():
        if "musiclc.cli" in run.command:
            words = evidence.words(run, {"windows": __file__, "tunes": __file__}, ".", tiny=True)
            parsed(words[words.index("musiclc.cli") + 1 :])
            assert not run.small or set(run.small) <= set(run.command), name


def test_windows_and_tunes_are_counted_by_collection():
    class Data:
        def __init__(self):
            self.info = {"collections": ["a", "b", "a"]}
            self.tune, self.split, self.bars = [0, 0, 1, 2], [0, 1, 0, 2], [4, 5, 6, 7]

        def __len__(self):
            return len(self.tune)

        def collection(self, number):
            return self.info["collections"][self.tune[number]]

    rows = figures.of_windows(Data())
    assert [(row["collection"], row["tunes"], row["train"], row["validation"], row["test"]) for row in rows] == [
        ("`a`", 2, 1, 1, 1),
        ("`b`", 1, 1, "", ""),
    ]
    assert [tuple(row.values()) for row in figures.of_tunes(Data())] == [("`a`", 2, 3, 16), ("`b`", 1, 1, 6)]
