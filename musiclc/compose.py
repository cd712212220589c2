"""What the command line and a notebook call: load a model, sample melodies under constraints, score melodies.

Every network call works on a full chunk of CHUNK points: products of matrices round alike for every row of one shape, so
melody i of a run depends on (seed, i) alone, bit for bit, however many are asked for.

Inside: `load`, `SampleOptions`, `Draw`, `sample`, `score`, `parse_constraints`.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc import tokens as tok
from musiclc.errors import CheckpointError, UsageError
from musiclc.goals import Constraint
from musiclc.melody import PHRASE_BARS, Melody
from musiclc.rules import RULES, parse_constraint
from musiclc.theory import METER_NAMES, check_meter

if TYPE_CHECKING:
    from torch import Tensor

    from musiclc.checkpoint import Model

CHUNK = 32  # points a network call
METHODS = ("auto", "guided", "rejection", "normal")
NEARLY = 0.9  # share of notes that must meet the goal already before `_repair` may move the others


def shipped_model() -> Path:
    """The model file that comes with the package."""
    import musiclc.data

    return Path(next(iter(musiclc.data.__path__))) / "folk-4bar-v1.safetensors"


def load(path: str | os.PathLike | None = None) -> "Model":
    """A model ready to use: the shipped one, or the file at `path`. Raises CheckpointError when it is broken or foreign."""
    import torch

    from musiclc.checkpoint import load_model

    torch.set_flush_denormal(True)
    return load_model(Path(path) if path is not None else shipped_model())


def parse_constraints(wishes: Mapping[str, str] | Sequence[Constraint] | None) -> list[Constraint]:
    """Constraints from {"key": "C", "density": "6"}; a list of constraints is taken as it is. Raises UsageError."""
    if isinstance(wishes, Mapping):
        return [parse_constraint(name, str(goal)) for name, goal in wishes.items()]
    return list(wishes or [])


@dataclass(frozen=True)
class SampleOptions:
    """How to sample. meter: as theory.METERS; bars: 4 (longer forms come later); seed: any integer from 0.

    method: "guided" draws from the prior guided by critics; "rejection" draws from the prior, unguided; "normal" draws z from
    N(0, I), the VAE's own prior (a baseline); "auto" is "guided". temperature: scale of the starting noise, in (0, 2].
    attempts: draws a melody may cost before the best so far is delivered. repair: move the last few notes of a melody that
    is nearly there, and say so.
    """

    meter: str = "4/4"
    bars: int = PHRASE_BARS
    seed: int = 0
    method: str = "auto"
    temperature: float = 0.8
    strength: float | None = None
    attempts: int = 16
    repair: bool = True

    def __post_init__(self) -> None:
        check_meter(self.meter)
        if self.bars != PHRASE_BARS:
            raise UsageError(f"bars {self.bars}: this version writes phrases of {PHRASE_BARS} bars")
        if self.method not in METHODS:
            raise UsageError(f"method {self.method!r}: wanted one of {', '.join(METHODS)}")
        if not 0 < self.temperature <= 2:
            raise UsageError(f"temperature {self.temperature:g}: wanted above 0 and at most 2")
        if self.seed < 0:
            raise UsageError(f"seed {self.seed}: wanted 0 or more")


@dataclass(frozen=True)
class Draw:
    """One delivered melody and how it came about. index counts from 1; verdicts as in the manifest's "constraints"."""

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


@dataclass(frozen=True)
class _Candidate:
    index: int
    tokens: np.ndarray
    scores: np.ndarray  # one a constraint
    attempts: int


def sample(
    model: "Model", constraints: Mapping[str, str] | Sequence[Constraint] | None = None, n: int = 1, options: SampleOptions | None = None
) -> Iterator[Draw]:
    """n new melodies that meet the constraints, in order, as they are ready.

    Each is drawn, decoded and judged by the rules; where a goal is not met it is drawn again, up to options.attempts times,
    and then the best is delivered. Raises UsageError for a wish that cannot be met, CheckpointError when the model lacks a
    part that the method needs.
    """
    options = options or SampleOptions()
    wished = parse_constraints(constraints)
    for constraint in wished:
        constraint.rule.check(constraint.goal, options.meter)
    method = "guided" if options.method == "auto" else options.method
    _check_parts(model, wished, method)
    return _delivered(model, wished, n, replace(options, method=method))


