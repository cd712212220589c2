"""musiclc transform: change MIDI files as little as the constraints allow."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from musiclc.cli._options import constraint_options, edit_options, meter_option, name_option, output_option
from musiclc.cli._writer import deliver
from musiclc.editing.request import EDIT_METHODS, TransformRequest
from musiclc.errors import MusiclcError

if TYPE_CHECKING:
    from musiclc.cli._writer import Made, Told

OPTIONS = TransformRequest.options  # the defaults


@click.command()
@click.argument("input", nargs=-1, required=True, metavar="INPUT...")
@output_option
@constraint_options
@click.option("-r", "--recursive", is_flag=True, help="Look for files below the folders named, too.")
@click.option("--keep", type=click.FloatRange(0, 1), default=OPTIONS.keep, show_default=True, help="0: free; 1: touch nothing that is not needed.")
@click.option("--temperature", type=click.FloatRange(0, 2), default=OPTIONS.temperature, show_default=True, help="Noise in what an edit starts from.")
@click.option(
    "--realism", type=click.FloatRange(0, 1), default=OPTIONS.realism, show_default=True, help="Let go until this share of real phrases is rarer."
)
@click.option(
    "--tracks", default=OPTIONS.tracks, show_default=True, metavar="melody|all|NAME,…", help="Which tracks go along with the melody to another key."
)
@meter_option
@click.option("--bars", metavar="9..16", help="The only bars that may change, and that goals are measured on.")
@click.option("--method", type=click.Choice(EDIT_METHODS), default=OPTIONS.method, show_default=True)
@name_option(TransformRequest.pattern)
@click.option("--plot", type=click.Path(path_type=Path), help="Draw before and after as FILE.png; a folder for many.")
@edit_options
def command(plot: Path | None, **values: Any) -> None:
    """Change MIDI files as little as the constraints allow; what nobody asked for stays as it is.

    \b
    musiclc transform song.mid -o out.mid --key "C minor" --track Voice
    musiclc transform -r songs -o out --key "D dorian" --tracks all
    musiclc transform song.mid -o brighter.mid --scale "C lydian" --bars 9..16
    """
    deliver(values, TransformRequest.of, partial(_run, plot), partial(_pictures, plot))


def _pictures(plot: Path | None, request: TransformRequest) -> list[Path]:
    """Where the picture of each input goes: below the folder as its file does."""
    from musiclc.files import within

    if plot is None:
        return []
    return [plot] if len(request.inputs) == 1 else [within(plot, str(Path(name).with_suffix(".png"))) for name in request.names]


def _run(plot: Path | None, request: TransformRequest, failed: "Told") -> "Made":
    from musiclc.editing import commands
    from musiclc.editing.transform import before_and_after
    from musiclc.files import write_whole

    pictures = _pictures(plot, request)
    for entry, edit in commands.edits(request, failed):
        yield entry, edit.data
        if plot is not None:
            picture = pictures[edit.index - 1]
            try:
                write_whole(picture, before_and_after(edit, picture.stem))
            except MusiclcError as error:
                failed(error)
