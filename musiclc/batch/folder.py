"""The folder of a batch: who may write in it, the journal of what is made, and the manifest in the end.

While a batch runs, DIR/.musiclc/ holds the lock, who holds it, the journal and files half written; when it is done, or has made nothing,
nothing of it is left. The journal says which file comes before it is put in its place, with its hash: so whatever the moment of a kill, every
file in the folder is known, and whether it is whole can be seen. DIR/manifest.jsonl is written last, from the journal, in the order of jobs.

Only the process that holds the lock writes. The lock (files.locked) lies in the folder and not in the user's cache, because others may
share the folder: other users, and other machines where the file system passes locks on.

A power cut may take what the disk had not got yet. Manifest and failures are on the disk before they take their names. The journal is brought
there once a second, files when the system likes: a file of the last seconds may be cut short, which its hash shows; one of the last second
may be there without a line, and is then taken for a file that no batch wrote.

Inside: `Folder`, `refuse_foreign`.
"""

import contextlib
import os
import shutil
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from musiclc.batch.check import Job
from musiclc.batch.records import FAILURES, JOURNAL, MANIFEST, PRIVATE, Entry, is_whole, kept, records_of
from musiclc.batch.result import BatchResult
from musiclc.errors import MusiclcError
from musiclc.files import locked, synced, within, write_whole
from musiclc.output.manifest import line_of

LOCK, HOLDER = "lock", "holder"
SCRATCH = f"{PRIVATE}/work"  # where local workers put what they need for a moment
PATIENCE = 2.0  # seconds that a run waits for the lock of one that was just stopped
SYNC_EVERY = 1.0  # seconds between two times that the journal is brought to the disk


class Folder:
    """A batch's folder while one run writes in it, from `__init__` to `close` or the process's death.

    Raises MusiclcError when another run writes there, or the disk refuses.
    """

    def __init__(self, path: Path, overwrite: bool = False):
        self.path, self.private, self.overwrite = path, path / PRIVATE, overwrite
        if path.exists() and not path.is_dir():
            raise MusiclcError(f"{path}: is a file; wanted a folder for the batch")
        refuse_foreign(path, overwrite)
        _refuse_links(self.private)
        self.old: dict[str, list[Entry]] = {}  # job → entries whose files must go, unless they are made again
        self._synced = 0.0
        self._new = not path.exists()
        with _spoken(path), contextlib.ExitStack() as held:
            self._lock(held)
            self._open()
            self._held = held.pop_all()

    def _lock(self, held: contextlib.ExitStack) -> None:
        try:
            held.enter_context(locked(self.private / LOCK, PATIENCE))
        except TimeoutError as error:
            holder = self.private / HOLDER
            said = f" ({holder.read_text().strip()})" if holder.exists() else ""
            raise MusiclcError(f"{self.path}: another batch is writing here{said}; wait for it, stop it, or name another folder") from error

    def _open(self) -> None:
        """Clear away what a killed run left half done, and go on with its journal."""
        (self.private / HOLDER).write_text(f"process {os.getpid()} on {socket.gethostname()}\n")
        for left in self.private.glob("*.part"):
            left.unlink(missing_ok=True)
        shutil.rmtree(self.path / SCRATCH, ignore_errors=True)
        (self.path / SCRATCH).mkdir(exist_ok=True)
        self.journal = open(self.private / JOURNAL, "a+b", buffering=0)  # noqa: SIM115
        self.records = records_of(self.path)
        if self._cut_short():
            self.journal.write(b"\n")

    def _cut_short(self) -> bool:
        size = self.journal.seek(0, os.SEEK_END)
        if size:
            self.journal.seek(size - 1)
        return bool(size) and self.journal.read(1) != b"\n"

    def kept(self, job: Job) -> dict[int, Entry]:
        """What of the job is there and whole, by index; what is there of its former options will be removed in the end."""
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
        with _spoken(self.private / JOURNAL):
            offset = self.journal.seek(0, os.SEEK_END)
            self.journal.write(line_of(line))
            if time.monotonic() - self._synced >= SYNC_EVERY:
                os.fsync(self.journal.fileno())
                self._synced = time.monotonic()
        self.records.add(1, job, offset)
        for entry, data in zip(entries, files, strict=True):
            write_whole(within(self.path, entry["file"]), data, self.private, durable=False)

    def finish(self, jobs: Iterable[Job], result: BatchResult, spare: bool = False) -> tuple[int, int]:
        """Remove what is no longer wanted, write manifest and failures, and leave nothing of our own; how many files were removed and spared.

        spare: remove no file that was finished, because JOBS has mistakes and might want it; the manifest keeps its line.
        """
        lines, bad = self.private / "manifest.part", self.private / "failures.part"
        with _spoken(self.path):
            with open(lines, "wb") as manifest, open(bad, "wb") as failed:
                ending = _Ending(self, result, spare, manifest, failed)
                for job in jobs:
                    ending.job(job)
                ending.former_jobs()
                for file in (manifest, failed):
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(lines, self.path / MANIFEST)
            if result.failures:
                os.replace(bad, self.path / FAILURES)
            else:
                (self.path / FAILURES).unlink(missing_ok=True)
                bad.unlink()
            synced(self.path)
            self.journal.truncate(0)  # it is told in the manifest
        self.close()
        return ending.removed, ending.spared

    def close(self) -> None:
        """Let others write. What the journal tells stays for them; where it tells nothing, nothing of our own does."""
        if self.journal.closed:
            return
        told = self.journal.seek(0, os.SEEK_END) > 0
        for file in (self.journal, *self.records.files):
            file.close()
        shutil.rmtree(self.path / SCRATCH, ignore_errors=True)
        (self.private / HOLDER).unlink(missing_ok=True)
        if not told:
            (self.private / JOURNAL).unlink(missing_ok=True)
        self._held.close()
        with contextlib.suppress(OSError):  # not empty: the next run is there already, or the journal stays
            self.private.rmdir()
            if self._new:
                self.path.rmdir()


