"""Writing files whole or not at all, and one process at a time."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from musiclc.errors import MusiclcError


def write_whole(path: Path, data: bytes, scratch: Path | None = None) -> None:
    """Write `data` to `path` by way of a temporary file beside it, or in the folder `scratch` of the same disk, so that nobody
    ever sees half a file.

    Raises MusiclcError when the folder cannot be written.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=scratch or path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise MusiclcError(f"{path}: cannot be written ({error.strerror or error})") from error
    except BaseException:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """One process at a time in here for one `path`; the others wait, then see what it left there. Where the system knows no flock, nobody waits."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    lock = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise MusiclcError(f"{path}: cannot be written ({error.strerror or error})") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(handle)


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
