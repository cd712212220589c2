"""The engine on something that is not music: examples/digits.py, fitted for seconds only."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
EXAMPLE = Path(__file__).parent.parent / "examples" / "digits.py"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(the picture, the table's two parts): each part maps a row's name to its figures."""
    picture = tmp_path_factory.mktemp("digits") / "digits.png"
    done = subprocess.run([sys.executable, str(EXAMPLE), "--quick", "-o", str(picture)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    parts = [part.splitlines()[1:] for part in done.stdout.strip().split("\n\n")]
    return picture, *({line[:22].strip(): [float(x) for x in line[22:].split()] for line in part} for part in parts)


def test_every_method_generates_the_digit_asked_for(made):
    _, generated, _ = made
    right = {name: figures[0] for name, figures in generated.items()}
    assert right["prior"] < 0.3
    for method in ("actor", "gradient", "langevin"):
        assert right[method] > right["prior"] + 0.4, method
    assert generated["gradient"][1] < generated["prior"][1]  # and nearer to real images


def test_an_edit_reaches_the_digit_and_changes_less_than_replacing(made):
    _, _, edited = made
    right, _, change = edited["gradient"]
    assert right > edited["decoded as it is"][0] + 0.5
    assert change < 0.8 * edited["any of the digit"][2]


def test_the_picture_is_written(made):
    assert made[0].read_bytes().startswith(b"\x89PNG")
    assert made[0].stat().st_size > 10_000
