"""Sample jobs in a worker: melodies of many jobs of like shape, drawn in shared chunks.

Inside: `Request`, `runner`.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from musiclc.batch import messages
from musiclc.model import checkpoint
from musiclc.output import manifest
from musiclc.rules import RULES
from musiclc.rules.base import Constraint
from musiclc.sampling import sample as sampling

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

FREE = frozenset({"bpm", "program", "midi_type", "name", "strict"})  # options that jobs sharing chunks may differ in


@dataclass(frozen=True)
class Request:
    """What the options of a sample job say, as the library has it."""

    constraints: list[Constraint]
    options: sampling.SampleOptions
    style: manifest.MidiOptions
    pattern: str
    model: str | None


@dataclass
class _Open:
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

    def unmade(self) -> dict[tuple[int, str], tuple[messages.Unit, messages.JobPart, list[int]]]:
        """What has not been made yet, by unit and job."""
        found: dict[tuple[int, str], tuple[messages.Unit, messages.JobPart, list[int]]] = {}
        rest = [(unit, part, item[1]) for item, askers in self.wanted.items() for unit, part in askers]
        for unit, part, index in [*rest, *self.waiting]:
            found.setdefault((unit.number, part.job), (unit, part, []))[2].append(index)
        return found


def runner(read: Callable[[dict[str, Any]], Request]) -> messages.Runner:
    """A runner of sample jobs. read: a job's options as texts → what they say."""
    load = lru_cache(maxsize=2)(checkpoint.load)

    def run(unit: messages.Unit, also: messages.Also) -> Iterator[messages.Message]:
        request = read(unit.parts[0].options)
        open_ = _Open()
        open_.take_in(unit)

        def more(most: int) -> list[tuple[int, int]]:
            items = open_.next_items(most)
            while len(items) < most and (other := also(unit.shape)):
                open_.take_in(other)
                items += open_.next_items(most - len(items))
            return items

        try:
            yield from _drawn(load(request.model), request, open_, more, read)
        except Exception:  # some job's own rule, say: then each is tried alone, so that only the bad ones fail
            for (number, job), (_, part, indices) in open_.unmade().items():
                yield from _alone(number, job, part, indices, lambda: load(request.model), read)
            yield from (messages.Done(number) for number, left in open_.left.items() if left)

    return run


def _drawn(
    model: "Model", request: Request, open_: _Open, more: Callable[[int], list[tuple[int, int]]], read: Callable
) -> Iterator[messages.Message]:
    for item, draw in sampling.sample_by_key(model, request.constraints, more, request.options):
        for unit, part in open_.wanted.pop(item):
            yield _made(unit.number, part, draw, read(part.options), model.name)
            open_.left[unit.number] -= 1
            if not open_.left[unit.number]:
                yield messages.Done(unit.number)


def _made(unit: int, part: messages.JobPart, draw: sampling.Sample, request: Request, model: str) -> messages.Made:
    assert part.seed is not None
    fields = fields_of(request.constraints, part.seed)
    (name,) = manifest.names_by_pattern(request.pattern, fields, [draw.index])
    data, entry = sampling.rendered(draw, f"{part.job}/{name}", request.style, model, part.seed)
    return messages.Made(unit, part.job, [{"job": part.job, **entry, "fingerprint": part.fingerprint}], [data], (draw.index,))


def _alone(
    number: int, job: str, part: messages.JobPart, indices: list[int], load: Callable[[], "Model"], read: Callable
) -> Iterator[messages.Message]:
    """A job's items in a stream of their own; Failed, when it raises."""
    open_ = _Open()
    one = messages.Unit(number, "sample", "", (messages.JobPart(job, part.options, part.seed, tuple(sorted(indices)), part.count, part.fingerprint),))
    open_.take_in(one)
    try:
        request = read(part.options)
        yield from (m for m in _drawn(load(), request, open_, open_.next_items, read) if isinstance(m, messages.Made))
    except Exception as error:
        yield messages.failure(number, job, error)


def fields_of(constraints: list[Constraint], seed: int) -> dict[str, str]:
    """What file names may say of a job."""
    return {"stem": "melody", "seed": str(seed), **dict.fromkeys(RULES, "any"), **{c.rule.name: c.goal.text for c in constraints}}
