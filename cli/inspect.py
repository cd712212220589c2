"""musiclc inspect: what MIDI files hold, and what transform would touch."""

import sys
from dataclasses import asdict
from typing import Any

import click

from musiclc.cli._options import complain, dump, json_option, meter_option, recursive_option


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path(), metavar="INPUT...")
@click.option("--track", default="auto", metavar="auto|NAME|INDEX", help="The track with the melody.")
@meter_option
@recursive_option
@json_option
def command(inputs: tuple[str, ...], recursive: bool, as_json: bool, **reading: str | None) -> None:
    """Show tracks, meters, tempos and key of MIDI files, the melody that was found, and the bars that transform would touch.

    INPUT: files, folders, or - for standard input.
    """
    from musiclc.errors import InputError
    from musiclc.midi.inputs import expand

    found, errors = expand(inputs, recursive)
    for given in found:
        try:
            entry = _entry(given, {name: value for name, value in reading.items() if value})
        except InputError as refused:
            errors.append(refused)
        else:
            click.echo(dump(entry) if as_json else _block(entry))
    for error in errors:
        complain(error)
    if errors:
        sys.exit(4)


def _entry(given: Any, reading: dict[str, Any]) -> dict[str, Any]:
    """What one input holds, every meter in bars of its own. reading: track and meter, as read_song takes them. Raises InputError."""
    from musiclc.midi import read_song
    from musiclc.music import tokens
    from musiclc.rules.tonic import heard, named

    song = read_song(given.source, name=given.name, **reading)
    edited_bars, warnings = _edited(given, reading, song)
    sure = float(heard(tokens.from_melody(song.melody)[None], song.melody.meter)[2][0])
    tracks = [asdict(t) for t in song.tracks]
    return {
        "file": given.name,
        "midi_type": song.midi_type,
        "ticks": song.file.ticks,
        "bars": song.length_bars,
        "meters": [{"bar": bar, "meter": meter} for bar, meter in song.meters],
        "tempos": [{"bar": bar, "bpm": bpm} for bar, bpm in song.tempos],
        "key_signatures": [{"bar": bar, "key": key} for bar, key in song.key_signatures],
        "key": named(song.melody),
        "sure": round(sure, 3),
        "tracks": [t | {"channels": [c + 1 for c in t["channels"]]} for t in tracks],
        "track": song.track.index,
        "notes": len(song.melody.notes),
        "edited_bars": [list(span) for span in edited_bars],
        "warnings": warnings,
    }


def _edited(given: Any, reading: dict[str, Any], song: Any) -> tuple[list[tuple[int, int]], list[str]]:
    """The bars that transform would touch, as it reads them, and what it would warn of. song: as read in bars of its own."""
    from musiclc.errors import InputError
    from musiclc.midi import READ_IN_PHRASES, read_song
    from musiclc.music.theory import PHRASE_METERS

    if all(section.meter in PHRASE_METERS for section in song.sections):
        return song.edited_bars, song.warnings
    try:
        there = read_song(given.source, name=given.name, **reading, read_as=READ_IN_PHRASES)
    except InputError as error:
        return [], [*song.warnings, f"transform cannot edit it: {str(error).removeprefix(f'{given.name}: ')}"]
    return there.edited_bars, there.warnings


def _block(entry: dict[str, Any]) -> str:
    from musiclc.midi import bar_text

    lines = [f"{entry['file']}: type {entry['midi_type']}, {entry['ticks']} ticks a quarter note, {entry['bars']} bars"]
    signature = f"; signature {_changes(entry['key_signatures'], 'key')}" if entry["key_signatures"] else ""
    lines.append(f"  meter   {_changes(entry['meters'], 'meter')}")
    lines.append(f"  tempo   {_changes(entry['tempos'], 'bpm')}")
    lines.append(f"  key     {entry['key']}, as the melody is heard ({entry['sure']:.0%} sure of its tonic){signature}")
    for track in entry["tracks"]:
        mark = "*" if track["index"] == entry["track"] else " "
        lines.append(f"  track {mark} {_track(track)}")
    touched = bar_text([tuple(s) for s in entry["edited_bars"]]) if entry["edited_bars"] else "no bar"
    lines.append(f"  melody  {entry['notes']} notes; transform would touch {touched}")
    return "\n".join(lines + [f"  warning: {warning}" for warning in entry["warnings"]])


def _changes(said: list[dict[str, Any]], what: str) -> str:
    """ "4/4; 3/4 from bar 9"."""
    return "; ".join(f"{s[what]:g}" if what == "bpm" else s[what] for s in said[:1]) + "".join(
        f"; {f'{s[what]:g}' if what == 'bpm' else s[what]} from bar {s['bar']}" for s in said[1:]
    )


def _track(track: dict[str, Any]) -> str:
    from musiclc.music.theory import pitch_name

    name = f" {track['name']!r}" if track["name"] else ""
    if not track["notes"]:
        return f"{track['index']}{name}: no notes"
    where = f"channel{'s' if len(track['channels']) > 1 else ''} {', '.join(map(str, track['channels']))}"
    if track["is_drum"]:
        return f"{track['index']}{name}: drums, {track['notes']} notes, {where}"
    voices = f"{track['polyphony']:.0%} of them in chords" if track["polyphony"] else "one voice"
    span = f"{pitch_name(track['lowest'])}..{pitch_name(track['highest'])}"
    return f"{track['index']}{name}: {track['notes']} notes, {voices}, {span}, {where}, program {track['program']}, score {track['score']:g}"
