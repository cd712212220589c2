"""Make every figure and plot of the documents again: python -m tools.evidence run|check|write|record

run     the plan of runs.py on two cores, each command's tables to evidence/NAME.json; what is there for this model and these words is kept
check   hold every quoted figure against the JSON; 1 when one differs, and with --complete also when one has none yet
write   put what the JSON has into the pages: marked tables and figures in sentences
record  take NAME's tables from a file that the same command wrote elsewhere
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tools import quotes
from tools.quotes import EVIDENCE, PAGES, ROOT, Finding
from tools.runs import RUNS, Run

LANES = 2  # commands at once, each on one thread
LIMIT = 90  # minutes that all of it may take


# ---- running -------------------------------------------------------------------------------------------------------


def words(run: Run, data: dict[str, str], folder: str, tiny: bool = False) -> list[str]:
    """A run's command with its places filled in."""
    places = {f"{{{name}}}": place for name, place in {**data, "folder": folder}.items()}
    given = [run.small.get(word, word) if tiny else word for word in run.command]
    return [re.sub(r"\{\w+\}", lambda match: places.get(match[0], match[0]), word) for word in given]


def said(run: Run) -> str:
    """A run's command as one would type it, wherever Python and the datasets lie."""
    typed = {"windows": "windows.safetensors", "tunes": "tunes.safetensors"}
    text = " ".join("python" if word == sys.executable else word for word in words(run, typed, "DIR"))
    return text.replace("python -m musiclc.cli", "musiclc").replace(" --json", "")


def shipped() -> tuple[str, str]:
    """Name and SHA-256 of the shipped model."""
    from musiclc.data import shipped_model

    path = shipped_model()
    return path.stem, hashlib.sha256(path.read_bytes()).hexdigest()


def entry(run: Run, tables: dict[str, Any], seconds: float | None) -> dict[str, Any]:
    """What evidence/NAME.json holds."""
    from importlib.metadata import version

    name, digest = shipped()
    return {"command": said(run), "musiclc": version("musiclc"), "model": name, "sha256": digest, "seconds": seconds, "tables": tables}


def tables_in(text: str) -> dict[str, Any]:
    """Tables that a command printed: JSON lines, Markdown, or columns that two blanks part."""
    lines = [json.loads(line) for line in text.splitlines() if line.startswith('{"section"')]
    if lines:
        return {line["section"]: line["rows"] for line in lines}
    if "\n|" in text:
        return {"table": _rows(quotes.cells(text))}
    blocks = [block for block in text.split("\n\n") if block.strip()]
    return {_first(block): _rows([re.split(r"\s{2,}", line.strip()) for line in block.strip().splitlines()]) for block in blocks}


def _first(block: str) -> str:
    """The head of a table in columns, as its name."""
    return re.split(r"\s{2,}", block.strip())[0].replace(" ", "-")


def _rows(table: list[list[str]]) -> list[dict[str, str]]:
    return [dict(zip(table[0], row, strict=False)) for row in table[1:]]


