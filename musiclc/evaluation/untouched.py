"""Figures of edits that are not about music: what else changes in files with many tracks (nothing), and how time grows with length.

Inside: `untouched`, `length`.
"""

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from musiclc.editing.transform import piece_of, transformed
from musiclc.evaluation.arranged import MELODY, arranged, differences
from musiclc.evaluation.samples import timed
from musiclc.evaluation.tunes import Table, denser, met, parallel, possible, tunes
from musiclc.midi import read_song, to_bytes
from musiclc.music.melody import Melody, Note
from musiclc.training.corpus import Dataset

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

LENGTHS = (25, 50, 100, 200, 400)  # bars


def untouched(model: "Model", dataset: Dataset, n: int, seed: int) -> Table:
    """Files with many tracks around each tune, edited by name of track: the share with every other event as it was, and with the wish met."""
    del dataset
    same, changed, granted = [], [], []
    for number, tune in enumerate(tunes(n, seed)):
        wish = {**parallel(tune), **(denser(tune) if possible(tune, denser(tune)) else {})}
        data = arranged(tune.data, seed + number)
        edit = transformed(model, read_song(data, name=tune.name, track=MELODY), wish)
        same.append(not differences(data, edit.data))
        changed.append(edit.data != data)
        granted.append(met(piece_of(read_song(edit.data, name=tune.name, track=MELODY)), wish))
    shares = {"edited": changed, "every other event unchanged": same, "wish met": granted}
    return [{"files": len(same), **{what: round(sum(found) / len(found), 4) for what, found in shares.items()}}]


def length(model: "Model", dataset: Dataset, n: int, seed: int) -> Table:
    """Wall time of whole `musiclc transform` commands on pieces of some lengths, in units of `python -c "import torch"` in the same run."""
    del model, dataset
    notes: list[Note] = []
    bars = 0
    for tune in tunes(10_000, seed):
        melody = tune.song.sections[0].melody
        if melody.meter == "4/4" and bars < max(LENGTHS):
            notes += [Note(x.start + bars * melody.steps_per_bar, x.pitch, x.duration) for x in melody.notes]
            bars += melody.bars
    chain, rows = Melody(tuple(notes), "4/4", bars), []
    unit = timed([sys.executable, "-c", "import torch"])[0]
    with tempfile.TemporaryDirectory() as folder:
        for wanted in LENGTHS:
            path = Path(folder) / f"{wanted}.mid"
            path.write_bytes(to_bytes(chain.window(0, wanted)))
            row: dict[str, object] = {"bars": wanted}
            for wish in (["--key", "C minor"], ["--density", "11"], ["--key", "C minor", "--density", "11"]):
                command = [sys.executable, "-m", "musiclc.cli", "transform", str(path), *wish, "-o", f"{folder}/out.mid", "--overwrite", "--quiet"]
                row[" ".join(wish)] = round(timed(command, repeats=2)[0] / unit, 2)
            rows.append(row)
    return rows
