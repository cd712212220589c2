"""Sample jobs in a worker: melodies of many jobs of like shape, drawn in shared chunks.

Inside: `runner`.
"""

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from musiclc.batch import messages
from musiclc.model import checkpoint
from musiclc.sampling import sample as sampling
from musiclc.sampling.request import SampleRequest

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

Read = Callable[[dict[str, Any]], SampleRequest]  # a job's options as texts → what they ask for
Load = Callable[[SampleRequest], "Model"]


@dataclass
class _Wanted:
    """Units being made: who waits for which item, and how much each unit still lacks."""

    waiting: deque[tuple[messages.Unit, messages.JobPart, int]] = field(default_factory=deque)
    wanted: dict[tuple[int, int], list[tuple[messages.Unit, messages.JobPart]]] = field(default_factory=dict)
    left: dict[int, int] = field(default_factory=dict)

    def take_in(self, unit: messages.Unit) -> None:
        self.left[unit.number] = unit.items
        self.waiting.extend((unit, part, index) for part in unit.parts for index in part.indices)

    def next_items(self, most: int) -> list[tuple[int, int]]:
        """Items to begin: at most so many, none that is being drawn already."""
        items: list[tuple[int, int]] = []
        while self.waiting and len(items) < most:
            unit, part, index = self.waiting.popleft()
            assert part.seed is not None
            item = (part.seed, index)
            if item not in self.wanted:
                items.append(item)
            self.wanted.setdefault(item, []).append((unit, part))
        return items

    def made(self, item: tuple[int, int]) -> None:
        """The first who waits for an item has it. Before that it counts as unmade, so that an error on the way loses nothing."""
        unit, _ = self.wanted[item].pop(0)
        self.left[unit.number] -= 1
        if not self.wanted[item]:
            del self.wanted[item]

    def unmade(self) -> dict[tuple[int, str], tuple[messages.Unit, messages.JobPart, list[int]]]:
        """What has not been made yet, by unit and job."""
        found: dict[tuple[int, str], tuple[messages.Unit, messages.JobPart, list[int]]] = {}
        rest = [(unit, part, item[1]) for item, askers in self.wanted.items() for unit, part in askers]
        for unit, part, index in [*rest, *self.waiting]:
            found.setdefault((unit.number, part.job), (unit, part, []))[2].append(index)
        return found


def runner(request_of: Read) -> messages.Runner:
    """A runner of sample jobs."""
    models = lru_cache(maxsize=2)(checkpoint.load)
    requests = lru_cache(maxsize=256)(lambda text: request_of(json.loads(text)))

    def load(request: SampleRequest) -> "Model":
        return models(request.model, request.numerics)

    def read(options: dict[str, Any]) -> SampleRequest:
        asked: SampleRequest = requests(json.dumps(options))
        return asked

    def run(unit: messages.Unit, also: messages.Also) -> Iterator[messages.Message]:
        open_ = _Wanted()
        open_.take_in(unit)
        try:
            yield from _drawn(open_, unit.parts[0], _more(open_, unit.shape, also), load, read)
        except Exception:  # some job's own rule, say: then each is tried alone, so that only the bad ones fail
            for (number, job), (_, part, indices) in open_.unmade().items():
                yield from _alone(number, replace(part, job=job, indices=tuple(sorted(indices))), load, read)
            yield from (messages.Done(number) for number, left in open_.left.items() if left)

    return run


def _more(open_: _Wanted, shape: str, also: messages.Also) -> Callable[[int], list[tuple[int, int]]]:
    """At most how many → the next items, of more units of the shape where there is room."""

    def more(most: int) -> list[tuple[int, int]]:
        items = open_.next_items(most)
        while len(items) < most and (other := also(shape)):
            open_.take_in(other)
            items += open_.next_items(most - len(items))
        return items

    return more


def _drawn(
    open_: _Wanted, first: messages.JobPart, more: Callable[[int], list[tuple[int, int]]], load: Load, read: Read
) -> Iterator[messages.Message]:
    """The files of all jobs that ask for an item, as each item is ready; all items are drawn as the first job asks."""
    request = read(first.options)
    model = load(request)
    for item, made in sampling.sample_by_key(model, request, more):
        while askers := open_.wanted.get(item):
            unit, part = askers[0]
            entry, data = sampling.file_of(read(part.options), made, model, part.seed)
            open_.made(item)
            yield messages.Made(unit.number, part.job, [part.told(entry)], [data], (made.index,))
            if not open_.left[unit.number]:
                yield messages.Done(unit.number)


def _alone(number: int, part: messages.JobPart, load: Load, read: Read) -> Iterator[messages.Message]:
    """A job's items in a stream of their own; Failed, when it raises."""
    open_ = _Wanted()
    open_.take_in(messages.Unit(number, "sample", "", (part,)))
    try:
        yield from (m for m in _drawn(open_, part, open_.next_items, load, read) if isinstance(m, messages.Made))
    except Exception as error:
        yield messages.failure(number, part.job, error)
