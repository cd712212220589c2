"""Figures of whole pieces that are asked for: in keys, of a form, in a single draw; how bars are reconstructed; what it costs.

Inside: `TABLES`, `in_key`.
"""

import sys
import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from musiclc.evaluation import makers, returns
from musiclc.evaluation.pieces import Material, last_classes
from musiclc.evaluation.samples import Table, timed
from musiclc.evaluation.tonic import by_profiles
from musiclc.music import tokens as tok
from musiclc.music.form import bars_of, parse_form
from musiclc.music.theory import METERS, parse_key
from musiclc.rules import parse_constraint, parse_constraints

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

KEYS = ("C major", "A minor", "D dorian", "G mixolydian")
FORM = "A8 A'8 B8 A'8"
LARGEST_FORM_SAMPLE = 64  # pieces of 32 bars
SINGLE = ({"scale": "C"}, {"scale": "C", "density": "12"})  # of the paper's experiment, by its own words: "C" is all notes in the scale
NOTES_OFF = 0.5  # notes a bar: so near counts as so many


def keys(model: "Model", material: Material) -> Table:
    """A row a key: share in which the rule finds it met, and, by the profiles, its tonic, its mode too, and that the last note is the tonic."""
    rows, request = [], material.request
    for name in KEYS:
        tokens = makers.by_model(model, {"key": name})(request.n, request.meter, request.bars, request.seed)
        (wanted,) = parse_constraints({"key": name})
        met = wanted.satisfied(wanted.rule.measure(tokens, request.meter)).mean()
        key = parse_key(name)
        found = in_key(tokens, key.tonic or 0, name.split()[1])
        if name.split()[1] not in ("major", "minor"):
            found["tonic and mode"] = float("nan")
        rows.append({"key": name, "n": len(tokens), "met": round(float(met), 3), **found})
    return rows


def in_key(tokens: np.ndarray, asked: int, mode: str) -> dict[str, float]:
    """Of pieces (n, T) that were asked for in a key: share that the profiles hear on that tonic, in that mode too, and that end on it.

    mode: major or minor; the profiles know no other, so that for one neither may be told.
    """
    found, major = by_profiles(tokens)
    right = found == asked
    shares = {"tonic": right, "tonic and mode": right & (major == (mode == "major")), "last note": last_classes(tokens) == asked}
    return {what: round(float(share.mean()), 3) for what, share in shares.items()}


def form(model: "Model", material: Material) -> Table:
    """How well pieces keep FORM, as returns.form_figures."""
    request, wanted = material.request, parse_form(FORM)
    tokens = makers.by_model(model, form=wanted)(min(request.n, LARGEST_FORM_SAMPLE), request.meter, bars_of(wanted), request.seed)
    usual = returns.strangers(material.taught, request.meter, wanted[0].bars)
    return [{"form": FORM, "n": len(tokens), **returns.form_figures(tokens, request.meter, wanted, usual)}]


def single(model: "Model", material: Material) -> Table:
    """The experiment of Engel et al. 2018 (§5), one draw a piece, written once, and as delivered: all notes in C, and the notes a bar."""
    request, rows = material.request, []
    scale = parse_constraint("scale", "C")
    for asked in SINGLE:
        for way, maker in (("single", makers.single(model, asked)), ("delivered", makers.by_model(model, asked))):
            tokens = maker(request.n, request.meter, request.bars, request.seed)
            shares = scale.score(scale.rule.measure(tokens, request.meter))
            notes = tok.onsets(tokens).sum(1) / request.bars
            near = np.abs(notes - float(asked["density"])) <= NOTES_OFF if "density" in asked else np.ones(len(tokens), bool)
            row = {"asked": ", ".join(f"{k} {v}" for k, v in asked.items()), "way": way, "n": len(tokens)}
            shown = {"share in C": shares, "all in C": shares >= 1 - 1e-9, f"within {NOTES_OFF:g} of the notes": near}
            rows.append({**row, **{what: round(float(part.mean()), 3) for what, part in shown.items()}})
    return rows


def reconstruction(model: "Model", material: Material) -> Table:
    """Steps, onsets and whole pieces that are the same after encoding and free-running greedy writing, of held-out pieces."""
    held, meter = material.held[: material.request.n], material.request.meter
    found = makers.reconstructed(model, held, meter)
    same, onset = held == found, tok.onsets(held)
    row = {
        "steps": same.mean(),
        "onsets": same[onset].mean(),
        "bars exact": same.reshape(-1, METERS[meter]).all(1).mean(),
        "exact": same.all(1).mean(),
    }
    return [{"meter": meter, "bars": material.request.bars, "n": len(held), **{what: round(float(share), 4) for what, share in row.items()}}]


def cost(model: "Model", material: Material) -> Table:
    """Wall time of whole commands, in units of `python -c "import torch"` in the same run, and peak memory."""
    del model
    n, seed = material.request.n, material.request.seed
    python, command = [sys.executable], [sys.executable, "-m", "musiclc.cli", "sample", "--key", "C"]
    with tempfile.TemporaryDirectory() as folder:
        common = ["--seed", str(seed), "--overwrite", "--quiet", "-o"]
        unit, _ = timed([*python, "-c", "import torch"])
        bars = {bars: timed([*command, "--bars", str(bars), *common, f"{folder}/{bars}.mid"])[0] for bars in (16, 32, 64, 128)}
        many, memory = timed([*command, "-n", str(n), *common, f"{folder}/many"], repeats=1)
    rows: Table = [{"what": "import torch", "value": round(unit, 2), "unit": "s"}]
    rows += [{"what": f"one piece of {k} bars", "value": round(v / unit, 2), "unit": "× import torch"} for k, v in bars.items()]
    rows += [{"what": f"{n} pieces of 16 bars", "value": round(many / unit, 2), "unit": "× import torch"}]
    return [*rows, {"what": "peak memory", "value": round(memory), "unit": "MB"}]


TABLES: dict[str, Callable[["Model", Material], Table]] = {
    "keys": keys,
    "form": form,
    "single": single,
    "reconstruction": reconstruction,
    "cost": cost,
}
