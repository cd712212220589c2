"""What really happens to runs over night: disks that are full or read-only, inputs that vanish, workers without memory, clocks that jump, pipes
that close, others in the same folder, another model under the same name, stores that answer late. Further ones: test_folder.py, test_workers.py
and test_mirror.py of batch/, test_writer.py of cli/; by hand python -m tests.kill_thirty and python -m tests.stop_twenty.
"""

import ast
import contextlib
import os
import shutil
import subprocess
import sys
import time

import fsspec.implementations.local
import pytest

from musiclc.batch import commands, workers
from musiclc.errors import MusiclcError
from musiclc.midi import to_bytes
from musiclc.output import manifest as manifests
from musiclc.output.manifest import Files
from tests.batch.common import contents, failures, here, manifest, run, table, write
from tests.command import musiclc
from tests.helpers import c_major_scale, jig
from tests.stop_twenty import true_manifest
from tests.test_architecture import MODULES


@pytest.fixture(scope="session")
def runners():
    return commands.runners()


@pytest.fixture
def disk(tmp_path):
    """Gives a file system of its own, so many kB large: options → its folder. Skipped where mounting is not allowed."""
    mounted = []

    def mount(options):
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
        if done.returncode:
            pytest.skip("no file system can be mounted here")
        mounted.append(folder)
        return folder

    if shutil.which("mount") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("no file system can be mounted here")
    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


def samples(tiny, folder, *more):
    return ["sample", "--bars", 4, "--model", tiny, "--seed", 1, "--realism", 0, "--quiet", "-o", folder, *more]


# ---- disks ---------------------------------------------------------------------------------------------------------


def test_a_full_disk_stops_a_batch_in_a_line_and_the_same_command_goes_on_when_there_is_room(tiny, tmp_path, runners, disk):
    jobs = write(tmp_path / "jobs.jsonl", table(tiny, 40))
    run(jobs, tmp_path / "whole", here(runners))
    small = disk("size=100k")
    with pytest.raises(MusiclcError, match="No space left on device"):
        run(jobs, small / "out", here(runners))
    there = list((small / "out").rglob("*.mid"))
    assert 5 < len(there) < 43
    assert not [path for path in there if not path.read_bytes().startswith(b"MThd")]
    subprocess.run(["mount", "-o", "remount,size=4m", str(small)], check=True)
    assert run(jobs, small / "out", here(runners)).kept >= len(there) - 1
    assert contents(small / "out") == contents(tmp_path / "whole")


def test_a_full_disk_leaves_whole_files_and_one_line(tiny, disk):
    small = disk("size=60k")
    done = musiclc(*samples(tiny, small / "out", "-n", 60), code=1)
    assert done.err.count("\n") == 1
    assert "No space left on device" in done.err
    assert all(path.read_bytes().startswith(b"MThd") for path in small.rglob("*.mid"))
    assert not [path.name for path in (small / "out").iterdir() if path.suffix in (".part", ".lock")]


def test_where_nothing_can_be_written_every_command_says_so_in_a_line(tiny, tmp_path, disk):
    closed = disk("size=1m")
    (closed / "a.mid").write_bytes(to_bytes(c_major_scale()))
    subprocess.run(["mount", "-o", "remount,ro", str(closed)], check=True)
    jobs = write(tmp_path / "jobs.jsonl", table(tiny, 1)[:1])
    for words in (
        samples(tiny, closed / "out", "-n", 2),
        samples(tiny, closed / "x.mid"),
        ["transform", closed / "a.mid", "-o", closed / "b.mid", "--key", "D", "--model", tiny, "--quiet"],
        ["batch", jobs, "-O", closed / "out", "--quiet", "--workers", 1],
        ["render", closed / "a.mid", "-O", closed, "--quiet"],
    ):
        done = musiclc(*words, code=1)
        assert done.err.count("\n") == 1, done.err
        assert "Read-only file system" in done.err


