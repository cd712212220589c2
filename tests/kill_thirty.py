"""By hand: python -m tests.kill_thirty [KILLS]. SIGKILL at random moments, then the same command again: the folder must be the undisturbed one.

Every other time all processes of the run are killed at once, as when a machine dies; otherwise only the one that writes.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from musiclc.model.checkpoint import save_model
from tests.helpers import tiny_model

COMMAND = [sys.executable, "-m", "musiclc.cli", "batch"]


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


def workers_of(process):
    found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    return [int(pid) for pid in found]


def killed(command, seconds, everyone):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    for pid in workers_of(process) if everyone else []:
        os.kill(pid, signal.SIGKILL)
    process.kill()
    process.wait()


def main(kills):
    random.seed(5)
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        save_model(tiny_model(), here / "tiny.safetensors")
        jobs = [{"id": f"j{i}", "density": ">=3", "seed": i, "bars": 4, "n": 1 + i % 3, "model": str(here / "tiny.safetensors")} for i in range(200)]
        (here / "jobs.jsonl").write_text("".join(json.dumps(job) + "\n" for job in jobs))
        began = time.monotonic()
        command = [*COMMAND, str(here / "jobs.jsonl"), "--workers", "2", "--quiet", "-O"]
        subprocess.run([*command, str(here / "whole")], check=True, stdout=subprocess.DEVNULL)
        lasts = time.monotonic() - began
        whole, stopped, cut = contents(here / "whole"), 0, []
        for number in range(kills):
            folder = here / f"out{number // 3}"  # three kills on the way to each finished folder
            killed([*command, str(folder)], random.uniform(0.1, lasts), number % 2 == 0)
            there = {str(p) for p in folder.rglob("*.mid")}
            cut.append(len(there))
            stopped += (folder / ".musiclc").exists()
            if number % 3 == 2:
                made = subprocess.run([*command, str(folder)], check=True, capture_output=True, text=True).stdout.split()
                assert not there & set(made), "a finished file was made again"
                assert len(made) == len(set(made)) == 399 - len(there), (len(made), len(there))
                assert contents(folder) == whole, "not the undisturbed folder"
        print(f"{kills} kills, {stopped} of them while writing; files there after each: {cut}; every folder as undisturbed, none made twice")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
