"""musiclc render: piano rolls and sound of MIDI files, and the page of a finished run."""

import sys
from pathlib import Path

import click

from musiclc.cli._options import complain, dump, json_option, progress_meter, quiet_option, talker
from musiclc.errors import MusiclcError


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="INPUT...")
@click.option("-O", "--output-dir", "folder", type=click.Path(path_type=Path), help="The folder for the files: STEM.png and so on.")
@click.option("--png", is_flag=True, help="Piano rolls as PNG: what is made when nothing else is asked for.")
@click.option("--svg", is_flag=True, help="Piano rolls as SVG.")
@click.option("--wav", is_flag=True, help="Sound through a SoundFont, 16 bit, 44.1 kHz (pip install 'musiclc[render]').")
@click.option("-r", "--recursive", is_flag=True, help="Also the files in folders within folders.")
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE.html", help="One page of all files of a folder with a manifest.")
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@json_option
@quiet_option
def command(inputs: tuple[Path, ...], folder: Path | None, report: Path | None, recursive: bool, overwrite: bool, **rest: bool) -> None:
    """Draw and play MIDI files: every track, as piano rolls and as sound.

    \b
    musiclc render out/*.mid -O pictures --svg --wav
    musiclc render out --report out.html
    """
    from musiclc.output import render

    kinds = [kind for kind in render.KINDS if rest[kind]]
    if folder is None and (report is None or kinds):
        raise click.UsageError("wanted -O DIR, the folder for the files" + ("" if kinds else ", or --report FILE.html"))
    if report is not None and (len(inputs) != 1 or not inputs[0].is_dir()):
        raise click.UsageError("--report reads one folder with a manifest; wanted it as the only INPUT")
    if report is not None and report.exists() and not overwrite:
        raise MusiclcError(f"{report}: exists already; name another file, or replace it with --overwrite")
    talker(rest["quiet"])
    failed: list[MusiclcError] = []
    if folder is not None:
        made = render.plan(inputs, folder, kinds or ["png"], recursive=recursive, overwrite=overwrite)
        progress, total = progress_meter(rest["quiet"]), len(made.inputs) * len(made.kinds)
        for done, entry in enumerate(render.render(made, _teller(failed)), 1):
            click.echo(dump(entry) if rest["as_json"] else str(made.folder / entry["file"]))
            progress(done, total, "render")
    if report is not None:
        from musiclc.files import write_whole

        write_whole(report, render.report(inputs[0], _teller(failed)))
        click.echo(dump({"file": str(report), "command": "render", "input": str(inputs[0]), "kind": "report"}) if rest["as_json"] else str(report))
    if failed:
        sys.exit(max(error.code for error in failed))


def _teller(failed: list[MusiclcError]):  # type: ignore[no-untyped-def]
    """A function that says an error on standard error and keeps it for the exit code."""

    def tell(error: MusiclcError) -> None:
        complain(error)
        failed.append(error)

    return tell
