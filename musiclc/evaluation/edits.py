"""Figures of edits, on whole tunes that the model has never seen, as MIDI files that music21 wrote: `musiclc evaluate transform`.

Tunes: all of the near collection that can be read, and some hundred of the far one; notes are read back from the written files.
*Allowed* notes are those that the constraints leave alone; *contour* is Pearson's r of the pitches sounding before and after, step by step;
*cross-entropy* is in nats a note under a trigram (trigram.py) of training tunes in the tune's meter. Baseline: snapping, every forbidden
note to the nearest allowed pitch, all down or all up where both are as near, whichever of the two has the lower cross-entropy in each file.

Inside: `ASKED`, `CrossEntropy`, `snapped_one_way`, `pitch_correlation`, `EditedTune`; the tables `by_constraints`, `back`, `identity`, `frontier`.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc.editing.piece import Piece
from musiclc.editing.scope import piece_of
from musiclc.editing.transform import Edit, EditOptions, transformed
from musiclc.evaluation.samples import Table
from musiclc.evaluation.trigram import Trigram, events
from musiclc.evaluation.tunes import Goals, WholeTune, denser, dorian, met, parallel, possible, thinner, tunes
from musiclc.midi import READ_IN_PHRASES, read_song
from musiclc.music import tokens as tok
from musiclc.music.theory import PHRASE_METERS
from musiclc.rules import allowed_pitches, parse_constraint
from musiclc.training.corpus import Dataset

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

LOG = logging.getLogger("musiclc")
KEEPS = (0.0, 0.15, 0.3, 0.5, 0.7, 0.85, 1.0)
FRONTIER_TUNES = 100


ASKED: dict[str, Callable[[WholeTune], Goals]] = {
    "parallel mode": parallel,
    "dorian": dorian,
    "density × 1.5": denser,
    "density × 0.67": thinner,
    "parallel mode and density × 1.5": lambda t: parallel(t) | denser(t),
    "dorian and density × 0.67": lambda t: dorian(t) | thinner(t),
}


# ---- measuring -----------------------------------------------------------------------------------------------------


class CrossEntropy:
    """Nats a note of pieces under trigrams of training tunes, one a meter."""

    def __init__(self, dataset: Dataset):
        self.judges = {meter: Trigram(events(dataset.melody_tokens("train", meter))) for meter in PHRASE_METERS}

    def total(self, state: np.ndarray, meter: str) -> tuple[float, int]:
        """Nats of a piece, and how many notes they are for."""
        sequence = events(state[None])
        count = len(sequence[0])
        return (self.judges[meter].cross_entropy(sequence) * count if count else 0.0), count

    def mean(self, states: Sequence[np.ndarray], meters: Sequence[str]) -> float:
        """Nats a note over all pieces."""
        totals = np.array([self.total(s, m) for s, m in zip(states, meters, strict=True)])
        return float(totals[:, 0].sum() / totals[:, 1].sum())


def snapped_one_way(state: np.ndarray, allowed: np.ndarray, way: int) -> np.ndarray:
    """Forbidden notes at the nearest allowed pitch; of two as near the lower for way −1, the upper for 1."""
    choices, onset = np.flatnonzero(allowed), tok.onsets(state)
    pitches = state[onset].astype(int) + tok.PITCH_OF_TOKEN
    apart = choices[None] - pitches[:, None]
    new = state.copy()
    new[onset] = np.where(allowed[pitches], pitches, choices[(np.abs(apart) - 0.1 * (np.sign(apart) == way)).argmin(1)]) - tok.PITCH_OF_TOKEN
    return new


def pitch_correlation(before: np.ndarray, after: np.ndarray) -> float:
    """Pearson's r of the pitches that sound before and after, at steps where both do; NaN where one never moves."""
    a, b = tok.sounding(before[None])[0], tok.sounding(after[None])[0]
    both = (a >= 0) & (b >= 0)
    if both.sum() < 3 or a[both].std() == 0 or b[both].std() == 0:
        return float("nan")
    return float(np.corrcoef(a[both], b[both])[0, 1])


