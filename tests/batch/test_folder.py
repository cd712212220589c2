"""Who may write in a batch's folder, what is touched there, and what the disk refuses."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from musiclc.batch import folder
from musiclc.batch.folder import Folder
from musiclc.batch.messages import Failed, Made
from musiclc.batch.result import BatchResult
from musiclc.errors import MusiclcError, UsageError
from tests.batch.common import contents, here, manifest, run, table, write
from tests.command import process as musiclc


def test_what_no_batch_wrote_is_not_touched(tiny, tmp_path, runners):
    jobs = write(tmp_path / "jobs.jsonl", table(tiny, 1))
    (tmp_path / "out" / "j0").mkdir(parents=True)
    (tmp_path / "out" / "j0" / "melody-0-0001.mid").write_bytes(b"mine")
    with pytest.raises(MusiclcError, match="exists already, and no batch wrote it"):
        run(jobs, tmp_path / "out", here(runners))
    assert (tmp_path / "out" / "j0" / "melody-0-0001.mid").read_bytes() == b"mine"
    run(jobs, tmp_path / "out", here(runners), overwrite=True)
    other = write(tmp_path / "other.jsonl", [{"id": "other", "bars": 4, "model": str(tiny)}])
    with pytest.raises(MusiclcError, match="holds jobs of another batch"):
        run(other, tmp_path / "out", here(runners))
    (tmp_path / "sampled").mkdir()
    (tmp_path / "sampled" / "manifest.jsonl").write_text('{"file": "a.mid"}\n')
    with pytest.raises(MusiclcError, match="no batch wrote it"):
        run(jobs, tmp_path / "sampled", here(runners))
    with pytest.raises(UsageError, match="holds no jobs"):
        run(write(tmp_path / "empty.jsonl", []), tmp_path / "out", here(runners))


def test_two_runs_on_one_folder_are_refused_and_a_dead_one_leaves_no_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "PATIENCE", 0.0)
    first = Folder(tmp_path / "out")
    with pytest.raises(MusiclcError, match=f"another batch is writing here \\(process {os.getpid()} on "):
        Folder(tmp_path / "out")
    first.close()
    assert not (tmp_path / "out").exists()
    code = (
        "import sys, os; from pathlib import Path; from musiclc.batch.folder import Folder; kept = Folder(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")])
    assert (tmp_path / "out" / ".musiclc" / "lock").exists()
    Folder(tmp_path / "out").close()


def test_a_full_disk_and_a_read_only_folder_are_one_line(tiny, tmp_path, runners, monkeypatch):
    jobs = write(tmp_path / "jobs.jsonl", table(tiny, 3))
    real, written = os.replace, []

    def full(source, target):
        written.append(target)
        if len(written) > 2:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr("musiclc.files.os.replace", full)
    with pytest.raises(MusiclcError, match=r"melody-.*cannot be written \(No space left on device\)"):
        run(jobs, tmp_path / "out", here(runners))
    monkeypatch.undo()
    assert run(jobs, tmp_path / "out", here(runners)).kept == 2
    with pytest.raises(MusiclcError, match=r"/proc/out: cannot be written"):
        run(jobs, Path("/proc/out"), here(runners))


def test_a_refused_batch_leaves_nothing_of_its_own(tiny, tmp_path, runners):
    jobs = write(tmp_path / "jobs.jsonl", table(tiny, 1))
    run(jobs, tmp_path / "out", here(runners))
    whole = contents(tmp_path / "out")
    other = write(tmp_path / "other.jsonl", [{"id": "other", "bars": 4, "model": str(tiny)}])
    with pytest.raises(MusiclcError, match="holds jobs of another batch"):
        run(other, tmp_path / "out", here(runners))
    assert contents(tmp_path / "out") == whole
    (tmp_path / "mine" / "j0").mkdir(parents=True)
    (tmp_path / "mine" / "j0" / "notes.txt").write_text("mine")
    with pytest.raises(MusiclcError, match="no batch wrote it"):
        run(jobs, tmp_path / "mine", here(runners))
    assert contents(tmp_path / "mine") == {"j0": None, "j0/notes.txt": b"mine"}
    with pytest.raises(KeyboardInterrupt):
        run(jobs, tmp_path / "stopped", here(runners, 0))  # before the first file
    assert not (tmp_path / "stopped").exists()


def test_a_refused_batch_does_not_take_the_journal_of_a_stopped_one_with_it(tiny, tmp_path, runners):
    jobs = write(tmp_path / "jobs.jsonl", table(tiny))
    with pytest.raises(KeyboardInterrupt):
        run(jobs, tmp_path / "out", here(runners, 4))
    stopped = contents(tmp_path / "out")
    with pytest.raises(MusiclcError, match="holds jobs of another batch"):
        run(write(tmp_path / "other.jsonl", [{"id": "other", "bars": 4, "model": str(tiny)}]), tmp_path / "out", here(runners))
    assert contents(tmp_path / "out") == stopped
    assert run(jobs, tmp_path / "out", here(runners)).kept > 0


@pytest.mark.parametrize(
    "slip",
    [
        lambda lines: [lines[0].replace(", ", " ", 1), *lines[1:]],  # a comma dropped
        lambda lines: [lines[0].replace('"density"', '"densty"'), *lines[1:]],
        lambda lines: [lines[0].replace('"n": 2', '"n": 0'), *lines[1:]],
        lambda lines: [lines[2].replace('"density"', '"densty"'), lines[1]],  # and two jobs are gone
    ],
)
def test_nothing_finished_is_removed_while_jobs_has_a_mistake(slip, tiny, tmp_path, runners):
    jobs = [{"id": f"j{i}", "density": ">=1", "realism": 0, "seed": i, "bars": 4, "model": str(tiny), "n": 2} for i in range(3)]
    lines = [json.dumps(job) for job in jobs]
    (tmp_path / "jobs.jsonl").write_text("\n".join(lines))
    run(str(tmp_path / "jobs.jsonl"), tmp_path / "out", here(runners))
    whole = contents(tmp_path / "out")
    (tmp_path / "bad.jsonl").write_text("\n".join(slip(lines)))
    result = run(str(tmp_path / "bad.jsonl"), tmp_path / "out", here(runners, 0))
    assert (result.made, result.removed, result.code) == (0, 0, 1)
    assert result.kept + result.spared == 6
    assert {k: v for k, v in contents(tmp_path / "out").items() if "/" in k} == {k: v for k, v in whole.items() if "/" in k}
    assert sorted(e["file"] for e in manifest(tmp_path / "out")) == [f"j{i}/melody-{i}-000{n}.mid" for i in range(3) for n in (1, 2)]
    assert run(str(tmp_path / "jobs.jsonl"), tmp_path / "out", here(runners, 0)).kept == 6
    assert contents(tmp_path / "out") == whole


def test_what_changed_beside_a_mistake_is_made_and_its_former_files_go_once_it_is_mended(tiny, tmp_path, runners):
    old = {"id": "a", "realism": 0, "seed": 1, "bars": 4, "model": str(tiny), "n": 2}
    run(write(tmp_path / "jobs.jsonl", [old]), tmp_path / "out", here(runners))
    new, bad = {**old, "seed": 2, "n": 1}, {"id": "b", "kye": "C"}
    result = run(write(tmp_path / "jobs.jsonl", [new, bad]), tmp_path / "out", here(runners))
    assert (result.made, result.removed, result.spared) == (1, 0, 2)
    assert [e["file"] for e in manifest(tmp_path / "out")] == ["a/melody-2-0001.mid", "a/melody-1-0001.mid", "a/melody-1-0002.mid"]
    result = run(write(tmp_path / "jobs.jsonl", [new]), tmp_path / "out", here(runners))
    assert (result.made, result.removed, result.spared) == (0, 2, 0)
    run(write(tmp_path / "jobs.jsonl", [new]), tmp_path / "fresh", here(runners))
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


def test_a_job_that_fails_leaves_no_file_though_another_has_a_mistake(tiny, tmp_path):
    made = Made(1, "a", [{"job": "a", "file": "a/1.mid", "sha256": hashlib.sha256(b"1").hexdigest(), "fingerprint": "?"}], [b"1"], (1,))
    jobs = write(tmp_path / "jobs.jsonl", [{"id": "a", "n": 2, "bars": 4, "model": str(tiny), "seed": 1}, {"id": "b", "kye": "C"}])

    def engine(take):
        unit = take("")
        made.entries[0]["fingerprint"] = unit.parts[0].fingerprint
        made.entries[0]["index"] = 1
        yield made
        yield Failed(1, "a", "its rule raised", 1)

    result = run(jobs, tmp_path / "out", engine)
    assert (result.removed, result.spared) == (1, 0)
    assert sorted(contents(tmp_path / "out")) == ["failures.jsonl", "manifest.jsonl"]


def test_a_job_that_fails_when_it_is_made_anew_keeps_what_it_had(tiny, tmp_path):
    """As when one of its inputs broke meanwhile."""

    def made(take):
        (part,) = take("").parts
        entry = {"job": "a", "file": "a/1.mid", "sha256": hashlib.sha256(b"1").hexdigest(), "fingerprint": part.fingerprint, "index": 1}
        yield Made(1, "a", [entry], [b"1"], (1,))

    def failed(take):
        take("")
        yield Failed(1, "a", "its input is broken", 4)

    job = {"id": "a", "bars": 4, "model": str(tiny), "seed": 1}
    run(write(tmp_path / "jobs.jsonl", [job]), tmp_path / "out", made)
    result = run(write(tmp_path / "jobs.jsonl", [{**job, "seed": 2}]), tmp_path / "out", failed)
    assert (result.removed, result.spared, result.code) == (0, 1, 1)
    assert sorted(contents(tmp_path / "out")) == ["a", "a/1.mid", "failures.jsonl", "manifest.jsonl"]
    assert [e["file"] for e in map(json.loads, (tmp_path / "out" / "manifest.jsonl").read_text().splitlines())] == ["a/1.mid"]


def test_the_command_line_says_what_was_not_removed(tiny, tmp_path):
    good = {"id": "a", "realism": 0, "seed": 1, "bars": 4, "model": str(tiny), "n": 2}
    write(tmp_path / "jobs.jsonl", [good])
    musiclc("batch", "jobs.jsonl", "-O", "out", "--workers", 1, cwd=tmp_path)
    (tmp_path / "jobs.jsonl").write_text(json.dumps(good).replace(",", "", 1))
    done = musiclc("batch", "jobs.jsonl", "-O", "out", cwd=tmp_path, code=1)
    assert done.err.splitlines()[1:] == [
        "0 files made, 0 kept",
        "musiclc: 2 files not removed while jobs.jsonl has mistakes or their jobs fail",
        "musiclc: 1 jobs failed; out/failures.jsonl says why",
    ]
    assert len(list((tmp_path / "out" / "a").iterdir())) == 2


def test_the_journal_is_brought_to_the_disk_once_a_second_and_the_manifest_before_it_has_its_name(tmp_path, monkeypatch):
    steps, now, replace = [], [100.0], os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: steps.append("sync"))
    monkeypatch.setattr(os, "replace", lambda source, target: (steps.append(Path(target).name), replace(source, target)))
    monkeypatch.setattr(folder.time, "monotonic", lambda: now[0])
    out = Folder(tmp_path / "out")
    for second, name in ((100.0, "1"), (100.5, "2"), (101.1, "3")):
        now[0] = second
        out.add("a", [{"job": "a", "file": f"a/{name}", "index": 1, "sha256": hashlib.sha256(b"").hexdigest()}], [b""])
    assert steps == ["sync", "1", "2", "sync", "3"]
    steps.clear()
    assert out.finish([], BatchResult(), spare=True) == (0, 3)
    assert steps == ["sync", "sync", "manifest.jsonl", "sync"]
    assert sorted(contents(tmp_path / "out")) == ["a", "a/1", "a/2", "a/3", "manifest.jsonl"]
