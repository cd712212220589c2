"""By hand: python -m tests.stop_twenty [STOPS]. Ctrl-C at random moments of runs: each ends soon, with 130, one line and a true manifest.

In turns `sample`, whose manifest must name just the files that are there, with their hashes, and `batch`, which must go on to the undisturbed
folder. Moments are counted from when main of musiclc.cli begins: what Python does before is not ours. On a busy machine what counts is how much of
the processor a run uses after the stop.
"""

import contextlib
import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from musiclc.model.checkpoint import save_model
from tests.helpers import tiny_model

START = "from musiclc.cli import main; print('begun', flush=True); main()"
SOON = 2.0  # seconds of the processor


def started(words, **options):
    process = subprocess.Popen([sys.executable, "-c", START, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    assert process.stdout.readline() == "begun\n"
    return process


def stopped(words, after):
    """Ctrl-C so many seconds after the start → exit code, seconds to the end, what was said; the code is 0 where the run was over before."""
    process = started(words)
    timer = threading.Timer(after, process.send_signal, [signal.SIGINT])
    timer.start()
    out, err = process.communicate(timeout=120)
    ended = time.monotonic()
    timer.cancel()
    return process.returncode, ended, out, err


def used(pid):
    """Seconds of the processor that a process has used so far."""
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def used_by_children():
    """Seconds that all processes have used that were waited for."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


def true_manifest(folder):
    """Whether a folder's manifest names the files that are there, each with its hash; or there is neither."""
    there = {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*.mid")} if folder.exists() else {}
    if not (folder / "manifest.jsonl").exists():
        return not there
    told = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    left = [p.name for p in folder.iterdir() if p.name.startswith(".")]
    return not left and {e["file"]: e["sha256"] for e in told} == there


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


def sampling(here, folder, n):
    return ["sample", "--bars", 4, "--model", here / "tiny.safetensors", "-n", n, "--seed", 1, "--realism", 0, "--quiet", "-o", folder]


def main(stops):
    random.seed(6)
    slowest, longest, codes = 0.0, 0.0, []
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        save_model(tiny_model(), here / "tiny.safetensors")
        jobs = [{"id": f"j{i}", "seed": i, "bars": 4, "realism": 0, "model": str(here / "tiny.safetensors")} for i in range(30)]
        (here / "jobs.jsonl").write_text("".join(json.dumps(job) + "\n" for job in jobs))
        batch = ["batch", here / "jobs.jsonl", "--workers", 1, "--quiet", "-O"]
        lasts = {}
        for kind, words in (("sample", sampling(here, here / "once", 150)), ("batch", [*batch, here / "whole"])):
            began = time.monotonic()
            code, ended, *_ = stopped(words, 3600)
            assert code == 0
            lasts[kind] = ended - began
        whole = contents(here / "whole")
        for number in range(stops):
            kind, folder = ("batch", "sample")[number % 2], here / f"out{number}"
            words = sampling(here, folder, 150) if kind == "sample" else [*batch, folder]
            after = random.uniform(0, lasts[kind])
            before = used_by_children()
            process = started(words)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(after)
            sent, so_far = time.monotonic(), used(process.pid) if process.poll() is None else 0.0
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=120)
            took, code = time.monotonic() - sent, process.returncode
            worked = used_by_children() - before - so_far if code else 0.0
            longest = max(longest, worked if kind == "sample" else 0.0)  # a batch's workers have used theirs before
            print(f"{kind} stopped after {after:.2f} s of {lasts[kind]:.2f}: {code}, {took:.2f} s, {worked:.2f} used, {err.strip()!r}", flush=True)
            over = code == -signal.SIGINT and not err  # Python is ending already, and no longer ours
            assert code in (130, 0) or over, err
            assert "Traceback" not in err
            assert err.count("\n") <= 1
            assert kind == "batch" or worked < SOON
            codes.append(code)
            slowest = max(slowest, took)
            if kind == "sample":
                assert true_manifest(folder)
            else:
                code, *_ = stopped(words, 3600)
                assert code == 0
                assert contents(folder) == whole
    print(f"{stops} stops, {codes.count(130)} of them of a run, the slowest over after {slowest:.2f} s, {longest:.2f} used; all folders true")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
