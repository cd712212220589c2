"""New bars in pieces that are there: after them, before them, within them, between two of them.

A notebook calls `continued`, `preceded`, `infilled` and `bridged`: a Melody in, a Melody with its new bars out, all others as they were. Commands
call `run`, which does the same in MIDI files (midi.room, midi.joined, midi.fresh). The bars are written by the networks in pieces.py, which see
up to CONTEXT bars on either side. Item i of a run depends on (seed, i) alone.

A note that sounds from before into new bars stays as it is, and the first new one begins after it. A last new note sounds on over the join for as
long as the one that stood there did.

Inside: `Blank` with `setting`, `filled`; `continued`, `preceded`, `infilled`, `bridged`; `run`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from musiclc.custom.examples import parse_constraints
from musiclc.custom.labels import bound
from musiclc.errors import UsageError
from musiclc.midi import Song, read_song
from musiclc.midi.beats import read_in
from musiclc.midi.fresh import written
from musiclc.midi.joined import between
from musiclc.midi.room import Room, after, before, within
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody
from musiclc.music.theory import METERS
from musiclc.output.manifest import Entry, Origin, entry_of
from musiclc.rules.base import Constraint
from musiclc.sampling.fill_request import BridgeRequest, ContinueRequest, FillOptions, FillRequest, InfillRequest, bar_range, check_bars
from musiclc.sampling.sample import Sample
from musiclc.sampling.setting import Filled, Setting

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

CONTEXT = 32  # bars on either side that the networks see
Asked = Mapping[str, str] | Sequence[Constraint] | None  # constraints, also as {"key": "C"}


@dataclass(frozen=True)
class Blank:
    """A row of tokens (T,) in a meter and which of its bars are to be written: `bars` of them, from bar `first`, from 0.

    seen: the first bar of the row that the networks see, and the one after the last. free: the first step that new notes may have, and the one
    after the last; the whole bars when None. opens, closes: whether the piece begins with the first bar seen, and ends with the last.
    """

    tokens: np.ndarray
    meter: str
    first: int
    bars: int
    seen: tuple[int, int]
    free: tuple[int, int] | None = None
    opens: bool = True
    closes: bool = True

    @property
    def steps(self) -> tuple[int, int]:
        """The first step of the bars to write, and the one after their last."""
        return self.first * METERS[self.meter], (self.first + self.bars) * METERS[self.meter]

    def setting(self, constraints: Sequence[Constraint]) -> Setting:
        """What the networks are asked. In bars to write, steps of a note from before that sounds on are HOLD, all others REST."""
        per_bar, (low, high) = METERS[self.meter], self.steps
        tokens = self.tokens.copy()
        tokens[low:high] = tok.REST
        tokens[low : max(low, self._begin)] = tok.HOLD if self._sounds_on else tok.REST
        seen = np.arange(*self.seen)
        wanted = (seen >= self.first) & (seen < self.first + self.bars)
        return Setting(tokens[self.seen[0] * per_bar : self.seen[1] * per_bar], wanted, self.meter, self.opens, self.closes, constraints)

    @property
    def _begin(self) -> int:
        return self.steps[0] if self.free is None else self.free[0]

    @property
    def _sounds_on(self) -> bool:
        """Whether a note from before sounds in the first step of the bars."""
        low = self.steps[0]
        return bool(low and self.tokens[low] == tok.HOLD and tok.sounding(self.tokens[None])[0, low] >= 0)

    def filled(self, filled: Filled) -> np.ndarray:
        """The row (T,) with the new bars in it."""
        low, high = self.steps
        begin, end = self._begin, high if self.free is None else self.free[1]
        offset = self.seen[0] * METERS[self.meter]
        new = np.array(filled.tokens[low - offset : high - offset], np.uint8)
        whole = self.tokens.copy()
        whole[begin:high] = _from(new, begin - low)
        whole[low:begin] = self.setting(()).tokens[low - offset : begin - offset]
        whole[end:high] = tok.REST
        return whole

    def new(self, row: np.ndarray) -> Melody:
        """The new bars of a row (T,) alone."""
        low, high = self.steps
        return tok.to_melody(row[low:high], self.meter)


def _from(tokens: np.ndarray, step: int) -> np.ndarray:
    """Tokens (T,) from a step on. A note that began earlier among them begins there; what sounds from before them is silence."""
    pitch = int(tok.sounding(tokens[None])[0, step])
    rest = tokens[step:].copy()
    held = int(np.argmax(rest != tok.HOLD)) if (rest != tok.HOLD).any() else len(rest)
    rest[:held] = tok.HOLD if pitch >= 0 else tok.REST
    if held and pitch >= 0:
        rest[0] = pitch - tok.PITCH_OF_TOKEN
    return rest


# ---- melodies ------------------------------------------------------------------------------------------------------


def continued(
    model: "Model", melody: Melody, bars: int, constraints: Asked = None, n: int = 1, options: FillOptions | None = None
) -> Iterator[Sample]:
    """n times the melody with so many new bars after its last, in order, as they are ready. The new bars meet the constraints.

    Raises UsageError for bars or constraints that cannot be.
    """
    check_bars(bars)
    return _samples(model, _blank([melody], melody.bars, bars), constraints, n, options)


def preceded(
    model: "Model", melody: Melody, bars: int, constraints: Asked = None, n: int = 1, options: FillOptions | None = None
) -> Iterator[Sample]:
    """As `continued`, with the new bars before the melody's first."""
    check_bars(bars)
    return _samples(model, _blank([melody], 0, bars), constraints, n, options)


