"""A function as a rule: its goals, what goes wrong with it, and that the text that was read is the text that runs."""

import os
import sys

import numpy as np
import pytest

from musiclc import custom
from musiclc.custom import functions
from musiclc.errors import UsageError
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from musiclc.rules import settled
from musiclc.rules.base import Constraint
from musiclc.sampling import sample as sampling
from tests.helpers import c_major_scale, tiny_model


def test_a_goal_a_score_and_a_weight(file):
    constraint = custom.parse(f"{file}:high=60..64@2")
    assert (constraint.rule.name, constraint.goal.low, constraint.goal.high, constraint.weight, constraint.rule.about) == (
        "high",
        (60.0,),
        (64.0,),
        2.0,
        "Mean pitch.",
    )
    assert constraint.verdict(constraint.rule.measure(tok.from_melody(c_major_scale())[None], "4/4")[0])["value"] == 66.25
    scored = custom.parse(f"{file}:dense")
    assert scored.goal.text == "met"
    sparse = Melody(tuple(Note(4 * i, 60, 4) for i in range(10)))
    verdicts = scored.satisfied(scored.rule.measure(tok.from_melodies([c_major_scale(), sparse]), "4/4"))
    assert verdicts.tolist() == [True, False]
    assert scored.score(np.array([[0.5]]))[0] == 0.5
    strict = custom.parse(f"{file}:high=>66.25")
    assert strict.satisfied(np.array([[66.25], [66.5]])).tolist() == [False, True]
    near = custom.parse(f"{file}:high=70")
    assert (near.goal.low, near.goal.high) == ((66.5,), (73.5,))


def test_whether_transposition_matters_is_found_out(file):
    assert custom.parse(f"{file}:high=60").rule.fixed
    assert not custom.parse(f"{file}:dense").rule.fixed


@pytest.mark.parametrize(
    ("function", "why"),
    [
        ("breaks", "raised IndexError: tuple index out of range, line 13, for a melody"),
        ("nothing", "returned NaN"),
        ("text", "returned '0.9', a str"),
        ("beyond", r"returned 3.2 .* score from 0 to 1"),
        ("absent", "no function 'absent'; its functions: high, dense, low"),
    ],
)
def test_what_goes_wrong_with_a_rule_is_said(file, function, why):
    with pytest.raises(UsageError, match=why):
        custom.parse(f"{file}:{function}")


def test_files_that_are_no_rules(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        custom.parse(f"{tmp_path}/none.py:f")
    (tmp_path / "bad.py").write_text("import nonsense_that_is_not_there")
    with pytest.raises(UsageError, match="raised ModuleNotFoundError"):
        custom.parse(f"{tmp_path}/bad.py:f")
    with pytest.raises(UsageError, match="unknown; wanted one of"):
        custom.parse("nonsense")


def test_a_function_is_a_rule_from_python_too():
    rule = functions.rule_of_function(lambda melody: len(melody.notes) / 64)
    draws = list(sampling.sample(tiny_model(), [Constraint(rule, rule.parse("met"))], 1, sampling.SampleOptions(bars=4, attempts=1)))
    assert draws[0].verdicts[0]["rule"] == "<lambda>"


def value(constraint):
    """What a constraint's rule measures of the C major scale."""
    return float(constraint.rule.measure(tok.from_melody(c_major_scale())[None], "4/4")[0, 0])


def test_the_text_that_was_read_is_what_runs_though_time_and_size_say_that_nothing_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path, at = tmp_path / "rule.py", (1_700_000_000, 1_700_000_000)
    for number in ("0.25", "0.75"):  # texts of one length
        path.write_text(f"def half(melody):\n    return {number}\n")
        os.utime(path, at)
        assert value(custom.parse(f"{path}:half")) == float(number)
    assert not (tmp_path / "__pycache__").exists()


def test_two_files_of_one_name_do_not_get_in_each_others_way(tmp_path):
    source = """
import dataclasses

@dataclasses.dataclass
class Weight:
    by: "float"

def share(melody):
    return Weight({0}).by
"""
    constraints = []
    for number in (0.25, 0.75):
        path = tmp_path / str(number) / "rule.py"
        path.parent.mkdir()
        path.write_text(source.replace("{0}", str(number)))
        constraints.append(custom.parse(f"{path}:share"))
    assert [value(constraint) for constraint in constraints] == [0.25, 0.75]


def test_what_stands_beside_a_rules_file_is_not_found_and_that_is_said(tmp_path):
    (tmp_path / "shapes.py").write_text("HALF = 0.5\n")
    (tmp_path / "rule.py").write_text("from shapes import HALF\n\ndef half(melody):\n    return HALF\n")
    with pytest.raises(UsageError, match=r"No module named 'shapes' \(shapes.py beside it is not on the import path: put what it needs into"):
        custom.parse(f"{tmp_path}/rule.py:half")


def test_a_file_that_is_no_python_is_named_with_the_line(tmp_path):
    (tmp_path / "rule.py").write_text("def half(melody)\n")
    with pytest.raises(UsageError, match=r"rule\.py: importing it raised SyntaxError: expected ':'.*line 1"):
        custom.parse(f"{tmp_path}/rule.py:half")


@pytest.mark.parametrize("source", ["import sys\n\ndef f(melody):\n    return 1\n\nsys.exit(0)\n", "def f(melody):\n    raise SystemExit(0)\n"])
def test_a_rule_that_ends_the_process_is_refused(tmp_path, source):
    (tmp_path / "rule.py").write_text(source)
    with pytest.raises(UsageError, match="raised SystemExit: 0"):
        custom.parse(f"{tmp_path}/rule.py:f")


def test_a_rule_with_a_shipped_rules_name_is_refused_since_its_critic_would_be_taken(tmp_path):
    (tmp_path / "my.py").write_text("def key(melody):\n    return 1\n")
    with pytest.raises(UsageError, match=r"my\.py:key: a shipped rule has this name; rename the function"):
        custom.parse(f"{tmp_path}/my.py:key")


def test_two_rules_of_one_name_are_refused_where_they_are_put_together(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.py").write_text("def f(melody):\n    return 1\n")
    one, other = (custom.parse(f"{tmp_path}/{name}.py:f") for name in "ab")
    with pytest.raises(UsageError, match=r"rule f: from .*a\.py and from .*b\.py; wanted a name of its own for each"):
        settled([one, other])
    assert settled([one, custom.parse(f"{tmp_path}/a.py:f=>0.5")])


def test_what_a_rule_prints_goes_to_standard_error(tmp_path, capsys):
    (tmp_path / "loud.py").write_text("print('at import')\ndef loud(melody):\n    print('at a call')\n    return len(melody.notes)\n")
    found = custom.parse(f"{tmp_path}/loud.py:loud=>=1")
    assert found.rule.measure(tok.from_melody(Melody((Note(0, 60, 1),)))[None], "4/4").tolist() == [[1.0]]
    out, err = capsys.readouterr()
    assert out == ""
    assert {"at import", "at a call"} <= set(err.splitlines())
