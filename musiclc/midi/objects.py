"""Songs that come as Python objects: a PrettyMIDI or a NoteSequence, to bytes and back.

Back means a copy of the object in which only the notes that the bytes changed are other ones: what a MIDI file cannot hold of it
(times between ticks, note names, voices) stays.

Inside: `data_of`, `as_like`.
"""

import io
from collections import Counter
from copy import deepcopy
from os import PathLike
from typing import Any

from musiclc.errors import InputError
from musiclc.midi.codec import File, parse
from musiclc.midi.notes import pair

LARGEST_FILE = 1 << 27  # bytes: some twelve million notes; a device may have no end


def _is(source: Any, module: str, name: str) -> bool:
    """Whether an object is of a class, without importing its library."""
    return any(c.__name__ == name and c.__module__.split(".")[0] == module for c in type(source).__mro__)


def _is_sequence(source: Any) -> bool:
    return getattr(getattr(source, "DESCRIPTOR", None), "full_name", "").endswith("NoteSequence")


def data_of(source: Any, name: str) -> tuple[bytes, str]:
    """The MIDI bytes of a source, and the name to use in errors: a path's own. Raises InputError."""
    if isinstance(source, str | PathLike):
        try:
            with open(source, "rb") as file:
                data = file.read(LARGEST_FILE + 1)
        except (OSError, ValueError, MemoryError) as error:  # a zero byte in a name
            raise InputError(f"{source}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
        if len(data) > LARGEST_FILE:
            raise InputError(f"{source}: more than {LARGEST_FILE >> 20} MB; no MIDI file has so much")
        return data, str(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source), name
    try:
        if _is_sequence(source):
            source = _to_pretty(source)
        if _is(source, "pretty_midi", "PrettyMIDI"):
            buffer = io.BytesIO()
            deepcopy(source).write(buffer)
            return buffer.getvalue(), name
    except Exception as error:  # the libraries raise whatever the object trips over
        raise InputError(f"{name}: cannot be written as MIDI ({type(error).__name__}: {error})") from error
    raise InputError(f"{name}: a {type(source).__name__}; wanted a path, bytes, a PrettyMIDI or a NoteSequence")


def _to_pretty(sequence: Any) -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from note_seq import midi_io

        return midi_io.note_sequence_to_pretty_midi(sequence)


def as_like(source: Any, before: File, data: bytes) -> Any:
    """`data` as the kind of object that `source` is; `before` is what was read from it."""
    if not _is_sequence(source) and not _is(source, "pretty_midi", "PrettyMIDI"):
        return data
    after = parse(data, "edited")
    changed = [track for track, (old, new) in enumerate(zip(before.tracks, after.tracks, strict=True)) if old != new]
    if _is_sequence(source):
        for track in changed:
            source = _like_sequence(source, before, track, after)
        return source if changed else deepcopy(source)
    copy = deepcopy(source)
    for track in changed:
        _edit_pretty(copy, copy.instruments[track - 1], before, track, after)
    return copy


def _changes(before: File, track: int, after: File) -> tuple[Counter, Counter]:
    """Notes of the track that are no longer there, and new ones: (on, off, pitch, velocity) in ticks."""
    old, new = (Counter((n.on, n.off, n.pitch, n.velocity) for n in pair(f.tracks[track])) for f in (before, after))
    return old - new, new - old


def _edit_pretty(midi: Any, instrument: Any, before: File, track: int, after: File) -> None:
    import pretty_midi

    gone, new = _changes(before, track, after)
    kept = []
    for note in instrument.notes:
        mark = (midi.time_to_tick(note.start), midi.time_to_tick(note.end), note.pitch, note.velocity)
        if gone[mark]:
            gone[mark] -= 1
        else:
            kept.append(note)
    made = [pretty_midi.Note(v, p, midi.tick_to_time(on), midi.tick_to_time(off)) for on, off, p, v in new.elements()]
    instrument.notes = sorted(kept + made, key=lambda n: (n.start, n.pitch))


def _like_sequence(source: Any, before: File, track: int, after: File) -> Any:
    midi = _to_pretty(source)
    copy = type(source)()
    copy.CopyFrom(source)
    changed = _instrument_of(source, track)
    gone, new = _changes(before, track, after)
    kept = []
    for note in source.notes:
        mark = (midi.time_to_tick(note.start_time), midi.time_to_tick(note.end_time), note.pitch, note.velocity)
        if (note.instrument, note.program, note.is_drum) == changed and gone[mark]:
            gone[mark] -= 1
        else:
            kept.append(note)
    del copy.notes[:]
    copy.notes.extend(kept)
    instrument, program, is_drum = changed
    for on, off, pitch, velocity in new.elements():
        start, end = midi.tick_to_time(on), midi.tick_to_time(off)
        copy.notes.add(pitch=pitch, velocity=velocity, start_time=start, end_time=end, instrument=instrument, program=program, is_drum=is_drum)
    return copy


def _instrument_of(sequence: Any, track: int) -> tuple[int, int, bool]:
    """(instrument, program, whether drums) that note_seq writes as a track of the file; the first, 0, has tempo and meter."""
    first, others = (0, 0, False), []
    for group in sorted({(n.instrument, n.program, n.is_drum) for e in (sequence.notes, sequence.pitch_bends, sequence.control_changes) for n in e}):
        if group[0] > 0:
            others.append(group)
        else:
            first = group
    return [first, *others][track - 1]
