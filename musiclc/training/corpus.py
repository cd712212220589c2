"""Corpora → tunes → four-bar windows → one dataset file, split by tune, the same bytes every time.

A dataset is a safetensors file: `tokens` (n, 64) uint8, bars of 16 steps, bars of 12 filled up with `tokens.PAD`; `meter`,
`split`, `tune`, `first_bar` (n,); and, as JSON metadata, the tunes' names, the collections and what was skipped and why.

Splits: tunes that share a four-bar window up to transposition form a group, and a group goes as a whole to `train` (90 %),
`validation` (5 %) or `test` (5 %) by a hash of its first tune's name. `near` and `far` are collections that never train;
of these only windows that no training tune holds are kept. Every window is kept once, up to transposition.

Inside: `COLLECTIONS`, `Tune`, `read_collection`, `read_folder`, `windows`, `Groups`, `split_by_hash`, `build`, `Dataset`, `save`, `load`.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from musiclc.errors import InputError, MusiclcError
from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS, Melody
from musiclc.music.theory import PHRASE_METERS

FORMAT = "musiclc-dataset-1"
SPLITS = ("train", "validation", "test", "near", "far")
MIN_NOTES, MIN_PITCHES = 6, 3  # of a window worth learning from

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Collection:
    """One collection of music21's corpus. split: None when its tunes are split by hash, else where all of them go."""

    name: str
    about: str
    split: str | None = None
    optional: bool = False


COLLECTIONS: tuple[Collection, ...] = (
    Collection("oneills1850", "O'Neill's Music of Ireland (1903)"),
    Collection("ryansMammoth", "Ryan's Mammoth Collection (1883)"),
    Collection("airdsAirs", "Aird's Airs (1778-1803)"),
    Collection("bach", "J. S. Bach, single parts of chorales and other works"),
    Collection("haydn", "Haydn, single parts of quartets"),
    Collection("mozart", "Mozart, single parts of quartets"),
    Collection("beethoven", "Beethoven, single parts of quartets"),
    Collection("handel", "Handel, single parts"),
    Collection("miscFolk", "Northumbrian Minstrelsy, American fife tunes: near-domain test", split="near"),
    Collection("essenFolksong", "Essen folk songs, non-commercial licence: far-domain test", split="far", optional=True),
)


@dataclass
class Tune:
    """One piece: a stable name, its collection, its runs of whole bars, and what was skipped in reading it."""

    name: str
    collection: str
    runs: list[Melody] = field(default_factory=list)
    skipped: Counter = field(default_factory=Counter)


@dataclass(frozen=True)
class Dataset:
    """Windows with their split and origin. tokens: uint8 (n, 64); meter, split: uint8 (n,); tune, first_bar: int32 (n,)."""

    tokens: np.ndarray
    meter: np.ndarray
    split: np.ndarray
    tune: np.ndarray
    first_bar: np.ndarray
    info: dict

    def where(self, split: str) -> np.ndarray:
        """Indices of the windows of one split. Raises MusiclcError for an unknown one."""
        if split not in SPLITS:
            raise MusiclcError(f"split {split!r}: wanted one of {', '.join(SPLITS)}")
        return np.flatnonzero(self.split == SPLITS.index(split))

    def melody_tokens(self, split: str, meter: str) -> np.ndarray:
        """Tokens (n, T) of one split's windows in one meter, without filling."""
        rows = self.where(split)
        rows = rows[self.meter[rows] == PHRASE_METERS.index(meter)]
        return tok.unpad(self.tokens[rows], meter)


# ---- reading -------------------------------------------------------------------------------------------------------


def collection_folder(name: str) -> Path:
    """Where one collection of music21's corpus lies. Raises InputError when music21 is not installed."""
    try:
        import music21
    except ImportError as error:
        raise InputError("music21 is not installed: pip install 'musiclc[train]'") from error
    return Path(music21.__file__).parent / "corpus" / name


def read_collection(name: str, workers: int = 2, progress: Progress | None = None) -> Iterator[Tune]:
    """The tunes of one collection of music21's corpus, in order of name. Raises InputError when music21 is not installed."""
    yield from read_folder(collection_folder(name), workers=workers, progress=progress, collection=name)


def read_folder(folder: Path, *, collection: str = "", workers: int = 2, progress: Progress | None = None) -> Iterator[Tune]:
    """The tunes of a folder of ABC, MusicXML, kern and MIDI files, searched through, in order of name.

    A file or tune that cannot be read is yielded without runs, the reason counted in `skipped`. Raises InputError when the
    folder holds no such file.
    """
    collection = collection or folder.name
    units = units_in(folder)
    for done, tune in enumerate(mapped(_read_unit, [(collection, *unit) for unit in units], workers), start=1):
        yield tune
        if progress:
            progress(done, len(units), collection)


