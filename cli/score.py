"""musiclc score: the rules on MIDI files."""

import csv
import io
import sys
from typing import Any

import click

from musiclc.cli._inputs import complain, expand
from musiclc.cli._options import constraint_options, dump, json_option, quiet_option, recursive_option, talker


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path(), metavar="INPUT...")
@constraint_options
@click.option("--csv", "as_csv", is_flag=True, help="Print a table with commas.")
@click.option("--strict", is_flag=True, help="Exit 3 when some file misses a constraint.")
@recursive_option
@json_option
@quiet_option
def command(inputs: tuple[str, ...], constraints: list, as_csv: bool, strict: bool, recursive: bool, as_json: bool, quiet: bool) -> None:
    """Measure MIDI files by the rules: by every rule, or by the constraints given. INPUT: files, folders, or - for standard input.

    A line a file on standard output, and with constraints a summary on standard error.
    """
    from musiclc import rules
    from musiclc.errors import InputError
    from musiclc.midi import read_melody

    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other")
    talk = talker(quiet)
    entries: list[dict[str, Any]] = []
    found, errors = expand(inputs, recursive)
    for error in errors:
        complain(error)
    failed = len(errors)
    for given in found:
        try:
            melody = read_melody(given.source, name=given.name)
        except InputError as error:
            complain(error)
            failed += 1
            continue
        entry = {"file": given.name, "meter": melody.meter, "bars": melody.bars, "notes": len(melody.notes)}
        entry["rules"] = rules.score(melody, constraints)
        entries.append(entry)
        if as_json:
            click.echo(dump(entry))
        elif as_csv:
            click.echo(_csv_lines(entry, header=len(entries) == 1), nl=False)
        else:
            click.echo(_line(entry))
    met = sum(all(r["satisfied"] for r in e["rules"]) for e in entries) if constraints else len(entries)
    if constraints and entries:
        talk(f"{met} of {len(entries)} files meet {'every constraint' if len(constraints) > 1 else 'the constraint'}")
    if failed:
        sys.exit(4)
    if strict and met < len(entries):
        sys.exit(3)


def _line(entry: dict[str, Any]) -> str:
    values = [
        f"{r['rule']}{' ' + r['goal'] if 'goal' in r else ''}: {r['value']}{'' if r.get('satisfied', True) else ' (not met)'}" for r in entry["rules"]
    ]
    return f"{entry['file']}  {entry['meter']}  {entry['bars']} bars  {entry['notes']} notes  " + "  ".join(values)


def _csv_lines(entry: dict[str, Any], header: bool) -> str:
    row = {k: v for k, v in entry.items() if k != "rules"}
    for verdict in entry["rules"]:
        row[verdict["rule"]] = verdict["value"]
        if "satisfied" in verdict:
            row[f"{verdict['rule']}_satisfied"] = verdict["satisfied"]
    text = io.StringIO()
    table = csv.DictWriter(text, list(row), lineterminator="\n")
    if header:
        table.writeheader()
    table.writerow(row)
    return text.getvalue()
