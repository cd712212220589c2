"""musiclc transform: change MIDI files as little as the wish allows."""

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
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("-o", "--output", help="FILE.mid for one, a folder for many, - for standard output; the current folder when absent.")
@constraint_options
@click.option("-r", "--recursive", is_flag=True, help="Look for files below the folders named, too.")
@click.option("--keep", type=click.FloatRange(0, 1), default=0.7, show_default=True, help="0: free; 1: touch nothing that is not needed.")
@click.option("--temperature", type=click.FloatRange(0, 2), default=0.0, show_default=True, help="Noise in what an edit starts from.")
@click.option("--realism", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Let go until this share of real phrases is rarer.")
@click.option("--method", type=click.Choice(["auto", "pulled", "snap"]), default="auto", show_default=True)
@click.option("--name", "pattern", default="{stem}.mid", show_default=True, help="File names; fields: stem, seed, index and the rules' names.")
@click.option("--plot", type=click.Path(path_type=Path), help="Sample before and after as FILE.png; a folder for many.")
@edit_options
def command(
    inputs: tuple[str, ...], constraints: list, output: str | None, recursive: bool, pattern: str, plot: Path | None, seed: int | None, **rest: Any
) -> None:
    """Change MIDI files as little as the constraints allow; what nobody asked for stays as it is.

    \b
    musiclc transform song.mid -o out.mid --key "C minor" --track Voice
    musiclc transform -r songs -o out --key "D dorian" --keep 0.3
    """
    from musiclc.editing import transform as transform_
    from musiclc.midi import read_song
    from musiclc.model import checkpoint
    from musiclc.output import manifest

    talk = talker(rest["quiet"])
    seed = secrets.randbelow(10**7) if seed is None else seed
    given, errors = expand(inputs, recursive)
    try:
        options = transform_.EditOptions(rest["keep"], rest["track"], seed, rest["realism"], rest["temperature"], rest["method"])
        fields = {"seed": str(seed), **goal_fields(constraints)}
        names = manifest.named_after([i.under for i in given], pattern, fields)
        files = manifest.Files(output, len(names), pattern, fields, rest["overwrite"], tuple(names))
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    if not constraints:
        talk("musiclc: no constraint: every file will be as it was")
    model = checkpoint.loaded(rest["model"])
    progress = progress_meter(rest["quiet"])
    writer = Writer(files, rest["as_json"], talk)
    for unread in errors:
        writer.failed(unread)
    for index, (source, name) in enumerate(zip(given, files.names, strict=True), start=1):
        try:
            song = read_song(source.source, name=source.name, track=options.track)
            edit = transform_.transformed(model, song, constraints, options)
            entry = transform_.edit_entry(edit, "transform", source.name, name, (seed, index, model.name))
            writer.write(entry, edit.data)
            if plot:
                writer.plot(edit, plot if len(given) == 1 else plot / f"{Path(name).stem}.png")
        except MusiclcError as failure:
            writer.failed(failure)
        progress(index, len(given), "transform")
    sys.exit(writer.finish(rest["strict"]))
