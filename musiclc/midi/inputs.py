"""What commands read: files, the MIDI files of folders, and standard input, one after another; a broken one stops no other.

Inside: `Input`, `expand`.
"""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from musiclc.errors import InputError

MIDI_SUFFIXES = (".mid", ".midi")
READ_SUFFIXES = (*MIDI_SUFFIXES, ".rmi", ".kar")  # wrapped, and with words: read, not written


@dataclass(frozen=True)
class Input:
    """One input. name: what to call it; source: its path, or the bytes of standard input; under: its place below the folder that was named."""

    name: str
    source: Path | bytes
    under: str


def expand(inputs: Iterable[str], recursive: bool = False) -> tuple[list[Input], list[InputError]]:
    """The inputs named, in order, and what went wrong: `-` is standard input, a folder is its MIDI files (with `recursive`, all below it)."""
    found: list[Input] = []
    errors: list[InputError] = []
    for given in inputs:
        if given == "-":
            found.append(Input("-", sys.stdin.buffer.read(), "stdin.mid"))
        elif os.path.isdir(given):
            files, unread = _midi_files(Path(given), recursive)
            errors += unread
            if not files and not unread:
                errors.append(InputError(f"{given}: no MIDI files in this folder{'' if recursive else '; -r looks below it too'}"))
            found += [Input(str(p), p, p.relative_to(given).as_posix()) for p in files]
        else:
            found.append(Input(given, Path(given), Path(given).name))
    return found, errors


def _midi_files(folder: Path, recursive: bool) -> tuple[list[Path], list[InputError]]:
    """The MIDI files of a folder, in order of name, and an error for each folder that cannot be read."""
    files: list[Path] = []
    errors: list[InputError] = []

    def unread(error: OSError) -> None:
        errors.append(InputError(f"{error.filename or folder}: cannot be read ({error.strerror or error})"))

    for place, below, names in os.walk(folder, onerror=unread):
        below[:] = sorted(below) if recursive else []
        files += [Path(place, n) for n in sorted(names) if n.lower().endswith(READ_SUFFIXES)]
    return files, errors
