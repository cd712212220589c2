"""musiclc infill: some bars of a MIDI file's melody anew."""

from typing import TYPE_CHECKING, Any

import click

from musiclc.cli._options import constraint_options, edit_options, fill_options, output_option
from musiclc.cli._writer import deliver
from musiclc.sampling.fill_request import InfillRequest

if TYPE_CHECKING:
    from musiclc.cli._writer import Made, Told


@click.command()
@click.argument("input", metavar="INPUT")
@click.option("--bars", required=True, metavar="FIRST..LAST", help="Which ones, counted from 1 as musiclc inspect counts them: 5..8, or 5 for one.")
@output_option
@constraint_options
@fill_options(InfillRequest)
@edit_options
def command(**values: Any) -> None:
    """Write some bars of a file's melody anew, to suit what stands around them; the rest stays as it is. Constraints hold for the new bars.

    \b
    musiclc infill song.mid --bars 5..8 -n 4 -o tries
    musiclc infill song.mid --bars 8 --end C -o out.mid
    """
    deliver(values, InfillRequest.of, _run)


def _run(request: InfillRequest, failed: "Told") -> "Made":
    from musiclc.sampling import fill

    return fill.run(request)
