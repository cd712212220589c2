"""A melody as a new file: what is in it, and that it reads back as it was."""

import io

import mido
import pytest

from musiclc.errors import InputError, MusiclcError
from musiclc.midi import TICKS, read_melody, to_bytes
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import METERS
from tests.helpers import c_major_scale, jig


def write(path, melody, **style):
    path.write_bytes(to_bytes(melody, **style))
    return path


@pytest.mark.parametrize("melody", [c_major_scale(), jig(), *(Melody((Note(3, 60, 1),), meter, 4) for meter in METERS)])
@pytest.mark.parametrize("midi_type", [0, 1])
def test_written_files_read_back_the_same(tmp_path, melody, midi_type):
    assert read_melody(write(tmp_path / "a.mid", melody, midi_type=midi_type, bpm=97)) == melody


def test_style_is_in_the_file():
    file = mido.MidiFile(file=io.BytesIO(to_bytes(jig(), bpm=90, program=73, midi_type=0)))
    messages = {m.type: m for m in file.tracks[0]}
    assert file.type == 0
    assert len(file.tracks) == 1
    assert round(mido.tempo2bpm(messages["set_tempo"].tempo), 3) == 90
    assert (messages["time_signature"].numerator, messages["time_signature"].denominator) == (6, 8)
    assert messages["program_change"].program == 73
    assert sum(m.time for m in file.tracks[0]) == 4 * 3 * TICKS  # the clip is four whole bars long


@pytest.mark.parametrize("meter", METERS)
def test_the_first_note_of_a_bar_is_louder_in_every_meter(meter):
    bar, (numerator, denominator) = METERS[meter], map(int, meter.split("/"))
    file = mido.MidiFile(file=io.BytesIO(to_bytes(Melody(tuple(Note(s, 60, 1) for s in range(2 * bar)), meter, 2), midi_type=0)))
    signature = next(m for m in file.tracks[0] if m.type == "time_signature")
    assert (signature.numerator, signature.denominator) == (numerator, denominator)
    velocities = [m.velocity for m in file.tracks[0] if m.type == "note_on"]
    assert [i for i, velocity in enumerate(velocities) if velocity == max(velocities)] == [0, bar]


def test_human_timing_goes_to_the_grid_and_chords_give_their_top(tmp_path):
    track = mido.MidiTrack()
    for pitch, wait in ((60, 7), (64, 0), (67, 3)):
        track.append(mido.Message("note_on", note=pitch, velocity=80, time=wait))
    for pitch, wait in ((60, 470), (64, 0), (67, 0)):
        track.append(mido.Message("note_off", note=pitch, velocity=0, time=wait))
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(track)
    file.save(tmp_path / "a.mid")
    assert read_melody(tmp_path / "a.mid").notes == (Note(0, 67, 4),)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "ends too early"),
        (b"hello, this is text", "not a standard MIDI file"),
        (to_bytes(Melody((), "4/4", 4)), "no notes"),
        (b"MThd\0\0\0\6\0\1\0\0\xe7\x28", "SMPTE"),
    ],
)
def test_bad_files_are_one_line(tmp_path, data, why):
    (tmp_path / "a.mid").write_bytes(data)
    with pytest.raises(InputError, match=why) as caught:
        read_melody(tmp_path / "a.mid")
    assert "\n" not in str(caught.value)
    assert "a.mid" in str(caught.value)


@pytest.mark.parametrize(("style", "why"), [({"program": 128}, "program 128"), ({"bpm": 0}, "0 quarter notes"), ({"bpm": 3.5}, "3.5 quarter notes")])
def test_what_a_file_cannot_hold_is_refused(style, why):
    with pytest.raises(MusiclcError, match=why):
        to_bytes(jig(), **style)
