"""Whole tunes in playing order → one dataset file, split by tune, the same bytes every time.

A file (safetensors) holds *lines*, one after another: `tokens` (all steps,) uint8; for each line `bars` int32, `meter` (number in
theory.METER_NAMES), `tune` (number of its tune), `begins` and `ends` (whether the tune does so with it); for each bar `marks` uint8 (bits
`MENDED`, `OFF_GRID`, `KNOWN`); for each tune `split`. As JSON metadata: the tunes' names, collections, headers' keys, and a report
of what there is and what was skipped.

Splits: those of the four-bar windows (`corpus.py`), computed again from the same reading. Tunes that share four bars (eight of 2/4 or
3/8) in this reading, up to transposition, keep together too: such a group goes where the most held out of its tunes was, test before
validation before train. So no tune that was held out trains now. Bars of `near` and `far` tunes that stand in such a window of a
training or validation tune are marked `KNOWN`.

Every tune weighs the same when windows are drawn, however many parts and bars it has.

Inside: `Tunes`, `TuneWindows`, `build`, `save`, `load`.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np

from musiclc.errors import InputError, MusiclcError
from musiclc.music import tokens as tok
from musiclc.music.theory import METER_NAMES, METERS
from musiclc.training import corpus
from musiclc.training.corpus import COLLECTIONS, MIN_NOTES, MIN_PITCHES, SPLITS, Groups, split_by_hash
from musiclc.training.lines import OFF_GRID, Line, struck
from musiclc.training.playing import MENDED
from musiclc.training.works import Work

FORMAT = "musiclc-tunes-1"
KNOWN = 4  # mark of a bar in a window that a training or validation tune holds too
_SHARED_BARS = {"2/4": 8, "3/8": 8}  # bars that two tunes must share to be kept together; 4 in all other meters
_HELD_OUT = [SPLITS.index(name) for name in ("train", "validation", "test")]  # the more, the later


@dataclass(frozen=True)
class TuneWindows:
    """TuneWindows of lines in one meter. tokens (n, bars × steps a bar) uint8; line, before, after (n,): its line, and that line's bars around it.

    opens, closes: bool (n,), whether the tune begins before the first of those bars, and ends after the last.
    """

    tokens: np.ndarray
    line: np.ndarray
    before: np.ndarray
    after: np.ndarray
    opens: np.ndarray
    closes: np.ndarray


@dataclass(frozen=True)
class Tunes:
    """Whole tunes, as the module's docstring says."""

    tokens: np.ndarray
    bars: np.ndarray
    meter: np.ndarray
    tune: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    marks: np.ndarray
    split: np.ndarray
    info: dict

    def __len__(self) -> int:
        """How many lines."""
        return len(self.bars)

    @cached_property
    def _first_bars(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(self.bars)])

    @cached_property
    def _first_steps(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(self.bars * _steps_of(self.meter))])

    def line(self, number: int) -> np.ndarray:
        """Tokens (bars × steps a bar,) of one whole line."""
        return self.tokens[self._first_steps[number] : self._first_steps[number + 1]]

    def line_marks(self, number: int) -> np.ndarray:
        """Marks (bars,) of one line's bars."""
        return self.marks[self._first_bars[number] : self._first_bars[number + 1]]

    def meter_of(self, number: int) -> str:
        """The meter of one line."""
        return METER_NAMES[self.meter[number]]

    def name(self, number: int) -> str:
        """The name of one line's tune."""
        return self.info["tunes"][self.tune[number]]

    def collection(self, number: int) -> str:
        """The collection of one line's tune."""
        return self.info["collections"][self.tune[number]]

    def key(self, number: int) -> str:
        """The key that the header of one line's tune names; "" where unknown. For tests only."""
        return self.info["keys"][self.tune[number]]

    def where(self, split: str, meter: str | None = None) -> np.ndarray:
        """Numbers of the lines of one split, in one meter or in all. Raises MusiclcError for an unknown split or meter."""
        if split not in SPLITS:
            raise MusiclcError(f"split {split!r}: wanted one of {', '.join(SPLITS)}")
        if meter is not None and meter not in METERS:
            raise MusiclcError(f"meter {meter!r}: wanted one of {', '.join(METERS)}")
        held = self.split[self.tune] == SPLITS.index(split)
        return np.flatnonzero(held if meter is None else held & (self.meter == METER_NAMES.index(meter)))

    def places(self, split: str, meter: str, bars: int, avoid: int = MENDED | OFF_GRID) -> np.ndarray:
        """Every window of `bars` bars, hopping by one: (line, first bar) as int (k, 2). Bars with one of the marks `avoid` are in none."""
        found = []
        for line in self.where(split, meter):
            bad = np.cumsum(np.concatenate([[0], (self.line_marks(line) & avoid) > 0]))
            first = np.flatnonzero(bad[bars:] == bad[:-bars]) if len(bad) > bars else np.zeros(0, int)
            found.append(np.stack([np.full(len(first), line), first], axis=1))
        return np.concatenate([np.zeros((0, 2), int), *found])

    def draw(self, places: np.ndarray, n: int, random: np.random.Generator) -> np.ndarray:
        """n of the places (k, 2), with replacement: first a tune, each with the same chance, then one of its places.

        Raises MusiclcError when k is 0.
        """
        if not len(places):
            raise MusiclcError("no place to draw a window from: is there a tune of so many bars in that split and meter?")
        _, tune, count = np.unique(self.tune[places[:, 0]], return_inverse=True, return_counts=True)
        upto = np.cumsum(1 / count[tune])
        return places[np.searchsorted(upto, random.random(n) * upto[-1], side="right").clip(max=len(places) - 1)]

    def windows(self, places: np.ndarray, bars: int) -> TuneWindows:
        """The windows of `bars` bars at places (n, 2), all in one meter. A note that sounds over a window's first step begins anew there."""
        line, first = places[:, 0], places[:, 1]
        steps = _steps_of(self.meter[line[:1]])
        rows = [struck(self.line(i), at * steps[0], (at + bars) * steps[0]) for i, at in places.tolist()]
        after = self.bars[line] - first - bars
        tokens = np.stack(rows) if rows else np.zeros((0, 0), np.uint8)
        return TuneWindows(tokens, line, first, after, self.begins[line] > 0, self.ends[line] > 0)


