import os

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
