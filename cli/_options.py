"""Options that commands share, the rules' own made from the RULES table, and how talk goes to standard error."""

import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import click

from musiclc.custom.examples import EXAMPLES, parse_goal
from musiclc.errors import UsageError, one_line
from musiclc.model.numerics import NUMERICS
from musiclc.rules import RULES
from musiclc.rules.base import Constraint
from musiclc.rules.sections import SectionGoals


class _ConstraintType(click.ParamType):
    """A goal of one shipped rule, what --rule takes, or a section's goals; a mistake is Click's own usage error."""

    name = "goal"

    def __init__(self, parse: Callable[[str], Constraint | SectionGoals]):
        self.parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Constraint | SectionGoals:
        if isinstance(value, Constraint | SectionGoals):
            return value
        try:
            return self.parse(value)
        except UsageError as error:
            self.fail(one_line(error), param, ctx)


class OwnRule(_ConstraintType):
    """What --rule takes: NAME=GOAL, FILE.py:FUNCTION[=GOAL], or the NAME of a labelled critic; @WEIGHT may follow."""

    def __init__(self) -> None:
        from musiclc import custom

        super().__init__(custom.parse)


class _MeterText(click.ParamType):
    """A meter to read files in, such as 4/4 or 1/4+4/4."""

    name = "meter"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from musiclc.midi.timing import check_meter_text

        try:
            check_meter_text(value)
        except UsageError as error:
            self.fail(one_line(error), param, ctx)
        return str(value)


def section_option(function: Callable) -> Callable:
    """--section "B: GOALS", repeatable; the command gets them as `sections`, SectionGoals."""
    from musiclc.custom.sections import parse_section

    about = "Goals of a part of the piece: of a letter of the form (A is A' too), of A' alone, or of bars such as 9..16."
    kind, example = _ConstraintType(parse_section), "'B: density=9, register=high'"
    return click.option("--section", "sections", multiple=True, type=kind, metavar=example, help=about)(function)


def _goal_parser(name: str) -> Callable[[str], Constraint]:
    return lambda text: parse_goal(name, text)


def constraint_options(function: Callable) -> Callable:
    """--key, --density, … one a shipped rule, and --rule NAME=GOAL; the command gets them by these names, as Constraints."""
    for name, example in reversed(EXAMPLES.items()):
        text, kind = f"{example.about}: {example.goals}", _ConstraintType(_goal_parser(name))
        function = click.option(f"--{name}", name, multiple=True, type=kind, metavar=example.metavar, help=text)(function)
    for name, rule in reversed(RULES.items()):
        text = f"{rule.about}: {rule.goals}"
        function = click.option(f"--{name.replace('_', '-')}", name, type=_ConstraintType(_goal_parser(name)), metavar="GOAL", help=text)(function)
    help_text = "A rule by name, FILE.py:FUNCTION[=GOAL] of your own, whose code is run, or a NAME that musiclc critic taught; @WEIGHT may follow."
    return click.option("--rule", multiple=True, type=OwnRule(), metavar="NAME=GOAL|FILE.py:FUNCTION[=GOAL]", help=help_text)(function)


meter_option = click.option(
    "--meter", type=_MeterText(), metavar="4/4", help="Read files in this meter, whatever they say; 1/4+4/4 after a pickup of a quarter."
)
model_option = click.option("--model", type=click.Path(), help="A model file; the shipped one when absent.")
numerics_option = click.option(
    "--numerics", type=click.Choice(NUMERICS), default="auto", show_default=True, help="In what the networks run; auto: as this machine is fastest."
)
quiet_option = click.option("--quiet", is_flag=True, help="Say nothing on standard error but errors.")
recursive_option = click.option("-r", "--recursive", is_flag=True, help="Read folders with all folders below them.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON lines on standard output.")
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace files that exist.")
strict_option = click.option("--strict", is_flag=True, help="Exit 3 when some file misses a constraint.")
output_option = click.option("-o", "--output", help="FILE.mid for one, a folder for many, - for standard output; the current folder when absent.")


WARMER = "Above: more adventurous; below: more usual."
TYPICAL = "Draw on until this share of real music is less typical."


def name_option(default: str) -> Callable:
    """--name, with a command's own default."""
    text = "File names; fields: stem, seed, index and the rules' names."
    return click.option("--name", default=default, show_default=True, help=text)


def run_options(function: Callable) -> Callable:
    """What the commands that make files have in common: --seed, --strict, --overwrite, --model, --numerics, --json, --quiet."""
    seed_option = click.option("--seed", type=click.IntRange(0), help="Drawn and reported when absent.")
    for option in (quiet_option, json_option, numerics_option, model_option, overwrite_option, strict_option, seed_option):
        function = option(function)
    return function


def edit_options(function: Callable) -> Callable:
    """--track, --midi-type, and run_options."""
    own_type = click.Choice(["0", "1"])
    hidden = click.option("--midi-type", type=own_type, hidden=True, help="Edited files keep their own type.", expose_value=False)
    track = click.option("--track", default="auto", show_default=True, metavar="auto|NAME|INDEX", help="The track that has the melody.")
    return track(hidden(run_options(function)))


def fill_options(request: Any) -> Callable:
    """-n, --method, --temperature, --realism and --name, with the defaults of a request that fills bars."""
    from musiclc.sampling.fill_request import FILL_METHODS

    default = request.options
    options = (
        click.option("-n", type=click.IntRange(1), default=request.n, show_default=True, help="How many files, each with other new bars."),
        click.option("--method", type=click.Choice(FILL_METHODS), default=default.method, show_default=True),
        click.option("--temperature", type=click.FloatRange(0, 2, min_open=True), default=default.temperature, show_default=True, help=WARMER),
        click.option("--realism", type=click.FloatRange(0, 1), default=default.realism, show_default=True, help=TYPICAL),
        name_option(request.pattern),
    )

    def decorated(function: Callable) -> Callable:
        for option in reversed(options):
            function = option(function)
        return function

    return decorated


class _OnStandardError(logging.Handler):
    """Log records as lines on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"musiclc: {record.getMessage()}", err=True)


def talker(quiet: bool) -> Callable[[str], None]:
    """A function that says a line on standard error, or, when quiet, nothing; what the library logs goes the same way."""
    log = logging.getLogger("musiclc")
    log.handlers = [_OnStandardError()]
    log.setLevel(logging.ERROR if quiet else logging.INFO)
    log.propagate = False
    return (lambda line: None) if quiet else (lambda line: click.echo(line, err=True))


def progress_meter(quiet: bool, unit: str = "") -> Callable[[int, int, str], None]:
    """A progress callback (done, total, what): a bar on a terminal's standard error, nothing elsewhere. NO_COLOR is obeyed by rich.

    unit: of the rate that it shows; none is shown without.
    """
    if quiet or not sys.stderr.isatty():
        return lambda done, total, what: None
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Any) -> Text:
            return Text(f"{task.speed:.1f} {unit} a second" if unit and task.speed else "")

    bar = Progress(*Progress.get_default_columns(), Rate(), console=Console(stderr=True), transient=True)
    tasks: dict[str, Any] = {}
    bar.start()
    click.get_current_context().call_on_close(bar.stop)

    def show(done: int, total: int, what: str) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=done)

    return show


def dump(value: Any) -> str:
    """One line of JSON, as manifests hold it."""
    return json.dumps(value, ensure_ascii=False)


def complain(error: Exception | str) -> None:
    """One line on standard error."""
    click.echo(f"musiclc: {one_line(error)}", err=True)