def test_where_nothing_can_be_written_a_rule_of_ones_own_is_used_all_the_same(tiny, tmp_path, disk):
    closed = disk("size=1m")
    subprocess.run(["mount", "-o", "remount,ro", str(closed)], check=True)
    (tmp_path / "my.py").write_text("def f(melody):\n    return float(len(melody.notes))\n")
    words = [*samples(tiny, "out"), "--rule", "my.py:f=>=1", "--method", "rejection"]
    musiclc(*words, cwd=tmp_path, XDG_CACHE_HOME=str(closed), XDG_DATA_HOME=str(closed))


# ---- inputs --------------------------------------------------------------------------------------------------------


@pytest.fixture
def songs(tmp_path):
    (tmp_path / "songs").mkdir()
    for name, melody in (("a", c_major_scale()), ("b", jig()), ("c", c_major_scale().transpose(3))):
        (tmp_path / "songs" / f"{name}.mid").write_bytes(to_bytes(melody))
    return tmp_path / "songs"


def test_an_input_that_vanishes_meanwhile_stops_no_other(tiny, songs, tmp_path, monkeypatch):
    from musiclc.editing import commands as editing

    real = editing._song

    def vanishing(source, request):
        (songs / "b.mid").unlink(missing_ok=True)
        return real(source, request)

    monkeypatch.setattr(editing, "_song", vanishing)
    done = musiclc("transform", songs, "-o", "out", "--key", "D", "--model", tiny, "--quiet", "--seed", 1, cwd=tmp_path, code=4)
    assert done.out.decode().split() == ["out/a.mid", "out/c.mid"]
    assert done.err == f"musiclc: {songs}/b.mid: cannot be read (No such file or directory)\n"
    assert true_manifest(tmp_path / "out")


def test_an_input_that_vanishes_after_the_check_fails_its_job_alone(tiny, songs, tmp_path, runners):
    edit = {"command": "transform", "key": "D", "seed": 1, "model": tiny}
    jobs = write(tmp_path / "jobs.jsonl", [{"id": name, "input": f"{songs}/{name}.mid", **edit} for name in "abc"])

    def engine(take):
        (songs / "b.mid").unlink()
        yield from here(runners)(take)

    outcome = run(jobs, tmp_path / "out", engine)
    assert (outcome.made, outcome.code) == (2, 1)
    assert failures(tmp_path / "out")["b"]["code"] == 4
    assert [e["job"] for e in manifest(tmp_path / "out")] == ["a", "c"]


def test_a_jobs_file_that_vanishes_after_it_was_read_is_not_missed(tiny, tmp_path, runners):
    jobs = write(tmp_path / "jobs.jsonl", table(tiny, 2))

    def engine(take):
        os.unlink(jobs)
        yield from here(runners)(take)

    assert run(jobs, tmp_path / "out", engine).code == 0


# ---- memory --------------------------------------------------------------------------------------------------------

GREEDY = """
import multiprocessing

def greedy(melody):
    if multiprocessing.parent_process() is not None:  # not when the jobs are checked
        bytearray(1 << 46)
    return float(len(melody.notes))
"""


def test_a_job_that_has_no_memory_fails_alone(tiny, tmp_path):
    (tmp_path / "my.py").write_text(GREEDY)
    greedy = {"id": "greedy", "rule": f"{tmp_path}/my.py:greedy=>=1", "method": "rejection", "bars": 4, "model": tiny, "seed": 1}
    jobs = write(tmp_path / "jobs.jsonl", [*table(tiny, 2), greedy])
    outcome = run(jobs, tmp_path / "out", workers.local(1, commands.runners))
    assert (outcome.made, list(outcome.failures)) == (5, ["greedy"])
    assert "MemoryError" in failures(tmp_path / "out")["greedy"]["error"]


# ---- pipes ---------------------------------------------------------------------------------------------------------


