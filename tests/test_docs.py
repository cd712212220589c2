"""What README says exists: rules, options, files; and its Python example runs."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

from musiclc.cli import COMMANDS
from musiclc.data import shipped_model
from musiclc.rules import RULES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_every_rule_has_its_row():
    rows = re.findall(r"^\| `(\w+)` \|", README.split("## Rules")[1].split("##")[0], re.MULTILINE)
    assert rows == list(RULES)


def test_every_command_shown_exists_and_every_file_named_is_there():
    assert set(re.findall(r"^musiclc (\w+)", README, re.MULTILINE)) <= set(COMMANDS)
    for name in re.findall(r"`(musiclc/[\w/]+\.py|docs/[\w.]+|examples/[\w.]+|data/[\w.]+\.md)`", README):
        assert (ROOT / name).exists(), name


def test_every_option_shown_exists():
    shown = set(re.findall(r"(?<![\w-])(--[a-z][\w-]+)", README)) - {"--no-deps"}
    texts = "".join((ROOT / "cli" / f"{name}.py").read_text() for name in COMMANDS) + (ROOT / "cli" / "_options.py").read_text()
    rules = {f"--{name}" for name in RULES}
    assert not [option for option in shown - rules if f'"{option}"' not in texts]


def test_the_python_example_runs(tmp_path):
    code = README.split("```python\n")[1].split("```")[0]
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("True") >= 4
    assert (tmp_path / "mine.mid").exists()


def test_the_shipped_models_checksum_is_the_one_stated():
    assert hashlib.sha256(shipped_model().read_bytes()).hexdigest() in (ROOT / "data" / "README.md").read_text()


def test_the_readmes_map_names_every_room_once():
    named = re.findall(r"`((?:musiclc/)?\w+)/`", README.split("## Where things live")[1].split("##")[0])
    rooms = [f"musiclc/{path.parent.name}" for path in (ROOT / "musiclc").glob("*/__init__.py")]
    assert sorted(named) == sorted([*rooms, "cli", "data"])
