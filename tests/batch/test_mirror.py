"""A batch at an address: the same folder as a local one, whoever goes on with it. The stores are fsspec's own, on disk and in memory."""

import fsspec
import pytest

from musiclc.batch import mirror
from musiclc.cli import batch
from musiclc.errors import MusiclcError, UsageError
from tests.batch.common import contents, here, run, table, write
from tests.command import process as musiclc


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """Go to another machine: one whose cache is empty."""

    def go(name):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))

    go("first")
    return go


def brought(jobs, address, engine, overwrite=False):
    place = batch._Place(address, overwrite)
    outcome = run(jobs, place.folder, engine, overwrite=overwrite, tell=lambda message, done: place.bring_now_and_then())
    place.bring()
    return outcome


def test_the_address_holds_what_a_local_folder_would(tiny, tmp_path, runners, machine):
    jobs, address = write(tmp_path / "jobs.jsonl", table(tiny)), f"file://{tmp_path / 'far'}"
    run(jobs, tmp_path / "whole", here(runners))
    assert brought(jobs, address, here(runners)).made == 12
    assert contents(tmp_path / "far") == contents(tmp_path / "whole")
    for name in ("first", "second"):  # here, where the copy is, and elsewhere, where it is fetched
        machine(name)
        outcome = brought(jobs, address, here(runners))
        assert (outcome.made, outcome.kept) == (0, 12)
        assert contents(tmp_path / "far") == contents(tmp_path / "whole")
    fewer = write(tmp_path / "fewer.jsonl", [{**job, "bpm": 90} for job in table(tiny)[1:]])
    outcome = brought(fewer, address, here(runners))
    run(fewer, tmp_path / "whole", here(runners))
    assert contents(tmp_path / "far") == contents(tmp_path / "whole")
    machine("first")  # its copy is old now
    assert brought(fewer, address, here(runners)).made == 0
    assert contents(tmp_path / "far") == contents(tmp_path / "whole")


def test_stopped_on_one_machine_it_goes_on_at_another(tiny, tmp_path, runners, machine, monkeypatch):
    monkeypatch.setattr(batch, "EVERY", 0.0)
    jobs = write(tmp_path / "jobs.jsonl", table(tiny))
    run(jobs, tmp_path / "whole", here(runners))
    for stop in (1, 5, 11):
        far = tmp_path / f"far{stop}"
        machine(f"stopped{stop}")
        with pytest.raises(KeyboardInterrupt):
            brought(jobs, f"file://{far}", here(runners, stop))
        there = {name for name in contents(far) if name.endswith(".mid")}
        assert there
        machine(f"goes on{stop}")
        assert brought(jobs, f"file://{far}", here(runners)).kept == len(there)
        assert contents(far) == contents(tmp_path / "whole")


def test_a_kill_on_the_way_there_loses_nothing_of_the_copy(tiny, tmp_path, runners, monkeypatch):
    jobs, far = write(tmp_path / "jobs.jsonl", table(tiny)), tmp_path / "far"
    run(jobs, tmp_path / "whole", here(runners))
    for step in ("_put", "_put_files", "_finish"):

        def killed(*arguments):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(mirror.Mirror, step, killed)
            with pytest.raises(KeyboardInterrupt):
                brought(jobs, f"file://{far}", here(runners))
    outcome = brought(jobs, f"file://{far}", here(runners))
    assert (outcome.made, outcome.kept) == (0, 12)
    assert contents(far) == contents(tmp_path / "whole")


def test_what_no_batch_wrote_is_not_touched_there(tiny, tmp_path, runners):
    jobs, far = write(tmp_path / "jobs.jsonl", table(tiny, 1)[:1]), tmp_path / "far"
    (far / "j0").mkdir(parents=True)
    (far / "j0" / "melody-0-0001.mid").write_bytes(b"mine")
    with pytest.raises(MusiclcError, match="no batch wrote it"):
        brought(jobs, f"file://{far}", here(runners))
    assert contents(far) == {"j0": None, "j0/melody-0-0001.mid": b"mine"}
    brought(jobs, f"file://{far}", here(runners), overwrite=True)
    assert (far / "j0" / "melody-0-0001.mid").read_bytes()[:4] == b"MThd"


def test_a_store_without_folders(tiny, tmp_path, runners, machine):
    jobs, store = write(tmp_path / "jobs.jsonl", table(tiny)), fsspec.filesystem("memory")
    brought(jobs, "memory://bucket/out", here(runners))
    machine("second")
    assert brought(jobs, "memory://bucket/out", here(runners)).made == 0
    run(jobs, tmp_path / "whole", here(runners))
    whole = {name: data for name, data in contents(tmp_path / "whole").items() if data is not None}
    assert {name.removeprefix("/bucket/out/"): store.cat_file(name) for name in store.find("/bucket/out")} == whole
    store.rm("/bucket", recursive=True)


def test_what_the_store_refuses_is_one_line_and_no_end_of_a_batch(tiny, tmp_path, runners, monkeypatch, capsys):
    jobs = write(tmp_path / "jobs.jsonl", table(tiny, 2)[:2])

    def refused(*arguments, **options):
        raise PermissionError("not\nyours")

    monkeypatch.setattr(batch, "EVERY", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(fsspec.implementations.local.LocalFileSystem, "pipe_file", refused)
        with pytest.raises(MusiclcError, match="not yours; run again to go on"):
            brought(jobs, f"file://{tmp_path / 'far'}", here(runners))
        assert "tried again in a minute" in capsys.readouterr().err
    assert brought(jobs, f"file://{tmp_path / 'far'}", here(runners)).kept == 2


def test_addresses_that_cannot_be_are_a_wrong_command_line(tiny, tmp_path):
    jobs = write(tmp_path / "jobs.jsonl", table(tiny, 1)[:1])
    with pytest.raises(UsageError, match="nosuch"):
        mirror.Mirror("nosuch://bucket/out")
    done = musiclc("batch", jobs, "-O", "nosuch://bucket/out", code=2)
    assert "nosuch" in done.err
    assert len(done.err.strip().splitlines()) == 1