def read_back(edit: Edit, tune: WholeTune) -> Piece:
    """The melody in the bytes that an edit gives."""
    return piece_of(read_song(edit.data, name=tune.name, track=tune.song.track.index, read_as=READ_IN_PHRASES))


@dataclass(frozen=True)
class EditedTune:
    """One edit of one tune, read back."""

    tune: WholeTune
    piece: Piece

    @property
    def after(self) -> np.ndarray:
        """Its melody's tokens (F,)."""
        return self.piece.state

    def row(self, goals: Goals) -> dict[str, float]:
        """Its figures, each a share, but for the contour: Pearson's r, NaN where one of the two never moves."""
        before = self.tune.state
        onset = tok.onsets(before)
        allowed = allowed_pitches([parse_constraint(k, v) for k, v in goals.items()])
        fine = onset & allowed[np.clip(before.astype(int) + tok.PITCH_OF_TOKEN, 0, 127)]
        same = onset & (before == self.after)
        return {
            "met": float(met(self.piece, goals)),
            "allowed notes kept": float((same & fine).sum() / max(fine.sum(), 1)),
            "notes kept": float(same.sum() / max(onset.sum(), 1)),
            "of the result original": float(same.sum() / max(tok.onsets(self.after).sum(), 1)),
            "onsets kept": float((onset & tok.onsets(self.after)).sum() / max(onset.sum(), 1)),
            "contour": pitch_correlation(before, self.after),
        }


def edits(model: "Model", of: Sequence[WholeTune], asked: Callable[[WholeTune], Goals], options: EditOptions) -> list[EditedTune]:
    """Every tune of which what is asked is possible, edited and read back."""
    results = []
    for tune in of:
        if possible(tune, asked(tune)):
            edit = transformed(model, tune.song, asked(tune), options)
            results.append(EditedTune(tune, read_back(edit, tune)))
    return results


# ---- tables --------------------------------------------------------------------------------------------------------


def by_constraints(model: "Model", dataset: Dataset, n: int, seed: int) -> Table:
    """Each of ASKED at the default keep, and the modes at keep 0.3."""
    cross_entropy, of, rows = CrossEntropy(dataset), tunes(n, seed), []
    for name, asked in ASKED.items():
        for keep in (EditOptions().keep, 0.3) if "density" not in name else (EditOptions().keep,):
            LOG.info("%s, keep %g", name, keep)
            results = edits(model, of, asked, EditOptions(keep=keep))
            rows.append({"constraints": name, "keep": keep, **summary(results, asked, cross_entropy)})
    return rows


def summary(results: Sequence[EditedTune], asked: Callable[[WholeTune], Goals], cross_entropy: CrossEntropy) -> dict[str, Any]:
    """Means over files, and cross-entropy over all notes, against the originals and against snapping."""
    each = [r.row(asked(r.tune)) for r in results]
    meters = [r.tune.meter for r in results]
    before, after = cross_entropy.mean([r.tune.state for r in results], meters), cross_entropy.mean([r.after for r in results], meters)
    row: dict[str, Any] = {"files": len(results)}
    row |= {key: round(float(np.nanmean([e[key] for e in each])), 4) for key in each[0]}
    row["cross-entropy over the original's"] = f"{100 * (after / before - 1):+.1f} %"
    if "scale" in asked(results[0].tune) and "density" not in asked(results[0].tune):
        snapped = snaps(results, asked, cross_entropy)
        row["over snapping's"] = f"{100 * (after / cross_entropy.mean(snapped, meters) - 1):+.1f} %"
        row["snapping: contour"] = mean_contour(results, snapped)
    return row


def mean_contour(results: Sequence[EditedTune], states: Sequence[np.ndarray]) -> float:
    """Mean contour of other versions of the results' tunes."""
    return round(float(np.nanmean([pitch_correlation(r.tune.state, s) for r, s in zip(results, states, strict=True)])), 4)


