"""Figures and baselines of a model: what README and data/README.md quote, each made by `musiclc evaluate`.

Every figure about samples is measured on notes read back from the written MIDI files, by the rules; never by a critic. (Constraints of all
kinds: constraints.py; edits: edits.py.)

Inside: `reconstruction`, `samples`, `copies`, `cost`; and what other figures share: `Table`, `delivered`, `distinct`, `timed`, `markdown`.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc.data import shipped_model
from musiclc.evaluation.trigram import Trigram, events
from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS
from musiclc.music.theory import PHRASE_METERS, PITCH_CLASS_NAMES
from musiclc.rules import RULES, best_key, parse_constraint
from musiclc.rules.base import Constraint
from musiclc.sampling import sample as sampling
from musiclc.training.corpus import Dataset

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

COPY_LENGTHS = (16, 24, 32, 40, 48)  # steps
MAX_PHRASES = 4000  # of a split and meter, for reconstruction
CHUNK = 500  # phrases that go through the network together
REJECTION_MELODIES, REJECTION_DRAWS = 200, 24  # rejection is slow: at most so many melodies, and draws a melody

Table = list[dict[str, Any]]


def delivered(
    model: "Model", constraints: Mapping[str, str] | Sequence[Constraint], n: int, seed: int, **options: Any
) -> tuple[np.ndarray, list[sampling.Sample]]:
    """Tokens (n, T) read back from the files that n samples were written to, and the samples. options: of sampling.SampleOptions."""
    from musiclc.midi import read_melody, to_bytes

    drawn = list(sampling.sample(model, constraints, n, sampling.SampleOptions(**{"bars": PHRASE_BARS, "seed": seed, **options})))
    with tempfile.TemporaryDirectory() as folder:
        read = []
        for sample in drawn:
            path = Path(folder) / f"{sample.index}.mid"
            path.write_bytes(to_bytes(sample.melody))
            read.append(read_melody(path) if sample.melody.notes else sample.melody)
    return tok.from_melodies(read), drawn


def distinct(tokens: np.ndarray) -> float:
    """Share of melodies (n, T) that are different ones, transpositions counted as the same."""
    return round(len({row.tobytes() for row in tok.key_free(tokens)}) / len(tokens), 4)


# ---- reconstruction ------------------------------------------------------------------------------------------------


def reconstruction(model: "Model", dataset: Dataset, n: int, seed: int) -> Table:
    """Greedy free-running reconstruction from the encoder's mean, a row a split: shares of steps, onsets and whole phrases right."""
    rows = []
    for split in ("test", "near", "far"):
        right: Counter[str] = Counter()
        for meter in PHRASE_METERS:
            phrases = dataset.melody_tokens(split, meter)
            phrases = phrases[np.random.default_rng(seed).permutation(len(phrases))[:MAX_PHRASES]]
            for first in range(0, len(phrases), CHUNK):
                right += _right(model, phrases[first : first + CHUNK], meter)
        if right["phrases"]:
            rows.append(
                {
                    "split": split,
                    "phrases": right["phrases"],
                    "steps right": round(right["steps right"] / right["steps"], 4),
                    "onsets right": round(right["onsets right"] / right["onsets"], 4),
                    "phrases exact": round(right["phrases exact"] / right["phrases"], 4),
                }
            )
    return rows


def _right(model: "Model", phrases: np.ndarray, meter: str) -> Counter[str]:
    """Of phrases (n, T) in one meter: how many steps, onsets and phrases there are, and how many of each come back."""
    import torch

    meters = torch.full((len(phrases),), PHRASE_METERS.index(meter))
    with torch.no_grad():
        mean, _ = model.vae.encode(torch.from_numpy(tok.pad(phrases, meter).astype(np.int64)), meters)
    same = tok.unpad(model.vae.decode(mean, meters).numpy(), meter) == phrases
    onset = tok.onsets(phrases)
    counts = {"steps": same.size, "onsets": onset.sum(), "phrases": len(same)}
    counts |= {"steps right": same.sum(), "onsets right": same[onset].sum(), "phrases exact": same.all(1).sum()}
    return Counter({what: int(count) for what, count in counts.items()})


# ---- samples -------------------------------------------------------------------------------------------------------


