"""What else changes in a file, and how time grows with length: counted by hand, with editing and the clock as stubs."""

import io
from types import SimpleNamespace

import mido

from musiclc.evaluation import untouched
from musiclc.evaluation.arranged import CHANNEL, MELODY, arranged
from musiclc.midi import read_song
from tests.evaluation.worked import tune
from tests.helpers import c_major_scale, jig


def with_lyric(data, text):
    file = mido.MidiFile(file=io.BytesIO(data))
    for track in file.tracks:
        for i, message in enumerate(track):
            if message.type == "lyrics":
                track[i] = message.copy(text=text)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def voice_moved(data, semitones):
    """The file with the notes of its melody's track moved."""
    file = mido.MidiFile(file=io.BytesIO(data))
    for track in file.tracks:
        if track.name == MELODY:
            track[:] = [m.copy(note=m.note + semitones) if m.type in ("note_on", "note_off") and m.channel == CHANNEL else m for m in track]
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def editor(monkeypatch, *edits):
    """Puts these functions of a file's bytes in the editor's place, one a file; what is asked of each file is kept in the list."""
    asked, files, ways = [], [], iter(edits)
    monkeypatch.setattr(untouched, "arranged", lambda data, seed: files.append(arranged(data, seed)) or files[-1])

    def transformed(model, song, goals):
        asked.append(goals)
        return SimpleNamespace(data=next(ways)(files[-1]))

    monkeypatch.setattr(untouched, "transformed", transformed)
    return asked


def test_shares_of_files_by_hand(monkeypatch):
    """Of four files one comes back as it was, one with a word changed, two with the melody moved: up a fifth, or to what was asked of it."""
    monkeypatch.setattr(untouched, "tunes", lambda n, seed: [tune(c_major_scale(), f"tune {number}") for number in range(n)])
    monkeypatch.setattr(untouched, "parallel", lambda tune: {"scale": "Db" if tune.name == "tune 3" else "C minor"})
    monkeypatch.setattr(untouched, "denser", lambda tune: {"density": "6.4"})  # 32 notes, and a bar of rest at the end
    asked = editor(
        monkeypatch, lambda data: data, lambda data: with_lyric(data, "lo"), lambda data: voice_moved(data, 7), lambda data: voice_moved(data, 1)
    )
    (row,) = untouched.untouched(None, None, 4, 7)
    assert row == {"files": 4, "edited": 0.75, "every other event unchanged": 0.75, "constraints met": 0.25}
    assert asked[0] == {"scale": "C minor", "density": "6.4"}


def test_what_no_bar_can_hold_is_not_asked_for(monkeypatch):
    asked = editor(monkeypatch, lambda data: data)
    monkeypatch.setattr(untouched, "tunes", lambda n, seed: [tune(c_major_scale())])
    monkeypatch.setattr(untouched, "denser", lambda tune: {"density": "17"})
    untouched.untouched(None, None, 1, 7)
    assert asked == [{"scale": "C minor"}]


def test_times_are_in_units_of_importing_torch(monkeypatch):
    """torch takes 2 s; an edit 1 s and a second for every 50 bars of the file it is given."""
    monkeypatch.setattr(untouched, "tunes", lambda n, seed: [tune(c_major_scale()), tune(jig()), tune(c_major_scale())])
    monkeypatch.setattr(untouched, "LENGTHS", (2, 6))
    commands = []

    def timed(command, repeats=3):
        if command[-1] == "import torch":
            return 2.0, 0.0
        commands.append(command[2:])
        return 1 + sum(s.melody.bars for s in read_song(command[4]).sections) / 50, 0.0

    monkeypatch.setattr(untouched, "timed", timed)
    rows = untouched.length(None, None, 1, 7)
    assert [row["bars"] for row in rows] == [2, 6]
    assert rows[0] == {"bars": 2, "--scale C minor": 0.52, "--density 11": 0.52, "--scale C minor --density 11": 0.52}
    assert rows[1]["--density 11"] == 0.56
    assert commands[0][:2] == ["musiclc.cli", "transform"]


def test_tunes_in_four_four_are_chained_bar_after_bar(monkeypatch):
    monkeypatch.setattr(untouched, "tunes", lambda n, seed: [tune(c_major_scale()), tune(jig()), tune(c_major_scale()), tune(c_major_scale())])
    chain = untouched._chained(6, 7)
    assert (chain.bars, chain.meter, len(chain.notes)) == (8, "4/4", 64)
    assert (chain.notes[32].start, chain.notes[32].pitch) == (64, 60)
    assert chain.window(4) == c_major_scale()
