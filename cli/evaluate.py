"""musiclc evaluate: the figures of a model."""

from pathlib import Path
from typing import Any

import click

from musiclc.cli._options import dump, json_option, model_option, quiet_option, talker
from musiclc.evaluation import SECTIONS

PARTS = tuple(part for parts in SECTIONS.values() for part in parts)


@click.command()
@click.argument("sections", nargs=-1, type=click.Choice([*SECTIONS, "tonic"]), metavar="[SECTION]...")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="The dataset of musiclc prepare --essen.")
@click.option("-n", "count", type=click.IntRange(1), default=1000, show_default=True, help="Melodies a figure.")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True)
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Of constraints or transform; all when absent.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the tables of constraints or transform, and plots.")
@model_option
@json_option
@quiet_option
def command(sections: tuple[str, ...], data: Path, model: str | None, as_json: bool, quiet: bool, **given: Any) -> None:
    """Print the figures of a model, baselines beside them: reconstruction, samples, copies, cost, constraints, transform; all when none is named.

    tonic, by itself, with the file of musiclc prepare --tunes: how often the key that is heard is the one that a tune's header names.
    """
    if "tonic" in sections:
        _tonic(sections, data, as_json)
        return
    from musiclc.evaluation import report, samples
    from musiclc.model import checkpoint
    from musiclc.training import corpus

    talk = talker(quiet)
    dataset, loaded = corpus.load(data), checkpoint.load(model)
    for section in sections or SECTIONS:
        talk(f"{section} …")
        for name, rows in report.figures(section, loaded, dataset, (given["count"], given["seed"]), given["parts"], given["output"]).items():
            click.echo(dump({"section": name, "rows": rows}) if as_json else f"\n## {name}\n\n{samples.markdown(rows)}")


def _tonic(sections: tuple[str, ...], data: Path, as_json: bool) -> None:
    from musiclc.evaluation import samples, tonic
    from musiclc.training import tunes

    if len(sections) > 1:
        raise click.UsageError("tonic reads whole tunes (musiclc prepare --tunes); the other sections read windows: run it by itself")
    rows = tonic.figures(tunes.load(data))
    click.echo(dump({"section": "tonic", "rows": rows}) if as_json else f"\n## tonic\n\n{samples.markdown(rows)}")
