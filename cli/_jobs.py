"""What a batch may ask for, made from the commands' own options: no second list of options to forget.

A command that a batch can run needs its line in BATCHABLE. The general way: the worker calls the command itself with -o on a
folder of its own, and takes its files and the lines of its manifest. `sample` has a runner of its own, which shares chunks.

Inside: `BATCHABLE`, `commands`, `runners`, `checker`, `arguments_of`.
"""

import contextlib
import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import click

from musiclc.batch import check, messages
from musiclc.cli import group

# command → whether its jobs share chunks (as `sample` does), or each runs by itself, as if from the command line
BATCHABLE: dict[str, bool] = {"sample": True, "transform": False, "vary": False, "interpolate": False}
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
    return {name: _as_schema(name, shares) for name, shares in BATCHABLE.items()}


def _as_schema(name: str, shares: bool) -> check.Command:
    command = _command(name)
    context = click.Context(command, info_name=name, resilient_parsing=True)
    options = [p for p in command.get_params(context) if isinstance(p, click.Option)]
    fields = {field.name: field for field in (_field(option, context) for option in options)}
    if not shares:
        return check.Command(name, fields, inputs=_inputs(command, context))
    from musiclc.batch import sample as batch_sample

    return check.Command(name, fields, _check_sample, itemwise=True, free=batch_sample.FREE)


def _field(option: click.Option, context: click.Context) -> check.Field:
    longest = max(option.opts, key=len)
    name = longest.lstrip("-").replace("-", "_")
    default = option.get_default(context)
    text = (
        ""
        if default is None or option.is_flag or not isinstance(default, (str, int, float))
        else f"{default:g}"
        if isinstance(default, float)
        else str(default)
    )
    return check.Field(name, longest, partial(_convert, option), option.multiple, option.is_flag, text, REFUSED.get(name, ""))


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


def checker() -> check.Checker:
    """Checks jobs by the commands' options."""
    from importlib.metadata import version

    return check.Checker(commands(), version("musiclc"), lru_cache(_model_hash))


def _model_hash(path: str | None) -> str:
    from musiclc.data import shipped_model
    from musiclc.errors import CheckpointError

    file = Path(path) if path else shipped_model()
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise CheckpointError(f"{file}: cannot be read ({error.strerror or error}); wanted a model file") from error


# ---- what the command `sample` makes of its options ----------------------------------------------------------------


def _request(values: dict[str, Any]) -> Any:
    """A samplejobs.Request of converted values by field. Raises UsageError where they do not go together."""
    from musiclc.batch import sample as batch_sample
    from musiclc.output import manifest
    from musiclc.rules import RULES
    from musiclc.sampling import sample as sampling

    constraints = [values[name] for name in RULES if name in values] + list(values.get("rule", []))
    given = {name: values[name] for name in ("meter", "bars", "method", "temperature", "realism") if name in values}
    options = sampling.SampleOptions(**given)
    for constraint in constraints:
        constraint.rule.check(constraint.goal, options.meter)
    style = manifest.MidiOptions(values.get("bpm", 120.0), values.get("program", 0), int(values.get("midi_type", 1)))
    return batch_sample.Request(constraints, options, style, values.get("name", "{stem}-{seed}-{index}.mid"), values.get("model"))


def _check_sample(values: dict[str, Any]) -> None:
    from musiclc.batch import sample as batch_sample
    from musiclc.output import manifest

    request = _request(values)
    indices = [1, 2] if values["n"] > 1 else [1]
    manifest.names_by_pattern(request.pattern, batch_sample.fields_of(request.constraints, 1), indices)


# ---- in a worker ---------------------------------------------------------------------------------------------------


def runners() -> dict[str, messages.Runner]:
    """A runner for every command of BATCHABLE."""
    from musiclc.batch import sample as batch_sample

    return {name: batch_sample.runner(_reader(known)) if BATCHABLE[name] else partial(_run_alone, known) for name, known in commands().items()}


def _reader(command: check.Command) -> Callable[[dict[str, Any]], Any]:
    """Options as texts → the request, each worked out once."""

    @lru_cache(maxsize=256)
    def read(text: str) -> Any:
        return _request({name: command.fields[name].convert(value) for name, value in json.loads(text).items()})

    return lambda options: read(json.dumps(options))


def arguments_of(command: check.Command, part: messages.JobPart) -> list[str]:
    """The command line of a job, without -o."""
    found: list[str] = []
    for name, value in part.options.items():
        if name == "input" or name == "strict":
            continue
        option = command.fields[name]
        if option.flag:
            found.append(option.option)
        else:
            found += [word for each in (value if isinstance(value, list) else [value]) for word in (option.option, each)]
    if part.seed is not None:
        found += ["--seed", str(part.seed)]
    return [*found, "--quiet"] if "quiet" in command.fields else found


def _run_alone(command: check.Command, unit: messages.Unit, also: messages.Also) -> Iterator[messages.Message]:
    """Call the command itself for each job, in a folder that is gone afterwards, and hand its files back."""
    for part in unit.parts:
        folder = part.job
        try:
            with tempfile.TemporaryDirectory(prefix="musiclc-") as folder:
                _call(command, part, Path(folder))
                entries, files = _collected(part, Path(folder))
                yield messages.Made(unit.number, part.job, entries, files, part.indices)
        except Exception as error:
            failed = messages.failure(unit.number, part.job, error)
            yield replace(failed, error=failed.error.replace(folder, part.job))  # the same words next time
    yield messages.Done(unit.number)


def _call(command: check.Command, part: messages.JobPart, folder: Path) -> None:
    from musiclc.errors import MusiclcError, UsageError

    words = [*arguments_of(command, part), "-o", str(folder), "--", *part.options.get("input", [])]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            _command(command.name).main(words, prog_name=command.name, standalone_mode=False)
    except click.ClickException as error:
        raise UsageError(error.format_message()) from error
    except SystemExit as end:
        if end.code not in (0, None, 3):
            failed = MusiclcError(said.getvalue().strip().removeprefix("musiclc: ") or f"{command.name} ended with {end.code}")
            failed.code = end.code if isinstance(end.code, int) else 1
            raise failed from end


def _collected(part: messages.JobPart, folder: Path) -> tuple[list[dict[str, Any]], list[bytes]]:
    """The manifest's entries and the files that they name."""
    from musiclc.errors import MusiclcError

    if not (folder / "manifest.jsonl").exists():
        raise MusiclcError("made no file")
    entries = [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    files = [(folder / entry["file"]).read_bytes() for entry in entries]
    told = [{"job": part.job, **e, "file": f"{part.job}/{e['file']}", "fingerprint": part.fingerprint} for e in entries]
    return told, files