def samples(model: "Model", dataset: Dataset, n: int, seed: int) -> Table:
    """Real held-out tunes, the VAE's prior, ours without and in C major, and the baselines for C, in 4/4: a row each."""
    judge = Trigram(events(dataset.melody_tokens("train", "4/4")))
    real = np.concatenate([dataset.melody_tokens(split, "4/4") for split in ("test", "near")])
    in_c, drawn = delivered(model, {"scale": "C"}, n, seed, method="guided")
    extra = {
        "attempts": round(float(np.mean([sample.attempts for sample in drawn])), 3),
        "repaired": sum("repair" in sample.method for sample in drawn),
        "tonics": _tonics(in_c),
    }
    groups = {"real held-out tunes": real, **_before_c(model, n, seed), "in C, delivered": in_c, **_baselines_in_c(model, n, seed)}
    groups["in C by snapping"] = _snapped(groups["prior, no constraint"])
    reference = judge.cross_entropy(events(real))
    return [
        {"method": name, **_sample_row(tokens, judge, reference), **(extra if name == "in C, delivered" else {})} for name, tokens in groups.items()
    ]


def _before_c(model: "Model", n: int, seed: int) -> dict[str, np.ndarray]:
    """Melodies (n, T) of both priors without constraints, and one candidate each in C."""
    return {
        "VAE prior N(0, I)": delivered(model, {}, n, seed, method="normal")[0],
        "prior, no constraint": delivered(model, {}, n, seed, method="guided")[0],
        "in C, single shot": delivered(model, {"scale": "C"}, n, seed, method="guided", attempts=1, candidates=1)[0],
    }


def _baselines_in_c(model: "Model", n: int, seed: int) -> dict[str, np.ndarray]:
    """Other ways to C major: rejection, and a mask while decoding."""
    rejection, _ = delivered(model, {"scale": "C"}, min(n, REJECTION_MELODIES), seed, method="rejection", attempts=REJECTION_DRAWS)
    return {f"in C by rejection, up to {REJECTION_DRAWS} draws": rejection, "in C by decode-time mask": _masked(model, n, seed)}


def _sample_row(tokens: np.ndarray, judge: Trigram, reference: float) -> dict[str, Any]:
    """Figures of melodies (n, T) in 4/4; reference: the cross-entropy of real tunes."""
    shares = parse_constraint("scale", "C").score(RULES["scale"].measure(tokens, "4/4"))
    cross_entropy = judge.cross_entropy(events(tokens))
    return {
        "melodies": len(tokens),
        "all in C": round(float((shares >= 1 - 1e-9).mean()), 4),
        "mean share in C": round(float(shares.mean()), 4),
        "cross-entropy": round(cross_entropy, 3),
        "over real": f"{100 * (cross_entropy / reference - 1):+.1f} %",
        "distinct": distinct(tokens),
        "notes a bar": round(float(RULES["density"].measure(tokens, "4/4").mean()), 2),
    }


def _masked(model: "Model", n: int, seed: int) -> np.ndarray:
    """Samples of the prior, encoded and decoded again with every token outside C major banned."""
    import torch

    goal = parse_constraint("scale", "C").goal
    banned = torch.zeros(tok.VOCABULARY, dtype=torch.bool)
    for token in range(tok.FIRST_ONSET, tok.VOCABULARY):
        banned[token] = goal.high[(token + tok.PITCH_OF_TOKEN) % 12] <= 0
    free, _ = delivered(model, {}, n, seed, method="rejection", attempts=1)  # the prior's own transposition is C: these stand in all keys
    rows = []
    for first in range(0, n, CHUNK):
        tokens = torch.from_numpy(free[first : first + CHUNK].astype(np.int64))
        meter = torch.zeros(len(tokens), dtype=torch.long)
        rows.append(model.vae.decode(model.vae.encode(tokens, meter)[0], meter, banned).numpy())
    return np.concatenate(rows)


def _snapped(tokens: np.ndarray) -> np.ndarray:
    """Every onset outside C major moved down a semitone (all of them are sharps of a note that is inside)."""
    allowed = np.isinf(parse_constraint("scale", "C").goal.high)
    outside = tok.onsets(tokens) & ~allowed[(tokens.astype(int) + tok.PITCH_OF_TOKEN) % 12]
    return np.where(outside, tokens - 1, tokens).astype(tokens.dtype)


def _tonics(tokens: np.ndarray) -> dict[str, float]:
    """Share of melodies by the key that Krumhansl's profiles hear, and by last note, the five most frequent of each."""
    heard = Counter(best_key(shares) for shares in RULES["scale"].measure(tokens, "4/4"))
    last = Counter(PITCH_CLASS_NAMES[(int(row[tok.onsets(tokens)[i]][-1]) + tok.PITCH_OF_TOKEN) % 12] for i, row in enumerate(tokens))
    return {k: round(v / len(tokens), 3) for counts in (heard, last) for k, v in counts.most_common(5)}


# ---- copies --------------------------------------------------------------------------------------------------------


