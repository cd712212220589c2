"""A melody as a new MIDI file.

TICKS ticks a quarter, one tempo, one meter, one program; type 1 has a track for tempo and meter and one for notes, type 0 has all
in one. Tempo counts quarter notes a minute, in 6/8 too, as MIDI does.

Inside: `to_bytes`.
"""

from collections.abc import Iterator

from musiclc.errors import MusiclcError
from musiclc.midi.codec import END_OF_TRACK, METER, NAME, NOTE_OFF, NOTE_ON, PROGRAM, TEMPO, Event, encoded, message, meta_message
from musiclc.music.melody import Melody
from musiclc.music.theory import STEPS_PER_QUARTER

TICKS = 480  # a quarter note
TICKS_PER_STEP = TICKS // STEPS_PER_QUARTER
VELOCITY, DOWNBEAT_VELOCITY, OFF_VELOCITY = 84, 96, 64
CLOCKS_A_CLICK, THIRTY_SECONDS_A_QUARTER = 24, 8  # of a time signature: the metronome's, and the usual writing


def to_bytes(melody: Melody, *, bpm: float = 120.0, program: int = 0, midi_type: int = 1, name: str = "melody") -> bytes:
    """A standard MIDI file of the melody. bpm: quarter notes a minute; program: General MIDI, 0-127; midi_type: 0 or 1.

    Raises MusiclcError for a program or a tempo that a file cannot hold.
    """
    if not 0 <= program <= 127:
        raise MusiclcError(f"program {program}: wanted 0 to 127 (General MIDI, counted from 0)")
    head = [meta_message(0, NAME, name.encode()), meta_message(0, TEMPO, _tempo(bpm)), meta_message(0, METER, _signature(melody.meter))]
    notes = [message(0, PROGRAM, program), *_note_messages(melody), meta_message(melody.steps * TICKS_PER_STEP, END_OF_TRACK)]
    tracks = [[*head, *notes]] if midi_type == 0 else [[*head, meta_message(0, END_OF_TRACK)], notes]
    return encoded(midi_type, TICKS, tracks)


def _tempo(bpm: float) -> bytes:
    """Microseconds a quarter note, as a file has them."""
    microseconds = round(60e6 / bpm) if bpm > 0 else 0
    if not 0 < microseconds < 2**24:
        raise MusiclcError(f"{bpm:g} quarter notes a minute: wanted about 3.6 to 60 million")
    return microseconds.to_bytes(3, "big")


def _signature(meter: str) -> bytes:
    """A time signature's data: the denominator as a power of two."""
    numerator, denominator = map(int, meter.split("/"))
    return bytes((numerator, denominator.bit_length() - 1, CLOCKS_A_CLICK, THIRTY_SECONDS_A_QUARTER))


def _note_messages(melody: Melody) -> Iterator[Event]:
    """The beginning and the end of each note."""
    for note in melody.notes:
        velocity = VELOCITY if note.start % melody.steps_per_bar else DOWNBEAT_VELOCITY
        yield message(note.start * TICKS_PER_STEP, NOTE_ON, note.pitch, velocity)
        yield message(note.end * TICKS_PER_STEP, NOTE_OFF, note.pitch, OFF_VELOCITY)
