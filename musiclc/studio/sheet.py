"""A MIDI file as the page draws and plays it: seconds, bars, tracks, the melody's, its scale, its sections.

Inside: `sheet_of`.
"""

from typing import Any

from musiclc.errors import InputError, UsageError
from musiclc.midi import Song, read_song
from musiclc.midi.notes import instruments
from musiclc.midi.performance import Sheet, read_notes
from musiclc.music.form import Form, parse_form
from musiclc.music.theory import parse_key
from musiclc.rules.tonic import named

FINE = 4  # decimals of a second


def sheet_of(data: bytes, name: str, entry: dict[str, Any], track: str | int = "auto") -> dict[str, Any]:
    """What the page needs of a file: `seconds`, `bars` (the second at which each begins, and the last ends), `tracks` with their notes as
    [start, end, pitch, velocity], `melody` (the numbers of the tracks that have it), `key` and its `scale`, `sections`.

    A file without a melody that can be edited says why in `trouble`. Raises InputError where there is nothing to draw.
    """
    sheet = read_notes(name, data)
    song, trouble = _song(data, name, track)
    told = {} if song is None else _of_song(song)
    return {
        "seconds": round(sheet.seconds, FINE),
        "bars": [round(second, FINE) for second in sheet.bars],
        "tracks": _tracks(sheet),
        "trouble": trouble,
        "sections": _sections(entry),
        **told,
    }


def _song(data: bytes, name: str, track: str | int) -> tuple[Song | None, str]:
    """The file as what edits it reads it; None, and why, where it cannot."""
    try:
        return read_song(data, name=name, track=track), ""
    except InputError as error:
        return None, str(error)


def _tracks(sheet: Sheet) -> list[dict[str, Any]]:
    tracks: list[dict[str, Any]] = [{"name": name, "drums": False, "program": 0, "notes": []} for name in sheet.names]
    for note in sheet.notes:
        track = tracks[note.track]
        track["drums"], track["program"] = note.is_drum, note.program
        track["notes"].append([round(note.start, FINE), round(note.end, FINE), note.pitch, note.velocity])
    return tracks


def _of_song(song: Song) -> dict[str, Any]:
    """What the melody says."""
    key = named(song.melody)
    channels = song.track.channels
    mine = [n for n, part in enumerate(instruments(song.file)) if part.track == song.entry.track and part.channel in channels]
    return {
        "melody": mine,
        "track": song.track.index,
        "choices": [{"index": t.index, "name": t.name, "notes": t.notes} for t in song.tracks if t.notes and not t.is_drum],
        "key": key,
        "scale": scale_of(key),
        "bpm": song.bpm,
        "meter": song.meter,
        "warnings": song.warnings,
    }


def scale_of(key: str | None) -> list[int]:
    """The pitch classes of a key; [] for none."""
    try:
        return list(parse_key(key or "").pitch_classes)
    except UsageError:
        return []


def _sections(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The sections of the form that a take was written in."""
    try:
        form: Form = parse_form(entry["form"]) if entry.get("form") else ()
    except UsageError:
        form = ()
    return [{"name": s.name, "letter": s.letter, "first": s.first, "bars": s.bars} for s in form]