def test_a_closed_pipe_ends_a_batch_quietly_and_the_same_command_goes_on(tiny, tmp_path, runners):
    jobs = write(tmp_path / "jobs.jsonl", table(tiny, 60))
    run(jobs, tmp_path / "whole", here(runners))
    words = ["batch", jobs, "-O", str(tmp_path / "out"), "--workers", "1", "--quiet"]
    running = subprocess.Popen([sys.executable, "-m", "musiclc.cli", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    running.stdout.readline()
    running.stdout.close()
    said = running.stderr.read()
    assert (running.wait(timeout=60), said) == (141, "")
    assert run(jobs, tmp_path / "out", here(runners)).kept
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.parametrize("words", [["rules", "--json"], ["score", "a.mid", "--json"], ["inspect", "a.mid", "--json"]])
def test_a_pipe_that_nobody_reads_ends_a_command_quietly(words, tmp_path):
    (tmp_path / "a.mid").write_bytes(to_bytes(c_major_scale()))
    read, written = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-m", "musiclc.cli", *words], stdout=written, stderr=subprocess.PIPE, cwd=tmp_path, timeout=60)
    os.close(written)
    assert (done.returncode, done.stderr) == (141, b"")


# ---- clocks --------------------------------------------------------------------------------------------------------


def test_no_module_asks_what_time_of_day_it_is():
    """So a clock that is put back, or a machine whose date is wrong, changes nothing: time.monotonic never runs back."""
    asks = {("time", "time"), ("time", "time_ns"), ("datetime", "now"), ("datetime", "today"), ("datetime", "utcnow"), ("date", "today")}
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in asks, name


def test_files_of_tomorrow_and_of_1970_are_kept(tiny, tmp_path, runners, monkeypatch):
    jobs = write(tmp_path / "jobs.jsonl", table(tiny, 3))
    run(jobs, tmp_path / "out", here(runners))
    for number, path in enumerate(sorted((tmp_path / "out").rglob("*"))):
        os.utime(path, (0, 0) if number % 2 else (2**33, 2**33))
    os.utime(jobs, (2**33, 2**33))
    monkeypatch.setattr(time, "time", iter(range(10**9, 0, -1000)).__next__)
    assert run(jobs, tmp_path / "out", here(runners)).made == 0


# ---- others --------------------------------------------------------------------------------------------------------


def test_two_runs_of_a_command_that_makes_files_do_not_write_in_one_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = Files("out", ["a.mid", "b.mid"]), Files("out", ["c.mid", "d.mid"])
    with first.held():
        with pytest.raises(MusiclcError, match="out: another run is writing here"), second.held():
            pass
        first.write({"file": "a.mid"}, b"a")
        first.write_manifest([{"file": "a.mid"}])
    with pytest.raises(MusiclcError, match=r"manifest\.jsonl: exists already"), second.held():
        pass
    assert sorted(contents("out")) == ["a.mid", "manifest.jsonl"]
    for refused in (Files("new/er", ["a.mid"]), Files("new.mid", ["a.mid"])):
        with contextlib.suppress(ZeroDivisionError), refused.held():
            raise ZeroDivisionError
    assert not (tmp_path / "new" / "er").exists()


def test_two_runs_of_sample_at_once_leave_one_true_manifest(tiny, tmp_path):
    words = [sys.executable, "-m", "musiclc.cli", *map(str, samples(tiny, tmp_path / "out", "-n", 60))]
    words[words.index("--seed") + 1] = "SEED"
    both = [
        subprocess.Popen([w.replace("SEED", seed) for w in words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for seed in ("1", "2")
    ]
    said = [each.communicate(timeout=120)[1] for each in both]
    assert sorted(each.returncode for each in both) == [0, 1], said
    assert any("another run is writing here" in text or "exists already" in text for text in said)
    assert true_manifest(tmp_path / "out")
    assert len(list((tmp_path / "out").glob("*.mid"))) == 60


def test_another_model_under_the_same_name_makes_all_anew(tiny, tmp_path, runners):
    from musiclc.model.checkpoint import save_model
    from tests.helpers import tiny_model

    model = tmp_path / "model.safetensors"
    shutil.copy(tiny, model)
    jobs = write(tmp_path / "jobs.jsonl", table(model, 3))
    run(jobs, tmp_path / "out", here(commands.runners()))
    before = contents(tmp_path / "out")
    other = tiny_model("newer")
    other.vae.out.bias.data[3] += 2.0
    save_model(other, model)
    outcome = run(jobs, tmp_path / "out", here(commands.runners()))  # workers of their own: each reads a model once
    assert (outcome.made, outcome.kept) == (6, 0)
    assert {e["model"] for e in manifest(tmp_path / "out")} == {"newer"}
    assert contents(tmp_path / "out") != before
    run(jobs, tmp_path / "fresh", here(commands.runners()))
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


def until_done(go, most):
    """Go again until it goes well; what was said before."""
    said = []
    while len(said) < most:
        try:
            go()
            return said
        except MusiclcError as error:
            said.append(str(error))
    raise AssertionError(said)


def test_a_store_that_answers_late_or_not_at_all_loses_nothing(tiny, tmp_path, runners, monkeypatch, capsys):
    from musiclc.cli import batch
    from tests.batch.test_mirror import brought

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(batch, "EVERY", 0.0)
    jobs = write(tmp_path / "jobs.jsonl", table(tiny))
    run(jobs, tmp_path / "whole", here(runners))
    calls = []

    def late(name):
        real = getattr(fsspec.implementations.local.LocalFileSystem, name)

        def call(*arguments, **options):
            calls.append(name)
            if len(calls) % 7 == 0:
                raise TimeoutError("timed out")
            found = real(*arguments, **options)
            if len(calls) % 11 == 0:
                raise TimeoutError("the answer was lost")  # and the work was done
            return found

        monkeypatch.setattr(fsspec.implementations.local.LocalFileSystem, name, call)

    for name in ("pipe_file", "put", "cat_file", "rm_file", "find", "get"):
        late(name)
    said = until_done(lambda: brought(jobs, f"file://{tmp_path / 'far'}", here(runners)), 20)
    said += capsys.readouterr().err.splitlines()
    assert {"timed out" if "timed out" in each else "lost" if "lost" in each else each for each in said} == {"timed out", "lost"}
    assert all("run again to go on" in each for each in said)
    assert contents(tmp_path / "far") == contents(tmp_path / "whole")


def test_a_folder_that_answers_late_is_waited_for(tiny, tmp_path, runners, monkeypatch):
    """As a network folder whose server comes and goes: a refusal stops the run in a line, and the same command goes on."""
    jobs = write(tmp_path / "jobs.jsonl", table(tiny))
    run(jobs, tmp_path / "whole", here(runners))
    real, calls = os.replace, []

    def stale(*paths):
        calls.append(paths)
        if len(calls) % 5 == 0:
            raise OSError(116, "Stale file handle")
        real(*paths)

    monkeypatch.setattr("musiclc.files.os.replace", stale)
    said = until_done(lambda: run(jobs, tmp_path / "out", here(runners)), 8)
    assert said
    assert all("Stale file handle" in each for each in said)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


# ---- stops ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["lock", "load", "file", "manifest"])
def test_ctrl_c_at_any_stage_is_130_a_line_and_a_true_manifest(moment, tiny, tmp_path, monkeypatch):
    """python -m tests.stop_twenty does so at moments of the clock, in a process of its own."""
    if moment in ("lock", "manifest"):
        name = {"lock": "_lock", "manifest": "write_manifest"}[moment]
        real = getattr(Files, name)

        def stop(*arguments):
            monkeypatch.setattr(Files, name, real)
            raise KeyboardInterrupt

        monkeypatch.setattr(Files, name, stop)
    elif moment == "load":
        monkeypatch.setattr("musiclc.model.checkpoint.load_model", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    else:
        real_write, written = manifests.write_whole, []

        def write_some(path, data, **options):
            written.append(path)
            if len(written) == 4:
                raise KeyboardInterrupt
            real_write(path, data, **options)

        monkeypatch.setattr(manifests, "write_whole", write_some)
    from musiclc.model import checkpoint

    checkpoint._loaded.cache_clear()
    done = musiclc(*samples(tiny, tmp_path / "out", "-n", 6), code=130)
    assert done.err == "musiclc: stopped\n"
    assert moment == "manifest" or true_manifest(tmp_path / "out")


def test_ctrl_c_before_there_is_a_command_is_130(monkeypatch):
    from musiclc import cli

    monkeypatch.setattr(cli, "group", lambda **_: (_ for _ in ()).throw(KeyboardInterrupt))
    monkeypatch.setattr(sys, "argv", ["musiclc", "rules"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 130
