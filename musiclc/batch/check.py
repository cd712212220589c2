"""What jobs mean: every field checked as the command itself would check it, and a job made of each job.

The schema is not written down anywhere: the command line hands over each batchable command as a `Command`, made from that
command's own options. Checking loads no network; goals and other values are parsed once each, however many jobs share them.

Inside: `Field`, `Command`, `Job`, `Checker`.
"""

import difflib
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from musiclc.batch.table import Mistake, Row, expanded
from musiclc.custom.examples import EXAMPLES, files_of
from musiclc.custom.functions import FILE
from musiclc.custom.sections import goal_texts
from musiclc.errors import InputError, MusiclcError, one_line
from musiclc.midi.inputs import READ_SUFFIXES
from musiclc.rules import split_weight

OWN = ("id", "command", "grid")  # fields that are the batch's own
MOST_REMEMBERED = 20_000  # values of a field that are kept parsed
SEEDS = 10**12  # derived seeds lie below
LONGEST_ID = 120
_ID = re.compile(r"[\w#+][\w#+.,= -]*")
_TAKEN = {"manifest.jsonl", "failures.jsonl"}
_encode = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps makes an encoder a call


@dataclass(frozen=True)
class Field:
    """One option of a command as a job's field. convert: the value as text (a list of them if `multiple`) → what the command gets.

    default: as text, "" when there is none. flag: whether it is true or false. refused: why jobs may not give it, or "". texts: for a field that
    may be a mapping, the value → its texts, raising UsageError.
    """

    name: str
    option: str
    convert: Callable[[Any], Any]
    multiple: bool = False
    flag: bool = False
    default: str = ""
    refused: str = ""
    texts: Callable[[Any], list[str]] | None = None


@dataclass(frozen=True)
class Command:
    """A command as jobs ask for it.

    check: the converted values by field → raises UsageError where they do not go together. inputs: least and most files that
    `input` names; most is None without limit. itemwise: whether file i depends on (seed, i) alone, so that a job may be
    made in parts, shares its work with jobs of like shape, and keeps its first files when n grows. free: fields that a
    shape may differ in.
    """

    name: str
    fields: dict[str, Field]
    check: Callable[[dict[str, Any]], None] = lambda values: None
    inputs: tuple[int, int | None] = (0, 0)
    itemwise: bool = False
    free: frozenset[str] = frozenset()

    @property
    def seeded(self) -> bool:
        """Whether the command takes a seed."""
        return "seed" in self.fields


@dataclass(frozen=True)
class Job:
    """A checked job. options: canonical texts by field, without defaults, n and seed. count: how many files, 1 where only the run can tell.

    fingerprint: of all that decides the bytes of its files on one kind of processor.
    shape: of all that jobs must share to share chunks; "" shares with none.
    """

    id: str
    line: int
    command: str
    options: dict[str, Any]
    count: int
    seed: int | None
    fingerprint: str
    shape: str = ""
    mistakes: list[str] = field(default_factory=list)  # "field: what is wrong"; a job that has some is not run
    code: int = 0

    def dumped(self) -> str:
        """One line of JSON, which `loaded` reads."""
        return _encode(list(vars(self).values()))

    @classmethod
    def loaded(cls, line: str) -> "Job":
        """The job of a line of JSON."""
        return cls(*json.loads(line))


