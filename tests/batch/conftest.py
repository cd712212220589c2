import pytest

from musiclc.batch import commands


@pytest.fixture(scope="session")
def runners():
    return commands.runners()