def made(name: str, data: dict[str, str], tiny: bool = False) -> dict[str, Any]:
    """Runs one command of the plan and takes its plots to docs/. Raises RuntimeError with the end of what it said when it fails."""
    run, began = RUNS[name], time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(words(run, data, folder, tiny), cwd=ROOT, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{name}: exit {done.returncode}: {done.stderr.strip()[-500:]}")
        for plot, place in {} if tiny else run.plots.items():
            shutil.copyfile(Path(folder, plot), ROOT / "docs" / place)
    return entry(run, tables_in(done.stdout), round(time.monotonic() - began, 1))


def kept(name: str, runs: quotes.Runs) -> bool:
    """Whether a run need not be made: its JSON is of this model and of the command as it is planned now."""
    there = runs.get(name)
    return there is not None and there["sha256"] == shipped()[1] and there["command"] == said(RUNS[name])


def run_all(names: Sequence[str], data: dict[str, str], again: bool, tiny: bool, folder: Path) -> int:
    """Runs what is wanted, the longest first, two at a time, then by itself what measures time. Returns an exit code."""
    runs = quotes.stored(folder)
    wanted = [name for name in names if again or tiny or not kept(name, runs)]
    wanted.sort(key=lambda name: -RUNS[name].minutes)
    together = [name for name in wanted if not RUNS[name].alone]
    began, failed = time.monotonic(), []

    def one(name: str) -> None:
        try:
            found = made(name, data, tiny)
        except RuntimeError as error:
            failed.append(name)
            print(error, file=sys.stderr, flush=True)
            return
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
        print(f"{name}: {found['seconds']:.0f} s", flush=True)

    with ThreadPoolExecutor(LANES) as lanes:
        list(lanes.map(one, together))
    for name in wanted:
        if RUNS[name].alone:
            one(name)
    minutes = (time.monotonic() - began) / 60
    print(f"{len(wanted) - len(failed)} of {len(names)} made, {len(names) - len(wanted)} kept, in {minutes:.1f} minutes (at most {LIMIT} are meant)")
    return 1 if failed else 0


# ---- checking ------------------------------------------------------------------------------------------------------


def all_findings() -> list[Finding]:
    """What becomes of each quoted figure of each page."""
    runs, every = quotes.stored(), quotes.mapping()
    return [finding for page in PAGES for finding in quotes.findings(page, (ROOT / page).read_text(), runs, every)]


def check(complete: bool) -> int:
    """Says which figures differ, which have no JSON yet, and which JSON is of other weights. Returns an exit code."""
    found = all_findings()
    counts = Counter(finding.kind for finding in found)
    for finding in found:
        if finding.kind == "differs":
            print(f"DIFFERS  {finding}")
    for name, missing in _by_run(f for f in found if f.kind == "missing").items():
        pages = ", ".join(f"{count} in {page}" for page, count in sorted(missing.items()))
        print(f"NO JSON  evidence/{name}.json ({RUNS[name].about}): {pages}")
    for name in _other_weights():
        print(f"OTHER WEIGHTS  evidence/{name}.json")
    for name in (name for name in quotes.stored() if not quotes.stored()[name].get("seconds")):
        print(f"RECORDED  evidence/{name}.json: taken from a run elsewhere, not made by `make evidence`")
    print(f"{counts['agrees']} agree, {counts['differs']} differ, {counts['missing']} have no JSON yet")
    return 1 if counts["differs"] or (complete and (counts["missing"] or _other_weights())) else 0


def _by_run(missing: Any) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for finding in missing:
        found.setdefault(finding.source.split("/")[0], Counter())[finding.page] += 1
    return found


def _other_weights() -> list[str]:
    return [name for name, run in quotes.stored().items() if run["sha256"] != shipped()[1]]


def write() -> int:
    """Puts the JSON's figures into the pages."""
    runs, every = quotes.stored(), quotes.mapping()
    for page in PAGES:
        path = ROOT / page
        before = path.read_text()
        after = quotes.rewritten(page, before, runs, every)
        if after != before:
            path.write_text(after)
            print(page)
    return 0


def record(name: str, path: Path, seconds: float | None) -> int:
    """Takes a run's tables from a file of JSON lines, or of `evaluate -o`."""
    text = path.read_text()
    tables = (
        tables_in(text)
        if text.startswith('{"section"')
        else {k: v for k, v in json.loads(text).items() if v and isinstance(v, list) and isinstance(v[0], dict)}
    )
    EVIDENCE.mkdir(exist_ok=True)
    (EVIDENCE / f"{name}.json").write_text(json.dumps(entry(RUNS[name], tables, seconds), indent=1, ensure_ascii=False) + "\n")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.evidence", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ways = parser.add_subparsers(dest="way", required=True)
    run = ways.add_parser("run")
    run.add_argument("names", nargs="*", help="runs of the plan; all when none is named")
    run.add_argument("--windows", default="work/windows.safetensors", help="the dataset of musiclc prepare --essen")
    run.add_argument("--tunes", default="work/tunes.safetensors", help="the dataset of musiclc prepare --tunes")
    run.add_argument("--again", action="store_true", help="make also what is there")
    run.add_argument("--tiny", action="store_true", help="a try with few melodies; no plots")
    run.add_argument("--folder", type=Path, default=EVIDENCE, help="where the JSON goes")
    ways.add_parser("check").add_argument("--complete", action="store_true", help="1 also when a figure has no JSON yet")
    ways.add_parser("write")
    recorded = ways.add_parser("record")
    recorded.add_argument("name", choices=RUNS)
    recorded.add_argument("file", type=Path)
    recorded.add_argument("--seconds", type=float)
    given = parser.parse_args(arguments)
    if given.way == "run":
        if unknown := set(given.names) - set(RUNS):
            parser.error(f"no run {', '.join(sorted(unknown))}; the plan has {', '.join(RUNS)}")
        data = {"windows": str(Path(given.windows).resolve()), "tunes": str(Path(given.tunes).resolve())}
        if given.tiny and given.folder == EVIDENCE:
            parser.error("--tiny: figures of a try are no evidence; say --folder")
        return run_all(given.names or list(RUNS), data, given.again, given.tiny, given.folder)
    if given.way == "record":
        return record(given.name, given.file, given.seconds)
    return write() if given.way == "write" else check(given.complete)


if __name__ == "__main__":
    sys.exit(main())
