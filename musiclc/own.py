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
import logging
import math
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc import tokens as tok
from musiclc.errors import MusiclcError, UsageError
from musiclc.files import exclusive
from musiclc.goals import Constraint, Goal, interval
from musiclc.melody import PHRASE_BARS, Melody
from musiclc.rules import Rule, parse_rule_option, split_weight
from musiclc.rules.base import plain
from musiclc.theory import METERS

if TYPE_CHECKING:
    from musiclc.bank import Bank
    from musiclc.checkpoint import Model
    from musiclc.critics import Critic

log = logging.getLogger("musiclc")

OwnFunction = Callable[[Melody], float]
MEASURE_SECONDS = 5.0  # longest that a function may take over the bank, which is cut to fit
MIN_MEASURED = 1000
NEAR = 0.05  # a bare goal's tolerance, as a share of it
ALMOST = 1e-6  # a score this far below 1 is met all the same
FIRST_STEPS, LATER_STEPS = 500, 200  # of a critic's fit on the bank, and on the bank and where it led
LED, LED_ROUNDS, LED_WEIGHT = 256, 2, 6  # points it leads to, how often, and how many times each of them counts
_FILE = re.compile(r"(?P<file>.+\.py):(?P<function>[A-Za-z_]\w*)(?:=(?P<goal>.*))?")


def parse(text: str) -> Constraint:
    """A constraint from what --rule takes: "NAME=GOAL", "FILE.py:FUNCTION", "FILE.py:FUNCTION=GOAL", or the NAME of a labelled
    critic; @WEIGHT may follow. Raises UsageError.
    """
    body, weight = split_weight(text)
    if match := _FILE.fullmatch(body.strip()):
        return _of_file(Path(match["file"]), match["function"], match["goal"], weight)
    from musiclc import labels

    if "=" not in body and labels.path_of(body.strip()).exists():
        return labels.constraint(body.strip(), weight)
    return parse_rule_option(text)


def _of_file(path: Path, name: str, goal: str | None, weight: float) -> Constraint:
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


# ---- the critic ----------------------------------------------------------------------------------------------------


def own_critic(rule: Rule, source: str, model: "Model", goal: Goal, move: int) -> "Critic":
    """The rule's critic for melodies moved by `move` from home: from the cache, or fitted now and kept there."""
    from musiclc.checkpoint import load_networks, save_networks

    move = move if rule.fixed else 0
    key = hashlib.sha256("\n".join([source, rule.name, model.fingerprint(), goal.text, str(move)]).encode()).hexdigest()[:16]
    path = cache_folder() / f"{rule.name}-{key}.safetensors"
    with exclusive(path):  # workers that need the same critic at the same time must get the same one
        if path.exists():
            try:
                critic: Critic = load_networks(path)[0]["critic/own"]
                return critic
            except (MusiclcError, KeyError):
                path.unlink(missing_ok=True)  # of an older version, or cut short: made anew
        began = time.monotonic()
        log.info("%s: fitting a critic", rule.name)
        critic, notes = _fit(rule, model, goal, move)
        notes |= {"rule": rule.name, "goal": goal.text, "from": rule.source, "model": model.name, "seconds": round(time.monotonic() - began, 1)}
        save_networks({"critic/own": critic}, notes, path)
        critic = load_networks(path)[0]["critic/own"]  # as every later call will have it, rounded as files are
    log.info("%s: fitted in %.1f s, kept in %s", rule.name, notes["seconds"], path)
    return critic


def _fit(rule: Rule, model: "Model", goal: Goal, move: int) -> tuple["Critic", dict[str, Any]]:
    import torch

    from musiclc.fitting import SmallFit, fit_critic
    from musiclc.theory import METER_NAMES

    assert model.bank is not None
    bank = _affordable(model.bank, rule, move)
    measures = bank.measures(rule, move)
    _refuse_constant(rule, measures.numpy())
    fit = SmallFit(steps=FIRST_STEPS, batch=256)
    critic, _ = fit_critic(bank.points, measures, rule.family, fit, conditions=len(METER_NAMES))
    for turn in range(LED_ROUNDS):
        led = _led(rule, model, goal, move, critic, turn)
        bank = bank.joined(led)
        found = led.measures(rule, move)
        measures = torch.cat([measures, found])
        for _ in range(LED_WEIGHT - 1):
            bank, measures = bank.joined(led), torch.cat([measures, found])
        critic, _ = fit_critic(bank.points, measures, rule.family, replace(fit, steps=LATER_STEPS, learning_rate=1e-3), start=critic)
    scores = rule.score(measures.numpy(), goal)
    best = int(np.nanargmax(scores))
    reached = {"best value": rule.value(measures.numpy()[best], goal), "best score": round(float(scores[best]), 6)}
    if reached["best score"] < 1:
        log.warning("%s %s: none of %d melodies met it; the best reached %s", rule.name, goal.text, len(scores), reached["best value"])
    return critic, {"measured": len(scores), **reached}


def _affordable(bank: "Bank", rule: Rule, move: int) -> "Bank":
    """All of the bank, or the half, quarter, … of it that the function can measure in MEASURE_SECONDS.

    Halves, and the best of a few timings, so that the size, and with it the critic's bits, seldom depend on how busy a machine is.
    """
    some, each = bank.first(50), math.inf
    for _ in range(3):
        began = time.monotonic()
        some.measures(rule, move)
        each = min(each, (time.monotonic() - began) / len(some))
    size = len(bank)
    while size * each > MEASURE_SECONDS and size > MIN_MEASURED:
        size = max(size // 2, MIN_MEASURED)
    return bank.first(size)


def _refuse_constant(rule: Rule, measures: np.ndarray) -> None:
    known = measures[~np.isnan(measures)]
    if known.size == 0 or known.min() == known.max():
        value = f"{known[0]:g}" if known.size else "undefined"
        raise UsageError(f"rule {rule.name} is constant: {value} for all of {len(measures)} melodies; there is nothing to steer by")


def _led(rule: Rule, model: "Model", goal: Goal, move: int, critic: "Critic", turn: int) -> "Bank":
    """Points that the critic leads to, decoded."""
    import torch

    from musiclc import methods
    from musiclc.bank import decoded

    assert model.prior is not None
    wish = methods.Wish(model, [Constraint(rule, goal)], {rule.name: critic}, "4/4", strength=1.0 + turn)
    noise = torch.randn(LED, model.vae.dimensions, generator=torch.Generator().manual_seed(turn))
    x, _ = methods.points(wish, methods.Start(noise, torch.ones(LED), [move] * LED), "guided")
    return decoded(model.vae, model.prior, x, wish.condition(LED))


# ---- the cache -----------------------------------------------------------------------------------------------------


def cache_folder() -> Path:
    """Where critics of one's own rules are kept: the user's cache, as the platform has it."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("musiclc")) / "critics"


def cached() -> list[tuple[Path, dict[str, Any]]]:
    """The critics in the cache with their notes, in order of name; broken files are left out."""
    from musiclc.checkpoint import load_networks

    found = []
    for path in sorted(cache_folder().glob("*.safetensors")):
        try:
            found.append((path, load_networks(path)[1]))
        except MusiclcError:
            continue
    return found


def forget(name: str) -> int:
    """Drop the cached critics of the rule of that name; how many there were."""
    paths = [path for path in cache_folder().glob("*.safetensors") if path.stem.rpartition("-")[0] == name]
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)
