"""What sampling is asked for, and the table of methods. No network is loaded here, so that --help and the check of a batch read it at once.

Inside: `Method`, `METHODS`, `SampleOptions`, `SampleRequest`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from musiclc.custom.request import constraints_of, given, options_of, own_of
from musiclc.custom.sections import sections_of
from musiclc.errors import UsageError
from musiclc.model.numerics import check_numerics
from musiclc.music.form import MOST_BARS, Form, bars_of, form_text, parse_form
from musiclc.music.melody import PHRASE_BARS
from musiclc.music.theory import PHRASE_METERS, check_meter
from musiclc.output.manifest import MidiOptions, goal_fields, names_by_pattern
from musiclc.rules import settled
from musiclc.rules.alike import ABOUT_LIKE
from musiclc.rules.base import Constraint
from musiclc.rules.contradictions import refuse_contradictions
from musiclc.rules.sections import SectionGoals, placed


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
PIECE_BARS = 16  # where neither bars nor a form are said
METHOD_NAMES = ("auto", *METHODS)
PLAIN = MidiOptions()


@dataclass(frozen=True)
class SampleOptions:
    """How to sample. meter: as theory.METERS; seed: any integer from 0. form: the piece's sections, () for none; a text is parsed. bars: 1 to
    MOST_BARS, as many as the form has; 0 stands for these, or without a form for PIECE_BARS, and becomes that number.

    method: of METHODS; "normal", draws of N(0, I), the VAE's own prior, and "rejection" are baselines; "auto" is AUTO.
    temperature: scale of the noise, in (0, 2]. strength: how hard critics pull; 1 is Bayes' rule.

    Each melody is drawn once from noise, then in rounds of `candidates` near the best so far, until it meets the constraints and its
    realism (see Sample) is at least `realism`, or it has cost `attempts` draws; the baselines draw one at a time from noise until the
    constraints are met. Of a piece there are at most pieces.MOST_ATTEMPTS draws, each written several times.
    With more than one attempt, the last few notes of a melody that is nearly there are moved, those that make a key or
    tonic heard after a dozen draws. What has no critic, such as a function of one's own, is left to small changes after a few
    draws, where the method is "auto" (searching.py).
    """

    meter: str = "4/4"
    bars: int = 0
    form: Form = ()
    seed: int = 0
    method: str = "auto"
    temperature: float = 1.0
    strength: float = 2.0
    candidates: int = 2
    realism: float = 0.2
    attempts: int = 40

    def __post_init__(self) -> None:
        check_meter(self.meter)
        self._measure_out()
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

    def _measure_out(self) -> None:
        """Form and bars as they are meant. Raises UsageError where they do not go together."""
        if not 0 <= self.bars <= MOST_BARS:
            raise UsageError(f"bars {self.bars}: wanted 1 to {MOST_BARS}")
        form = parse_form(self.form, self.bars or None) if isinstance(self.form, str) else tuple(self.form)
        bars = self.bars or bars_of(form) or PIECE_BARS
        if form and bars != bars_of(form):
            raise UsageError(
                f"form {form_text(form)!r}: adds up to {bars_of(form)} bars, and bars is {bars}; wanted the same, or one of the two alone"
            )
        object.__setattr__(self, "form", form)
        object.__setattr__(self, "bars", bars)

    @property
    def how(self) -> Method:
        """The method, chosen where that was left open."""
        return METHODS[AUTO if self.method == "auto" else self.method]


@dataclass(frozen=True)
class SampleRequest:
    """What `musiclc sample` is asked for. constraints: of the whole piece; sections: what is asked of parts of it; both settled and checked when
    it is made. n: how many melodies. pattern: file names, with fields in braces. model: a file's path, the shipped one when None. numerics:
    as model.numerics.NUMERICS.

    Raises UsageError for constraints that no melody in the meter can meet, for sections that the piece does not have, for goals that are known
    to exclude each other, and for names that are not all different.
    """

    constraints: tuple[Constraint, ...] = ()
    n: int = 1
    options: SampleOptions = SampleOptions()
    midi: MidiOptions = PLAIN
    pattern: str = "{stem}-{seed}-{index}.mid"
    model: str | None = None
    numerics: str = "auto"
    sections: tuple[SectionGoals, ...] = ()

    command: ClassVar[str] = "sample"

    def __post_init__(self) -> None:
        object.__setattr__(self, "constraints", tuple(settled(self.constraints)))
        options = self.options
        object.__setattr__(self, "sections", placed(self.sections, self.constraints, options.form, options.bars))
        for constraint in self.constraints:
            _check("", constraint, options.meter, options.bars)
        for section in self.sections:
            shortest = min(after - first for first, after in section.windows)
            for constraint in section.constraints:
                _check(section.name, constraint, options.meter, shortest)
        refuse_contradictions(self.constraints, self.sections, options.bars, options.meter)
        if self.n < 1:
            raise UsageError(f"n {self.n}: wanted 1 or more")
        check_numerics(self.numerics)
        self._names(range(1, min(self.n, 2) + 1), self.options.seed)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "SampleRequest":
        """The request that values by the options' long names make, `-` as `_`: goals as text or Constraint, numbers as numbers or text;
        sections as custom.sections.sections_of takes them.

        Raises UsageError for a name that neither an option has nor SampleOptions, and for a value that is not as wanted.
        """
        left = given(values)
        constraints, sections = tuple(constraints_of(left)), sections_of(left.pop("sections", ()))
        options, midi = options_of(cls.options, _with_bars(left)), options_of(cls.midi, left)
        own = own_of("sample", left, n=int, name=str, model=str, numerics=str)
        return cls(constraints, options=options, midi=midi, sections=sections, **own)

    @property
    def is_phrase(self) -> bool:
        """Whether the networks of four-bar phrases write it; those of whole pieces write all else."""
        options = self.options
        plain = options.bars == PHRASE_BARS and options.meter in PHRASE_METERS and not options.form and not self.sections
        return plain and not (options.method == "auto" and any(c.rule.name == ABOUT_LIKE["name"] for c in self.constraints))

    @property
    def names(self) -> list[str]:
        """The files' names, in order of index."""
        return self._names(range(1, self.n + 1), self.options.seed)

    def name_of(self, index: int, seed: int) -> str:
        """The name of one file, whose number counts from 1, in a run with that seed."""
        return self._names([index], seed)[0]

    def _names(self, indices: Sequence[int], seed: int) -> list[str]:
        return names_by_pattern(self.pattern, {"stem": "melody", "seed": str(seed), **goal_fields(self.constraints)}, indices)


def _check(section: str, constraint: Constraint, meter: str, bars: int) -> None:
    """Raises UsageError when no melody of so many bars in the meter can meet the constraint."""
    try:
        constraint.rule.check(constraint.goal, meter, bars)
    except UsageError as error:
        raise UsageError(f"section {section}: {error}" if section else str(error)) from error


def _with_bars(values: dict[str, Any]) -> dict[str, Any]:
    """The values, with bars that the form decides on where they are not said, and a form as text. Raises UsageError for no bars at all."""
    bars, form = values.get("bars", 0), values.get("form")
    if "bars" in values and str(bars).strip() == "0":
        raise UsageError(f"bars {bars}: wanted 1 to {MOST_BARS}")
    values["bars"] = bars
    if isinstance(form, tuple):
        values["form"] = form_text(form)
    return values
