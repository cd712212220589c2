"""Edits for any rule: points moved by critics, many decoded, the likeliest changes that meet the constraints taken, the needless taken back.

Each round, every window's noisy point climbs its critics and the prior's score, and is frozen once its critics are content
(search.gradient: Engel et al. 2018, §3.3). Several lengths of each climb are decoded under a few bias strengths (lines.LineSearch), and each
line is a candidate, whole or a bar of it alone; so is each small change of one note (mutations.py). The rules judge each candidate in its
place in the whole piece; its cost is how much less likely its line is than the one that stands, biases included, in nats. Greedily the change
that brings most for its cost is taken, until every goal is met. Rounds go on from there with weaker biases. In the end every changed bar that
the constraints do not need goes back. A rule that the model has no critic for, such as one's own, is granted by the small changes alone.

Inside: `steered`, `Candidates`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from musiclc.editing.lines import MET, BiasStrengths, EditProblem, LineSearch
from musiclc.editing.mutations import mutations
from musiclc.editing.piece import Windows
from musiclc.latent import search
from musiclc.model import methods
from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS
from musiclc.music.theory import PHRASE_METERS

ROUNDS = 4
LENGTHS = (0.5, 1.0, 2.0)  # of each climb
SOFTER = (1.0, 0.4)  # bias strengths of each round, as shares of its own
EACH_ROUND = 0.5  # strengths of a round, as a share of that of the round before
MOST_SMALL = 400  # small changes whose likelihood is computed
JUDGED_AT_ONCE = 512
WORTH_ANOTHER_LOOK = 200  # candidates that are judged again after each one taken
NARROW = 4  # lines kept where many are tried
CLIMB = search.ClimbOptions(steps=30, rate=0.05)
WINDOWS_A_CHANGE = 4  # of a long piece, for each change that is taken at once
ENOUGH = 1e-6  # a gain in score that counts


@dataclass(frozen=True)
class Candidates:
    """Changed windows: of = which window (k,), rows: its new tokens (k, 64), which: steps of it that are written (k, 64), cost: nats (k,)."""

    windows: Windows
    of: np.ndarray
    rows: np.ndarray
    which: np.ndarray
    cost: np.ndarray

    def states(self, state: np.ndarray, some: np.ndarray) -> np.ndarray:
        """The state with each of some candidates, one at a time: (len(some), F)."""
        states = np.repeat(state[None], len(some), axis=0)
        for new, i in zip(states, some, strict=True):
            at, mine = self.windows.at[self.of[i]], self.which[i] & self.windows.free[self.of[i]]
            new[at[mine]] = self.rows[i][mine]
        return states

    def states_together(self, state: np.ndarray, some: np.ndarray) -> np.ndarray:
        """The state with the first, the first two, … of some candidates: (len(some), F)."""
        found = []
        for i in some:
            state = self.states(state, np.array([i]))[0]
            found.append(state)
        return np.stack(found)


def steered(problem: EditProblem, state: np.ndarray) -> np.ndarray:
    """The state with the likeliest changes found that meet the constraints as the rules measure them, or that come nearest."""
    reference, strengths = state, problem.strengths
    for turn in range(ROUNDS):
        if problem.met(state):
            break
        windows = problem.piece.windows(2 * (turn % 2)) if turn else problem.piece.windows()
        if len(windows.at):
            state = _taken(problem, state, _proposed(LineSearch(problem, state), windows, strengths))
        strengths = replace(strengths.weaker(EACH_ROUND), noise_level=max(strengths.noise_level, _noise_level(problem)))
    if not problem.met(state):
        state = _octaves(problem, state)
    return _taken_back(problem, state, reference)


def _noise_level(problem: EditProblem) -> float:
    assert problem.model.prior is not None
    return problem.model.prior.config.noise_level


# ---- candidates ----------------------------------------------------------------------------------------------------


def _proposed(looking: LineSearch, windows: Windows, strengths: BiasStrengths) -> Candidates:
    """What windows could become."""
    problem, state = looking.problem, looking.start
    noise_level = _noise_level(problem)
    x = (1 - noise_level) * looking.points(windows, state)
    target = torch.cat([_climbed(looking, windows, x, number) for number in range(len(PHRASE_METERS))])
    order = np.argsort(np.concatenate([np.flatnonzero(windows.meters == number) for number in range(len(PHRASE_METERS))]))
    target = target[torch.from_numpy(order)]
    biases = looking.logit_biases(windows, state, replace(strengths, noise_level=noise_level))
    rows, tied = windows.rows(state)
    stands = _worth(looking, windows, x, biases, rows, noise_level)
    parts = []
    for softer in SOFTER:
        soft = looking.logit_biases(windows, state, strengths.weaker(softer))
        for length in LENGTHS:
            lines = looking.lines(windows, x + length * (target - x), soft, noise_level, width=NARROW).tokens[:, 0].numpy()
            cost = stands - _worth(looking, windows, x, biases, lines, noise_level)
            parts += list(_whole_and_by_bar(windows, rows, lines, cost, ~tied))
    parts.append(_small(looking, windows, (x, biases), stands, ~tied))
    return Candidates(windows, *(np.concatenate(column) for column in zip(*parts, strict=True)))


def _climbed(looking: LineSearch, windows: Windows, x: Tensor, number: int) -> Tensor:
    """Points of the windows in one meter, moved up their critics: (those, d)."""
    problem = looking.problem
    mine = np.flatnonzero(windows.meters == number)
    here = x[torch.from_numpy(mine)]
    soft = [c for c in problem.left if c.rule.name in problem.critics]
    if not len(mine) or not soft:
        return here
    meter = PHRASE_METERS[number]
    soft_problem = methods.SampleProblem(problem.model, soft, problem.critics, meter)
    transpositions = [-looking.transposition] * len(mine)
    rows = tok.unpad(windows.rows(looking.start)[0][mine].astype(np.uint8), meter)
    start = methods.Start(
        here, torch.full((len(mine),), _noise_level(problem)), transpositions, misses=methods.misses(soft_problem, here, rows, transpositions)
    )
    met, total = methods.pushes(soft_problem, start)
    return search.gradient(here, total, options=CLIMB, good=lambda points: met(points) > float(np.log(methods.CONTENT)))


def _worth(looking: LineSearch, windows: Windows, x: Tensor, biases: Tensor, rows: np.ndarray, noise_level: float) -> np.ndarray:
    """Log likelihood of rows (n, 64) at unmoved points, with the biases of their tokens added: (n,), in nats, as beam.py scores lines."""
    model = looking.problem.model
    assert model.prior is not None
    tokens = torch.from_numpy(tok.transpose(rows, looking.transposition).astype(np.int64))
    logits = model.vae.logits_along(model.prior.restore(x), torch.from_numpy(windows.meters), tokens, torch.full((len(x),), noise_level))
    here = tokens.clamp(max=tok.VOCABULARY - 1)[..., None]
    each = torch.log_softmax(logits, -1).gather(2, here)[..., 0] + biases.gather(2, here)[..., 0].clamp(min=-100.0)
    return each.masked_fill(tokens == tok.PAD, 0.0).sum(1).numpy()


def _whole_and_by_bar(
    windows: Windows, rows: np.ndarray, lines: np.ndarray, cost: np.ndarray, may: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Columns of Candidates for changed lines, and, by their share of the changes, for each of their bars alone."""
    changed = (lines != rows) & windows.free & may
    count = changed.sum(1)
    bar = np.arange(rows.shape[1]) // tok.BAR_STEPS
    for which in (may, *(may & (bar == b) for b in range(PHRASE_BARS))):
        share = (changed & which).sum(1) / np.maximum(count, 1)
        some = np.flatnonzero((share > 0) & ((share < 1) | (which is may)))
        yield some, lines[some], np.broadcast_to(which, rows.shape)[some], np.maximum(cost[some], 1.0) * share[some]


