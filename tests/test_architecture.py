"""The layout of docs/architecture.md, held by tests: what may import what, and what must not load."""

import ast
import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

from musiclc.cli import COMMANDS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "musiclc"

# The rooms from the ground up. A room imports only from floors below its own, whatever the place of the import.
FLOORS = (
    ("errors", "latent", "data"),
    ("files", "music"),
    ("rules", "midi"),
    ("model", "output"),
    ("custom",),
    ("editing", "training"),
    ("sampling",),
    ("batch", "evaluation", "studio"),
    ("cli",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
CORE = ("errors", "music", "rules")  # Python and numpy: neither torch nor files
HEAVY = {
    "torch",
    "note_seq",
    "pretty_midi",
    "music21",
    "matplotlib",
    "lightning_fabric",
    "mido",
    "ray",
    "PIL",
    "jinja2",
    "fsspec",
    "starlette",
    "uvicorn",
}
WEB_LIBRARIES = {"starlette", "uvicorn"}  # at the top in the one room that serves
TORCH_ROOMS = {"latent", "model", "sampling", "editing", "training"}  # import torch at the top; nobody imports them at the top for --help
MOST_LINES = 400  # of a file
BODY = {"median": 9, "90th percentile": 25, "longest": 60}  # most lines of a function's body, docstring aside


def modules():
    """Module name below musiclc → its file, the command line's included."""
    found = {path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", "."): path for path in PACKAGE.rglob("*.py")}
    found |= {f"cli.{path.stem}": path for path in (ROOT / "cli").glob("*.py")} | {"data": ROOT / "data" / "__init__.py"}
    return {name.removesuffix(".__init__"): path for name, path in found.items() if name != "__init__"}


MODULES = modules()


def imports(path, top_level=False):
    """Names of what a file imports, whole: `from a.b import c` gives a.b.c where that is a module, else a.b."""
    tree = ast.parse(path.read_text())
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name.removeprefix("musiclc.") in MODULES else node.module for name in whole)


def libraries(path, top_level=False):
    return {name.split(".")[0] for name in imports(path, top_level)}


def ours(path):
    """Modules of ours that a file imports."""
    return {name.removeprefix("musiclc.") for name in imports(path) if name.removeprefix("musiclc.") in MODULES and name != "musiclc"}


def room(name):
    return name.split(".")[0]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_no_import_runs_back_up_nor_to_a_room_beside(name):
    wrong = [other for other in ours(MODULES[name]) if room(other) != room(name) and FLOOR[room(other)] >= FLOOR[room(name)]]
    assert not wrong, f"{name} (floor {FLOOR[room(name)]}) imports {wrong}"


def test_every_room_has_its_floor_and_no_more_rooms_than_agreed():
    assert {room(name) for name in MODULES} == set(FLOOR)
    assert len(FLOOR) <= 17
    assert sorted(p.name for p in PACKAGE.glob("*.py")) == ["__init__.py", "errors.py", "files.py"]


def test_no_circle_of_imports_wherever_they_stand():
    arrows = {name: ours(path) - {name} for name, path in MODULES.items()}
    left = dict(arrows)
    while free := [name for name, others in left.items() if not others & left.keys()]:
        for name in free:
            del left[name]
    assert not left, f"each of these imports another of them: {sorted(left)}"


@pytest.mark.parametrize("name", sorted(n for n in MODULES if room(n) in CORE))
def test_the_core_imports_nothing_heavy_and_opens_no_file(name):
    assert not libraries(MODULES[name]) & (HEAVY | {"click", "pathlib", "os", "io"})
    assert "open(" not in MODULES[name].read_text()


def test_the_engine_knows_nothing_else_of_ours():
    assert not [(name, other) for name in MODULES if room(name) == "latent" for other in ours(MODULES[name]) if room(other) != "latent"]


def test_the_midi_libraries_are_imported_in_two_files_and_music21_in_two():
    for name, path in MODULES.items():
        found = libraries(path)
        assert name in ("midi.objects", "evaluation.arranged") or not found & {"mido", "pretty_midi", "note_seq"}, name
        assert name in ("training.scores", "training.corpus") or "music21" not in found, name


def test_heavy_modules_are_imported_inside_functions():
    for name, path in MODULES.items():
        allowed = {"torch"} if room(name) in TORCH_ROOMS else WEB_LIBRARIES if room(name) == "studio" else set()
        assert not libraries(path, top_level=True) & HEAVY - allowed, name


def test_the_library_knows_no_click_and_prints_nothing():
    for name, path in MODULES.items():
        if room(name) == "cli":
            continue
        assert "click" not in libraries(path), name
        assert "musiclc.cli" not in path.read_text() or name.startswith("evaluation."), f"{name} names the command line"
        calls = {n.func.id for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        assert "print" not in calls, name


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_file_holds_what_a_reader_can_hold(name):
    assert MODULES[name].read_text().count("\n") <= MOST_LINES


def bodies():
    """Lines of each function's body, docstring aside → where it is."""
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[1] if ast.get_docstring(node) is not None and len(node.body) > 1 else node.body[0]
                yield node.end_lineno - first.lineno + 1, f"{name}:{node.lineno} {node.name}"


def test_functions_are_short():
    """`pytest -s` shows the figures."""
    sizes = sorted(bodies())
    lines = [size for size, _ in sizes]
    found = {"median": lines[len(lines) // 2], "90th percentile": lines[len(lines) * 9 // 10], "longest": lines[-1]}
    print(f"{len(lines)} functions, lines of a body: {found}; the longest: {', '.join(f'{where} ({size})' for size, where in sizes[:-6:-1])}")
    assert not [where for size, where in sizes if size > BODY["longest"]]
    assert all(found[what] <= most for what, most in BODY.items()), found


def test_every_folder_says_what_it_is_for():
    for path in PACKAGE.glob("*/__init__.py"):
        assert len((ast.get_docstring(ast.parse(path.read_text())) or "").split()) >= 15, path


def test_tests_mirror_the_rooms():
    rooms = {room(name) for name in MODULES} - {"errors", "files", "data"}
    assert rooms <= {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}


def test_floors_are_named_once():
    assert len(FLOOR) == len(list(itertools.chain(*FLOORS)))


def test_the_page_of_the_house_shows_every_room_on_its_floor_with_its_files():
    rows = re.findall(r"^\| (\d) \| `(\w+)` \| .* \| (.*)\|$", (ROOT / "docs" / "architecture.md").read_text(), re.MULTILINE)
    drawn = {(name, int(floor) - 1, tuple(files.replace("`", "").split())) for floor, name, files in rows}
    files = {name: tuple(sorted(n.split(".")[1] for n in MODULES if n.startswith(f"{name}.") and n != "cli.__main__")) for name in FLOOR}
    assert drawn == {(name, floor, files[name]) for name, floor in FLOOR.items()}


def loaded_after(code):
    """Names of the modules that a fresh Python has loaded when it has run the code."""
    code += "\nimport sys; print('LOADED', *sys.modules)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split("LOADED ")[1].split()


def helped(*commands):
    words = [[*([command] if command else []), "--help"] for command in commands]
    return f"from musiclc.cli import group\nfor words in {words}: group.main(words, standalone_mode=False)"


def test_help_loads_nothing_but_the_list_of_commands():
    loaded = loaded_after(helped(""))
    assert [name for name in loaded if name.startswith("musiclc.")] == ["musiclc.cli"]
    assert not {*HEAVY, "numpy", "importlib.metadata"} & set(loaded)
    assert len(loaded) < 200  # 116 with click 8.4: what it costs, as no clock tells it


def test_no_commands_help_loads_anything_heavy():
    assert not HEAVY & set(loaded_after(helped(*COMMANDS)))


def test_importing_the_package_loads_nothing():
    code = "import sys, musiclc; print(len([m for m in sys.modules if m.split('.')[0] in ('torch', 'numpy', 'mido')]))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0\n"
