"""What the requests of commands share: values by the option's long name, as text or typed, and the constraints among them.

A request is a command's options as the library has them; each is made by `of(values)` from what the command line, a job or a notebook gives.
No network is loaded here.

Inside: `given`, `constraints_of`, `options_of`, `own_of`, `typed`, `listed`.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from os import PathLike
from typing import Any, TypeVar

from musiclc import custom
from musiclc.custom.examples import EXAMPLES, parse_goal
from musiclc.errors import UsageError
from musiclc.rules import RULES
from musiclc.rules.base import Constraint

T = TypeVar("T")


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the values without those that are None."""
    return {name: value for name, value in values.items() if value is not None}


def constraints_of(values: dict[str, Any]) -> list[Constraint]:
    """The constraints among a command's values, which are taken out: rule name → goal, and `rule`, a list as --rule takes them; each as text
    or Constraint. Raises UsageError.
    """
    named = [(name, goal) for name in (*RULES, *EXAMPLES) if name in values for goal in listed(values.pop(name))]
    return [
        *(c if isinstance(c, Constraint) else parse_goal(name, str(c)) for name, c in named),
        *(c if isinstance(c, Constraint) else custom.parse(str(c)) for c in listed(values.pop("rule", ()))),
    ]


def listed(value: Any) -> list[Any]:
    """A value that may be one thing or several of them, as a list."""
    return list(value) if isinstance(value, list | tuple) else [value]


def options_of(default: T, values: dict[str, Any], only: Sequence[str] | None = None) -> T:
    """An options dataclass with those values in place of the default's that are its fields, or `only` these of them; they are taken out.

    Raises UsageError.
    """
    kinds = {f.name: f.type for f in fields(default) if f.name in values and (only is None or f.name in only)}  # type: ignore[arg-type]
    made: T = replace(default, **{name: typed(name, kind, values.pop(name)) for name, kind in kinds.items()})  # type: ignore[type-var]
    return made


def typed(name: str, wanted: Any, value: Any) -> Any:
    """A value as bool, int, float or text, of which text may stand for the others; a path is text. Raises UsageError."""
    if wanted is bool:
        if str(value).lower() not in ("true", "false"):
            raise UsageError(f"{name} {value!r}: wanted true or false")
        return str(value).lower() == "true"
    kind: Any = wanted if wanted in (int, float) else str
    scalar = isinstance(value, str | int | float | PathLike) and not isinstance(value, bool)
    try:
        made = kind(value) if scalar else None
    except (TypeError, ValueError, OverflowError):
        made = None
    if made is None or (kind is int and isinstance(value, float) and made != value):
        said = {int: "a whole number", float: "a number"}.get(kind, "text")
        raise UsageError(f"{name} {value!r}: wanted {said}")
    return made


def own_of(command: str, values: dict[str, Any], **kinds: type) -> dict[str, Any]:
    """The values that are a request's own fields, converted; `name` becomes its `pattern`. Raises UsageError when others are left."""
    for name in values.keys() - kinds.keys():
        near = difflib.get_close_matches(name, [*RULES, *EXAMPLES, "rule", *kinds], n=1)
        raise UsageError(f"{name}: unknown to {command}{f'; did you mean {near[0]}?' if near else ''}")
    return {"pattern" if name == "name" else name: typed(name, kinds[name], value) for name, value in values.items()}
