"""New melodies under constraints, as a notebook asks for them (`sample`) and as commands do (`run`).

Melody i of a run depends on (seed, i) alone, bit for bit, however many are asked for. Phrases of four bars are drawn here; whole pieces, with
their forms and sections, in pieces.py.

Inside: `Sample`, `sample`, `samples`, `sample_by_key`, `run`, `file_of`, `prepare_critics`, `not_met`.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc.custom.examples import parse_constraints
from musiclc.custom.labels import bound
from musiclc.custom.sections import sections_of
from musiclc.errors import CheckpointError
from musiclc.music import tokens as tok
from musiclc.music.form import form_text
from musiclc.music.melody import PHRASE_BARS, Melody
from musiclc.music.theory import METERS
from musiclc.output.manifest import Entry, Origin, entry_of
from musiclc.rules import allowed_pitches
from musiclc.rules.base import Constraint, parts_of
from musiclc.sampling.request import SampleOptions, SampleRequest

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model
    from musiclc.sampling.rounds import Candidate, Rounds, SampleKey

SCOUTS = 512  # melodies of the bank that say which transposition suits the constraints
EDIT_KEEP = 0.3  # of what a draw that missed the constraints is held to
NEARLY = 0.9  # share of notes that must meet the goal already before `_repaired` may move the others


@dataclass(frozen=True)
class Sample:
    """One delivered melody and how it came about. index counts from 1; verdicts as in the manifest's "constraints".

    realism: share of real held-out phrases that the VAE finds less likely, by its nll_per_note, in [0, 1].
    """

    index: int
    melody: Melody
    verdicts: list[dict[str, Any]]
    method: str
    attempts: int
    realism: float
    warnings: list[str] = field(default_factory=list)

    @property
    def satisfied(self) -> bool:
        """Whether every constraint is met, as the rules measure the decoded notes."""
        return all(v["satisfied"] for v in self.verdicts)


def sample(
    model: "Model",
    constraints: Mapping[str, str] | Sequence[Constraint] | None = None,
    n: int = 1,
    options: SampleOptions | None = None,
    sections: Mapping[str, Any] | Sequence[Any] = (),
) -> Iterator[Sample]:
    """n new melodies that meet the constraints, in order, as they are ready. sections: what is asked of parts of each, such as
    {"B": {"density": "9"}, "9..16": {"register": "high"}}.

    Each is drawn a few times, decoded and judged by the rules, and the likeliest that meets the goals is delivered; where none
    does it is drawn again, up to options.attempts times, and then the best is delivered. Raises UsageError for constraints that
    cannot be met, CheckpointError when the model lacks a part that the method needs.
    """
    return samples(model, SampleRequest(tuple(parse_constraints(constraints)), n, options or SampleOptions(), sections=sections_of(sections)))


def samples(model: "Model", request: SampleRequest) -> Iterator[Sample]:
    """As `sample`, for a request, of which the model and the names have no say."""
    if not request.is_phrase:
        found: Iterator[Sample] = _pieces().samples(model, request)
        return found
    rounds = _rounds(model, request)
    return (finished(rounds, candidate, attempts) for candidate, attempts in rounds.best(request.n))


def sample_by_key(model: "Model", request: SampleRequest, more: Callable[[int], Sequence["SampleKey"]]) -> Iterator[tuple["SampleKey", Sample]]:
    """As `samples`, for items (seed, index) of any seeds, as each is ready; request.n and the options' seed have no say.

    more: as Rounds.stream takes it. An item's melody is the one that `sample` with its seed gives at its index, to the bit; chunks are
    shared across seeds.
    """
    if not request.is_phrase:
        found: Iterator[tuple[SampleKey, Sample]] = _pieces().samples_by_key(model, request, more)
        return found
    rounds = _rounds(model, request)
    return ((candidate.key, finished(rounds, candidate, attempts)) for candidate, attempts in rounds.stream(more))


def _pieces() -> Any:
    """What writes whole pieces; its networks load with it."""
    return importlib.import_module("musiclc.sampling.pieces")


# ---- the command ---------------------------------------------------------------------------------------------------


def run(request: SampleRequest, model: "Model | None" = None) -> Iterator[tuple[Entry, bytes]]:
    """The files of `musiclc sample` with their manifest entries, in order of index, as they are ready.

    model: in place of the one that the request names. Raises MusiclcError.
    """
    from musiclc.model import checkpoint

    model = model or checkpoint.loaded(request.model, request.numerics)
    return (file_of(request, each, model) for each in samples(model, request))


def file_of(request: SampleRequest, made: Sample, model: "Model", seed: int | None = None) -> tuple[Entry, bytes]:
    """A melody's manifest entry and MIDI file. seed: its own, where that is not the request's."""
    from musiclc.midi import to_bytes

    seed = request.options.seed if seed is None else seed
    melody, midi = made.melody, request.midi
    data = to_bytes(melody, bpm=midi.bpm, program=midi.program, midi_type=midi.midi_type)
    form = {"form": form_text(request.options.form)} if request.options.form else {}
    about = {"meter": melody.meter, "bars": melody.bars, **form, "bpm": midi.bpm, "notes": len(melody.notes)}
    origin = Origin("sample", seed, model.name, model.numerics)
    return entry_of(origin, request.name_of(made.index, seed), data, made, about), data


def prepare_critics(model: "Model", constraints: Sequence[Constraint]) -> None:
    """Fit and cache the critics that rules of one's own need, so that sampling starts at once."""
    _rounds(model, SampleRequest(tuple(constraints), options=SampleOptions(bars=PHRASE_BARS, method="guided")))


