"""A melody as a new MIDI file.

TICKS ticks a quarter, one tempo, one meter, one program; type 1 has a track for tempo and meter and one for notes, type 0 has all
in one. Tempo counts quarter notes a minute, in 6/8 too, as MIDI does.

Inside: `to_bytes`.
"""

import io
from typing import Any

from musiclc.music.melody import Melody
from musiclc.music.theory import STEPS_PER_QUARTER

TICKS = 480  # a quarter note
TICKS_PER_STEP = TICKS // STEPS_PER_QUARTER
VELOCITY, DOWNBEAT_VELOCITY = 84, 96


def to_bytes(melody: Melody, *, bpm: float = 120.0, program: int = 0, midi_type: int = 1, name: str = "melody") -> bytes:
    """A standard MIDI file of the melody. bpm: quarter notes a minute; program: General MIDI, 0-127; midi_type: 0 or 1."""
    import mido

    numerator, denominator = map(int, melody.meter.split("/"))
    head = [
        mido.MetaMessage("track_name", name=name, time=0),
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm), time=0),
        mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator, time=0),
    ]
    notes = [mido.Message("program_change", program=program, time=0), *_note_messages(melody)]
    end = mido.MetaMessage("end_of_track", time=0)
    file = mido.MidiFile(type=midi_type, ticks_per_beat=TICKS)
    rest = melody.steps * TICKS_PER_STEP - sum(m.time for m in notes)
    notes.append(end.copy(time=rest))
    tracks = [head + notes] if midi_type == 0 else [[*head, end], notes]
    file.tracks.extend(mido.MidiTrack(t) for t in tracks)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _note_messages(melody: Melody) -> list[Any]:
    """note_on and note_off with delta times in ticks."""
    import mido

    messages, now = [], 0
    for note in melody.notes:
        velocity = VELOCITY if note.start % melody.steps_per_bar else DOWNBEAT_VELOCITY
        for kind, step, strength in (("note_on", note.start, velocity), ("note_off", note.end, 64)):
            tick = step * TICKS_PER_STEP
            messages.append(mido.Message(kind, note=note.pitch, velocity=strength, time=tick - now))
            now = tick
    return messages
