"""What the shipped model writes, as hashes, for each numerics that were tried: `python -m tests.numerics` adds this machine's to numerics.json.

A row is named after what a manifest says of numerics ("float32 AVX2"), the version of torch and the maker of the processor, whose kernels
add up in other orders. With another model or a change of bytes: `python -m tests.numerics --anew`, which forgets other machines' rows.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

RECORD = Path(__file__).with_name("numerics.json")
CASES = {
    "pieces": ["sample", "--bars", "8", "--key", "C", "-n", "2", "--seed", "1"],
    "phrases": ["sample", "--bars", "4", "--key", "A minor", "--density", "6..9", "-n", "2", "--seed", "1"],
}
WIDTHS = ("float32", "bfloat16")
CAPABILITIES = ("default", "avx2", "avx512")  # as torch's ATEN_CPU_CAPABILITY takes them


def row_name(numerics):
    """The name of a row, for the numerics that a manifest has."""
    import torch

    info = Path("/proc/cpuinfo")
    maker = (
        next((line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("vendor_id")), "?") if info.exists() else "?"
    )
    return f"{numerics}, torch {torch.__version__.partition('+')[0]}, {maker}"


def written(width):
    """(name of the row, {case: hashes of its files}) of this process."""
    from tests.command import musiclc

    found, names = {}, set()
    with tempfile.TemporaryDirectory() as folder:
        for case, words in CASES.items():
            musiclc(*words, "--numerics", width, "--quiet", "-o", case, cwd=folder)
            told = [json.loads(line) for line in (Path(folder) / case / "manifest.jsonl").read_text().splitlines()]
            assert [hashlib.sha256((Path(folder) / case / e["file"]).read_bytes()).hexdigest() for e in told] == [e["sha256"] for e in told]
            names |= {e["numerics"] for e in told}
            found[case] = [e["sha256"] for e in told]
    (numerics,) = names
    return row_name(numerics), found


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.numerics")
    parser.add_argument("--one", choices=WIDTHS, help="only print what this process writes")
    parser.add_argument("--anew", action="store_true", help="forget the rows of other machines")
    parser.add_argument("--capability", choices=CAPABILITIES, action="append", help="only this one, which may be said again; all when absent")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(written(given.one)))
        return
    rows = {} if given.anew or not RECORD.exists() else json.loads(RECORD.read_text())
    for capability in given.capability or CAPABILITIES:
        for width in WIDTHS:
            environment = {**os.environ, "ATEN_CPU_CAPABILITY": capability, "OMP_NUM_THREADS": "1"}
            words = [sys.executable, "-m", "tests.numerics", "--one", width]
            done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
            name, found = json.loads(done.stdout)
            print(f"{name}: {'as recorded' if rows.get(name) == found else 'other bytes' if name in rows else 'new'}", flush=True)
            rows[name] = found
            RECORD.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
