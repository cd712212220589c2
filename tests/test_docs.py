"""What the documents say exists: commands with their options and values, rules, files, names; and README's Python example runs.

Every command line that is shown is parsed by the command itself, so an option that is misspelt, dropped or given a value that it does not
take turns these tests red.
"""

import hashlib
import importlib.metadata
import itertools
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

from musiclc.cli import COMMANDS, group
from musiclc.custom.examples import EXAMPLES
from musiclc.data import shipped_model
from musiclc.rules import RULES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = {
    name: (ROOT / name).read_text()
    for name in ("README.md", "CONTRIBUTING.md", "data/README.md", "docs/architecture.md", "docs/batch.md", "docs/studio.md")
}

TAUGHT = re.findall(r"critic train --name (\w+)", README)  # rules that exist for those who ran that line only


def sections(text):
    """(heading, text) of each part that a heading begins."""
    parts = re.split(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return list(zip(["", *parts[1::2]], parts[::2], strict=True))


def spans(text):
    """What stands between single backticks, code blocks aside."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))]


def shown(text):
    """Command lines in code blocks, without comments."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line.split("  #")[0].strip() for line in itertools.chain(*(b.splitlines() for b in blocks)) if line.startswith("musiclc ")]


def command_of(words):
    """The Click command that `musiclc WORD…` calls, and the words for it."""
    command = group
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, f"musiclc {' '.join(words)}: no such command"
        command, words = found, words[1:]
    return command, words


def parsed(words, whole=True):
    """Has the command parse its words, as if it were called; whole: whether all that it needs must be there."""
    command, rest = command_of(words)
    try:
        command.make_context("musiclc", list(rest))
    except click.exceptions.Exit:  # --help
        pass
    except click.MissingParameter:
        assert not whole, f"musiclc {' '.join(words)}: something is missing"


def options_of(command):
    return {
        name
        for parameter in command.get_params(click.Context(command))
        if isinstance(parameter, click.Option)
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


def takes(name, span):
    """Whether a command takes a span such as `--keep 0.7`, or has an option such as `--keep`."""
    words = shlex.split(span)
    if len(words) == 1 or words[1] in TAUGHT:
        return words[0] in options_of(command_of([name])[0])
    try:
        parsed([name, *words], whole=False)
    except click.UsageError:
        return False
    return True


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with README's own rule and folder in it."""
    (tmp_path / "my-midi-folder").mkdir()
    name, text = re.search(r"cat > (my\.py) <<'END'\n(.*?)^END", README, re.MULTILINE | re.DOTALL).groups()
    (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)


# ---- commands ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("page", "line"), [(page, line) for page, text in PAGES.items() for line in shown(text)])
def test_a_command_line_in_a_block_is_one_that_its_command_takes(folder, page, line):
    parsed(shlex.split(line)[1:])


@pytest.mark.parametrize(("page", "span"), [(page, span) for page, text in PAGES.items() for span in spans(text) if span.startswith("musiclc ")])
def test_a_command_line_in_a_sentence_too_though_it_may_be_a_part_of_one(folder, page, span):
    parsed(shlex.split(span)[1:], whole=False)


def test_command_lines_are_found_at_all():
    assert len(shown(README)) >= 15
    assert sum(span.startswith("musiclc ") for text in PAGES.values() for span in spans(text)) >= 10


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_in_a_commands_help_are_taken_by_it(folder, name):
    command, _ = command_of([name])
    lines = [line.strip() for line in (command.help or "").splitlines()]
    for line in (line for line in lines if line.startswith("musiclc ")):
        parsed(shlex.split(line)[1:])


def test_tables_of_options_show_those_of_their_command(folder):
    tables = re.findall(r"^\| option of `(\w+)` \|.*\n\|[-|]+\n((?:\|.*\n)+)", README, re.MULTILINE)
    assert [name for name, _ in tables] == ["sample", "transform"]
    for name, rows in tables:
        for span in (span for row in rows.splitlines() for span in spans(row.split("|")[1]) if span.startswith("-") and span != "-"):
            assert takes(name, span), f"{name} has no {span}"


def named(text):
    """The commands that a text names."""
    lines = [*shown(text), *(span for span in spans(text) if span.startswith("musiclc "))]
    return {word for line in lines for word in shlex.split(line)} & set(COMMANDS) | {span for span in spans(text) if span in COMMANDS}


def test_options_in_sentences_belong_to_a_command_that_their_section_names(folder):
    """Or that the page is about, as its first lines say; where neither names one, that the page names anywhere."""
    for page, text in PAGES.items():
        about = named(text.split("\n## ")[0])
        for heading, part in sections(text):
            names = named(part) | about or named(text)
            for span in (span for span in spans(part) if re.match(r"--?[a-z]", span)):
                assert any(takes(name, span) for name in names), f"{page}, {heading}: {span} is no option of {sorted(names)}"


def test_every_command_is_shown_in_the_readme():
    assert named(README) == set(COMMANDS)


def test_every_method_has_its_row():
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", README.split("| `--method` | how it searches |")[1].split("\n\n")[0], re.MULTILINE)
    (method,) = (p for p in command_of(["sample"])[0].params if "--method" in p.opts)
    assert sorted(name for row in rows for name in spans(row)) == sorted(set(method.type.choices) - {"auto"})


# ---- rules, files, names -------------------------------------------------------------------------------------------


def test_every_rule_has_its_row():
    rows = re.findall(r"^\| `(\w+)` \|", README.split("## Rules")[1].split("##")[0], re.MULTILINE)
    assert rows == [*RULES, *EXAMPLES]


@pytest.mark.parametrize("page", PAGES)
def test_every_file_named_is_there(page):
    named = [span for span in spans(PAGES[page]) if re.fullmatch(r"(musiclc|cli|data|docs|examples|tests)/[\w./-]*", span)]
    named += re.findall(r"\]\(((?:docs|data)/[^)]+)\)", PAGES[page])
    placeholders = re.compile("ROOM|NAME|FILE")
    assert not [name for name in named if not placeholders.search(name) and not (ROOT / name).exists()]


def names_of_the_library(text):
    """Such as musiclc.load or musiclc.cli.sample, file names aside."""
    return {name for name in re.findall(r"(?<![\w/.\]])musiclc(?:\.[A-Za-z_]\w*)+", text) if not name.endswith((".mid", ".html"))}


def is_there(dotted):
    try:
        pkgutil.resolve_name(dotted)
    except (ImportError, AttributeError):
        return False
    return True


@pytest.mark.parametrize("page", PAGES)
def test_every_name_of_the_library_exists(page):
    assert not [name for name in names_of_the_library(PAGES[page]) if not is_there(name)]


def test_every_name_that_a_docstring_or_comment_has_exists_too():
    files = [path for folder in ("musiclc", "cli", "examples") for path in (ROOT / folder).rglob("*.py")]
    wrong = [f"{path.relative_to(ROOT)}: {name}" for path in files for name in sorted(names_of_the_library(path.read_text())) if not is_there(name)]
    assert not wrong


def test_the_readmes_map_names_every_room_once():
    named = re.findall(r"`((?:musiclc/)?\w+)/`", README.split("## Where things live")[1].split("##")[0])
    rooms = [f"musiclc/{path.parent.name}" for path in (ROOT / "musiclc").glob("*/__init__.py")]
    assert sorted(named) == sorted([*rooms, "cli", "data"])


def test_the_shipped_models_checksum_is_the_one_stated():
    assert hashlib.sha256(shipped_model().read_bytes()).hexdigest() in PAGES["data/README.md"]


def test_the_citation_file_names_this_version_and_the_readmes_paper():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (cited["cff-version"], cited["title"], cited["version"]) == ("1.2.0", "musiclc", importlib.metadata.version("musiclc"))
    (paper,) = cited["references"]
    assert f"title     = {{{paper['title']}}}" in README
    authors = " and ".join(f"{author['family-names']}, {author['given-names']}" for author in paper["authors"])
    assert f"author    = {{{authors}}}" in README
    assert f"year      = {{{paper['year']}}}" in README


def test_the_python_example_runs(tmp_path):
    code = README.split("```python\n")[1].split("```")[0]
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("True") >= 4
    assert (tmp_path / "mine.mid").exists()
