"""From draws to files: names, MIDI, manifest. Files are whole or absent, and never replaced unasked.

Inside: `MidiOptions`, `Files`, `names_by_pattern`, `named_after`, `rendered`, `write_draws`, `edit_entry`.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musiclc.errors import MusiclcError, UsageError
from musiclc.files import refuse_existing, write_whole

if TYPE_CHECKING:
    pass

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True)
class MidiOptions:
    """What a melody does not say itself. bpm: quarter notes a minute; program: General MIDI; midi_type: 0 or 1."""

    bpm: float = 120.0
    program: int = 0
    midi_type: int = 1


@dataclass
class Files:
    """Where the files of one command go: one file, a folder, or standard output. Checked before any work is done.

    pattern: a name with fields in braces, which are the keys of `fields` and index. given: the names themselves, in its place.
    Raises UsageError for an output that cannot hold `count` files or a pattern that does not name them, MusiclcError for a file
    that exists already.
    """

    output: str | None
    count: int
    pattern: str
    fields: dict[str, str]
    overwrite: bool = False
    given: tuple[str, ...] = ()
    folder: Path = field(init=False)
    names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        one_file = self.output is not None and Path(self.output).suffix.lower() in (".mid", ".midi")
        if self.count > 1 and (self.to_stdout or one_file):
            raise UsageError(f"-o {self.output} holds one melody; for {self.count} of them name a folder, without .mid")
        self.folder = Path(str(self.output)).parent if one_file else Path(self.output or ".")
        own = [Path(str(self.output)).name] if one_file or self.to_stdout else list(self.given)
        self.names = own or names_by_pattern(self.pattern, self.fields, range(1, self.count + 1))
        self.leaves_manifest = not self.to_stdout and not one_file and (self.count > 1 or self.output is not None)
        if not self.to_stdout:
            self._refuse_existing()

    @property
    def to_stdout(self) -> bool:
        """Whether the one file goes to standard output."""
        return self.output == "-"

    def _refuse_existing(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise MusiclcError(f"{self.folder}: is a file; wanted a folder for the melodies")
        for name in [*self.names, *([MANIFEST] if self.leaves_manifest else [])]:
            refuse_existing(self.folder / name, self.overwrite)

    def write(self, name: str, data: bytes) -> None:
        """Write one file, or the melody to standard output."""
        if self.to_stdout:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            write_whole(self.folder / name, data)

    def write_manifest(self, entries: list[dict[str, Any]]) -> None:
        """Write the manifest, where the folder gets one."""
        if self.leaves_manifest and entries:
            write_whole(self.folder / MANIFEST, "".join(json.dumps(e, ensure_ascii=False) + "\n" for e in entries).encode())

    def path_of(self, entry: dict[str, Any]) -> str:
        """The path of a manifest entry's file."""
        return str(self.folder / entry["file"])


def named_after(inputs: Sequence[str], pattern: str, fields: dict[str, str]) -> list[str]:
    """A name for each input, in the folder below that it came from. Raises UsageError when two are the same."""
    names = []
    for index, source in enumerate(map(Path, inputs), start=1):
        own = names_by_pattern(pattern, {**fields, "stem": "STEM"}, [index])[0].replace("STEM", source.stem)
        names.append((source.parent / own).as_posix())
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UsageError(f"{twice[0]}: two inputs have this name; put {{index}} into --name, such as '{{stem}}-{{index}}.mid'")
    return names


def names_by_pattern(pattern: str, fields: dict[str, str], indices: Sequence[int]) -> list[str]:
    """File names from a pattern with fields in braces. Raises UsageError for an unknown field, a path, or names that are not all different."""
    whole = pattern if pattern.lower().endswith((".mid", ".midi")) else pattern + ".mid"
    safe = {name: re.sub(r"[^\w#.{},+-]+", "-", value) for name, value in fields.items()}
    try:
        names = [whole.format(index=f"{i:04d}", **safe) for i in indices]
    except (KeyError, IndexError, ValueError) as error:
        raise UsageError(f"--name {pattern!r}: unknown field {error}; wanted {', '.join(sorted({'index', *safe}))}") from error
    if len(set(names)) < len(indices):
        raise UsageError(f"--name {pattern!r}: {len(indices)} files need {{index}} in their name")
    if "/" in names[0]:
        raise UsageError(f"--name {pattern!r}: names a file, not a path; the folder is -o")
    return names
