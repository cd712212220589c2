"""What sampling is asked for, and the table of methods. No network is loaded here, so that --help and the check of a batch read it at once.

Inside: `Method`, `METHODS`, `SampleOptions`, `SampleRequest`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from musiclc.custom.request import constraints_of, given, options_of, own_of
from musiclc.errors import UsageError
from musiclc.model.numerics import check_numerics
from musiclc.music.melody import PHRASE_BARS
from musiclc.music.theory import check_meter
from musiclc.output.manifest import MidiOptions, goal_fields, names_by_pattern
from musiclc.rules import settled
from musiclc.rules.base import Constraint


@dataclass(frozen=True)
class Method:
    """One way from noise to latent points; its function is in model/methods.py.

    critics: whether it follows critics, so that each constraint needs one; actor: whether it is the model's actor. flow: whether it draws from
    the flow prior, whose melodies are in canonical transposition. near: whether an item that needs more draws has them near its best so far,
    a few at a time; otherwise each comes from noise.
    """

    name: str
    critics: bool = False
    actor: bool = False
    flow: bool = True
    near: bool = True


_ROWS = (
    Method("guided", critics=True),
    Method("gradient", critics=True),
    Method("langevin", critics=True),
    Method("actor", critics=True, actor=True),
    Method("chosen"),
    Method("vector", critics=True),
    Method("rejection", near=False),
    Method("normal", flow=False, near=False),
)
METHODS: dict[str, Method] = {method.name: method for method in _ROWS}
AUTO = "guided"  # what was measured best
METHOD_NAMES = ("auto", *METHODS)
PLAIN = MidiOptions()


@dataclass(frozen=True)
class SampleOptions:
    """How to sample. meter: as theory.METERS; bars: 4 (longer forms come later); seed: any integer from 0.

    method: of METHODS; "normal", draws of N(0, I), the VAE's own prior, and "rejection" are baselines; "auto" is AUTO.
    temperature: scale of the noise, in (0, 2]. strength: how hard critics pull; 1 is Bayes' rule.

    Each melody is drawn once from noise, then in rounds of `candidates` near the best so far, until it meets the constraints and its
    realism (see Sample) is at least `realism`, or it has cost `attempts` draws; the baselines draw one at a time from noise until the
    constraints are met. With more than one attempt, the last few notes of a melody that is nearly there are moved, those that make a key or
    tonic heard after a dozen draws.
    """

    meter: str = "4/4"
    bars: int = PHRASE_BARS
    seed: int = 0
    method: str = "auto"
    temperature: float = 1.0
    strength: float = 2.0
    candidates: int = 2
    realism: float = 0.2
    attempts: int = 40

    def __post_init__(self) -> None:
        check_meter(self.meter)
        if self.bars != PHRASE_BARS:
            raise UsageError(f"bars {self.bars}: this version writes phrases of {PHRASE_BARS} bars")
        if self.method not in METHOD_NAMES:
            raise UsageError(f"method {self.method!r}: wanted one of {', '.join(METHOD_NAMES)}")
        if not 0 <= self.realism <= 1:
            raise UsageError(f"realism {self.realism:g}: wanted 0 to 1")
        if self.candidates < 1 or self.attempts < 1:
            raise UsageError(f"candidates {self.candidates}, attempts {self.attempts}: wanted 1 or more")
        if not 0 < self.temperature <= 2:
            raise UsageError(f"temperature {self.temperature:g}: wanted above 0 and at most 2")
        if self.seed < 0:
            raise UsageError(f"seed {self.seed}: wanted 0 or more")

    @property
    def how(self) -> Method:
        """The method, chosen where that was left open."""
        return METHODS[AUTO if self.method == "auto" else self.method]


@dataclass(frozen=True)
class SampleRequest:
    """What `musiclc sample` is asked for. constraints: settled and checked when it is made. n: how many melodies. pattern: file names, with
    fields in braces. model: a file's path, the shipped one when None. numerics: as model.numerics.NUMERICS.

    Raises UsageError for constraints that no melody in the meter can meet, and for names that are not all different.
    """

    constraints: tuple[Constraint, ...] = ()
    n: int = 1
    options: SampleOptions = SampleOptions()
    midi: MidiOptions = PLAIN
    pattern: str = "{stem}-{seed}-{index}.mid"
    model: str | None = None
    numerics: str = "auto"

    command: ClassVar[str] = "sample"

    def __post_init__(self) -> None:
        object.__setattr__(self, "constraints", tuple(settled(self.constraints)))
        for constraint in self.constraints:
            constraint.rule.check(constraint.goal, self.options.meter)
        if self.n < 1:
            raise UsageError(f"n {self.n}: wanted 1 or more")
        check_numerics(self.numerics)
        self._names(range(1, min(self.n, 2) + 1), self.options.seed)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "SampleRequest":
        """The request that values by the options' long names make, `-` as `_`: goals as text or Constraint, numbers as numbers or text.

        Raises UsageError for a name that neither an option has nor SampleOptions, and for a value that is not as wanted.
        """
        left = given(values)
        constraints = tuple(constraints_of(left))
        options, midi = options_of(cls.options, left), options_of(cls.midi, left)
        return cls(constraints, options=options, midi=midi, **own_of("sample", left, n=int, name=str, model=str, numerics=str))

    @property
    def names(self) -> list[str]:
        """The files' names, in order of index."""
        return self._names(range(1, self.n + 1), self.options.seed)

    def name_of(self, index: int, seed: int) -> str:
        """The name of one file, whose number counts from 1, in a run with that seed."""
        return self._names([index], seed)[0]

    def _names(self, indices: Sequence[int], seed: int) -> list[str]:
        return names_by_pattern(self.pattern, {"stem": "melody", "seed": str(seed), **goal_fields(self.constraints)}, indices)
