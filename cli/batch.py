"""musiclc batch: many jobs from a table, stopped and continued at will."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from musiclc.cli._options import complain, dump, json_option, progress_meter, quiet_option, talker
from musiclc.errors import MusiclcError

EVERY = 60.0  # seconds between two journeys to an address
INTERRUPTED = 130  # the exit code of what Ctrl-C stopped


@click.command()
@click.argument("jobs", metavar="JOBS")
@click.option("-o", "-O", "--output", help="The folder; a job's files go to DIR/ID/. Also an address that fsspec knows, such as s3://bucket/dir.")
@click.option("--workers", type=click.IntRange(1), help="Processes, or Ray tasks, at a time; one a core when absent.")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True)
@click.option("--address", help="Of the Ray cluster; auto: the one this machine belongs to; a new one here when absent.")
@click.option("--check", is_flag=True, help="Only check the jobs; exit 2 when something is wrong with any of them.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--report", type=click.Path(path_type=Path), help="FILE.html: a page of all files to see and hear; made anew by each run.")
@click.option("--allow-rules", is_flag=True, help="Let jobs run rule files (rule: FILE.py:FUNCTION) outside of the folder of JOBS, too.")
@click.option("--overwrite", is_flag=True, help="Replace what another batch or command left in the folder.")
@json_option
@quiet_option
def command(jobs: str, **given: Any) -> None:
    """Run the JOBS of a JSON Lines, YAML or CSV file, or of standard input (-).

    \b
    echo '{"id": "verse", "command": "sample", "key": ["C", "G"], "density": "6", "n": 8, "grid": true}' > jobs.jsonl
    musiclc batch jobs.jsonl -O out --workers 2

    The same command again finishes what is missing and makes anew what changed. Files of jobs that JOBS no longer has are removed, unless JOBS
    has a mistake in it.
    """
    options = _Options(jobs, **given)
    talk = talker(options.quiet)
    plan = _plan(options)
    if options.check:
        talk(f"{plan.jobs} jobs, {plan.items} files, {plan.mistakes} mistakes")
        sys.exit(2 if plan.mistakes else 0)
    assert options.output is not None
    place = _Place(options.output, options.overwrite)
    if options.dry_run:
        from musiclc.batch import run as batch_run

        _say_what_would_be_made(batch_run.dry_run(plan, place.folder), options.as_json, talk)
        return
    result = _run(plan, place, options)
    place.bring()
    _say_what_was_made(result, place, options)
    if options.report is not None and (result.made or result.kept):
        _page(place.folder, options.report)
    sys.exit(result.code)


@dataclass(frozen=True)
class _Options:
    """What the command line says."""

    jobs: str
    output: str | None
    workers: int | None
    engine: str
    address: str | None
    check: bool
    dry_run: bool
    report: Path | None
    allow_rules: bool
    overwrite: bool
    as_json: bool
    quiet: bool


def _plan(options: _Options) -> Any:
    """The checked jobs; mistakes are said on standard error."""
    from musiclc.batch import run as batch_run
    from musiclc.cli._jobs import checker
    from musiclc.errors import UsageError

    if options.output is None and not options.check:
        raise click.UsageError("Missing option '-O': the folder for the jobs' files.")
    checking = checker(None if options.allow_rules else _folder_of(options.jobs))
    try:
        plan = batch_run.plan_of(options.jobs, checking, lambda line: click.echo(line, err=True))
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    if checking.rule_files:
        talker(options.quiet)(f"musiclc: runs the code of {', '.join(checking.rule_files)}")
    return plan


def _folder_of(jobs: str) -> Path:
    """The folder of the jobs file; the current one for jobs that come by a pipe."""
    return Path(jobs).parent if os.path.isfile(jobs) else Path()


def _run(plan: Any, place: "_Place", options: _Options) -> Any:
    """Run the batch; stopped by Ctrl-C, say so and exit."""
    from musiclc.batch import run as batch_run

    workers = options.workers or (_cores() if options.engine == "local" else None)
    engine, tell = _engine(options, workers, place.folder), _Printer(plan.items, place, options)
    try:
        return batch_run.run(plan, place.folder, engine, options.overwrite, tell, workers or 1)
    except KeyboardInterrupt:
        click.echo("musiclc: stopped; what is finished is there, and the same command goes on", err=True)
        sys.exit(INTERRUPTED)


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
                complain(f"{error} (tried again in a minute)")
            self.last = time.monotonic()


def _engine(options: _Options, workers: int | None, output: Path) -> Any:
    from musiclc.batch import cluster, folder
    from musiclc.batch import workers as processes
    from musiclc.batch.commands import runners

    if options.engine == "ray":
        return cluster.on_ray(options.address, workers, runners)
    if options.address:
        raise click.UsageError("--address is for --engine ray")
    return processes.local(workers or 1, runners, output / folder.SCRATCH)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _say_what_would_be_made(rows: Any, as_json: bool, talk: Callable[[str], None]) -> None:
    missing = bad = 0
    for row in rows:
        missing += row["to make"]
        bad += "error" in row
        what = f"cannot be run: {row['error']}" if "error" in row else f"{row['files']} files, {row['there']} there, {row['to make']} to make"
        click.echo(dump(row) if as_json else f"{row['job']}\t{row['command']}\t{what}")
    talk(f"{missing} files to make; {bad} jobs cannot be run" if bad else f"{missing} files to make")


class _Printer:
    """What to do with each message: print its files, move the bar, or say a line a minute where there is no terminal."""

    def __init__(self, total: int, place: _Place, options: _Options):
        from musiclc.batch.pace import Pace

        self.total, self.place, self.as_json = total, place, options.as_json
        self.talk, self.progress, self.pace = talker(options.quiet), progress_meter(options.quiet, unit="files"), Pace(total)
        self.live = sys.stderr.isatty() and not options.quiet

    def __call__(self, message: Any, done: int) -> None:
        self._say(message)
        if self.live:
            self.progress(done, self.total, "batch")
        elif self.pace.due(done):
            self.talk(self.pace.line(done))
        self.place.bring_now_and_then()

    def _say(self, message: Any) -> None:
        from musiclc.batch.messages import Failed, Made, Said

        if isinstance(message, Made):
            for entry in message.entries:
                click.echo(dump(entry) if self.as_json else self.place.of(entry["file"]))
        elif isinstance(message, Failed):
            click.echo(f"musiclc: {message.job}: {message.error}", err=True)
        elif isinstance(message, Said) and message.text:
            self.talk(f"musiclc: {message.text}")


def _say_what_was_made(result: Any, place: _Place, options: _Options) -> None:
    talk = talker(options.quiet)
    removed = f", {result.removed} no longer asked for removed" if result.removed else ""
    missed = f"; {result.missed} miss a constraint" if result.missed else ""
    talk(f"{result.made} files made, {result.kept} kept{removed}{missed}")
    if result.spared:
        click.echo(f"musiclc: {result.spared} files not removed while {options.jobs} has mistakes or their jobs fail", err=True)
    if result.failures:
        click.echo(f"musiclc: {len(result.failures)} jobs failed; {place.of('failures.jsonl')} says why", err=True)


def _page(output: Path, report: Path) -> None:
    from musiclc.cli._options import complain
    from musiclc.files import write_whole
    from musiclc.output import render

    write_whole(report, render.report(output, complain))