def copies(model: "Model", dataset: Dataset, n: int, seed: int) -> Table:
    """Share of melodies with a run of so many steps that stands in a training tune too, up to transposition, in 4/4."""
    train = dataset.melody_tokens("train", "4/4")
    groups = {
        "real held-out tunes": dataset.melody_tokens("test", "4/4"),
        "prior, no constraint": delivered(model, {}, n, seed)[0],
        "in C, delivered": delivered(model, {"scale": "C"}, n, seed)[0],
    }
    table: Table = [{"melodies": name} for name in groups]
    for length in COPY_LENGTHS:
        known = np.unique(_runs(train, length))
        for row, tokens in zip(table, groups.values(), strict=True):
            row[f"{length} steps"] = round(float(np.isin(_runs(tokens, length), known).any(1).mean()), 4)
    return table


def _runs(tokens: np.ndarray, length: int) -> np.ndarray:
    """A hash of every run of `length` steps, the same for transpositions: uint64 (n, T − length + 1)."""
    symbols = _relative(tokens)
    weights = np.random.default_rng(0).integers(1, 2**63, length, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    hashes = []
    for first in range(tokens.shape[1] - length + 1):
        part = symbols[:, first : first + length].copy()
        onset = part >= 100
        rows = np.flatnonzero(onset.any(1))
        part[rows, onset[rows].argmax(1)] = 200  # the run's first note: its interval lies outside the run
        hashes.append((part.astype(np.uint64) * weights).sum(1, dtype=np.uint64))
    return np.stack(hashes, axis=1)


def _relative(tokens: np.ndarray) -> np.ndarray:
    """Onsets as 300 + interval from the onset before, other tokens as they are: int (n, T)."""
    values = tokens.astype(int)
    onset = tok.onsets(tokens)
    steps = np.where(onset, np.arange(tokens.shape[1]), -1)
    before = np.maximum.accumulate(np.concatenate([np.full((len(tokens), 1), -1), steps[:, :-1]], axis=1), axis=1)
    previous = np.where(before >= 0, np.take_along_axis(values, np.maximum(before, 0), axis=1), values)
    return np.where(onset, 300 + values - previous, values)


# ---- cost ----------------------------------------------------------------------------------------------------------


def cost(model: "Model", dataset: Dataset, n: int, seed: int) -> Table:
    """Wall time of whole commands, in units of `python -c "import torch"` in the same run, peak memory, and size on disk."""
    del model, dataset
    python, musiclc = [sys.executable], [sys.executable, "-m", "musiclc.cli"]
    asked = ["sample", "--scale", "C", "--bars", str(PHRASE_BARS)]
    said = " ".join(asked)
    with tempfile.TemporaryDirectory() as folder:
        common = ["--seed", str(seed), "--overwrite", "--quiet", "-o"]
        unit, _ = timed([*python, "-c", "import torch"])
        one, _ = timed([*musiclc, *asked, *common, f"{folder}/one.mid"])
        many, memory = timed([*musiclc, *asked, "-n", str(n), *common, f"{folder}/many"], repeats=1)
        both, _ = timed([*musiclc, *asked, "--density", "9..11", "-n", str(n), *common, f"{folder}/both"], repeats=1)
    bare, helped = timed([*python, "-c", "pass"], 9)[0], timed([*musiclc, "--help"], 9)[0]
    return [
        {"what": "import torch", "value": round(unit, 2), "unit": "s"},
        {"what": f"{said} -n 1", "value": round(one / unit, 2), "unit": "× import torch"},
        {"what": f"{said} -n {n}", "value": round(many / unit, 2), "unit": "× import torch"},
        {"what": f"{said} --density 9..11 -n {n}", "value": round(both / unit, 2), "unit": "× import torch"},
        {"what": "musiclc --help over bare Python", "value": round(helped - bare, 3), "unit": "s"},
        {"what": f"peak memory of {said} -n {n}", "value": round(memory), "unit": "MB"},
        {"what": "package with weights", "value": round(_package_bytes() / 1e6, 2), "unit": "MB"},
    ]


def _package_bytes() -> int:
    """Size of the library's source and of the shipped model with what lies beside it."""
    package = Path(__file__).parent.parent
    return sum(path.stat().st_size for path in {*package.rglob("*.py"), *shipped_model().parent.glob("*")} if path.is_file())


def timed(arguments: list[str], repeats: int = 3) -> tuple[float, float]:
    """The least wall time in seconds of several runs, and the largest memory in MB of the child processes so far."""
    import resource
    import subprocess
    import time

    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return min(times), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def markdown(table: Table) -> str:
    """A table as Markdown; columns in order of first appearance."""
    columns = list(dict.fromkeys(column for row in table for column in row))
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(str(row.get(column, "")) for column in columns) + " |" for row in table]
    return "\n".join(lines)
