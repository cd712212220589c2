"""musiclc critic: fit, list and drop critics for rules of one's own and for labels."""

from pathlib import Path
from typing import Any

import click

from musiclc.cli._options import OwnRule, dump, json_option, model_option, numerics_option, overwrite_option, quiet_option, talker
from musiclc.rules.base import Constraint


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Fit, list and drop critics for rules of one's own and for labels.

    \b
    musiclc critic train --rule my.py:zigzag
    musiclc critic train --name calm --positive calm/ --negative wild/
    musiclc critic list
    """


@command.command()
@click.option("--rule", type=OwnRule(), help="FILE.py:FUNCTION[=GOAL]: fit its critic now instead of when first sampled.")
@click.option("--name", help="What to call a rule taught by two folders; then --rule NAME asks for it.")
@click.option("--positive", type=click.Path(path_type=Path, file_okay=False), help="Folder of MIDI as wanted.")
@click.option("--negative", type=click.Path(path_type=Path, file_okay=False), help="Folder of MIDI as not wanted.")
@overwrite_option
@model_option
@numerics_option
@quiet_option
def train(rule: Constraint | None, name: str | None, positive: Path | None, negative: Path | None, quiet: bool, **given: Any) -> None:
    """Fit a critic for a rule of one's own, or teach one by two folders."""
    labelled = [name, positive, negative]
    if any(labelled) if rule is not None else not all(labelled):
        raise click.UsageError("wanted either --rule FILE.py:FUNCTION, or --name, --positive and --negative")
    from musiclc.model import checkpoint
    from musiclc.sampling import sample as sampling

    talk = talker(quiet)
    loaded = checkpoint.load(given["model"], given["numerics"])
    if rule is not None:
        sampling.prepare_critics(loaded, [rule])
        return
    from musiclc.training import labels

    assert name
    assert positive
    assert negative
    notes = labels.train(name, positive, negative, loaded, given["overwrite"])
    talk(f"{name}: {notes['positive']}, {notes['negative']}; right on {notes['accuracy']} of {notes['held out']} phrases held out")
    talk(f"use it with --rule {name}")


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Show critics of one's own: fitted ones in the cache, and labelled ones."""
    from musiclc.custom import critics, labels

    for path, notes in critics.cached():
        said = f"{notes['rule']}\t{notes['goal']}\t{notes['from']}\t{notes['model']}\tbest {notes['best value']}"
        click.echo(dump({"file": str(path), **notes}) if as_json else said)
    for notes in labels.stored():
        click.echo(
            dump(notes) if as_json else f"{notes['name']}\tlabels\t{notes['positive']} against {notes['negative']}\taccuracy {notes['accuracy']}"
        )


@command.command()
@click.argument("name")
def remove(name: str) -> None:
    """Drop the critics of the rule NAME."""
    from musiclc.custom import critics, labels
    from musiclc.errors import MusiclcError

    dropped = critics.forget(name)
    if labels.is_name(name) and labels.path_of(name).exists():
        labels.path_of(name).unlink()
        dropped += 1
    if not dropped:
        raise MusiclcError(f"critic {name!r}: there is none; musiclc critic list shows them")
    click.echo(f"{dropped} dropped", err=True)
