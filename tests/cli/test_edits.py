"""transform, vary and interpolate as a script calls them: files, manifests, streams, exit codes."""

import json
import os
import sys

import pytest

from musiclc.evaluation.arranged import MELODY, arranged, differences
from musiclc.midi import read_melody, to_bytes
from tests.command import musiclc, process
from tests.editing.test_rewrite import reel


@pytest.fixture
def songs(tmp_path):
    folder = tmp_path / "songs"
    (folder / "below").mkdir(parents=True)
    (folder / "a.mid").write_bytes(to_bytes(reel()))
    (folder / "below" / "b.mid").write_bytes(arranged(to_bytes(reel()), 1))
    return folder


def manifest(folder):
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def test_one_file_by_track_with_a_plot_and_nothing_else_changed(songs, tmp_path):
    source = songs / "below" / "b.mid"
    done = musiclc("transform", source, "-o", "out.mid", "--key", "D minor", "--track", MELODY, "--plot", "p.png", cwd=tmp_path)
    assert done.stdout == b"out.mid\n"
    after = (tmp_path / "out.mid").read_bytes()
    assert differences(source.read_bytes(), after) == []
    assert after != source.read_bytes()
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_folders_keep_their_shape_and_leave_a_manifest_and_a_broken_file_stops_no_other(songs, tmp_path):
    (songs / "broken.mid").write_bytes(b"MThd?")
    done = musiclc("transform", "-r", songs, "-o", tmp_path / "out", "--key", "D minor", "--density", "7", "--seed", "1", code=4)
    assert done.stderr.count(b"\n") <= 3
    assert b"broken.mid" in done.stderr
    entries = manifest(tmp_path / "out")
    assert [e["file"] for e in entries] == ["a.mid", "below/b.mid"]
    for entry in entries:
        assert (tmp_path / "out" / entry["file"]).exists()
        assert entry["command"] == "transform"
        assert entry["satisfied"] is True
        assert set(entry) >= {"sha256", "index", "seed", "model", "meter", "bars", "bpm", "notes", "method", "attempts", "constraints", "realism"}
        assert set(entry) >= {"warnings", "input", "track", "before", "kept"}
    musiclc("transform", "-r", songs, "-o", tmp_path / "again", "--key", "D minor", "--density", "7", "--seed", "1", code=4)
    assert manifest(tmp_path / "again") == entries


def test_what_meets_its_constraints_gives_the_same_bytes_through_pipes(songs):
    data = (songs / "a.mid").read_bytes()
    for run in (musiclc, process):
        assert run("transform", "-", "-o", "-", "--key", "D", "--keep", "0", stdin=data).out == data


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
def test_a_file_whose_name_is_no_utf8_is_edited_told_of_and_found_again(tmp_path):
    (tmp_path / "songs").mkdir()
    name = os.fsdecode(b"caf\xe9.mid")
    (tmp_path / "songs" / name).write_bytes(to_bytes(reel()))
    strict = {"PYTHONIOENCODING": "utf-8:strict"}
    assert process("transform", "songs", "-o", "out", "--key", "D minor", cwd=tmp_path, **strict).out == b"out/caf\xe9.mid\n"
    musiclc("score", "--check", "out/manifest.jsonl", cwd=tmp_path)
    (tmp_path / "jobs.jsonl").write_text('{"id": "j", "command": "transform", "input": ["songs"], "key": "D minor", "seed": 1}\n')
    for said in ("1 files made, 0 kept", "0 files made, 1 kept"):
        assert process("batch", "jobs.jsonl", "-O", "batch", "--workers", 1, cwd=tmp_path, **strict).err.splitlines()[-1] == said
    assert b"caf\xe9.mid" in (tmp_path / "batch" / "manifest.jsonl").read_bytes()


