import os
import sys

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two workers share two cores


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The path of a tiny untrained model, with all its parts."""
    from musiclc.model.checkpoint import save_model
    from tests.helpers import tiny_model

    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(tiny_model(), path)
    return str(path)


@pytest.fixture
def repeats(monkeypatch):
    """The stand-in for the networks of whole pieces, in their place: see tests/sampling/stub.py."""
    import musiclc.sampling
    from tests.sampling.stub import Repeats

    module = Repeats()
    monkeypatch.setitem(sys.modules, "musiclc.sampling.pieces", module)
    monkeypatch.setattr(musiclc.sampling, "pieces", module, raising=False)
    return module
