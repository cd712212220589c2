"""musiclc interpolate: files on the way from one melody to another."""

from typing import TYPE_CHECKING, Any

import click

from musiclc.cli._options import constraint_options, edit_options, name_option
from musiclc.cli._writer import deliver
from musiclc.editing.request import InterpolateRequest

if TYPE_CHECKING:
    from musiclc.cli._writer import Made, Told


@click.command()
@click.argument("first", metavar="A")
@click.argument("last", metavar="B")
@click.option("-n", type=click.IntRange(2), default=InterpolateRequest.n, show_default=True, help="How many files, A and B included.")
@click.option("-o", "--output", help="A folder; the current folder when absent.")
@constraint_options
@name_option(InterpolateRequest.pattern)
@edit_options
def command(first: str, last: str, **values: Any) -> None:
    """Write files on the way from A to B: the first is A and the last is B, those between lie in A's file.

    \b
    musiclc interpolate verse.mid chorus.mid -n 5 -o way
    """
    deliver({**values, "input": [first, last]}, InterpolateRequest.of, _run)


def _run(request: InterpolateRequest, failed: "Told") -> "Made":
    from musiclc.editing import commands

    return commands.run(request, failed)
