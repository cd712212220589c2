"""continue, infill and bridge as a script calls them, with a stand-in for the networks: files, manifests, streams, exit codes."""

import json

import pytest

from musiclc.evaluation.arranged import MELODY, arranged, differences
from musiclc.midi import read_melody, to_bytes
from tests.command import musiclc
from tests.helpers import c_major_scale, jig

pytestmark = pytest.mark.usefixtures("repeats")


@pytest.fixture
def songs(tmp_path, tiny, monkeypatch):
    (tmp_path / "a.mid").write_bytes(to_bytes(c_major_scale()))
    (tmp_path / "b.mid").write_bytes(arranged(to_bytes(c_major_scale()), 1))
    (tmp_path / "jig.mid").write_bytes(to_bytes(jig()))
    (tmp_path / "broken.mid").write_bytes(b"MThd?")
    return tmp_path


def run(songs, tiny, line, code=0, **more):
    return musiclc(*line.split(), *([] if line.startswith("score") else ["--model", tiny]), cwd=songs, code=code, **more)


def manifest(folder):
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def test_a_file_goes_on_and_its_name_is_said(songs, tiny):
    done = run(songs, tiny, "continue a.mid --bars 2 -o longer.mid --seed 3")
    assert (done.out, done.err) == (b"longer.mid\n", "")
    assert read_melody(songs / "longer.mid").bars == 6
    assert not (songs / "manifest.jsonl").exists()


def test_several_go_to_a_folder_with_a_manifest_that_holds(songs, tiny):
    done = run(songs, tiny, "infill b.mid --bars 2..3 --track Voice -n 3 -o tries --key C --seed 3 --json")
    entries = manifest(songs / "tries")
    assert [json.loads(line) for line in done.out.splitlines()] == entries
    assert [(e["file"], e["index"], e["bars"], e["track"]) for e in entries] == [(f"b-3-000{i}.mid", i, "2..3", MELODY) for i in (1, 2, 3)]
    assert [e["satisfied"] for e in entries] == [True, False, False]  # the stand-in goes up by a semitone a file
    assert "2 of 3 miss a constraint" in done.err
    for entry in entries:
        assert differences((songs / "b.mid").read_bytes(), (songs / "tries" / entry["file"]).read_bytes()) == []
    assert run(songs, tiny, "score --check tries/manifest.jsonl").out == b""
    lines = (songs / "tries" / "manifest.jsonl").read_text().replace('"bars": "2..3"', '"bars": "4"')
    (songs / "tries" / "manifest.jsonl").write_text(lines.replace('"value": 1.0', '"value": 0.5'))
    assert b"key C major: value" in run(songs, tiny, "score --check tries/manifest.jsonl", code=1).out


def test_the_same_seed_gives_the_same_bytes_and_one_that_is_drawn_is_said(songs, tiny):
    first, again = (run(songs, tiny, "continue a.mid --bars 1 --before -o - --seed 5").out for _ in range(2))
    assert first == again
    assert read_melody(first).bars == 5
    assert run(songs, tiny, "continue - --bars 1 --before -o - --seed 5", stdin=(songs / "a.mid").read_bytes()).out == first
    assert run(songs, tiny, "infill a.mid --bars 2").err.startswith("seed ")


def test_from_one_file_to_another(songs, tiny):
    done = run(songs, tiny, "bridge a.mid b.mid --bars 2 -n 2 -o way --seed 1")
    assert [line.decode() for line in done.out.splitlines()] == ["way/a-b-1-0001.mid", "way/a-b-1-0002.mid"]
    (entry, _) = manifest(songs / "way")
    assert (entry["input"], entry["bars"], entry["command"]) == (["a.mid", "b.mid"], "5..6", "bridge")


