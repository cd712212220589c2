"""Whole pieces under constraints: new ones, and bars wanted among bars that stand.

Inside: `samples`, `samples_by_key`, `fills`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc.custom.labels import bound
from musiclc.errors import CheckpointError, UsageError
from musiclc.music import tokens as tok
from musiclc.music.theory import METER_NAMES, METERS, PHRASE_METERS, parse_key
from musiclc.rules.base import Constraint
from musiclc.rules.sections import SectionGoals, section_verdicts
from musiclc.rules.tonic import MODES, heard
from musiclc.rules.transposition import CANONICAL_PITCH, CANONICAL_TONICS, shift_to_canonical, suitable_transpositions
from musiclc.sampling.cadence import cadenced
from musiclc.sampling.forms import form_faults, plan_of_form
from musiclc.sampling.request import SampleOptions, SampleRequest
from musiclc.sampling.sample import Sample, edited, not_met
from musiclc.sampling.setting import Filled, Setting

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model
    from musiclc.model.pieces import Pieces
    from musiclc.sampling.drawn import SampleKey
    from musiclc.sampling.piece_problem import PieceCandidate, PieceProblem
    from musiclc.sampling.piece_rounds import PieceRounds

LIKE_MODE = {"ionian": "major", "aeolian": "minor", "major pentatonic": "major", "minor pentatonic": "minor", "blues": "minor"}
FILL_VOICES, FILL_WRITES = 8, 4  # draws at a time where bars are filled, and writings of each
CADENCE = 0.7  # share of pieces that are made to end on their tonic; of the others half do so anyway
CADENCE_BARS = 8  # bars of a piece from which on a tonic is heard
MOST_ATTEMPTS = 8  # draws of a piece at most, each written several times
PIECE_METHODS = {"guided": True, "rejection": False}  # the methods that draw whole pieces, and whether they follow critics


def samples(model: "Model", request: SampleRequest, **more: Any) -> Iterator[Sample]:
    """As sampling.sample.samples, for pieces of any number of bars, with a form and sections. more: of PieceRounds."""
    rounds, sections = _rounds_of(model, request, **more)
    keys = [(request.options.seed, index) for index in range(1, request.n + 1)]
    return (_finished(request, sections, rounds, _edited(model, rounds, c), c, attempts) for c, attempts in rounds.best(keys))


def samples_by_key(model: "Model", request: SampleRequest, more: Callable[[int], Sequence["SampleKey"]]) -> Iterator[tuple["SampleKey", Sample]]:
    """As sampling.sample.sample_by_key, for pieces."""
    rounds, sections = _rounds_of(model, request)
    return ((c.key, _finished(request, sections, rounds, _edited(model, rounds, c), c, attempts)) for c, attempts in rounds.stream(more))


def _finished(
    request: SampleRequest, sections: Sequence[SectionGoals], rounds: "PieceRounds", tokens: np.ndarray, candidate: "PieceCandidate", attempts: int
) -> Sample:
    """What is delivered of an item's best candidate after so many draws. tokens: its own (B, S), or what an edit made of them."""
    meter, flat = request.options.meter, tokens.reshape(-1)
    verdicts = [c.verdict(c.rule.measure(flat[None], meter)[0]) for c in request.constraints]
    verdicts += section_verdicts(sections, flat, meter)
    as_drawn = tokens is candidate.tokens
    method = request.options.how.name + ("" if as_drawn else "+search" if rounds.changes is not None else "+edit")
    realism = candidate.realism if as_drawn else rounds.realism_of(candidate, tokens)
    return Sample(candidate.index, tok.to_melody(flat, meter), verdicts, method, attempts, round(realism, 4), not_met(verdicts))


