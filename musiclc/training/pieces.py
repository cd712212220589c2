"""Whole tunes as the networks of whole pieces learn them: in canonical transposition, with their places, modes and returns.

Canonical transposition of a tune is by the key that it is heard in (rules/tonic.py): its scale on the white keys, so a major tune has C for home, a
minor one A, a dorian one D, and what modes share is learnt once. A tune weighs as much as any other of its mode and meter; rare modes weigh more.

Shapes: n windows in one meter, B bars, S steps a bar.

Inside: `PieceBatch`, `PieceData`, `wanted_bars`, `with_returns`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from musiclc.errors import MusiclcError
from musiclc.model.context import ANY, LAST_PLACE, MODE_UNKNOWN, PICKUP, UNKNOWN_PLACE, Context
from musiclc.model.returns import Plans, earlier_or_given, equal_steps, returns
from musiclc.music import tokens as tok
from musiclc.music.theory import METER_NAMES, METERS
from musiclc.rules.tonic import MODES, heard
from musiclc.rules.transposition import shift_to_canonical
from musiclc.training.lines import struck
from musiclc.training.tunes import Tunes

LENGTHS = {8: 0.15, 12: 0.1, 16: 0.4, 24: 0.15, 32: 0.2}  # bars a window, and how often
METER_POWER, MODE_POWER = 0.7, 0.5  # a meter of N tunes is drawn as often as N to the first, a mode's tunes weigh N to minus the second
EDGE = 4.0  # weight of a window that begins or ends with its tune, beside one that does not
PLACE_NOT_TOLD, MODE_NOT_TOLD, RETURNS_NOT_TOLD = 0.15, 0.15, 0.15


@dataclass(frozen=True)
class PieceBatch:
    """Windows in one meter. tokens: int64 (n, B, S); context: as the networks read it; equal: float (n, B, B), as `equal_steps`."""

    tokens: Tensor
    context: Context
    equal: np.ndarray


def wanted_bars(n: int, bars: int, random: np.random.Generator) -> np.ndarray:
    """Which bars are wanted, the others given: bool (n, B): all of them, all after or before a place, a gap, or bars here and there."""
    place = np.arange(bars)
    style = random.choice(5, n, p=[0.45, 0.13, 0.07, 0.2, 0.15])[:, None]
    cut = random.integers(1, bars, n)[:, None]
    length = random.integers(1, max(bars // 2, 1) + 1, n)[:, None]
    low = (random.random(n)[:, None] * (bars - length + 1)).astype(int)
    scattered = random.random((n, bars)) < random.random(n)[:, None]
    choices = [np.ones((n, bars), bool), place >= cut, place < cut, (place >= low) & (place < low + length), scattered]
    return np.select([style == k for k in range(5)], choices, default=False)


class PieceData:
    """One split of whole tunes, each heard in a key and brought to its canonical transposition."""

    def __init__(self, tunes: Tunes, split: str):
        self.tunes, self.split = tunes, split
        self.lines = tunes.where(split)
        keys = [heard(tunes.line(i)[None], tunes.meter_of(i)) for i in self.lines]
        self.tonic = {i: int(key[0][0]) for i, key in zip(self.lines.tolist(), keys, strict=True)}
        self.mode = {i: int(key[1][0]) for i, key in zip(self.lines.tolist(), keys, strict=True)}
        self._canonical = {i: self._in_canonical(i) for i in self.lines.tolist()}
        self._places: dict[tuple[str, int], tuple[np.ndarray, np.ndarray]] = {}

    def _in_canonical(self, line: int) -> np.ndarray:
        tokens = self.tunes.line(line).astype(np.int16)
        return tok.transpose(tokens[None], shift_to_canonical(tokens, self.tonic[line], self.mode[line]))[0]

    @cached_property
    def meters(self) -> tuple[list[str], np.ndarray]:
        """The meters there are and how often each is drawn."""
        tunes = {m: len(np.unique(self.tunes.tune[self.tunes.where(self.split, m)])) for m in METER_NAMES}
        names = [m for m, count in tunes.items() if count]
        weights = np.array([tunes[m] for m in names], float) ** METER_POWER
        return names, weights / weights.sum()

    def _of(self, meter: str, bars: int) -> tuple[np.ndarray, np.ndarray]:
        """All places of windows, and the running sum of their weights."""
        if (meter, bars) not in self._places:
            places = self.tunes.places(self.split, meter, bars)
            line, first = places[:, 0], places[:, 1]
            modes = np.array([self.mode[i] for i in line.tolist()], int)
            edge = (first == 0) | (first + bars == self.tunes.bars[line])
            weight = np.where(edge, EDGE, 1.0)
            _, tune = np.unique(self.tunes.tune[line], return_inverse=True)
            weight = weight / np.maximum(np.bincount(tune, weight), 1e-9)[tune] if len(places) else weight
            frequency = np.bincount(np.array(list(self.mode.values())).clip(0), minlength=len(MODES)).clip(1)
            weight = weight * frequency[modes.clip(0)] ** -MODE_POWER if len(places) else weight
            self._places[meter, bars] = places, np.cumsum(weight)
        return self._places[meter, bars]

    def draw(self, size: int, *key: int, canonical: bool = True) -> PieceBatch:
        """About `size` bars in windows of one meter and length, drawn by the random key."""
        random = np.random.default_rng(key)
        names, weights = self.meters
        while True:
            meter = names[random.choice(len(names), p=weights)]
            bars = int(random.choice(list(LENGTHS), p=list(LENGTHS.values())))
            places, upto = self._of(meter, bars)
            if len(places) > 10:
                break
        n = max(size // bars, 1)
        at = np.searchsorted(upto, random.random(n) * upto[-1], side="right").clip(max=len(places) - 1)
        return self.batch(places[at], meter, bars, random, canonical=canonical)

    def windows(self, meter: str, bars: int, n: int, *key: int) -> PieceBatch:
        """n windows in one meter and length, drawn by the random key, told all of their mode and places. Raises MusiclcError when there are none."""
        random = np.random.default_rng(key)
        places, upto = self._of(meter, bars)
        if not len(places):
            raise MusiclcError(f"no tune of {bars} bars in {meter} in {self.split}")
        at = np.searchsorted(upto, random.random(n) * upto[-1], side="right").clip(max=len(places) - 1)
        return self.batch(places[at], meter, bars, random, told=True)

    def batch(
        self, places: np.ndarray, meter: str, bars: int, random: np.random.Generator, *, canonical: bool = True, told: bool = False
    ) -> PieceBatch:
        """The windows at places (n, 2). told: nothing is left untold of mode and places."""
        steps = METERS[meter]
        rows = np.stack([struck(self._canonical[line], first * steps, (first + bars) * steps) for line, first in places.tolist()])
        mode = np.array([self.mode[line] for line in places[:, 0].tolist()])
        if not canonical:
            rows = _transposed_anyhow(rows, random)
        tokens = rows.reshape(len(rows), bars, steps)
        first, last = self._told_places(places, bars)
        keep = (
            np.ones((3, len(rows)), bool)
            if told
            else random.random((3, len(rows))) >= np.array([[PLACE_NOT_TOLD], [PLACE_NOT_TOLD], [MODE_NOT_TOLD]])
        )
        mode = np.where(keep[2] & (mode >= 0), mode, MODE_UNKNOWN)
        context = Context(
            torch.full((len(rows),), METER_NAMES.index(meter)),
            torch.from_numpy(mode),
            torch.from_numpy(np.where(keep[0][:, None], first, UNKNOWN_PLACE)),
            torch.from_numpy(np.where(keep[1][:, None], last, UNKNOWN_PLACE)),
            torch.full((len(rows), bars), -1),
            torch.full((len(rows), bars), ANY),
        )
        return PieceBatch(torch.from_numpy(tokens.astype(np.int64)), context, equal_steps(tokens))

    def mode_frequencies(self) -> np.ndarray:
        """How often each mode is heard in the tunes of each meter: (meters, modes and one for none), rows that add up to 1."""
        counts = np.zeros((len(METER_NAMES), MODE_UNKNOWN + 1))
        for line in self.lines.tolist():
            counts[self.tunes.meter[line], self.mode[line] if self.mode[line] >= 0 else MODE_UNKNOWN] += 1
        counts[counts.sum(1) == 0, MODE_UNKNOWN] = 1
        return counts / counts.sum(1, keepdims=True)

    def plans(self) -> Plans:
        """What every tune that is one line, without its pickup, says of its own returns."""
        tunes = []
        for line in self.lines.tolist():
            if self.tunes.begins[line] and self.tunes.ends[line]:
                bars = self.tunes.line(line).reshape(-1, METERS[self.tunes.meter_of(line)])
                tunes.append((int(self.tunes.meter[line]), bars[int(self.pickup(line)) :]))
        return Plans.of(tunes)

    def pickup(self, line: int) -> bool:
        """Whether a line begins with its tune, and its first bar is silent for half of it or more."""
        steps = METERS[self.tunes.meter_of(line)]
        return bool(self.tunes.begins[line]) and not tok.onsets(self.tunes.line(line)[: steps // 2]).any()

    def _told_places(self, places: np.ndarray, bars: int) -> tuple[np.ndarray, np.ndarray]:
        line, at = places[:, 0], places[:, 1]
        pickup = np.array([self.pickup(i) for i in line.tolist()], int)
        first = np.clip(at[:, None] + np.arange(bars) + 1 - pickup[:, None], PICKUP, LAST_PLACE)
        last = np.clip(self.tunes.bars[line][:, None] - at[:, None] - np.arange(bars), 1, LAST_PLACE)
        begins, ends = self.tunes.begins[line][:, None] > 0, self.tunes.ends[line][:, None] > 0
        return np.where(begins, first, UNKNOWN_PLACE), np.where(ends, last, UNKNOWN_PLACE)


def with_returns(batch: PieceBatch, wanted: np.ndarray, random: np.random.Generator, untold: float = RETURNS_NOT_TOLD) -> Context:
    """The batch's context, told where wanted bars, bool (n, B), return from: any bar that is given, or an earlier one."""
    source, kind = returns(batch.equal, earlier_or_given(wanted))
    tell = wanted & (random.random(len(wanted)) >= untold)[:, None]
    c = batch.context
    return Context(c.meter, c.mode, c.first, c.last, torch.from_numpy(np.where(tell, source, -1)), torch.from_numpy(np.where(tell, kind, ANY)))


def _transposed_anyhow(rows: np.ndarray, random: np.random.Generator) -> np.ndarray:
    pitched = tok.onsets(rows)
    down = np.where(pitched, rows, tok.PAD).min(1).astype(int) - tok.FIRST_ONSET
    up = tok.VOCABULARY - 1 - np.where(pitched, rows, 0).max(1).astype(int)
    shift = random.integers(-6, 6, len(rows)) + random.choice([-12, 0, 12], len(rows), p=[0.1, 0.8, 0.1])
    return tok.transpose(rows, np.clip(shift, -down, up))
