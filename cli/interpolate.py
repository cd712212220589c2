"""musiclc interpolate: files on the way from one melody to another."""

import secrets
import sys
from pathlib import Path
from typing import Any

import click

from musiclc.cli._edits import Writer, edit_options
from musiclc.cli._options import constraint_options, goal_fields, progress_meter, talker
from musiclc.errors import MusiclcError, UsageError


@click.command()
@click.argument("first", metavar="A")
@click.argument("last", metavar="B")
@click.option("-n", "count", type=click.IntRange(2), default=5, show_default=True, help="How many files, A and B included.")
@click.option("-o", "--output", help="A folder; the current folder when absent.")
@constraint_options
@click.option(
    "--name", "pattern", default="{stem}-{index}.mid", show_default=True, help="File names; fields: stem, seed, index and the rules' names."
)
@edit_options
def command(first: str, last: str, count: int, constraints: list, output: str | None, pattern: str, seed: int | None, **rest: Any) -> None:
    """Write files on the way from A to B: the first is A and the last is B, those between lie in A's file.

    \b
    musiclc interpolate verse.mid chorus.mid -n 5 -o way
    """
    from musiclc.editing import transform as transform_
    from musiclc.midi import read_song
    from musiclc.model import checkpoint
    from musiclc.output import manifest

    talk = talker(rest["quiet"])
    seed = secrets.randbelow(10**7) if seed is None else seed
    try:
        fields = {"stem": f"{Path(first).stem}-{Path(last).stem}", "seed": str(seed), **goal_fields(constraints)}
        files = manifest.Files(output, count, pattern, fields, rest["overwrite"])
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    writer, progress = Writer(files, rest["as_json"], talk), progress_meter(rest["quiet"])
    try:
        a, b = (read_song(path, track=rest["track"]) for path in (first, last))
        model = checkpoint.loaded(rest["model"])
        for edit in transform_.interpolated(model, a, b, count, constraints, transform_.EditOptions(track=rest["track"], seed=seed)):
            source = last if edit.index == count else first
            writer.write(transform_.edit_entry(edit, "interpolate", source, files.names[edit.index - 1], (seed, edit.index, model.name)), edit.data)
            progress(edit.index, count, "interpolate")
    except MusiclcError as error:
        writer.failed(error)
    sys.exit(writer.finish(rest["strict"]))
