"""From jobs to units of work: jobs of like shape find each other among those that come next.

Inside: `Units`.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from musiclc.batch.check import Job
from musiclc.batch.folder import Folder
from musiclc.batch.messages import JobPart, Unit
from musiclc.batch.result import BatchResult

AHEAD = 8192  # files among which jobs of like shape find each other
MOST = 64  # files a unit
_ALONE = "\n"  # before the id of a job that shares with none


def even_size(items: int, workers: int) -> int:
    """Files a unit, at most MOST, by which a small batch is shared out evenly among workers."""
    share = -(-items // workers)
    return max(1, -(-share // max(1, -(-share // MOST))))


@dataclass
class Units:
    """What is missing in the folder, as units of at most `size` files. What is there, and jobs with mistakes, go to `result`."""

    jobs: Iterator[Job]
    folder: Folder
    result: BatchResult
    size: int = MOST
    _waiting: dict[str, deque[tuple[JobPart, str]]] = field(default_factory=dict)  # shape → parts and their command
    _queued: int = 0  # files that are waiting
    _numbers: int = 0

    def take(self, prefer: str) -> Unit | None:
        """The next unit: of the shape preferred where there is some; None when nothing is missing any more."""
        while True:
            self._look_ahead()
            if not self._waiting:
                return None
            shape = prefer if prefer in self._waiting else next(iter(self._waiting))
            command = self._waiting[shape][0][1]
            if parts := self._parts(shape):
                self._numbers += 1
                return Unit(self._numbers, command, "" if shape.startswith(_ALONE) else shape, tuple(parts))

    def _parts(self, shape: str) -> list[JobPart]:
        """Parts of one shape for a unit, without those of jobs that have failed."""
        waiting, parts, room = self._waiting[shape], [], self.size
        while waiting and room > 0:
            part, command = waiting.popleft()
            now, rest = part.indices[:room], part.indices[room:]
            if rest:
                waiting.appendleft((replace(part, indices=rest), command))
            if not self.result.has_failed(part.job):
                parts.append(replace(part, indices=now))
                room -= len(now)
            self._queued -= len(now)
        if not waiting:
            del self._waiting[shape]
        return parts

    def _look_ahead(self) -> None:
        while self._queued < AHEAD and (job := next(self.jobs, None)) is not None:
            if job.mistakes:
                self.result.failures[job.id] = "; ".join(job.mistakes), job.code
            else:
                self._queue(job, self._missing(job))

    def _missing(self, job: Job) -> tuple[int, ...]:
        """The indices of the job's files that are not there; what is there is judged anew."""
        there = self.folder.kept(job)
        self.result.kept += len(there)
        if job.options.get("strict"):
            self.result.strict.add(job.id)
        for entry in there.values():
            self.result.judge(job.id, entry)
        return tuple(i for i in range(1, job.count + 1) if i not in there) if job.shape or not there else ()

    def _queue(self, job: Job, missing: tuple[int, ...]) -> None:
        if missing:
            part = JobPart(job.id, job.options, job.seed, missing, job.count, job.fingerprint)
            self._waiting.setdefault(job.shape or _ALONE + job.id, deque()).append((part, job.command))
            self._queued += len(missing)
