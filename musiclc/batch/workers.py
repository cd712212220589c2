"""Where units are worked on: in processes of this machine, or on a Ray cluster. Both give the same messages, in whatever order.

An engine takes units from `take` as its workers run dry, and yields messages until there is no more work. What a dead worker
leaves undone is given to another, each job for itself; a job that takes its worker with it twice has failed.

Inside: `Take`, `Engine`, `local`, `on_ray`.
"""

import itertools
import logging
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from musiclc.batch.messages import Done, Failed, Made, Message, Unit
from musiclc.errors import MusiclcError

Take = Callable[[str], Unit | None]  # the shape that a worker had last → more work, of that shape where there is some
Engine = Callable[[Take], Iterator[Message]]
PREFETCH, SPARE = 128, 3  # most files, and units, asked of a process and not made yet, below which it is sent more: two chunks
PER_TASK = 4  # units in a Ray job
MOST_DEATHS = 2  # workers in a row that may die before they say anything
_NUMBERS = itertools.count(1)  # of units that are given out again
DIED = "its worker died twice, the second time with this job alone (killed for want of memory?)"


@dataclass
class _Process:
    """One worker process and what it has in hand."""

    process: subprocess.Popen
    units: dict[int, Unit] = field(default_factory=dict)
    left: dict[int, int] = field(default_factory=dict)
    asked: dict[int, int] = field(default_factory=dict)
    shape: str = ""
    heard: bool = False
    deaths: int = 0  # of its predecessors in a row that never said anything

    @property
    def alone(self) -> bool:
        """Whether it has a job that took a worker with it once, and shall have nothing else meanwhile."""
        return any(number < 0 for number in self.units)

    @property
    def wants(self) -> bool:
        """Whether it should have more in hand. Units of which only stragglers are left do not count."""
        if self.alone:
            return False
        return sum(self.left.values()) < PREFETCH and sum(4 * left > self.asked[number] for number, left in self.left.items()) < SPARE

    def send(self, unit: Unit) -> None:
        self.units[unit.number], self.left[unit.number], self.shape = unit, unit.items, unit.shape
        self.asked[unit.number] = unit.items
        try:
            assert self.process.stdin is not None
            pickle.dump(unit, self.process.stdin)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # its end is on the way as a message

    def heard_of(self, message: Message) -> None:
        """Note what is made, so that a successor need not make it again."""
        self.heard = True
        if isinstance(message, Done):
            self.units.pop(message.unit, None)
            self.left.pop(message.unit, None)
            self.asked.pop(message.unit, None)
        elif isinstance(message, Made) and message.unit in self.units:
            self.left[message.unit] -= len(message.indices)
            self.units[message.unit] = _without(self.units[message.unit], message.job, message.indices)
        elif isinstance(message, Failed) and message.unit in self.units:
            self.units[message.unit] = _without(self.units[message.unit], message.job, None)


def _without(unit: Unit, job: str, indices: tuple[int, ...] | None) -> Unit:
    """The unit without those files of the job; None: without the job."""
    parts = []
    for part in unit.parts:
        if part.job != job:
            parts.append(part)
        elif indices is not None and len(part.indices) > len(indices):
            parts.append(replace(part, indices=tuple(i for i in part.indices if i not in indices)))
    return replace(unit, parts=tuple(parts))


