"""Goals of sections as people write them: "B: key=A minor, density=9", or in a job and in Python {"B": {"key": "A minor", "density": "9"}}.

Inside: `parse_section`, `goal_texts`, `sections_of`, `section_texts`.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from musiclc import custom
from musiclc.custom.functions import FILE
from musiclc.errors import UsageError
from musiclc.music.form import section_name
from musiclc.rules.base import Constraint
from musiclc.rules.sections import SectionGoals

_NAMED = re.compile(r"\s*[A-Za-z_][\w-]*\s*=")
_BOUND = re.compile(r"(\w+)\s*([<>]=?.*)")  # a goal whose = is missing
_EXAMPLE = '"B: density=9, register=high"'


def parse_section(text: str) -> SectionGoals:
    """The goals of "NAME: GOAL, GOAL, …": NAME is a letter of the form or bars such as 9..16, a goal what --rule takes.

    A comma parts goals only where a new one begins, so that `scale={0,4,7}` and `chords=C, G` are whole. Raises UsageError.
    """
    name, colon, _ = text.partition(":")
    if not colon:
        raise UsageError(f"section {text!r}: wanted a section, a colon and its goals, such as {_EXAMPLE}")
    name, parts = section_name(name), goal_texts(text)
    for bound in filter(None, map(_BOUND.fullmatch, parts)):
        raise UsageError(f"section {name}: {bound[0]!r}: wanted NAME=GOAL, such as {bound[1]}={bound[2]}")
    if not parts:
        raise UsageError(f"section {name}: no goals; wanted some, such as {_EXAMPLE}")
    try:
        return SectionGoals(name, tuple(map(custom.parse, parts)))
    except UsageError as error:
        raise UsageError(f"section {name}: {error}") from error


def goal_texts(text: str) -> list[str]:
    """The goals of such a text, each as --rule takes it."""
    return list(_goals(text.partition(":")[2]))


def _goals(text: str) -> Iterator[str]:
    """The goals that commas part."""
    found = ""
    for part in text.split(","):
        if found and _begins(part):
            yield found.strip()
            found = part
        else:
            found = f"{found},{part}" if found else part
    if found.strip(" ,"):
        yield found.strip(" ,")


def _begins(part: str) -> bool:
    """Whether a goal begins here: NAME=, FILE.py:FUNCTION, or the name of a taught rule."""
    from musiclc.custom import labels

    name = part.partition("@")[0].strip()
    return bool(_NAMED.match(part) or FILE.fullmatch(name) or (labels.is_name(name) and labels.path_of(name).exists()))


def sections_of(value: Any) -> tuple[SectionGoals, ...]:
    """What is asked of sections: a mapping of names to goals, a text as `parse_section` takes it, SectionGoals, or a list of such.

    Goals are a mapping of rules to goals (`rule` to a list of what --rule takes), a text, or a list of constraints. Raises UsageError.
    """
    if isinstance(value, SectionGoals):
        return (value,)
    if isinstance(value, list | tuple):
        return tuple(section for each in value for section in sections_of(each))
    if isinstance(value, Mapping):
        return tuple(_section_of(str(name), goals) for name, goals in value.items())
    if isinstance(value, str):
        return (parse_section(value),)
    raise UsageError(f'sections {value!r}: wanted such as {{"B": {{"density": "9"}}}}')


def _section_of(name: str, goals: Any) -> SectionGoals:
    if isinstance(goals, list | tuple) and goals and all(isinstance(c, Constraint) for c in goals):
        return SectionGoals(section_name(name), tuple(goals))
    return parse_section(_text(name, goals))


def section_texts(value: Any) -> list[str]:
    """What a job asks of sections, a mapping, a text or a list of such, as texts that `parse_section` takes. Raises UsageError."""
    if isinstance(value, list | tuple):
        return [text for each in value for text in section_texts(each)]
    if isinstance(value, Mapping):
        return [_text(str(name), goals) for name, goals in value.items()]
    if not isinstance(value, str):
        raise UsageError(f'{value!r}; wanted such as {{"B": {{"density": "9"}}}}')
    return [value.strip()]


def _text(name: str, goals: Any) -> str:
    """A section's name and goals as one text."""
    if isinstance(goals, Mapping):
        pairs = [(rule, each) for rule, goal in goals.items() for each in (goal if isinstance(goal, list | tuple) else [goal])]
        wrong = [rule for rule, goal in pairs if isinstance(goal, Mapping | list | tuple | bool) or goal is None]
        if wrong:
            raise UsageError(f"section {name}: {wrong[0]}: wanted a goal as text or a number")
        return f"{name}: {', '.join(str(goal) if rule == 'rule' else f'{rule}={goal}' for rule, goal in pairs)}"
    if isinstance(goals, str):
        return f"{name}: {goals}"
    raise UsageError(f'section {name}: {goals!r}; wanted goals, such as {{"density": "9"}}')