def infilled(
    model: "Model", melody: Melody, bars: str | tuple[int, int], constraints: Asked = None, n: int = 1, options: FillOptions | None = None
) -> Iterator[Sample]:
    """n times the melody with some bars anew, in order, as they are ready. bars: "5..8", or (5, 8), counted from 1, both included."""
    first, last = bar_range(bars)
    if last > melody.bars:
        raise UsageError(f"bars {first}..{last}: the melody has {melody.bars}, counted from 1")
    tokens = tok.from_melody(melody)
    blank = _within(tokens, melody.meter, first - 1, last - first + 1)
    return _samples(model, blank, constraints, n, options)


def bridged(
    model: "Model", melodies: tuple[Melody, Melody], bars: int, constraints: Asked = None, n: int = 1, options: FillOptions | None = None
) -> Iterator[Sample]:
    """n times the first melody, so many new bars and the second melody, in order, as they are ready. Raises UsageError also for two meters."""
    check_bars(bars)
    first, second = melodies
    if first.meter != second.meter:
        raise UsageError(f"a melody in {first.meter} and one in {second.meter}: wanted two in the same meter")
    return _samples(model, _blank([first, second], first.bars, bars), constraints, n, options)


def _blank(melodies: Sequence[Melody], first: int, bars: int) -> Blank:
    """So many bars to write before bar `first` of the melodies, one after another."""
    meter = melodies[0].meter
    tokens = np.concatenate([tok.from_melody(m) for m in melodies])
    at = first * METERS[meter]
    return _within(np.concatenate([tokens[:at], np.zeros(bars * METERS[meter], np.uint8), tokens[at:]]), meter, first, bars)


def _within(tokens: np.ndarray, meter: str, first: int, bars: int) -> Blank:
    """Bars to write of a row of tokens (T,)."""
    there = len(tokens) // METERS[meter]
    low, high = first * METERS[meter], (first + bars) * METERS[meter]
    sounds = low > 0 and tok.sounding(tokens[None])[0, low] >= 0
    held = int(np.argmax(tokens[low:] != tok.HOLD)) if (tokens[low:] != tok.HOLD).any() else len(tokens) - low
    begin = low + held if sounds else low
    if begin >= high:
        raise UsageError(f"bars {first + 1}..{first + bars}: a note that begins before them sounds through all of them; wanted bars from its own on")
    seen = max(first - CONTEXT, 0), min(first + bars + CONTEXT, there)
    return Blank(tokens, meter, first, bars, seen, (begin, high), seen[0] == 0, seen[1] == there)


def _samples(model: "Model", blank: Blank, constraints: Asked, n: int, options: FillOptions | None) -> Iterator[Sample]:
    if n < 1:
        raise UsageError(f"n {n}: wanted 1 or more")
    asked = _checked(bound(parse_constraints(constraints), model), blank.meter, blank.bars)
    return (
        _sample(index, filled, tok.to_melody(row, blank.meter), blank.new(row), asked)
        for index, filled, row in _drawn(model, blank, asked, n, options or FillOptions())
    )


def _checked(constraints: list[Constraint], meter: str, bars: int) -> list[Constraint]:
    """The constraints. Raises UsageError for one that no melody of so many bars in the meter can meet."""
    for constraint in constraints:
        constraint.rule.check(constraint.goal, meter, bars)
    return constraints


