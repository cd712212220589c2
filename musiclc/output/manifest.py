"""Where the files of one command go, what they are called, and the entry that each has in the manifest.

Files are whole or absent, and never replaced unasked.

Inside: `MidiOptions`, `Files`, `goal_fields`, `names_by_pattern`, `named_after`, `Entry`, `Delivered`, `Origin`, `entry_of`, `line_of`,
`read_manifest`, `read_within`, `constraints_in`, `form_in`.
"""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Any, Protocol

from musiclc.errors import InputError, MusiclcError, UsageError
from musiclc.files import locked, refuse_existing, within, write_whole
from musiclc.midi.inputs import MIDI_SUFFIXES
from musiclc.music.form import Form, parse_form
from musiclc.rules import MADE_BY_GOALS, RULES
from musiclc.rules.base import Constraint

MANIFEST = "manifest.jsonl"
Entry = dict[str, Any]  # one line of a manifest


@dataclass(frozen=True)
class MidiOptions:
    """What a melody does not say itself. bpm: quarter notes a minute, 4 to 1000; program: General MIDI, 0-127; midi_type: 0 or 1."""

    bpm: float = 120.0
    program: int = 0
    midi_type: int = 1

    def __post_init__(self) -> None:
        if not 4 <= self.bpm <= 1000:
            raise UsageError(f"bpm {self.bpm:g}: wanted 4 to 1000 quarter notes a minute")
        if not 0 <= self.program <= 127:
            raise UsageError(f"program {self.program}: wanted a General MIDI program, 0 to 127")
        if self.midi_type not in (0, 1):
            raise UsageError(f"midi_type {self.midi_type}: wanted 0 or 1")


# ---- where files go ------------------------------------------------------------------------------------------------


@dataclass
class Files:
    """Where the files of one command go: one file, a folder, or standard output. Checked before any work is done.

    output: FILE.mid, a folder, "-", or None for the current folder. names: what the files are called there; the one of FILE.mid has its name.
    beside: files elsewhere that are written with them. Raises UsageError for an output that cannot hold so many files, MusiclcError for a file
    that exists already, or that two of them would be.
    """

    output: str | None
    names: Sequence[str]
    overwrite: bool = False
    beside: Sequence[Path] = ()
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        one_file = self.output is not None and Path(self.output).suffix.lower() in MIDI_SUFFIXES
        if len(self.names) > 1 and (self.to_stdout or one_file):
            raise UsageError(f"-o {self.output} holds one melody; for {len(self.names)} of them name a folder, without .mid")
        self.folder = Path(str(self.output)).parent if one_file else Path(self.output or ".")
        self.leaves_manifest = not self.to_stdout and not one_file and (len(self.names) > 1 or self.output is not None)
        self._own = Path(str(self.output)).name if one_file or self.to_stdout else ""
        self._refuse_existing()

    @property
    def to_stdout(self) -> bool:
        """Whether the one file goes to standard output."""
        return self.output == "-"

    def _refuse_existing(self) -> None:
        if not self.to_stdout and self.folder.exists() and not self.folder.is_dir():
            raise MusiclcError(f"{self.folder}: is a file; wanted a folder for the melodies")
        names = [self._own] if self._own else [*self.names, *([MANIFEST] if self.leaves_manifest else [])]
        written = [] if self.to_stdout else [self.folder / name for name in names]
        for path in (*written, *self.beside):
            refuse_existing(path, self.overwrite)
        for path in written:
            within(self.folder, str(path.relative_to(self.folder)))
        for path, count in Counter([*written, *self.beside]).items():
            if count > 1:
                raise MusiclcError(f"{path}: {count} files would be written there; wanted a place of its own for each")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """While in here, no other run may write in a folder that gets a manifest: the later of two would leave files without their lines.

        Raises MusiclcError when another does, or has since the names were checked.
        """
        new = not self.folder.exists()
        with contextlib.ExitStack() as stack:
            if self.leaves_manifest:
                stack.callback(self._left, new)
                self._lock(stack)
                self._refuse_existing()
            yield

    def _lock(self, stack: contextlib.ExitStack) -> None:
        try:
            stack.enter_context(locked(self.folder / f".{MANIFEST}.lock", 0.0))
        except TimeoutError as error:
            raise MusiclcError(f"{self.folder}: another run is writing here; wait for it, or name another folder") from error
        except OSError as error:
            raise MusiclcError(f"{self.folder}: cannot be written ({error.strerror or error})") from error

    def _left(self, new: bool) -> None:
        """A folder that was made for nothing goes."""
        if new:
            with contextlib.suppress(OSError):
                self.folder.rmdir()

    def name_of(self, entry: Entry) -> str:
        """What an entry's file is called where it goes."""
        return self._own or str(entry["file"])

    def write(self, entry: Entry, data: bytes) -> None:
        """Write an entry's file, or the melody to standard output."""
        if self.to_stdout:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            write_whole(within(self.folder, entry["file"]), data, durable=not self.leaves_manifest)  # whose hashes tell what a power cut took

    def write_manifest(self, entries: list[Entry]) -> None:
        """Write the manifest, where the folder gets one."""
        if self.leaves_manifest and entries:
            write_whole(self.folder / MANIFEST, b"".join(map(line_of, entries)))

    def path_of(self, entry: Entry) -> str:
        """The path of an entry's file."""
        return str(self.folder / entry["file"])


