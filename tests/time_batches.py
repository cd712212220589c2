"""By hand: python -m tests.time_batches. What batches cost on two cores, as a Markdown table; ten minutes on a machine with nothing else to do.

Times are wall time of whole commands in units of `python -c "import torch"`, the median of those timed before each command; memory is
the most that all processes of a run held at one moment (proportional set sizes, looked at once a second).
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from musiclc.model.checkpoint import save_model
from tests.helpers import tiny_model

PYTHON, MUSICLC = [sys.executable], [sys.executable, "-m", "musiclc.cli", "batch"]
THOUSAND, HUNDRED_THOUSAND = 1_000, 100_000


def family(pid):
    """A process and all its children, theirs too."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]  # it has ended meanwhile
    return [pid, *(one for child in children for one in family(int(child)))]


def held(pid):
    """MB that a process and its children hold."""
    total = 0
    for one in family(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue  # it has ended meanwhile
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def ran(command):
    """Wall seconds and the most memory in MB."""
    began, most = time.monotonic(), 0.0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        most = max(most, held(process.pid))
        time.sleep(0.1 if time.monotonic() - began < 3 else 1)
    assert process.returncode in (0, 3), command
    return time.monotonic() - began, most


def table(path, count, **fields):
    path.write_text("".join(json.dumps({"id": f"j{i}", "seed": i, "bars": 4, **fields}) + "\n" for i in range(count)))
    return str(path)


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def main():
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        save_model(tiny_model(), here / "tiny.safetensors")
        key = table(here / "key.jsonl", THOUSAND, key="C", density="6")
        both = table(here / "both.jsonl", THOUSAND, key="C", density="9..11")
        many = table(here / "many.jsonl", HUNDRED_THOUSAND, realism="0", model=str(here / "tiny.safetensors"))
        commands = {
            "1,000 jobs, key C, density 6, two workers": [key, "-O", here / "two", "--workers", "2"],
            "the same, one worker": [key, "-O", here / "one", "--workers", "1"],
            "1,000 jobs, key C, density 9..11, two workers": [both, "-O", here / "both", "--workers", "2"],
            "100,000 jobs checked (--check)": [many, "-O", here / "many", "--check"],
            "100,000 jobs made by a tiny model": [many, "-O", here / "many", "--workers", "2"],
            "the same again: nothing to do": [many, "-O", here / "many", "--workers", "2"],
        }
        units, rows = [], {}
        for what, rest in commands.items():
            units += [ran([*PYTHON, "-c", "import torch"])[0] for _ in range(3)]
            rows[what] = ran([*MUSICLC, *map(str, rest), "--quiet"])
        unit = statistics.median(units)
        print(f"| command | s | × import torch | MB |\n|---|---|---|---|\n| import torch | {unit:.2f} | 1 | |")
        for what, (seconds, memory) in rows.items():
            print(f"| {what} | {seconds:.1f} | {seconds / unit:.1f} | {memory:.0f} |")
        (two, _), (one, _) = list(rows.values())[:2]
        print(f"| two workers over one | | {one / two:.2f} | |")
        same = contents(here / "one") == contents(here / "two")
        print(f"\nTwo workers are {one / two:.2f} times as fast as one; their folders are {'the same byte for byte' if same else 'NOT the same'}.")


if __name__ == "__main__":
    main()
