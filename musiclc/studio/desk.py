"""One thread that makes takes: what is asked for first, and while nothing is, takes ahead of what may be asked for next.

What is being made ahead gives way at once to what is asked for, unless it is the same. Takes made ahead are kept by plan; whoever asks for the
same again gets one of them without waiting.

Inside: `Desk`, `TakeJob`.
"""

import itertools
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from musiclc.errors import MusiclcError, one_line
from musiclc.studio.making import MadeTake, made
from musiclc.studio.pulse import Pulse, Stopped
from musiclc.studio.verbs import MOST_SEED, TakePlan

AHEAD = 6  # takes of one plan that are kept ready
MOST_WAITING = 32  # jobs
PLANS = 8  # plans that takes are kept ready of
UNKNOWN = 2000  # beats that work is taken to need where none like it was done yet


@dataclass
class TakeJob:
    """Something that was asked for. state: waiting, working, done, stopped or failed; share: how much is done, about, in [0, 1]."""

    number: int
    plan: TakePlan
    seed: int | None = None
    state: str = "waiting"
    share: float = 0.0
    error: str = ""
    take: int | None = None
    began: float = field(default_factory=time.monotonic)

    @property
    def told(self) -> dict[str, Any]:
        """What the page is told of it."""
        seconds = round(time.monotonic() - self.began, 2)
        about = {"job": self.number, "verb": self.plan.verb, "state": self.state, "share": round(self.share, 3), "seconds": seconds}
        return {**about, "error": self.error, "take": self.take}


