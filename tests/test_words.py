"""One name, one meaning: the field's own words, and no class name twice.

REPLACED maps words that this project once had for things that have a name already to that name. None of them may be, or be a part of, an
identifier in musiclc/ or cli/: `wished_bars` is as wrong as `Wish`. Offenders are listed with file and line.
"""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = [*sorted((ROOT / "musiclc").rglob("*.py")), *sorted((ROOT / "cli").glob("*.py"))]

REPLACED = {
    ("wish", "wishes", "wished"): "constraints, goals, or asked",
    ("home", "homes"): "canonical transposition",
    ("blur", "blurs", "blurred"): "noise level, or t",
    ("nats",): "nll, nll_per_note, cross_entropy",
    ("price", "prices", "priced", "pricing"): "nll_per_note",
    ("gain", "gains"): "logit bias",
    ("pull", "pulls", "pulled"): "bias strengths",
    ("stratum", "strata"): "note-count bin",
    ("stretch", "stretches"): "meter section",
    ("lead", "leads"): "pickup",
    ("led",): "on-policy",
    ("presence",): "Bernoulli",
    ("surprise", "surprises", "surprising", "surprised"): "cross-entropy",
    ("moves",): "transpositions, intervals, or edits",
}
OLD = {word: new for words, new in REPLACED.items() for word in words}
OLD_CLASSES = {
    "Draw": "Sample",
    "Item": "SampleKey",
    "Task": "Job, or EditProblem",
    "Part": "JobPart, or TrackInfo",
    "Plan": "BatchPlan, or RenderPlan",
}
OUTSIDE = {"home"}  # attributes of other libraries: Path.home


def room(path):
    """The folder of musiclc/ that a file lies in, "cli", or "musiclc" for its own files."""
    return path.relative_to(ROOT).parts[-2]


def words(name):
    """The words of an identifier, in small letters: of `_LogitBias`, `logit_bias` and `LOGIT_BIAS` alike."""
    return [word.lower() for part in name.split("_") for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", part)]


def identifiers(tree):
    """(identifier, line) of everything in a file that has a name, attributes of other libraries aside."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Name):
            yield node.id, line
        elif isinstance(node, ast.arg | ast.keyword) and node.arg:
            yield node.arg, line
        elif isinstance(node, ast.Attribute) and node.attr not in OUTSIDE:
            yield node.attr, line
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, line
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name), line


def offenders(path):
    """One line for each identifier that has an old word in it."""
    found = {(name, line): new for name, line in identifiers(ast.parse(path.read_text())) for word in words(name) if (new := OLD.get(word))}
    return [f"{path.relative_to(ROOT)}:{line}: {name} (wanted: {new})" for (name, line), new in sorted(found.items(), key=lambda f: f[0][1])]


def classes():
    """Name without leading underscores → every place where a class of that name is made."""
    found = defaultdict(list)
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found[node.name.lstrip("_")].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    return found


ROOMS = sorted({room(path) for path in FILES})


@pytest.mark.parametrize("name", ROOMS)
def test_no_identifier_has_an_old_word(name):
    found = [line for path in FILES if room(path) == name for line in offenders(path)]
    assert not found, "\n" + "\n".join(found)


def test_no_sentence_has_one_either():
    """Those that mean nothing else: in docstrings, comments, messages, help and documents. Keys of former model files are data."""
    gone = re.compile(r"\b(wish(es|ed)?|surpris(es?|ing|ed)|blur(s|red|ring)?|strat(um|a))\b", re.IGNORECASE)
    pages = [path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "data" / "README.md") if path.name != "CHANGELOG.md"]
    texts = [*FILES, *(ROOT / "musiclc").rglob("page.*"), *pages]
    found = [f"{path.relative_to(ROOT)}: {line.strip()}" for path in texts for line in path.read_text().splitlines() if gone.search(line)]
    assert not [line for line in found if "_FORMER_NAMES" not in line]


def test_old_words_would_be_found():
    code = "def wished(led): pass\nclass Pull: pass\nx.moves_home = 1\nimport blur\nf(nats_a_note=1)\ngainful = misled = homeless = 0\n"
    found = {name for name, _ in identifiers(ast.parse(code)) if any(word in OLD for word in words(name))}
    assert found == {"wished", "led", "Pull", "moves_home", "blur", "nats_a_note"}
    assert words("_HTTPServer_of2Parts") == ["http", "server", "of", "parts"]


def test_no_class_name_twice():
    assert not {name: places for name, places in classes().items() if len(places) > 1}


def test_no_class_has_an_old_name():
    assert not {f"{name} (wanted: {OLD_CLASSES[name]})": places for name, places in classes().items() if name in OLD_CLASSES}