def _rounds_of(model: "Model", request: SampleRequest, **more: Any) -> tuple["PieceRounds", tuple[SectionGoals, ...]]:
    from musiclc.sampling.piece_problem import PieceProblem
    from musiclc.sampling.searching import refuse_slow

    options, pieces = request.options, pieces_of(model)
    if options.how.name not in PIECE_METHODS:
        raise UsageError(
            f"method {options.how.name}: draws phrases of four bars only; pieces have auto, {' or '.join(PIECE_METHODS)}; or say --bars 4"
        )
    constraints = tuple(bound(request.constraints, model))
    sections = tuple(replace(each, constraints=tuple(bound(each.constraints, model))) for each in request.sections)
    parts = (*([SectionGoals("", constraints, ((0, options.bars),))] if constraints else []), *sections)
    if PIECE_METHODS[options.how.name] and options.attempts > 1:
        refuse_slow([c for part in parts for c in part.constraints], options.meter)
    mode, transpositions, tonic = _key_of(model, parts, options.meter)
    plan = _plan(pieces, options, [c for c in constraints if c.rule.begins])
    problem = PieceProblem(
        pieces,
        options.meter,
        np.zeros((options.bars, METERS[options.meter]), np.uint8),
        np.ones(options.bars, bool),
        parts,
        plan,
        mode,
        transpositions,
        tonic=tonic,
        cadence=_cadence(constraints, options.bars),
        faults=partial(form_faults, options.form) if options.form else None,
        critics=model.piece_critics if PIECE_METHODS[options.how.name] else {},
    )
    return _with_options(problem, options, near=PIECE_METHODS[options.how.name], bank=model.bank, **more), sections


def _plan(pieces: "Pieces", options: SampleOptions, alike: Sequence[Constraint]) -> Callable[[np.random.Generator], np.ndarray]:
    """Random numbers → how bars return: by the form, or else as in a tune, or, where its rhythm is an example's, as there.

    alike: constraints that say where notes begin.
    """
    from musiclc.model.returns import equal_steps

    meter = METER_NAMES.index(options.meter)
    if options.form:
        return partial(plan_of_form, pieces, options.form, meter)
    if alike:
        rows = np.resize(tok.from_melody(alike[0].rule.example), (1, options.bars, METERS[options.meter]))  # type: ignore[arg-type]
        return lambda random: equal_steps(rows)[0]
    return partial(pieces.plans.draw, meter, options.bars)


def _with_options(problem: "PieceProblem", options: Any, **more: Any) -> "PieceRounds":
    """The rounds of a problem. options: attempts, realism and temperature as SampleOptions have them; more: of PieceRounds."""
    from musiclc.model.pieces import DrawOptions
    from musiclc.sampling.piece_rounds import PieceRounds

    usual, end = DrawOptions(), problem.pieces.flow.config.noise_level
    draws = DrawOptions(end=end, temperature=usual.temperature * options.temperature, again=usual.again * options.temperature)
    return PieceRounds(problem, min(options.attempts, MOST_ATTEMPTS), options.realism, draws, **more)


def pieces_of(model: "Model") -> "Pieces":
    """The model's networks of whole pieces. Raises CheckpointError when it has none."""
    if model.pieces is None:
        raise CheckpointError(f"model {model.name!r} writes phrases of four bars only; wanted one with networks of whole pieces")
    return model.pieces


def _edited(model: "Model", rounds: "PieceRounds", candidate: "PieceCandidate") -> np.ndarray:
    """The candidate's tokens (B, S) after the edits by which its constraints are met, and its last note is the tonic; or as they are."""
    problem, tokens = rounds.problem, _completed(model, rounds, candidate)
    met = candidate.met or bool((problem.scores(tokens[None]) >= 1 - 1e-9).all())
    return tokens if rounds.attempts < 2 or not met or problem.ends(candidate.key, tokens[None])[0] else cadenced(problem, tokens)


