"""What is delivered: metadata, licences of what is needed, completion in the shell. `python -m tools.release` builds and tries it."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from tools import licences

ROOT = Path(__file__).parent.parent


def test_the_version_is_the_changelogs_newest():
    first = (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1].split()[0]
    assert importlib.metadata.version("musiclc") == first


def test_classifiers_are_those_of_the_pythons_that_it_takes():
    found = importlib.metadata.metadata("musiclc")
    named = {c.rsplit(" ", 1)[-1] for c in found.get_all("Classifier") if "Python :: 3." in c}
    assert named == {"3.10", "3.11", "3.12", "3.13"}
    assert set(found["Requires-Python"].split(",")) == {">=3.10", "<3.14"}
    assert (ROOT / "musiclc" / "py.typed").exists()


# ---- licences ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("licence", "kind"),
    [
        ("MIT", "permissive"),
        ("BSD-3-Clause AND 0BSD", "permissive"),
        ("MIT OR GPL-2.0-only", "permissive"),
        ("MIT AND GPL-2.0-only", "copyleft"),
        ("LGPL-2.1-or-later", "copyleft"),
        ("GNU General Public License v3 (GPLv3)", "copyleft"),
        ("Mozilla Public License 2.0 (MPL 2.0)", "copyleft"),
        ("Proprietary", "unknown"),
        ("see the website", "unknown"),
        ("", "unknown"),
    ],
)
def test_licences_are_told_apart(licence, kind):
    assert licences.verdict(licence) == kind


def test_everything_that_is_needed_has_a_licence_that_is_allowed():
    packages = list(licences.needed(licences.EXTRAS))
    assert {"torch", "click", "markupsafe"} <= {package.name for package in packages}  # the last by way of jinja2
    assert [p for p in packages if licences.verdict(p.licence) != "permissive" and p.name not in licences.ALLOWED] == []


def test_what_users_need_without_extras_has_no_copyleft_but_certificates_and_resampling():
    assert {p.name for p in licences.needed(()) if licences.verdict(p.licence) != "permissive"} <= {"certifi", "soxr", "tqdm"}


def test_what_is_not_allowed_fails_and_is_named(monkeypatch, capsys):
    monkeypatch.setattr(
        licences,
        "needed",
        lambda extras: iter([licences.Package("evil", "1", "GPL-3.0-only", "musiclc"), licences.Package("good", "1", "MIT", "musiclc")]),
    )
    assert licences.main([]) == 1
    assert "evil 1: GPL-3.0-only (copyleft; for musiclc)  NOT ALLOWED" in capsys.readouterr().out


# ---- completion ----------------------------------------------------------------------------------------------------


def completed(shell, words, word):
    """What a shell would offer, by Click's protocol: bash and zsh say how many words there are, fish the one that is begun."""
    given = {"COMP_WORDS": " ".join(["musiclc", *words, word]), "COMP_CWORD": word if shell == "fish" else str(len(words) + 1)}
    said = subprocess.run(
        [sys.executable, "-c", "from musiclc.cli import main; main()"],
        env={"_MUSICLC_COMPLETE": f"{shell}_complete", **given},
        capture_output=True,
        text=True,
    )
    assert not said.stderr
    return said.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_options_and_choices_are_completed(shell):
    assert "infill" in completed(shell, [], "in")
    assert "--density" in completed(shell, ["sample"], "--de")
    assert "guided" in completed(shell, ["sample", "--method"], "gu")


def test_bash_takes_the_script(tmp_path):
    script = subprocess.run([sys.executable, "-m", "musiclc.cli"], env={"_MUSICLC_COMPLETE": "bash_source"}, capture_output=True, text=True).stdout
    (tmp_path / "musiclc").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m musiclc.cli "$@"\n')
    (tmp_path / "musiclc").chmod(0o755)
    code = (
        f'PATH="{tmp_path}:$PATH"\n{script}\nCOMP_WORDS=(musiclc tr) COMP_CWORD=1\n_musiclc_completion "{tmp_path}/musiclc"\necho "${{COMPREPLY[@]}}"'
    )
    assert subprocess.run(["bash", "-c", code], capture_output=True, text=True).stdout.split() == ["transform", "train"]
