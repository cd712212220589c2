"""Rules of one's own: a Python function, from a file or from a notebook, becomes a rule with a critic, fitted when first asked for.

A function takes a Melody and returns a number. Without a goal the number is a score in [0, 1], where 1 means met. A goal is as
any rule's; a bare number is near within 5 % of it (of 1, for smaller ones), or within `function.tolerance` if the function has one.

A file is run anew each time, from the very text that names its critic in the cache, in a module of its own. It imports what is installed;
the file's folder is not on the import path, so what stands beside it is not found.

Inside: `constraint_of_file`, `rule_of_function`, `OwnFunction`.
"""

import contextlib
import hashlib
import inspect
import math
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np

from musiclc.custom.critics import own_critic
from musiclc.custom.examples import EXAMPLES
from musiclc.custom.identity import identity
from musiclc.errors import UsageError
from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS, Melody
from musiclc.music.theory import METERS
from musiclc.rules import RULES, Rule
from musiclc.rules.base import Constraint, plain
from musiclc.rules.goals import Goal, interval

OwnFunction = Callable[[Melody], float]
NEAR = 0.05  # a bare goal's tolerance, as a share of it
ALMOST = 1e-6  # a score this far below 1 is met all the same
FILE = re.compile(r"(?P<file>.+\.py):(?P<function>[A-Za-z_]\w*)(?:=(?P<goal>.*))?")


def constraint_of_file(path: Path, name: str, goal: str | None, weight: float) -> Constraint:
    """The constraint that a function of a file meets the goal, or returns 1 where there is none. Raises UsageError."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(f"rule {path}: cannot be read ({error.strerror}); wanted a Python file with a function {name}") from error
    rule = rule_of_function(_function_of(path, text, name), scored=goal is None, text=text, where=str(path))
    return Constraint(rule, rule.parse(goal or "met"), weight)


def _function_of(path: Path, text: bytes, name: str) -> OwnFunction:
    """The function of a file with this text. Python's own cache of compiled files has no say: it goes by time and size."""
    module = ModuleType(f"musiclc_own_{path.stem}_{hashlib.sha256(text).hexdigest()[:8]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses and others look their module up
    try:
        with _talk_apart():
            exec(compile(text, str(path), "exec", dont_inherit=True), module.__dict__)
    except ImportError as error:
        beside = path.parent / f"{(error.name or '').partition('.')[0]}.py"
        slip = (
            f" ({beside.name} beside it is not on the import path: put what it needs into the file itself, or install it)" if beside.exists() else ""
        )
        raise UsageError(f"rule {path}: importing it raised {type(error).__name__}: {error}{slip}") from error
    except (Exception, SystemExit) as error:
        raise UsageError(f"rule {path}: importing it raised {type(error).__name__}: {error}") from error
    function = getattr(module, name, None)
    if not callable(function):
        names = ", ".join(n for n, f in vars(module).items() if inspect.isfunction(f) and f.__module__ == module.__name__) or "none"
        raise UsageError(f"rule {path}: holds no function {name!r}; its functions: {names}")
    found: OwnFunction = function
    return found


def rule_of_function(function: OwnFunction, *, scored: bool = True, text: bytes | None = None, where: str = "") -> Rule:
    """A rule that calls `function` on each melody. scored: it returns a score in [0, 1]; otherwise a number that a goal bounds.

    text: of the file it comes from, where it comes from one. Raises UsageError when the function fails on a few melodies made up to try it,
    or has a shipped rule's name, by which that rule's critic would be taken.
    """
    name = getattr(function, "__name__", "own")
    if name in RULES or name in EXAMPLES:
        raise UsageError(f"rule {f'{where}:' if where else ''}{name}: a shipped rule has this name; rename the function, such as own_{name}")
    call = partial(_measures, function, f"{where}:{name}" if where else name, scored)
    tolerance = getattr(function, "tolerance", None)
    rule = Rule(
        name=name,
        about=(inspect.getdoc(function) or name).splitlines()[0],
        unit="score" if scored else "",
        span="0..1" if scored else "any",
        goals="met" if scored else "6, 4..8, '>=8', '>8', '<=3', '<3'",
        source=where or "a function of one's own",
        measures=(name,),
        measure=call,
        parse=_score_goal if scored else partial(_own_goal, name, tolerance),
        value=plain,
        limits=lambda meter: (-math.inf, math.inf),
        tolerance=0.25 if scored else tolerance or 1.0,
        grade=_score_grade if scored else None,
        fixed=_changes_with_transposition(call),
        searched=True,
    )
    return replace(rule, critic=partial(own_critic, rule, partial(identity, function, text)))


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
    for row, melody in enumerate(tok.to_melodies(tokens, meter)):
        if melody.notes:
            values[row] = _called(function, name, scored, melody)
    return values


def _called(function: OwnFunction, name: str, scored: bool, melody: Melody) -> float:
    what = f"for a melody of {len(melody.notes)} notes in {melody.meter}"
    try:
        with _talk_apart():
            given = function(melody)
            value = math.nan if isinstance(given, str | bytes) else float(given)
    except (Exception, SystemExit) as error:  # which would end the run without a word
        line = f", line {error.__traceback__.tb_next.tb_lineno}" if error.__traceback__ and error.__traceback__.tb_next else ""
        raise UsageError(f"rule {name} raised {type(error).__name__}: {error}{line}, {what}") from error
    if isinstance(given, str | bytes):
        raise UsageError(f"rule {name} returned {given[:40]!r}, a {type(given).__name__}, {what}; wanted a number")
    if math.isnan(value):
        raise UsageError(f"rule {name} returned NaN {what}; wanted a number (a division by zero?)")
    if scored and not -ALMOST <= value <= 1 + ALMOST:
        raise UsageError(f"rule {name} returned {value:g} {what}; without a goal a rule returns a score from 0 to 1; give it a goal: {name}=GOAL")
    return value


@contextlib.contextmanager
def _talk_apart() -> Iterator[None]:
    """What a rule prints goes to standard error: standard output carries data."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def _made_up(seed: int = 0) -> np.ndarray:
    """A few random melodies in 4/4, around middle C: tokens (12, 64)."""
    random = np.random.default_rng(seed)
    tokens = random.choice([tok.REST, tok.HOLD, tok.HOLD, tok.FIRST_ONSET], (12, METERS["4/4"] * PHRASE_BARS))
    tokens[:, 0] = tok.FIRST_ONSET
    pitches = 60 + np.cumsum(random.integers(-4, 5, tokens.shape), axis=1).clip(-14, 14)
    return np.where(tokens == tok.FIRST_ONSET, pitches - tok.PITCH_OF_TOKEN, tokens).astype(np.uint8)


def _changes_with_transposition(measure: Callable[[np.ndarray, str], np.ndarray]) -> bool:
    tokens = _made_up()
    try:
        here = measure(tokens, "4/4")
    except UsageError as error:
        raise UsageError(f"{error} (one of a few that are made up to try a rule: it must give a number for any)") from error
    return any(not np.allclose(here, measure(tok.transpose(tokens, semitones), "4/4")) for semitones in (-12, -5, 1, 7))