def _completed(model: "Model", rounds: "PieceRounds", candidate: "PieceCandidate") -> np.ndarray:
    """The candidate's tokens (B, S) as `mended`, or where that brings nothing after the least edit by masks and counts (editing/rewrite.py), or else
    by small changes, where these meet all: such as leave equal bars equal, or, in a piece without form, any.

    Masks and counts are for a piece without form and sections alone, in the meters of the networks that edit.
    """
    problem, tokens = rounds.problem, mended(rounds, candidate)
    if candidate.met or tokens is not candidate.tokens or rounds.attempts < 2 or rounds.changes is not None:
        return tokens
    if not problem.faults and all(part.windows == ((0, problem.bars),) for part in problem.parts) and problem.meter in PHRASE_METERS:
        found, _ = edited(model, [c for part in problem.parts for c in part.constraints], tokens.reshape(-1), problem.meter)
        if (problem.scores(found.reshape(1, *tokens.shape)) >= 1 - 1e-9).all():
            return found.reshape(tokens.shape)
    for returning in (True,) if problem.faults else (True, False):
        changed = rounds.any_changes.made(tokens.reshape(-1), candidate.transposition, candidate.key, returning).reshape(tokens.shape)
        if (problem.scores(changed[None]) >= 1 - 1e-9).all():
            return changed
    return tokens


def mended(rounds: "PieceRounds", candidate: "PieceCandidate") -> np.ndarray:
    """The candidate's tokens (B, S) after the least edit of wanted bars by which judged rules are met with all else (editing/emphasis.py), or as
    they are.

    A key or tonic alone is left as it was drawn, and so is all where one draw is all that there may be.
    """
    from musiclc.editing.emphasis import emphasised

    problem, tokens = rounds.problem, candidate.tokens
    if not candidate.met and rounds.changes is not None:
        returning = problem.faults is not None  # a form, which small changes here and there would break
        return rounds.changes.made(tokens.reshape(-1), candidate.transposition, candidate.key, returning).reshape(tokens.shape)
    constraints = [c for part in problem.parts for c in part.constraints]
    if candidate.met or rounds.attempts < 2 or not any(c.rule.judged and c.rule.name != "tonic" for c in constraints):
        return tokens
    free = np.repeat(problem.wanted, tokens.shape[1])
    found = emphasised(tokens.reshape(-1), constraints, lambda states: problem.scores(states.reshape(-1, *tokens.shape)), free, tokens.shape[1])
    return tokens if (found == tokens.reshape(-1)).all() else found.reshape(tokens.shape)


# ---- key and transposition -----------------------------------------------------------------------------------------


def _key_of(model: "Model", parts: Sequence[SectionGoals], meter: str) -> tuple[int | None, tuple[int, ...], int | None]:
    """The mode that the constraints ask for, the transpositions from canonical that suit them, and the pitch class of the last note."""
    whole = [c for part in parts if not part.name for c in part.constraints]
    named = next((c for c in whole if c.rule.name == "key"), None)
    if named is not None:
        key = parse_key(named.goal.text)
        if key.tonic is not None:
            scale = key.name.partition(" ")[2]
            scale = LIKE_MODE.get(scale, scale)
            scale = scale if scale in MODES else "major"
            shift = (key.tonic - CANONICAL_TONICS[scale] + 6) % 12 - 6
            return MODES.index(scale), _octaves(whole, shift), key.tonic
    every = [c for part in parts for c in part.constraints]
    if example := next((c.rule.example for c in every if c.rule.example is not None and c.rule.fixed), None):
        row = tok.from_melody(example)[None]
        tonic, found_mode = (int(part[0]) for part in heard(row, example.meter)[:2])
        return found_mode if found_mode >= 0 else None, (-shift_to_canonical(row[0], tonic, found_mode),), None
    bank = model.having("bank").bank
    assert bank is not None
    scouts = bank.where("3/4" if METERS[meter] % 6 == 0 else "4/4", 256)
    found = suitable_transpositions([c for c in every if not c.rule.fixed], scouts, "3/4" if METERS[meter] % 6 == 0 else "4/4")
    return None, tuple(found), None


