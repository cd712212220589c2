"""Which files a command reads: in order, folders opened, and what went wrong beside what was found."""

import io
import os
import sys

import pytest

from musiclc.midi.inputs import expand


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "songs" / "below").mkdir(parents=True)
    (tmp_path / "none").mkdir()
    for name in ("b.MID", "a.midi", "notes.txt", "below/c.mid"):
        (tmp_path / "songs" / name).write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(("recursive", "names"), [(False, ["a.midi", "b.MID"]), (True, ["a.midi", "b.MID", "below/c.mid"])])
def test_a_folder_is_its_midi_files_by_name(folder, recursive, names):
    found, errors = expand([str(folder / "songs")], recursive)
    assert [i.under for i in found] == names
    assert [i.name for i in found] == [str(folder / "songs" / name) for name in names]
    assert errors == []


def test_what_is_there_is_found_beside_what_is_not(folder, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"MThd")))
    found, errors = expand([str(folder / "none"), "x/missing.mid", "-"])
    assert [(i.name, i.under, i.source if i.name == "-" else str(i.source)) for i in found] == [
        ("x/missing.mid", "missing.mid", "x/missing.mid"),
        ("-", "stdin.mid", b"MThd"),
    ]
    assert [str(e) for e in errors] == [f"{folder}/none: no MIDI files in this folder; -r looks below it too"]


def test_a_closed_folder_below_is_named_and_stops_no_other(folder, monkeypatch):
    real = os.scandir

    def scandir(path):
        if str(path).endswith("below"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found, errors = expand([str(folder / "songs")], recursive=True)
    assert [i.under for i in found] == ["a.midi", "b.MID"]
    assert [str(e) for e in errors] == [f"{folder}/songs/below: cannot be read (Permission denied)"]