# ---- names ---------------------------------------------------------------------------------------------------------


def goal_fields(constraints: Sequence[Constraint]) -> dict[str, str]:
    """Rule → goal, or goals, for file names; "any" where nothing was asked."""
    goals: dict[str, list[str]] = {name: [] for name in (*RULES, *MADE_BY_GOALS)}
    for c in constraints:
        goals.setdefault(c.rule.name, []).append(c.goal.text)
    return {name: "+".join(texts) or "any" for name, texts in goals.items()}


def named_after(inputs: Sequence[str], pattern: str, fields: dict[str, str]) -> list[str]:
    """A name for each input, in the folder below that it came from. Raises UsageError when two are the same."""
    names = []
    for index, source in enumerate(map(Path, inputs), start=1):
        own = names_by_pattern(pattern, fields, [index], stem=source.stem)[0]
        names.append((source.parent / own).as_posix())
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UsageError(f"{twice[0]}: two inputs have this name; put {{index}} into --name, such as '{{stem}}-{{index}}.mid'")
    return names


def names_by_pattern(pattern: str, fields: dict[str, str], indices: Sequence[int], stem: str | None = None) -> list[str]:
    """File names from a pattern with fields in braces. stem: a field that is taken to the letter, since a file has that name already.

    Raises UsageError for an unknown field, a path, what no file can be called, or names that are not all different.
    """
    whole = pattern if pattern.lower().endswith(MIDI_SUFFIXES) else pattern + ".mid"
    safe = {name: re.sub(r"[^\w#.{},+-]+", "-", value) for name, value in fields.items()}
    safe |= {} if stem is None else {"stem": stem}
    _check_pattern(pattern, {"index", *safe})
    names = [whole.format(index=f"{i:04d}", **safe) for i in indices]
    if len(set(names)) < len(indices):
        raise UsageError(f"--name {pattern!r}: {len(indices)} files need {{index}} in their name")
    if names and ("/" in names[0] or os.sep in names[0]):
        raise UsageError(f"--name {pattern!r}: names a file, not a path; the folder is -o")
    return names


