"""A batch's folder at an address that fsspec knows (s3://, gs://, sftp://, …): worked on in a copy on this machine, and brought there.

The copy lies in the user's cache, by address. What the address has and the copy lacks comes first (`fetch`); while the batch runs, its
journal and what is new go there every minute, in that order, and the manifest in the end (`push`). So whatever dies, and wherever the batch
goes on, what was brought there is known and not made again. The folder's lock keeps out other runs of this machine only.

Inside: `is_address`, `Mirror`.
"""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from musiclc.batch.records import FAILURES, JOURNAL, MANIFEST, PRIVATE
from musiclc.errors import MusiclcError, UsageError
from musiclc.files import within, write_whole

_JOURNAL = f"{PRIVATE}/{JOURNAL}"
RECORDS = (MANIFEST, _JOURNAL)
MOST_REMEMBERED = 1000  # states of the address that this machine made


def is_address(text: str) -> bool:
    """Whether an output is an address and no path of this machine."""
    return "://" in text


class Mirror:
    """The copy of one address. folder: where the batch works. Raises UsageError for an address that fsspec cannot reach for want of a package."""

    def __init__(self, address: str, overwrite: bool = False):
        import fsspec
        import platformdirs

        self.address, self.overwrite = address.rstrip("/"), overwrite
        try:
            self.store, self.root = fsspec.core.url_to_fs(self.address)
        except (ImportError, ValueError) as error:
            raise UsageError(f"{address}: {str(error).splitlines()[0]}") from error
        name = hashlib.sha256(self.address.encode()).hexdigest()[:16]
        base = Path(platformdirs.user_cache_dir("musiclc")) / "batches" / name
        self.folder, self._states = base / "copy", base / "states"
        self._there: dict[str, int] = {}  # bytes of every file that the address had when the batch began
        self._records: dict[str, bytes] = {}  # manifest and journal, as they are at the address
        self._sent: dict[str, str] = {}  # hashes of the files that the address has for sure

    def fetch(self) -> None:
        """Bring the copy up to the address, unless the address is as this machine left it: then the copy is as new at least."""
        with self._spoken():
            self._there = self._sizes()
            self._records = {name: self.store.cat_file(self._at(name)) for name in RECORDS if name in self._there}
            known = _entries(self._records.values())
            if self._records and _state(self._records) not in self._made():
                shutil.rmtree(self.folder, ignore_errors=True)
                self._get([name for name in known if name in self._there])
                for name, data in self._records.items():
                    write_whole(self.folder / name, data)
            self._sent = {name: digest for name, digest in known.items() if self._there.get(name) == _size(self.folder / name)}

    def push(self) -> int:
        """Bring the address up to the copy; how many files of jobs went there. With a journal in the copy the batch is not done yet.

        Raises MusiclcError for files in the way that no batch wrote, without overwrite, and for what the store refuses.
        """
        with self._spoken():
            mine = {name: (self.folder / name).read_bytes() for name in RECORDS if (self.folder / name).exists()}
            new = _entries(mine.values())
            sent = [name for name, digest in new.items() if self._sent.get(name) != digest and (self.folder / name).exists()]
            self._refuse_foreign(sent)
            following = {**self._records, _JOURNAL: mine.get(_JOURNAL) or mine.get(MANIFEST, b"")}
            if sent or following[_JOURNAL] != self._records.get(_JOURNAL):
                self._remember(following, {**following, **mine}, mine)
                self._put(_JOURNAL, following[_JOURNAL])  # first: it tells whose the files are
                self._records = following
                self._put_files(sent)
                self._sent |= {name: new[name] for name in sent}
            if _JOURNAL not in mine:
                self._finish(mine, [name for name in self._sent if name not in new])
            return len(sent)

    def _refuse_foreign(self, names: list[str]) -> None:
        known = _entries(self._records.values())
        if not self.overwrite and (foreign := [name for name in names if name in self._there and name not in known]):
            raise MusiclcError(
                f"{self.address}/{foreign[0]}: exists already, and no batch wrote it; name another address, or replace it with --overwrite"
            )

    def _finish(self, mine: dict[str, bytes], gone: list[str]) -> None:
        for name in gone:
            self.store.rm_file(self._at(name))
            del self._sent[name]
        for folder in dict.fromkeys(self._at(name).rpartition("/")[0] for name in gone):
            with contextlib.suppress(OSError):  # not empty; or a store that has no folders
                self.store.rmdir(folder)
        if (self.folder / FAILURES).exists():
            self._put(FAILURES, (self.folder / FAILURES).read_bytes())
        elif self.store.exists(self._at(FAILURES)):
            self.store.rm_file(self._at(FAILURES))
        if MANIFEST in mine:
            self._put(MANIFEST, mine[MANIFEST])
        if self.store.exists(self._at(PRIVATE)):
            self.store.rm(self._at(PRIVATE), recursive=True)
        self._records = mine

    def _put(self, name: str, data: bytes) -> None:
        self.store.makedirs(self._at(name).rpartition("/")[0], exist_ok=True)
        self.store.pipe_file(self._at(name), data)

    def _put_files(self, names: list[str]) -> None:
        for folder in dict.fromkeys(self._at(name).rpartition("/")[0] for name in names):
            self.store.makedirs(folder, exist_ok=True)
        if names:
            self.store.put([str(self.folder / name) for name in names], [self._at(name) for name in names])

    def _at(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _get(self, names: list[str]) -> None:
        places = [within(self.folder, name) for name in names]  # a store may know such names as ../x
        for place in places:
            place.parent.mkdir(parents=True, exist_ok=True)
        if names:
            self.store.get([self._at(name) for name in names], list(map(str, places)))

    def _sizes(self) -> dict[str, int]:
        self.store.invalidate_cache()
        if not self.store.exists(self.root):
            return {}
        found = self.store.find(self.root, detail=True)
        return {path[len(self.root) :].lstrip("/"): about["size"] for path, about in found.items()}

    def _made(self) -> list[str]:
        return self._states.read_text().split() if self._states.exists() else []

    def _remember(self, *states: dict[str, bytes]) -> None:
        """Note states that the address will go through: before, so that no kill makes it look like another machine's work."""
        write_whole(self._states, "\n".join([*self._made(), *map(_state, states)][-MOST_REMEMBERED:]).encode())

    @contextlib.contextmanager
    def _spoken(self) -> Iterator[None]:
        """What the store or the network refuses, as one line."""
        try:
            yield
        except MusiclcError:
            raise
        except Exception as error:  # each kind of store has exceptions of its own
            raise MusiclcError(f"{self.address}: {' '.join(str(error).split()) or type(error).__name__}; run again to go on") from error


def _state(records: dict[str, bytes]) -> str:
    return hashlib.sha256(b"\0".join(name.encode() + b"\0" + records[name] for name in sorted(records))).hexdigest()


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.exists() else None


def _entries(records: Iterable[bytes]) -> dict[str, str]:
    """Files of jobs that manifest and journal name, the newest last, with their hashes; lines that no batch wrote are passed over."""
    found = {}
    for data in records:
        for line in data.splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
                entry = json.loads(line)
                for each in entry.get("entries", [entry]):
                    path = PurePosixPath(each["file"])
                    if not path.is_absolute() and ".." not in path.parts:  # others' files are neither fetched nor sent
                        found[each["file"]] = each["sha256"]
    return found