def test_what_cannot_be_met_is_written_and_strict_says_so(songs, tmp_path):
    done = musiclc("transform", songs / "a.mid", "-o", tmp_path / "x.mid", "--scale", "{0}", "--range", "C#4..D4", "--strict", code=3)
    assert b"not met" in done.stderr
    assert (tmp_path / "x.mid").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["a.mid", "-o", "x.mid", "--track", "Bass", "--key", "C"], 4, "wanted auto or one of"),
        (["a.mid", "-o", "a.mid", "--key", "C"], 1, "--overwrite"),
        (["a.mid", "-o", "x.mid", "--density", "40"], 2, "lies between"),
        (["a.mid", "a.mid", "-o", "out", "--key", "C"], 2, "{index}"),
        (["none.mid", "-o", "x.mid", "--key", "C"], 4, "none.mid"),
    ],
)
def test_mistakes_are_one_line_each(songs, arguments, code, said):
    done = musiclc("transform", *arguments, cwd=songs, code=code)
    assert said in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert not (songs / "x.mid").exists()


def test_a_rule_of_ones_own(songs, tmp_path):
    (tmp_path / "my.py").write_text("def low(melody):\n    return sum(n.pitch < 69 for n in melody.notes) / len(melody.notes)\n")
    musiclc("transform", songs / "a.mid", "-o", "x.mid", "--rule", "my.py:low=>=0.8", cwd=tmp_path)
    notes = read_melody(tmp_path / "x.mid").notes
    assert sum(n.pitch < 69 for n in notes) / len(notes) >= 0.8


def test_variations(songs, tmp_path):
    musiclc("vary", songs / "a.mid", "-n", "3", "--keep", "0.6", "--seed", "4", "-o", tmp_path / "v")
    entries = manifest(tmp_path / "v")
    assert len({e["sha256"] for e in entries}) == 3
    musiclc("vary", songs, "-o", tmp_path / "w", code=2)


def test_a_way_from_one_to_another(songs, tmp_path):
    (songs / "c.mid").write_bytes(to_bytes(reel().transpose(5)))
    musiclc("interpolate", songs / "a.mid", songs / "c.mid", "-n", "4", "-o", tmp_path / "way")
    files = [tmp_path / "way" / e["file"] for e in manifest(tmp_path / "way")]
    assert files[0].read_bytes() == (songs / "a.mid").read_bytes()
    assert files[-1].read_bytes() == (songs / "c.mid").read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--bars", "16..9"], 2, "the first comes first, as in 9..16"),
        (["--bars", "0..3"], 2, "counted from 1"),
        (["--bars", "x"], 2, "such as 9..16"),
        (["--bars", "3..99"], 4, "wanted 3..99 within 1.."),
        (["--tracks", "Flute"], 4, "no pitched track 'Flute'"),
    ],
)
def test_bars_and_tracks_that_are_not_there_write_nothing(songs, tmp_path, words, code, message):
    done = musiclc("transform", songs / "a.mid", "-o", tmp_path / "x.mid", "--key", "D minor", "--quiet", *words, code=code)
    assert done.stderr.count(b"\n") == 1
    assert message in done.stderr.decode()
    assert not (tmp_path / "x.mid").exists()


def test_an_arrangement_in_another_key_is_what_its_manifest_says(songs, tmp_path):
    source = songs / "below" / "b.mid"
    words = ["--key", "A minor", "--tracks", "all", "--track", MELODY]
    musiclc("transform", source, "-o", tmp_path / "out", *words, "--seed", "1")
    (entry,) = manifest(tmp_path / "out")
    assert entry["heard"] == {"before": "D major", "after": "A minor"}
    assert entry["constraints"][0]["heard"] == "A minor"
    bars = ["--scale", "D minor", "--bars", "3..4", "--track", MELODY]
    musiclc("transform", source, "-o", tmp_path / "some", *bars, "--seed", "1")
    assert manifest(tmp_path / "some")[0]["constraints"][0]["section"] == "3..4"
    for folder in ("out", "some"):
        musiclc("score", "--check", tmp_path / folder / "manifest.jsonl")
