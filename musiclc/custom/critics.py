"""Critics for rules of one's own: fitted when first asked for, then kept in the user's cache.

A critic learns from the model's bank, measured anew, and from what it leads to itself. Its file is named after the rule's source, its
goal and the model.

Inside: `own_critic`, `cached`, `forget`.
"""

import hashlib
import logging
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

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


MEASURE_SECONDS = 5.0  # longest that a function may take over the bank, which is cut to fit


MIN_MEASURED = 1000


FIRST_STEPS, LATER_STEPS = 500, 200  # of a critic's fit on the bank, and on the bank and where it led


ON_POLICY, ON_POLICY_ROUNDS, ON_POLICY_WEIGHT = 256, 2, 6  # points it leads to, how often, and how many times each of them counts


def own_critic(rule: Rule, source: str, model: "Model", goal: Goal, transposition: int) -> "Critic":
    """The rule's critic for melodies moved by `transposition` from home: from the cache, or fitted now and kept there."""
    from musiclc.model.checkpoint import load_networks, save_networks

    transposition = transposition if rule.fixed else 0
    key = hashlib.sha256("\n".join([source, rule.name, model.fingerprint(), goal.text, str(transposition)]).encode()).hexdigest()[:16]
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
        critic, notes = _fit(rule, model, goal, transposition)
        notes |= {"rule": rule.name, "goal": goal.text, "from": rule.source, "model": model.name, "seconds": round(time.monotonic() - began, 1)}
        save_networks({"critic/own": critic}, notes, path)
        critic = load_networks(path)[0]["critic/own"]  # as every later call will have it, rounded as files are
    log.info("%s: fitted in %.1f s, kept in %s", rule.name, notes["seconds"], path)
    return critic


def _fit(rule: Rule, model: "Model", goal: Goal, transposition: int) -> tuple["Critic", dict[str, Any]]:
    import torch

    from musiclc.latent.fitting import SmallFit, fit_critic
    from musiclc.music.theory import METER_NAMES

    assert model.bank is not None
    bank = _affordable(model.bank, rule, transposition)
    measures = bank.measures(rule, transposition)
    _refuse_constant(rule, measures.numpy())
    fit = SmallFit(steps=FIRST_STEPS, batch=256)
    critic, _ = fit_critic(bank.points, measures, rule.family, fit, conditions=len(METER_NAMES))
    for turn in range(ON_POLICY_ROUNDS):
        on_policy = _on_policy(rule, model, goal, transposition, critic, turn)
        bank = bank.joined(on_policy)
        found = on_policy.measures(rule, transposition)
        measures = torch.cat([measures, found])
        for _ in range(ON_POLICY_WEIGHT - 1):
            bank, measures = bank.joined(on_policy), torch.cat([measures, found])
        critic, _ = fit_critic(bank.points, measures, rule.family, replace(fit, steps=LATER_STEPS, learning_rate=1e-3), start=critic)
    scores = rule.score(measures.numpy(), goal)
    best = int(np.nanargmax(scores))
    reached = {"best value": rule.value(measures.numpy()[best], goal), "best score": round(float(scores[best]), 6)}
    if reached["best score"] < 1:
        log.warning("%s %s: none of %d melodies met it; the best reached %s", rule.name, goal.text, len(scores), reached["best value"])
    return critic, {"measured": len(scores), **reached}


def _affordable(bank: "Bank", rule: Rule, transposition: int) -> "Bank":
    """All of the bank, or the half, quarter, … of it that the function can measure in MEASURE_SECONDS.

    Halves, and the best of a few timings, so that the size, and with it the critic's bits, seldom depend on how busy a machine is.
    """
    some, each = bank.first(50), math.inf
    for _ in range(3):
        began = time.monotonic()
        some.measures(rule, transposition)
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
    paths = [path for path in cache_folder().glob("*.safetensors") if path.stem.rpartition("-")[0] == name]
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)
