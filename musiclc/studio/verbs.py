"""From what the page asks to requests of the library and to command lines: both from the same values, so that the line makes the same bytes.

What the page says is checked against OPTIONS and the table of rules. Nothing in it is ever a path: rules that name files, models and names
of files cannot be asked for.

Inside: `TakePlan`, `plan_of`, `Step`, `OPTIONS`.
"""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

from musiclc.custom.drawn import DRAWN
from musiclc.custom.examples import parse_goal
from musiclc.custom.sections import goal_texts
from musiclc.errors import UsageError
from musiclc.midi.inputs import Input
from musiclc.music.form import section_name
from musiclc.rules import RULES
from musiclc.rules.sections import SectionGoals
from musiclc.studio.takes import Take

MOST_SEED = 10**7  # seeds are drawn below it, as by the commands
MOST_RUNS = 16  # of bars, one after another
_FILL = ("temperature", "realism", "track")
# verb, which is the command's name → the options that the page may give
OPTIONS: dict[str, tuple[str, ...]] = {
    "sample": ("bars", "form", "meter", "bpm", "program", "temperature", "realism"),
    "infill": _FILL,
    "continue": ("bars", "before", *_FILL),
    "bridge": ("bars", *_FILL),
    "vary": ("keep", "temperature", "track"),
    "transform": ("keep", "tracks", *_FILL),
}
REQUESTS = {
    "sample": "musiclc.sampling.request:SampleRequest",
    "infill": "musiclc.sampling.fill_request:InfillRequest",
    "continue": "musiclc.sampling.fill_request:ContinueRequest",
    "bridge": "musiclc.sampling.fill_request:BridgeRequest",
    "vary": "musiclc.editing.request:VaryRequest",
    "transform": "musiclc.editing.request:TransformRequest",
}
READS = {"sample": 0, "bridge": 2}  # takes that a verb starts from; one, where it is not said
IN_RUNS = ("infill", "transform")  # verbs that work on runs of bars


@dataclass(frozen=True)
class Step:
    """One command: its values by the options' long names, as text; goals of the whole by rule; goals of sections by name, each by rule."""

    command: str
    values: Mapping[str, str]
    goals: Mapping[str, str]
    sections: Mapping[str, Mapping[str, str]]

    def request(self, inputs: Sequence[Input], seed: int) -> Any:
        """The library's request. Raises UsageError."""
        module, _, name = REQUESTS[self.command].partition(":")
        given: dict[str, Any] = {**self.values, **{rule: parse_goal(rule, goal) for rule, goal in self.goals.items()}, "seed": seed}
        if inputs:
            given["input"] = list(inputs)
        if self.sections:
            given["sections"] = [SectionGoals(name, tuple(parse_goal(*goal) for goal in own.items())) for name, own in self.sections.items()]
        return getattr(import_module(module), name).of(given)

    def line(self, inputs: Sequence[str], output: str, seed: int) -> str:
        """What to type, files by name."""
        words = ["musiclc", self.command, *(f"./{name}" if name.startswith("-") else name for name in inputs), "-o", output]
        for name, value in (*self.values.items(), *self.goals.items(), ("seed", str(seed))):
            words += _option(name, value)
        for section, own in self.sections.items():
            words += ["--section", _section_text(section, own)]
        return shlex.join(words)


def _option(name: str, value: str) -> list[str]:
    option = f"--{name.replace('_', '-')}"
    if name == "before":
        return [option] if value == "true" else []
    return [f"{option}={value}"] if value.startswith("-") else [option, value]


def _section_text(name: str, goals: Mapping[str, str]) -> str:
    return f"{name}: {', '.join(f'{rule}={goal}' for rule, goal in goals.items())}"


