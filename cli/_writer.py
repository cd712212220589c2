"""How the files of the commands that make some go out: written as they come, named on standard output, with their manifest and exit code.

Inside: `deliver`, `Writer`.
"""

import contextlib
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from musiclc.cli._options import complain, dump, progress_meter, talker
from musiclc.custom.request import listed
from musiclc.errors import MusiclcError, UsageError

if TYPE_CHECKING:
    from musiclc.output.manifest import Entry, Files

Made = Iterable[tuple["Entry", bytes]]
Told = Callable[[MusiclcError], None]


def deliver(
    values: dict[str, Any],
    request_of: Callable[[dict[str, Any]], Any],
    run: Callable[[Any, Told], Made],
    beside: Callable[[Any], Sequence[Path]] = lambda request: (),
) -> None:
    """All that a command does with its options: the request, its files one after another, the manifest. Ends the process with the exit code.

    values: options by name, those about where files go and what is said among them. run: the request, and whom to tell of an input that
    failed → entries and bytes. beside: the request → files that run writes elsewhere.
    """
    from musiclc.output.manifest import Files

    output, overwrite, strict, as_json, quiet = (values.pop(name) for name in ("output", "overwrite", "strict", "as_json", "quiet"))
    if as_json and output == "-":
        raise UsageError("--json and -o - both want standard output; name a file or a folder for the melody")
    talk = talker(quiet)
    drawn = secrets.randbelow(10**7) if values["seed"] is None else None
    request = request_of(values if drawn is None else {**values, "seed": drawn})
    files = Files(output, request.names, overwrite, beside(request))
    if drawn is not None:
        talk(f"seed {drawn}")
    writer = Writer(files, as_json, talk)
    with files.held(), writer.closing():
        writer.take(run(request, writer.failed), len(request.names), progress_meter(quiet))
    sys.exit(writer.code(strict))


class Writer:
    """Takes files as they are made; says what was written, what missed its constraints and what failed; gives the exit code."""

    def __init__(self, files: "Files", as_json: bool, talk: Callable[[str], None]):
        self.files, self.as_json, self.talk = files, as_json, talk
        self.entries: list[Entry] = []
        self.codes: list[int] = []

    def take(self, made: Made, total: int, progress: Callable[[int, int, str], None]) -> None:
        """Write each of them, of which there will be so many."""
        for entry, data in made:
            self._write({**entry, "file": self.files.name_of(entry)}, data)
            progress(len(self.entries) + len(self.codes), total, entry["command"])

    def _write(self, entry: "Entry", data: bytes) -> None:
        with _not_interrupted():  # no file without its line
            self.files.write(entry, data)
            self.entries.append(entry)
        if not self.files.to_stdout:
            click.echo(dump(entry) if self.as_json else self.files.path_of(entry))
        if "input" in entry:
            for warning in entry["warnings"]:
                self.talk(f"musiclc: {' and '.join(listed(entry['input']))}: {warning}")

    def failed(self, error: MusiclcError) -> None:
        """Say that an input failed; the others are still done."""
        complain(error)
        self.codes.append(error.code)

    @contextlib.contextmanager
    def closing(self) -> Iterator[None]:
        """The manifest of what is finished is written at the end of the block, whatever ends it."""
        try:
            yield
        except BaseException:
            with contextlib.suppress(MusiclcError), _not_interrupted():
                self.files.write_manifest(self.entries)
            raise
        with _not_interrupted():
            self.files.write_manifest(self.entries)
        self._summary()

    def _summary(self) -> None:
        missed = [e for e in self.entries if not e["satisfied"]]
        if not missed or (len(self.entries) == 1 and "input" in missed[0]):  # whose warnings stand above
            return
        worst = min(missed, key=lambda e: sum(c["score"] for c in e["constraints"]))
        said = f"the worst is {worst['file']}: {'; '.join(worst['warnings'])}"
        self.talk(f"musiclc: {len(missed)} of {len(self.entries)} miss a constraint; {said}")

    def code(self, strict: bool) -> int:
        """The exit code."""
        missed = any(not e["satisfied"] for e in self.entries)
        return max(self.codes) if self.codes else 3 if strict and missed else 0


@contextlib.contextmanager
def _not_interrupted() -> Iterator[None]:
    """Ctrl-C waits for the end of the block, and then does what it did before: nothing, where it is ignored, as behind an & in a script."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopped: list[int] = []
    former = signal.signal(signal.SIGINT, lambda number, frame: stopped.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if former is None else former)
    if stopped and callable(former):
        former(signal.SIGINT, None)
