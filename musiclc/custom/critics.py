"""Critics for rules of one's own: fitted when first asked for, then kept in the user's cache.

A critic learns from the whole bank of the model, measured anew, and from the points that it leads to itself (on-policy). So the same
rule, goal and model give the same critic, however fast the machine is; a function too slow for the bank is refused. Its file is named after what the
rule is (identity.py), the goal, the model with its numerics, and the versions of musiclc and torch: whatever its bits depend on.

Inside: `own_critic`, `cached`, `forget`.
"""

import contextlib
import hashlib
import logging
import os
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc.custom.identity import Unknowable
from musiclc.errors import MusiclcError, UsageError
from musiclc.files import exclusive
from musiclc.rules import Rule
from musiclc.rules.base import Constraint
from musiclc.rules.goals import Goal

if TYPE_CHECKING:
    from musiclc.latent.critics import Critic
    from musiclc.model.bank import Bank
    from musiclc.model.checkpoint import Model

log = logging.getLogger("musiclc")

MEASURE_SECONDS = 600.0  # longest that a function may take over the bank before it is refused
WORTH_SAYING = 10.0  # seconds over the bank from which on it is said beforehand
TIMED = 50  # melodies that tell how long the bank will take
FIRST_STEPS, LATER_STEPS = 500, 200  # of a critic's fit on the bank, and on the bank and its on-policy points
ON_POLICY, ON_POLICY_ROUNDS, ON_POLICY_WEIGHT = 256, 2, 6  # points it leads to, how often, and how many times each of them counts


def own_critic(rule: Rule, known_by: Callable[[], str], model: "Model", goal: Goal, transposition: int) -> "Critic":
    """The rule's critic for melodies transposed by `transposition` from canonical: from the cache, or fitted now and kept there.

    known_by: gives what the rule is known by; where it raises Unknowable the critic is fitted at every call, and that is said.
    Raises UsageError for a rule that is constant, or too slow.
    """
    transposition = transposition if rule.fixed else 0
    try:
        path = cache_folder() / f"{_stem(rule.name)}-{_key(known_by(), rule, model, goal, transposition)}.safetensors"
    except Unknowable as error:
        log.info("%s: fitting a critic that is not kept, since the function reads %s, which the cache cannot tell from another", rule.name, error)
        return _fit(rule, model, goal, transposition)[0]
    if not _writable(path.parent):
        if kept := _kept(path):
            return kept
        log.warning("%s: fitting a critic that is not kept, since %s cannot be written", rule.name, path.parent)
        return _fit(rule, model, goal, transposition)[0]
    with exclusive(path):  # workers that need the same critic at the same time must get the same one
        return _kept(path) or _fitted(path, rule, model, goal, transposition)


def _writable(folder: Path) -> bool:
    """Whether files can be made in a folder, which is made when it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _key(known_by: str, rule: Rule, model: "Model", goal: Goal, transposition: int) -> str:
    """All that decides a critic's bits, as a short hash."""
    from importlib.metadata import version

    assert model.bank is not None
    learns_from = hashlib.sha256(model.bank.points.x.numpy().tobytes() + model.bank.tokens.tobytes()).hexdigest()
    machinery = [model.fingerprint(), learns_from, model.numerics, version("musiclc"), version("torch")]
    asked = [goal.text, repr((goal.low, goal.high, goal.mix)), str(transposition)]
    return hashlib.sha256("\n".join([known_by, rule.name, *machinery, *asked]).encode()).hexdigest()[:16]


def _kept(path: Path) -> "Critic | None":
    """The critic in a file of the cache; None where there is none, or one of an older version, or cut short."""
    from musiclc.model.checkpoint import load_networks

    try:
        critic: Critic = load_networks(path)[0]["critic/own"]
        return critic
    except (MusiclcError, KeyError):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return None


def _fitted(path: Path, rule: Rule, model: "Model", goal: Goal, transposition: int) -> "Critic":
    """A critic fitted now and kept, as every later call will have it, rounded as files are."""
    from musiclc.model.checkpoint import load_networks, save_networks

    began = time.monotonic()
    log.info("%s: fitting a critic", rule.name)
    critic, notes = _fit(rule, model, goal, transposition)
    save_networks({"critic/own": critic}, {**notes, "rule": rule.name, "goal": goal.text, "from": rule.source, "model": model.name}, path)
    log.info("%s: fitted in %.1f s, kept in %s", rule.name, time.monotonic() - began, path)
    kept: Critic = load_networks(path)[0]["critic/own"]
    return kept


