"""Running a batch: a plan made of all jobs, units of work for an engine, files as they come, a manifest in the end.

The plan is checked and spooled to a temporary file before anything starts, so that memory does not grow with the number of jobs
and standard input serves as well as a file. What the folder holds already, whole, is not made again.

Inside: `BatchPlan`, `plan_of`, `dry_run`, `run`.
"""

import io
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from musiclc.batch import table
from musiclc.batch.check import Checker, Job
from musiclc.batch.folder import Folder, refuse_foreign
from musiclc.batch.messages import Failed, Made, Message
from musiclc.batch.records import kept, records_of
from musiclc.batch.result import BatchResult
from musiclc.batch.units import Units, even_size
from musiclc.batch.workers import Engine
from musiclc.errors import InputError, MusiclcError, UsageError


@dataclass
class BatchPlan:
    """All jobs of a jobs file, checked, in order. jobs, items, mistakes: how many; items are files where that is known."""

    name: str
    file: TextIO
    jobs: int = 0
    items: int = 0
    mistakes: int = 0

    def __iter__(self) -> Iterator[Job]:
        self.file.seek(0)
        return (Job.loaded(line) for line in iter(self.file.readline, ""))


@contextmanager
def opened(name: str) -> Iterator[TextIO]:
    """The jobs file, or for - what comes on standard input. Raises InputError."""
    try:
        if name == "-":
            whole = tempfile.TemporaryFile()  # noqa: SIM115
            shutil.copyfileobj(sys.stdin.buffer, whole)
            whole.seek(0)
            file: TextIO = io.TextIOWrapper(whole, encoding="utf-8-sig", newline="")
        else:
            file = open(name, encoding="utf-8-sig", newline="")  # noqa: SIM115
            file = file if file.seekable() else io.StringIO(file.read())
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror or error}); wanted a file of jobs, or - for standard input") from error
    except UnicodeDecodeError as error:
        raise table.no_text(name, error) from error
    with file:
        yield file


def plan_of(name: str, checker: Checker, on_mistake: Callable[[str], None] = lambda line: None) -> BatchPlan:
    """The plan of a jobs file: every job checked. on_mistake is told each mistake, as FILE:LINE: field: what is wrong.

    Raises InputError when the file cannot be read, UsageError when it holds no job.
    """
    plan = BatchPlan(name, tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n"))  # noqa: SIM115
    with opened(name) as file:
        for job in checker.checked(table.read(file, name)):
            plan.file.write(job.dumped() + "\n")
            plan.jobs += 1
            plan.items += job.count
            plan.mistakes += len(job.mistakes)
            for text in job.mistakes:
                on_mistake(f"{name}:{job.line}: {text}")
    if not plan.jobs:
        raise UsageError(f'{name}: holds no jobs; wanted lines such as {{"command": "sample", "key": "C", "n": 8}}')
    return plan


def dry_run(plan: BatchPlan, folder: Path) -> Iterator[dict[str, Any]]:
    """What a run would do: a row a job."""
    refuse_foreign(folder, overwrite=True)
    records = records_of(folder)
    for job in plan:
        if job.mistakes:
            yield {"job": job.id, "command": job.command, "files": 0, "there": 0, "to make": 0, "error": "; ".join(job.mistakes)}
            continue
        there = len(kept(folder, records, job)[0])
        missing = job.count - there if job.shape else int(not there)
        yield {"job": job.id, "command": job.command, "files": job.count, "there": there, "to make": missing}


def run(
    plan: BatchPlan,
    path: Path,
    engine: Engine,
    overwrite: bool = False,
    tell: Callable[[Message, int], None] = lambda message, done: None,
    workers: int = 1,
) -> BatchResult:
    """Make all that is missing in the folder, and bring it to what one undisturbed run would leave.

    Nothing finished is removed while the plan has mistakes. workers: how many the engine has, so that a small batch is shared out among
    them. tell: is told of each message, and how many files are done in all. Raises MusiclcError when the folder belongs to another batch,
    is being written by another run, or cannot be written; stopped by that or by any other exception, it goes on when called again.
    """
    result = BatchResult()
    with closing(Folder(path, overwrite)) as folder:
        _refuse_other_batch(plan, folder)
        units = Units(iter(plan), folder, result, even_size(plan.items, workers))
        with closing(engine(units.take)) as messages:
            for message in messages:
                _settle(message, folder, result)
                tell(message, result.kept + result.made)
        result.removed, result.spared = folder.finish(plan, result, spare=plan.mistakes > 0)
    return result


def _settle(message: Message, folder: Folder, result: BatchResult) -> None:
    if isinstance(message, Made):
        folder.add(message.job, message.entries, message.files)
        result.made += len(message.files)
        for entry in message.entries:
            result.judge(message.job, entry)
    elif isinstance(message, Failed):
        result.failures[message.job] = message.error, message.code


def _refuse_other_batch(plan: BatchPlan, folder: Folder) -> None:
    """Raises MusiclcError when the folder holds files of a batch that shares no job with this one: they would all be removed.

    A plan of mistakes alone makes and removes nothing, and is no other batch's for that.
    """
    there = folder.records.places
    if there and plan.items and not folder.overwrite and not any(job.id in there for job in plan):
        found = f"holds jobs of another batch ({next(iter(there))}, …), none of which {plan.name} has"
        raise MusiclcError(f"{folder.path}: {found}; name another folder, or replace them with --overwrite")
