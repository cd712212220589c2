"""Batches left alone: stopped, continued, changed, and always the same folder in the end. The tiny model draws."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from functools import partial

import pytest

from musiclc.batch import commands
from musiclc.batch.run import opened
from musiclc.errors import InputError
from musiclc.midi import to_bytes
from tests.batch.common import contents, failures, here, manifest, run, table, write
from tests.command import process as musiclc
from tests.helpers import c_major_scale, jig


def test_a_folder_a_job_and_a_manifest_in_the_jobs_order(tiny, tmp_path, runners):
    jobs = write(tmp_path / "jobs.jsonl", table(tiny)[::-1])
    outcome = run(jobs, tmp_path / "out", here(runners))
    assert (outcome.made, outcome.kept, outcome.code) == (12, 0, 0)
    entries = manifest(tmp_path / "out")
    assert [e["job"] for e in entries] == ["waltz"] * 3 + [f"j{i}" for i in range(8, -1, -1)]
    assert [e["index"] for e in entries[:3]] == [1, 2, 3]
    assert (entries[0]["file"], entries[0]["bpm"], entries[0]["meter"]) == ("waltz/melody-0001.mid", 90.0, "3/4")
    assert all((tmp_path / "out" / e["file"]).exists() for e in entries)
    assert not (tmp_path / "out" / ".musiclc").exists()


def test_a_job_gives_the_bytes_that_the_command_gives(tiny, tmp_path, runners):
    run(write(tmp_path / "jobs.jsonl", table(tiny)), tmp_path / "out", here(runners))
    musiclc("sample", "--bars", "4", "--model", tiny, "--density", ">=1", "--realism", 0, "--seed", 4, "-o", "a.mid", "--quiet", cwd=tmp_path)
    assert (tmp_path / "out" / "j4" / "melody-4-0001.mid").read_bytes() == (tmp_path / "a.mid").read_bytes()


def test_stopped_anywhere_it_goes_on_and_ends_the_same(tiny, tmp_path, runners):
    jobs = write(tmp_path / "jobs.jsonl", table(tiny))
    run(jobs, tmp_path / "whole", here(runners))
    for stop in (0, 1, 7, 11):
        folder = tmp_path / f"stopped{stop}"
        with pytest.raises(KeyboardInterrupt):
            run(jobs, folder, here(runners, stop))
        there = {name for name in contents(folder) if name.endswith(".mid")}
        (folder / ".musiclc" / "work" / "musiclc-xyz").mkdir(parents=True)  # as a killed worker leaves it
        (folder / ".musiclc" / "cut.part").write_bytes(b"half")
        with open(folder / ".musiclc" / "journal.jsonl", "ab") as journal:
            journal.write(b'{"job": "j0", "fi')
        outcome = run(jobs, folder, here(runners))
        assert outcome.kept == len(there)
        assert outcome.made == 12 - len(there)
        assert contents(folder) == contents(tmp_path / "whole")
    assert run(jobs, folder, here(runners, 0)).kept == 12


def test_what_changed_is_made_anew_and_what_is_no_longer_asked_for_goes(tiny, tmp_path, runners):
    folder, jobs = tmp_path / "out", table(tiny)
    run(write(tmp_path / "a.jsonl", jobs), folder, here(runners))
    (folder / "j1" / "melody-1-0001.mid").write_bytes(b"scribbled over")
    (folder / "j2" / "melody-2-0001.mid").unlink()
    (folder / "j3" / "notes.txt").write_text("mine")
    changed = [*jobs[1:3], {**jobs[4], "seed": 40}, {**jobs[9], "n": 2}, {"id": "new", "bars": 4, "model": str(tiny), "realism": 0}]
    outcome = run(write(tmp_path / "b.jsonl", changed), folder, here(runners))
    assert (outcome.made, outcome.kept, outcome.removed) == (4, 2, 8)
    assert (folder / "j3" / "notes.txt").read_text() == "mine"
    (folder / "j3" / "notes.txt").unlink()
    (folder / "j3").rmdir()
    run(write(tmp_path / "b.jsonl", changed), tmp_path / "fresh", here(runners))
    assert contents(folder) == contents(tmp_path / "fresh")


def test_jobs_that_ask_for_the_same_melody_each_get_it(tiny, tmp_path, runners):
    jobs = [{"id": f"at{bpm}", "seed": 5, "bpm": bpm, "n": n, "bars": 4, "model": str(tiny)} for bpm, n in ((60, 2), (120, 3), (60.5, 1))]
    run(write(tmp_path / "jobs.jsonl", jobs), tmp_path / "out", here(runners))
    entries = manifest(tmp_path / "out")
    assert [(e["job"], e["index"], e["bpm"]) for e in entries][::2] == [("at60", 1, 60.0), ("at120", 1, 120.0), ("at120", 3, 120.0)]
    assert len({e["notes"] for e in entries if e["index"] == 1}) == 1
    assert len({e["sha256"] for e in entries}) == 6


def test_an_edit_can_be_a_job_and_is_made_anew_when_its_input_changes(tiny, tmp_path, runners):
    (tmp_path / "in").mkdir()
    for name, melody in (("a", c_major_scale()), ("b", jig())):
        (tmp_path / "in" / f"{name}.mid").write_bytes(to_bytes(melody))
    jobs = [
        {"id": "up", "command": "transform", "input": f"{tmp_path}/in/*.mid", "key": "D dorian", "model": str(tiny), "seed": 1},
        {"id": "none", "command": "transform", "input": f"{tmp_path}/in/c*.mid", "key": "C"},
        {"id": "bare", "command": "transform", "key": "C"},
    ]
    table = write(tmp_path / "jobs.jsonl", jobs)
    outcome = run(table, tmp_path / "out", here(runners))
    assert {job: f["code"] for job, f in failures(tmp_path / "out").items()} == {"none": 4, "bare": 2}
    assert [(e["job"], e["file"]) for e in manifest(tmp_path / "out")] == [("up", "up/a.mid"), ("up", "up/b.mid")]
    assert run(table, tmp_path / "out", here(runners)).made == 0
    (tmp_path / "in" / "b.mid").write_bytes(to_bytes(jig().transpose(1)))
    outcome = run(table, tmp_path / "out", here(runners))
    assert (outcome.made, outcome.removed) == (2, 0)


def test_a_bad_job_fails_alone_and_leaves_nothing(tiny, tmp_path, runners):
    (tmp_path / "my.py").write_text(
        "def moody(melody):\n    if len(melody.notes) > 20:\n        raise ZeroDivisionError('oh')\n    return len(melody.notes)\n"
    )
    own = {"rule": f"{tmp_path}/my.py:moody=>=1", "method": "rejection", "bars": 4, "model": str(tiny)}
    jobs = [{"id": "typo", "kye": "C"}, *table(tiny, 2), *({"id": f"own{i}", "seed": i, **own, "n": 2} for i in range(6))]
    for folder in ("a", "b"):
        outcome = run(write(tmp_path / "jobs.jsonl", jobs), tmp_path / folder, here(runners))
        assert outcome.code == 1
        failed = failures(tmp_path / folder)
        assert failed["typo"] == {"job": "typo", "error": "kye: unknown to sample; did you mean key?", "code": 2}
        assert all("ZeroDivisionError" in f["error"] for job, f in failed.items() if job != "typo")
        assert {e["job"] for e in manifest(tmp_path / folder)} == {j["id"] for j in jobs} - failed.keys()
        assert not any((tmp_path / folder / job).exists() for job in failed)
        jobs = jobs[:1] + jobs[1:][::-1]
    good = {k: v for k, v in contents(tmp_path / "a").items() if k.endswith(".mid")}
    assert good == {k: v for k, v in contents(tmp_path / "b").items() if k.endswith(".mid")}


def test_a_strict_job_that_misses_keeps_its_files_and_says_so_again_when_nothing_is_made(tiny, tmp_path, runners):
    hard = {"id": "hard", "density": "16", "range": "C4..C4", "method": "rejection", "seed": 1, "strict": True, "bars": 4, "model": str(tiny), "n": 2}
    jobs = write(tmp_path / "jobs.jsonl", [hard])
    for made in (2, 0):
        outcome = run(jobs, tmp_path / "out", here(runners))
        assert (outcome.made, outcome.code, outcome.failures["hard"][1]) == (made, 3, 3)
        assert len(manifest(tmp_path / "out")) == 2
    assert failures(tmp_path / "out")["hard"]["code"] == 3
    run(write(tmp_path / "jobs.jsonl", [{**hard, "strict": False}]), tmp_path / "out", here(runners))
    assert not (tmp_path / "out" / "failures.jsonl").exists()


def test_check_dry_run_and_mistakes_on_the_command_line(tiny, tmp_path):
    write(tmp_path / "jobs.jsonl", [{"id": "a", "kye": "C", "n": 0}, {"id": "b", "n": 3, "realism": 0, "bars": 4, "model": str(tiny)}])
    done = musiclc("batch", "jobs.jsonl", "--check", cwd=tmp_path, code=2)
    assert done.err.splitlines()[:2] == ["jobs.jsonl:1: kye: unknown to sample; did you mean key?", "jobs.jsonl:1: n: 0 is not in the range x>=1."]
    done = musiclc("batch", "jobs.jsonl", "-O", "out", "--dry-run", "--json", cwd=tmp_path)
    assert [json.loads(line)["to make"] for line in done.out.splitlines()] == [0, 3]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["jobs.jsonl"]
    done = musiclc("batch", "missing.jsonl", "-O", "out", cwd=tmp_path, code=4)
    assert "missing.jsonl: cannot be read" in done.err


def test_bytes_that_are_no_text_are_one_line_from_a_pipe_too(tmp_path):
    os.mkfifo(tmp_path / "jobs.jsonl")
    writer = threading.Thread(target=(tmp_path / "jobs.jsonl").write_bytes, args=(b'{"key": "C\xff"}\n',))
    writer.start()
    with pytest.raises(InputError, match=r"not text in UTF-8 \(byte 10\)"), opened(str(tmp_path / "jobs.jsonl")):
        pass
    writer.join()


def test_checking_loads_no_network(tmp_path):
    jobs = write(tmp_path / "jobs.jsonl", [{"key": "C"}])
    call = "from musiclc.cli import main\ntry: main()\nexcept SystemExit: print('torch' in sys.modules)"
    code = f"import sys; sys.argv = ['musiclc', 'batch', {jobs!r}, '--check']\n{call}"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_any_command_with_a_manifest_can_be_a_job(tiny, tmp_path, runners, monkeypatch):
    jobs = table(tiny, 2)
    shared = write(tmp_path / "jobs.jsonl", [*jobs, {"id": "bad", "bars": 4, "model": str(tiny), "rule": "nobody.py:f"}])
    run(shared, tmp_path / "shared", here(runners))
    alone = {**commands.runners(), "sample": partial(commands.run_alone, commands.COMMANDS["sample"])}  # as if it shared no chunks
    monkeypatch.setitem(commands.COMMANDS, "sample", replace(commands.COMMANDS["sample"], free=None))
    for stop in (2, None):
        with contextlib.suppress(KeyboardInterrupt):
            run(shared, tmp_path / "alone", here(alone, stop))
    found, wanted = contents(tmp_path / "alone"), contents(tmp_path / "shared")
    assert {k: v for k, v in found.items() if k != "manifest.jsonl"} == {k: v for k, v in wanted.items() if k != "manifest.jsonl"}
    told = [[{**e, "fingerprint": ""} for e in manifest(tmp_path / folder)] for folder in ("alone", "shared")]
    assert told[0] == told[1]