def _check_pattern(pattern: str, known: Set[str]) -> None:
    """Raises UsageError for fields that are not known, or are more than their name (such as {stem:>99}), and for characters that no name has."""
    try:
        said = [
            ("".join((name, *(("!", how) if how else ()), spec or "")), name) for _, name, spec, how in Formatter().parse(pattern) if name is not None
        ]
    except ValueError as error:
        raise UsageError(f"--name {pattern!r}: {error}; a brace that is meant as one is written twice") from error
    for text, name in said:
        if name not in known or text != name:
            raise UsageError(f"--name {pattern!r}: unknown field {text!r}; wanted {', '.join(sorted(known))}")
    if any(ord(character) < 0x20 for character in pattern):
        raise UsageError(f"--name {pattern!r}: holds a control character; wanted what a file can be called")


# ---- entries -------------------------------------------------------------------------------------------------------


class Delivered(Protocol):
    """What a command has made one file of: a new melody or an edit. verdicts: of the constraints, as Constraint.verdict gives them."""

    @property
    def index(self) -> int: ...
    @property
    def verdicts(self) -> list[dict[str, Any]]: ...
    @property
    def satisfied(self) -> bool: ...
    @property
    def method(self) -> str: ...
    @property
    def attempts(self) -> int: ...
    @property
    def realism(self) -> float: ...
    @property
    def warnings(self) -> list[str]: ...


@dataclass(frozen=True)
class Origin:
    """What all entries of a run share. model: its name; numerics: the word width and instruction set in which its networks ran."""

    command: str
    seed: int
    model: str
    numerics: str


def entry_of(origin: Origin, name: str, data: bytes, made: Delivered, about: Mapping[str, Any]) -> Entry:
    """The manifest's entry of one file. about: its "meter", "bars", "form" where it has one, "bpm" and "notes"."""
    return {
        "file": name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "command": origin.command,
        "index": made.index,
        "seed": origin.seed,
        "model": origin.model,
        "musiclc": _version(),
        "numerics": origin.numerics,
        **about,
        "method": made.method,
        "attempts": made.attempts,
        "constraints": made.verdicts,
        "satisfied": made.satisfied,
        "realism": made.realism,
        "warnings": made.warnings,
    }


@lru_cache(maxsize=1)
def _version() -> str:
    return importlib.metadata.version("musiclc")


_encode = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps makes an encoder a call


def line_of(entry: Entry) -> bytes:
    """A manifest's line. Names of files that are no UTF-8 keep their bytes."""
    return _encode(entry).encode(errors="surrogateescape") + b"\n"


# ---- a manifest that is there --------------------------------------------------------------------------------------


def read_manifest(path: Path) -> list[Entry]:
    """The lines of a manifest. Raises InputError when it is absent, or a line is no JSON object with a "file"."""
    try:
        lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); wanted the manifest that musiclc leaves beside many files") from error
    entries = []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number}: is no JSON ({error})") from error
        if not isinstance(entry, dict) or not isinstance(entry.get("file"), str):
            raise InputError(f'{path}, line {number}: wanted a JSON object with a "file"')
        entries.append(entry)
    return entries


def read_within(folder: Path, entry: Entry) -> bytes:
    """A manifest entry's file, which must lie within the folder: a manifest from elsewhere shall not reach other files."""
    named = folder / entry["file"]
    try:
        path = named if named.exists() or "job" not in entry else folder / str(entry["job"]) / named.name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise InputError(f"{path}: lies outside of {folder}; a manifest names files of its own folder")
        return path.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:  # a zero byte, links in a circle
        raise InputError(f"{named}: cannot be read ({getattr(error, 'strerror', None) or error})") from error


def constraints_in(entry: Entry) -> list[dict[str, Any]]:
    """The verdicts of a manifest's line, as far as they are any: a manifest from elsewhere may hold what it likes."""
    found = entry.get("constraints")
    return [c for c in found if isinstance(c, dict) and isinstance(c.get("rule"), str)] if isinstance(found, list) else []


def form_in(entry: Entry) -> Form:
    """The form that a manifest's line names; () where it has none, or what is no form."""
    said = entry.get("form")
    try:
        return parse_form(said) if isinstance(said, str) else ()
    except UsageError:
        return ()