# ---- before the first draw -----------------------------------------------------------------------------------------


def _rounds(model: "Model", request: SampleRequest) -> "Rounds":
    """All that the draws need. Raises CheckpointError when the model lacks some of it."""
    from musiclc.model.methods import SampleProblem
    from musiclc.rules.transposition import suitable_transpositions
    from musiclc.sampling.rounds import Rounds
    from musiclc.sampling.searching import refuse_slow

    options, how = request.options, request.options.how
    prior, bank = model.having("prior", "bank", *(["actor"] if how.actor else [])).prior, model.bank
    assert prior is not None
    assert bank is not None
    constraints = bound(request.constraints, model)
    if how.near and options.attempts > 1 and options.method == "auto":
        refuse_slow(constraints, options.meter)
    suitable = suitable_transpositions(constraints, bank.where(options.meter, SCOUTS), options.meter) if how.flow else [0]
    critics = _critics(model, constraints, options, suitable[0])
    problem = SampleProblem(model, constraints, critics, options.meter, options.strength)
    return Rounds(problem, options, suitable, prior.nll_of(options.realism) if how.near else np.inf)


def _critics(model: "Model", constraints: list[Constraint], options: SampleOptions, transposition: int) -> dict[str, Any]:
    """A critic for every constraint's rule, where the method follows critics: the model's, or the rule's own, which small changes do without."""
    critics, small_changes = dict(model.critics), options.method == "auto" and options.attempts > 1
    for constraint in parts_of(constraints):
        rule = constraint.rule
        if rule.name in critics or rule.judged or not options.how.critics or (rule.searched and small_changes):
            continue
        if rule.critic is None:
            raise CheckpointError(f"model {model.name!r} has no critic for {rule.name}: fit it with musiclc train critics, or use --method chosen")
        critics[rule.name] = rule.critic(model, constraint.goal, transposition)
    return critics


# ---- after the last draw -------------------------------------------------------------------------------------------


def finished(rounds: "Rounds", candidate: "Candidate", attempts: int) -> Sample:
    """What is delivered of an item's best candidate after so many draws: repaired or edited where it missed and more than one draw was allowed."""
    problem, tokens, moved, added, heard = rounds.problem, candidate.tokens, 0, False, 0
    searched = not candidate.met and rounds.changes is not None
    if searched:
        tokens = rounds.changes.made(tokens, candidate.transposition, candidate.key)  # type: ignore[union-attr]
    elif not candidate.met and rounds.options.attempts > 1:
        tokens, moved = _repaired(tokens, problem.constraints)
        if rounds.options.how.near:
            tokens, added = edited(problem.model, problem.constraints, tokens, problem.meter)
            tokens, heard = _emphasised(tokens, problem.constraints, problem.meter)
    melody = tok.to_melody(tokens, problem.meter)
    written = tok.from_melody(melody)[None]  # as it is read back from a file, in which a silence is not held
    verdicts = [c.verdict(c.rule.measure(written, problem.meter)[0]) for c in problem.constraints]
    return Sample(
        candidate.index,
        melody,
        verdicts,
        rounds.options.how.name + ("+search" if searched else "") + ("+repair" if moved else "") + ("+edit" if added or heard else ""),
        attempts,
        _realism(problem.model, tokens, problem.meter, candidate.nll_per_note if tokens is candidate.tokens else None),
        _warnings(verdicts, moved, added, heard, _aim(problem.constraints)),
    )


