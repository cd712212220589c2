"""What a batch's folder says was made: its manifest and its journal, and which of those files are there, whole.

Inside: `Entry`, `Records`, `records_of`, `is_whole`, `kept`.
"""

import contextlib
import hashlib
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from musiclc.batch.check import Job
from musiclc.errors import MusiclcError
from musiclc.files import within

PRIVATE, JOURNAL = ".musiclc", "journal.jsonl"  # the journal is DIR/.musiclc/journal.jsonl
MANIFEST, FAILURES = "manifest.jsonl", "failures.jsonl"
_FIRST = b'{"job": "'  # how every line of ours begins

Entry = dict[str, Any]


@dataclass
class Records:
    """What manifest and journal say was made: entries by job, found again by their place in the file, so that memory stays small."""

    files: list[BinaryIO]
    places: dict[str, list[tuple[int, int]]] = field(default_factory=dict)  # job → (which file, offset) of its lines

    def read(self, number: int) -> None:
        """Index the lines of file `number`; one that was cut short at the end is passed over."""
        file = self.files[number]
        offset = file.seek(0)
        for line in file:
            with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                self.places.setdefault(_job_of(line), []).append((number, offset))
            offset += len(line)

    def add(self, number: int, job: str, offset: int) -> None:
        """Index one more line of file `number`."""
        self.places.setdefault(job, []).append((number, offset))

    def of(self, job: str) -> list[Entry]:
        """All entries of a job, the newest last."""
        found: list[Entry] = []
        for number, offset in self.places.get(job, []):
            self.files[number].seek(offset)
            found += _entries_of(self.files[number].readline(), job)
        return found


def _job_of(line: bytes) -> str:
    """The job that a line of manifest or journal names; read from its first field where that is plain, which is ten times as fast."""
    start, end = len(_FIRST), line.find(b'"', len(_FIRST))
    if line.startswith(_FIRST) and line.endswith(b"}\n") and b"\\" not in line[start:end]:
        return _text(line[start:end])
    job: str = json.loads(_text(line))["job"]
    return job


def _entries_of(line: bytes, job: str) -> list[Entry]:
    """The entries of a job's line; none that no batch can have written, since others may have written in the folder."""
    try:
        told = json.loads(_text(line))
        return [e for e in told.get("entries", [told]) if e["job"] == job and isinstance(e["file"], str) and isinstance(e["index"], int)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


def _text(line: bytes) -> str:
    return line.decode(errors="surrogateescape")  # as output/manifest.py writes them


def is_whole(folder: Path, entry: Entry) -> bool:
    """Whether the entry's file is there with the bytes that it says."""
    try:
        return hashlib.sha256(within(folder, entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    except (OSError, KeyError, TypeError, ValueError, MusiclcError):  # gone, or a line that no batch wrote
        return False


def kept(folder: Path, records: Records, job: Job) -> tuple[dict[int, Entry], list[Entry]]:
    """What of a job is there and whole, by index, and the entries of its job that are of other options or beyond its n.

    A job that is not made in parts is whole, or nothing of it is kept.
    """
    now: dict[str, Entry] = {}
    old = []
    for entry in records.of(job.id):
        if entry.get("fingerprint") == job.fingerprint and not (job.shape and entry["index"] > job.count):
            now[entry["file"]] = entry
        else:
            old.append(entry)
    whole = {i: e for i, e in enumerate(now.values(), 1) if is_whole(folder, e)}
    if job.shape:
        return {e["index"]: e for e in whole.values()}, old
    return whole if len(whole) == len(now) else {}, old


def records_of(path: Path) -> Records:
    """What the folder's manifest and journal say, for reading alone."""
    files: list[BinaryIO] = []
    for each in (path / MANIFEST, path / PRIVATE / JOURNAL):
        files.append(open(each, "rb") if each.exists() else io.BytesIO())  # noqa: SIM115
    records = Records(files)
    for number in range(len(files)):
        records.read(number)
    return records