@dataclass
class Checker:
    """Rows → jobs. commands: what jobs may ask for. version: of musiclc, part of every fingerprint.

    model_of: path or None → a short hash of the model's file. rules_in: the folder outside of which no job may name a rule file, since checking a job
    runs its code; any when None. rule_files: those named so far whose code was run.
    """

    commands: Mapping[str, Command]
    version: str
    model_of: Callable[[str | None], str]
    rules_in: Path | None = None
    rule_files: dict[str, None] = field(default_factory=dict)
    _ids: dict[str, int] = field(default_factory=dict)
    _known: dict[tuple[str, str], dict[Any, Any]] = field(default_factory=dict)
    _together: set[str] = field(default_factory=set)
    _files: dict[str, str] = field(default_factory=dict)

    def checked(self, rows: Iterable[Row]) -> Iterator[Job]:
        """A job for every row, grids made out; mistakes stand in the job."""
        for row in rows:
            for each in expanded(row):
                yield self._job(each)

    def _job(self, row: Row) -> Job:
        given = row.values or {}
        mistakes = list(row.mistakes)
        name = self._id(row, given, mistakes)
        command = self._command(row, given, mistakes) if row.values is not None and not mistakes else None
        if command is None:
            return _failed(name, row.line, "", mistakes)
        values, texts = self._values(command, row.line, given, mistakes)
        job = None
        if not mistakes:
            try:
                job = self._made(command, name, row.line, values, texts)
            except MusiclcError as error:
                mistakes.append(Mistake(row.line, "", one_line(error), error.code))
        return job or _failed(name, row.line, command.name, mistakes)

    def _id(self, row: Row, given: Mapping[str, Any], mistakes: list[Mistake]) -> str:
        """The job's id; where it has none, or none that can name a folder, one made of its line."""
        fallback = f"job-{row.line:04d}"
        if given.get("id") in (None, ""):
            name = fallback
        else:
            name = str(given["id"])
            if (
                not _ID.fullmatch(name)
                or name[-1] in ". "
                or len(name) > LONGEST_ID
                or name.lower() in _TAKEN
                or isinstance(given["id"], (list, dict))
            ):
                mistakes.append(
                    Mistake(row.line, "id", f"{name[:60]!r} cannot name a folder; wanted letters, digits and - _ # + . only, at most {LONGEST_ID}")
                )
                name = fallback
        if name.casefold() in self._ids:
            first = self._ids[name.casefold()]
            mistakes.append(Mistake(row.line, "id", f"{name!r} stands on line {first} already; wanted a name of its own for each job's folder"))
            return f"{fallback}-again"
        self._ids[name.casefold()] = row.line
        return name

    def _command(self, row: Row, given: Mapping[str, Any], mistakes: list[Mistake]) -> Command | None:
        name = given.get("command", "sample")
        if isinstance(name, str) and name in self.commands:
            return self.commands[name]
        mistakes.append(
            Mistake(row.line, "command", f"{name!r} is not for batches; wanted {', '.join(self.commands)}{_slip(str(name), self.commands)}")
        )
        return None

    def _values(self, command: Command, line: int, given: Mapping[str, Any], mistakes: list[Mistake]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The fields' values as the command gets them, and as canonical texts; those that are wrong go to `mistakes`."""
        values: dict[str, Any] = {}
        texts: dict[str, Any] = {}
        for name, value in given.items():
            if name in OWN or value is None:
                continue
            found = command.fields.get(name)
            if name == "input" and command.inputs[1] != 0:
                texts["input"] = value
            elif found is None or found.refused:
                known = [n for n, f in command.fields.items() if not f.refused]
                why = found.refused if found else f"unknown to {command.name}{_slip(name, known)}"
                mistakes.append(Mistake(line, name, why))
            else:
                text, converted, wrong = self._converted(command, found, value)
                if wrong:
                    mistakes.append(Mistake(line, name, wrong))
                elif text not in ("", "false", found.default, []):
                    values[name], texts[name] = converted, text
        if command.inputs[1] != 0:
            self._inputs(command, line, texts, mistakes)
        return values, texts

    def _converted(self, command: Command, field: Field, value: Any) -> tuple[Any, Any, str]:
        """A value as canonical text, as the command gets it, and what is wrong with it; each is worked out once."""
        try:
            text = _canonical(field, value)
        except ValueError as error:  # a UsageError, too
            return "", None, one_line(error)
        for file in _rule_files(field.name, text):
            if self.rules_in is not None and not Path(file).resolve().is_relative_to(self.rules_in.resolve()):
                return text, None, f"{file}: a rule file, whose code is run, outside of {self.rules_in}; --allow-rules if you trust these jobs"
            self.rule_files[file] = None
        known = self._known.setdefault((command.name, field.name), {})
        key = tuple(text) if isinstance(text, list) else text
        if key not in known:
            if len(known) >= MOST_REMEMBERED:
                known.clear()
            try:
                known[key] = (field.convert(text), "")
            except (MusiclcError, ValueError) as error:
                known[key] = (None, one_line(error))
        return (text, *known[key])

    def _inputs(self, command: Command, line: int, texts: dict[str, Any], mistakes: list[Mistake]) -> None:
        """The files that `input` names, patterns made out."""
        given = texts.pop("input", [])
        found = [(str(each), _named_by(str(each))) for each in (given if isinstance(given, list) else [given])]
        paths = texts["input"] = [path for _, several in found for path in several]
        least, most = command.inputs
        if missing := [name for name, several in found if not several]:
            mistakes += (Mistake(line, "input", f"{name}: no such file", InputError.code) for name in missing)
        elif len(paths) < least or (most is not None and len(paths) > most):
            wanted = f"{least}" if least == most else f"at least {least}" if most is None else f"{least} to {most}"
            mistakes.append(Mistake(line, "input", f"{len(paths)} files; {command.name} takes {wanted}"))

    def _made(self, command: Command, name: str, line: int, values: dict[str, Any], texts: dict[str, Any]) -> Job:
        n, seed = values.get("n", 1), values.get("seed")
        options = {k: texts[k] for k in sorted(texts) if k not in ("n", "seed")}
        if command.seeded and seed is None:
            told = {k: v for k, v in options.items() if k != "strict"}
            seed = int(hashlib.sha256(json.dumps([name, command.name, told]).encode()).hexdigest(), 16) % SEEDS
        shape = json.dumps([command.name, {k: v for k, v in options.items() if k not in command.free}])
        together = json.dumps([command.name, options, n > 1])
        if together not in self._together:
            command.check({**values, **{k: v for k, v in texts.items() if k == "input"}, "seed": seed})
            if len(self._together) >= MOST_REMEMBERED:
                self._together.clear()
            self._together.add(together)
        files = [self._hash_of(path) for path in _files_named(options)]
        model = self.model_of(options.get("model")) if "model" in command.fields else ""
        decisive = {k: v for k, v in options.items() if k != "strict"}
        decides = [self.version, command.name, decisive, seed, files, model, None if command.itemwise else n]
        fingerprint = hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:16]
        if not command.itemwise:
            return Job(name, line, command.name, {**options, **({"n": str(n)} if "n" in texts else {})}, 1, seed, fingerprint)
        return Job(name, line, command.name, options, n, seed, fingerprint, shape)

    def _hash_of(self, path: str) -> str:
        """A file's hash, worked out once; folders are hashed by their MIDI files."""
        if path not in self._files:
            whole = Path(path)
            found = hashlib.sha256()
            for part in _music_below(whole) if whole.is_dir() else [whole]:
                found.update(str(part.relative_to(whole)).encode(errors="surrogateescape") + _bytes_of(part))
            self._files[path] = found.hexdigest()
        return self._files[path]


