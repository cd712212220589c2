"""The recipes in examples/, run as a user would run them, with small sizes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from musiclc.midi import read_melody, to_bytes
from musiclc.rules import score
from tests.helpers import c_major_scale

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """All at once, since each waits for its own start-up: name → (folder, what it printed)."""
    folder = tmp_path_factory.mktemp("recipes")
    (folder / "bin").mkdir()
    (folder / "bin" / "musiclc").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m musiclc.cli "$@"\n')
    (folder / "bin" / "musiclc").chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "N": "1", "KEYS": "C,F# minor"}
    sweep = ["make", "-s", "-f", EXAMPLES / "density_sweep.mk", "OUT=sweep", "DENSITIES=4,8", "N=1"]
    (folder / "songs" / "below").mkdir(parents=True)
    for place in ("a.mid", "below/b.mid"):
        (folder / "songs" / place).write_bytes(to_bytes(c_major_scale().transpose(1)))
    commands = {
        "dorian": ["sh", EXAMPLES / "to_dorian.sh", "songs", "dorian"],
        "keys": ["sh", EXAMPLES / "every_key.sh", "keys"],
        "sweep": sweep,
        "asked": [sys.executable, EXAMPLES / "asked_and_got.py", "asked", "1"],
    }
    running = {
        n: subprocess.Popen(c, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for n, c in commands.items()
    }
    said = {name: process.communicate(timeout=120) for name, process in running.items()}
    assert {name: process.returncode for name, process in running.items()} == dict.fromkeys(commands, 0), said
    again = subprocess.run(sweep, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return folder, {name: out for name, (out, _) in said.items()} | {"again": again.stdout}


def test_melodies_in_every_key(ran):
    entries = [json.loads(line) for line in (ran[0] / "keys" / "manifest.jsonl").read_text().splitlines()]
    assert [e["file"] for e in entries] == ["key-C/C-major-0001.mid", "key-F#-minor/F#-minor-0001.mid"]
    assert [e["constraints"][0]["goal"] for e in entries] == ["C major", "F# minor"]


def test_a_folder_of_files_to_d_dorian(ran):
    assert ran[1]["dorian"].split() == ["dorian/a.mid", "dorian/below/b.mid"]
    for name in ran[1]["dorian"].split():
        assert score(read_melody(ran[0] / name), {"key": "D dorian"})[0]["satisfied"]


def test_a_density_sweep_makes_nothing_twice(ran):
    assert sorted(ran[1]["sweep"].split()) == ["sweep/density-4/melody-1-0001.mid", "sweep/density-8/melody-1-0001.mid"]
    assert ran[1]["again"] == ""


def test_a_table_of_what_was_asked_and_got(ran):
    rows = [line.split() for line in ran[1]["asked"].splitlines()]
    assert rows[0] == ["job", "rule", "asked", "got", "met"]
    assert [row[0] for row in rows[1::2]] == [f"shape-{c}-{d}" for c in ("up", "down") for d in (4, 7, 10)]