def snaps(results: Sequence[EditedTune], asked: Callable[[WholeTune], Goals], cross_entropy: CrossEntropy) -> list[np.ndarray]:
    """Each tune snapped to what is asked of it, the way that has the lower cross-entropy."""
    best = []
    for result in results:
        allowed = allowed_pitches([parse_constraint(k, v) for k, v in asked(result.tune).items()])
        ways = [snapped_one_way(result.tune.state, allowed, way) for way in (-1, 1)]
        best.append(min(ways, key=lambda state: cross_entropy.total(state, result.tune.meter)[0]))
    return best


def back(model: "Model", dataset: Dataset, n: int, seed: int) -> Table:
    """To the parallel mode, and what came out back to the first."""
    del dataset
    there, returned, kept = [], [], []
    for tune in tunes(n, seed):
        edit = transformed(model, tune.song, parallel(tune))
        again = transformed(model, read_song(edit.data, name=tune.name, read_as=READ_IN_PHRASES), {"scale": tune.key})
        after = read_back(again, tune)
        there.append(edit.satisfied)
        returned.append(met(after, {"scale": tune.key}))
        kept.append(float((tok.onsets(after.state) & (after.state == tune.state)).sum() / tok.onsets(tune.state).sum()))
    shares = {"there": np.mean(there), "and back": np.mean(returned), "notes of the first": np.mean(kept)}
    return [{"files": len(there), **{k: round(float(v), 4) for k, v in shares.items()}}]


def identity(model: "Model", dataset: Dataset, n: int, seed: int) -> Table:
    """Files whose constraints are met already: the share that come out as the very same bytes, at every keep."""
    del dataset
    of, rows = tunes(n, seed), []
    for keep in KEEPS:
        same = [transformed(model, tune.song, _met_already(tune), EditOptions(keep=keep)).data == tune.data for tune in of]
        rows.append({"keep": keep, "files": len(same), "identical": round(float(np.mean(same)), 4)})
    return rows


def _met_already(tune: WholeTune) -> Goals:
    """Its own pitch classes and its own density."""
    pitch_classes = sorted({(int(t) + tok.PITCH_OF_TOKEN) % 12 for t in tune.state[tok.onsets(tune.state)]})
    return {"scale": "{" + ",".join(map(str, pitch_classes)) + "}", "density": f"{tune.density:.4f}"}


def frontier(model: "Model", dataset: Dataset, n: int, seed: int) -> Table:
    """Cross-entropy over notes kept for the parallel mode, a row a keep, snapping beside."""
    cross_entropy, of = CrossEntropy(dataset), tunes(n, seed)
    of = [of[i] for i in np.random.default_rng(seed).permutation(len(of))[:FRONTIER_TUNES]]
    meters, rows = [t.meter for t in of], []
    for keep in KEEPS:
        results = edits(model, of, parallel, EditOptions(keep=keep))
        each = [r.row(parallel(r.tune)) for r in results]
        shares = {name: float(np.nanmean([e[name] for e in each])) for name in ("allowed notes kept", "contour")}
        rows.append(_frontier_row(f"keep {keep:g}", shares, cross_entropy.mean([r.after for r in results], meters)))
    snapped, originals = snaps(results, parallel, cross_entropy), [t.state for t in of]
    for way, states, contour in (("snapping", snapped, mean_contour(results, snapped)), ("original", originals, 1.0)):
        rows.append(_frontier_row(way, {"allowed notes kept": 1.0, "contour": contour}, cross_entropy.mean(states, meters)))
    return rows


def _frontier_row(way: str, shares: Mapping[str, float], cross_entropy: float) -> dict[str, Any]:
    return {"way": way, **{name: round(share, 4) for name, share in shares.items()}, "cross-entropy": round(cross_entropy, 4)}
