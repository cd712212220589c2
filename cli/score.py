"""musiclc score: the rules on MIDI files, and whether files are what their manifest says."""

import csv
import io
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from musiclc.cli._options import (
    complain,
    constraint_options,
    dump,
    json_option,
    meter_option,
    model_option,
    quiet_option,
    recursive_option,
    strict_option,
    talker,
)
from musiclc.custom.examples import EXAMPLES
from musiclc.errors import MusiclcError, UsageError
from musiclc.rules.base import Constraint

if TYPE_CHECKING:
    from musiclc.midi.inputs import Input
    from musiclc.music.melody import Melody

Talk = Callable[[str], None]


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path(), metavar="INPUT...")
@constraint_options
@click.option("--csv", "as_csv", is_flag=True, help="Print a table with commas.")
@click.option("--check", is_flag=True, help="INPUT are manifests: say which files are not what they say; exit 1 when some are not.")
@meter_option
@strict_option
@recursive_option
@model_option
@json_option
@quiet_option
def command(inputs: tuple[str, ...], check: bool, as_csv: bool, as_json: bool, quiet: bool, meter: str | None, **values: Any) -> None:
    """Measure MIDI files by the rules: by every rule, or by the constraints given. INPUT: files, folders, or - for standard input.

    A line a file on standard output, and with constraints a summary on standard error.

    \b
    musiclc score out/*.mid --key "A minor" --json
    musiclc score --check out/manifest.jsonl
    """
    if as_csv and (as_json or check):
        raise UsageError(f"--csv and {'--json' if as_json else '--check'} exclude each other")
    talk = talker(quiet)
    strict, recursive, constraints = values.pop("strict"), values.pop("recursive"), _constraints(values)
    if check:
        sys.exit(_check(inputs, constraints, as_json, talk))
    table = _Table("json" if as_json else "csv" if as_csv else "text")
    codes = _score(inputs, recursive, partial(_melody, talk, meter or ""), constraints, table)
    if constraints and table.rows:
        talk(f"{table.met} of {table.rows} files meet {'every constraint' if len(constraints) > 1 else 'the constraint'}")
    sys.exit(max(codes) if codes else 3 if strict and constraints and table.met < table.rows else 0)


def _constraints(values: dict[str, Any]) -> list[Constraint]:
    """The constraints given, labelled critics with the model named."""
    from musiclc.custom.labels import Labelled, bound
    from musiclc.custom.request import constraints_of, given

    model = values.pop("model")
    constraints = constraints_of(given(values))
    if not any(isinstance(c, Labelled) for c in constraints):
        return constraints
    from musiclc.model import checkpoint

    return bound(constraints, checkpoint.loaded(model))


def _melody(talk: Talk, meter: str, given: "Input") -> "Melody":
    """An input's melody; on standard error what is to be said of how it was read."""
    from musiclc.midi import read_song

    song = read_song(given.source, name=given.name, meter=meter)
    for line in song.remarks:
        talk(f"musiclc: {given.name}: {line}")
    return song.melody


def _score(
    inputs: tuple[str, ...], recursive: bool, read: Callable[["Input"], "Melody"], constraints: list[Constraint], table: "_Table"
) -> list[int]:
    """Print a row for each input; the exit codes of those that could not be measured."""
    from musiclc import rules
    from musiclc.midi.inputs import expand

    found, unread = expand(inputs, recursive)
    errors: list[MusiclcError] = [*unread]
    for error in unread:
        complain(error)
    for given in found:
        try:
            melody = read(given)
            entry = {"file": given.name, "meter": melody.meter, "bars": melody.bars, "notes": len(melody.notes)}
            entry["rules"] = rules.score(melody, constraints)
        except MusiclcError as error:
            errors.append(MusiclcError(f"{given.name}: {error}") if isinstance(error, UsageError) else error)  # a rule of one's own, say
            complain(errors[-1])
        else:
            table.add(entry)
    return [error.code for error in errors]


class _Table:
    """Rows on standard output as they come. style: json, csv or text. rows, met: how many, and how many meet every constraint."""

    def __init__(self, style: str):
        self.style, self.rows, self.met = style, 0, 0

    def add(self, entry: dict[str, Any]) -> None:
        """Print a row."""
        self.rows += 1
        self.met += all(r.get("satisfied", True) for r in entry["rules"])
        if self.style == "csv":
            click.echo(_csv_lines(entry, header=self.rows == 1), nl=False)
        else:
            click.echo(dump(entry) if self.style == "json" else _line(entry))


def _line(entry: dict[str, Any]) -> str:
    values = [f"{r['rule']}{' ' + r['goal'] if 'goal' in r else ''}: {r['value']}{_remarks(r)}" for r in entry["rules"]]
    return f"{entry['file']}  {entry['meter']}  {entry['bars']} bars  {entry['notes']} notes  " + "  ".join(values)


def _remarks(verdict: dict[str, Any]) -> str:
    """ " (heard A minor, not met)"."""
    said = [*([f"heard {verdict['heard']}"] if "heard" in verdict else []), *([] if verdict.get("satisfied", True) else ["not met"])]
    return f" ({', '.join(said)})" if said else ""


def _csv_lines(entry: dict[str, Any], header: bool) -> str:
    row = {k: v for k, v in entry.items() if k != "rules"}
    for verdict in entry["rules"]:
        row[verdict["rule"]] = verdict["value"]
        if "heard" in verdict:
            row[f"{verdict['rule']}_heard"] = verdict["heard"]
        if "satisfied" in verdict:
            row[f"{verdict['rule']}_satisfied"] = verdict["satisfied"]
    text = io.StringIO()
    table = csv.DictWriter(text, list(row), lineterminator="\n")
    if header:
        table.writeheader()
    table.writerow(row)
    return text.getvalue()


# ---- --check -------------------------------------------------------------------------------------------------------


def _check(manifests: tuple[str, ...], own: list[Constraint], as_json: bool, talk: Talk) -> int:
    """Say which files are not what the manifests say; the exit code."""
    from musiclc.output.verify import verified

    files = bad = 0
    unknown: set[str] = set()
    for name in manifests:
        for finding in verified(Path(name), {f"{c.rule.name} {c.goal.text}" if c.rule.name in EXAMPLES else c.rule.name: c for c in own}):
            files, bad, unknown = files + 1, bad + bool(finding.wrong), unknown.union(finding.unknown)
            if as_json:
                click.echo(dump({"file": finding.file, "as_said": not finding.wrong, "wrong": finding.wrong, "unknown": finding.unknown}))
            elif finding.wrong:
                click.echo(f"{finding.file}: {'; '.join(finding.wrong)}")
    for rule in sorted(unknown):
        how = f"its goal as the manifest has it with --{rule}" if rule in EXAMPLES else f"it with --rule, such as --rule my.py:{rule}"
        talk(f"musiclc: {rule}: not measured; name {how}")
    talk(f"{files - bad} of {files} files are what the manifest says")
    return 1 if bad else 0
