"""musiclc vary: variations of a MIDI file's melody."""

from typing import TYPE_CHECKING, Any

import click

from musiclc.cli._options import constraint_options, edit_options, name_option, output_option
from musiclc.cli._writer import deliver
from musiclc.editing.request import VaryRequest

if TYPE_CHECKING:
    from musiclc.cli._writer import Made, Told

OPTIONS = VaryRequest.options  # the defaults


@click.command()
@click.argument("input", metavar="INPUT")
@click.option("-n", type=click.IntRange(1), default=VaryRequest.n, show_default=True, help="How many variations.")
@output_option
@constraint_options
@click.option("--keep", type=click.FloatRange(0, 1), default=OPTIONS.keep, show_default=True, help="Share of the notes to keep, about.")
@click.option(
    "--temperature", type=click.FloatRange(0, 2, min_open=True), default=OPTIONS.temperature, show_default=True, help="Above: more adventurous."
)
@name_option(VaryRequest.pattern)
@edit_options
def command(**values: Any) -> None:
    """Write variations of a file, no two alike; everything but the melody stays as it is.

    \b
    musiclc vary song.mid -n 8 --keep 0.6 -o variations --seed 7
    """
    deliver(values, VaryRequest.of, _run)


def _run(request: VaryRequest, failed: "Told") -> "Made":
    from musiclc.editing import commands

    return commands.run(request, failed)
