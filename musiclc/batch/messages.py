"""What goes to a worker and what comes back.

A unit is work for one worker: parts of jobs of one shape. A runner makes a command's files; it writes none, but hands bytes and
manifest entries back, so that only one process ever writes in the batch's folder, wherever its workers are.

On the way all of it is JSON: what reads it can be led to make nothing but these few kinds, whoever wrote it.

Inside: `JobPart`, `Unit`, `Made`, `Failed`, `Done`, `Said`, `Runner`, `serve`; on the way: `packed`, `unpacked`, `named`, `function_of`.
"""

import base64
import importlib
import json
import logging
import os
import queue
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from musiclc.errors import MusiclcError, UsageError, one_line


@dataclass(frozen=True)
class JobPart:
    """Some files of a job: those of `indices`, from 1."""

    job: str
    options: dict[str, Any]
    seed: int | None
    indices: tuple[int, ...]
    count: int
    fingerprint: str

    def told(self, entry: dict[str, Any]) -> dict[str, Any]:
        """The entry of one of its files as the batch's manifest has it."""
        return {"job": self.job, **entry, "file": f"{self.job}/{entry['file']}", "fingerprint": self.fingerprint}


@dataclass(frozen=True)
class Unit:
    """Parts of one command and shape; "" is a shape that nothing shares. number: its own in a run; negative when it is given out again."""

    number: int
    command: str
    shape: str
    parts: tuple[JobPart, ...]

    @property
    def items(self) -> int:
        """How many files it asks for."""
        return sum(len(part.indices) for part in self.parts)

    @property
    def again(self) -> bool:
        """Whether it is one job by itself, of a worker that died with it among others."""
        return self.number < 0


@dataclass(frozen=True)
class Made:
    """Files of a job, with their manifest entries; `entries` and `files` go together."""

    unit: int
    job: str
    entries: list[dict[str, Any]]
    files: list[bytes]
    indices: tuple[int, ...]


@dataclass(frozen=True)
class Failed:
    """A job that could not be made."""

    unit: int
    job: str
    error: str
    code: int


@dataclass(frozen=True)
class Done:
    """A unit of which nothing more will come."""

    unit: int


@dataclass(frozen=True)
class Said:
    """A line for people; an empty one says that the worker has started."""

    text: str
    unit: int = 0


Message = Made | Failed | Done | Said
Also = Callable[[str], Unit | None]  # shape → one more unit of it that is waiting already
Runner = Callable[[Unit, Also], Iterator[Message]]


def failure(unit: int, job: str, error: Exception) -> Failed:
    """An exception as one line, with the exit code that it stands for."""
    if os.environ.get("MUSICLC_DEBUG") == "1":
        logging.getLogger("musiclc").exception("job %s", job)
    said = str(error) if isinstance(error, MusiclcError) else f"{type(error).__name__}: {error}"
    return Failed(unit, job, one_line(said), getattr(error, "code", 1) if isinstance(error, MusiclcError) else 1)


def serve(runners: dict[str, Runner], units: "queue.Queue[Unit | None]") -> Iterator[Message]:
    """The messages of all units that come, until None does."""
    waiting: list[Unit | None] = []

    def also(shape: str) -> Unit | None:
        if not waiting and not units.empty():
            waiting.append(units.get())
        return waiting.pop() if shape and waiting and waiting[0] is not None and waiting[0].shape == shape else None

    while True:
        unit = waiting.pop() if waiting else units.get()
        if unit is None:
            return
        yield from runners[unit.command](unit, also)


# ---- on the way ----------------------------------------------------------------------------------------------------

_KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Unit, Made, Failed, Done, Said)}


def packed(sent: Message | Unit) -> bytes:
    """A unit or a message as bytes, which `unpacked` reads."""
    told = dict(vars(sent))
    if isinstance(sent, Unit):
        told["parts"] = [vars(part) for part in sent.parts]
    elif isinstance(sent, Made):
        told["files"] = [base64.b64encode(data).decode() for data in sent.files]
    return json.dumps([type(sent).__name__, told]).encode()


def unpacked(data: bytes) -> Any:
    """The unit or message of such bytes. Raises ValueError for others."""
    try:
        name, told = json.loads(data)
        if name == "Unit":
            told["parts"] = tuple(JobPart(**{**part, "indices": tuple(part["indices"])}) for part in told["parts"])
        elif name == "Made":
            told |= {"files": [base64.b64decode(text) for text in told["files"]], "indices": tuple(told["indices"])}
        return _KINDS[name](**told)
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"no message of a batch ({type(error).__name__}: {error})") from error


def named(function: Callable[[], Any]) -> str:
    """MODULE:NAME of a module's function, by which `function_of` finds it in another process. Raises UsageError for one that it would not find."""
    if function.__module__ == "__main__":
        raise UsageError(f"{function.__name__}: a function of the main script, which workers do not run; wanted one of a module")
    return f"{function.__module__}:{function.__qualname__}"


def function_of(name: str) -> Callable[[], Any]:
    """The function of that name."""
    module, _, within = name.partition(":")
    found: Callable[[], Any] = getattr(importlib.import_module(module), within)
    return found
