"""Rules of one's own: a Python function in a file, or two folders of MIDI, becomes a rule with a critic, fitted when first asked for.

A function takes a Melody and returns a number. Without a goal the number is a score in [0, 1], where 1 means met. A goal is as
any rule's; a bare number is near within 5 % of it (of 1, for smaller ones), or within `function.tolerance` if the function has one.

The critic learns from the model's bank, measured anew, and from what it leads to itself; then it is kept in the user's cache
under the rule's source, its goal and the model.

Inside: `parse`, `rule_of_function`, `own_critic`, `cached`, `forget`.
"""

import hashlib
import importlib.util
import inspect
import math
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musiclc.custom.critics import own_critic
from musiclc.errors import UsageError
from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS, Melody
from musiclc.music.theory import METERS
from musiclc.rules import Rule
from musiclc.rules.base import Constraint, plain
from musiclc.rules.goals import Goal, interval

if TYPE_CHECKING:
    pass


OwnFunction = Callable[[Melody], float]
NEAR = 0.05  # a bare goal's tolerance, as a share of it
ALMOST = 1e-6  # a score this far below 1 is met all the same
FILE = re.compile(r"(?P<file>.+\.py):(?P<function>[A-Za-z_]\w*)(?:=(?P<goal>.*))?")


def constraint_of_file(path: Path, name: str, goal: str | None, weight: float) -> Constraint:
    try:
        source = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"rule {path}: cannot be read ({error.strerror}); wanted a Python file with a function {name}") from error
    function = _load(path, name)
    rule = rule_of_function(function, scored=goal is None, source=source, where=str(path))
    return Constraint(rule, rule.parse(goal or "met"), weight)


def _load(path: Path, name: str) -> OwnFunction:
    spec = importlib.util.spec_from_file_location(f"musiclc_own_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and others look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"rule {path}: importing it raised {type(error).__name__}: {error}") from error
    function = getattr(module, name, None)
    if not callable(function):
        names = ", ".join(n for n, f in vars(module).items() if inspect.isfunction(f) and f.__module__ == spec.name) or "none"
        raise UsageError(f"rule {path}: holds no function {name!r}; its functions: {names}")
    return function


def rule_of_function(function: OwnFunction, *, scored: bool = True, source: str | None = None, where: str = "") -> Rule:
    """A rule that calls `function` on each melody. scored: it returns a score in [0, 1]; otherwise a number that a goal bounds.

    Raises UsageError when the function fails on a few melodies made up to try it.
    """
    name = getattr(function, "__name__", "own")
    source = source if source is not None else _source_of(function)
    call = partial(_measures, function, f"{where}:{name}" if where else name, scored)
    tolerance = getattr(function, "tolerance", None)
    rule = Rule(
        name=name,
        about=(inspect.getdoc(function) or name).splitlines()[0],
        unit="score" if scored else "",
        span="0..1" if scored else "any",
        goals="met" if scored else "6, 4..8, '>=8', '<=3'",
        source=where or "a function of one's own",
        measures=(name,),
        measure=call,
        parse=_score_goal if scored else partial(_own_goal, name, tolerance),
        value=plain,
        limits=lambda meter: (-math.inf, math.inf),
        tolerance=0.25 if scored else tolerance or 1.0,
        grade=_score_grade if scored else None,
        fixed=_changes_with_transposition(call),
    )
    return replace(rule, critic=partial(own_critic, rule, hashlib.sha256(source.encode()).hexdigest()))


def _source_of(function: OwnFunction) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return repr(getattr(function, "__code__", function))


def _score_goal(text: str) -> Goal:
    return Goal(text, (1 - ALMOST,), (math.inf,))


def _score_grade(measures: np.ndarray, goal: Goal) -> np.ndarray:
    scores = np.nan_to_num(measures[:, 0].astype(float))
    return np.where(scores >= 1 - ALMOST, 1.0, scores.clip(0, 1))


def _own_goal(name: str, tolerance: float | None, text: str) -> Goal:
    try:
        near = NEAR * max(1.0, abs(float(text))) if tolerance is None else tolerance
    except ValueError:
        near = 0.0
    low, high = interval(text, near, name)
    return Goal(text.strip(), (low,), (high,))


def _measures(function: OwnFunction, name: str, scored: bool, tokens: np.ndarray, meter: str) -> np.ndarray:
    """What the function returns for tokens (n, T): (n, 1); NaN for silence, which it is not asked about. Raises UsageError."""
    values = np.full((len(tokens), 1), np.nan)
    for row, melody_tokens in enumerate(tokens):
        melody = tok.to_melody(melody_tokens, meter)
        if melody.notes:
            values[row] = _called(function, name, scored, melody)
    return values


def _called(function: OwnFunction, name: str, scored: bool, melody: Melody) -> float:
    what = f"for a melody of {len(melody.notes)} notes in {melody.meter}"
    try:
        value = float(function(melody))
    except Exception as error:
        line = f", line {error.__traceback__.tb_next.tb_lineno}" if error.__traceback__ and error.__traceback__.tb_next else ""
        raise UsageError(f"rule {name} raised {type(error).__name__}: {error}{line}, {what}") from error
    if math.isnan(value):
        raise UsageError(f"rule {name} returned NaN {what}; wanted a number (a division by zero?)")
    if scored and not -ALMOST <= value <= 1 + ALMOST:
        raise UsageError(f"rule {name} returned {value:g} {what}; without a goal a rule returns a score from 0 to 1; give it a goal: {name}=GOAL")
    return value


def _made_up(seed: int = 0) -> np.ndarray:
    """A few random melodies in 4/4, around middle C: tokens (12, 64)."""
    random = np.random.default_rng(seed)
    tokens = random.choice([tok.REST, tok.HOLD, tok.HOLD, tok.FIRST_ONSET], (12, METERS["4/4"] * PHRASE_BARS))
    tokens[:, 0] = tok.FIRST_ONSET
    pitches = 60 + np.cumsum(random.integers(-4, 5, tokens.shape), axis=1).clip(-14, 14)
    return np.where(tokens == tok.FIRST_ONSET, pitches - tok.PITCH_OF_TOKEN, tokens).astype(np.uint8)


def _changes_with_transposition(measure: Callable[[np.ndarray, str], np.ndarray]) -> bool:
    tokens = _made_up()
    here = measure(tokens, "4/4")
    return any(not np.allclose(here, measure(tok.transpose(tokens, move), "4/4")) for move in (-12, -5, 1, 7))
