"""What the command line and a notebook call: load a model, sample melodies under constraints, score melodies.

Melody i of a run depends on (seed, i) alone, bit for bit, however many are asked for.

Inside: `load`, `SampleOptions`, `Sample`, `sample`, `sample_by_key`, `score`, `parse_constraints`.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc.errors import CheckpointError, UsageError
from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS, Melody
from musiclc.music.theory import check_meter
from musiclc.output.manifest import Files, MidiOptions
from musiclc.rules import allowed_pitches, parse_constraints, settled
from musiclc.rules.base import Constraint

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model
    from musiclc.sampling.rounds import Candidate, Rounds, SampleKey

METHODS = ("auto", "guided", "gradient", "langevin", "actor", "chosen", "vector", "rejection", "normal")
NEED_CRITICS = ("guided", "gradient", "langevin", "actor", "vector")
SCOUTS = 512  # melodies of the bank that say which transposition suits a wish
EDIT_KEEP = 0.3  # of what a draw that missed the wish is held to
NEARLY = 0.9  # share of notes that must meet the goal already before `_repair` may move the others


@dataclass(frozen=True)
class SampleOptions:
    """How to sample. meter: as theory.METERS; bars: 4 (longer forms come later); seed: any integer from 0.

    method: as methods.METHODS, or "normal", draws of N(0, I), the VAE's own prior (a baseline); "auto" is "guided".
    temperature: scale of the noise, in (0, 2]. strength: how hard critics strengths; 1 is Bayes' rule.

    Each melody is drawn once from noise, then in rounds of `candidates` near the best so far, until it meets the wish and its
    realism (see Sample) is at least `realism`, or it has cost `attempts` draws; "rejection" and "normal" draw one at a time from
    noise until the wish is met. With more than one attempt, the last few notes of a melody that is nearly there are moved.
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
        if self.method not in METHODS:
            raise UsageError(f"method {self.method!r}: wanted one of {', '.join(METHODS)}")
        if not 0 <= self.realism <= 1:
            raise UsageError(f"realism {self.realism:g}: wanted 0 to 1")
        if self.candidates < 1 or self.attempts < 1:
            raise UsageError(f"candidates {self.candidates}, attempts {self.attempts}: wanted 1 or more")
        if not 0 < self.temperature <= 2:
            raise UsageError(f"temperature {self.temperature:g}: wanted above 0 and at most 2")
        if self.seed < 0:
            raise UsageError(f"seed {self.seed}: wanted 0 or more")


@dataclass(frozen=True)
class Sample:
    """One delivered melody and how it came about. index counts from 1; verdicts as in the manifest's "constraints".

    realism: share of real held-out phrases that cost the VAE more nats a note, in [0, 1].
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
    model: "Model", constraints: Mapping[str, str] | Sequence[Constraint] | None = None, n: int = 1, options: SampleOptions | None = None
) -> Iterator[Sample]:
    """n new melodies that meet the constraints, in order, as they are ready.

    Each is drawn a few times, decoded and judged by the rules, and the likeliest that meets the goals is delivered; where none
    does it is drawn again, up to options.attempts times, and then the best is delivered. Raises UsageError for a wish that
    cannot be met, CheckpointError when the model lacks a part that the method needs.
    """
    wished, rounds = _checked(model, constraints, options or SampleOptions())
    return (_draw(model, wished, candidate, attempts, rounds) for candidate, attempts in rounds.best(n))


def sample_by_key(
    model: "Model",
    constraints: Mapping[str, str] | Sequence[Constraint] | None,
    more: Callable[[int], Sequence["SampleKey"]],
    options: SampleOptions | None = None,
) -> Iterator[tuple["SampleKey", Sample]]:
    """As `sample`, for items (seed, index) of any seeds, as each is ready; options.seed has no say. more: as rounds.Rounds.stream takes it.

    An item's melody is the one that `sample` with its seed gives at its index, to the bit; chunks are shared across seeds.
    """
    wished, rounds = _checked(model, constraints, options or SampleOptions())
    return ((candidate.key, _draw(model, wished, candidate, attempts, rounds)) for candidate, attempts in rounds.stream(more))


def _checked(
    model: "Model", constraints: Mapping[str, str] | Sequence[Constraint] | None, options: SampleOptions
) -> tuple[list[Constraint], "Rounds"]:
    """The wish, checked, and all that drawing it needs."""
    wished = parse_constraints(constraints)
    for constraint in wished:
        constraint.rule.check(constraint.goal, options.meter)
    method = "guided" if options.method == "auto" else options.method
    return wished, prepared(model, wished, replace(options, method=method))


def prepared(model: "Model", constraints: list[Constraint], options: SampleOptions) -> "Rounds":
    """All that draws of one wish need, checked. options.method is a method's own name. Raises CheckpointError."""
    from musiclc.model.methods import SampleProblem
    from musiclc.rules.transposition import suitable_transpositions
    from musiclc.sampling.rounds import RoundOptions, Rounds

    if model.prior is None or model.bank is None:
        raise CheckpointError(f"model {model.name!r} has no {'bank' if model.prior else 'prior'}: fit one with musiclc train")
    if options.method == "actor" and model.actor is None:
        raise CheckpointError(f"model {model.name!r} has no actor: fit one with musiclc train, or use --method guided")
    choices = suitable_transpositions(constraints, model.bank.where(options.meter, SCOUTS), options.meter) if options.method != "normal" else [0]
    critics = _critics(model, constraints, options.method, choices)
    plain = options.method in ("rejection", "normal")
    rounds = RoundOptions(
        options.seed,
        options.temperature,
        1 if plain else options.candidates,
        options.attempts,
        np.inf if plain else model.prior.nll_of(options.realism),
        near=not plain,
    )
    return Rounds(SampleProblem(model, constraints, critics, options.meter, options.strength), options.method, choices, rounds)


