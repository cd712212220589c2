"""musiclc rules: the table of rules."""

from typing import Any

import click

from musiclc.cli._options import dump, json_option


@click.command()
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """Show the rules: unit, range, goals, tolerance, source. With NAME, one of them."""
    from musiclc.custom.examples import EXAMPLES
    from musiclc.rules import RULES, find_rule

    shown: list[Any] = [EXAMPLES.get(name) or find_rule(name)] if name else [*RULES.values(), *EXAMPLES.values()]
    for rule in shown:
        row: dict[str, Any] = {
            "rule": rule.name,
            "about": rule.about,
            "unit": rule.unit,
            "range": rule.span,
            "goals": rule.goals,
            "tolerance": rule.tolerance if rule.family == "gaussian" else None,
            "source": rule.source,
        }
        if as_json:
            click.echo(dump(row))
        else:
            click.echo(f"{rule.name:<10}{rule.about} ({rule.span})")
            for field in ("unit", "goals", "tolerance", "source"):
                if row[field] is not None:
                    click.echo(f"{'':<10}{field}: {row[field]}")
