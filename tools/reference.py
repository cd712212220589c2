"""Pages of reference from the code itself, and equations as MathML: a hook of mkdocs (mkdocs.yml), or by hand: python -m tools.reference PAGE.

commands  every command with its options, from Click
rules     every rule, from the RULES table
python    what `import musiclc` offers, from signatures and docstrings

Inside: `PAGES`, `on_files`, `on_page_markdown`.
"""

import dataclasses
import inspect
import itertools
import re
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import click


def text(value: str | None) -> str:
    """A docstring or help text as Markdown that shows what it says: angle brackets and bars are no markup."""
    return inspect.cleandoc(value or "").replace("<", "&lt;")


def cell(value: Any) -> str:
    """The same, in a table, in code, too."""
    line = " ".join(text(str(value)).split())
    line = re.sub(r"`([^`]*\|[^`]*)`", lambda match: f"<code>{match[1].replace('|', '&#124;')}</code>", line)
    return line.replace("|", "\\|")


def table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(map(cell, row))} |" for row in rows)])


# ---- commands ------------------------------------------------------------------------------------------------------


def commands_page() -> str:
    """The page of all commands."""
    from musiclc.cli import COMMANDS, group

    parts = ["# Commands\n\nMade from the commands themselves: what `musiclc COMMAND --help` says, as a page. Exit codes are in the README."]
    for name, (_, about) in COMMANDS.items():
        command = group.get_command(click.Context(group), name)
        assert command is not None
        said = "" if (command.help or "").startswith(about) else f"{about}\n\n"
        parts.append(f"## {name}\n\n{said}{_command(command, f'musiclc {name}')}")
    return "\n\n".join(parts) + "\n"


def _command(command: click.Command, called: str) -> str:
    """Usage, help and options; of a group, its commands one after another."""
    context = click.Context(command, info_name=called)
    usage = f"```text\n{' '.join([called, *command.collect_usage_pieces(context)])}\n```"
    parts = [usage, _help(command)]
    if isinstance(command, click.Group):
        parts += [f"### {called} {name}\n\n{_command(sub, f'{called} {name}')}" for name, sub in command.commands.items()]
    rows = [_option(option, context) for option in command.get_params(context) if isinstance(option, click.Option) and not option.hidden]
    own = [row for row in rows if row[0] not in ("`-h`, `--help`", "`--help`")]
    return "\n\n".join(part for part in (*parts, table(("option", "default", "what it does"), own) if own else "") if part)


def _help(command: click.Command) -> str:
    """A command's help; lines that \\b keeps together are shown as code."""
    shown = []
    for part in text(command.help).split("\n\n"):
        shown.append(f"```text\n{part.strip(chr(8)).strip()}\n```" if chr(8) in part else part)
    return "\n\n".join(shown)


def _option(option: click.Option, context: click.Context) -> tuple[str, str, str]:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    kind = "" if option.is_flag else f" `{option.make_metavar(context)}`"
    default = option.get_default(context, call=False)
    shown = f"`{default}`" if option.show_default and isinstance(default, str | int | float) else ""
    return names if option.is_flag else names + kind, shown, option.help or ""


# ---- rules ---------------------------------------------------------------------------------------------------------


def rules_page() -> str:
    """The page of all rules."""
    from musiclc.custom.examples import EXAMPLES
    from musiclc.rules import RULES

    parts = [
        "# Rules\n\nMade from the table that options, jobs and manifests read (`musiclc rules` prints it). A bare number as goal is met within the "
        "tolerance; `>=8`, `<=3`, `4..8` say what they say."
    ]
    every: list[Any] = [*RULES.values(), *EXAMPLES.values()]
    for rule in every:
        tolerance = f"{rule.tolerance:g}" if rule.family == "gaussian" and rule.tolerance is not None else "none"
        rows = [("measured in", rule.unit), ("values", rule.span), ("goals", rule.goals), ("tolerance", tolerance), ("source", rule.source)]
        about = f"{text(rule.about)[:1].upper()}{text(rule.about)[1:]}. Option: `--{rule.name.replace('_', '-')}`."
        parts.append(f"## {rule.name}\n\n{about}\n\n{table(('', ''), rows)}")
    return "\n\n".join(parts) + "\n"


# ---- Python --------------------------------------------------------------------------------------------------------


def python_page() -> str:
    """The page of what the package offers."""
    import musiclc

    parts = ["# Python\n\nMade from signatures and docstrings. Names are loaded when they are first used: `import musiclc` costs nothing."]
    parts.append(_verbatim(inspect.getdoc(musiclc) or ""))
    for name in musiclc.__all__:
        parts.append(f"## musiclc.{name}\n\n{_thing(name, getattr(musiclc, name))}")
    return "\n\n".join(parts) + "\n"


