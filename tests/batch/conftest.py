import pytest

from musiclc.batch import commands
from musiclc.model.checkpoint import save_model
from tests.helpers import tiny_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(tiny_model(), path)
    return path


@pytest.fixture(scope="session")
def runners():
    return commands.runners()
