"""Where pieces come from that are compared with real ones: real tunes, baselines, a model.

A *maker* is a function (n, meter, bars, seed) → tokens (n, bars × steps a bar).

Inside: `Maker`, `RealPieces`, `by_model`, `by_filling`, `single`, `reconstructed`, `side_by_side`, `one_phrase`, `by_trigram`, `fitted`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc.evaluation.trigram import START, Event, Trigram, events
from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH, METER_NAMES
from musiclc.rules import parse_constraints
from musiclc.rules.tonic import heard, steps_of
from musiclc.rules.transposition import shift_to_canonical, transposed
from musiclc.training.tunes import KNOWN, Tunes

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

PLACES = ("windows", "whole")
_FIRST_PITCHES = (67, 80)  # of a melody by trigram

Maker = Callable[[int, str, int, int], np.ndarray]


@dataclass(frozen=True)
class RealPieces:
    """Real pieces of so many bars, one a tune. place: "windows" anywhere, or "whole" tunes of just so many bars, a pickup's bar aside.

    collections: those that they come from; all where none is named.
    """

    tunes: Tunes
    place: str = "windows"
    collections: tuple[str, ...] = ()

    def of(self, split: str, meter: str, bars: int, seed: int) -> np.ndarray:
        """Pieces (tunes, T) of one split, in random order by the seed. Bars known from training are in none."""
        avoid = {"avoid": 3 | KNOWN}
        places = self.tunes.places(split, meter, bars, **avoid)
        if self.collections:
            places = places[[self.tunes.collection(line) in self.collections for line in places[:, 0].tolist()]]
        places = places[self._suits(places, bars)]
        random = np.random.default_rng(seed)
        places = places[random.permutation(len(places))]
        _, first = np.unique(self.tunes.tune[places[:, 0]], return_index=True)
        return self.tunes.windows(places[random.permutation(first)], bars).tokens.reshape(len(first), bars * steps_of(meter)[0])

    def _suits(self, places: np.ndarray, bars: int) -> np.ndarray:
        """Which places (k, 2) are where `place` says: bool (k,)."""
        line, before = places[:, 0], places[:, 1]
        whole = (self.tunes.begins[line] > 0) & (self.tunes.ends[line] > 0) & (before + bars == self.tunes.bars[line]) & (before <= 1)
        return whole if self.place == "whole" else np.ones(len(places), bool)

    def splits(self, splits: tuple[str, ...], meter: str, bars: int, seed: int) -> np.ndarray:
        """Pieces of several splits together."""
        return np.concatenate([self.of(split, meter, bars, seed) for split in splits])

    def melodies(self, split: str, meter: str | None = None) -> list[np.ndarray]:
        """All lines (T,) of one split, in one meter or all."""
        return [self.tunes.line(line) for line in self.tunes.where(split, meter).tolist()]


def by_filling(model: "Model", **options: Any) -> Callable[[np.ndarray, tuple[int, ...], str, int], np.ndarray]:
    """A filler of hidden bars (infilling.Filler): each piece once, by the model. options: of sampling.FillOptions."""

    def fill(tokens: np.ndarray, bars: tuple[int, ...], meter: str, seed: int) -> np.ndarray:
        from musiclc.sampling import pieces
        from musiclc.sampling.fill_request import FillOptions
        from musiclc.sampling.setting import Setting

        wanted = np.zeros(tokens.shape[1] // steps_of(meter)[0], bool)
        wanted[list(bars)] = True
        asked = FillOptions(seed=seed, **options)
        settings = [Setting(row, wanted, meter, opens=False, closes=False) for row in tokens]
        return np.stack([next(pieces.fills(model, each, [(seed, i)], asked)).tokens for i, each in enumerate(settings, start=1)])

    return fill


def by_model(model: "Model", constraints: Mapping[str, str] | None = None, **options: Any) -> Maker:
    """Whole pieces of a model under constraints. options: of sampling.SampleOptions."""

    def make(n: int, meter: str, bars: int, seed: int) -> np.ndarray:
        from musiclc.sampling import sample as sampling

        wanted = sampling.SampleOptions(meter=meter, bars=bars, seed=seed, **options)
        return tok.from_melodies([sample.melody for sample in sampling.sample(model, constraints, n, wanted)])

    return make


def single(model: "Model", constraints: Mapping[str, str]) -> Maker:
    """As `by_model`, but a single draw a piece, written once."""

    def make(n: int, meter: str, bars: int, seed: int) -> np.ndarray:
        from musiclc.sampling import pieces
        from musiclc.sampling.request import SampleOptions, SampleRequest

        options = SampleOptions(meter=meter, bars=bars, seed=seed, attempts=1)
        request = SampleRequest(tuple(parse_constraints(constraints)), n, options)
        return tok.from_melodies([sample.melody for sample in pieces.samples(model, request, writes=1)])

    return make


def reconstructed(model: "Model", tokens: np.ndarray, meter: str) -> np.ndarray:
    """Pieces (n, T) after encoding and greedy, free-running writing; told their mode, but nothing of places and returns."""
    import torch

    from musiclc.model.context import ANY, MODE_UNKNOWN, UNKNOWN_PLACE, Context
    from musiclc.model.pieces import DrawOptions, Hand, PieceTask, write
    from musiclc.sampling.pieces import pieces_of

    pieces, steps = pieces_of(model), steps_of(meter)[0]
    tonic, mode, _ = heard(tokens, meter)
    shifts = np.array([shift_to_canonical(*row) for row in zip(tokens, tonic.tolist(), mode.tolist(), strict=True)])
    there = torch.from_numpy(transposed(tokens, shifts).reshape(len(tokens), -1, steps).astype(np.int64))
    shape = there.shape[:2]
    modes = torch.from_numpy(np.where(mode >= 0, mode, MODE_UNKNOWN))
    unknown = torch.full(shape, UNKNOWN_PLACE)
    none, kinds = torch.full(shape, -1), torch.full(shape, ANY)
    context = Context(torch.full((len(there),), METER_NAMES.index(meter)), modes, unknown, unknown, none, kinds)
    task = PieceTask(context, torch.zeros_like(there), torch.ones(shape, dtype=torch.bool), np.zeros((*shape, shape[1])))
    with torch.no_grad():
        x = pieces.flow.standardise(pieces.bars.encode(there)[0])
    hand = Hand([torch.Generator() for _ in range(len(there))])
    written = write(pieces, task, x, torch.zeros(shape), hand, DrawOptions(temperature=0.0)).flatten(1).numpy()
    return transposed(written.astype(np.uint8), -shifts)


# ---- baselines -----------------------------------------------------------------------------------------------------


def side_by_side(phrases: Maker) -> Maker:
    """Independent phrases of four bars, one after another."""

    def make(n: int, meter: str, bars: int, seed: int) -> np.ndarray:
        each = -(-bars // PHRASE_BARS)
        return phrases(n * each, meter, PHRASE_BARS, seed).reshape(n, -1)[:, : bars * steps_of(meter)[0]]

    return make


def one_phrase(phrases: Maker) -> Maker:
    """One phrase of four bars, again and again."""

    def make(n: int, meter: str, bars: int, seed: int) -> np.ndarray:
        return np.tile(phrases(n, meter, PHRASE_BARS, seed), -(-bars // PHRASE_BARS))[:, : bars * steps_of(meter)[0]]

    return make


def by_trigram(judge: Trigram) -> Maker:
    """Notes drawn one after another from a trigram, each until the next."""

    def make(n: int, meter: str, bars: int, seed: int) -> np.ndarray:
        return np.stack([_drawn(judge, bars * steps_of(meter)[0], np.random.default_rng((seed, i))) for i in range(n)])

    return make


def _drawn(judge: Trigram, steps: int, random: np.random.Generator) -> np.ndarray:
    """One melody (steps,) of a trigram; what would leave the piano is drawn again."""
    row = np.full(steps, tok.HOLD, np.uint8)
    pitch, at = int(random.integers(*_FIRST_PITCHES)), 0
    context: tuple[Event, Event] = (START, START)
    while at < steps:
        row[at] = pitch - tok.PITCH_OF_TOKEN
        event = judge.draw(context, random)
        while not LOWEST_PITCH <= pitch + event[0] <= HIGHEST_PITCH:
            event = judge.draw(context, random)
        pitch, at, context = pitch + event[0], at + event[1], (context[1], event)
    return row


def fitted(melodies: list[np.ndarray]) -> Trigram:
    """The trigram of melodies (T,) of any lengths."""
    return Trigram(sequence for melody in melodies for sequence in events(melody[None]))
