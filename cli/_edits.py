"""What transform, vary and interpolate share: options, and how files, manifest lines, warnings and exit codes go out."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from musiclc.cli._inputs import complain
from musiclc.cli._options import dump, json_option, model_option, quiet_option
from musiclc.errors import MusiclcError, UsageError

if TYPE_CHECKING:
    from musiclc.editing.transform import Edit
    from musiclc.output.manifest import Files


def edit_options(function: Callable) -> Callable:
    """--track, --seed, --strict, --overwrite, --model, --json, --quiet, --midi-type."""
    midi_type = click.Choice(["0", "1"])
    for option in (
        quiet_option,
        json_option,
        model_option,
        click.option("--midi-type", type=midi_type, hidden=True, help="Edited files keep their own type.", expose_value=False),
        click.option("--overwrite", is_flag=True, help="Replace files that exist."),
        click.option("--strict", is_flag=True, help="Exit 3 when some file misses a constraint."),
        click.option("--seed", type=click.IntRange(0), help="Drawn when absent."),
        click.option("--track", default="auto", show_default=True, metavar="auto|NAME|INDEX", help="The track that has the melody."),
    ):
        function = option(function)
    return function


class Writer:
    """Takes files as they are made; says what was written, what missed its wish and what failed; gives the exit code."""

    def __init__(self, files: "Files", as_json: bool, talk: Callable[[str], None]):
        self.files, self.as_json, self.talk = files, as_json, talk
        self.entries: list[dict[str, Any]] = []
        self.codes: list[int] = []

    def write(self, entry: dict[str, Any], data: bytes) -> None:
        """Write one file, and say so."""
        self.files.write(entry["file"], data)
        self.entries.append(entry)
        if self.as_json and not self.files.to_stdout:
            click.echo(dump(entry))
        elif not self.files.to_stdout:
            click.echo(self.files.path_of(entry))
        for warning in entry["warnings"]:
            self.talk(f"musiclc: {entry['input']}: {warning}")

    def plot(self, edit: "Edit", path: Path) -> None:
        """Sample before and after."""
        from musiclc.editing.transform import before_and_after

        before_and_after(edit, path, path.stem)

    def failed(self, error: MusiclcError) -> None:
        """Say that an input failed; the others are still done. A wrong wish fails at once, since it would in every file."""
        if isinstance(error, UsageError):
            raise click.UsageError(str(error)) from error
        complain(error)
        self.codes.append(error.code)

    def finish(self, strict: bool) -> int:
        """Write the manifest; the exit code."""
        self.files.write_manifest(self.entries)
        missed = [e for e in self.entries if not e["satisfied"]]
        if missed and len(self.entries) > 1:
            worst = min(missed, key=lambda e: sum(c["score"] for c in e["constraints"]))
            self.talk(f"musiclc: {len(missed)} of {len(self.entries)} miss a constraint; the worst is {worst['file']}")
        return max(self.codes) if self.codes else 3 if strict and missed else 0
