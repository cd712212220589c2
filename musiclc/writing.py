"""From draws to files: names, MIDI, manifest. Files are whole or absent, and never replaced unasked.

Inside: `Style`, `Files`, `formatted`, `named_after`, `write_draws`, `edit_entry`.
"""

import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musiclc.compose import Draw, SampleOptions
from musiclc.errors import MusiclcError, UsageError
from musiclc.files import write_whole

if TYPE_CHECKING:
    from musiclc.transforms import Edit

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True)
class Style:
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
        self.names = [Path(str(self.output)).name] if one_file or self.to_stdout else list(self.given) or self._named_by_pattern()
        self.leaves_manifest = not self.to_stdout and not one_file and (self.count > 1 or self.output is not None)
        if not self.to_stdout:
            self._refuse_existing()

    @property
    def to_stdout(self) -> bool:
        """Whether the one file goes to standard output."""
        return self.output == "-"

    def _named_by_pattern(self) -> list[str]:
        names = [formatted(self.pattern, {**self.fields, "index": f"{i:04d}"}) for i in range(1, self.count + 1)]
        if len(set(names)) < self.count:
            raise UsageError(f"--name {self.pattern!r}: {self.count} files need {{index}} in their name")
        return names

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


def formatted(pattern: str, fields: dict[str, str]) -> str:
    """A file's name: the pattern with its fields filled in, .mid added where it lacks it. Raises UsageError."""
    whole = pattern if pattern.lower().endswith((".mid", ".midi")) else pattern + ".mid"
    safe = {name: re.sub(r"[^\w#.{},+-]+", "-", value) for name, value in fields.items()}
    try:
        name = whole.format(**safe)
    except (KeyError, IndexError, ValueError) as error:
        raise UsageError(f"--name {pattern!r}: unknown field {error}; wanted {', '.join(sorted(safe))}") from error
    if "/" in name:
        raise UsageError(f"--name {pattern!r}: names a file, not a path; the folder is -o")
    return name


def named_after(inputs: Sequence[str], pattern: str, fields: dict[str, str]) -> list[str]:
    """A name for each input, in the folder below that it came from. Raises UsageError when two are the same."""
    names = []
    for index, source in enumerate(map(Path, inputs), start=1):
        own = formatted(pattern, {**fields, "stem": "STEM", "index": f"{index:04d}"}).replace("STEM", source.stem)
        names.append((source.parent / own).as_posix())
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UsageError(f"{twice[0]}: two inputs have this name; put {{index}} into --name, such as '{{stem}}-{{index}}.mid'")
    return names


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raises MusiclcError when the path cannot be written, or exists and must not be replaced."""
    if path.is_dir():
        raise MusiclcError(f"{path}: is a folder; wanted a file to write")
    if path.exists() and not overwrite:
        raise MusiclcError(f"{path}: exists already; name another place, or replace it with --overwrite")


def write_draws(draws: Iterable[Draw], files: Files, style: Style, model: str, options: SampleOptions) -> Iterator[dict[str, Any]]:
    """Write each draw as it comes and yield its manifest entry; the manifest itself is written last."""
    from musiclc.midi import to_bytes

    entries = []
    for draw in draws:
        data = to_bytes(draw.melody, bpm=style.bpm, program=style.program, midi_type=style.midi_type)
        entry: dict[str, Any] = {
            "file": files.names[draw.index - 1],
            "sha256": hashlib.sha256(data).hexdigest(),
            "command": "sample",
            "index": draw.index,
            "seed": options.seed,
            "model": model,
            "meter": draw.melody.meter,
            "bars": draw.melody.bars,
            "bpm": style.bpm,
            "notes": len(draw.melody.notes),
            "method": draw.method,
            "attempts": draw.attempts,
            "constraints": draw.verdicts,
            "satisfied": draw.satisfied,
            "realism": draw.realism,
            "warnings": draw.warnings,
        }
        files.write(entry["file"], data)
        entries.append(entry)
        yield entry
    files.write_manifest(entries)


def edit_entry(edit: "Edit", command: str, source: str, name: str, run: tuple[int, int, str]) -> dict[str, Any]:
    """The manifest entry of one edited file. source: the input's name; name: the file's; run: seed, index, name of the model."""
    return {
        "file": name,
        "sha256": hashlib.sha256(edit.data).hexdigest(),
        "command": command,
        "index": run[1],
        "seed": run[0],
        "model": run[2],
        "meter": edit.song.meter,
        "bars": edit.bars,
        "bpm": edit.song.bpm,
        "notes": edit.notes,
        "method": edit.method,
        "attempts": edit.attempts,
        "constraints": edit.verdicts,
        "satisfied": edit.satisfied,
        "realism": edit.realism,
        "warnings": edit.warnings,
        "input": source,
        "track": edit.song.track.name or edit.song.track.index,
        "before": edit.before,
        "kept": edit.kept,
    }
