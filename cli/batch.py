"""musiclc batch: many jobs from a table, stopped and continued at will."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from musiclc.cli._options import dump, json_option, quiet_option, talker
from musiclc.errors import MusiclcError

EVERY = 60.0  # seconds between two journeys to an address


@click.command()
@click.argument("jobs", metavar="JOBS")
@click.option("-o", "-O", "--output", help="The folder; a job's files go to DIR/ID/. Also an address that fsspec knows, such as s3://bucket/dir.")
@click.option("--workers", type=click.IntRange(1), help="Processes, or Ray checked, at a time; one a core when absent.")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--address", help="Of the Ray cluster; auto: the one this machine belongs to; a new one here when absent.")
@click.option("--check", is_flag=True, help="Only check the jobs; exit 2 when something is wrong with any of them.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--report", type=click.Path(path_type=Path), help="FILE.html: a page of all files to see and hear; made anew by each run.")
@click.option("--overwrite", is_flag=True, help="Replace what another batch or command left in the folder.")
@json_option
@quiet_option
def command(
    jobs: str,
    output: str | None,
    workers: int | None,
    engine: str,
    address: str | None,
    check: bool,
    dry_run: bool,
    report: Path | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Run the JOBS of a JSON Lines, YAML or CSV file, or of standard input (-).

    \b
    echo '{"id": "verse", "command": "sample", "key": ["C", "G"], "density": "6", "n": 8, "grid": true}' > jobs.jsonl
    musiclc batch jobs.jsonl -O out --workers 2

    The same command again finishes what is missing and makes anew what changed. Files of jobs that JOBS no longer has are removed.
    """
    from musiclc.batch import run as batch_run
    from musiclc.cli._jobs import checker
    from musiclc.errors import UsageError

    if output is None and not check:
        raise click.UsageError("Missing option '-O': the folder for the jobs' files.")
    try:
        plan = batch_run.plan_of(jobs, checker(), lambda line: click.echo(line, err=True))
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    talk = talker(quiet)
    if check:
        talk(f"{plan.jobs} jobs, {plan.items} files, {plan.mistakes} mistakes")
        sys.exit(2 if plan.mistakes else 0)
    assert output is not None
    place = _Place(output, overwrite)
    if dry_run:
        _dry_run(batch_run.dry_run(plan, place.folder), as_json, talk)
        return
    workers = workers or (_cores() if engine == "local" else None)
    tell = _teller(plan.items, place, as_json, quiet)
    outcome = batch_run.run(plan, place.folder, _engine(engine, workers, address, place.folder), overwrite, tell, workers or 1)
    place.bring()
    _report(outcome, place, talk)
    if report is not None and (outcome.made or outcome.kept):
        _page(place.folder, report)
    sys.exit(outcome.code)


class _Place:
    """Where the files go: a folder, or an address and its copy here."""

    def __init__(self, output: str, overwrite: bool):
        from musiclc.batch import mirror

        self.name, self.folder, self.mirror, self.last = output, Path(output), None, time.monotonic()
        if mirror.is_address(output):
            self.mirror = mirror.Mirror(output, overwrite)
            self.mirror.fetch()
            self.name, self.folder = self.mirror.address, self.mirror.folder

    def of(self, file: str) -> str:
        """A file's full name, for people."""
        return f"{self.name}/{file}" if self.mirror else str(self.folder / file)

    def bring(self) -> None:
        """Bring what is new to the address. Raises MusiclcError when that cannot be done."""
        if self.mirror:
            self.mirror.push()

    def bring_now_and_then(self) -> None:
        """The same once a minute, and no reason to stop a batch."""
        if self.mirror and time.monotonic() - self.last >= EVERY:
            try:
                self.mirror.push()
            except MusiclcError as error:
                click.echo(f"musiclc: {error} (tried again in a minute)", err=True)
            self.last = time.monotonic()


def _engine(name: str, workers: int | None, address: str | None, output: Path) -> Any:
    from musiclc.batch import folder
    from musiclc.batch import workers as engines

    runners = "musiclc.batch.commands:runners"
    if name == "ray":
        return engines.on_ray(address, workers, runners)
    if address:
        raise click.UsageError("--address is for --engine ray")
    return engines.local(workers or _cores(), runners, output / folder.SCRATCH)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _dry_run(rows: Any, as_json: bool, talk: Callable[[str], None]) -> None:
    missing = bad = 0
    for row in rows:
        missing += row["to make"]
        bad += "error" in row
        what = f"cannot be run: {row['error']}" if "error" in row else f"{row['files']} files, {row['there']} there, {row['to make']} to make"
        click.echo(dump(row) if as_json else f"{row['job']}\t{row['command']}\t{what}")
    talk(f"{missing} files to make; {bad} jobs cannot be run" if bad else f"{missing} files to make")


def _teller(total: int, place: _Place, as_json: bool, quiet: bool) -> Callable[[Any, int], None]:
    """What to do with each message: print its files, move the bar, or say a line a minute where there is no terminal."""
    from musiclc.batch.messages import Failed, Made, Said
    from musiclc.batch.run import Pace
    from musiclc.cli._options import progress_meter

    progress, pace, talk = progress_meter(quiet, unit="files"), Pace(total), talker(quiet)
    live = sys.stderr.isatty() and not quiet

    def tell(message: Any, done: int) -> None:
        if isinstance(message, Made):
            for entry in message.entries:
                click.echo(dump(entry) if as_json else place.of(entry["file"]))
        elif isinstance(message, Failed):
            click.echo(f"musiclc: {message.job}: {message.error}", err=True)
        elif isinstance(message, Said) and message.text:
            talk(f"musiclc: {message.text}")
        if live:
            progress(done, total, "batch")
        elif pace.due(done):
            talk(pace.line(done))
        place.bring_now_and_then()

    return tell


def _page(output: Path, report: Path) -> None:
    from musiclc.cli._options import complain
    from musiclc.files import write_whole
    from musiclc.output import render

    write_whole(report, render.report(output, complain))


def _report(outcome: Any, place: _Place, talk: Callable[[str], None]) -> None:
    removed = f", {outcome.removed} of former jobs removed" if outcome.removed else ""
    missed = f"; {outcome.missed} miss a constraint" if outcome.missed else ""
    talk(f"{outcome.made} files made, {outcome.kept} kept{removed}{missed}")
    if outcome.failures:
        click.echo(f"musiclc: {len(outcome.failures)} jobs failed; {place.of('failures.jsonl')} says why", err=True)
