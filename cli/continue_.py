"""musiclc continue: more bars after a MIDI file's melody, or before it."""

from typing import TYPE_CHECKING, Any

import click

from musiclc.cli._options import constraint_options, edit_options, fill_options, output_option
from musiclc.cli._writer import deliver
from musiclc.sampling.fill_request import MOST_BARS, ContinueRequest

if TYPE_CHECKING:
    from musiclc.cli._writer import Made, Told


@click.command()
@click.argument("input", metavar="INPUT")
@click.option("--bars", type=click.IntRange(1, MOST_BARS), required=True, help="How many new ones.")
@click.option("--before", is_flag=True, help="Before the melody's first bar; what is there comes later by as many.")
@output_option
@constraint_options
@fill_options(ContinueRequest)
@edit_options
def command(**values: Any) -> None:
    """Write new bars after the last one of a file's melody; what is there stays as it is. Constraints hold for the new bars.

    \b
    musiclc continue song.mid --bars 8 -o longer.mid
    musiclc continue song.mid --bars 4 --before -n 4 -o intros --seed 7
    """
    deliver(values, ContinueRequest.of, _run)


def _run(request: ContinueRequest, failed: "Told") -> "Made":
    from musiclc.sampling import fill

    return fill.run(request)