def _steps_of(meter: np.ndarray) -> np.ndarray:
    """Steps a bar of meters' numbers."""
    return np.array(list(METERS.values()))[meter]


# ---- splits --------------------------------------------------------------------------------------------------------


def shared_forms(line: Line) -> Iterator[tuple[int, bytes]]:
    """(first bar, form) of every window of a line by which tunes are kept together: four bars with notes in each, up to transposition."""
    steps, bars = METERS[line.meter], _SHARED_BARS.get(line.meter, corpus.PHRASE_BARS)
    for first in range(line.bars - bars + 1):
        window = struck(line.tokens, first * steps, (first + bars) * steps)
        onsets = tok.onsets(window[None])[0]
        pitches = window[onsets]
        if len(pitches) >= MIN_NOTES and len(np.unique(pitches)) >= MIN_PITCHES and onsets.reshape(bars, steps).any(axis=1).all():
            yield first, tok.key_free(window[None])[0].tobytes()


def _splits(works: Sequence[Work], fixed: dict[str, str]) -> np.ndarray:
    """Number in SPLITS of each work's split: (works,)."""
    before, groups = _splits_by_windows(works, fixed)
    holder: dict[bytes, int] = {}
    for number, work in enumerate(works):
        if work.collection not in fixed:
            for line in work.lines:
                for _, form in shared_forms(line):
                    groups.join(number, holder.setdefault(form, number))
    most: dict[int, int] = {}
    for number, split in enumerate(before.tolist()):
        if split in _HELD_OUT:
            root = groups.find(number)
            most[root] = max(most.get(root, 0), _HELD_OUT.index(split))
    return np.array([s if s not in _HELD_OUT else _HELD_OUT[most[groups.find(i)]] for i, s in enumerate(before.tolist())], np.uint8)


def _splits_by_windows(works: Sequence[Work], fixed: dict[str, str]) -> tuple[np.ndarray, Groups]:
    """The splits that corpus.build gives these works: (works,); and the groups that it makes."""
    groups = Groups()
    holder: dict[tuple, int] = {}
    for number, work in enumerate(works):
        if work.collection not in fixed:
            for window, _ in corpus.windows(corpus.Tune(work.name, work.collection, work.runs)):
                groups.join(number, holder.setdefault(window.key_free(), number))
    splits = [
        SPLITS.index(fixed[work.collection]) if work.collection in fixed else split_by_hash(works[groups.find(number)].name)
        for number, work in enumerate(works)
    ]
    return np.array(splits, np.uint8), groups