def _music_below(folder: Path) -> list[Path]:
    """The MIDI files of a folder and of those below it: of all else in it nothing is read."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in READ_SUFFIXES and p.is_file())


def _bytes_of(path: Path) -> bytes:
    """What a file holds. Raises InputError for what cannot be read, or is no file, such as a device without end."""
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is no file")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error


def _named_by(path: str) -> list[str]:
    """The file of that name, such as `Song [live].mid`; where there is none, those that the name fits as a pattern, in order."""
    if os.path.exists(path):
        return [path]
    return sorted(glob(path, recursive=True)) if has_magic(path) else []


def _files_named(options: Mapping[str, Any]) -> list[str]:
    """The files that decide what a job makes: its inputs, the sources of rules of one's own and of taught ones, and files that rules name."""
    rules = [*options.get("rule", []), *(goal for section in options.get("sections", []) for goal in goal_texts(section))]
    sources = _rule_files("rule", rules)
    taught = [_taught(rule) for rule in rules if "=" not in rule and ".py:" not in rule]
    examples = [path for rule in [*rules, *(f"{name}={goal}" for name in EXAMPLES for goal in options.get(name, []))] for path in files_of(rule)]
    return [*options.get("input", []), *sources, *taught, *examples]


def _rule_files(name: str, text: Any) -> list[str]:
    """The Python files that a field's texts name as rules."""
    goals = text if name == "rule" else [goal for section in text for goal in goal_texts(section)] if name == "sections" else []
    found = [FILE.fullmatch(_unweighted(goal).strip()) for goal in goals]
    return [match["file"] for match in found if match]


def _unweighted(goal: str) -> str:
    """A goal without its weight; with it, where that is none, which the conversion will say."""
    try:
        return split_weight(goal)[0]
    except MusiclcError:
        return goal


def _taught(rule: str) -> str:
    from musiclc.custom import labels

    return str(labels.path_of(rule.partition("@")[0].strip()))


def _canonical(field: Field, value: Any) -> Any:
    """The value as text, or a list of texts; "true" or "false" for a flag. Raises ValueError for what no option could say."""
    if field.flag:
        text = str(value).lower()
        if text in ("true", "false", "1", "0", "yes", "no"):
            return "true" if text in ("true", "1", "yes") else "false"
        raise ValueError(f"{value!r}; wanted true or false")
    if field.texts:
        return field.texts(value)
    if field.multiple:
        return [_text(each) for each in value] if isinstance(value, list) else [_text(value)]
    if isinstance(value, list):
        raise ValueError('a list; for a job of each of its values add "grid": true')
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, (dict, list, bool)):
        raise ValueError(f"{json.dumps(value)[:60]}; wanted text or a number")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _failed(name: str, line: int, command: str, mistakes: list[Mistake]) -> Job:
    said = [f"{m.field}: {m.text}" if m.field else m.text for m in mistakes]
    return Job(name, line, command, {}, 0, None, "", "", said, max(m.code for m in mistakes))


def _slip(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
