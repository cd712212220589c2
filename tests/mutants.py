"""By hand: python -m tests.mutants [HOW MANY] [SEED]. Small faults put into rules/, music/ and midi/codec, one at a time: do the tests find them?

Works on a copy of the tree. A mutant swaps an operator or a comparison, moves a number by one, negates a condition, or drops a `not`; those of
docstrings, annotations and messages are none. A mutant that no test of its room finds has survived, and is named.
"""

import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
CODEC = ["tests/midi/test_codec.py", "tests/midi/test_write.py", "tests/midi/test_mend.py", "tests/midi/test_song.py"]
TESTS = {"rules": ["tests/rules"], "music": ["tests/music", "tests/rules"], "midi/codec.py": CODEC}
MORE = {
    "rules/features.py": ["tests/evaluation/test_features.py", "tests/model/test_pieces.py"],
    "music/likeness.py": ["tests/evaluation/test_likeness.py"],
}
SWAPS = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Div: ast.Mult},
    **{ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.And: ast.Or, ast.Or: ast.And},
    **{
        ast.Lt: ast.LtE,
        ast.LtE: ast.Lt,
        ast.Gt: ast.GtE,
        ast.GtE: ast.Gt,
        ast.Eq: ast.NotEq,
        ast.NotEq: ast.Eq,
        ast.In: ast.NotIn,
        ast.NotIn: ast.In,
    },
    **{ast.Is: ast.IsNot, ast.IsNot: ast.Is},
}
SECONDS = 120


def places(tree):
    """(node, number of the change) of all that can be mutated, in functions and constants alike; not within messages or annotations."""
    skipped = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.Raise) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        for part in ("annotation", "returns"):
            if isinstance(getattr(node, part, None), ast.AST):
                skipped |= {id(inner) for inner in ast.walk(getattr(node, part))}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in SWAPS:
            if not any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in ast.walk(node)):
                yield node
        elif (
            isinstance(node, ast.Compare | ast.If | ast.IfExp | ast.While)
            or (isinstance(node, ast.Constant) and type(node.value) in (int, float, bool))
            or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))
        ):
            yield node


def mutate(rng, node):
    """Change a node in place; what was done."""
    before = ast.unparse(node)[:60]
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign):
        node.op = SWAPS[type(node.op)]()
    elif isinstance(node, ast.Compare):
        node.ops[0] = SWAPS[type(node.ops[0])]()
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        before, node.test = f"{ast.unparse(node.test)[:60]}", ast.UnaryOp(ast.Not(), node.test)
        return f"not ({before})"
    elif isinstance(node, ast.Constant):
        node.value = not node.value if isinstance(node.value, bool) else node.value + rng.choice((-1, 1))
    else:
        before, node.operand = f"not {ast.unparse(node.operand)[:60]}", ast.UnaryOp(ast.Not(), node.operand)
        return before
    return f"{before} -> {ast.unparse(node)[:60]}"


def copied(folder):
    """The tree as one package that can be imported from the folder."""
    for name in ("musiclc", "tests", "cli", "data", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.png"))
    for name in ("README.md", "pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("cli", "data"):
        (folder / "musiclc" / name).symlink_to(folder / name)


def passes(folder, tests):
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *tests]
    try:
        return subprocess.run(words, cwd=folder, env=environment, capture_output=True, timeout=SECONDS).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def main(many, seed):
    rng = random.Random(seed)
    files = [*sorted((ROOT / "musiclc/rules").glob("*.py")), *sorted((ROOT / "musiclc/music").glob("*.py")), ROOT / "musiclc/midi/codec.py"]
    sites = [(path, number) for path in files for number, _ in enumerate(places(ast.parse(path.read_text())))]
    rng.shuffle(sites)
    tried = killed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copied(folder)
        assert passes(folder, TESTS["rules"]), "the tests do not pass as they are"
        for path, number in sites[:many]:
            tree, place = ast.parse(path.read_text()), path.relative_to(ROOT)
            node = list(places(tree))[number]
            said, line = mutate(rng, node), node.lineno
            (folder / place).write_text(ast.unparse(tree))
            inside = place.relative_to("musiclc").as_posix()
            tests = MORE.get(inside, []) + next(found for key, found in TESTS.items() if inside.startswith(key))
            found = not passes(folder, [test for test in tests if (folder / test).exists()])
            shutil.copy(path, folder / place)
            tried, killed = tried + 1, killed + found
            print(f"{'killed  ' if found else 'SURVIVED'} {place}:{line}: {said}", flush=True)
        print(f"{killed} of {tried} mutants killed ({killed / max(tried, 1):.2f}), of {len(sites)} places; seed {seed}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
