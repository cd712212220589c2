"""Batches on a Ray cluster of this machine."""

import sys
from pathlib import Path

import pytest

from musiclc.batch import commands, workers
from musiclc.batch.cluster import on_ray
from musiclc.batch.messages import Failed, JobPart, Made, Said, Unit
from tests.batch import stub
from tests.batch.common import contents, here, run, table, write

ray = pytest.importorskip("ray")
HOSTILE = "raise ImportError('imported from the current folder')"


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The module of tests/batch/stub.py, for this process and the cluster's; and a current folder full of traps."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "mine.py").write_text(stub.SOURCE)
    (tmp_path / "composer" / "musiclc").mkdir(parents=True)
    for trap in ("musiclc/__init__.py", "torch.py"):
        (tmp_path / "composer" / trap).write_text(HOSTILE)
    monkeypatch.chdir(tmp_path / "composer")
    monkeypatch.syspath_prepend(tmp_path / "modules")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    import mine

    yield mine
    del sys.modules["mine"]


def test_a_job_that_takes_its_worker_with_it_twice_has_failed_and_no_other_has(mine):
    units = iter([Unit(1, "stub", "", tuple(JobPart(job, {}, 0, (1,), 1, "f") for job in ("a", "deadly", "b", "where")))])
    found = list(on_ray(None, 1, mine.runners)(lambda shape: next(units, None)))
    assert sorted(m.job for m in found if isinstance(m, Made)) == ["a", "b", "where"]
    assert [(m.job, m.error) for m in found if isinstance(m, Failed)] == [("deadly", workers.DIED)]
    assert Path(mine.HERE / "deaths").read_text() == "died\n" * 2
    assert [m.text.split()[-1] for m in found if isinstance(m, Said)] == ["1"]  # thread of the real torch


def test_a_ray_cluster_gives_the_same_folder_though_a_node_dies(tiny, tmp_path, runners):
    from ray.cluster_utils import Cluster

    jobs = write(tmp_path / "jobs.jsonl", table(tiny, 300))
    run(jobs, tmp_path / "whole", here(runners))
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    lost = []

    def tell(message, done):
        if isinstance(message, Made) and not lost:
            lost.append(done)
            cluster.remove_node(second, allow_graceful=False)

    try:
        outcome = run(jobs, tmp_path / "ray", on_ray(cluster.address, 2, commands.runners), tell=tell)
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert lost
    assert (outcome.code, outcome.made) == (0, 303)
    assert contents(tmp_path / "ray") == contents(tmp_path / "whole")