def local(workers: int, runners: str, scratch: Path | None = None) -> Engine:
    """Worker processes on this machine, one thread each. runners: MODULE:FUNCTION, as work.runners_of takes it.

    scratch: the folder for their temporary files, such as folder.SCRATCH of the batch's; the system's when None.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    if scratch:
        environment["TMPDIR"] = str(scratch.absolute())
    return partial(_local, workers, partial(_started, runners, environment))


def _local(workers: int, started: Callable[..., _Process], take: Take) -> Iterator[Message]:
    inbox: queue.Queue[tuple[_Process, Message | None]] = queue.Queue()
    again: list[Unit] = []  # of dead workers: negative numbers, a job each, given to workers with empty hands
    crew: list[_Process] = []

    def give(each: _Process) -> bool:
        if not each.wants or (again and each.left):
            return False
        unit = again.pop() if again else take(each.shape)
        if unit is not None:
            each.send(unit)
        return unit is not None

    try:
        for _ in range(workers):
            if (unit := take("")) is None:
                break
            crew.append(started(inbox))
            crew[-1].send(unit)
        while sum(give(each) for each in crew):  # in turns, so that all have something of a small batch
            pass
        while again or any(each.units for each in crew):
            worker, message = inbox.get()
            if message is not None:
                worker.heard_of(message)
                yield message
            else:
                crew.remove(worker)
                yield from _bereaved(worker, again)
                crew.append(started(inbox, worker.deaths + (not worker.heard)))
                worker = crew[-1]
            while give(worker):
                pass
    finally:
        for each in crew:
            each.process.kill()
            each.process.wait()


def _started(runners: str, environment: dict[str, str], inbox: "queue.Queue[tuple[_Process, Message | None]]", deaths: int = 0) -> _Process:
    """A worker process, and a thread that puts what it says into the inbox; None at its end."""
    command = [sys.executable, "-m", "musiclc.batch.worker", runners]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True)
    worker = _Process(process, deaths=deaths)

    def listen() -> None:
        try:
            while True:
                inbox.put((worker, pickle.load(worker.process.stdout)))  # type: ignore[arg-type]
        except Exception:  # its end, or, killed in the middle of a message, what looks like anything
            inbox.put((worker, None))

    threading.Thread(target=listen, daemon=True).start()
    return worker


def _bereaved(worker: _Process, again: list[Unit]) -> Iterator[Message]:
    """What a dead worker leaves goes to `again`, each job for itself; a job that was alone with it has failed."""
    status = worker.process.wait()
    if not worker.heard and worker.deaths >= MOST_DEATHS:
        raise MusiclcError(f"{MOST_DEATHS + 1} workers in a row could not start (the last ended with {status}; what it said stands above)")
    for unit in worker.units.values():
        for part in unit.parts:
            if unit.number < 0 and worker.heard:
                yield Failed(unit.number, part.job, DIED, 1)
            else:
                again.append(replace(unit, number=-next(_NUMBERS), shape="", parts=(part,)))


def on_ray(address: str | None, workers: int | None, runners: str) -> Engine:
    """A Ray cluster: the one at `address` ("auto": the one this machine belongs to), or a new one on this machine.

    workers: checked at a time, the cluster's processors when None. Lost nodes and workers are Ray's to make good.
    """
    return partial(_on_ray, address, workers, runners)


def _on_ray(address: str | None, workers: int | None, runners: str, take: Take) -> Iterator[Message]:
    try:
        import ray
    except ImportError as error:
        raise MusiclcError("--engine ray needs Ray; install it with pip install 'musiclc[ray]'") from error
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody else need know
    ours = not ray.is_initialized()
    try:
        ray.init(
            address=address,
            num_cpus=None if address else workers,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            ignore_reinit_error=True,
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise MusiclcError(f"Ray cluster {address}: cannot be reached ({str(error).splitlines()[0]})") from error
    try:
        job = ray.remote(num_cpus=1, max_retries=-1)(_worked)
        at_once = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        pending: list[Any] = []
        shape, more = "", True
        while True:
            while more and len(pending) < 2 * at_once:
                units = [unit for _ in range(PER_TASK) if (unit := take(shape)) is not None]
                more = bool(units)
                if units:
                    shape = units[-1].shape
                    pending.append(job.remote(runners, units, _version()))
            if not pending:
                return
            ready, pending = ray.wait(pending, num_returns=1)
            yield from ray.get(ready[0])
    except ray.exceptions.RayTaskError as error:
        raise MusiclcError(f"Ray: {' '.join(str(error.cause).split())[:300]}") from error
    except ray.exceptions.RayError as error:
        raise MusiclcError(f"Ray: {' '.join(str(error).split())[:300]}") from error
    finally:
        if ours:
            ray.shutdown()


def _version() -> str:
    from importlib.metadata import version

    return version("musiclc")


_RUNNERS: dict[str, Any] = {}  # of this process: what is loaded once serves every job that Ray gives it


def _worked(runners: str, units: list[Unit], version: str) -> list[Message]:
    """A Ray job: all messages of a few units."""
    from musiclc.batch import messages, worker

    if version != _version():
        raise MusiclcError(f"a node has musiclc {_version()}, this machine {version}; install the same on both")
    if runners not in _RUNNERS:
        worker.one_thread()
        _RUNNERS[runners] = messages.runners_of(runners)
    waiting: queue.Queue[Unit | None] = queue.Queue()
    for unit in [*units, None]:
        waiting.put(unit)
    return list(messages.serve(_RUNNERS[runners], waiting))
