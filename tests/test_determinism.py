"""Same seed, same bytes, with the shipped model: whatever else a run makes, however many workers and threads there are; and as recorded.

What the promise holds for stands in musiclc/model/numerics.py; the networks' own tests are in model/ and sampling/.
"""

import json
import os
import subprocess
import sys

import pytest

from musiclc.model.numerics import described, precision_of
from musiclc.output.manifest import read_manifest
from tests import numerics
from tests.batch.common import write
from tests.command import musiclc


def hashes(folder):
    """File → hash, as the manifest has them."""
    return {e["file"]: e["sha256"] for e in read_manifest(folder / "manifest.jsonl")}


@pytest.mark.parametrize("width", numerics.WIDTHS)
def test_the_shipped_model_writes_what_was_recorded_for_these_numerics(width):
    name = numerics.row_name(described(precision_of(width)))
    recorded = json.loads(numerics.RECORD.read_text())
    if name not in recorded:
        pytest.skip(f"nothing was recorded for {name}; python -m tests.numerics does")
    assert numerics.written(width) == (name, recorded[name])


def test_rows_of_all_numerics_agree_on_what_they_are():
    rows = json.loads(numerics.RECORD.read_text())
    assert rows
    for name, row in rows.items():
        assert name.split()[0] in numerics.WIDTHS
        assert {case: len(files) for case, files in row.items()} == {"pieces": 2, "phrases": 2}


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """Three pieces of eight bars in one run: the folder."""
    folder = tmp_path_factory.mktemp("three")
    musiclc("sample", "--bars", 8, "--key", "C", "-n", 3, "--seed", 5, "--quiet", "-o", "out", cwd=folder)
    return folder / "out"


def test_one_of_three_pieces_is_that_piece_alone(three, tmp_path):
    musiclc("sample", "--bars", 8, "--key", "C", "-n", 1, "--seed", 5, "--quiet", "-o", "out", cwd=tmp_path)
    assert hashes(tmp_path / "out").items() <= hashes(three).items()


def test_two_workers_two_threads_and_neighbours_of_every_kind_change_no_piece(three, tmp_path):
    """Jobs of the same shape share chunks: here with other seeds, other goals and other counts, in another order."""
    asked = {"bars": 8, "key": "C"}
    others = [{"id": f"o{seed}", **asked, "seed": seed, "n": n} for seed, n in ((9, 2), (4, 1))]
    jobs = [others[0], {"id": "faster", **asked, "seed": 7, "bpm": 90}, {"id": "ours", **asked, "seed": 5, "n": 3}, others[1]]
    write(tmp_path / "jobs.jsonl", jobs)
    words = ["batch", "jobs.jsonl", "-O", "out", "--workers", "2", "--quiet"]
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-m", "musiclc.cli", *words], cwd=tmp_path, env=environment, check=True, stdout=subprocess.DEVNULL)
    ours = {name.partition("/")[2]: digest for name, digest in hashes(tmp_path / "out").items() if name.startswith("ours/")}
    assert ours == hashes(three)


def test_a_checked_manifest_of_a_run_is_as_said_and_each_byte_counts(three):
    """What score --check says of a whole run; tests/output/test_verify.py has each thing that can differ."""
    assert "3 of 3 files are what the manifest says" in musiclc("score", "--check", three / "manifest.jsonl").err
    (name, *_) = hashes(three)
    data = (three / name).read_bytes()
    velocity = max(at for at in range(len(data) - 2) if data[at] & 0xF0 == 0x90 and data[at + 2] > 1) + 2
    try:
        (three / name).write_bytes(data[:velocity] + bytes([data[velocity] - 1]) + data[velocity + 1 :])
        done = musiclc("score", "--check", three / "manifest.jsonl", code=1)
    finally:
        (three / name).write_bytes(data)
    assert done.out.decode().startswith(f"{three / name}: other bytes: sha256")
    assert "2 of 3 files are what the manifest says" in done.err