class Desk:
    """The thread and what waits for it. load: gives the model; adopted: takes in what was made for a job, and gives the take's number; told:
    hears of every change, from any thread; make: in place of making.made, for tests.
    """

    def __init__(
        self,
        load: Callable[[], Any],
        adopted: Callable[[MadeTake], int],
        told: Callable[[dict[str, Any]], None],
        make: Callable[..., Iterator[MadeTake]] = made,
    ) -> None:
        self.load, self.adopted, self.told, self.make = load, adopted, told, make
        self.jobs: dict[int, TakeJob] = {}
        self.waiting: deque[TakeJob] = deque()
        self.working: TakeJob | None = None
        self.stock: dict[str, deque[MadeTake]] = {}
        self.upcoming: TakePlan | None = None
        self.flow: tuple[str, Iterator[MadeTake]] | None = None
        self.beats: dict[str, int] = {}
        self.pulse = Pulse(self._to_stop, self._progress)
        self.model: Any = None
        self.state, self.closed, self._count = "loading", False, itertools.count(1)
        self._stopping: set[int] = set()
        self._change = threading.Condition(threading.RLock())
        self.thread = threading.Thread(target=self._run, name="musiclc-studio", daemon=True)

    # ---- from the server's threads

    def submit(self, plan: TakePlan, seed: int | None = None) -> TakeJob:
        """Ask for a take; it is there at once where one was made ahead. Raises MusiclcError where too many wait."""
        with self._change:
            if len(self.waiting) >= MOST_WAITING:
                raise MusiclcError(f"{MOST_WAITING} takes wait already; wanted fewer at a time")
            job = TakeJob(next(self._count), plan, seed)
            self.jobs[job.number] = job
            ready = self.stock.get(plan.key)
            if seed is None and ready:
                self._deliver(job, ready.popleft())
            else:
                self.waiting.append(job)
                self.told(job.told)
            if seed is None and plan.varies:
                self.upcoming = plan
            self._change.notify()
            return job

    def ahead(self, plan: TakePlan | None) -> None:
        """Make takes of this plan while nothing is asked for; None: of none."""
        with self._change:
            self.upcoming = plan if plan is None or plan.varies else self.upcoming
            self._change.notify()

    def stop(self, number: int) -> None:
        """End a job, whether it waits or is being worked on."""
        with self._change:
            job = self.jobs.get(number)
            if job is not None and job in self.waiting:
                self.waiting.remove(job)
                self._end(job, "stopped")
            elif job is not None and job is self.working:
                self._stopping.add(number)
                self.upcoming = None

    def close(self, seconds: float) -> bool:
        """End all work; whether the thread ended within so many seconds."""
        with self._change:
            self.closed = True
            self._change.notify()
        if self.thread.is_alive():
            self.thread.join(seconds)
        return not self.thread.is_alive()

    # ---- in the thread

    def _run(self) -> None:
        try:
            self.model = self.load()
        except Exception as error:
            self.state = f"failed: {one_line(error)}"
            self.told({"model": self.state})
            return
        self.state = "ready"
        self.told({"model": self.state})
        while self._turn():
            pass

    def _turn(self) -> bool:
        """Wait for something to do, and do it; whether there may be more."""
        with self._change:
            self._change.wait_for(lambda: self.closed or self.waiting or self._wanted())
            if self.closed:
                return False
            job = self.working = self.waiting.popleft() if self.waiting else None
            plan = job.plan if job else self.upcoming
        assert plan is not None
        try:
            self._work(plan, job)
        except Stopped:
            self.flow = None
            if job:
                self._end(job, "stopped")
        except Exception as error:
            self._failed(job, error)
        return True

    def _work(self, plan: TakePlan, job: TakeJob | None) -> None:
        """Make the next take of a plan, for a job or ahead."""
        if job:
            job.state = "working"
            self.told(job.told)
        self.pulse.begin()
        found = self._next(plan, job)
        with self._change:
            self.beats[self._like(plan)] = max(self.pulse.beats, 1)
            asked = self.working or next((j for j in self.waiting if j.seed is None and j.plan.key == plan.key), None)
            if asked:
                if asked in self.waiting:
                    self.waiting.remove(asked)
                self._deliver(asked, found)
            else:
                self._keep(found)
            self.working = None

    def _next(self, plan: TakePlan, job: TakeJob | None) -> MadeTake:
        """The plan's next take, from what was begun where that is the same plan."""
        if job and job.seed is not None:
            return next(iter(self.make(plan, self.model, iter([job.seed]), alone=True)))
        if self.flow and self.flow[0] == plan.key:
            for found in self.flow[1]:
                return found
        seeds = (secrets.randbelow(MOST_SEED) for _ in itertools.count())
        self.flow = plan.key, self.make(plan, self.model, seeds)
        return next(self.flow[1])

    def _wanted(self) -> bool:
        return self.upcoming is not None and len(self.stock.get(self.upcoming.key, ())) < AHEAD

    def _to_stop(self) -> bool:
        """Whether to end what is being worked on: it was stopped, or it is work ahead and something else is asked for."""
        if self.closed or (self.working and self.working.number in self._stopping):
            return True
        key = self.flow[0] if self.flow else ""
        return self.working is None and bool(self.waiting) and all(j.seed is not None or j.plan.key != key for j in list(self.waiting))

    def _progress(self, beats: int) -> None:
        job = self.working or next(iter(self.waiting), None)
        if job:
            job.share = min(beats / self.beats.get(self._like(job.plan), UNKNOWN), 0.98)
            self.told(job.told)

    @staticmethod
    def _like(plan: TakePlan) -> str:
        """What plans have in common that need about as many beats."""
        return f"{plan.verb} {plan.steps[0].values.get('bars', '')} {len(plan.steps)}"

    # ---- with what was made

    def _deliver(self, job: TakeJob, found: MadeTake) -> None:
        job.take = self.adopted(found)
        self._end(job, "done")

    def _keep(self, found: MadeTake) -> None:
        key = found.plan.key
        kept = self.stock.pop(key, deque())
        kept.append(found)
        self.stock[key] = kept
        while len(self.stock) > PLANS:
            del self.stock[next(iter(self.stock))]
        self.told({"ahead": len(kept), "verb": found.plan.verb})

    def _failed(self, job: TakeJob | None, error: Exception) -> None:
        self.flow = None
        if job is None:
            self.upcoming = None
            return
        known = isinstance(error, MusiclcError)
        job.error = one_line(error) if known else f"{type(error).__name__}: {one_line(error)}"
        self._end(job, "failed")

    def _end(self, job: TakeJob, state: str) -> None:
        with self._change:
            job.state, job.share = state, 1.0
            self._stopping.discard(job.number)
            if self.working is job:
                self.working = None
            self.jobs.pop(job.number, None)
        self.told(job.told)
