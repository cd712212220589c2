"""The documents as a site: pages of reference are those of the code, and mkdocs builds all without a warning."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import musiclc
from musiclc.cli import COMMANDS
from musiclc.custom.examples import EXAMPLES
from musiclc.rules import RULES
from tests.test_docs import command_of, options_of
from tools import reference

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def pages():
    return {name: page() for name, page in reference.PAGES.items()}


def headings(page):
    return re.findall(r"^## (.+)$", page, re.MULTILINE)


def test_every_command_rule_and_name_has_its_place_in_order(pages):
    assert headings(pages["commands"]) == list(COMMANDS)
    assert headings(pages["rules"]) == [*RULES, *EXAMPLES]
    assert headings(pages["python"]) == [f"musiclc.{name}" for name in musiclc.__all__]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_that_is_not_hidden_is_shown_once(pages, name):
    part = pages["commands"].split(f"\n## {name}\n")[1].split("\n## ")[0]
    command, _ = command_of([name])
    commands = [command, *getattr(command, "commands", {}).values()]
    hidden = {opt for c in commands for p in c.params if getattr(p, "hidden", False) for opt in p.opts}
    options = {option for c in commands for option in options_of(c)} - hidden - {"--help", "-h"}
    rows = re.findall(r"^\| (`-.*?) \|", part, re.MULTILINE)
    assert {option for row in rows for option in re.findall(r"`(--?[\w-]+)`", row)} == options


def test_no_cell_breaks_its_table_and_no_page_has_objects_addresses(pages):
    for page in pages.values():
        assert "object at 0x" not in page
        assert "Sentinel" not in page
        for table in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE):
            assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1, table


def test_docstrings_keep_their_examples_as_code():
    shown = reference._verbatim("What.\n\n    a = 1\n\n    b = a < 2\n\nSo <that>.")
    assert shown == "What.\n\n```python\na = 1\n\nb = a < 2\n```\n\nSo &lt;that>."


def test_equations_become_mathml_and_code_with_dollars_stays():
    pytest.importorskip("latex2mathml")
    made = reference.on_page_markdown("With $x_t$ and `$HOME`:\n\n$$ a = b $$\n\n```sh\necho $x $y\n```\n")
    assert made.count("<math") == 2
    assert made.startswith("With <span><math")
    assert "`$HOME`" in made
    assert "echo $x $y" in made


def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("material")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    commands = (tmp_path / "site" / "reference" / "commands" / "index.html").read_text()
    assert "{0,4,7}" in commands
    assert "<code>NAME=GOAL|FILE.py:FUNCTION[=GOAL]</code>" in commands.replace("&#124;", "|")
    page = (tmp_path / "site" / "method" / "index.html").read_text()
    assert page.count("<math") > 10
    loaded = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="(https?://[^"]+)"', page)
    assert loaded == []  # nothing from other servers