def _cadence(constraints: Sequence[Constraint], bars: int) -> float:
    """How many pieces ought to end on their tonic: all where a key is asked for, as many as real tunes do of those that are long enough for one to
    be heard, and none where a constraint says how they end.
    """
    names = {c.rule.name for c in constraints}
    return 0.0 if "end" in names else 1.0 if "key" in names else CADENCE if bars >= CADENCE_BARS else 0.0


def _octaves(constraints: Sequence[Constraint], shift: int) -> tuple[int, ...]:
    """The shift by octaves that brings canonical melodies nearest to the range and register asked for."""
    wanted = []
    for c in constraints:
        if c.rule.octaves:
            low, high = (np.asarray(side, float) for side in (c.goal.low, c.goal.high))
            ends = np.concatenate([low[np.isfinite(low)], high[np.isfinite(high)]])
            wanted += [float(ends.mean())] if len(ends) and 21 <= ends.mean() <= 108 else []
    return (shift + 12 * round((np.mean(wanted) - CANONICAL_PITCH - shift) / 12),) if wanted else (shift,)


# ---- bars among bars -----------------------------------------------------------------------------------------------


def fills(model: "Model", setting: Setting, keys: Sequence["SampleKey"], options: Any, **more: Any) -> Iterator[Filled]:
    """The setting with its wanted bars written, once a key (seed, index), in order. options, more: as `_with_options`."""
    rounds = _with_options(
        _problem_of(model, setting), options, **{"bank": model.bank, "chunk": FILL_VOICES, "voices": FILL_VOICES, "writes": FILL_WRITES, **more}
    )
    for candidate, attempts in rounds.best(keys):
        found = mended(rounds, candidate)
        realism = candidate.realism if found is candidate.tokens else rounds.realism_of(candidate, found)
        tokens = np.where(setting.wanted[:, None], found, setting.tokens.reshape(candidate.tokens.shape)).reshape(-1)
        yield Filled(tokens.astype(np.uint8), attempts, round(realism, 4))


def _problem_of(model: "Model", setting: Setting) -> "PieceProblem":
    from musiclc.model.returns import equal_steps
    from musiclc.sampling.piece_problem import PieceProblem
    from musiclc.sampling.searching import refuse_slow

    pieces, steps = pieces_of(model), METERS[setting.meter]
    tokens = setting.tokens.reshape(-1, steps)
    given = tokens[~setting.wanted].reshape(1, -1)
    tonic, mode = (int(part[0]) for part in heard(given, setting.meter)[:2])
    shift = shift_to_canonical(given[0], tonic, mode)
    canonical = tok.transpose(np.where(np.repeat(setting.wanted, steps)[None], tok.REST, tokens.reshape(1, -1)), shift).reshape(tokens.shape)
    windows = _windows(setting.wanted)
    constraints = tuple(bound(setting.constraints, model))
    refuse_slow(constraints, setting.meter)
    parts = (SectionGoals("", constraints, windows),) if constraints else ()
    equal, meter = equal_steps(canonical[None])[0], METER_NAMES.index(setting.meter)
    plan = pieces.plans.agreeing(equal, setting.wanted, meter, (setting.opens, setting.closes))
    return PieceProblem(
        pieces,
        setting.meter,
        canonical.astype(np.uint8),
        setting.wanted,
        parts,
        plan,
        mode if mode >= 0 else None,
        (-shift,),
        setting.opens,
        setting.closes,
        cadence=_cadence(setting.constraints, len(setting.wanted)) if setting.closes and setting.wanted[-1] else 0.0,
        critics=model.piece_critics,
    )


def _windows(wanted: np.ndarray) -> tuple[tuple[int, int], ...]:
    """(first bar, bar after the last) of every run of wanted bars."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], wanted.astype(int), [0]])))
    return tuple((int(a), int(b)) for a, b in edges.reshape(-1, 2))
