"""The plan of `make evidence`: which command makes which tables and plots, how long it takes, and how far its figures may spread.

A run prints its tables as JSON lines (`musiclc evaluate --json`), as Markdown or in columns; evidence.py keeps them as evidence/NAME.json.
Figures of one machine are
the same again to their last digit; `spread` names the columns that are times or memory, and by how much those differ from one run to the next.

Inside: `Run`, `RUNS`, `HISTORY`.
"""

import sys
from dataclasses import dataclass, field

PYTHON = (sys.executable,)
EVALUATE = (*PYTHON, "-m", "musiclc.cli", "evaluate", "--json")
TIMES = {"seconds": "60 %", "seconds a melody": "60 %", "times guided, seconds": "60 %", "seconds, first": "60 %", "again": "60 %"}


@dataclass(frozen=True)
class Run:
    """One command of the plan.

    command: its words; {windows}, {tunes} are datasets, {folder} is where it may write. small: what takes the place of words for a try (`--tiny`).
    minutes: on one core of the machine that made the published figures. alone: nothing beside it, since it measures time. plots: file in
    {folder} → file in docs/.
    """

    about: str
    command: tuple[str, ...]
    minutes: float
    small: dict[str, str] = field(default_factory=dict)
    spread: dict[str, str] = field(default_factory=dict)
    plots: dict[str, str] = field(default_factory=dict)
    alone: bool = False


def _evaluated(about: str, words: str, minutes: float, tiny: str = "2", **more: object) -> Run:
    """A run of `musiclc evaluate WORDS`; `-n` is small in a try."""
    command = (*EVALUATE, *words.split())
    small = {command[command.index("-n") + 1]: tiny} if "-n" in command else {}
    return Run(about, command, minutes, small, **more)  # type: ignore[arg-type]


RUNS: dict[str, Run] = {
    "windows": Run("what the dataset of windows holds", (*PYTHON, "-m", "tools.figures", "windows", "{windows}"), 0.1),
    "tunes": Run("what the dataset of tunes holds", (*PYTHON, "-m", "tools.figures", "tunes", "{tunes}"), 0.1),
    "tonic": _evaluated("the key that is heard, against headers", "tonic --data {tunes}", 3),
    "reconstruction": _evaluated("four bars encoded and decoded", "reconstruction --data {windows}", 4),
    "copies": _evaluated("runs shared with training tunes", "copies --data {windows} -n 128", 3),
    "constraints": _evaluated(
        "methods, targets and rules of one's own on four bars",
        "constraints --data {windows} -n 64 -o {folder} --part methods --part targets --part rejection --part own",
        15,
        "4",
        spread=TIMES,
        plots={"targets.png": "targets.png", "methods.png": "methods.png"},
    ),
    "thousand": Run("a thousand melodies of one command line", (*PYTHON, "-m", "tools.figures", "thousand", "1000"), 3, {"1000": "4"}),
    "edits": _evaluated("edits of whole tunes by constraints", "transform --data {windows} -n 185 -o {folder} --part constraints --part back", 40),
    "frontier": _evaluated(
        "edits for all values of keep",
        "transform --data {windows} -n 185 -o {folder} --part frontier --part identity --part events",
        25,
        plots={"frontier.png": "frontier.png"},
    ),
    "pieces": _evaluated(
        "whole pieces beside real tunes",
        "pieces --data {tunes} -n 100 --split validation --part ratios --part returns --part ending",
        12,
        "4",
    ),
    "filled": _evaluated(
        "hidden bars filled, and bars decoded", "pieces --data {tunes} -n 60 --split validation --part infilling --part reconstruction", 10, "4"
    ),
    "digits": Run(
        "the engine on images of digits", (*PYTHON, "examples/digits.py", "-o", "{folder}/digits.png"), 4, plots={"digits.png": "digits.png"}
    ),
    "pictures": Run("pictures of the documents", (*PYTHON, "-m", "tools.figures", "pictures", "{folder}"), 1, plots={"sample.png": "sample.png"}),
    "cost": _evaluated("time and memory of commands", "cost --data {windows} -n 1000", 3, "4", spread={"value": "60 %"}, alone=True),
    "batches": Run(
        "time and memory of batches",
        (*PYTHON, "-m", "tests.time_batches"),
        7,
        spread={"s": "60 %", "× import torch": "40 %", "MB": "15 %"},
        alone=True,
    ),
}

# Pictures that no command remakes, and why.
HISTORY = {
    "studio.png": "by `python examples/studio_shots.py`, which needs a Chromium",
    "studio-dark.png": "the same",
    "vae-1.png": "loss of a training that took place once, before the plan was written",
    "vae-3.png": "the same",
    "prior-1.png": "the same",
    "prior-2.png": "the same",
    "report.png": "a browser's picture of the page; tests/output show that the page is as it is drawn",
    "roll.png": "a picture of a melody; `musiclc render` is tested where it is drawn",
}
