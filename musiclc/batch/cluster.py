"""Units worked on by a Ray cluster: the same messages as workers.py's, with a few units a task.

Ray itself tries no task again. A task whose worker died is given out again, each job by itself, and a job that takes its worker with it
twice has failed, as on one machine. A task whose machine is lost is no job's fault, and is given out again as it was.

Inside: `on_ray`.
"""

import contextlib
import logging
import os
import queue
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any

from musiclc.batch.messages import Failed, Message, Unit, function_of, named, packed, serve, unpacked
from musiclc.batch.workers import Engine, Runners, Take, parted
from musiclc.errors import MusiclcError

PER_TASK = 4  # units in a task
MOST_SAID = 300  # characters of what Ray says


def on_ray(address: str | None, workers: int | None, runners: Runners) -> Engine:
    """A Ray cluster: the one at `address` ("auto": the one this machine belongs to), or a new one on this machine.

    workers: tasks at a time, the cluster's processors when None. runners: as workers.local takes it.
    """
    return partial(_messages, address, workers, runners)


def _messages(address: str | None, workers: int | None, runners: Runners, take: Take) -> Generator[Message, None, None]:
    try:
        import ray
    except ImportError as error:
        raise MusiclcError("--engine ray needs Ray; install it with pip install 'musiclc[ray]'") from error
    with _connected(ray, address, workers):
        at_once = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        tasks = _Tasks(ray, ray.remote(num_cpus=1, max_retries=0)(_task()), named(runners), take)
        while tasks.handed_out(2 * at_once):
            yield from tasks.next_messages()


@contextlib.contextmanager
def _connected(ray: ModuleType, address: str | None, workers: int | None) -> Iterator[None]:
    """While connected to the cluster; what Ray cannot do, in one line."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody else need know
    ours = not ray.is_initialized()
    cpus = None if address else workers
    quiet = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
    try:
        ray.init(address=address, num_cpus=cpus, ignore_reinit_error=True, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise MusiclcError(f"Ray cluster {address}: cannot be reached ({str(error).splitlines()[0]})") from error
    try:
        yield
    except ray.exceptions.RayTaskError as error:
        raise MusiclcError(f"Ray: {' '.join(str(error.cause).split())[:MOST_SAID]}") from error
    except ray.exceptions.RayError as error:
        raise MusiclcError(f"Ray: {' '.join(str(error).split())[:MOST_SAID]}") from error
    finally:
        if ours:
            ray.shutdown()


@dataclass
class _Tasks:
    """The tasks that the cluster has, and the units that must be given out again."""

    ray: ModuleType
    remote: Any
    runners: str
    take: Take
    pending: dict[Any, list[Unit]] = field(default_factory=dict)
    again: list[list[Unit]] = field(default_factory=list)
    shape: str = ""

    def handed_out(self, most: int) -> bool:
        """Whether the cluster has something to do, once it has been given so many tasks as there are."""
        while len(self.pending) < most and (units := self.again.pop() if self.again else self._next_units()):
            task = self.remote.remote(self.runners, [packed(unit) for unit in units], _version())
            self.pending[task] = units
        return bool(self.pending)

    def _next_units(self) -> list[Unit]:
        units: list[Unit] = []
        while len(units) < PER_TASK and (unit := self.take(self.shape)) is not None:
            units.append(unit)
            self.shape = unit.shape
        return units

    def next_messages(self) -> Iterator[Message]:
        """All messages of the task that is done next; of one that died, the jobs that have failed by it."""
        was = self.ray.exceptions
        (task,), _ = self.ray.wait(list(self.pending), num_returns=1)
        units = self.pending.pop(task)
        messages: list[Message] = []
        try:
            messages = [unpacked(data) for data in self.ray.get(task)]
        except (was.WorkerCrashedError, was.OutOfMemoryError):
            messages = self._after_death(units)
        except (was.NodeDiedError, was.ObjectLostError, was.LocalRayletDiedError):
            self.again.append(units)
        yield from messages

    def _after_death(self, units: list[Unit]) -> list[Message]:
        tried = list(parted(units))
        self.again += ([unit] for unit in tried if isinstance(unit, Unit))
        return [failed for failed in tried if isinstance(failed, Failed)]


def _task() -> Callable[[str, list[bytes], str], list[bytes]]:
    """What Ray runs. It travels by value, being made in here, and its arguments as text and bytes: so nothing is imported in a worker before the
    folder that the batch was started in, which Ray puts first, is off its import path. Ray itself pickles: who can write to a cluster is trusted.
    """
    from musiclc.batch.process import import_path

    here = os.getcwd()
    unwanted = {here, os.path.realpath(here)} - set(import_path([here]))

    def work(runners: str, units: list[bytes], version: str) -> list[bytes]:
        import sys

        sys.path[:] = [entry for entry in sys.path if entry not in unwanted]
        from musiclc.batch.cluster import worked

        return worked(runners, units, version)

    return work


def _version() -> str:
    from importlib.metadata import version

    return version("musiclc")


_SERVING: dict[str, Any] = {}  # of this process: what is loaded once serves every task that Ray gives it


def worked(runners: str, units: list[bytes], version: str) -> list[bytes]:
    """In a Ray worker: the runners' name, packed units, and musiclc's version → all messages, packed. Raises MusiclcError for another version."""
    from musiclc.batch.worker import one_thread

    if version != _version():
        raise MusiclcError(f"a node has musiclc {_version()}, this machine {version}; install the same on both")
    if runners not in _SERVING:
        one_thread()
        _SERVING[runners] = function_of(runners)()
    waiting: queue.Queue[Unit | None] = queue.Queue()
    for unit in [*map(unpacked, units), None]:
        waiting.put(unit)
    return [packed(message) for message in serve(_SERVING[runners], waiting)]
