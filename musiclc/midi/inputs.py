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
            try:
                files = _midi_files(Path(given), recursive)
                if not files:
                    raise InputError(f"{given}: no MIDI files in this folder{'' if recursive else '; -r looks below it too'}")
                found += [Input(str(p), p, p.relative_to(given).as_posix()) for p in files]
            except InputError as error:
                errors.append(error)
        else:
            found.append(Input(given, Path(given), Path(given).name))
    return found, errors


def _midi_files(folder: Path, recursive: bool) -> list[Path]:
    def stop(error: OSError) -> None:
        raise InputError(f"{folder}: cannot be read ({error.strerror or error})") from error

    files: list[Path] = []
    for place, below, names in os.walk(folder, onerror=stop):
        below[:] = sorted(below) if recursive else []
        files += [Path(place, n) for n in sorted(names) if n.lower().endswith(MIDI_SUFFIXES)]
    return files
