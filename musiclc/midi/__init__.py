"""MIDI files ↔ melodies. One codec reads and writes them all; what a file says means the same to every reader.

mend.py      any bytes as a sound file, what was broken mended;  salvage.py  the events of a broken track
codec.py     the bytes of a file as events, and back;  notes.py  events as notes, instruments and lines
timing.py    meters, tempos, seconds;  beats.py  bars where a file has only beats, or is to be read in another meter
section.py   bars in one meter, and many of them as one melody;  bars.py  where a file's bars lie;  tracks.py  which track has the melody
song.py      a composer's own file: `read_song`, `read_melody`;  edit.py  other notes in it and nothing else
room.py      room for new bars in a song;  joined.py  and between two;  fresh.py  new notes in them, played like those around them
melodies.py  many files for learning: `read_runs`;  performance.py  all notes in seconds: `read_notes`;  write.py  a melody as a new file: `to_bytes`
inputs.py    which files a command is to read
objects.py   a user's PrettyMIDI and NoteSequence: the only file that imports pretty_midi and note_seq, each inside the function that needs it
"""

from musiclc.midi.melodies import MidiReading, read_runs
from musiclc.midi.performance import read_notes
from musiclc.midi.section import READ_IN_PHRASES, MeterSection
from musiclc.midi.song import Song, bar_text, read_melody, read_song
from musiclc.midi.tracks import TrackInfo
from musiclc.midi.write import TICKS, TICKS_PER_STEP, to_bytes

__all__ = [
    "READ_IN_PHRASES",
    "TICKS",
    "TICKS_PER_STEP",
    "MeterSection",
    "MidiReading",
    "Song",
    "TrackInfo",
    "bar_text",
    "read_melody",
    "read_notes",
    "read_runs",
    "read_song",
    "to_bytes",
]
