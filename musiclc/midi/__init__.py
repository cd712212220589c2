"""MIDI files ↔ melodies: the only folder that imports mido, pretty_midi and note_seq, each inside the function that needs it.

inputs.py    which files a command is to read;  write.py  a melody as a new file: `to_bytes`
song.py      a composer's own file: `read_song`, and `read_melody`, which hears the same notes
runs.py      many files for learning: `read_runs`;  sheets.py  all notes in seconds: `read_notes`
events.py    the bytes of a file as events, and back;  notes.py  events as notes and lines;  bars.py  where its bars lie
tracks.py    which track has the melody;  edit.py  other notes in a file and nothing else;  like.py  PrettyMIDI and NoteSequence
"""

from musiclc.midi.melodies import MidiReading, read_runs
from musiclc.midi.performance import read_notes
from musiclc.midi.section import Section
from musiclc.midi.song import Song, bar_text, read_melody, read_song
from musiclc.midi.tracks import TrackInfo
from musiclc.midi.write import TICKS, TICKS_PER_STEP, to_bytes

__all__ = [
    "TICKS",
    "TICKS_PER_STEP",
    "MidiReading",
    "Section",
    "Song",
    "TrackInfo",
    "bar_text",
    "read_melody",
    "read_notes",
    "read_runs",
    "read_song",
    "to_bytes",
]
