"""What a batch may ask for, made from the commands' own options: no second list of options to forget.

Which commands a batch can run, and how their files are made, stands in musiclc/batch/commands.py; here are the fields of their jobs.

Inside: `commands`, `checker`.
"""

import hashlib
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import click

from musiclc.batch import check
from musiclc.batch.commands import COMMANDS, BatchCommand
from musiclc.cli import group
from musiclc.custom.sections import section_texts

RENAMED = {"section": "sections"}  # options that a job has by another name, since it gives all of them at once
TOLD_BY_MAPPING = {"sections": section_texts}  # fields that a mapping may give: it → texts as the option takes them
REFUSED = {
    "output": "the batch decides: files go to DIR/ID/",
    "overwrite": "the batch decides: what is there and whole is kept, what changed is made anew",
    "plot": "musiclc render draws what a batch made",
    "json": "manifest.jsonl holds these lines",
    "quiet": "a job says nothing",
    "help": "not in a job",
}


def _command(name: str) -> click.Command:
    found = group.get_command(click.Context(group), name)
    assert found is not None
    return found


def commands() -> dict[str, check.Command]:
    """What jobs may ask for."""
    return {name: _as_schema(name, known) for name, known in COMMANDS.items()}


def _as_schema(name: str, known: BatchCommand) -> check.Command:
    command = _command(name)
    context = click.Context(command, info_name=name, resilient_parsing=True)
    options = [p for p in command.get_params(context) if isinstance(p, click.Option)]
    fields = {field.name: field for field in (_field(option, context) for option in options)}

    def checked(values: dict[str, Any]) -> None:
        known.request_of(values)

    return check.Command(name, fields, checked, _inputs(command, context), known.free is not None, known.free or frozenset())


def _field(option: click.Option, context: click.Context) -> check.Field:
    longest = max(option.opts, key=len)
    name = longest.lstrip("-").replace("-", "_")
    name = RENAMED.get(name, name)
    default = option.get_default(context)
    text = (
        ""
        if default is None or option.is_flag or not isinstance(default, (str, int, float))
        else f"{default:g}"
        if isinstance(default, float)
        else str(default)
    )
    return check.Field(
        name, longest, partial(_convert, option), option.multiple, option.is_flag, text, REFUSED.get(name, ""), TOLD_BY_MAPPING.get(name)
    )


def _convert(option: click.Option, text: Any) -> Any:
    """What the command would get for the text. Raises ValueError with Click's own words."""
    if option.is_flag:
        return text == "true"
    try:
        return option.type_cast_value(click.Context(_NOBODY), text)
    except click.BadParameter as error:
        raise ValueError(error.message) from error


_NOBODY = click.Command("job")


def _inputs(command: click.Command, context: click.Context) -> tuple[int, int | None]:
    """Least and most files that the command's arguments take."""
    arguments = [p for p in command.get_params(context) if isinstance(p, click.Argument)]
    least = sum(1 if a.nargs == -1 and a.required else max(a.nargs, 0) if a.required else 0 for a in arguments)
    return least, None if any(a.nargs == -1 for a in arguments) else sum(a.nargs for a in arguments)


def checker(rules_in: Path | None = None) -> check.Checker:
    """Checks jobs by the commands' options. rules_in: as Checker's."""
    from importlib.metadata import version

    return check.Checker(commands(), version("musiclc"), lru_cache(_model_hash), rules_in)


def _model_hash(path: str | None) -> str:
    from musiclc.data import shipped_model
    from musiclc.errors import CheckpointError

    file = Path(path) if path else shipped_model()
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise CheckpointError(f"{file}: cannot be read ({error.strerror or error}); wanted a model file") from error
