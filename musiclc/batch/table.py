"""Reading jobs: JSON Lines, YAML and CSV, row by row, with the line that each came from; and grids, which stand for many jobs.

A job is a table of fields: `id`, `command`, and the command's options by their long names with `_`. What the fields mean is
`check.py`'s business. JSON Lines and CSV are streamed, however long they are; YAML and one JSON list are read whole.

Inside: `Row`, `Mistake`, `read`, `expanded`.
"""

import csv
import itertools
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from musiclc.errors import InputError, UsageError

FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".yaml": "yaml", ".yml": "yaml", ".csv": "csv"}
LISTS = ("rule", "input", "sections")  # fields that hold lists by nature: in a grid, lists of lists, or of mappings
CELL_BREAK = ";"  # between several values of a list field in a CSV cell
MOST_OF_A_GRID = 1_000_000  # jobs
LARGEST_ROW = 200_000  # values, those within values included
_UNSAFE = re.compile(r"[^\w#.+-]+")


@dataclass(frozen=True)
class Mistake:
    """One thing wrong with a job. field: "" when it is the whole row. code: the exit code that it would give a command."""

    line: int
    field: str
    text: str
    code: int = 2

    def __str__(self) -> str:
        return f"{self.line}: {self.field + ': ' if self.field else ''}{self.text}"


@dataclass(frozen=True)
class Row:
    """One job as written. values: None where the row cannot be read at all, and then there are mistakes."""

    line: int
    values: dict[str, Any] | None
    mistakes: tuple[Mistake, ...] = field(default=())


def format_of(name: str, head: str) -> str:
    """ "jsonl", "json", "yaml" or "csv": by the name's ending, else by what the first characters look like."""
    suffix = Path(name).suffix.lower()
    if name != "-" and suffix:
        if suffix not in FORMATS:
            raise UsageError(f"{name}: jobs end in {', '.join(FORMATS)}; JSON Lines is what most programs write")
        return FORMATS[suffix]
    text = head.lstrip()
    if text.startswith("{"):
        return "jsonl"
    if text.startswith("["):
        return "json"
    first = text.splitlines()[0] if text else ""
    return "csv" if "," in first and not first.startswith("-") and ": " not in first else "yaml"


def read(file: TextIO, name: str) -> Iterator[Row]:
    """The rows of an open jobs file. Raises InputError when it is not text or, for YAML and JSON lists, cannot be read at all."""
    try:
        start = file.tell()
        kind = format_of(name, file.read(4096))
        file.seek(start)
        yield from {"jsonl": _json_lines, "json": _json_list, "yaml": _yaml, "csv": _csv}[kind](file, name)
    except UnicodeDecodeError as error:
        raise no_text(name, error) from error


def no_text(name: str, error: UnicodeDecodeError) -> InputError:
    """What is said of jobs that are not text."""
    return InputError(f"{name}: not text in UTF-8 (byte {error.start}); wanted JSON Lines, YAML or CSV")


def _json_lines(file: TextIO, name: str) -> Iterator[Row]:
    for line, text in enumerate(file, 1):
        if text.strip() and not text.lstrip().startswith(("//", "#")):
            yield _json_row(line, text)


def _json_row(line: int, text: str) -> Row:
    try:
        values = json.loads(text, object_pairs_hook=_once_each)
    except json.JSONDecodeError as error:
        slip = "; a job must stand on one line" if text.strip() in ("{", "[") else ""
        return Row(line, None, (Mistake(line, "", f"not JSON: {error.msg} at column {error.colno}{slip}"),))
    except UsageError as error:
        return Row(line, None, (Mistake(line, "", str(error)),))
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets within brackets
        return Row(line, None, (Mistake(line, "", f"not a job: {error}"),))
    return _row(line, values)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise UsageError(f"{next(n for n in names if names.count(n) > 1)!r} stands twice; wanted each field once")
    return values


def _row(line: int, values: Any) -> Row:
    if isinstance(values, dict):
        return Row(line, {str(k): v for k, v in values.items()})
    return Row(
        line, None, (Mistake(line, "", f'{type(values).__name__} {str(values)[:40]!r}; wanted a job such as {{"command": "sample", "key": "C"}}'),)
    )


