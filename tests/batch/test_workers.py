"""Processes: any number of them, killed or stopped, and what they may and may not take from their surroundings."""

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from musiclc.batch import commands, messages, workers
from musiclc.batch.messages import Failed, JobPart, Made, Said, Unit
from musiclc.batch.process import import_path
from musiclc.errors import MusiclcError, UsageError
from tests.batch import stub
from tests.batch.common import contents, here, run, table, write
from tests.command import process as musiclc

LONG = 120  # seconds after which something hangs

# In the folder of a composer: says which process imported it, and is then what it hides.
NOSY = """
import os, sys
with open(os.path.join(os.path.dirname(__file__), "imported"), "a") as file:
    file.write(f"{os.getpid()}\\n")
path, sys.path[:] = sys.path[:], [p for p in sys.path if os.path.realpath(p or ".") != os.path.realpath(os.path.dirname(__file__))]
del sys.modules[__name__]
sys.modules[__name__] = __import__(__name__)
sys.path[:] = path
"""
HOSTILE = "raise SystemExit('imported from the current folder')"

# A script as a beginner writes it, without a main guard.
SCRIPT = """
import os, mine
from musiclc.batch import workers
from musiclc.batch.messages import Said, JobPart, Unit
print("script", os.getpid(), flush=True)
units = iter([Unit(1, "stub", "", (JobPart("JOB", {}, 0, (1,), 1, "f"),))])
for message in workers.local(1, mine.runners)(lambda shape: next(units, None)):
    print(type(message).__name__, getattr(message, "text", ""), flush=True)
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The module of tests/batch/stub.py, importable here and in processes started from here."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "mine.py").write_text(stub.SOURCE)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    sys.modules.pop("mine", None)
    yield importlib.import_module("mine")
    sys.modules.pop("mine", None)


def unit(number, *jobs):
    return Unit(number, "stub", "", tuple(JobPart(job, {}, 0, (1,), 1, "f") for job in jobs))


def heard(engine, *units):
    waiting = iter(units)
    return list(engine(lambda shape: next(waiting, None)))


def test_workers_of_any_number_killed_or_not_give_the_same_folder(tiny, tmp_path, runners):
    jobs = write(tmp_path / "jobs.jsonl", table(tiny, 70))
    run(jobs, tmp_path / "whole", here(runners))
    killed = []

    def tell(message, done):
        if isinstance(message, messages.Made) and done == 20:  # one of the two workers dies; the other and its successor go on
            killed.extend(multiprocessing.active_children())
            killed[0].kill()

    outcome = run(jobs, tmp_path / "two", workers.local(2, commands.runners), tell=tell, workers=2)
    assert len(killed) == 2
    assert (outcome.code, outcome.made) == (0, 73)
    assert contents(tmp_path / "two") == contents(tmp_path / "whole")
    assert not multiprocessing.active_children()


def test_sigkill_at_any_moment_loses_no_finished_file_and_does_none_twice(tiny, tmp_path, runners):
    jobs = write(tmp_path / "jobs.jsonl", table(tiny, 60))
    run(jobs, tmp_path / "whole", here(runners))
    command = [sys.executable, "-m", "musiclc.cli", "batch", jobs, "-O", str(tmp_path / "out"), "--workers", "1"]
    for after in (1, 25):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(after):
            process.stdout.readline()
        process.kill()
        process.communicate(timeout=LONG)
    there = {str(p) for p in (tmp_path / "out").rglob("*.mid")}
    assert len(there) >= 26
    done = musiclc("batch", jobs, "-O", tmp_path / "out", "--workers", 1)
    assert not there & set(done.out.decode().split())
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_ctrl_c_stops_the_workers_and_keeps_what_is_finished(tiny, tmp_path, runners):
    jobs = write(tmp_path / "jobs.jsonl", table(tiny, 200))
    run(jobs, tmp_path / "whole", here(runners))
    command = [sys.executable, "-m", "musiclc.cli", "batch", jobs, "-O", str(tmp_path / "out"), "--workers", "2"]
    heeding = {"start_new_session": True, "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **heeding)
    made = [process.stdout.readline().strip() for _ in range(5)]
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all that are in the foreground
    rest, said = process.communicate(timeout=LONG)  # which ends when the last process that could say something has
    made += rest.split()
    assert process.returncode == 130
    assert said == "musiclc: stopped; what is finished is there, and the same command goes on\n"
    assert not (tmp_path / "out" / "manifest.jsonl").exists()
    again = musiclc("batch", jobs, "-O", tmp_path / "out", "--workers", 1)
    assert not set(made) & set(again.out.decode().split())
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_job_that_takes_its_worker_with_it_twice_has_failed_and_no_other_has(mine):
    found = heard(workers.local(1, mine.runners), unit(1, "a", "b", "deadly", "c"), unit(2, "d"))
    assert sorted(m.job for m in found if isinstance(m, Made)) == ["a", "b", "c", "d"]
    assert [(m.job, m.error) for m in found if isinstance(m, Failed)] == [("deadly", workers.DIED)]
    assert Path(mine.HERE / "deaths").read_text() == "died\n" * 2


def test_workers_that_cannot_start_are_given_up(mine):
    with pytest.raises(MusiclcError, match="3 workers in a row could not start \\(the last ended with 3;"):
        heard(workers.local(2, mine.broken), unit(1, "a"))
    assert not multiprocessing.active_children()
    mine.runners.__module__ = "__main__"
    with pytest.raises(UsageError, match="wanted one of a module"):
        workers.local(1, mine.runners)


def test_a_worker_has_one_thread_and_keeps_temporary_files_in_the_batch_s_own_folder(mine, tmp_path):
    (tmp_path / "scratch").mkdir()
    found = heard(workers.local(1, mine.runners, tmp_path / "scratch"), unit(1, "where"))
    assert [m.text for m in found if isinstance(m, Said) and m.text] == [f"{tmp_path / 'scratch'} 1"]


def test_a_worker_ends_with_its_parent_whatever_it_is_doing(mine, tmp_path):
    script = [sys.executable, "-c", SCRIPT.replace("JOB", "endless")]
    process = subprocess.Popen(script, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    while process.stdout.readline() != "Said begun\n":
        assert process.poll() is None
    process.kill()
    process.communicate(timeout=LONG)  # standard error ends when the worker, which has it too, is gone


def test_a_worker_runs_neither_the_main_script_nor_what_lies_beside_it(mine, tmp_path):
    folder = tmp_path / "composer"
    folder.mkdir()
    for name in ("queue", "random", "tempfile", "pickle", "socket"):
        (folder / f"{name}.py").write_text(NOSY)
    (folder / "torch.py").write_text(HOSTILE)
    (folder / "script.py").write_text(SCRIPT.replace("JOB", "a"))
    done = subprocess.run([sys.executable, "script.py"], cwd=folder, capture_output=True, text=True, timeout=LONG)
    first, *messages_ = done.stdout.splitlines()
    assert messages_ == ["Said ", "Made ", "Done "]  # and what the worker printed is not among them
    assert done.stderr == "what a rule of one's own prints\n"
    assert set((folder / "imported").read_text().split()) == {first.split()[1]}


@pytest.mark.parametrize("start", ["script", "module"])
def test_a_batch_runs_beside_a_checkout_and_files_named_as_modules(start, tiny, tmp_path):
    for name in ("queue", "random", "torch"):
        (tmp_path / f"{name}.py").write_text(NOSY)
    if start == "script":  # python -m musiclc.cli would run this one itself
        (tmp_path / "musiclc").mkdir()
        (tmp_path / "musiclc" / "__init__.py").write_text(HOSTILE)
    write(tmp_path / "jobs.jsonl", [{"id": "a", "realism": 0, "bars": 4, "model": str(tiny)}])
    command = {"script": [Path(sysconfig.get_path("scripts")) / "musiclc"], "module": [sys.executable, "-m", "musiclc.cli"]}[start]
    process = subprocess.Popen(
        [*command, "batch", "jobs.jsonl", "-O", "out"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    out, said = process.communicate(timeout=LONG)
    assert (process.returncode, Path(out.strip()).parent.name) == (0, "a"), said
    imported = set((tmp_path / "imported").read_text().split()) if (tmp_path / "imported").exists() else set()
    assert imported <= ({str(process.pid)} if start == "module" else set())


def test_the_current_folder_is_off_the_import_path_unless_musiclc_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    assert import_path(["", str(tmp_path), "/usr/lib/python", ".", str(tmp_path / "link"), str(tmp_path / "lib")]) == [
        "/usr/lib/python",
        str(tmp_path / "lib"),
    ]
    monkeypatch.setattr("musiclc.batch.process._ROOT", tmp_path)
    assert import_path(["", str(tmp_path)]) == ["", str(tmp_path)]


def test_the_first_process_is_kept_from_ctrl_c_as_the_others_are(tmp_path):
    """The first start of a process starts multiprocessing's resource tracker within it, which unblocks SIGINT."""
    (tmp_path / "masks.py").write_text("import signal\ndef tell(end):\n    end.send(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))\n")
    code = """if True:
        from multiprocessing import Pipe
        import masks
        from musiclc.batch.process import started
        for _ in range(2):
            here, there = Pipe(duplex=False)
            process = started(masks.tell, there)
            print(here.recv())
            process.join()"""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd="/", capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["True", "True"], done.stderr
