"""musiclc evaluate: the figures of a model."""

from pathlib import Path
from typing import Any

import click

from musiclc.cli._options import dump, json_option, model_option, quiet_option, talker
from musiclc.evaluation import PIECE_PARTS, SECTIONS
from musiclc.music.form import MOST_BARS
from musiclc.music.theory import METER_NAMES

PARTS = tuple(part for parts in SECTIONS.values() for part in parts)


@click.command()
@click.argument("sections", nargs=-1, type=click.Choice([*SECTIONS, "tonic", "pieces"]), metavar="[SECTION]...")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="The dataset of musiclc prepare --essen.")
@click.option("-n", "count", type=click.IntRange(1), default=1000, show_default=True, help="Melodies a figure.")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True)
@click.option("--part", "parts", multiple=True, type=click.Choice((*PARTS, *PIECE_PARTS)), help="Of constraints, transform, pieces; all when absent.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the tables of constraints or transform, and plots.")
@click.option("--meter", type=click.Choice(METER_NAMES), default="4/4", show_default=True, help="Of pieces.")
@click.option("--bars", type=click.IntRange(8, MOST_BARS), default=16, show_default=True, help="Of pieces.")
@click.option(
    "--split", "splits", multiple=True, type=click.Choice(("validation", "test", "near")), help="Held-out tunes for pieces; validation when absent."
)
@click.option(
    "--place", type=click.Choice(("windows", "whole")), default="windows", show_default=True, help="Held-out bars for pieces: any, or whole tunes."
)
@model_option
@json_option
@quiet_option
def command(sections: tuple[str, ...], data: Path, model: str | None, as_json: bool, quiet: bool, **given: Any) -> None:
    """Print the figures of a model, baselines beside them: reconstruction, samples, copies, cost, constraints, transform; all when none is named.

    tonic, by itself, with the file of musiclc prepare --tunes: how often the key that is heard is the one that a tune's header names.
    pieces, likewise by itself: how like real tunes whole pieces are, baselines beside them.
    """
    if "tonic" in sections or "pieces" in sections:
        (_tonic if "tonic" in sections else _pieces)(sections, {"data": data, "model": model, "as_json": as_json, "talk": talker(quiet), **given})
        return
    from musiclc.evaluation import report, samples
    from musiclc.model import checkpoint
    from musiclc.training import corpus

    if others := set(given["parts"]) & set(PIECE_PARTS) - set(PARTS):
        raise click.UsageError(f"--part {' '.join(sorted(others))}: of pieces; say musiclc evaluate pieces")
    talk = talker(quiet)
    dataset, loaded = corpus.load(data), checkpoint.load(model)
    for section in sections or SECTIONS:
        talk(f"{section} …")
        for name, rows in report.figures(section, loaded, dataset, (given["count"], given["seed"]), given["parts"], given["output"]).items():
            click.echo(dump({"section": name, "rows": rows}) if as_json else f"\n## {name}\n\n{samples.markdown(rows)}")


def _tonic(sections: tuple[str, ...], given: dict[str, Any]) -> None:
    from musiclc.evaluation import samples, tonic
    from musiclc.training import tunes

    _check_alone(sections)
    rows = tonic.figures(tunes.load(given["data"]))
    click.echo(dump({"section": "tonic", "rows": rows}) if given["as_json"] else f"\n## tonic\n\n{samples.markdown(rows)}")


def _check_alone(sections: tuple[str, ...]) -> None:
    if len(sections) > 1:
        raise click.UsageError(
            "tonic and pieces read whole tunes (musiclc prepare --tunes); the other sections read windows: run each of the two by itself"
        )


def _pieces(sections: tuple[str, ...], given: dict[str, Any]) -> None:
    from musiclc.evaluation import asked, makers, pieces, samples
    from musiclc.model import checkpoint
    from musiclc.training import tunes

    _check_alone(sections)
    if others := set(given["parts"]) - set(PIECE_PARTS):
        raise click.UsageError(f"--part {' '.join(sorted(others))}: not of pieces, which have {', '.join(PIECE_PARTS)}")
    loaded, found = checkpoint.load(given["model"]), {}
    request = pieces.PiecesRequest(given["meter"], given["bars"], given["count"], given["seed"], given["splits"] or ("validation",))
    material = pieces.Material.of(loaded, makers.RealPieces(tunes.load(given["data"]), given["place"]), request)
    for name in given["parts"] or PIECE_PARTS:
        given["talk"](f"{name} …")
        rows = found[name] = pieces.TABLES[name](material) if name in pieces.TABLES else asked.TABLES[name](loaded, material)
        click.echo(dump({"section": name, "rows": rows}) if given["as_json"] else f"\n## {name}\n\n{samples.markdown(rows)}")
        if given["output"]:
            pieces.write(given["output"], found, {"model": loaded.name, "place": given["place"], **vars(request)})
