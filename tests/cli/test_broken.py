"""Broken files and those of beats, as a script gives them: read, and said where warnings go."""

import json

import pytest

from musiclc.midi import read_song
from tests.command import musiclc
from tests.midi.broken import wrapped
from tests.midi.test_beats import KINDS, spoken

SAID = ["mended: a RIFF wrapper was taken off; ends too early (track 1)", "says 1/4; read as 3/4"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "songs").mkdir()
    (tmp_path / "songs" / "a.rmi").write_bytes(wrapped(spoken((1, 4), *KINDS["triple"][0])[:-4]))
    return tmp_path


def test_inspect_and_score_say_how_a_file_was_read(folder):
    entry = json.loads(musiclc("inspect", "songs", "--json", cwd=folder).out)
    assert (entry["meters"], entry["warnings"]) == ([{"bar": 1, "meter": "3/4"}], SAID)
    scored = musiclc("score", "songs", cwd=folder)
    assert scored.err.splitlines() == [f"musiclc: songs/a.rmi: {line}" for line in SAID]
    assert b"  3/4  8 bars  " in scored.out


def test_transform_leaves_a_sound_file_that_its_manifest_can_be_checked_by(folder):
    done = musiclc("transform", "songs", "-o", "out", "--density", "5", "--seed", "1", cwd=folder)
    assert done.err.splitlines()[:2] == [f"musiclc: songs/a.rmi: {line}" for line in SAID]
    entry = json.loads((folder / "out" / "manifest.jsonl").read_text())
    assert (entry["file"], entry["meter"], entry["read_in"], entry["warnings"][:2]) == ("a.mid", "3/4", "3/4", SAID)
    assert read_song(folder / "out" / "a.mid", meter="3/4").warnings == ["says 1/4; read as 3/4"]
    assert musiclc("score", "--check", "out/manifest.jsonl", cwd=folder).out == b""


def test_a_meter_overrides_what_is_said_and_heard(folder):
    for command in ("inspect", "score"):
        assert b"4/4" in musiclc(command, "songs", "--meter", "4/4", cwd=folder).out
    done = musiclc("transform", "songs", "-o", "out", "--density", "5", "--meter", "2/4+4/4", "--seed", "1", cwd=folder)
    assert "says 1/4; read as 4/4 after a pickup of 2/4" in done.err
    assert json.loads((folder / "out" / "manifest.jsonl").read_text())["read_in"] == "2/4+4/4"
    assert musiclc("score", "--check", "out/manifest.jsonl", cwd=folder).out == b""
    for command in ("inspect", "score", "transform"):
        assert "meter '5/4': wanted one of" in musiclc(command, "songs", "--meter", "5/4", cwd=folder, code=2).err