def _thing(name: str, thing: Any) -> str:
    """A function, a class with its methods, or the table of rules."""
    if not callable(thing):
        return f"A `{type(thing).__name__}`: {', '.join(f'`{key}`' for key in thing)}."
    parts = [f"```python\n{_signature(name, thing)}\n```", _verbatim(inspect.getdoc(thing) or "")]
    if inspect.isclass(thing):
        members = {n: m for n, m in vars(thing).items() if not n.startswith("_") and (inspect.isfunction(m) or isinstance(m, property | classmethod))}
        parts += [f"**{_member(n, m)}** {' '.join(text(inspect.getdoc(m)).split())}" for n, m in members.items() if inspect.getdoc(m)]
    return "\n\n".join(part for part in parts if part)


def _member(name: str, member: Any) -> str:
    """`name` of a property, `name(…)` of a method, with its arguments."""
    if isinstance(member, property):
        return f"`{name}`"
    function = member.__func__ if isinstance(member, classmethod) else member
    return f"`{_signature(name, function)}`".replace("(self, ", "(").replace("(self)", "()").replace("(cls, ", "(")


def _signature(name: str, thing: Any) -> str:
    """As it would be written, a line an argument when it is long; defaults made anew for each object are not spelt out."""
    try:
        signature = inspect.signature(thing)
    except ValueError:
        return name
    fields = {f.name for f in dataclasses.fields(thing)} if dataclasses.is_dataclass(thing) else set()
    arguments = [_argument(p) for p in signature.parameters.values() if not fields or p.name in fields]
    returns = (
        "" if inspect.isclass(thing) or signature.return_annotation is inspect.Signature.empty else f" -> {_annotation(signature.return_annotation)}"
    )
    line = f"{name}({', '.join(arguments)}){returns}"
    return line if len(line) < 100 else f"{name}(\n    " + ",\n    ".join(arguments) + f",\n){returns}"


def _argument(parameter: inspect.Parameter) -> str:
    stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**" if parameter.kind is parameter.VAR_KEYWORD else ""
    typed = "" if parameter.annotation is inspect.Parameter.empty else f": {_annotation(parameter.annotation)}"
    default = "" if parameter.default is inspect.Parameter.empty else f"{' = ' if typed else '='}{_default(parameter.default)}"
    return f"{stars}{parameter.name}{typed}{default}"


def _annotation(annotation: Any) -> str:
    shown = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"(?:\w+\.)+(\w+)", r"\1", shown).replace("'", "").replace('"', "")


def _default(value: Any) -> str:
    shown = repr(value)
    return "…" if "object at 0x" in shown or "factory" in shown else re.sub(r"^\w+\(.*\)$", "…", shown) if len(shown) > 40 else shown


def _verbatim(doc: str) -> str:
    """A docstring as paragraphs; indented lines, as they stand, as code."""
    found: list[str] = []
    for code, group in itertools.groupby(inspect.cleandoc(doc).split("\n\n"), lambda part: part.startswith("    ")):
        parts = list(group)
        shown = textwrap.dedent("\n\n".join(parts)).strip()
        found += [f"```python\n{shown}\n```"] if code else map(text, parts)
    return "\n\n".join(found)


# ---- mkdocs --------------------------------------------------------------------------------------------------------

PAGES: dict[str, Callable[[], str]] = {"commands": commands_page, "rules": rules_page, "python": python_page}


def on_files(files: Any, *, config: Any) -> Any:
    """Adds the pages made here to those of docs/."""
    from mkdocs.structure.files import File

    for name, page in PAGES.items():
        files.append(File.generated(config, f"reference/{name}.md", content=page()))
    return files


CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
MATHS = re.compile(r"\$\$(?P<block>.+?)\$\$|(?<![\\\w])\$(?P<inline>[^$\n]+)\$", re.DOTALL)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Equations as MathML, which browsers draw by themselves: no script is loaded."""
    parts, at = [], 0
    for code in CODE.finditer(markdown):
        parts += [MATHS.sub(_mathml, markdown[at : code.start()]), code[0]]
        at = code.end()
    return "".join([*parts, MATHS.sub(_mathml, markdown[at:])])


def _mathml(match: re.Match[str]) -> str:
    from latex2mathml.converter import convert

    block = match["block"] is not None
    made: str = convert((match["block"] if block else match["inline"]).strip(), display="block" if block else "inline")
    return f"\n\n<div>{made}</div>\n\n" if block else f"<span>{made}</span>"  # a line that begins with it is no block of HTML


if __name__ == "__main__":
    print(PAGES[sys.argv[1]]())