def _json_list(file: TextIO, name: str) -> Iterator[Row]:
    text = file.read()
    if text.lstrip().startswith("{") and len(text.strip().splitlines()) != 1 and not _is_json(text):
        file.seek(0)
        yield from _json_lines(file, name)
        return
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{name}:{error.lineno}: not JSON ({error.msg} at column {error.colno}); wanted a list of jobs") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: no list of jobs ({error})") from error
    for number, each in enumerate(values if isinstance(values, list) else [values], 1):
        yield _row(number, each)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _yaml(file: TextIO, name: str) -> Iterator[Row]:
    """A list of jobs, or a document each; the line is the one on which the job begins."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(file)
    try:
        while loader.check_node():
            node = loader.get_node()
            for each in node.value if isinstance(node, yaml.SequenceNode) else [node]:
                yield _yaml_row(each.start_mark.line + 1, loader.construct_document(each))
    except (ValueError, TypeError, OverflowError, AttributeError, RecursionError) as error:  # a date that is none, a list as a key, …
        raise InputError(f"{name}: holds what no job has ({type(error).__name__}: {error}); wanted a list of jobs") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        raise InputError(f"{where}: not YAML ({getattr(error, 'problem', None) or error}); wanted a list of jobs") from error
    finally:
        loader.dispose()


def _yaml_row(line: int, values: Any) -> Row:
    """A row of YAML, in which a few lines can stand for a value that is larger than all memory, or for one that holds itself."""
    waiting = [values]
    for _ in range(LARGEST_ROW):
        if not waiting:
            return _row(line, values)
        value = waiting.pop()
        waiting += [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list | tuple | set) else ()
    return Row(line, None, (Mistake(line, "", f"more than {LARGEST_ROW} values; wanted a job (do its aliases name each other?)"),))


def _csv(file: TextIO, name: str) -> Iterator[Row]:
    """A job a row, a field a column; empty cells are left out, and cells of list fields are split at ;."""
    table = csv.reader(file)
    try:
        head = [h.strip() for h in next(table, [])]
        if len(set(head)) < len(head):
            raise InputError(f"{name}:1: a column stands twice in {', '.join(head)}")
        for cells in table:
            line = table.line_num
            if not any(c.strip() for c in cells):
                continue
            if len(cells) > len(head):
                found = f"{len(cells)} cells, {len(head)} columns; a cell with commas is quoted"
                yield Row(line, None, (Mistake(line, "", found),))
                continue
            yield Row(line, {h: _cell(h, c) for h, c in zip(head, cells, strict=False) if c.strip()})
    except csv.Error as error:
        raise InputError(f"{name}:{table.line_num}: not CSV ({error})") from error


def _cell(name: str, text: str) -> Any:
    return [part.strip() for part in text.split(CELL_BREAK) if part.strip()] if name in LISTS else text.strip()


def expanded(row: Row) -> Iterator[Row]:
    """The row itself; or, where it says `grid`, a row for every combination of its lists, the last list changing fastest.

    An id gets the values as suffixes, such as sweep-C-4, or numbers where those would not tell the rows apart.
    """
    values = dict(row.values or {})
    grid = values.pop("grid", False)
    if row.values is None or str(grid).lower() not in ("true", "false", "1", "0"):
        wrong = [Mistake(row.line, "grid", f"{grid!r}; wanted true or false")] if row.values is not None else []
        yield Row(row.line, row.values and {"id": values.get("id")}, (*row.mistakes, *wrong))
        return
    if str(grid).lower() in ("false", "0"):
        yield Row(row.line, values)
        return
    axes = {name: given for name, given in values.items() if _is_axis(name, given)}
    mistaken = _mistakes_of(row.line, axes)
    if mistaken:
        yield Row(row.line, {"id": values.get("id")}, mistaken)
        return
    suffixes = _suffixes(axes)
    base = values.get("id") or f"job-{row.line:04d}"
    for suffix, chosen in zip(suffixes, itertools.product(*axes.values()), strict=True):
        yield Row(row.line, {**values, **dict(zip(axes, chosen, strict=True)), "id": f"{base}-{suffix}"})


def _is_axis(name: str, given: Any) -> bool:
    return isinstance(given, list) and (name not in LISTS or any(isinstance(each, list | dict) for each in given))


def _mistakes_of(line: int, axes: dict[str, list]) -> tuple[Mistake, ...]:
    if not axes:
        return (Mistake(line, "grid", 'no field holds a list; wanted one such as "key": ["C", "G"] (rule and input: a list of lists)'),)
    found = [Mistake(line, name, "an empty list makes no job") for name, given in axes.items() if not given]
    size = 1
    for given in axes.values():
        size *= len(given)
    if size > MOST_OF_A_GRID:
        found.append(Mistake(line, "grid", f"{size} jobs; wanted at most {MOST_OF_A_GRID}"))
    return tuple(found)


def _suffixes(axes: dict[str, list]) -> Iterable[str]:
    size = 1
    for given in axes.values():
        size *= len(given)
    numbers = (f"{i:0{max(4, len(str(size)))}d}" for i in range(1, size + 1))
    parts = [[_UNSAFE.sub("-", str(each)).strip("-.") for each in given] for given in axes.values()]
    distinct = all(len({p.lower() for p in each}) == len(each) and all(0 < len(p) <= 24 for p in each) for each in parts)
    unjoined = sum("-" in p for each in parts for p in each) == 0 or len(parts) == 1
    return ("-".join(chosen) for chosen in itertools.product(*parts)) if distinct and unjoined else numbers
