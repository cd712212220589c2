"""What editing is asked for. No network is loaded here, so that --help and the check of a batch read it at once.

Inside: `EditOptions`, `EditRequest` and its three kinds: `TransformRequest`, `VaryRequest`, `InterpolateRequest`; of several files, `SeveralRequest`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from musiclc.custom.request import constraints_of, given, listed, options_of, own_of
from musiclc.errors import InputError, UsageError
from musiclc.midi.inputs import Input, expand
from musiclc.midi.timing import check_meter_text
from musiclc.model.numerics import check_numerics
from musiclc.music.theory import PHRASE_METERS
from musiclc.output.manifest import goal_fields, named_after, names_by_pattern
from musiclc.rules import settled
from musiclc.rules.base import Constraint

R = TypeVar("R", bound="EditRequest")  # typing.Self is of Python 3.11
KEEP = 0.7
EDIT_METHODS = ("auto", "beam", "snap")


@dataclass(frozen=True)
class EditOptions:
    """How to edit. keep: 0 (free) to 1 (touch nothing that is not needed); for a variation the share of notes to keep.

    track: "auto", a track's name or its index. tracks: which go along when the melody is brought to another key, "melody" (its own alone), "all",
    or names with commas. bars: the only ones that may change and that goals are measured on, as "9..16" or "9", from 1; all when empty.
    meter: in which the file is read, whatever it says, such as "4/4", or after a pickup "1/4+4/4"; as the file says when empty.
    realism: let go of the original, step by step, until this share of real phrases is less likely than the result; 0 never does. temperature: of
    noise in the points that an edit starts from; 0 is none. method: "beam", or "snap", which moves every forbidden note to the nearest pitch
    allowed (a baseline); "auto" is "beam". seed: any integer from 0.
    """

    keep: float = KEEP
    track: str | int = "auto"
    seed: int = 0
    realism: float = 0.0
    temperature: float = 0.0
    method: str = "auto"
    tracks: str = "melody"
    bars: str = ""
    meter: str = ""

    def __post_init__(self) -> None:
        if self.meter:
            check_meter_text(self.meter)
        if not 0 <= self.keep <= 1:
            raise UsageError(f"keep {self.keep:g}: wanted 0 (free) to 1 (touch nothing that is not needed)")
        if not 0 <= self.realism <= 1:
            raise UsageError(f"realism {self.realism:g}: wanted 0 to 1")
        if not 0 <= self.temperature <= 2:
            raise UsageError(f"temperature {self.temperature:g}: wanted 0 to 2")
        if self.method not in EDIT_METHODS:
            raise UsageError(f"method {self.method!r}: wanted one of {', '.join(EDIT_METHODS)}")
        if self.seed < 0:
            raise UsageError(f"seed {self.seed}: wanted 0 or more")
        _ = self.span

    @property
    def span(self) -> tuple[int, int] | None:
        """The first and the last of the bars; None for all. Raises UsageError for what is no such text."""
        if not self.bars.strip():
            return None
        match = re.fullmatch(r"\s*(\d{1,5})\s*(?:\.\.\s*(\d{1,5})\s*)?", self.bars)
        if not match:
            raise UsageError(f"bars {self.bars!r}: wanted the first and the last, such as 9..16, or one bar, such as 9")
        first, last = int(match[1]), int(match[2] or match[1])
        if first < 1:
            raise UsageError(f"bars {self.bars!r}: bars are counted from 1")
        if last < first:
            raise UsageError(f"bars {self.bars!r}: end before they begin; the first comes first, as in {last}..{first}")
        return first, last


@dataclass(frozen=True)
class EditRequest:
    """What the commands that edit are asked for. inputs: in order; unread: what went wrong where they were looked for. constraints: settled
    when it is made. pattern: file names, with fields in braces. model: a file's path, the shipped one when None. numerics: as
    model.numerics.NUMERICS.

    Raises UsageError for constraints that no melody in any meter that can be edited can meet, and for names that are not all different.
    """

    inputs: tuple[Input, ...]
    constraints: tuple[Constraint, ...] = ()
    options: EditOptions = EditOptions()
    pattern: str = "{stem}.mid"
    model: str | None = None
    numerics: str = "auto"
    unread: tuple[InputError, ...] = ()

    command: ClassVar[str]
    takes: ClassVar[tuple[str, ...]] = tuple(f.name for f in fields(EditOptions))  # which of its options' fields it has options for
    own: ClassVar[Mapping[str, type]] = {}  # further fields that it has options for, and their kinds

    def __post_init__(self) -> None:
        object.__setattr__(self, "constraints", tuple(settled(self.constraints)))
        for constraint in self.constraints:
            _refuse_impossible(constraint)
        check_numerics(self.numerics)
        _ = self.names

    @classmethod
    def of(cls: type[R], values: Mapping[str, Any]) -> R:
        """The request that values by the options' long names make, as SampleRequest.of. input: a path, a folder, an Input, or a list of them."""
        left = given(values)
        left.pop("midi_type", None)  # edited files keep their own
        inputs, unread = cls._inputs(left.pop("input", ()), left.pop("recursive", False) in (True, "true"))
        constraints, options = tuple(constraints_of(left)), options_of(cls.options, left, cls.takes)
        kinds = {"name": str, "model": str, "numerics": str, **({"n": int} if "n" in cls.__dataclass_fields__ else {}), **cls.own}
        return cls(inputs, constraints, options, unread=unread, **own_of(cls.command, left, **kinds))

    @classmethod
    def _inputs(cls, values: Any, recursive: bool) -> tuple[tuple[Input, ...], tuple[InputError, ...]]:
        """The inputs in order, folders opened, and what went wrong."""
        found: list[Input] = []
        errors: list[InputError] = []
        for each in listed(values):
            there, wrong = ([each], []) if isinstance(each, Input) else expand([str(each)], recursive)
            found += there
            errors += wrong
        return tuple(found), tuple(errors)

    @property
    def names(self) -> list[str]:
        """The files' names, in order."""
        raise NotImplementedError

    def _fields(self, stem: str) -> dict[str, str]:
        return {"stem": stem, "seed": str(self.options.seed), **goal_fields(self.constraints)}


