"""The folder of a batch: its lock, its journal, and what is there already, whole.

While a batch runs, DIR/.musiclc/ holds the lock, the journal and files half written; when it is done, nothing of it is left. The
journal says which file comes before it is put in its place, with its hash: so whatever the moment of a kill, every file in the
folder is known, and whether it is whole can be seen. DIR/manifest.jsonl is written last, from the journal, in the order of jobs.

Only the process that holds the lock writes. The lock is the kernel's (flock): it dies with that process.

Inside: `Lock`, `Records`, `records_of`, `kept`, `Folder`.
"""

import contextlib
import hashlib
import json
import os
import shutil
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from musiclc.batch.check import Job
from musiclc.errors import MusiclcError
from musiclc.files import write_whole

PRIVATE, JOURNAL, LOCK = ".musiclc", "journal.jsonl", "lock"
SCRATCH = f"{PRIVATE}/work"  # where local workers put what they need for a moment
MANIFEST, FAILURES = "manifest.jsonl", "failures.jsonl"
_FIRST = b'{"job": "'  # how every line of ours begins
PATIENCE = 2.0  # seconds that a run waits for the lock of one that was just stopped

Entry = dict[str, Any]
_encode = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps makes an encoder a call


class Lock:
    """The one right to write in a batch's folder, from `__init__` to `release` or the process's death."""

    def __init__(self, folder: Path):
        import fcntl

        self.path = folder / PRIVATE / LOCK
        until = time.monotonic() + PATIENCE
        while True:
            self.handle = _opened(self.path)
            try:
                fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                holder = os.pread(self.handle, 200, 0).decode(errors="replace").strip()
                os.close(self.handle)
                if time.monotonic() > until:
                    said = f" ({holder})" if holder else ""
                    raise MusiclcError(f"{folder}: another batch is writing here{said}; wait for it, stop it, or name another folder") from error
                time.sleep(0.1)
                continue
            if self._still_there():
                break
            os.close(self.handle)  # the run before removed it in the meantime
        os.ftruncate(self.handle, 0)
        os.pwrite(self.handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)

    def _still_there(self) -> bool:
        with contextlib.suppress(FileNotFoundError):
            return os.stat(self.path).st_ino == os.fstat(self.handle).st_ino
        return False

    def release(self, remove: bool) -> None:
        """Let others write. remove: the lock's file, too."""
        if remove:
            self.path.unlink(missing_ok=True)
        os.close(self.handle)


def _opened(path: Path) -> int:
    try:
        while True:
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # removed in the meantime
                return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise MusiclcError(f"{path.parent.parent}: cannot be written ({error.strerror or error})") from error


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
            with contextlib.suppress(ValueError, KeyError, TypeError):
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
            line = json.loads(self.files[number].readline())
            found += line.get("entries", [line])
        return found


def _job_of(line: bytes) -> str:
    """The job that a line of manifest or journal names; read from its first field where that is plain, which is ten times as fast."""
    start, end = len(_FIRST), line.find(b'"', len(_FIRST))
    if line.startswith(_FIRST) and line.endswith(b"}\n") and b"\\" not in line[start:end]:
        return line[start:end].decode()
    job: str = json.loads(line)["job"]
    return job


def is_whole(folder: Path, entry: Entry) -> bool:
    """Whether the entry's file is there with the bytes that it says."""
    try:
        return hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    except (OSError, KeyError):
        return False


