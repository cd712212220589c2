"""Where units are worked on: in processes of this machine (a Ray cluster's are in cluster.py).

An engine takes units from `take` as its workers run dry, and yields messages until there is no more work, in whatever order. What a dead
worker leaves undone is given to another, each job by itself; a job that takes its worker with it twice has failed.

Inside: `Take`, `Engine`, `local`, `parted`.
"""

import contextlib
import itertools
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from musiclc.batch import worker
from musiclc.batch.messages import Done, Failed, Made, Message, Runner, Unit, named, packed, unpacked
from musiclc.batch.process import started
from musiclc.errors import MusiclcError

Take = Callable[[str], Unit | None]  # the shape that a worker had last → more work, of that shape where there is some
Engine = Callable[[Take], Generator[Message, None, None]]
Runners = Callable[[], dict[str, Runner]]
PREFETCH, SPARE = 128, 3  # most files, and units, asked of a worker and not made yet, below which it is sent more: two chunks
MOST_DEATHS = 2  # workers in a row that may die before they say anything
SOON = 5.0  # seconds in which a process whose pipe has ended has ended, too
DIED = "its worker died twice, the second time with this job alone (killed for want of memory?)"
_NUMBERS = itertools.count(1)  # of units that are given out again


def local(workers: int, runners: Runners, scratch: Path | None = None) -> Engine:
    """Worker processes on this machine, one thread each. runners: a function of a module, which each of them calls once.

    scratch: the folder for their temporary files, such as folder.SCRATCH of the batch's; the system's when None.
    Raises UsageError for a function that a new process cannot find.
    """
    return partial(_messages, workers, partial(_hired, named(runners), str(scratch.absolute()) if scratch else ""))


@dataclass
class _InHand:
    """A unit that a worker has, without the files that it has made. asked, left: files."""

    unit: Unit
    asked: int
    left: int

    @property
    def only_stragglers(self) -> bool:
        """Whether so little is left that the worker may do something else beside it."""
        return 4 * self.left <= self.asked


@dataclass(eq=False)
class _Worker:
    """A worker process, the pipes to and from it, and what it has in hand, by the unit's number."""

    process: SpawnProcess
    units: Connection
    messages: Connection
    deaths: int = 0  # of its predecessors in a row that never said anything
    hand: dict[int, _InHand] = field(default_factory=dict)
    shape: str = ""
    heard: bool = False

    @property
    def wants(self) -> bool:
        """Whether it should have more in hand. One with a job that took a worker with it once shall have nothing else."""
        if any(each.unit.again for each in self.hand.values()):
            return False
        return sum(each.left for each in self.hand.values()) < PREFETCH and sum(not each.only_stragglers for each in self.hand.values()) < SPARE

    def send(self, unit: Unit) -> None:
        self.hand[unit.number], self.shape = _InHand(unit, unit.items, unit.items), unit.shape
        with contextlib.suppress(OSError):  # it has died, which will be heard
            self.units.send_bytes(packed(unit))

    def hear(self, some: bool) -> Message | None:
        """Its next message; None once it has died and all is heard that it said before. some: whether its pipe has something, if only its end."""
        try:
            message: Message | None = unpacked(self.messages.recv_bytes()) if some or self.messages.poll() else None
        except (EOFError, OSError, ValueError):  # killed, in the middle of a message perhaps
            return None
        if message is not None:
            self._note(message)
        return message

    def _note(self, message: Message) -> None:
        """What is made need not be made again by a successor."""
        self.heard = True
        if isinstance(message, Done):
            self.hand.pop(message.unit, None)
        elif isinstance(message, (Made, Failed)) and (found := self.hand.get(message.unit)):
            indices = message.indices if isinstance(message, Made) else None
            found.unit = _without(found.unit, message.job, indices)
            found.left -= len(indices or ())

    def end(self) -> None:
        """End the process and its pipes, whatever it is doing."""
        self.process.kill()
        self.process.join()
        self.units.close()
        self.messages.close()


def _without(unit: Unit, job: str, indices: tuple[int, ...] | None) -> Unit:
    """The unit without those files of the job; None: without the job."""
    parts = []
    for part in unit.parts:
        if part.job != job:
            parts.append(part)
        elif indices is not None and len(part.indices) > len(indices):
            parts.append(replace(part, indices=tuple(i for i in part.indices if i not in indices)))
    return replace(unit, parts=tuple(parts))


def _hired(runners: str, scratch: str, deaths: int = 0) -> _Worker:
    """A new worker."""
    units_out, units_in = Pipe(duplex=False)
    messages_out, messages_in = Pipe(duplex=False)
    process = started(worker.main, units_out, messages_in, runners, scratch)
    units_out.close()  # the process has its own; with these, its end would not be the pipes' end
    messages_in.close()
    return _Worker(process, units_in, messages_out, deaths)


def _messages(workers: int, hired: Callable[..., _Worker], take: Take) -> Generator[Message, None, None]:
    """The messages of that many workers, until all units are done."""
    first = list(itertools.islice(iter(lambda: take(""), None), workers))
    crew: list[_Worker] = []
    again: list[Unit] = []  # of dead workers, for such as have nothing else in hand
    try:
        crew += (hired() for _ in first)
        for each, unit in zip(crew, first, strict=True):
            each.send(unit)
        while sum(_given(each, again, take) for each in crew):  # in turns, so that all have something of a small batch
            pass
        while again or any(each.hand for each in crew):
            for each, some in _speaking(crew):
                message = each.hear(some)
                if message is not None:
                    yield message
                else:
                    yield from _left_by(each, again)
                    crew.remove(each)
                    each = hired(0 if each.heard else each.deaths + 1)
                    crew.append(each)
                while _given(each, again, take):
                    pass
    finally:
        for each in crew:
            each.process.kill()
        for each in crew:
            each.end()


def _given(each: _Worker, again: list[Unit], take: Take) -> bool:
    """Whether the worker got one more unit."""
    if not each.wants or (again and each.hand):
        return False
    unit = again.pop() if again else take(each.shape)
    if unit is not None:
        each.send(unit)
    return unit is not None


def _speaking(crew: list[_Worker]) -> list[tuple[_Worker, bool]]:
    """The workers that have said something or died, once there are some, and whether the pipe of each has something."""
    ready = set(wait([each.messages for each in crew] + [each.process.sentinel for each in crew]))
    return [(each, each.messages in ready) for each in crew if each.messages in ready or each.process.sentinel in ready]


def _left_by(dead: _Worker, again: list[Unit]) -> Iterator[Message]:
    """What a dead worker leaves goes to `again`; jobs that have failed by it are told. Raises MusiclcError when no worker can start."""
    dead.process.join(SOON)
    status = dead.process.exitcode
    dead.end()
    if not dead.heard and dead.deaths >= MOST_DEATHS:
        raise MusiclcError(f"{MOST_DEATHS + 1} workers in a row could not start (the last ended with {status}; what it said stands above)")
    for each in parted((found.unit for found in dead.hand.values()), blame=dead.heard):
        if isinstance(each, Failed):
            yield each
        else:
            again.append(each)


def parted(units: Iterable[Unit], blame: bool = True) -> Iterator[Unit | Failed]:
    """Units that a dead worker had: each job of them by itself, to be tried again, and Failed for one that it had by itself already.

    blame: whether it had begun to work, so that the job can have been its death.
    """
    for unit in units:
        for part in unit.parts:
            if unit.again and blame:
                yield Failed(unit.number, part.job, DIED, 1)
            else:
                yield Unit(-next(_NUMBERS), unit.command, "", (part,))
