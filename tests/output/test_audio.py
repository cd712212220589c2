"""Sound: the right length, pitch and format, the same bytes, and a plain word when a package is missing."""

import importlib.util
import io
import wave

import numpy as np
import pytest

from musiclc.errors import InputError, MusiclcError
from musiclc.midi.codec import parse
from musiclc.midi.notes import instruments
from musiclc.midi.performance import Sound
from musiclc.midi.timing import clock
from musiclc.output import audio
from musiclc.output.pianoroll import sheet_of
from tests.helpers import c_major_scale

has_synthesiser = pytest.mark.skipif(not all(importlib.util.find_spec(name) for name in audio.NEEDED), reason="pip install 'musiclc[render]'")


def samples(data):
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 44_100)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).astype(float)


@has_synthesiser
def test_a_note_sounds_at_its_pitch_when_it_should_and_no_longer():
    heard = samples(audio.wav([Sound(0, 1.0, 2.0, 69, program=73)]))  # A4 on a flute, after a second of silence
    assert len(heard) == 4 * 44_100  # the note's end and the tail
    assert np.abs(heard[:44_000]).max() < 30
    assert np.abs(heard).max() == pytest.approx(0.7 * 32767, abs=1)
    middle = heard[round(1.3 * 44_100) : round(1.8 * 44_100)].mean(axis=1)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.fft.rfftfreq(len(middle), 1 / 44_100)[spectrum.argmax()] == pytest.approx(440, abs=5)
    assert np.abs(heard[-2000:]).max() < 0.02 * 32767


@has_synthesiser
def test_the_same_notes_give_the_same_bytes_and_many_tracks_and_drums_are_played():
    notes = sheet_of(c_major_scale()).notes
    assert audio.wav(notes) == audio.wav(reversed(notes))
    crowd = [Sound(t, 0.1 * t, 0.1 * t + 0.3, 50 + t, program=t) for t in range(20)] + [Sound(20, 0, 0.1, 38, is_drum=True)]
    assert np.abs(samples(audio.wav(crowd))).max() > 20_000


@has_synthesiser
def test_hours_are_refused():
    with pytest.raises(InputError, match=r"long\.mid: 60 minutes long; .* at most 30"):
        audio.wav([Sound(0, 0, 3600, 60)], "long.mid")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(audio, "NEEDED", ("no_such_synthesiser",))
    with pytest.raises(MusiclcError, match=r"no_such_synthesiser.*pip install 'musiclc\[render\]'"):
        audio.wav([])


def test_the_synthesiser_gets_every_note_on_a_channel_of_its_track():
    notes = [Sound(0, 0.5, 1.0, 60, 90, 73), Sound(4, 0.5, 0.5, 64, 0, 40), Sound(5, 0.0, 0.1, 38, 70, 0, is_drum=True)]
    file = parse(audio._midi(notes, 3.0), "sound.mid")
    parts = {(i.channel, i.program): i.notes for i in instruments(file)}
    assert {where: [n[:4] for n in found] for where, found in parts.items()} == {
        (9, 0): [(0, 1000, 38, 70)],
        (0, 73): [(5000, 10000, 60, 90)],
        (1, 40): [(5000, 5001, 64, 1)],  # never without length, nor silent
    }
    assert clock(file, [0])(file.length(0)) == 3.0
