"""Notes → sound: a WAV through the SoundFont that pretty_midi ships, 16 bit, 44.1 kHz, stereo. The same notes, the same bytes
(with the same versions of both packages on one kind of machine).

The notes are written as a plain MIDI file (a tick is a tenth of a millisecond), which midirenderer's RustySynth plays with reverb at
48 kHz; soxr brings that to 44.1 kHz. Pedal, bends and controllers are left out. TimGM6mb.sf2 by Tim Brechbill is under the GPL, version 2;
it is read where pretty_midi installed it and never copied.

Inside: `check`, `wav`.
"""

import functools
import importlib.util
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from musiclc.errors import InputError, MusiclcError
from musiclc.midi.codec import END_OF_TRACK, NOTE_OFF, NOTE_ON, PROGRAM, TEMPO, encoded, message, meta_message
from musiclc.midi.performance import Sound

RATE, SYNTH_RATE = 44_100, 48_000  # Hz: of the file, and of midirenderer, which knows no other
TICKS_PER_SECOND = 10_000
TAIL = 2.0  # seconds after the last note, for its release and the room
PEAK = 0.7  # of full scale, -3 dB: the loudest sample
LONGEST = 30 * 60  # seconds: 300 MB of sound
DRUM_CHANNEL = 9
CHANNELS = [c for c in range(16) if c != DRUM_CHANNEL]
NEEDED = ("midirenderer", "soxr")


def check() -> None:
    """Raises MusiclcError when a package that makes sound is missing, and says how to get it."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MusiclcError(f"WAV needs {' and '.join(missing)}; get it with: pip install 'musiclc[render]'")


def wav(notes: Iterable[Sound], name: str = "notes") -> bytes:
    """A WAV file of the notes. name: of the file they came from, for the error.

    Raises MusiclcError when a package is missing, InputError for more than half an hour.
    """
    import wave

    check()
    sounds = list(notes)
    seconds = max((n.end for n in sounds), default=0.0) + TAIL
    if seconds > LONGEST:
        raise InputError(f"{name}: {seconds / 60:.0f} minutes long; WAV is made of at most {LONGEST // 60}")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(_samples(_midi(sounds, seconds), name).tobytes())
    return buffer.getvalue()


@functools.cache
def _soundfont() -> bytes:
    """The SoundFont's bytes. Found without importing pretty_midi, which midi/objects.py alone may do."""
    spec = importlib.util.find_spec("pretty_midi")
    folders = [Path(p) for p in (spec.submodule_search_locations or [])] if spec else []
    found = next((p for folder in folders for p in sorted(folder.glob("*.sf2"))), None)
    if found is None:
        raise MusiclcError("no SoundFont in pretty_midi; wanted TimGM6mb.sf2, which pretty_midi 0.2.11 ships")
    return found.read_bytes()


def _samples(midi: bytes, name: str) -> np.ndarray:
    """What the synthesiser plays, at RATE and with its loudest sample at PEAK: (n, 2) of 16-bit integers."""
    import midirenderer
    import soxr

    try:
        played = midirenderer.render_wave_from(_soundfont(), midi)
    except (RuntimeError, ValueError) as error:
        raise MusiclcError(f"{name}: the synthesiser failed ({error})") from error
    sound = np.frombuffer(played, "<i2", offset=44).reshape(-1, 2).astype(np.float32)
    sound = soxr.resample(sound, SYNTH_RATE, RATE)
    loudest = float(np.abs(sound).max(initial=0.0))
    return np.rint(sound * (PEAK * 32767 / max(loudest, 1.0))).astype("<i2")


# ---- notes as the synthesiser takes them ---------------------------------------------------------------------------


def _midi(notes: list[Sound], seconds: float) -> bytes:
    """A type 0 file: one channel a track, drums on theirs; notes end before others begin."""
    tracks = sorted({n.track for n in notes if not n.is_drum})
    channel = {t: CHANNELS[i % len(CHANNELS)] for i, t in enumerate(tracks)}
    placed = sorted(event for n in notes for event in _messages(n, DRUM_CHANNEL if n.is_drum else channel[n.track]))
    tempo = meta_message(0, TEMPO, (1_000_000).to_bytes(3, "big"))  # a second a quarter
    end = meta_message(round(seconds * TICKS_PER_SECOND), END_OF_TRACK)
    return encoded(0, TICKS_PER_SECOND, [[tempo, *(message(tick, *data) for tick, _, data in placed), end]])


def _messages(note: Sound, channel: int) -> Iterator[tuple[int, int, bytes]]:
    """(tick, order at that tick, the message's bytes) of a note's program, beginning and end."""
    start = round(note.start * TICKS_PER_SECOND)
    end = max(round(note.end * TICKS_PER_SECOND), start + 1)
    if not note.is_drum:
        yield start, 1, bytes((PROGRAM | channel, note.program))
    yield start, 2, bytes((NOTE_ON | channel, note.pitch, max(note.velocity, 1)))
    yield end, 0, bytes((NOTE_OFF | channel, note.pitch, 64))
