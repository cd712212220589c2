"""Run what the documents show: python -m tools.examples [PAGE…] [--pictures] [--as-typed] [--fast]

Blocks marked ```sh are run by bash, and ```python by Python, page by page, in order, each page in a folder of its own that holds a few files to
work on (`given`). Comments that Markdown hides say more of
the block that follows:

    <!-- slow -->          left out by --fast, as is every block with a command that draws or edits notes
    <!-- not run: WHY -->  shown only; a block with commands and no language needs this
    <!-- shows: FILE -->   this block makes a picture of the page, which lies at that path beside it

--pictures takes the pictures that blocks made to docs/. Unless --as-typed, `-n` is 2 at most, so that all of it takes some minutes. `docstrings`
as a page stands for the examples in the help of commands.

Inside: `Block`, `PAGES`, `blocks`, `run_page`, `given`.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.quotes import ROOT

PAGES = ("README.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md")), "docstrings")
FENCE = re.compile(r"(?P<notes>(?:^<!--[^\n]*-->\n)*)^```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(?:musiclc|python|pip|make|ray|nohup) ", re.MULTILINE)
DRAWS = re.compile(
    r"musiclc (?:sample|transform|vary|interpolate|continue|infill|bridge|train|prepare|evaluate|critic)\b"
    r"|musiclc batch(?!.*--(?:check|dry-run))|musiclc (?:render|score) .*(?:--wav|--report|--check)"
)
ASIDE = {"train": "takes hours", "prepare": "reads a corpus for minutes", "evaluate": "takes minutes"}  # commands whose help's examples are not run
MOST = 2  # files a command is asked for


@dataclass(frozen=True)
class Block:
    """A block of code of a page: the line it begins on, its language, its text, and what the comments before it say."""

    page: str
    line: int
    language: str
    code: str
    notes: str = ""

    @property
    def runs(self) -> bool:
        return self.language in ("sh", "python") and "not run:" not in self.notes

    @property
    def slow(self) -> bool:
        return "<!-- slow -->" in self.notes or (self.language == "python" and "musiclc.load" in self.code) or bool(DRAWS.search(self.code))

    @property
    def shows(self) -> list[str]:
        """Pictures that it makes."""
        return re.findall(r"<!-- shows: (\S+) -->", self.notes)

    @property
    def explained(self) -> bool:
        """Whether it is run, says why not, or shows no commands."""
        return self.runs or "<!-- not run: " in self.notes or not COMMAND.search(self.code)


def blocks(page: str) -> list[Block]:
    """The blocks of a page, in order."""
    if page == "docstrings":
        return list(_of_help())
    text = (ROOT / page).read_text()
    return [Block(page, text.count("\n", 0, m.start("code")), m["language"], m["code"], m["notes"]) for m in FENCE.finditer(text)]


def _of_help() -> Iterator[Block]:
    """The examples in the help of commands, a block a command, and those of the package's docstring."""
    import click

    import musiclc
    from musiclc.cli import COMMANDS, group

    for name in COMMANDS:
        command = group.get_command(click.Context(group), name)
        lines = [line.strip() for line in ((command.help if command else "") or "").splitlines()]
        if shown := [line for line in lines if line.startswith("musiclc ")]:
            first = "rm -rf out out.mid tunes\n" + ("musiclc sample --key C --bars 4 -n 2 -o out --quiet\n" if name in ("score", "render") else "")
            notes = f"<!-- not run: {ASIDE[name]} -->" if name in ASIDE else "<!-- slow -->"
            yield Block(f"musiclc {name} --help", 0, "sh", first + "\n".join(shown) + "\n", notes)
    code = "".join(line[4:] + "\n" for line in (musiclc.__doc__ or "").splitlines() if line.startswith("    ") or not line)
    yield Block("musiclc.__doc__", 0, "python", code)


# ---- what pages work on --------------------------------------------------------------------------------------------