def units_in(folder: Path) -> list[tuple[str, str, str]]:
    """(tune name, suffix, ABC text or path) of all that a folder holds, in order of name. Raises InputError when that is nothing."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in READERS)
    if not paths:
        raise InputError(f"{folder}: no file to learn from; wanted {', '.join(sorted(READERS))}")
    return [unit for path in paths for unit in _units(path, path.relative_to(folder).as_posix())]


def _units(path: Path, name: str) -> list[tuple[str, str, str]]:
    """(tune name, suffix, ABC text or path): an ABC file may hold many tunes."""
    if path.suffix.lower() != ".abc":
        return [(name, path.suffix.lower(), str(path))]
    from musiclc.training.scores import split_abc

    tunes = split_abc(path.read_text(encoding="utf-8", errors="replace"))
    return [(f"{name}#{i}", ".abc", text) for i, text in enumerate(tunes, start=1)]


def _read_unit(unit: tuple[str, str, str, str]) -> Tune:
    collection, name, suffix, source = unit
    tune = Tune(f"{collection}/{name}", collection)
    try:
        reading = READERS[suffix](source)
    except MusiclcError as error:
        tune.skipped["files or tunes: cannot be read"] += 1
        tune.skipped[f"unreadable: {tune.name}: {str(error)[:160]}"] += 1
        return tune
    tune.runs, tune.skipped = reading.runs, reading.skipped
    return tune


def _read_abc(text: str) -> Any:
    from musiclc.training.scores import read_abc

    return read_abc(text)


def _read_score(path: str) -> Any:
    from musiclc.training.scores import read_file

    return read_file(Path(path))


def _read_midi(path: str) -> Any:
    from musiclc.midi import READ_IN_PHRASES, read_runs

    return read_runs(Path(path), READ_IN_PHRASES)


READERS = {
    ".abc": _read_abc,
    ".mxl": _read_score,
    ".xml": _read_score,
    ".musicxml": _read_score,
    ".krn": _read_score,
    ".mid": _read_midi,
    ".midi": _read_midi,
}


def mapped(function: Callable, items: list, workers: int) -> Iterable:
    """function of each item, in order; in `workers` processes where there are several."""
    if workers < 2 or len(items) < 2:
        yield from map(function, items)
        return
    import multiprocessing

    with multiprocessing.get_context("spawn").Pool(min(workers, len(items))) as pool:
        yield from pool.imap(function, items, chunksize=4)


# ---- windows, groups, splits ---------------------------------------------------------------------------------------


def windows(tune: Tune) -> Iterator[tuple[Melody, int]]:
    """Every four-bar window worth learning from, hopping by one bar, with its first bar in its run."""
    for run in tune.runs:
        for first in range(run.bars - PHRASE_BARS + 1):
            window = run.window(first)
            bars_with_onset = {n.start // window.steps_per_bar for n in window.notes}
            enough = len(window.notes) >= MIN_NOTES and len({n.pitch for n in window.notes}) >= MIN_PITCHES
            if enough and len(bars_with_onset) == PHRASE_BARS:
                yield window, first
            else:
                tune.skipped["windows: a bar without onset, or too few notes"] += 1


class Groups:
    """Union–find over tune numbers: tunes that share a window."""

    def __init__(self) -> None:
        self.parent: dict[int, int] = {}

    def find(self, i: int) -> int:
        self.parent.setdefault(i, i)
        while self.parent[i] != i:
            self.parent[i] = self.parent[self.parent[i]]
            i = self.parent[i]
        return i

    def join(self, i: int, j: int) -> None:
        a, b = self.find(i), self.find(j)
        self.parent[max(a, b)] = min(a, b)


@dataclass(frozen=True)
class _Window:
    """A window worth learning from: its tune's number, its first bar there, and what of it transposition does not change."""

    tune: int
    first_bar: int
    melody: Melody
    form: tuple


