"""Figures of edits that are not about music: what else changes in files with many tracks (nothing), and how time grows with length.

Inside: `untouched`, `length`.
"""

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from musiclc.editing.scope import piece_of
from musiclc.editing.transform import transformed
from musiclc.evaluation.arranged import MELODY, arranged, differences
from musiclc.evaluation.samples import Table, timed
from musiclc.evaluation.tunes import denser, met, parallel, possible, tunes
from musiclc.midi import READ_IN_PHRASES, read_song, to_bytes
from musiclc.music.melody import Melody, Note
from musiclc.training.corpus import Dataset

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

LENGTHS = (25, 50, 100, 200, 400)  # bars
TIMED = (["--scale", "C minor"], ["--density", "11"], ["--scale", "C minor", "--density", "11"])


def untouched(model: "Model", dataset: Dataset, n: int, seed: int) -> Table:
    """Files with many tracks around each tune, edited by name of track: the share with every other event as it was, and with the constraints met."""
    del dataset
    same, changed, satisfied = [], [], []
    for number, tune in enumerate(tunes(n, seed)):
        goals = {**parallel(tune), **(denser(tune) if possible(tune, denser(tune)) else {})}
        data = arranged(tune.data, seed + number)
        edit = transformed(model, read_song(data, name=tune.name, track=MELODY, read_as=READ_IN_PHRASES), goals)
        same.append(not differences(data, edit.data))
        changed.append(edit.data != data)
        satisfied.append(met(piece_of(read_song(edit.data, name=tune.name, track=MELODY, read_as=READ_IN_PHRASES)), goals))
    shares = {"edited": changed, "every other event unchanged": same, "constraints met": satisfied}
    return [{"files": len(same), **{what: round(sum(found) / len(found), 4) for what, found in shares.items()}}]


def length(model: "Model", dataset: Dataset, n: int, seed: int) -> Table:
    """Wall time of whole `musiclc transform` commands on pieces of some lengths, in units of `python -c "import torch"` in the same run."""
    del model, dataset
    chain, rows = _chained(max(LENGTHS), seed), []
    unit = timed([sys.executable, "-c", "import torch"])[0]
    with tempfile.TemporaryDirectory() as folder:
        for bars in LENGTHS:
            path = Path(folder) / f"{bars}.mid"
            path.write_bytes(to_bytes(chain.window(0, bars)))
            row: dict[str, object] = {"bars": bars}
            for options in TIMED:
                command = [sys.executable, "-m", "musiclc.cli", "transform", str(path), *options, "-o", f"{folder}/out.mid", "--overwrite", "--quiet"]
                row[" ".join(options)] = round(timed(command, repeats=2)[0] / unit, 2)
            rows.append(row)
    return rows


def _chained(least: int, seed: int) -> Melody:
    """Test tunes in 4/4, one after another, until there are so many bars."""
    notes: list[Note] = []
    bars = 0
    for tune in tunes(10_000, seed):
        melody = tune.song.sections[0].melody
        if melody.meter == "4/4" and bars < least:
            notes += [Note(x.start + bars * melody.steps_per_bar, x.pitch, x.duration) for x in melody.notes]
            bars += melody.bars
    return Melody(tuple(notes), "4/4", bars)