def _check_parts(model: "Model", constraints: list[Constraint], method: str) -> None:
    if model.prior is None:
        raise CheckpointError(f"model {model.name!r} has no prior: fit one with musiclc train prior")
    missing = [c.rule.name for c in constraints if c.rule.name not in model.critics]
    if method == "guided" and missing:
        raise CheckpointError(
            f"model {model.name!r} has no critic for {', '.join(missing)}: fit it with musiclc train critics, or use --method rejection"
        )


def _delivered(model: "Model", constraints: list[Constraint], n: int, options: SampleOptions) -> Iterator[Draw]:
    """Draws in order of index; those not yet met share chunks with new ones."""
    best: dict[int, _Candidate] = {}
    queue: list[tuple[int, int]] = [(i, 1) for i in range(1, n + 1)]  # (index, attempt)
    ready: dict[int, _Candidate] = {}
    following = 1
    while queue:
        now, queue = queue[:CHUNK], queue[CHUNK:]
        again = []
        for (index, attempt), tokens, scores in zip(now, *_judged(model, constraints, now, options), strict=True):
            candidate = _Candidate(index, tokens, scores, attempt)
            if index in best and best[index].scores.sum() >= scores.sum():
                candidate = replace(best[index], attempts=attempt)
            if (scores >= 1 - 1e-9).all() or attempt >= options.attempts:
                ready[index] = candidate
                best.pop(index, None)
            else:
                best[index] = candidate
                again.append((index, attempt + 1))
        queue = again + queue
        if following in ready:
            batch = []
            while following in ready:
                batch.append(ready.pop(following))
                following += 1
            yield from _draws(model, constraints, batch, options)


def _judged(model: "Model", constraints: list[Constraint], now: list[tuple[int, int]], options: SampleOptions) -> tuple[np.ndarray, np.ndarray]:
    """Tokens (k, T) of the decoded draws and their scores (k, constraints)."""
    points = _points(model, constraints, _noise(model.vae.dimensions, now, options.seed), options)
    tokens = _decode(model, points, options.meter)[: len(now)]
    scores = [c.score(c.rule.measure(tokens, options.meter)) for c in constraints]
    return tokens, np.stack(scores, axis=1) if scores else np.ones((len(tokens), 0))


def _noise(dimensions: int, now: list[tuple[int, int]], seed: int) -> "Tensor":
    """A chunk of starting noise (CHUNK, d): each row drawn from (seed, index, attempt), unused rows zero."""
    import torch

    noise = torch.zeros(CHUNK, dimensions)
    for row, (index, attempt) in enumerate(now):
        key = np.random.SeedSequence((seed, index, attempt)).generate_state(1, np.uint64)[0]
        noise[row] = torch.randn(dimensions, generator=torch.Generator().manual_seed(int(key >> np.uint64(1))))
    return noise


def _points(model: "Model", constraints: list[Constraint], noise: "Tensor", options: SampleOptions) -> "Tensor":
    """Latent points (n, d) from starting noise, by the method."""
    import torch

    from musiclc.critics import combine
    from musiclc.search import GuideOptions, guided

    prior = model.prior
    assert prior is not None
    if options.method == "normal":
        return noise
    meter = torch.full((len(noise),), METER_NAMES.index(options.meter))
    objective = None
    if constraints and options.method == "guided":
        met = combine(model.critics, constraints, meter)

        def objective(x: "Tensor") -> "Tensor":
            return met(prior.restore(x))

    guide = GuideOptions(temperature=options.temperature)
    if options.strength is not None:
        guide = replace(guide, strength=options.strength)
    with torch.no_grad():
        return prior.restore(guided(noise, lambda x, t: prior.velocity(x, t, meter), objective, guide))


def _decode(model: "Model", points: "Tensor", meter: str) -> np.ndarray:
    import torch

    number = torch.full((len(points),), METER_NAMES.index(meter))
    return tok.unpad(model.vae.decode(points, number).numpy().astype(np.uint8), meter)


