"""The `musiclc` command: a thin Click shell over the library.

One file a command, one line in COMMANDS; a command's module is imported only when it is called, so that `musiclc --help`
loads nothing heavy. `main` gives every error of the library its one line and its exit code.
"""

import contextlib
import importlib
import io
import os
import signal
import sys
import threading

import click

# name → (module, what it does in a line)
COMMANDS: dict[str, tuple[str, str]] = {
    "sample": ("musiclc.cli.sample", "Write new melodies that meet the constraints."),
    "transform": ("musiclc.cli.transform", "Change MIDI files as little as the constraints allow."),
    "vary": ("musiclc.cli.vary", "Write variations of a MIDI file."),
    "interpolate": ("musiclc.cli.interpolate", "Write files on the way from one melody to another."),
    "continue": ("musiclc.cli.continue_", "Write more bars after what is there, or before it."),
    "infill": ("musiclc.cli.infill", "Write some bars of a MIDI file anew."),
    "bridge": ("musiclc.cli.bridge", "Write bars that take one MIDI file to another."),
    "studio": ("musiclc.cli.studio", "Open a page to see, hear and steer melodies."),
    "batch": ("musiclc.cli.batch", "Run a table of jobs; stop it and continue it at will."),
    "score": ("musiclc.cli.score", "Measure MIDI files by the rules."),
    "inspect": ("musiclc.cli.inspect", "Show what MIDI files hold, and what transform would touch."),
    "rules": ("musiclc.cli.rules", "Show the table of rules."),
    "critic": ("musiclc.cli.critic", "Fit, list and drop critics for rules of your own."),
    "render": ("musiclc.cli.render", "Draw and play MIDI files."),
    "prepare": ("musiclc.cli.prepare", "Make a dataset from corpora or a folder."),
    "train": ("musiclc.cli.train", "Train a model on a dataset."),
    "evaluate": ("musiclc.cli.evaluate", "Print the figures of a model."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def invoke(self, ctx: click.Context) -> object:
        """As any group, with the exit codes of what is stopped: Ctrl-C 130, a closed pipe 141."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("musiclc: stopped", err=True)
            raise click.exceptions.Exit(130) from None
        except BrokenPipeError:
            _close_output()
            raise click.exceptions.Exit(141) from None
        except OSError as error:  # a full disk behind standard output, say
            if os.environ.get("MUSICLC_DEBUG") == "1":
                raise
            click.echo(f"musiclc: {error.filename or 'standard output'}: {error.strerror or error}", err=True)
            _close_output()
            raise click.exceptions.Exit(1) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


def _close_output() -> None:
    """Nothing more goes to standard output, not even what waits in its buffer."""
    with contextlib.suppress(OSError):  # a stream of Python's own has no number
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"musiclc {version('musiclc')}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Show the version.")
def group() -> None:
    """Write melodies, and steer them by rules."""


_signals: list[int] = []  # that ended this process


def _terminated(number: int, frame: object) -> None:
    """As Ctrl-C, so that a manifest tells what is finished; with the exit code that others give it."""
    _signals.append(number)
    sys.exit(128 + number)


def main() -> None:
    """Run the command line; never returns."""
    from musiclc.errors import MusiclcError

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # names of files that are no UTF-8 go out as they are
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _terminated)
    try:
        group(prog_name="musiclc")
    except KeyboardInterrupt:  # before there is a command
        sys.exit(130)
    except MusiclcError as error:
        if _signals:  # compiled code that it came upon made it an error of its own
            sys.exit(128 + _signals[0])
        if os.environ.get("MUSICLC_DEBUG") == "1":
            raise
        from musiclc.cli._options import complain

        complain(error)
        sys.exit(error.code)
