"""From plans to files, one a seed, by the library's own functions.

New melodies share the networks' calls with others of other seeds, since a call works on many at a time whatever is asked: the first that is ready
is delivered, and the others are there when the next is asked for.

Inside: `MadeTake`, `made`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from musiclc.midi.inputs import Input
from musiclc.studio.verbs import Step, TakePlan

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

TOGETHER = 16  # new melodies that are begun at once


@dataclass(frozen=True)
class MadeTake:
    """A file, its manifest entry, what made it, and its seed."""

    data: bytes
    entry: dict[str, Any]
    plan: TakePlan
    seed: int


def made(plan: TakePlan, model: "Model", seeds: Iterator[int], alone: bool = False) -> Iterator[MadeTake]:
    """Files of a plan for seeds, as each is ready; alone: for the first seed, and no other. Ends some time. Raises MusiclcError."""
    if plan.verb == "sample":
        yield from _written(plan, model, seeds, 1 if alone else TOGETHER)
    else:
        yield _changed(plan, model, next(seeds))


def _written(plan: TakePlan, model: "Model", seeds: Iterator[int], most: int) -> Iterator[MadeTake]:
    """New melodies, of which so many at most are begun."""
    from musiclc.sampling.sample import file_of, sample_by_key

    request, left = plan.steps[0].request((), 0), most

    def more(room: int) -> list[tuple[int, int]]:
        nonlocal left
        taken = min(room, left)
        left -= taken
        return [(next(seeds), 1) for _ in range(taken)]

    for (seed, _), sample in sample_by_key(model, request, more):
        entry, data = file_of(request, sample, model, seed=seed)
        yield MadeTake(data, entry, plan, seed)


def _changed(plan: TakePlan, model: "Model", seed: int) -> MadeTake:
    """What the steps make of the takes that they start from, one after another."""
    inputs, entry, data = plan.inputs, {}, b""
    for step in plan.steps:
        entry, data = next(iter(_runner(step)(step.request(inputs, seed), model=model)))
        inputs = [Input("take.mid", data, "take.mid")]
    return MadeTake(data, entry, plan, seed)


def _runner(step: Step) -> Callable[..., Any]:
    if step.command in ("vary", "transform"):
        from musiclc.editing import commands

        return commands.run
    from musiclc.sampling import fill

    return fill.run