def realism(model: "Model", tokens: np.ndarray, meter: str) -> np.ndarray:
    """Share of real held-out phrases that the prior finds no likelier than each of tokens (n, T): (n,) in [0, 1]."""
    import torch

    if model.prior is None:
        raise CheckpointError(f"model {model.name!r} has no prior: fit one with musiclc train prior")
    number = torch.full((CHUNK,), METER_NAMES.index(meter))
    found = []
    for first in range(0, len(tokens), CHUNK):
        rows = tok.pad(tokens[first : first + CHUNK], meter).astype(np.int64)
        full = np.concatenate([rows, np.repeat(rows[:1], CHUNK - len(rows), axis=0)])
        with torch.no_grad():
            mean, _ = model.vae.encode(torch.from_numpy(full), number)
        found.append(model.prior.realism(mean, number)[: len(rows)].numpy())
    return np.concatenate(found)


def _draws(model: "Model", constraints: list[Constraint], candidates: list[_Candidate], options: SampleOptions) -> Iterator[Draw]:
    repaired = [_repair(c, constraints, options) for c in candidates]
    tokens = np.stack([r[0] for r in repaired])
    likeness = realism(model, tokens, options.meter)
    for row, (candidate, (_, moved)) in enumerate(zip(candidates, repaired, strict=True)):
        verdicts = [c.verdict(c.rule.measure(tokens[row : row + 1], options.meter)[0]) for c in constraints]
        warnings = [f"{moved} notes moved to the nearest pitch that the wish allows"] if moved else []
        warnings += [f"{v['rule']} {v['goal']}: not met, value {v['value']}" for v in verdicts if not v["satisfied"]]
        yield Draw(
            candidate.index,
            tok.to_melody(tokens[row], options.meter),
            verdicts,
            options.method + ("+repair" if moved else ""),
            candidate.attempts,
            round(float(likeness[row]), 4),
            warnings,
        )


def _repair(candidate: _Candidate, constraints: list[Constraint], options: SampleOptions) -> tuple[np.ndarray, int]:
    """The last resort, after all attempts: the few notes outside the wished scale and range go to the nearest pitch inside.

    Only when at least NEARLY of the notes are inside already. Returns the tokens (T,) and how many notes were moved.
    """
    allowed = np.ones(128, bool)
    for constraint in constraints:
        allowed &= _allowed_pitches(constraint)
    tokens = candidate.tokens
    pitches = tokens.astype(int) + tok.PITCH_OF_TOKEN
    outside = (tokens >= tok.FIRST_ONSET) & ~allowed[np.clip(pitches, 0, 127)]
    if not options.repair or not outside.any() or not allowed.any() or outside.sum() > (1 - NEARLY) * tok.onsets(tokens).sum():
        return tokens, 0
    choices = np.flatnonzero(allowed)
    nearest = choices[np.abs(choices[None] - pitches[outside][:, None]).argmin(axis=1)]
    moved = tokens.copy()
    moved[outside] = nearest - tok.PITCH_OF_TOKEN
    return moved, int(outside.sum())


def _allowed_pitches(constraint: Constraint) -> np.ndarray:
    """Which MIDI pitches a key or range lets a note have: bool (128,); all, for other rules."""
    pitches = np.arange(128)
    on_piano = (pitches >= tok.PITCH_OF_TOKEN + tok.FIRST_ONSET) & (pitches < tok.PITCH_OF_TOKEN + tok.VOCABULARY)
    if constraint.rule.name == "key":
        return on_piano & (np.asarray(constraint.goal.high)[pitches % 12] > 0)
    if constraint.rule.name == "range":
        return on_piano & (pitches >= constraint.goal.low[0]) & (pitches <= constraint.goal.high[1])
    return on_piano


def score(melody: Melody, constraints: Mapping[str, str] | Sequence[Constraint] | None = None) -> list[dict[str, Any]]:
    """What each rule measures: verdicts on the constraints, or, without any, every rule's value."""
    wished = parse_constraints(constraints)
    tokens = tok.from_melody(melody)[None]
    if not wished:
        return [{"rule": r.name, "value": r.value(r.measure(tokens, melody.meter)[0], None)} for r in RULES.values()]
    return [c.verdict(c.rule.measure(tokens, melody.meter)[0]) for c in wished]