def given(folder: Path, fast: bool) -> None:
    """Files that the pages name and do not make: songs with several tracks, folders of them; and, for --fast, stand-ins for what is drawn."""
    pieces = [(ROOT / "docs" / "gallery" / f"piece-{number}.mid").read_bytes() for number in (1, 4, 7)]
    for name, data in zip(("verse.mid", "chorus.mid", "hook.mid"), pieces, strict=True):
        (folder / name).write_bytes(data)
    for name in ("tune.mid", "first.mid", "minor.mid", "form.mid", "asked/1.mid", "out/1.mid") if fast else ():
        _put(folder / name, pieces[0])
    (folder / "song.mid").write_bytes(_arranged(pieces[0]))
    for place in ("songs/a.mid", "songs/below/b.mid", "my-songs/c.mid", "old/a.mid", "old.mid"):
        _put(folder / place, _arranged(pieces[len(place) % 2]))
    for number in range(1, 9):
        data = (ROOT / "docs" / "gallery" / f"piece-{number}.mid").read_bytes()
        _put(folder / ("calm" if number % 2 else "wild") / f"{number}.mid", data)
    for number, data in enumerate(pieces * 2):
        _put(folder / "my-midi-folder" / f"{number}.mid", data)
    (folder / "my.py").write_text(
        "def zigzag(melody):\n    p = [n.pitch for n in melody.notes]\n    return sum(a < b for a, b in zip(p, p[1:])) / len(p) if p else 0.0\n"
    )
    (folder / "jobs.jsonl").write_text('{"id": "one", "key": "C", "bars": 4, "seed": 1}\n')
    (folder / "pictures").mkdir()


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _arranged(data: bytes) -> bytes:
    """A piece as a song: its melody as track Voice, a bass and drums."""
    import io

    import mido

    file = mido.MidiFile(file=io.BytesIO(data))
    notes = file.tracks[-1]
    notes.name = "Voice"
    bass = mido.MidiTrack([mido.MetaMessage("track_name", name="Bass")])
    drums = mido.MidiTrack([mido.MetaMessage("track_name", name="Drums")])
    for _ in range(32):
        for track, channel, pitch in ((bass, 1, 36), (drums, 9, 38)):
            track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=80, time=0))
            track.append(mido.Message("note_off", channel=channel, note=pitch, velocity=0, time=2 * file.ticks_per_beat))
    file.tracks += [bass, drums]
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def environment(folder: Path) -> dict[str, str]:
    """With this Python as `musiclc` and `python`, and caches of its own."""
    tools = folder / ".tools"
    tools.mkdir()
    for name, words in (("musiclc", "-m musiclc.cli"), ("python", "")):
        (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        (tools / name).chmod(0o755)
    own = {f"XDG_{kind}_HOME": str(tools / kind) for kind in ("CACHE", "DATA")}
    path = os.pathsep.join([str(tools), os.environ["PATH"]])
    return {**os.environ, **own, "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}


# ---- running -------------------------------------------------------------------------------------------------------


def fewer(code: str) -> str:
    """The same with at most MOST files a command or job."""
    return re.sub(r'( -n |"n": )(\d+)', lambda m: m[1] + str(min(int(m[2]), MOST)), code)


def run_page(page: str, fast: bool = False, as_typed: bool = False, pictures: bool = False, talk: bool = False) -> None:
    """Runs a page's blocks. Raises AssertionError that names the block and what it said, and for a picture that no block made."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given(folder, fast)
        around = environment(folder)
        for block in blocks(page):
            if not block.runs or (fast and block.slow):
                continue
            began = time.monotonic()
            _run(block, block.code if as_typed else fewer(block.code), folder, around)
            if talk:
                print(f"{block.page}:{block.line}: {time.monotonic() - began:.1f} s", flush=True)
            for picture in block.shows:
                _shown(block, folder / picture, (ROOT / page).parent / picture, pictures)


def _run(block: Block, code: str, folder: Path, around: dict[str, str]) -> None:
    words = ["bash", "-euo", "pipefail", "-c", code] if block.language == "sh" else [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=folder, env=around, capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, f"{block.page}:{block.line}: exit {done.returncode}\n{code}\n{done.stderr.strip()[-2000:]}"


def _shown(block: Block, made: Path, place: Path, take: bool) -> None:
    """A picture was made; take: to its place in docs."""
    assert made.exists(), f"{block.page}:{block.line}: made no {made.name}"
    if take:
        _put(place, made.read_bytes())


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.examples", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", default=list(PAGES))
    for name in ("fast", "as-typed", "pictures"):
        parser.add_argument(f"--{name}", action="store_true")
    asked = parser.parse_args(arguments)
    failed = 0
    for page in asked.pages:
        try:
            run_page(page, asked.fast, asked.as_typed, asked.pictures, talk=True)
        except AssertionError as error:
            failed += 1
            print(error, file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
