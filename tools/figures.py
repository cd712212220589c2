"""Figures that no `musiclc evaluate` makes: python -m tools.figures windows FILE | tunes FILE | thousand N | pictures FOLDER

Each prints JSON lines, {"section": NAME, "rows": [...]}.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]


def say(section: str, rows: Rows) -> None:
    """A table as evaluate --json prints it."""
    print(json.dumps({"section": section, "rows": rows}, ensure_ascii=False))


def windows(path: str) -> None:
    """How many windows each collection has, split by split."""
    from musiclc.training import corpus

    say("windows", of_windows(corpus.load(Path(path))))


def tunes(path: str) -> None:
    """How many works, lines and bars each collection has."""
    from musiclc.training import tunes as whole

    say("tunes", of_tunes(whole.load(Path(path))))


def of_windows(data: Any) -> Rows:
    """Collection → its tunes, and its windows by split."""
    from musiclc.training.corpus import SPLITS

    splits = list(SPLITS)
    collection = [data.info["collections"][tune] for tune in data.tune]
    counts = Counter(zip(collection, (splits[s] for s in data.split), strict=True))
    known = Counter(data.info["collections"])
    return [{"collection": f"`{name}`", "tunes": known[name], **{split: counts[name, split] or "" for split in splits}} for name in sorted(known)]


def of_tunes(data: Any) -> Rows:
    """Collection → its works, the lines that are melodies, and their bars."""
    works, lines, bars = Counter(data.info["collections"]), Counter[str](), Counter[str]()
    for number in range(len(data)):
        lines[data.collection(number)] += 1
        bars[data.collection(number)] += int(data.bars[number])
    return [{"collection": f"`{name}`", "works": count, "lines": lines[name], "bars": bars[name]} for name, count in works.items()]


def thousand(n: str) -> None:
    """How many melodies of README's command line meet both of its constraints."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["sample", "--scale", "C", "--density", "9..11", "--bars", "4", "-n", n, "--seed", "7", "--quiet", "-o", folder]
        subprocess.run([sys.executable, "-m", "musiclc.cli", *words], check=True, stdout=subprocess.DEVNULL)
        lines = [json.loads(line) for line in Path(folder, "manifest.jsonl").read_text().splitlines()]
    say("thousand", [{"made": len(lines), "met both": sum(line["satisfied"] for line in lines)}])


def pictures(folder: str) -> None:
    """The picture of README's first page."""
    subprocess.run([sys.executable, "examples/piano_roll.py", f"{folder}/sample.png"], check=True)
    say("pictures", [{"picture": "sample.png"}])


COMMANDS: dict[str, Callable[..., None]] = {"windows": windows, "tunes": tunes, "thousand": thousand, "pictures": pictures}

if __name__ == "__main__":
    COMMANDS[sys.argv[1]](*sys.argv[2:])