def _mark_known(works: Sequence[Work], split: np.ndarray) -> None:
    """Mark bars of near and far works that stand in a window that a training or validation work holds."""
    learnt = {SPLITS.index("train"), SPLITS.index("validation")}
    known = {form for work, s in zip(works, split.tolist(), strict=True) if s in learnt for line in work.lines for _, form in shared_forms(line)}
    for work, s in zip(works, split.tolist(), strict=True):
        for line in work.lines if s >= SPLITS.index("near") else []:
            for first, form in shared_forms(line):
                if form in known:
                    line.marks[first : first + _SHARED_BARS.get(line.meter, corpus.PHRASE_BARS)] |= KNOWN


# ---- the dataset ---------------------------------------------------------------------------------------------------


def build(works: Iterable[Work], fixed_split: dict[str, str] | None = None) -> Tunes:
    """The dataset of all works that have a melody. fixed_split: collection name → split, for those that are not split by hash.

    Raises InputError when no work has one.
    """
    fixed = fixed_split or {c.name: c.split for c in COLLECTIONS if c.split}
    everything = list(works)
    split = _splits(everything, fixed)
    _mark_known(everything, split)
    lines = [(number, line) for number, work in enumerate(everything) for line in work.lines]
    if not lines:
        raise InputError(f"no melody of four bars in all the input: are the meters among {', '.join(METERS)}?")
    info = {
        "format": FORMAT,
        "tunes": [work.name for work in everything],
        "collections": [work.collection for work in everything],
        "keys": [work.key for work in everything],
        "report": _report(everything, split),
    }
    return Tunes(
        tokens=np.concatenate([line.tokens for _, line in lines]),
        bars=np.array([line.bars for _, line in lines], np.int32),
        meter=np.array([METER_NAMES.index(line.meter) for _, line in lines], np.uint8),
        tune=np.array([number for number, _ in lines], np.int32),
        begins=np.array([line.begins for _, line in lines], np.uint8),
        ends=np.array([line.ends for _, line in lines], np.uint8),
        marks=np.concatenate([line.marks for _, line in lines]),
        split=split,
        info=info,
    )


def _report(works: Sequence[Work], split: np.ndarray) -> dict:
    """Collection → works, tunes (works with a melody) and lines and bars by split and meter, marked bars, and what was skipped and why."""
    report: dict[str, dict] = {}
    for collection in dict.fromkeys(work.collection for work in works):
        mine = [(work, SPLITS[s]) for work, s in zip(works, split.tolist(), strict=True) if work.collection == collection]
        lines = [(s, line) for work, s in mine for line in work.lines]
        skipped = sum((work.skipped for work, _ in mine), Counter())
        report[collection] = {
            "works": len(mine),
            "tunes": dict(Counter(s for work, s in mine if work.lines)),
            "lines": dict(sorted(Counter(f"{s} {line.meter}" for s, line in lines).items())),
            "bars": dict(sorted(_summed((f"{s} {line.meter}", line.bars) for s, line in lines).items())),
            "marked": {name: sum(int(((line.marks & mark) > 0).sum()) for _, line in lines) for name, mark in _MARKS.items()},
            "skipped": {k: v for k, v in sorted(skipped.items()) if not k.startswith("unreadable: ")},
            "unreadable": [k.removeprefix("unreadable: ") for k in sorted(skipped) if k.startswith("unreadable: ")],
        }
    return report


_MARKS = {"mended": MENDED, "off the grid": OFF_GRID, "known from training": KNOWN}


def _summed(pairs: Iterable[tuple[str, int]]) -> Counter:
    total: Counter = Counter()
    for name, number in pairs:
        total[name] += number
    return total


# ---- the file ------------------------------------------------------------------------------------------------------


def save(tunes: Tunes, path: Path) -> None:
    """Write the dataset file, whole or not at all."""
    from safetensors.numpy import save as to_bytes

    from musiclc.files import write_whole

    arrays = {f.name: np.ascontiguousarray(getattr(tunes, f.name)) for f in fields(tunes) if f.name != "info"}
    write_whole(path, to_bytes(arrays, metadata={"musiclc": json.dumps(tunes.info, sort_keys=True)}))


def load(path: Path) -> Tunes:
    """Read a dataset file. Raises InputError when it is none, or of another version."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            info = json.loads((file.metadata() or {}).get("musiclc", "{}"))
            arrays = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: not a dataset file ({error}); wanted one written by musiclc prepare --tunes") from error
    if info.get("format") != FORMAT:
        raise InputError(f"{path}: dataset format {info.get('format')!r}, wanted {FORMAT!r}; make it anew with musiclc prepare --tunes")
    return Tunes(**arrays, info=info)
