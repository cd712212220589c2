"""What the tests of batches share: a table of jobs, an engine without processes, and a look at the folder."""

import json
import queue
from pathlib import Path

from musiclc.batch import messages
from musiclc.batch import run as batch_run
from musiclc.cli import _jobs


def here(runners, stop_after=None):
    """An engine without processes; it is stopped after so many messages."""

    def engine(take):
        number = 0
        while unit := take(""):
            units = queue.Queue()
            for each in (unit, None):
                units.put(each)
            for message in messages.serve(runners, units):
                if number == stop_after:
                    raise KeyboardInterrupt
                number += 1
                yield message

    return engine


def write(path, jobs):
    path.write_text("".join(json.dumps(job) + "\n" for job in jobs))
    return str(path)


def table(tiny, n=9):
    """Jobs of two shapes, one of them in 3/4, and one that asks for several files."""
    plain = [{"id": f"j{i}", "density": ">=1", "realism": 0, "seed": i, "bars": 4, "model": str(tiny)} for i in range(n)]
    return [*plain, {"id": "waltz", "meter": "3/4", "realism": 0, "n": 3, "bars": 4, "model": str(tiny), "bpm": 90, "name": "{stem}-{index}"}]


def run(jobs, folder, engine, **options):
    return batch_run.run(batch_run.plan_of(jobs, _jobs.checker()), folder, engine, **options)


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(Path(folder).rglob("*"))}


def manifest(folder):
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def failures(folder):
    return {f["job"]: f for f in map(json.loads, (folder / "failures.jsonl").read_text().splitlines())}