def _realism(model: "Model", tokens: np.ndarray, meter: str, nll_per_note: float | None) -> float:
    """The realism of tokens (T,). nll_per_note: theirs, where it is known."""
    from musiclc.model import decode

    assert model.prior is not None
    return round(
        model.prior.realism(float(decode.nll_per_note(model, tokens[None], meter, decode.FEW)[0]) if nll_per_note is None else nll_per_note), 4
    )


def _warnings(verdicts: list[dict[str, Any]], moved: int, added: bool, heard: int, aim: str) -> list[str]:
    warnings = [f"{moved} notes moved to the nearest pitch that the constraints allow"] if moved else []
    warnings += ["edited after all attempts, as transform does, to meet the constraints"] if added else []
    warnings += [f"{heard} notes moved {aim}"] if heard else []
    return warnings + not_met(verdicts)


def _aim(constraints: list[Constraint]) -> str:
    """What the notes are moved for that `_emphasised` moves."""
    judged = {part.rule.name for part in parts_of(constraints) if part.rule.judged}
    return "so that the tonic is heard" if judged == {"tonic"} else "to meet the constraints"


def not_met(verdicts: list[dict[str, Any]]) -> list[str]:
    """A warning for each verdict that is not satisfied."""
    missed = [v for v in verdicts if not v["satisfied"]]
    return [f"{'section ' + v['section'] + ': ' if 'section' in v else ''}{v['rule']} {v['goal']}: not met, value {v['value']}" for v in missed]


def _repaired(tokens: np.ndarray, constraints: list[Constraint]) -> tuple[np.ndarray, int]:
    """The last resort, after all attempts: the few notes of tokens (T,) outside the scale and range asked for go to the nearest pitch inside.

    Only when at least NEARLY of the notes are inside already. Returns the tokens and how many notes were moved.
    """
    allowed = allowed_pitches(constraints)
    pitches = tokens.astype(int) + tok.PITCH_OF_TOKEN
    outside = (tokens >= tok.FIRST_ONSET) & ~allowed[np.clip(pitches, 0, 127)]
    if not outside.any() or not allowed.any() or outside.sum() > (1 - NEARLY) * tok.onsets(tokens).sum():
        return tokens, 0
    choices = np.flatnonzero(allowed)
    nearest = choices[np.abs(choices[None] - pitches[outside][:, None]).argmin(axis=1)]
    moved = tokens.copy()
    moved[outside] = nearest - tok.PITCH_OF_TOKEN
    return moved, int(outside.sum())


def edited(model: "Model", constraints: list[Constraint], tokens: np.ndarray, meter: str) -> tuple[np.ndarray, bool]:
    """What `_repaired` cannot mend: tokens (T,) after the least edit that meets the constraints, by masks and counts (editing/rewrite.py), or
    as they are; and whether they were edited.

    Edits for all other rules take seconds, so a melody that misses one of them is delivered as it is.
    """
    from musiclc.editing.rewrite import least_change

    found = least_change(model, [c for c in parts_of(constraints) if not c.rule.judged], tokens, meter, EDIT_KEEP)
    return (tokens, False) if found is None else (found, True)


def _emphasised(tokens: np.ndarray, constraints: list[Constraint], meter: str) -> tuple[np.ndarray, int]:
    """Tokens (T,) after the few notes are moved by which judged rules are met, such as a tonic that is heard (editing/emphasis.py), or as they are;
    and how many steps changed.
    """
    from musiclc.editing.emphasis import emphasised
    from musiclc.model.decode import scores

    found = emphasised(tokens, constraints, lambda states: scores(constraints, states, meter), np.ones(len(tokens), bool), METERS[meter])
    return found, int((found != tokens).sum())
