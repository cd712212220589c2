"""musiclc prepare: corpora or folders → one dataset file."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from musiclc.cli._options import json_option, progress_meter, quiet_option, talker


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="[FOLDER]...")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The dataset file, .safetensors.")
@click.option("--essen", is_flag=True, help="Also music21's Essen folk songs, as far-domain test only (non-commercial licence).")
@click.option("--collection", "names", multiple=True, help="Only these of music21's collections; with FOLDERs none unless named.")
@click.option("--tunes", "whole", is_flag=True, help="Whole tunes in playing order instead of windows of four bars.")
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True)
@click.option("--overwrite", is_flag=True, help="Replace a dataset that exists.")
@json_option
@quiet_option
def command(folders: tuple[Path, ...], output: Path, overwrite: bool, as_json: bool, quiet: bool, **given: Any) -> None:
    """Make a dataset of four-bar windows, or of whole tunes: from music21's corpus, or from FOLDERs of MIDI, ABC and MusicXML files.

    Split by tune into train, validation and test. What was skipped, and why, is reported on standard error.
    """
    from musiclc.errors import MusiclcError

    if output.exists() and not overwrite:
        raise MusiclcError(f"{output}: exists already; name another file, or replace it with --overwrite")
    chosen = _chosen(given["names"], given["essen"], bool(folders))
    made = _write_tunes if given["whole"] else _write_windows
    counts = made(_read(given["whole"], chosen, folders, given["workers"], progress_meter(quiet)), output, talker(quiet))
    click.echo(json.dumps({"file": str(output), **counts}) if as_json else output)


def _write_windows(tunes: Iterator[Any], output: Path, talk: Any) -> dict[str, Any]:
    from musiclc.training import corpus

    dataset = corpus.build(tunes)
    corpus.save(dataset, output)
    _report(dataset.info["report"], len(dataset.tokens), talk)
    return {"windows": len(dataset.tokens), "report": dataset.info["report"]}


def _write_tunes(works: Iterator[Any], output: Path, talk: Any) -> dict[str, Any]:
    from musiclc.training import tunes

    dataset = tunes.build(works)
    tunes.save(dataset, output)
    _report_tunes(dataset.info["report"], talk)
    return {"lines": len(dataset), "report": dataset.info["report"]}


def _chosen(names: tuple[str, ...], essen: bool, none: bool) -> list[str]:
    """The collections to read: those named, or all that are not optional, or none."""
    from musiclc.training import corpus

    known = [c.name for c in corpus.COLLECTIONS]
    unknown = [n for n in names if n not in known]
    if unknown:
        raise click.UsageError(f"collection {unknown[0]!r}: wanted one of {', '.join(known)}")
    return list(names) or ([] if none else [c.name for c in corpus.COLLECTIONS if not c.optional or essen])


def _read(whole: bool, collections: list[str], folders: tuple[Path, ...], workers: int, progress: Any) -> Iterator[Any]:
    """Works in playing order (`whole`), or tunes as runs of bars, of collections and folders."""
    from musiclc.training import corpus, works

    reader: Any = works if whole else corpus
    for name in collections:
        yield from reader.read_collection(name, workers, progress)
    for folder in folders:
        yield from reader.read_folder(folder, workers=workers, progress=progress)


def _report(report: dict[str, Any], windows: int, talk: Any) -> None:
    for name, part in report.items():
        talk(f"{name}: {part['tunes']} tunes, {sum(part['windows'].values())} windows")
        for why, count in part["skipped"].items():
            talk(f"  skipped {count} {why}")
        for line in part["unreadable"][:5]:
            talk(f"  {line}")
    talk(f"{windows} windows in all")


def _report_tunes(report: dict[str, Any], talk: Any) -> None:
    for name, part in report.items():
        counts = [f"{sum(part[what].values())} {what}" for what in ("tunes", "lines", "bars")]
        talk(f"{name}: {part['works']} works, {', '.join(counts)}")
        for what, count in (*part["marked"].items(), *part["skipped"].items()):
            talk(f"  {count} {what}")
        for line in part["unreadable"][:5]:
            talk(f"  {line}")