def prepare_critics(model: "Model", constraints: Sequence[Constraint], meter: str = "4/4") -> None:
    """Fit and cache the critics that rules of one's own need, so that sampling starts at once."""
    prepared(model, settled(constraints), SampleOptions(meter=meter, method="guided"))


def _critics(model: "Model", constraints: list[Constraint], method: str, choices: list[int]) -> dict[str, Any]:
    """A critic for every constraint's rule: the model's, or the rule's own."""
    critics = dict(model.critics)
    for constraint in constraints:
        rule = constraint.rule
        if rule.name in critics or method not in NEED_CRITICS:
            continue
        if rule.critic is None:
            raise CheckpointError(f"model {model.name!r} has no critic for {rule.name}: fit it with musiclc train critics, or use --method chosen")
        critics[rule.name] = rule.critic(model, constraint.goal, choices[0])
    return critics


def _draw(model: "Model", constraints: list[Constraint], candidate: "Candidate", attempts: int, rounds: "Rounds") -> Sample:
    """What is delivered of the best candidate."""
    from musiclc.model import decode as decoding

    assert model.prior is not None
    meter = rounds.problem.meter
    tokens, moved = _repair(candidate, constraints) if rounds.options.attempts > 1 else (candidate.tokens, 0)
    edited = _edited(model, constraints, tokens, meter) if rounds.options.attempts > 1 and rounds.options.near else tokens
    added = not np.array_equal(edited, tokens)
    tokens = edited
    cost = float(decoding.nll_per_note(model, tokens[None], meter)[0]) if moved or added else candidate.nll_per_note
    verdicts = [c.verdict(c.rule.measure(tokens[None], meter)[0]) for c in constraints]
    warnings = [f"{moved} notes moved to the nearest pitch that the wish allows"] if moved else []
    warnings += ["edited after all attempts, as transform does, to meet the wish"] if added else []
    warnings += [f"{v['rule']} {v['goal']}: not met, value {v['value']}" for v in verdicts if not v["satisfied"]]
    return Sample(
        candidate.index,
        tok.to_melody(tokens, meter),
        verdicts,
        rounds.method + ("+repair" if moved else "") + ("+edit" if added else ""),
        attempts,
        round(model.prior.realism(cost), 4),
        warnings,
    )


def _repair(candidate: "Candidate", constraints: list[Constraint]) -> tuple[np.ndarray, int]:
    """The last resort, after all attempts: the few notes outside the wished scale and range go to the nearest pitch inside.

    Only when at least NEARLY of the notes are inside already. Returns the tokens (T,) and how many notes were moved.
    """
    allowed = allowed_pitches(constraints)
    tokens = candidate.tokens
    pitches = tokens.astype(int) + tok.PITCH_OF_TOKEN
    outside = (tokens >= tok.FIRST_ONSET) & ~allowed[np.clip(pitches, 0, 127)]
    if not outside.any() or not allowed.any() or outside.sum() > (1 - NEARLY) * tok.onsets(tokens).sum():
        return tokens, 0
    choices = np.flatnonzero(allowed)
    nearest = choices[np.abs(choices[None] - pitches[outside][:, None]).argmin(axis=1)]
    moved = tokens.copy()
    moved[outside] = nearest - tok.PITCH_OF_TOKEN
    return moved, int(outside.sum())


def _edited(model: "Model", constraints: list[Constraint], tokens: np.ndarray, meter: str) -> np.ndarray:
    """What `_repair` cannot mend: tokens (T,) after the least edit that meets the wish, by masks and counts (edits.py), or as they are.

    Edits for all other rules take seconds, so a melody that misses one of them is delivered as it is.
    """
    from musiclc.editing.piece import Piece, Stretch
    from musiclc.editing.rewrite import BiasStrengths, EditProblem, rewritten, started

    problem = EditProblem(model, Piece((Stretch(tokens, meter),)), constraints, BiasStrengths.of(EDIT_KEEP))
    if problem.met(tokens) or not problem.met(tokens, problem.left) or not tok.onsets(tokens).any():
        return tokens
    found = rewritten(problem, started(problem))
    return found if problem.met(found) else tokens


def rendered(draw: Sample, name: str, style: MidiOptions, model: str, seed: int) -> tuple[bytes, dict[str, Any]]:
    """A draw as a MIDI file and its manifest entry."""
    from musiclc.midi import to_bytes

    data = to_bytes(draw.melody, bpm=style.bpm, program=style.program, midi_type=style.midi_type)
    entry: dict[str, Any] = {
        "file": name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "command": "sample",
        "index": draw.index,
        "seed": seed,
        "model": model,
        "meter": draw.melody.meter,
        "bars": draw.melody.bars,
        "bpm": style.bpm,
        "notes": len(draw.melody.notes),
        "method": draw.method,
        "attempts": draw.attempts,
        "constraints": draw.verdicts,
        "satisfied": draw.satisfied,
        "realism": draw.realism,
        "warnings": draw.warnings,
    }
    return data, entry


def write_draws(draws: Iterable[Sample], files: Files, style: MidiOptions, model: str, options: SampleOptions) -> Iterator[dict[str, Any]]:
    """Write each draw as it comes and yield its manifest entry; the manifest itself is written last."""
    entries = []
    for draw in draws:
        data, entry = rendered(draw, files.names[draw.index - 1], style, model, options.seed)
        files.write(entry["file"], data)
        entries.append(entry)
        yield entry
    files.write_manifest(entries)
