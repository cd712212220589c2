"""Small files written out by hand, and how to break them."""

from musiclc.midi.codec import header

QUARTER = 96  # ticks
END = b"\0\xff\x2f\0"
SIGNATURE = b"\0\xff\x58\x04\x04\x02\x18\x08"
PITCHES = (60, 62, 64, 65)


def note(pitch, wait=0, length=QUARTER):
    """A note on channel 1, both statuses written out; the delta times below 128."""
    return bytes((wait, 0x90, pitch, 80, length, 0x80, pitch, 64))


TUNE = b"".join(map(note, PITCHES))


def track(body, length=None, kind=b"MTrk"):
    """A chunk. length: what it says, where that is wrong."""
    return kind + (len(body) if length is None else length).to_bytes(4, "big") + body


def file(*chunks, count=None, midi_type=1, ticks=QUARTER):
    """A file. count: the tracks that the header counts, where that is wrong."""
    return header(midi_type, len(chunks) if count is None else count, ticks) + b"".join(chunks)


def wrapped(data, after=b""):
    """A MIDI file in RIFF, as .rmi files have it."""
    inner = b"RMIDdata" + len(data).to_bytes(4, "little") + data + after
    return b"RIFF" + len(inner).to_bytes(4, "little") + inner


SOUND = file(track(SIGNATURE + END), track(TUNE + END))