@dataclass(frozen=True)
class TakePlan:
    """What makes a take, but for the seed: steps, of which each but the first starts from what the one before it made; the takes it starts from."""

    steps: tuple[Step, ...]
    takes: tuple[Take, ...]

    @property
    def verb(self) -> str:
        """The command's name."""
        return self.steps[0].command

    @cached_property
    def key(self) -> str:
        """The same for plans that make the same."""
        steps = [[s.command, dict(s.values), dict(s.goals), {name: dict(own) for name, own in s.sections.items()}] for s in self.steps]
        return json.dumps([steps, [take.number for take in self.takes]], sort_keys=True)

    @property
    def varies(self) -> bool:
        """Whether another seed makes another take."""
        return self.verb != "transform"

    @property
    def inputs(self) -> list[Input]:
        """The takes that it starts from, as commands read them."""
        return [Input(take.file, take.data, take.file) for take in self.takes]

    def lines(self, number: int, seed: int) -> tuple[str, ...]:
        """The command lines that make take `number` from nothing but files that were opened, each once."""
        before = [line for take in self.takes for line in take.lines]
        files = [take.file for take in self.takes]
        own = []
        for place, step in enumerate(self.steps, 1):
            output = f"take-{number}.mid" if place == len(self.steps) else f"take-{number}-{place}.mid"
            own.append(step.line(files, output, seed))
            files = [output]
        return tuple(dict.fromkeys([*before, *own]))


def plan_of(said: Mapping[str, Any], takes: Sequence[Take]) -> TakePlan:
    """The plan that the page asks for. takes: those that it names. Raises UsageError, and whatever the library's own requests raise."""
    verb = said.get("verb")
    if verb not in OPTIONS:
        raise UsageError(f"verb {verb!r}: wanted one of {', '.join(OPTIONS)}")
    wanted = READS.get(verb, 1)
    if len(takes) != wanted:
        raise UsageError(f"{verb}: starts from {('nothing', 'one take', 'two takes')[wanted]}, and got {len(takes)}")
    values = dict(_values(verb, said.get("options", {})))
    goals, sections = _goals(verb, said.get("goals", []))
    steps = tuple(Step(verb, {**values, **run}, goals, sections) for run in _runs(verb, said.get("runs", [])))
    plan = TakePlan(steps, tuple(takes))
    for step in steps:
        step.request(plan.inputs, 0)
    return plan


def _values(verb: str, options: Any) -> Iterator[tuple[str, str]]:
    """The options as text, those that the verb has and that say something."""
    if not isinstance(options, dict):
        raise UsageError(f"options {options!r}: wanted a mapping")
    for name, value in options.items():
        if name not in OPTIONS[verb]:
            raise UsageError(f"{name}: no option of {verb} in the studio; wanted one of {', '.join(OPTIONS[verb])}")
        if not isinstance(value, str | int | float) or len(str(value)) > 400:
            raise UsageError(f"{name}: wanted a number or a text")
        text = str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
        if text.strip():
            yield name, text.strip()


def _goals(verb: str, goals: Any) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Goals of the whole, and of sections by their names. Of the rules that need no file."""
    whole: dict[str, str] = {}
    sections: dict[str, dict[str, str]] = {}
    if not isinstance(goals, list):
        raise UsageError(f"goals {goals!r}: wanted a list")
    for each in goals:
        rule, goal, where = (str(each.get(name, "")) for name in ("rule", "goal", "where")) if isinstance(each, dict) else ("", "", "")
        if rule not in RULES and rule not in DRAWN:
            raise UsageError(f"rule {rule!r}: none of the studio's; wanted one of {', '.join((*RULES, *DRAWN))}")
        if len(goal) > 8000:
            raise UsageError(f"{rule}: a goal of {len(goal)} letters; wanted at most 8000")
        parse_goal(rule, goal)
        if where and verb != "sample":
            raise UsageError(f"section {where}: {verb} has goals of its bars alone")
        (sections.setdefault(section_name(where), {}) if where else whole)[rule] = goal
    for name, own in sections.items():
        _check_section(name, own)
    return whole, sections


def _check_section(name: str, goals: Mapping[str, str]) -> None:
    """Raises UsageError for goals that a command line would read as others."""
    text = _section_text(name, goals)
    if goal_texts(text) != [f"{rule}={goal}".strip() for rule, goal in goals.items()]:
        raise UsageError(f"section {text!r}: has a comma that begins another goal")


def _runs(verb: str, runs: Any) -> list[dict[str, str]]:
    """The bars of each step: one step where they are not said."""
    if not isinstance(runs, list) or len(runs) > MOST_RUNS or not all(isinstance(run, str) for run in runs):
        raise UsageError(f"runs: wanted at most {MOST_RUNS} of them, such as 5..8")
    if verb not in IN_RUNS:
        return [{}]
    if verb == "infill" and not runs:
        raise UsageError("infill: no bars; select some, or unlock some")
    return [{"bars": run} for run in runs] or [{}]
