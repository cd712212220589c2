"""What the command line and a notebook call: load a model, sample melodies under constraints, score melodies.

Every network call works on a full chunk of CHUNK points: products of matrices round alike for every row of one shape, so
melody i of a run depends on (seed, i) alone, bit for bit, however many are asked for.

Inside: `load`, `SampleOptions`, `Draw`, `sample`, `score`, `parse_constraints`.
"""

import os
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc import tokens as tok
from musiclc.errors import CheckpointError, UsageError
from musiclc.goals import Constraint
from musiclc.home import moves_away, transposed
from musiclc.melody import PHRASE_BARS, Melody
from musiclc.rules import RULES, parse_constraint
from musiclc.theory import METER_NAMES, check_meter

if TYPE_CHECKING:
    from torch import Tensor

    from musiclc.checkpoint import Model

CHUNK = 64  # points a network call
METHODS = ("auto", "guided", "rejection", "normal")
FRESH_STEPS, NEAR_STEPS = 12, 4  # of the flow, from noise and from near the best so far
BACK_FROM, BACK_TO = 0.25, 0.6  # how far back to noise a draw near the best starts: times of the flow
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
    N(0, I), the VAE's own prior (a baseline); "auto" is "guided". temperature: scale of the noise, in (0, 2].

    "guided" draws each melody in rounds of `candidates`, first from noise, then near the best so far, until it meets the wish
    and its realism (see Draw) is at least `realism`, or it has cost `attempts` draws. The other methods draw one at a time
    until the wish is met. strength: how hard critics pull. repair: move the last few notes of a melody that is nearly there.
    """

    meter: str = "4/4"
    bars: int = PHRASE_BARS
    seed: int = 0
    method: str = "auto"
    temperature: float = 1.0
    strength: float = 1.5
    candidates: int = 4
    realism: float = 0.95
    attempts: int = 24
    repair: bool = True

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
class Draw:
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


@dataclass(frozen=True)
class _Candidate:
    """One decoded draw. scores: one a constraint. nats: what it costs the VAE, nats a note, smaller for likelier ones."""

    index: int
    attempt: int
    tokens: np.ndarray
    scores: np.ndarray
    nats: float
    point: "Tensor"  # latent, at home
    move: int  # semitones from home

    @property
    def met(self) -> bool:
        return bool((self.scores >= 1 - 1e-9).all())

    @property
    def rank(self) -> tuple[float, float]:
        """Larger is better: first what meets the constraints best, then what is likeliest."""
        return round(float(self.scores.sum()), 6), -self.nats


def sample(
    model: "Model", constraints: Mapping[str, str] | Sequence[Constraint] | None = None, n: int = 1, options: SampleOptions | None = None
) -> Iterator[Draw]:
    """n new melodies that meet the constraints, in order, as they are ready.

    Each is drawn a few times, decoded and judged by the rules, and the likeliest that meets the goals is delivered; where none
    does it is drawn again, up to options.attempts times, and then the best is delivered. Raises UsageError for a wish that
    cannot be met, CheckpointError when the model lacks a part that the method needs.
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
    """Draws in order of index. Items are drawn in rounds; a chunk holds one round each of as many items as fit."""
    climbing = options.method == "guided"
    enough = model.prior.nats_of(options.realism) if model.prior and climbing else np.inf
    each = _draws_a_round(options)
    fresh, again = deque(range(1, n + 1)), deque[int]()
    best: dict[int, _Candidate] = {}
    drawn: Counter[int] = Counter()
    following = 1
    while fresh or again:
        source = again if len(again) >= CHUNK // each or not fresh else fresh
        items = [source.popleft() for _ in range(min(CHUNK // each, len(source)))]
        now = [(item, drawn[item] + i) for item in items for i in range(1, each + 1)]
        for candidate in _judged(model, constraints, now, best if climbing else {}, options):
            if candidate.index not in best or candidate.rank > best[candidate.index].rank:
                best[candidate.index] = candidate
        for item in items:
            drawn[item] += each
            if drawn[item] < options.attempts and not (best[item].met and best[item].nats <= enough):
                again.append(item)
        unready = set(again)
        while following in best and following not in unready:
            yield _draw(model, constraints, best.pop(following), drawn.pop(following), options)
            following += 1


def _draws_a_round(options: SampleOptions) -> int:
    return min(options.candidates, options.attempts, CHUNK) if options.method == "guided" else 1


def _judged(
    model: "Model", constraints: list[Constraint], now: list[tuple[int, int]], best: Mapping[int, _Candidate], options: SampleOptions
) -> list[_Candidate]:
    """The draws (index, attempt), decoded, moved from home and scored by the rules; later attempts start near the item's best."""
    x, start, moves = _starts(model, constraints, now, best, options)
    steps = NEAR_STEPS if now[0][0] in best else FRESH_STEPS
    points = _points(model, constraints, x, start, moves, options, steps)
    tokens = transposed(_decode(model, points, options.meter), np.asarray(moves))[: len(now)]
    scores = [c.score(c.rule.measure(tokens, options.meter)) for c in constraints]
    by_row = np.stack(scores, axis=1) if scores else np.ones((len(tokens), 0))
    costs = nats(model, tokens, options.meter)
    return [_Candidate(*now[i], tokens[i], by_row[i], float(costs[i]), points[i], moves[i]) for i in range(len(now))]


def _starts(
    model: "Model", constraints: list[Constraint], now: list[tuple[int, int]], best: Mapping[int, _Candidate], options: SampleOptions
) -> tuple["Tensor", "Tensor", list[int]]:
    """A chunk of starting points x (CHUNK, d), times (CHUNK,) and moves from home; each row depends on (seed, index, attempt).

    The first attempts of an item start from noise; later ones from its best, part of the way back to noise. Unused rows are zero.
    """
    import torch

    from musiclc.search import noised

    assert model.prior is not None
    choices = moves_away(constraints, model.prior.home_shares.numpy()) if options.method != "normal" else [0]
    clean, noise, times, moves = torch.zeros(CHUNK, model.vae.dimensions), torch.zeros(CHUNK, model.vae.dimensions), torch.ones(CHUNK), [0] * CHUNK
    for row, (index, attempt) in enumerate(now):
        key, choice, time = np.random.SeedSequence((options.seed, index, attempt)).generate_state(3, np.uint64)
        noise[row] = torch.randn(model.vae.dimensions, generator=torch.Generator().manual_seed(int(key >> np.uint64(1))))
        moves[row] = choices[int(choice) % len(choices)]
        if index in best:
            clean[row], moves[row] = model.prior.standardise(best[index].point[None])[0], best[index].move
            times[row] = BACK_FROM + (BACK_TO - BACK_FROM) * float(time) / 2**64
    return noised(clean, noise, times, options.temperature), times, moves


def _points(
    model: "Model", constraints: list[Constraint], x: "Tensor", start: "Tensor", moves: list[int], options: SampleOptions, steps: int
) -> "Tensor":
    """Latent points (n, d) of melodies at home from x at times start, by the method; moves: where each will be taken from there."""
    import torch

    from musiclc.critics import combine
    from musiclc.search import GuideOptions, guided

    prior = model.prior
    assert prior is not None
    if options.method == "normal":
        return x
    meter = torch.full((len(x),), METER_NAMES.index(options.meter))
    objective = None
    if constraints and options.method == "guided":
        met = combine(model.critics, constraints, meter, moves)

        def objective(x: "Tensor") -> "Tensor":
            return met(prior.restore(x))

    guide = GuideOptions(steps, options.strength)

    field = model.fast_prior() if _fast_bfloat16() else prior
    width = next(field.parameters()).dtype

    def velocity(x: "Tensor", t: "Tensor") -> "Tensor":
        return field.velocity(x.to(width), t, meter).float()

    with torch.no_grad():
        return prior.restore(guided(x, start, velocity, objective, guide))


def _fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 faster than float32; where it does not, it would be many times slower."""
    import torch

    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(supported and supported())


def _decode(model: "Model", points: "Tensor", meter: str) -> np.ndarray:
    import torch

    number = torch.full((len(points),), METER_NAMES.index(meter))
    return tok.unpad(model.vae.decode(points, number).numpy().astype(np.uint8), meter)


def nats(model: "Model", tokens: np.ndarray, meter: str) -> np.ndarray:
    """What each of tokens (n, T) costs the VAE, in nats a note (MelodyVAE.nats): (n,), smaller for likelier melodies."""
    import torch

    number = torch.full((CHUNK,), METER_NAMES.index(meter))
    found = []
    for first in range(0, len(tokens), CHUNK):
        rows = tok.pad(tokens[first : first + CHUNK], meter).astype(np.int64)
        full = np.concatenate([rows, np.repeat(rows[:1], CHUNK - len(rows), axis=0)])
        found.append(model.vae.nats(torch.from_numpy(full), number)[: len(rows)].numpy())
    return np.concatenate(found)


def _draw(model: "Model", constraints: list[Constraint], candidate: _Candidate, attempts: int, options: SampleOptions) -> Draw:
    """What is delivered of the best candidate."""
    assert model.prior is not None
    tokens, moved = _repair(candidate, constraints, options)
    cost = float(nats(model, tokens[None], options.meter)[0]) if moved else candidate.nats
    verdicts = [c.verdict(c.rule.measure(tokens[None], options.meter)[0]) for c in constraints]
    warnings = [f"{moved} notes moved to the nearest pitch that the wish allows"] if moved else []
    warnings += [f"{v['rule']} {v['goal']}: not met, value {v['value']}" for v in verdicts if not v["satisfied"]]
    return Draw(
        candidate.index,
        tok.to_melody(tokens, options.meter),
        verdicts,
        options.method + ("+repair" if moved else ""),
        attempts,
        round(model.prior.realism(cost), 4),
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
