"""Jobs as people write them: three formats, and grids."""

import io
import json

import pytest

from musiclc.batch import table
from musiclc.cli._jobs import checker
from musiclc.errors import InputError, UsageError


def rows(text, name="jobs.jsonl"):
    return [row for each in table.read(io.StringIO(text), name) for row in table.expanded(each)]


JOB = {"id": "verse", "command": "sample", "key": "C", "n": 2, "rule": ["density=6", "steps=0.7"]}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", "\n# a remark\n" + json.dumps(JOB) + "\n"),
        ("a.json", json.dumps([JOB])),
        ("a.yaml", "- id: verse\n  command: sample\n  key: C\n  n: 2\n  rule: [density=6, steps=0.7]\n"),
        ("a.yml", "id: verse\ncommand: sample\nkey: C\nn: 2\nrule: [density=6, steps=0.7]\n"),
        ("a.csv", "id,command,key,n,rule,bpm\nverse,sample,C,2,density=6; steps=0.7,\n"),
        ("-", json.dumps(JOB)),
        ("-", json.dumps([JOB])),
        ("-", "id,command,key,n,rule\nverse,sample,C,2,density=6;steps=0.7\n"),
        ("-", "- {id: verse, command: sample, key: C, n: 2, rule: [density=6, steps=0.7]}\n"),
    ],
)
def test_every_format_says_the_same(name, text):
    (row,) = rows(text, name)
    assert {k: str(v) for k, v in row.values.items()} == {k: str(v) for k, v in JOB.items()}
    (job,) = checker().checked([row])
    assert (job.id, job.count, job.options["rule"], job.mistakes) == ("verse", 2, ["density=6", "steps=0.7"], [])


def test_lines_are_those_of_the_file():
    assert [r.line for r in rows('{"key": "C"}\n\n{"key": "G"}\n')] == [1, 3]
    assert [r.line for r in rows("- key: C\n  n: 2\n- key: G\n", "a.yaml")] == [1, 3]
    assert [r.line for r in rows("key,n\nC,1\n\nG,2\n", "a.csv")] == [2, 4]


def test_a_grid_is_the_product_of_its_lists():
    found = rows(json.dumps({"id": "s", "key": ["C", "A minor"], "density": [4, "6"], "bpm": 90, "grid": True}))
    assert [r.values["id"] for r in found] == ["s-0001", "s-0002", "s-0003", "s-0004"]  # "A-minor-4" could be read two ways
    assert [(r.values["key"], r.values["density"], r.values["bpm"]) for r in found][1:3] == [("C", "6", 90), ("A minor", 4, 90)]
    found = rows(json.dumps({"id": "s", "key": ["C", "F#"], "density": ["4", "6"], "rule": ["steps=0.7"], "grid": True}))
    assert [r.values["id"] for r in found] == ["s-C-4", "s-C-6", "s-F#-4", "s-F#-6"]
    assert found[0].values["rule"] == ["steps=0.7"]
    found = rows(json.dumps({"id": "s", "rule": [["steps=0.7"], ["rests=0.1"]], "grid": True}))
    assert [r.values["rule"] for r in found] == [["steps=0.7"], ["rests=0.1"]]
    found = rows(json.dumps({"density": [">=8", "<=8"], "grid": True}))
    assert [r.values["id"] for r in found] == ["job-0001-0001", "job-0001-0002"]
    assert rows("id,key,grid\na,C,true\n", "a.csv")[0].mistakes[0].field == "grid"


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "one line"), ('{"a": 1, "a": 2}', "'a' stands twice"), ("[1]", "wanted a job"), ('{"key": "C"} x', "not JSON: Extra data")],
)
def test_a_broken_line_is_a_mistake_of_that_line_alone(text, said):
    first, second = rows(f'{text}\n{{"key": "C"}}\n')
    assert said in str(first.mistakes[0])
    assert second.values == {"key": "C"}


def test_files_that_hold_no_table_are_refused():
    with pytest.raises(UsageError, match=r"\.jsonl"):
        rows("", "a.txt")
    with pytest.raises(InputError, match=r"a\.yaml:2: not YAML"):
        rows("- a: 1\n - b: [", "a.yaml")
    with pytest.raises(InputError, match=r"a\.json:1: not JSON"):
        rows("[{]", "a.json")
    with pytest.raises(InputError, match="stands twice"):
        rows("key,key\nC,D\n", "a.csv")
    assert "3 cells, 2 columns" in str(rows("id,key\na,C,D\n", "a.csv")[0].mistakes[0])
