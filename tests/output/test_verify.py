"""A manifest against the files that it names: each thing that can differ is found, and nothing else is."""

import hashlib
import json
import sys
from dataclasses import replace

import pytest

from musiclc.cli import main
from musiclc.errors import InputError
from musiclc.midi import to_bytes
from musiclc.music.theory import METERS
from musiclc.output.verify import verified
from musiclc.rules import parse_constraint, score
from musiclc.rules.base import Constraint
from tests.helpers import c_major_scale, jig


@pytest.fixture
def folder(tmp_path):
    """Two files and their manifest; of the second, a degree is that of the key asked for, and a rule is one of one's own."""
    asked = [
        parse_constraint("key", "D major"),
        parse_constraint("start", "1"),
        parse_constraint("density", "<=3"),
        parse_constraint("density", ">=1"),
    ]
    lines = []
    for name, melody, constraints in (("a.mid", c_major_scale(), asked[2:]), ("b.mid", jig(), asked)):
        data = to_bytes(melody)
        (tmp_path / name).write_bytes(data)
        verdicts = score(melody, constraints)
        lines.append({"file": name, "sha256": hashlib.sha256(data).hexdigest(), "constraints": verdicts, "notes": len(melody.notes)})
    lines[1]["constraints"].append({"rule": "zigzag", "goal": ">=0.5", "value": 0.25, "score": 0.5, "satisfied": False})
    write(tmp_path, lines)
    return tmp_path


def write(folder, lines):
    (folder / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def lines(folder):
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def wrong(folder, own=None):
    return [finding.wrong for finding in verified(folder / "manifest.jsonl", own or {})]


def test_files_that_are_as_said_have_nothing_wrong_and_unknown_rules_are_named(folder):
    first, second = verified(folder / "manifest.jsonl", {})
    assert (first.file, first.wrong, first.unknown) == (str(folder / "a.mid"), (), ())
    assert (second.wrong, second.unknown) == ((), ("zigzag",))


def test_verdicts_on_sections_are_measured_on_their_bars(folder):
    from musiclc.music import tokens as tok
    from musiclc.music.form import parse_form
    from musiclc.rules.sections import SectionGoals, placed, section_verdicts

    first, second = lines(folder)
    scale = c_major_scale()
    whole = [parse_constraint("key", "C")]
    parts = [("B", "start", "5"), ("2..3", "contour", "down"), ("B", "density", "8")]  # the degree is that of the whole's key
    sections = placed([SectionGoals(name, (parse_constraint(rule, goal),)) for name, rule, goal in parts], whole, parse_form("A1 B3"), 4)
    told = section_verdicts(sections, tok.from_melody(scale), scale.meter)
    first |= {"form": "A1 B3", "constraints": [told[0], *score(scale, whole), *told[1:]]}
    write(folder, [first, second])
    assert wrong(folder) == [(), ()]
    first["constraints"][2]["value"] = 0.25
    write(folder, [first, second])
    ((said,), _) = wrong(folder)
    assert said.startswith("section B: density 8: value 8.0, the manifest has 0.25")
    for form, why in (("A1 C3", "did you mean"), ("A8 B8", "4 bars, and the manifest's form has 16"), (None, "the piece has no form")):
        write(folder, [{**first, "form": form}, second])
        ((said,), _) = wrong(folder)
        assert why in said


def test_other_bytes_and_missing_files_are_found(folder):
    (folder / "a.mid").write_bytes(to_bytes(jig()))
    (folder / "b.mid").unlink()
    (other,), (missing,) = wrong(folder)
    assert "other bytes: sha256" in other
    assert "b.mid: cannot be read (No such file or directory)" in missing


@pytest.mark.parametrize(("what", "value"), [("value", 5.0), ("score", 0.25), ("satisfied", True)])
def test_a_verdict_that_the_rules_do_not_give_is_found(folder, what, value):
    entries = lines(folder)
    entries[0]["constraints"][0][what] = value
    write(folder, entries)
    ((said,), nothing) = wrong(folder)
    assert said == f"density <=3: {what} {score(c_major_scale(), {'density': '<=3'})[0][what]}, the manifest has {value}"
    assert nothing == ()


def test_a_rule_of_ones_own_is_measured_where_it_is_given(folder):
    from musiclc.custom.functions import rule_of_function

    def zigzag(melody):
        return 0.75

    rule = rule_of_function(zigzag, scored=False)
    assert wrong(folder, {"zigzag": Constraint(rule, rule.parse(">=0"))})[1] == (
        "zigzag >=0.5: value 0.75, the manifest has 0.25",
        "zigzag >=0.5: score 1.0, the manifest has 0.5",
        "zigzag >=0.5: satisfied True, the manifest has False",
    )


@pytest.mark.parametrize("odd", [None, 5, ["key"], [{"goal": "C"}], [{"rule": ["key"], "goal": "C"}], {"rule": "key"}])
def test_what_is_no_verdict_is_not_measured(folder, odd):
    write(folder, [{**lines(folder)[0], "constraints": odd}])
    assert wrong(folder) == [()]


@pytest.mark.parametrize("odd", [{"rule": "density"}, {"rule": "density", "goal": None}])
def test_a_verdict_without_a_goal_is_wrong(folder, odd):
    write(folder, [{**lines(folder)[0], "constraints": [odd]}])
    ((said,),) = wrong(folder)
    assert "None" in said


def test_a_manifest_reaches_no_file_outside_of_its_folder(folder):
    write(folder, [{**lines(folder)[0], "file": "../a.mid"}])
    assert "lies outside" in wrong(folder)[0][0]
    with pytest.raises(InputError, match="cannot be read"):
        list(verified(folder / "nowhere.jsonl", {}))


def test_the_command_says_which_files_and_exits_one(folder, monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["musiclc", "score", "--check", *words])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0, *capsys.readouterr()

    manifest = str(folder / "manifest.jsonl")
    code, out, err = run(manifest)
    assert (code, out) == (0, "")
    assert err.splitlines() == [
        "musiclc: zigzag: not measured; name it with --rule, such as --rule my.py:zigzag",
        "2 of 2 files are what the manifest says",
    ]
    (folder / "a.mid").write_bytes(b"other")
    code, out, err = run(manifest, "--quiet")
    assert (code, out.count("\n"), err) == (1, 1, "")
    assert out.startswith(f"{folder / 'a.mid'}: other bytes")
    code, out, _ = run(manifest, "--json")
    assert [json.loads(line)["as_said"] for line in out.splitlines()] == [False, True]
    assert run(manifest, "--csv")[0] == 2
    assert run(str(folder / "nowhere.jsonl"))[0] == 4


@pytest.mark.parametrize(("command", "meter"), [("transform", "4/4"), ("vary", "4/4"), ("sample", "2/4")])
def test_what_the_editor_wrote_is_measured_in_bars_as_it_reads_them(folder, command, meter):
    march = replace(c_major_scale(), meter="2/4", bars=8)
    data = to_bytes(march)
    (folder / "a.mid").write_bytes(data)
    verdicts = score(replace(march, meter=meter, bars=march.steps // METERS[meter]), [parse_constraint("density", "8")])
    write(folder, [{"file": "a.mid", "sha256": hashlib.sha256(data).hexdigest(), "command": command, "constraints": verdicts, "notes": 32}])
    assert verdicts[0]["value"] == {"4/4": 8, "2/4": 4}[meter]
    assert wrong(folder) == [()]
