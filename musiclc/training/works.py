"""Files → works: a name, a header's key, melodies in playing order, and the windows' runs that decide about splits.

Of one parse come both readings: that of whole tunes (`lines.py`), and that of four-bar windows (`scores.py`), by which tunes
were split before and are split again.

Inside: `Work`, `read_collection`, `read_folder`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from musiclc.errors import MusiclcError
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody
from musiclc.training import corpus
from musiclc.training.corpus import Progress
from musiclc.training.lines import Line, melodies_of
from musiclc.training.written import WrittenPart, abc_parts, without_fermatas, written_parts


@dataclass
class Work:
    """One work. key: as the header names it, "" where unknown; lines: its melodies; runs: as `corpus.Tune` has them; skipped: in bars."""

    name: str
    collection: str
    key: str = ""
    lines: list[Line] = field(default_factory=list)
    runs: list[Melody] = field(default_factory=list)
    skipped: Counter = field(default_factory=Counter)


def read_collection(name: str, workers: int = 2, progress: Progress | None = None) -> Iterator[Work]:
    """The works of one collection of music21's corpus, in order of name. Raises InputError when music21 is not installed."""
    return read_folder(corpus.collection_folder(name), collection=name, workers=workers, progress=progress)


def read_folder(folder: Path, *, collection: str = "", workers: int = 2, progress: Progress | None = None) -> Iterator[Work]:
    """The works of a folder of ABC, MusicXML, kern and MIDI files, searched through, in order of name.

    One that cannot be read is yielded without lines, the reason counted in `skipped`. Raises InputError when there is no such file.
    """
    collection = collection or folder.name
    units = [(collection, *unit) for unit in corpus.units_in(folder)]
    for done, work in enumerate(corpus.mapped(_read_unit, units, workers), start=1):
        yield work
        if progress:
            progress(done, len(units), collection)


def _read_unit(unit: tuple[str, str, str, str]) -> Work:
    collection, name, suffix, source = unit
    work = Work(f"{collection}/{name}", collection)
    try:
        if suffix in (".mid", ".midi"):
            return _from_midi(work, Path(source))
        return _from_score(work, suffix, source)
    except MusiclcError as error:
        work.skipped["files or tunes: cannot be read"] += 1
        work.skipped[f"unreadable: {work.name}: {str(error)[:160]}"] += 1
        return work


def _from_score(work: Work, suffix: str, source: str) -> Work:
    from musiclc.training import scores

    abc = suffix == ".abc"
    score = scores.parse_abc(source) if abc else scores.parse_file(Path(source))
    runs = scores.runs_of_score(score).runs
    text = without_fermatas(source) if abc else source
    if text != source:
        score = scores.parse_abc(text)
    return completed(work, list(abc_parts(score, text) if abc else written_parts(score)), runs)


def completed(work: Work, parts: list[WrittenPart], runs: list[Melody]) -> Work:
    """The work with the melodies of its parts, each once; the rest is counted as skipped."""
    work.runs, work.key = runs, parts[0].key if parts else ""
    seen: set[tuple[str, bytes]] = set()
    for line in melodies_of(parts, work.skipped):
        form = (line.meter, tok.key_free(line.tokens[None])[0].tobytes())
        if form in seen:
            work.skipped["bars: a part doubles another"] += line.bars
        elif line.bars < corpus.PHRASE_BARS:
            work.skipped["bars: fewer than four in a row"] += line.bars
        else:
            seen.add(form)
            work.lines.append(line)
    return work


def _from_midi(work: Work, path: Path) -> Work:
    """A MIDI file's runs of whole bars, every meter in bars of its own, as lines."""
    from musiclc.midi import READ_IN_PHRASES, read_runs

    reading: Any = read_runs(path)
    work.runs, work.skipped = read_runs(path, READ_IN_PHRASES).runs, reading.skipped
    for run in reading.runs:
        if run.bars >= corpus.PHRASE_BARS and run.notes:
            work.lines.append(Line(tok.from_melody(run), run.meter, np.zeros(run.bars, np.uint8), 0, True, True))
    return work