@dataclass
class _Collected:
    """All that was read: tunes by number, their windows, which of them belong together, and what was skipped, by collection.

    fixed_split: collection → split, for those that are not split by hash.
    """

    fixed_split: dict[str, str]
    names: list[str] = field(default_factory=list)
    collections: list[str] = field(default_factory=list)
    windows: list[_Window] = field(default_factory=list)
    skipped: dict[str, Counter] = field(default_factory=dict)
    groups: Groups = field(default_factory=Groups)
    first_holder: dict[tuple, int] = field(default_factory=dict)

    def take_in(self, tune: Tune) -> None:
        number = len(self.names)
        self.names.append(tune.name)
        self.collections.append(tune.collection)
        for melody, first in windows(tune):
            form = melody.key_free()
            self.windows.append(_Window(number, first, melody, form))
            if tune.collection not in self.fixed_split:
                self.groups.join(number, self.first_holder.setdefault(form, number))
        self.skipped.setdefault(tune.collection, Counter()).update(tune.skipped)

    def split_of(self, window: _Window) -> int:
        """The number of its split in SPLITS: its collection's, or by a hash of its group's first tune."""
        fixed = self.fixed_split.get(self.collections[window.tune])
        return SPLITS.index(fixed) if fixed else split_by_hash(self.names[self.groups.find(window.tune)])

    def distinct(self) -> list[_Window]:
        """Every window once, up to transposition; near and far come last, so that what train holds is not theirs."""
        seen: set[tuple] = set()
        kept = []
        for window in sorted(self.windows, key=lambda w: self.split_of(w) >= SPLITS.index("near")):
            if window.form in seen:
                self.skipped[self.collections[window.tune]]["windows: heard before, up to transposition"] += 1
            else:
                seen.add(window.form)
                kept.append(window)
        return kept


def split_by_hash(name: str) -> int:
    """Number in SPLITS of the split of a group whose first tune has that name: train, validation or test."""
    point = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    return SPLITS.index("test" if point < 0.05 else "validation" if point < 0.10 else "train")


def build(tunes: Iterable[Tune], fixed_split: dict[str, str] | None = None) -> Dataset:
    """The dataset of all tunes. fixed_split: collection name → split, for those that are not split by hash.

    Raises InputError when no tune gives a window.
    """
    read = _Collected(fixed_split or {c.name: c.split for c in COLLECTIONS if c.split})
    for tune in tunes:
        read.take_in(tune)
    if not read.windows:
        raise InputError("no four-bar window in all the input: are the meters 4/4, 2/4, 3/4 or 6/8, and the onsets on the sixteenth grid?")
    kept = read.distinct()
    split = np.array([read.split_of(w) for w in kept], np.uint8)
    info = {"format": FORMAT, "tunes": read.names, "collections": read.collections, "report": _report(kept, split, read)}
    return Dataset(
        tokens=np.concatenate([tok.pad(tok.from_melody(w.melody)[None], w.melody.meter) for w in kept]),
        meter=np.array([PHRASE_METERS.index(w.melody.meter) for w in kept], np.uint8),
        split=split,
        tune=np.array([w.tune for w in kept], np.int32),
        first_bar=np.array([w.first_bar for w in kept], np.int32),
        info=info,
    )


def _report(kept: list[_Window], split: np.ndarray, read: _Collected) -> dict:
    """Collection → tunes, windows by split and meter, and what was skipped and why."""
    report: dict[str, dict] = {}
    for collection in dict.fromkeys(read.collections):
        rows = [i for i, w in enumerate(kept) if read.collections[w.tune] == collection]
        counts = Counter(f"{SPLITS[split[i]]} {kept[i].melody.meter}" for i in rows)
        skipped = read.skipped[collection]
        unreadable = sorted(k for k in skipped if k.startswith("unreadable: "))
        report[collection] = {
            "tunes": read.collections.count(collection),
            "windows": dict(sorted(counts.items())),
            "skipped": {k: v for k, v in sorted(skipped.items()) if not k.startswith("unreadable: ")},
            "unreadable": [k.removeprefix("unreadable: ") for k in unreadable],
        }
    return report


# ---- the dataset file ----------------------------------------------------------------------------------------------


def save(dataset: Dataset, path: Path) -> None:
    """Write the dataset file, whole or not at all."""
    from safetensors.numpy import save as to_bytes

    from musiclc.files import write_whole

    arrays = {k: np.ascontiguousarray(getattr(dataset, k)) for k in ("tokens", "meter", "split", "tune", "first_bar")}
    write_whole(path, to_bytes(arrays, metadata={"musiclc": json.dumps(dataset.info, sort_keys=True)}))


def load(path: Path) -> Dataset:
    """Read a dataset file. Raises InputError when it is none, or of another version."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            info = json.loads((file.metadata() or {}).get("musiclc", "{}"))
            arrays = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: not a dataset file ({error}); wanted one written by musiclc prepare") from error
    if info.get("format") != FORMAT:
        raise InputError(f"{path}: dataset format {info.get('format')!r}, wanted {FORMAT!r}; make it anew with musiclc prepare")
    return Dataset(**arrays, info=info)
