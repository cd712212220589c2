"""A file of rules, and caches and data folders of each test's own; fits are short."""

import pytest

from musiclc.custom import critics

SOURCE = """
def high(melody):
    \"\"\"Mean pitch.\"\"\"
    return sum(n.pitch for n in melody.notes) / len(melody.notes)

def dense(melody):
    return min(1.0, len(melody.notes) / 20)

def low(melody):
    return sum(n.pitch < 60 for n in melody.notes) / 64

def breaks(melody):
    return melody.notes[1000].pitch

def nothing(melody):
    return float("nan")

def text(melody):
    return "0.9"

def always(melody):
    return 0.5

def beyond(melody):
    return 3.2
"""


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(critics, "FIRST_STEPS", 20)
    monkeypatch.setattr(critics, "LATER_STEPS", 5)
    monkeypatch.setattr(critics, "ON_POLICY", 20)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my.py"
    path.write_text(SOURCE)
    return path