@dataclass(frozen=True)
class TransformRequest(EditRequest):
    """What `musiclc transform` is asked for."""

    command: ClassVar[str] = "transform"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.options.tracks != "melody" and not any(c.rule.name in ("key", "tonic") for c in self.constraints):
            raise UsageError(f"tracks {self.options.tracks!r}: tracks go along to another key; wanted it with --key or --tonic")

    @property
    def names(self) -> list[str]:
        """The files' names, one an input."""
        return named_after([i.under for i in self.inputs], self.pattern, self._fields(""))


@dataclass(frozen=True)
class SeveralRequest(EditRequest):
    """So many files, n, of a fixed number of inputs."""

    n: int = 1

    reads: ClassVar[int] = 1  # inputs
    least: ClassVar[int] = 1  # files

    def __post_init__(self) -> None:
        if self.n < self.least:
            raise UsageError(f"n {self.n}: wanted {self.least} or more{', both ends included' if self.reads == 2 else ''}")
        if len(self.inputs) != self.reads:
            raise UsageError(f"{len(self.inputs)} files; {self.command} takes {('one', 'two')[self.reads - 1]} (transform takes many)")
        super().__post_init__()

    @classmethod
    def _inputs(cls, values: Any, recursive: bool) -> tuple[tuple[Input, ...], tuple[InputError, ...]]:
        """The inputs in order, none of which may be a folder."""
        for each in listed(values):
            if not isinstance(each, Input) and Path(each).is_dir():
                raise UsageError(f"{each}: a folder; {cls.command} takes files (transform takes folders)")
        return super()._inputs(values, recursive)

    @property
    def names(self) -> list[str]:
        """The files' names, in order."""
        stem = "-".join(Path(source.under).stem for source in self.inputs)
        return names_by_pattern(self.pattern, self._fields(stem), range(1, self.n + 1))


@dataclass(frozen=True)
class VaryRequest(SeveralRequest):
    """What `musiclc vary` is asked for. n: how many variations of its input."""

    options: EditOptions = EditOptions(temperature=1.0)
    pattern: str = "{stem}-{seed}-{index}.mid"

    command: ClassVar[str] = "vary"
    takes: ClassVar[tuple[str, ...]] = ("keep", "track", "seed", "temperature")

    def __post_init__(self) -> None:
        if not self.options.temperature:
            raise UsageError("temperature 0: wanted above 0 and at most 2")
        super().__post_init__()


@dataclass(frozen=True)
class InterpolateRequest(SeveralRequest):
    """What `musiclc interpolate` is asked for. n: how many files from its first input to its second, both included."""

    pattern: str = "{stem}-{index}.mid"
    n: int = 5

    command: ClassVar[str] = "interpolate"
    takes: ClassVar[tuple[str, ...]] = ("track", "seed")
    reads: ClassVar[int] = 2
    least: ClassVar[int] = 2


def _refuse_impossible(constraint: Constraint) -> None:
    """Raises UsageError when no melody in any meter that can be edited can meet the goal. What one meter cannot meet, files in another may."""
    errors: Sequence[UsageError] = [error for meter in PHRASE_METERS if (error := _error(constraint, meter))]
    if len(errors) == len(PHRASE_METERS):
        raise errors[0]


def _error(constraint: Constraint, meter: str) -> UsageError | None:
    try:
        constraint.rule.check(constraint.goal, meter)
    except UsageError as error:
        return error
    return None
