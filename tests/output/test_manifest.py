"""Where files go and what they are called, before any of them is made."""

import os
from pathlib import Path

import pytest

from musiclc.custom.examples import EXAMPLES
from musiclc.errors import MusiclcError, UsageError
from musiclc.output.manifest import Files, MidiOptions, goal_fields, named_after, names_by_pattern, read_manifest
from musiclc.rules import RULES, parse_constraint


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("output", "count", "path", "manifest"),
    [
        (None, 1, "0.mid", False),
        (None, 2, "0.mid", True),
        ("out", 1, "out/0.mid", True),
        ("out/b.mid", 1, "out/b.mid", False),
        ("b.MIDI", 1, "b.MIDI", False),
    ],
)
def test_one_file_or_a_folder(output, count, path, manifest):
    files = Files(output, [f"{i}.mid" for i in range(count)])
    entry = {"file": "0.mid"}
    entry["file"] = files.name_of(entry)
    files.write(entry, b"notes")
    files.write_manifest([entry])
    assert Path(path).read_bytes() == b"notes"
    assert files.path_of(entry) == path
    assert (files.folder / "manifest.jsonl").exists() == manifest


def test_what_cannot_hold_so_many_files_is_refused(folder):
    for output in ("a.mid", "-"):
        with pytest.raises(UsageError, match="holds one melody"):
            Files(output, ["a.mid", "b.mid"])
    (folder / "file").write_bytes(b"")
    with pytest.raises(MusiclcError, match="is a file; wanted a folder"):
        Files("file", ["a.mid"])


@pytest.mark.parametrize("there", ["out/b.mid", "out/manifest.jsonl", "pictures/b.png"])
def test_nothing_that_exists_is_replaced_unasked(there):
    Path(there).parent.mkdir()
    Path(there).write_bytes(b"mine")
    with pytest.raises(MusiclcError, match="exists already"):
        Files("out", ["a.mid", "b.mid"], beside=[Path("pictures/b.png")])
    Files("out", ["a.mid", "b.mid"], overwrite=True, beside=[Path("pictures/b.png")])


def test_no_two_files_share_a_place():
    with pytest.raises(MusiclcError, match="2 files would be written there"):
        Files("out", ["a.mid", "b.mid"], beside=[Path("p.png"), Path("p.png")])


def test_names_say_goals_and_keep_to_letters_that_any_disk_takes():
    fields = {"stem": "melody", **goal_fields([parse_constraint("key", "F# minor"), parse_constraint("density", ">=8")])}
    assert names_by_pattern("{stem}_{key}_{density}_{span}_{index}", fields, [7]) == ["melody_F#-minor_-8_any_0007.mid"]
    assert set(goal_fields([])) == {*RULES, *EXAMPLES}
    for pattern, why in (
        ("{tune}", "unknown field 'tune'"),
        ("{stem.x}", "--name"),
        ("{stem[x]}", "--name"),
        ("x", "need {index}"),
        ("a/{index}", "not a path"),
        ("{key", "--name"),
    ):
        with pytest.raises(UsageError, match=why):
            names_by_pattern(pattern, fields, [1, 2])


def test_files_are_named_after_their_inputs_below_the_folder_that_was_named():
    assert named_after(["v1/x.mid", "v2/{y}.mid"], "{stem}.mid", {"seed": "1"}) == ["v1/x.mid", "v2/{y}.mid"]
    assert named_after(["STEM.mid", "a b.mid"], "STEM-{stem}.mid", {}) == ["STEM-STEM.mid", "STEM-a b.mid"]
    with pytest.raises(UsageError, match="two inputs have this name"):
        named_after(["x.mid", "x.midi"], "{stem}.mid", {})


def test_a_name_that_is_no_utf8_keeps_its_bytes_in_the_manifest(folder):
    entries = [{"file": os.fsdecode(b"caf\xe9.mid"), "input": "é.mid"}, {"file": "b.mid"}]
    Files("out", ["a.mid", "b.mid"]).write_manifest(entries)
    assert b'"caf\xe9.mid", "input": "\xc3\xa9.mid"' in (folder / "out" / "manifest.jsonl").read_bytes()
    assert read_manifest(folder / "out" / "manifest.jsonl") == entries


@pytest.mark.parametrize("bad", [{"bpm": 3}, {"bpm": float("nan")}, {"program": 128}, {"midi_type": 2}])
def test_midi_options_are_checked(bad):
    with pytest.raises(UsageError, match=next(iter(bad))):
        MidiOptions(**bad)