def _fit(rule: Rule, model: "Model", goal: Goal, transposition: int) -> tuple["Critic", dict[str, Any]]:
    """A critic, and how many melodies it learnt from with the best that was reached."""
    import torch

    from musiclc.latent.fitting import SmallFit, fit_critic
    from musiclc.music.theory import PHRASE_METERS

    assert model.bank is not None
    bank = model.bank
    _refuse_slow(bank, rule, transposition)
    measures = bank.measures(rule, transposition)
    _refuse_constant(rule, measures.numpy())
    fit = SmallFit(steps=FIRST_STEPS, batch=256)
    critic, _ = fit_critic(bank.points, measures, rule.family, fit, conditions=len(PHRASE_METERS))
    for turn in range(ON_POLICY_ROUNDS):
        on_policy = _on_policy(rule, model, goal, transposition, critic, turn)
        found = on_policy.measures(rule, transposition)
        for _ in range(ON_POLICY_WEIGHT):
            bank, measures = bank.joined(on_policy), torch.cat([measures, found])
        critic, _ = fit_critic(bank.points, measures, rule.family, replace(fit, steps=LATER_STEPS, learning_rate=1e-3), start=critic)
    return critic, _best(rule, goal, measures.numpy())


def _best(rule: Rule, goal: Goal, measures: np.ndarray) -> dict[str, Any]:
    """What was reached, of measures (n, m); a warning where nothing met the goal."""
    scores = rule.score(measures, goal)
    best = int(np.nanargmax(scores))
    reached = {"measured": len(scores), "best value": rule.value(measures[best], goal), "best score": round(float(scores[best]), 6)}
    if scores[best] < 1 - 1e-9:
        log.warning("%s %s: none of %d melodies met it; the best reached %s", rule.name, goal.text, len(scores), reached["best value"])
    return reached


def _refuse_slow(bank: "Bank", rule: Rule, transposition: int) -> None:
    """Raises UsageError when the function would take longer than MEASURE_SECONDS over the bank. Time decides on nothing else."""
    some, each = bank.first(TIMED), float("inf")
    for _ in range(3):  # the best of three, since a machine may be busy
        began = time.monotonic()
        some.measures(rule, transposition)
        each = min(each, (time.monotonic() - began) / len(some))
    whole = each * len(bank)
    if whole > MEASURE_SECONDS:
        raise UsageError(
            f"rule {rule.name} takes {1000 * each:.0f} ms a melody, and its critic learns from {len(bank)}: about {whole:.0f} s, where "
            f"{MEASURE_SECONDS:.0f} s are the limit; make the function faster, or take --method rejection, which needs no critic"
        )
    if whole > WORTH_SAYING:
        log.info("%s: measuring %d melodies takes about %.0f s, this once", rule.name, len(bank), whole)


def _refuse_constant(rule: Rule, measures: np.ndarray) -> None:
    known = measures[~np.isnan(measures)]
    if known.size == 0 or known.min() == known.max():
        value = f"{known[0]:g}" if known.size else "undefined"
        raise UsageError(f"rule {rule.name} is constant: {value} for all of {len(measures)} melodies; there is nothing to steer by")


def _on_policy(rule: Rule, model: "Model", goal: Goal, transposition: int, critic: "Critic", turn: int) -> "Bank":
    """Points that the critic leads to, decoded."""
    import torch

    from musiclc.model import methods
    from musiclc.model.bank import decoded

    assert model.prior is not None
    problem = methods.SampleProblem(model, [Constraint(rule, goal)], {rule.name: critic}, "4/4", strength=1.0 + turn)
    noise = torch.randn(ON_POLICY, model.vae.dimensions, generator=torch.Generator().manual_seed(turn))
    x, _ = methods.points(problem, methods.Start(noise, torch.ones(ON_POLICY), [transposition] * ON_POLICY), "guided")
    return decoded(model.vae, model.prior, x, problem.condition(ON_POLICY))


def cache_folder() -> Path:
    """Where critics of one's own rules are kept: the user's cache, as the platform has it."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("musiclc")) / "critics"


def _stem(name: str) -> str:
    """A rule's name as file names begin with it: "<lambda>" is no name for a file everywhere."""
    return re.sub(r"\W", "_", name)


def cached() -> list[tuple[Path, dict[str, Any]]]:
    """The critics in the cache with their notes, in order of name; broken files are left out."""
    from musiclc.model.checkpoint import load_networks

    found = []
    for path in sorted(cache_folder().glob("*.safetensors")):
        try:
            found.append((path, load_networks(path)[1]))
        except MusiclcError:
            continue
    return found


def forget(name: str) -> int:
    """Drop the cached critics of the rule of that name; how many there were."""
    paths = [path for path in cache_folder().glob("*.safetensors") if path.stem.rpartition("-")[0] == _stem(name)]
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)
