"""musiclc vary: variations of a MIDI file's melody."""

import secrets
import sys
from pathlib import Path
from typing import Any

import click

from musiclc.cli._edits import Writer, edit_options
from musiclc.cli._inputs import expand
from musiclc.cli._options import constraint_options, goal_fields, progress_meter, talker
from musiclc.errors import MusiclcError, UsageError


@click.command()
@click.argument("source", metavar="INPUT")
@click.option("-n", "count", type=click.IntRange(1), default=1, show_default=True, help="How many variations.")
@click.option("-o", "--output", help="FILE.mid for one, a folder for many, - for standard output; the current folder when absent.")
@constraint_options
@click.option("--keep", type=click.FloatRange(0, 1), default=0.7, show_default=True, help="Share of the notes to keep, about.")
@click.option("--temperature", type=click.FloatRange(0, 2, min_open=True), default=1.0, show_default=True, help="Above: more adventurous.")
@click.option(
    "--name", "pattern", default="{stem}-{seed}-{index}.mid", show_default=True, help="File names; fields: stem, seed, index and the rules' names."
)
@edit_options
def command(source: str, count: int, constraints: list, output: str | None, pattern: str, seed: int | None, **rest: Any) -> None:
    """Write variations of a file, no two alike; everything but the melody stays as it is.

    \b
    musiclc vary song.mid -n 8 --keep 0.6 -o variations --seed 7
    """
    from musiclc.editing import transform as transform_
    from musiclc.midi import read_song
    from musiclc.model import checkpoint
    from musiclc.output import manifest

    talk = talker(rest["quiet"])
    drawn = seed is None
    seed = secrets.randbelow(10**7) if seed is None else seed
    if Path(source).is_dir():
        raise click.UsageError(f"{source}: a folder; vary takes one file (transform takes many)")
    (given,), _ = expand((source,))
    try:
        options = transform_.EditOptions(rest["keep"], rest["track"], seed, temperature=rest["temperature"])
        fields = {"stem": Path(given.under).stem, "seed": str(seed), **goal_fields(constraints)}
        files = manifest.Files(output, count, pattern, fields, rest["overwrite"])
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    if drawn:
        talk(f"seed {seed}")
    writer, progress = Writer(files, rest["as_json"], talk), progress_meter(rest["quiet"])
    try:
        song = read_song(given.source, name=given.name, track=options.track)
        model = checkpoint.loaded(rest["model"])
        for edit in transform_.varied(model, song, count, constraints, options):
            writer.write(transform_.edit_entry(edit, "vary", given.name, files.names[edit.index - 1], (seed, edit.index, model.name)), edit.data)
            progress(edit.index, count, "vary")
    except MusiclcError as error:
        writer.failed(error)
    sys.exit(writer.finish(rest["strict"]))