def kept(folder: Path, records: Records, job: Job) -> tuple[dict[int, Entry], list[Entry]]:
    """What of a job is there and whole, by index, and the entries of its job that are of another wish or beyond its n.

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


class Folder:
    """A batch's folder while one run writes in it. Raises MusiclcError when another does, or the disk refuses."""

    def __init__(self, path: Path, overwrite: bool = False):
        self.path, self.private = path, path / PRIVATE
        self.overwrite = overwrite
        if path.exists() and not path.is_dir():
            raise MusiclcError(f"{path}: is a file; wanted a folder for the batch")
        refuse_foreign(path, overwrite)
        self.lock = Lock(path)
        try:
            for left in self.private.glob("*.part"):
                left.unlink(missing_ok=True)
            shutil.rmtree(path / SCRATCH, ignore_errors=True)  # of workers that were killed
            (path / SCRATCH).mkdir(exist_ok=True)
            self.journal = open(self.private / JOURNAL, "a+b", buffering=0)  # noqa: SIM115
            self.records = records_of(path)
            if self._cut_short():
                self.journal.write(b"\n")
        except OSError as error:
            self.lock.release(remove=False)
            raise MusiclcError(f"{path}: cannot be written ({error.strerror or error})") from error
        self.old: dict[str, list[Entry]] = {}  # job → entries whose files must go, unless they are made again

    def _cut_short(self) -> bool:
        size = self.journal.seek(0, os.SEEK_END)
        if size:
            self.journal.seek(size - 1)
        return bool(size) and self.journal.read(1) != b"\n"

    def kept(self, job: Job) -> dict[int, Entry]:
        """What of the job is there and whole, by index; what is there of its job's former wish will be removed in the end."""
        found, old = kept(self.path, self.records, job)
        if old:
            self.old[job.id] = old
        if job.id not in self.records.places and not self.overwrite:
            there = self.path / job.id
            if there.exists() and (not there.is_dir() or any(there.iterdir())):
                raise MusiclcError(f"{there}: exists already, and no batch wrote it; name another folder, or replace it with --overwrite")
        return found

    def add(self, job: str, entries: list[Entry], files: list[bytes]) -> None:
        """Journal some files of a job, then put each in its place. Files that were made together are journaled in one line."""
        line = entries[0] if len(entries) == 1 else {"job": job, "entries": entries}
        try:
            offset = self.journal.seek(0, os.SEEK_END)
            self.journal.write(_encode(line).encode() + b"\n")
        except OSError as error:
            raise MusiclcError(f"{self.private / JOURNAL}: cannot be written ({error.strerror or error})") from error
        self.records.add(1, job, offset)
        for entry, data in zip(entries, files, strict=True):
            write_whole(self.path / entry["file"], data, self.private)

    def finish(self, checked: Iterable[Job], failures: dict[str, tuple[str, int]]) -> int:
        """Remove what is no longer wanted, write manifest and failures, and leave nothing of our own; how many files were removed."""
        wanted = set()
        removed = 0
        lines, bad = self.private / "manifest.part", self.private / "failures.part"
        try:
            with open(lines, "wb") as manifest, open(bad, "wb") as failed:
                for job in checked:
                    wanted.add(job.id)
                    removed += self._finish_job(job, failures, manifest, failed)
            for former in self.records.places.keys() - wanted:
                removed += self._remove(former, self.records.of(former), set())
            os.replace(lines, self.path / MANIFEST)
            if failures:
                os.replace(bad, self.path / FAILURES)
            else:
                (self.path / FAILURES).unlink(missing_ok=True)
                bad.unlink()
            self.close(remove=True)
        except OSError as error:
            raise MusiclcError(f"{self.path}: cannot be written ({error.strerror or error})") from error
        return removed

    def _finish_job(self, job: Job, failures: dict[str, tuple[str, int]], manifest: BinaryIO, failed: BinaryIO) -> int:
        entries = [] if job.id in failures and failures[job.id][1] != 3 else self._final(job)
        for entry in entries:
            manifest.write(_encode(entry).encode() + b"\n")
        if job.id in failures:
            error, code = failures[job.id]
            failed.write(_encode({"job": job.id, "error": error, "code": code}).encode() + b"\n")
        unwanted = self.records.of(job.id) if not entries else self.old.get(job.id, [])
        return self._remove(job.id, unwanted, {e["file"] for e in entries}) if unwanted else 0

    def _final(self, job: Job) -> list[Entry]:
        """The job's entries in order of index, or as they were made together."""
        now = {e["file"]: e for e in self.records.of(job.id) if e.get("fingerprint") == job.fingerprint}
        if not job.shape:
            return list(now.values())
        return sorted((e for e in now.values() if e["index"] <= job.count), key=lambda e: e["index"])

    def _remove(self, job: str, entries: Iterable[Entry], wanted: set[str]) -> int:
        """Remove the files that these entries name and that still have their bytes, and the job's folder once it is empty."""
        gone = [e["file"] for e in entries if e["file"] not in wanted and is_whole(self.path, e)]
        for name in set(gone):
            (self.path / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty, or not there
            (self.path / job).rmdir()
        return len(set(gone))

    def close(self, remove: bool = False) -> None:
        """Let others write. remove: the journal and the lock, too."""
        if self.journal.closed:
            return
        self.journal.close()
        for file in self.records.files:
            file.close()
        shutil.rmtree(self.path / SCRATCH, ignore_errors=True)
        if remove:
            (self.private / JOURNAL).unlink(missing_ok=True)
        self.lock.release(remove)
        if remove:
            with contextlib.suppress(OSError):  # the next run is there already
                self.private.rmdir()


def refuse_foreign(path: Path, overwrite: bool) -> None:
    """Raises MusiclcError when the folder holds a manifest that no batch wrote, unless `overwrite`."""
    try:
        with open(path / MANIFEST, "rb") as file:
            first = file.readline()
    except FileNotFoundError:
        return
    except OSError as error:
        raise MusiclcError(f"{path / MANIFEST}: cannot be read ({error.strerror or error})") from error
    if first and not overwrite and b'"job"' not in first:
        raise MusiclcError(f"{path / MANIFEST}: exists already, and no batch wrote it; name another folder, or replace it with --overwrite")


def records_of(path: Path) -> Records:
    """What the folder's manifest and journal say, for reading alone."""
    import io

    files: list[BinaryIO] = []
    for each in (path / MANIFEST, path / PRIVATE / JOURNAL):
        files.append(open(each, "rb") if each.exists() else io.BytesIO())  # noqa: SIM115
    records = Records(files)
    for number in range(len(files)):
        records.read(number)
    return records