def test_strict_exits_3_and_writes(songs, tiny):
    done = run(songs, tiny, "bridge a.mid a.mid --bars 1 -o x.mid --density 3 --strict --seed 1", code=3)
    assert done.err == "musiclc: a.mid and a.mid: density 3: not met, value 8.0\n"
    assert (songs / "x.mid").exists()


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("infill a.mid --bars 4..9 -o x.mid", 4, "musiclc: a.mid: bars 4..9: the piece has 4 bars, counted from 1 as musiclc inspect counts them"),
        ("infill a.mid --bars 3..2 -o x.mid", 2, "musiclc: bars 3..2: wanted 1 or more, the first before the last, such as 5..8"),
        ("infill a.mid --bars two -o x.mid", 2, "musiclc: bars 'two': wanted the first and the last one, counted from 1, such as 5..8, or 5 for one"),
        ("infill a.mid -o x.mid", 2, "Missing option '--bars'"),
        ("infill a.mid --bars 2 --track Bass -o x.mid", 4, "musiclc: a.mid: no track 'Bass'; wanted auto or one of 1"),
        ("infill broken.mid --bars 2 -o x.mid", 4, "musiclc: broken.mid: "),
        ("infill none.mid --bars 2 -o x.mid", 4, "musiclc: none.mid: cannot be read"),
        ("infill . --bars 2 -o x.mid", 2, "musiclc: .: a folder; infill takes files"),
        ("continue a.mid --bars 0 -o x.mid", 2, "0 is not in the range 1<=x<=64"),
        ("continue a.mid --bars 65 -o x.mid", 2, "65 is not in the range 1<=x<=64"),
        ("continue a.mid --bars 2 --density 40 -o x.mid", 2, "lies between"),
        ("continue jig.mid --bars 2 --density 13..16 -o x.mid", 2, "musiclc: density '13..16' cannot be met in 6/8"),
        ("continue a.mid --bars 2 -n 2 -o x.mid", 2, "x.mid holds one melody; for 2 of them name a folder"),
        ("continue a.mid --bars 2 -o a.mid", 1, "--overwrite"),
        ("continue a.mid --bars 2 --befor -o x.mid", 2, "--before"),
        ("bridge a.mid jig.mid --bars 2 -o x.mid", 4, "musiclc: a.mid ends in 4/4 and jig.mid begins in 6/8; wanted both in one of 4/4, 3/4, 6/8"),
        ("bridge a.mid --bars 2 -o x.mid", 2, "Missing argument 'B'"),
        ("infil a.mid --bars 2", 2, "infil"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(songs, tiny, line, code, said):
    before = sorted(songs.iterdir())
    done = run(songs, tiny, f"{line} --seed 1", code=code)
    assert said in done.err
    assert done.err.splitlines()[-1].count(said) == 1
    assert done.out == b""
    assert sorted(songs.iterdir()) == before


def test_jobs(songs, tiny):
    jobs = [
        {"id": "in", "command": "infill", "input": "b.mid", "track": "Voice", "bars": "2..3", "n": 2, "model": tiny},
        {"id": "on", "command": "continue", "input": "a.mid", "bars": 2, "before": True, "model": tiny},
        {"id": "way", "command": "bridge", "input": ["a.mid", "b.mid"], "bars": 1, "model": tiny},
    ]
    (songs / "jobs.jsonl").write_text("".join(json.dumps(job) + "\n" for job in jobs))
    done = musiclc("batch", "jobs.jsonl", "-O", "out", "--dry-run", cwd=songs)
    assert done.err == "3 files to make\n"
    (songs / "jobs.jsonl").write_text(json.dumps({"id": "x", "command": "infill", "input": "a.mid", "bars": "3..2"}) + "\n")
    assert "bars 3..2: wanted 1 or more" in musiclc("batch", "jobs.jsonl", "-O", "out", "--check", cwd=songs, code=None).err


def test_help_lists_them():
    listed = musiclc("--help").out.decode()
    assert all(f"  {name} " in listed for name in ("continue", "infill", "bridge"))
