"""By hand: python -m tests.stop_twenty [STOPS]. Ctrl-C at random moments of runs: each ends soon, with 130, one line and a true manifest.

In turns `sample`, whose manifest must name just the files that are there, with their hashes, and `batch`, which must go on to the undisturbed
folder. Moments are counted from when musiclc itself begins to run: what Python does before is not ours.
"""

import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from musiclc.model.checkpoint import save_model
from tests.helpers import tiny_model

START = "import sys; print('begun', flush=True); from musiclc.cli import main; main()"
SOON = 5.0  # seconds; on an idle machine it is one


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
    slowest, codes = 0.0, []
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        save_model(tiny_model(), here / "tiny.safetensors")
        jobs = [{"id": f"j{i}", "seed": i, "bars": 4, "realism": 0, "model": str(here / "tiny.safetensors")} for i in range(60)]
        (here / "jobs.jsonl").write_text("".join(json.dumps(job) + "\n" for job in jobs))
        batch = ["batch", here / "jobs.jsonl", "--workers", 1, "--quiet", "-O"]
        lasts = {}
        for kind, words in (("sample", sampling(here, here / "once", 300)), ("batch", [*batch, here / "whole"])):
            began = time.monotonic()
            code, ended, *_ = stopped(words, 3600)
            assert code == 0
            lasts[kind] = ended - began
        whole = contents(here / "whole")
        for number in range(stops):
            kind, folder = ("batch", "sample")[number % 2], here / f"out{number}"
            words = sampling(here, folder, 300) if kind == "sample" else [*batch, folder]
            after = random.uniform(0, lasts[kind])
            process = started(words)
            time.sleep(after)
            sent = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=120)
            took, code = time.monotonic() - sent, process.returncode
            print(f"{kind} stopped after {after:.2f} s of {lasts[kind]:.2f}: {code}, {took:.2f} s, {err.strip()!r}", flush=True)
            assert code in (130, 0), err
            assert "Traceback" not in err
            assert err.count("\n") <= 1
            codes.append(code)
            slowest = max(slowest, took)
            if kind == "sample":
                assert true_manifest(folder)
            else:
                code, *_ = stopped(words, 3600)
                assert code == 0
                assert contents(folder) == whole
    print(f"{stops} stops, {codes.count(130)} of them of a run, the slowest over after {slowest:.2f} s; manifests true, batches as undisturbed")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
