"""Writing files whole or not at all, and locks between processes.

Inside: `write_whole`, `within`, `synced`, `locked`, `exclusive`, `refuse_existing`.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from musiclc.errors import MusiclcError

if TYPE_CHECKING:
    import filelock

NAMED = 40  # characters of a file's name in that of its temporary one, which must not be too long where the name is just short enough
FOR_EVER = -1.0  # patience without end, in seconds


def write_whole(path: Path, data: bytes, scratch: Path | None = None, durable: bool = True) -> None:
    """Write `data` to `path` by way of a temporary file beside it, or in the folder `scratch` of the same disk, so that nobody
    ever sees half a file.

    durable: the bytes are on the disk before the name points to them, and the name before this returns, so that a power cut, too, leaves the
    whole file or what was there before. That costs some 8 ms a file on a solid-state disk, where the rest costs 0.1 ms; False is for files
    by the thousand whose hashes stand in a manifest or journal. Raises MusiclcError when the folder cannot be written.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:NAMED]}.", suffix=".part", dir=scratch or path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        if durable:
            synced(path.parent)
    except OSError as error:
        _unlink(temporary)
        raise MusiclcError(f"{path}: cannot be written ({error.strerror or error})") from error
    except BaseException:
        _unlink(temporary)
        raise


def within(folder: Path, name: str) -> Path:
    """The path of a file of the folder. Raises MusiclcError where its name, or a link on the way, leads out of it: names come from files and jobs,
    and others may have put links there. The folder itself may be one, and what is replaced is a link's name, never what it points to.
    """
    path = folder / name
    try:
        inside = path.parent.resolve().is_relative_to(folder.resolve()) and Path(name).name not in ("", "..") and "\0" not in name
    except (OSError, ValueError, RuntimeError):  # links in a circle, a zero byte
        inside = False
    if not inside:
        raise MusiclcError(f"{str(path)!r}: leads out of {folder}, by its name or by a link; nothing is written there")
    return path


def _unlink(temporary: str | None) -> None:
    if temporary is not None:
        Path(temporary).unlink(missing_ok=True)


def synced(folder: Path) -> None:
    """See that the names in a folder are on the disk, where the platform can open folders (Windows cannot, and needs no such thing)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def locked(file: Path, patience: float = FOR_EVER) -> Iterator[None]:
    """Hold the lock that the path `file` stands for; wait for it `patience` seconds, without end when negative.

    The lock is filelock's: the kernel's, which ends with the process; where the file system knows no locks, the file's mere existence. Its file
    must not be removed after it is given up, when others may hold it already; so it is removed before, and a waiter that finds
    the file it has opened without a name takes the lock's next file. (filelock, from 3.30 on, leaves Unix's files and removes all others itself.)
    Raises TimeoutError when it is still held by others, OSError when the folder cannot be written.
    """
    import filelock

    lock = _acquired(file, patience)
    try:
        yield
    finally:
        try:
            if isinstance(lock, filelock.UnixFileLock):
                file.unlink(missing_ok=True)
        finally:
            lock.release()


def _acquired(file: Path, patience: float) -> "filelock.BaseFileLock":
    import filelock

    while True:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(file, thread_local=False)
        try:
            lock.acquire(timeout=patience)
        except filelock.Timeout as error:
            raise TimeoutError(f"{file}: held by another process") from error
        except FileNotFoundError:
            continue  # the holder before removed the folder meanwhile
        return lock


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """One process at a time in here for one `path`; the others wait, then see what it left there.

    Raises MusiclcError when the folder cannot be written.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locked(path.with_name(f".{path.name}.lock")))
        except OSError as error:
            raise MusiclcError(f"{path}: cannot be written ({error.strerror or error})") from error
        yield


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def refuse_existing(path: Path, overwrite: bool) -> None:
    """Raises MusiclcError when the path cannot be written, or exists and must not be replaced."""
    if path.is_dir():
        raise MusiclcError(f"{path}: is a folder; wanted a file to write")
    if path.exists() and not overwrite:
        raise MusiclcError(f"{path}: exists already; name another place, or replace it with --overwrite")
