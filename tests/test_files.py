"""Files written whole or not at all, and locks that let one in at a time, whoever waits."""

import os
import stat
import subprocess
import sys

import pytest

from musiclc import files
from musiclc.errors import MusiclcError

# Goes in and out of the lock; two who are in at a time both make the file "inside", which the second of them cannot.
ROUNDS = """
import os, sys
{before}
from pathlib import Path
from musiclc.files import exclusive
path, rounds = Path(sys.argv[1]), int(sys.argv[2])
for _ in range(rounds):
    with exclusive(path):
        os.close(os.open(path.with_name("inside"), os.O_CREAT | os.O_EXCL))
        os.unlink(path.with_name("inside"))
print("done")
"""


def rounds(path, number, processes, before=""):
    code = [sys.executable, "-c", ROUNDS.format(before=before), str(path), str(number)]
    running = [subprocess.Popen(code, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(processes)]
    return [process.communicate(timeout=120) for process in running]


def test_whoever_holds_a_lock_is_alone_however_many_wait(tmp_path):
    assert [out for out, _ in rounds(tmp_path / "critic", 60, 4)] == ["done\n"] * 4
    assert list(tmp_path.iterdir()) == []


def test_a_lock_without_fcntl_is_one_too(tmp_path):
    said = rounds(tmp_path / "critic", 10, 3, before="sys.modules['fcntl'] = None")
    assert [out for out, _ in said] == ["done\n"] * 3
    assert not any("Traceback" in err for _, err in said)
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_is_held_is_waited_for_in_patience(tmp_path):
    with files.locked(tmp_path / "lock"), pytest.raises(TimeoutError), files.locked(tmp_path / "lock", patience=0.0):
        pass
    with files.locked(tmp_path / "lock", patience=0.0):
        assert (tmp_path / "lock").exists()


def test_a_waiter_finds_the_next_lock_when_the_one_it_opened_is_gone_with_its_folder(tmp_path, monkeypatch):
    import filelock

    opened, native = [], filelock.UnixFileLock._acquire

    def acquire(lock):  # as when the holder removes lock and folder between a waiter's opening and locking
        if not opened:
            opened.append(lock)
            (tmp_path / "private").rmdir()
        native(lock)

    monkeypatch.setattr(filelock.UnixFileLock, "_acquire", acquire)
    with files.locked(tmp_path / "private" / "lock"):
        assert (tmp_path / "private" / "lock").exists()


@pytest.fixture
def steps(monkeypatch):
    """What is asked of the disk, in order."""
    found, replace = [], os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: found.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"))
    monkeypatch.setattr(os, "replace", lambda *paths: (found.append("name"), replace(*paths)))
    return found


@pytest.mark.parametrize(("durable", "wanted"), [(True, ["file", "name", "folder"]), (False, ["name"])])
def test_bytes_are_on_the_disk_before_their_name_is(tmp_path, steps, durable, wanted):
    files.write_whole(tmp_path / "in" / "a.mid", b"whole", durable=durable)
    assert steps == wanted
    assert (tmp_path / "in" / "a.mid").read_bytes() == b"whole"


def test_what_cannot_be_written_leaves_what_was_there_and_no_half_file(tmp_path, monkeypatch):
    (tmp_path / "a.mid").write_bytes(b"before")

    def full(*paths):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(MusiclcError, match=r"a\.mid: cannot be written \(No space left on device\)"):
        files.write_whole(tmp_path / "a.mid", b"after")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a.mid": b"before"}
