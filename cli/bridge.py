"""musiclc bridge: bars that lead from one MIDI file to another."""

from typing import TYPE_CHECKING, Any

import click

from musiclc.cli._options import constraint_options, edit_options, fill_options, output_option
from musiclc.cli._writer import deliver
from musiclc.sampling.fill_request import MOST_BARS, BridgeRequest

if TYPE_CHECKING:
    from musiclc.cli._writer import Made, Told


@click.command()
@click.argument("first", metavar="A")
@click.argument("last", metavar="B")
@click.option("--bars", type=click.IntRange(1, MOST_BARS), required=True, help="How many new ones.")
@output_option
@constraint_options
@fill_options(BridgeRequest)
@edit_options
def command(first: str, last: str, **values: Any) -> None:
    """Write one file: A, new bars that lead from A to B, and B. Constraints hold for the new bars.

    \b
    musiclc bridge verse.mid chorus.mid --bars 4 -o whole.mid
    """
    deliver({**values, "input": [first, last]}, BridgeRequest.of, _run)


def _run(request: BridgeRequest, failed: "Told") -> "Made":
    from musiclc.sampling import fill

    return fill.run(request)
