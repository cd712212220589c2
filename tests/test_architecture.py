"""The layout of design.md, held by tests: what may import what, and what must not load."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RULES = tuple(f"rules/{path.stem}" for path in sorted((ROOT / "musiclc" / "rules").glob("*.py")))
CORE = ("errors", "theory", "melody", "tokens", *RULES, "goals", "home", "piece", "moves", "trigram", "rolls")
HEAVY = {"torch", "note_seq", "pretty_midi", "music21", "matplotlib", "lightning_fabric", "mido"}


def imports(path, top_level):
    tree = ast.parse(path.read_text())
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name.split(".")[0] for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("name", CORE)
def test_the_core_imports_nothing_heavy_and_opens_no_file(name):
    path = ROOT / "musiclc" / f"{name}.py"
    assert not set(imports(path, top_level=False)) & (HEAVY | {"click", "pathlib", "os", "io"})
    assert "open(" not in path.read_text()


def test_the_midi_libraries_are_imported_in_one_folder_and_music21_in_two_files():
    for path in (ROOT / "musiclc").rglob("*.py"):
        found = set(imports(path, top_level=False))
        assert path.parent.name == "midi" or not found & {"mido", "pretty_midi", "note_seq"}, path
        assert path.name in ("notation.py", "corpus.py") or "music21" not in found, path
        assert not set(imports(path, top_level=True)) & {"mido", "pretty_midi", "note_seq", "music21"}, path


def test_the_library_knows_no_click_and_prints_nothing():
    for path in (ROOT / "musiclc").rglob("*.py"):
        assert "click" not in imports(path, top_level=False), path
        calls = {n.func.id for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        assert "print" not in calls, path


def test_help_loads_neither_torch_nor_numpy():
    code = "import sys; sys.argv = ['musiclc', '--help']\nfrom musiclc.cli import group\ntry: group()\nexcept SystemExit: print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "Commands:" in loaded
    assert not [m for m in (*HEAVY, "numpy") if f"'{m}'" in loaded]


def test_importing_the_package_loads_nothing():
    code = "import sys, musiclc; print(len([m for m in sys.modules if m.split('.')[0] in ('torch', 'numpy', 'mido')]))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0\n"