def _small(
    looking: LineSearch, windows: Windows, base: tuple[Tensor, Tensor], stands: np.ndarray, may: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Columns of Candidates for small changes (mutations.py): those that help most by the rules, at their cost at points and under biases."""
    problem, state = looking.problem, looking.start
    rows, _ = windows.rows(state)
    made = [(i, new) for i in range(len(rows)) for new in mutations(rows[i], windows.free[i] & may[i])]
    of = np.array([i for i, _ in made], int)
    new = np.stack([row for _, row in made]) if made else np.zeros((0, rows.shape[1]), np.int64)
    every = Candidates(windows, of, new, may[of], np.zeros(len(of)))
    weights = np.array([c.weight for c in problem.constraints])
    scores = [np.zeros(0)]
    for first in range(0, len(of), JUDGED_AT_ONCE):
        some = np.arange(first, min(first + JUDGED_AT_ONCE, len(of)))
        scores.append(np.nan_to_num(problem.piece.scores(problem.constraints, every.states(state, some))) @ weights)
    improvement = np.concatenate(scores) - problem.piece.scores(problem.constraints, state[None])[0] @ weights
    best = np.argsort(-improvement, kind="stable")[:MOST_SMALL]
    best = best[improvement[best] > ENOUGH]
    of, new = of[best], new[best]
    x, bias_of = base
    cost = np.zeros(len(best))
    for first in range(0, len(best), JUDGED_AT_ONCE):
        part = slice(first, first + JUDGED_AT_ONCE)
        chosen = windows.some(of[part])
        at = torch.from_numpy(of[part])
        cost[part] = stands[of[part]] - _worth(looking, chosen, x[at], bias_of[at], new[part], _noise_level(problem))
    return of, new, new != rows[of], np.maximum(cost, 0.5)  # only what changed is written, so that changes add up


# ---- taking and taking back ----------------------------------------------------------------------------------------


def _taken(problem: EditProblem, state: np.ndarray, candidates: Candidates) -> np.ndarray:
    """The state after the changes that bring most for their cost, until the constraints are met or none brings anything.

    In a long piece several are taken at once, in windows of their own: as few of them as meet the constraints, or as many as bring most. None
    is taken that breaks what allowed pitches or numbers of notes grant already.
    """
    weights = np.array([c.weight for c in problem.constraints])
    looked_at = np.arange(len(candidates.of))
    at_once = max(1, len(candidates.windows.at) // WINDOWS_A_CHANGE)
    for _ in range(8 * len(candidates.windows.at) + PHRASE_BARS):
        if not len(looked_at) or problem.met(state):
            break
        now = problem.piece.scores(problem.constraints, state[None])[0] @ weights
        states = candidates.states(state, looked_at)
        scores = problem.piece.scores(problem.constraints, states)
        improvement = np.nan_to_num(scores) @ weights - now
        improvement[_broken(problem, state, states)] = -np.inf
        met = (scores >= MET).all(axis=1)
        value = np.where(met, 1e6 - candidates.cost[looked_at], improvement / (1.0 + candidates.cost[looked_at]))
        best = np.argsort(-value, kind="stable")
        best = best[improvement[best] > ENOUGH]
        if not len(best):
            break
        _, firsts = np.unique(candidates.of[looked_at[best]], return_index=True)
        states = candidates.states_together(state, looked_at[best[np.sort(firsts)[:at_once]]])
        scores = problem.piece.scores(problem.constraints, states)
        met = (scores >= MET).all(axis=1)
        together = np.where(_broken(problem, state, states), -np.inf, np.nan_to_num(scores) @ weights)
        state = states[int(met.argmax() if met.any() else together.argmax())]
        looked_at = looked_at[best[:WORTH_ANOTHER_LOOK]]
    return state


def _broken(problem: EditProblem, state: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Which of the states (k, F) lose what allowed pitches or numbers of notes grant in the state: bool (k,)."""
    now = problem.piece.scores(problem.granted, state[None])[0]
    lost: np.ndarray = ((now >= MET) & (problem.piece.scores(problem.granted, states) < MET)).any(axis=1)
    return lost


def _taken_back(problem: EditProblem, state: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The state with every bar as in the reference where the constraints are met as well without its change, largest changes first."""
    windows = problem.piece.windows()
    bars = [row[bar * tok.BAR_STEPS : (bar + 1) * tok.BAR_STEPS] for row in windows.at for bar in range(PHRASE_BARS)]
    bars = [at[at >= 0] for at in bars]
    for _ in range(len(bars)):
        changed = [at for at in bars if (state[at] != reference[at]).any()]
        if not changed:
            break
        tries = np.repeat(state[None], len(changed), axis=0)
        for new, at in zip(tries, changed, strict=True):
            new[at] = reference[at]
        now = problem.piece.scores(problem.constraints, state[None])[0]
        as_good = (problem.piece.scores(problem.constraints, tries) >= now - 1e-9).all(axis=1)
        if not as_good.any():
            break
        size = np.array([(state[at] != reference[at]).sum() for at in changed])
        state = tries[int(np.where(as_good, size, -1).argmax())]
    return state


def _octaves(problem: EditProblem, state: np.ndarray) -> np.ndarray:
    """The state moved by the octaves that suit best, for rules that octaves change."""
    if not any(c.rule.octaves for c in problem.left):
        return state
    transpositions = [m for m in (0, 12, -12, 24, -24) if _fits(state, m)]
    states = np.stack([tok.transpose(state[None], m)[0] for m in transpositions])
    return states[int(problem.piece.scores(problem.constraints, states).sum(axis=1).argmax())]


def _fits(state: np.ndarray, transposition: int) -> bool:
    onset = state[tok.onsets(state)].astype(int) + transposition
    return bool((onset >= tok.FIRST_ONSET).all() and (onset < tok.VOCABULARY).all())