@dataclass
class _Ending:
    """The last walk through all jobs: their lines for manifest and failures, and the end of files that nobody wants."""

    folder: Folder
    result: BatchResult
    spare: bool
    manifest: BinaryIO
    failed: BinaryIO
    removed: int = 0
    spared: int = 0

    def __post_init__(self) -> None:
        self._seen: set[str] = set()

    def job(self, job: Job) -> None:
        """Write the job's lines, and remove what it no longer wants."""
        self._seen.add(job.id)
        failed = self.result.has_failed(job.id)
        entries = [] if failed else self._final(job)
        self._write(entries)
        if job.id in self.result.failures:
            error, code = self.result.failures[job.id]
            self.failed.write(line_of({"job": job.id, "error": error, "code": code}))
        everything = self.folder.records.of(job.id) if failed else []
        old = everything if job.mistakes else self.folder.old.get(job.id, [])
        self._drop(job.id, old, everything or old, {e["file"] for e in entries}, self.spare or failed)

    def former_jobs(self) -> None:
        """What is there of jobs that JOBS no longer has goes, too."""
        for former in [job for job in self.folder.records.places if job not in self._seen]:
            entries = self.folder.records.of(former)
            self._drop(former, entries, entries, set(), self.spare)

    def _drop(self, job: str, old: list[Entry], unwanted: list[Entry], wanted: set[str], spare: bool) -> None:
        """Remove the unwanted files but for those `wanted`, and, to spare what was finished once, those of `old`."""
        if unwanted:
            stay = wanted | (self._spare(old, wanted) if spare else set())
            self._remove(job, [e for e in unwanted if e["file"] not in stay])

    def _final(self, job: Job) -> list[Entry]:
        """The job's entries in order of index, or as they were made together."""
        now = {e["file"]: e for e in self.folder.records.of(job.id) if e.get("fingerprint") == job.fingerprint}
        if not job.shape:
            return list(now.values())
        return sorted((e for e in now.values() if e["index"] <= job.count), key=lambda e: e["index"])

    def _spare(self, old: list[Entry], wanted: set[str]) -> set[str]:
        """Keep those of these files that are whole and not replaced, and say which."""
        now = {e["file"]: e for e in old if e["file"] not in wanted and is_whole(self.folder.path, e)}
        self._write(now.values())
        self.spared += len(now)
        return set(now)

    def _write(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.manifest.write(line_of(entry))

    def _remove(self, job: str, entries: list[Entry]) -> None:
        """Remove the files that these entries name and that still have their bytes, and the job's folder once it is empty."""
        gone = {e["file"] for e in entries if is_whole(self.folder.path, e)}
        for name in gone:
            within(self.folder.path, name).unlink(missing_ok=True)
        if entries:
            with contextlib.suppress(OSError, MusiclcError):  # not empty, not there, or no folder of ours
                within(self.folder.path, job).rmdir()
        self.removed += len(gone)


@contextlib.contextmanager
def _spoken(path: Path) -> Iterator[None]:
    """What the disk refuses, as one line."""
    try:
        yield
    except OSError as error:
        raise MusiclcError(f"{path}: cannot be written ({error.strerror or error})") from error


def _refuse_links(private: Path) -> None:
    """Raises MusiclcError where others put a link into the place of what is ours alone: to follow it would be to write elsewhere."""
    for each in [private, *(private.iterdir() if private.is_dir() else ())]:
        if each.is_symlink():
            raise MusiclcError(f"{each}: is a link, and no batch made it; remove it, or name another folder")


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
