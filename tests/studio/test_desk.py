"""One thread that makes takes: order, takes ahead, giving way, stopping, failing. By the stub."""

import threading
import time

import pytest

from musiclc.errors import MusiclcError
from musiclc.studio.desk import AHEAD, MOST_WAITING, Desk
from musiclc.studio.verbs import plan_of
from tests.studio.live import until
from tests.studio.stub import maker


class Table:
    """A desk, and all that it told and made."""

    def __init__(self, seconds=0.0, make=None, load=lambda: None):
        self.told, self.made = [], []
        self.desk = Desk(load, self.adopt, self.told.append, make or (lambda *a, **k: maker(seconds, self.desk.pulse.beat)(*a, **k)))
        self.desk.thread.start()

    def adopt(self, found):
        self.made.append(found)
        return len(self.made)

    def states(self, job):
        return [t["state"] for t in self.told if t.get("job") == job.number]


@pytest.fixture
def table(request):
    found = Table(getattr(request, "param", 0.0))
    yield found
    assert found.desk.close(5)


def plan(bars=4, verb="sample"):
    return plan_of({"verb": verb, "options": {"bars": bars}}, [])


def test_what_is_asked_for_is_made_and_told(table):
    job = table.desk.submit(plan())
    until(lambda: job.state == "done")
    assert job.take == 1
    assert table.states(job)[0] == "waiting"
    assert table.states(job)[-1] == "done"


def test_takes_are_made_ahead_and_asking_again_takes_no_time(table):
    first = table.desk.submit(plan())
    until(lambda: len(table.desk.stock.get(plan().key, ())) == AHEAD)
    again = table.desk.submit(plan())
    assert again.state == "done"  # at once, in the caller's thread
    seeds = {found.seed for found in table.made}
    assert len(seeds) == 2
    assert first.take != again.take
    until(lambda: len(table.desk.stock[plan().key]) == AHEAD)


def test_a_seed_that_is_asked_for_is_the_one_that_is_made(table):
    until(lambda: table.desk.submit(plan()).state == "done")
    job = table.desk.submit(plan(), seed=1234)
    until(lambda: job.state == "done")
    assert table.made[-1].seed == 1234


@pytest.mark.parametrize("table", [30.0], indirect=True)
def test_what_is_made_ahead_gives_way_to_what_is_asked_for(table):
    table.desk.ahead(plan(8))
    until(lambda: table.desk.pulse.beats > 0)
    job = table.desk.submit(plan(4), seed=1)
    until(lambda: job.state == "working", 2)
    table.desk.stop(job.number)
    until(lambda: job.state == "stopped", 2)
    assert table.made == []


@pytest.mark.parametrize("table", [1.0], indirect=True)
def test_what_is_being_made_ahead_is_taken_by_who_asks_for_the_same(table):
    table.desk.ahead(plan(8))
    until(lambda: table.desk.pulse.beats > 20)
    began = time.monotonic()
    job = table.desk.submit(plan(8))
    until(lambda: job.state == "done")
    assert time.monotonic() - began < 0.95  # less than a whole take needs


def test_an_error_of_the_library_is_told_and_the_next_job_is_made():
    def make(made_plan, model, seeds, alone=False):
        if made_plan.steps[0].values["bars"] == "4":
            raise MusiclcError("four bars\nare too few")
        yield from maker()(made_plan, model, seeds, alone)

    table = Table(make=make)
    wrong, right = table.desk.submit(plan(4), seed=1), table.desk.submit(plan(8), seed=1)
    until(lambda: right.state == "done")
    assert (wrong.state, wrong.error) == ("failed", "four bars are too few")
    assert table.desk.close(5)


def test_a_model_that_cannot_be_loaded_is_told():
    def load():
        raise MusiclcError("no model")

    table = Table(load=load)
    until(lambda: {"model": "failed: no model"} in table.told)
    assert table.desk.close(5)


def test_its_end_does_not_wait_for_work():
    table = Table(30.0)
    table.desk.submit(plan())
    until(lambda: table.desk.pulse.beats > 0)
    began = time.monotonic()
    assert table.desk.close(5)
    assert time.monotonic() - began < 2
    assert threading.active_count() < 50


def test_progress_is_a_share_of_what_the_same_needed_before():
    slow = Table(0.5)
    slow.desk.submit(plan(), seed=1)
    until(lambda: slow.made)
    job = slow.desk.submit(plan(), seed=2)
    until(lambda: job.state == "done")
    shares = [t["share"] for t in slow.told if t.get("job") == job.number and t["state"] == "working"]
    assert shares == sorted(shares)
    assert 0.2 < max(shares) < 1
    assert slow.desk.close(5)


def test_no_more_wait_than_may():
    table = Table(30.0)
    table.desk.submit(plan(), seed=0)
    until(lambda: table.desk.working)
    for seed in range(MOST_WAITING):
        table.desk.submit(plan(), seed=seed)
    with pytest.raises(MusiclcError, match="wait already"):
        table.desk.submit(plan(), seed=99)
    assert table.desk.close(5)
