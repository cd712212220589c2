"""A MIDI file as the page draws and plays it."""

import pytest

from musiclc.errors import InputError
from musiclc.midi import to_bytes
from musiclc.music.melody import Melody, Note
from musiclc.studio.sheet import scale_of, sheet_of
from tests.studio.files import several

SCALE = Melody(tuple(Note(i * 4, p, 4) for i, p in enumerate((60, 62, 64, 65, 67, 69, 71, 72))), "4/4", 2)


def test_a_melody_by_hand():
    sheet = sheet_of(to_bytes(SCALE, bpm=120), "x.mid", {"form": "A1 B1"})
    (track,) = (t for t in sheet["tracks"] if t["notes"])
    assert [(n[0], n[1], n[2]) for n in track["notes"][:2]] == [(0.0, 0.5, 60), (0.5, 1.0, 62)]
    assert sheet["bars"] == [0.0, 2.0, 4.0]
    assert (sheet["key"], sheet["scale"], sheet["bpm"], sheet["meter"]) == ("C major", [0, 2, 4, 5, 7, 9, 11], 120.0, "4/4")
    assert sheet["sections"] == [{"name": "A", "letter": "A", "first": 0, "bars": 1}, {"name": "B", "letter": "B", "first": 1, "bars": 1}]
    assert sheet["trouble"] == ""


def test_the_melody_is_the_track_that_is_chosen_and_drums_are_told_apart():
    data = several(tracks=5, bars=4, notes_a_bar=4)
    sheet = sheet_of(data, "x.mid", {})
    assert [t["drums"] for t in sheet["tracks"]] == [False] * 4 + [True]
    assert [sheet["tracks"][i]["name"] for i in sheet["melody"]] == ["Melody"]
    assert [c["name"] for c in sheet["choices"]] == ["Melody", "Part 1", "Part 2", "Part 3"]
    other = sheet_of(data, "x.mid", {}, track="2")
    assert [other["tracks"][i]["name"] for i in other["melody"]] == ["Part 2"]


def test_a_file_without_a_melody_is_drawn_and_says_why_it_cannot_be_edited():
    import io

    import mido

    file = mido.MidiFile()
    file.tracks.append(mido.MidiTrack([mido.Message("note_on", channel=9, note=36), mido.Message("note_off", channel=9, note=36, time=480)]))
    out = io.BytesIO()
    file.save(file=out)
    sheet = sheet_of(out.getvalue(), "beat.mid", {})
    assert sheet["trouble"] == "beat.mid: holds no notes but drums; wanted a melody"
    assert "melody" not in sheet


def test_nothing_to_draw_is_an_error():
    with pytest.raises(InputError, match=r"x\.mid"):
        sheet_of(b"MThd", "x.mid", {})


def test_a_form_that_is_none_names_no_sections():
    assert sheet_of(to_bytes(SCALE), "x.mid", {"form": "<b>"})["sections"] == []
    assert scale_of(None) == scale_of("none") == []