def _drawn(model: "Model", blank: Blank, constraints: Sequence[Constraint], n: int, options: FillOptions) -> Iterator[tuple[int, Filled, np.ndarray]]:
    """(index from 1, what the networks wrote, the whole row with it) of each item."""
    from musiclc.sampling import pieces

    keys = [(options.seed, index) for index in range(1, n + 1)]
    for (_, index), filled in zip(keys, pieces.fills(model, blank.setting(constraints), keys, options), strict=True):
        yield index, filled, blank.filled(filled)


def _sample(index: int, filled: Filled, melody: Melody, bars: Melody, constraints: Sequence[Constraint]) -> Sample:
    """What there is to say about one item. bars: its new ones alone, which the constraints are measured on."""
    verdicts = [c.verdict(c.rule.measure(tok.from_melody(bars)[None], bars.meter)[0]) for c in constraints]
    missed = [f"{v['rule']} {v['goal']}: not met, value {v['value']}" for v in verdicts if not v["satisfied"]]
    return Sample(index, melody, verdicts, "filled", filled.attempts, filled.realism, [*filled.warnings, *missed])


# ---- files ---------------------------------------------------------------------------------------------------------


def run(request: FillRequest, model: "Model | None" = None) -> Iterator[tuple[Entry, bytes]]:
    """The files of a command with their manifest entries, in order of index, as they are ready. model: in place of the one that the request names.

    Raises MusiclcError.
    """
    from musiclc.model import checkpoint

    for error in request.unread:
        raise error
    songs = [read_song(each.source, name=each.name, track=request.options.track) for each in request.inputs]
    room = _room(request, songs)
    model = model or checkpoint.loaded(request.model, request.numerics)
    asked = _checked(bound(request.constraints, model), room.section.meter, room.bars)
    origin = Origin(request.command, request.options.seed, model.name, model.numerics)
    told = {"input": _named(request), "track": room.song.track.name or room.song.track.index, **read_in(room.song.file)}
    for index, filled, row in _drawn(model, _blank_of(room), asked, request.n, request.options):
        data, made = _made(room, index, filled, row, asked)
        made = replace(made, warnings=[*_warnings(songs), *made.warnings])
        about = {"meter": room.section.meter, "bars": room.text, "bpm": room.song.bpm, "notes": len(made.melody.notes)}
        yield {**entry_of(origin, request.names[index - 1], data, made, about), **told}, data


def _room(request: FillRequest, songs: Sequence[Song]) -> Room:
    """Where the new bars go."""
    names = [each.name for each in request.inputs]
    if isinstance(request, BridgeRequest):
        return between(songs[0], songs[1], request.bars, (names[0], names[1]))
    if isinstance(request, InfillRequest):
        return within(songs[0], *bar_range(request.bars), names[0])
    assert isinstance(request, ContinueRequest)
    return (before if request.before else after)(songs[0], request.bars, names[0])


def _blank_of(room: Room) -> Blank:
    """The room as the networks see it."""
    section, seen = room.section, room.around(CONTEXT)
    begin, end = room.around(section.bars)
    opens, closes = room.opens and seen[0] == begin, room.closes and seen[1] == end
    return Blank(tok.from_melody(section.melody), section.meter, room.first, room.bars, seen, room.free, opens, closes)


def _made(room: Room, index: int, filled: Filled, row: np.ndarray, constraints: Sequence[Constraint]) -> tuple[bytes, Sample]:
    """The file with the new bars of a row, and what there is to say about it: constraints are measured on what is read back."""
    begin, end = room.free
    data = written(room, [n for n in tok.to_melody(row, room.section.meter).notes if begin <= n.start < end])
    again = replace(room, song=read_song(data, track=room.song.track.index, meter=room.song.file.read_in))
    made = _sample(index, filled, again.song.melody, again.melody, constraints)
    if room.melody.notes and again.melody.notes == room.melody.notes:
        said = f"bars {room.text}: written as they were, since what stands around them says so; another --seed or a higher --temperature may differ"
        made = replace(made, warnings=[*made.warnings, said])
    return data, made


def _named(request: FillRequest) -> str | list[str]:
    names = [each.name for each in request.inputs]
    return names if request.reads > 1 else names[0]


def _warnings(songs: Sequence[Song]) -> list[str]:
    """What was said of the inputs, but which bars pass through."""
    return [line for song in songs for line in song.warnings if not line.startswith("bar")]
