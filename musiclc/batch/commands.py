"""The commands that a batch can run, and their runners: in a worker, each is a library function of its request, and no command line.

A new command needs its line in COMMANDS and nothing else: its options become the fields of jobs, their values its request, and `run`
yields its files. `sample` has a runner of its own, since its jobs share chunks (sample.py).

Inside: `BatchCommand`, `COMMANDS`, `run`, `runners`.
"""

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from musiclc.batch import messages
from musiclc.errors import MusiclcError
from musiclc.output.manifest import Entry

NOT_OF_REQUESTS = ("strict",)  # options that say what is made of a result, and nothing of the files


@dataclass(frozen=True)
class BatchCommand:
    """A command: where its request and its `run` are, as MODULE:NAME. The request's module loads no network, so that jobs are checked at once.

    free: for a command whose file i depends on (seed, i) alone, the fields in which jobs that share chunks may differ; None for the others.
    """

    request: str
    run: str
    free: frozenset[str] | None = None

    def request_of(self, values: Mapping[str, Any]) -> Any:
        """The request that a job's values make, as texts or typed. Raises UsageError."""
        return _named(self.request).of({name: value for name, value in values.items() if name not in NOT_OF_REQUESTS})

    def made(self, request: Any) -> Iterable[tuple[Entry, bytes]]:
        """The files of a request with their entries. Raises MusiclcError."""
        files: Iterable[tuple[Entry, bytes]] = _named(self.run)(request)
        return files


COMMANDS: dict[str, BatchCommand] = {
    "sample": BatchCommand(
        "musiclc.sampling.request:SampleRequest",
        "musiclc.sampling.sample:run",
        free=frozenset({"bpm", "program", "midi_type", "name", "strict"}),
    ),
    "transform": BatchCommand("musiclc.editing.request:TransformRequest", "musiclc.editing.commands:run"),
    "vary": BatchCommand("musiclc.editing.request:VaryRequest", "musiclc.editing.commands:run"),
    "interpolate": BatchCommand("musiclc.editing.request:InterpolateRequest", "musiclc.editing.commands:run"),
    "continue": BatchCommand("musiclc.sampling.fill_request:ContinueRequest", "musiclc.sampling.fill:run"),
    "infill": BatchCommand("musiclc.sampling.fill_request:InfillRequest", "musiclc.sampling.fill:run"),
    "bridge": BatchCommand("musiclc.sampling.fill_request:BridgeRequest", "musiclc.sampling.fill:run"),
}


def run(request: Any) -> Iterable[tuple[Entry, bytes]]:
    """The files of a command's request with their manifest entries, as they are ready. Raises MusiclcError."""
    return COMMANDS[request.command].made(request)


def _named(name: str) -> Any:
    module, _, within = name.partition(":")
    return getattr(importlib.import_module(module), within)


# ---- in a worker ---------------------------------------------------------------------------------------------------


def runners() -> dict[str, messages.Runner]:
    """A runner for every command of COMMANDS."""
    return {name: _shared() if name == "sample" else partial(run_alone, command) for name, command in COMMANDS.items()}


def _shared() -> messages.Runner:
    from musiclc.batch import sample

    return sample.runner(COMMANDS["sample"].request_of)


def run_alone(command: BatchCommand, unit: messages.Unit, also: Callable) -> Iterator[messages.Message]:
    """Make the files of each job of a unit, one job after another: all of a job's, or none of them."""
    for part in unit.parts:
        try:
            yield _made(command, unit.number, part)
        except Exception as error:
            yield messages.failure(unit.number, part.job, error)
    yield messages.Done(unit.number)


def _made(command: BatchCommand, unit: int, part: messages.JobPart) -> messages.Made:
    values = dict(part.options) if part.seed is None else {**part.options, "seed": part.seed}
    entries, files = [], []
    for entry, data in command.made(command.request_of(values)):
        entries.append(part.told(entry))
        files.append(data)
    if not files:
        raise MusiclcError("made no file")
    return messages.Made(unit, part.job, entries, files, part.indices)
