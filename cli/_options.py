"""Options that commands share, the rules' own made from the RULES table, and how talk goes to standard error."""

import functools
import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import click

from musiclc.errors import UsageError
from musiclc.rules import RULES, parse_constraint, parse_rule_option
from musiclc.rules.base import Constraint


class _Wish(click.ParamType):
    """A goal of one shipped rule, or NAME=GOAL for --rule; a mistake is Click's own usage error."""

    name = "goal"

    def __init__(self, parse: Callable[[str], Constraint]):
        self.parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Constraint:
        if isinstance(value, Constraint):
            return value
        try:
            return self.parse(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


class OwnRule(_Wish):
    """What --rule takes: NAME=GOAL, FILE.py:FUNCTION[=GOAL], or the NAME of a labelled critic; @WEIGHT may follow."""

    def __init__(self) -> None:
        super().__init__(_own)


def _own(text: str) -> Constraint:
    from musiclc import custom  # reads files, and is seldom wanted

    return custom.parse(text) if ".py:" in text or "=" not in text else parse_rule_option(text)


def _goal_parser(name: str) -> Callable[[str], Constraint]:
    return lambda text: parse_constraint(name, text)


def constraint_options(function: Callable) -> Callable:
    """--key, --density, … one a shipped rule, and --rule NAME=GOAL; the command gets `constraints`, a list."""

    def gather(ctx: click.Context, **values: Any) -> Any:
        wished = [values.pop(f"rule_{name}") for name in RULES]
        constraints = [c for c in wished if c is not None] + list(values.pop("rule"))
        return ctx.invoke(function, constraints=constraints, **values)

    # carries the docstring and the options declared so far
    command: Callable = click.pass_context(functools.update_wrapper(gather, function))
    for name, rule in reversed(RULES.items()):
        text = f"{rule.about}: {rule.goals}"
        command = click.option(f"--{name}", f"rule_{name}", type=_Wish(_goal_parser(name)), metavar="GOAL", help=text)(command)
    help_text = "A rule by name, FILE.py:FUNCTION[=GOAL] of your own, or a NAME that musiclc critic taught; @WEIGHT may follow."
    option = click.option("--rule", multiple=True, type=OwnRule(), metavar="NAME=GOAL|FILE.py:FUNCTION[=GOAL]", help=help_text)
    return option(command)


model_option = click.option("--model", type=click.Path(), help="A model file; the shipped one when absent.")
quiet_option = click.option("--quiet", is_flag=True, help="Say nothing on standard error but errors.")
recursive_option = click.option("-r", "--recursive", is_flag=True, help="Read folders with all folders below them.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON lines on standard output.")


class _Said(logging.Handler):
    """Log records as lines on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"musiclc: {record.getMessage()}", err=True)


def talker(quiet: bool) -> Callable[[str], None]:
    """A function that says a line on standard error, or, when quiet, nothing; what the library logs goes the same way."""
    log = logging.getLogger("musiclc")
    log.handlers = [_Said()]
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


def goal_fields(constraints: list[Constraint]) -> dict[str, str]:
    """Rule → goal, for file names; "any" where nothing was asked."""
    return dict.fromkeys(RULES, "any") | {c.rule.name: c.goal.text for c in constraints}
