"""Running a batch: a plan made of all jobs, units of like shape for an engine, files as they come, a manifest in the end.

The plan is checked and spooled to a temporary file before anything starts, so that memory does not grow with the number of jobs
and standard input serves as well as a file. What the folder holds already, whole, is not made again.

Inside: `BatchPlan`, `plan_of`, `dry_run`, `BatchResult`, `run`.
"""

import io
import shutil
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from musiclc.batch import table
from musiclc.batch.check import Checker, Job
from musiclc.batch.folder import Folder, kept, records_of, refuse_foreign
from musiclc.batch.messages import Failed, JobPart, Made, Message, Unit
from musiclc.batch.workers import Engine
from musiclc.errors import InputError, MusiclcError, UsageError

AHEAD = 8192  # files among which jobs of like shape find each other
UNIT = 64  # most files a unit
MISSED = 3  # the code of a strict job that misses a constraint
_ALONE = "\n"  # before the id of a job that shares with none


@dataclass
class BatchPlan:
    """All checked of a jobs file, in order, as often as they are wanted. jobs, items, mistakes: how many; items are files where that is known."""

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


@dataclass
class BatchResult:
    """What a run did. made, kept, removed: files. failures: job → (error, code). missed: files that miss a constraint."""

    made: int = 0
    kept: int = 0
    removed: int = 0
    missed: int = 0
    failures: dict[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def code(self) -> int:
        """The exit code: 1 when some job failed, 3 when strict ones only missed a constraint."""
        codes = {code for _, code in self.failures.values()}
        return 0 if not codes else MISSED if codes == {MISSED} else 1


@dataclass
class _Queue:
    """Tasks → units: jobs of one shape find each other among the next AHEAD files."""

    checked: Iterator[Job]
    folder: Folder
    outcome: BatchResult
    unit: int = UNIT
    strict: set[str] = field(default_factory=set)
    shapes: dict[str, deque[tuple[JobPart, str]]] = field(default_factory=dict)
    queued: int = 0
    numbers: int = 0

    def take(self, prefer: str) -> Unit | None:
        """The next unit: of the shape preferred where there is some."""
        while True:
            self._look_ahead()
            if not self.shapes:
                return None
            shape = prefer if prefer in self.shapes else next(iter(self.shapes))
            command = self.shapes[shape][0][1]
            parts = self._parts(shape)
            if parts:
                self.numbers += 1
                return Unit(self.numbers, command, "" if shape.startswith(_ALONE) else shape, tuple(parts))

    def _parts(self, shape: str) -> list[JobPart]:
        """Parts of one shape for a unit, without those of jobs that have failed."""
        waiting, parts, room = self.shapes[shape], [], self.unit
        while waiting and room > 0:
            part, command = waiting.popleft()
            now, rest = part.indices[:room], part.indices[room:]
            if rest:
                waiting.appendleft((replace(part, indices=rest), command))
            if self.outcome.failures.get(part.job, ("", MISSED))[1] == MISSED:
                parts.append(replace(part, indices=now))
                room -= len(now)
            self.queued -= len(now)
        if not waiting:
            del self.shapes[shape]
        return parts

    def _look_ahead(self) -> None:
        while self.queued < AHEAD and (job := next(self.checked, None)) is not None:
            if job.mistakes:
                self.outcome.failures[job.id] = "; ".join(job.mistakes), job.code
                continue
            there = self.folder.kept(job)
            self.outcome.kept += len(there)
            if job.options.get("strict"):
                self.strict.add(job.id)
            for entry in there.values():
                self.judge(job.id, entry)
            missing = tuple(i for i in range(1, job.count + 1) if i not in there) if job.shape or not there else ()
            if missing:
                part = JobPart(job.id, job.options, job.seed, missing, job.count, job.fingerprint)
                self.shapes.setdefault(job.shape or _ALONE + job.id, deque()).append((part, job.command))
                self.queued += len(missing)

    def judge(self, job: str, entry: dict[str, Any]) -> None:
        """Note what misses a constraint; a strict job fails by it, though its files stay."""
        if entry.get("satisfied", True):
            return
        self.outcome.missed += 1
        if job in self.strict:
            self.outcome.failures.setdefault(job, ('strict: a constraint is not satisfied; see "warnings" in the manifest', MISSED))


def run(
    plan: BatchPlan,
    path: Path,
    engine: Engine,
    overwrite: bool = False,
    tell: Callable[[Message, int], None] = lambda message, done: None,
    workers: int = 1,
) -> BatchResult:
    """Make all that is missing in the folder, and bring it to what one undisturbed run would leave.

    workers: how many the engine has, so that a small batch is shared out among them. tell: is told of each
    message, and how many files are done in all. Raises MusiclcError when the folder belongs to another batch, is being written by
    another run, or cannot be written.
    """
    outcome = BatchResult()
    folder = Folder(path, overwrite)
    try:
        _refuse_other_batch(plan, folder)
        share = -(-plan.items // workers)
        work = _Queue(iter(plan), folder, outcome, max(1, -(-share // max(1, -(-share // UNIT)))))
        for message in engine(work.take):
            _settle(message, folder, work)
            tell(message, outcome.kept + outcome.made)
        outcome.removed = folder.finish(plan, outcome.failures)
    finally:
        folder.close()
    return outcome


def _settle(message: Message, folder: Folder, work: _Queue) -> None:
    if isinstance(message, Made):
        folder.add(message.job, message.entries, message.files)
        work.outcome.made += len(message.files)
        for entry in message.entries:
            work.judge(message.job, entry)
    elif isinstance(message, Failed):
        work.outcome.failures[message.job] = message.error, message.code


def _refuse_other_batch(plan: BatchPlan, folder: Folder) -> None:
    """Raises MusiclcError when the folder holds files of a batch that shares no job with this one: they would all be removed."""
    there = folder.records.places
    if there and not folder.overwrite and not any(job.id in there for job in plan):
        found = f"holds jobs of another batch ({next(iter(there))}, …), none of which {plan.name} has"
        raise MusiclcError(f"{folder.path}: {found}; name another folder, or replace them with --overwrite")


def minutes(seconds: float) -> str:
    """A duration for people: 45 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds // 3600:.0f} h {seconds % 3600 / 60:.0f} min"


@dataclass
class Pace:
    """Files a second and the time left, from when the first was made."""

    total: int
    every: float = 60.0  # seconds between lines in a log
    began: float = field(default_factory=time.monotonic)
    last: float = field(default_factory=time.monotonic)
    first: int | None = None

    def line(self, done: int) -> str:
        """How far it is, in a line."""
        assert self.first is not None
        rate = (done - self.first) / max(time.monotonic() - self.began, 1e-9)
        left = f", {minutes((self.total - done) / rate)} left" if rate > 0 else ""
        return f"{done} of {self.total} files, {rate:.1f} a second{left}"

    def due(self, done: int) -> bool:
        """Whether a log wants its next line."""
        if self.first is None:
            self.first, self.began = done, time.monotonic()
        if time.monotonic() - self.last < self.every:
            return False
        self.last = time.monotonic()
        return True
