"""musiclc studio: a page on this machine to see, hear and steer melodies."""

import os
import sys

import click


@click.command()
@click.argument("inputs", nargs=-1, type=click.Path(), metavar="[FILE.mid]...")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="On this machine alone; 0: any that is free.")
@click.option("--no-browser", is_flag=True, help="Print the address, and open nothing.")
def command(inputs: tuple[str, ...], port: int, no_browser: bool) -> None:
    """Open a page to see, hear and steer melodies; Ctrl-C ends it. Nothing leaves this machine.

    \b
    musiclc studio
    musiclc studio song.mid --no-browser
    """
    from musiclc.errors import MusiclcError

    try:
        from musiclc.studio.serve import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn"):
            raise
        raise MusiclcError(f"{error.name} is not installed; wanted it for the studio: pip install 'musiclc[studio]'") from error
    run(inputs, port, not no_browser, _told)
    sys.stdout.flush()
    os._exit(0)  # nothing is left to be put away, and torch takes its time; a thread of it may be at work still


def _told(address: str) -> None:
    click.echo(address)
    sys.stdout.flush()
    click.echo("musiclc: the studio is at this address, for this machine alone; Ctrl-C ends it", err=True)
