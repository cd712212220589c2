"""Edits for any rule: points moved by critics, many decoded, the cheapest changes that meet the wish taken, the needless taken back.

Each round, every window's blurred point climbs its critics and the prior's score, and is frozen once its critics are content
(search.gradient: Engel et al. 2018, §3.3). Several lengths of each move are decoded under a few strengths of pull (edits.Search), and each
line is a candidate, whole or a bar of it alone; so is each small change of one note (moves.py). The rules judge each candidate in its
place in the whole piece; a candidate costs what its line loses, in nats, against the line that stands. Greedily the change that brings
most for its cost is taken, until every goal is met. Rounds go on from there with less pull. In the end every changed bar that the wish
does not need goes back. A rule that the model has no critic for, such as one's own, is granted by the small changes alone, at once.

Inside: `steered`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from musiclc.editing.mutations import note_moves
from musiclc.editing.piece import Windows
from musiclc.editing.rewrite import MET, Pull, Search, Task
from musiclc.latent import search
from musiclc.model import methods
from musiclc.music import tokens as tok
from musiclc.music.melody import PHRASE_BARS
from musiclc.music.theory import METER_NAMES

ROUNDS = 4
LENGTHS = (0.5, 1.0, 2.0)  # of each move
SOFTER = (1.0, 0.4)  # pulls of each round, as shares of its own
EACH_ROUND = 0.5  # pull of a round, as a share of that of the round before
MOST_SMALL = 400  # small changes that are priced
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


def steered(task: Task, state: np.ndarray) -> np.ndarray:
    """The state with the cheapest changes found that meet the wish as the rules measure it, or that come nearest."""
    reference, pull = state, task.pull
    for turn in range(ROUNDS):
        if task.met(state):
            break
        windows = task.piece.windows(2 * (turn % 2)) if turn else task.piece.windows()
        if len(windows.at):
            state = _taken(task, state, _proposed(Search(task, state), windows, pull))
        pull = replace(pull.weaker(EACH_ROUND), blur=max(pull.blur, _blur(task)))
    if not task.met(state):
        state = _octaves(task, state)
    return _taken_back(task, state, reference)


def _blur(task: Task) -> float:
    assert task.model.prior is not None
    return task.model.prior.config.blur


# ---- candidates ----------------------------------------------------------------------------------------------------


def _proposed(looking: Search, windows: Windows, pull: Pull) -> Candidates:
    """What windows could become."""
    task, state = looking.task, looking.start
    blur = _blur(task)
    x = (1 - blur) * looking.points(windows, state)
    target = torch.cat([_climbed(looking, windows, x, number) for number in range(len(METER_NAMES))])
    order = np.argsort(np.concatenate([np.flatnonzero(windows.meters == number) for number in range(len(METER_NAMES))]))
    target = target[torch.from_numpy(order)]
    gain = looking.gains(windows, state, replace(pull, blur=blur))
    rows, tied = windows.rows(state)
    stands = _worth(looking, windows, x, gain, rows, blur)
    parts = []
    for softer in SOFTER:
        soft = looking.gains(windows, state, pull.weaker(softer))
        for length in LENGTHS:
            lines = looking.lines(windows, x + length * (target - x), soft, blur, width=NARROW).tokens[:, 0].numpy()
            cost = stands - _worth(looking, windows, x, gain, lines, blur)
            parts += list(_whole_and_by_bar(windows, rows, lines, cost, ~tied))
    parts.append(_small(looking, windows, (x, gain), stands, ~tied))
    return Candidates(windows, *(np.concatenate(column) for column in zip(*parts, strict=True)))


def _climbed(looking: Search, windows: Windows, x: Tensor, number: int) -> Tensor:
    """Points of the windows in one meter, moved up their critics: (those, d)."""
    task = looking.task
    mine = np.flatnonzero(windows.meters == number)
    here = x[torch.from_numpy(mine)]
    soft = [c for c in task.left if c.rule.name in task.critics]
    if not len(mine) or not soft:
        return here
    meter = METER_NAMES[number]
    wish = methods.Wish(task.model, soft, task.critics, meter)
    moves = [-looking.move] * len(mine)
    rows = tok.unpad(windows.rows(looking.start)[0][mine].astype(np.uint8), meter)
    start = methods.Start(here, torch.full((len(mine),), _blur(task)), moves, misses=methods.misses(wish, here, rows, moves))
    met, total = methods.pushes(wish, start)
    return search.gradient(here, total, options=CLIMB, good=lambda points: met(points) > float(np.log(methods.CONTENT)))


def _worth(looking: Search, windows: Windows, x: Tensor, gain: Tensor, rows: np.ndarray, blur: float) -> np.ndarray:
    """Log likelihood and gains of rows (n, 64) for unmoved points: (n,), in the currency of beam.py."""
    model = looking.task.model
    assert model.prior is not None
    tokens = torch.from_numpy(tok.transpose(rows, looking.move).astype(np.int64))
    logits = model.vae.logits_along(model.prior.restore(x), torch.from_numpy(windows.meters), tokens, torch.full((len(x),), blur))
    here = tokens.clamp(max=tok.VOCABULARY - 1)[..., None]
    each = torch.log_softmax(logits, -1).gather(2, here)[..., 0] + gain.gather(2, here)[..., 0].clamp(min=-100.0)
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
    looking: Search, windows: Windows, base: tuple[Tensor, Tensor], stands: np.ndarray, may: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Columns of Candidates for small changes (moves.py): those that help most by the rules, at what they cost under points and gains."""
    task, state = looking.task, looking.start
    rows, _ = windows.rows(state)
    made = [(i, new) for i in range(len(rows)) for new in note_moves(rows[i], windows.free[i] & may[i])]
    of = np.array([i for i, _ in made], int)
    new = np.stack([row for _, row in made]) if made else np.zeros((0, rows.shape[1]), np.int64)
    every = Candidates(windows, of, new, may[of], np.zeros(len(of)))
    weights = np.array([c.weight for c in task.constraints])
    gains = [np.zeros(0)]
    for first in range(0, len(of), JUDGED_AT_ONCE):
        some = np.arange(first, min(first + JUDGED_AT_ONCE, len(of)))
        gains.append(np.nan_to_num(task.piece.scores(task.constraints, every.states(state, some))) @ weights)
    gain = np.concatenate(gains) - task.piece.scores(task.constraints, state[None])[0] @ weights
    best = np.argsort(-gain, kind="stable")[:MOST_SMALL]
    best = best[gain[best] > ENOUGH]
    of, new = of[best], new[best]
    x, gain_of = base
    cost = np.zeros(len(best))
    for first in range(0, len(best), JUDGED_AT_ONCE):
        part = slice(first, first + JUDGED_AT_ONCE)
        chosen = Windows(windows.at[of[part]], windows.free[of[part]], windows.meters[of[part]])
        at = torch.from_numpy(of[part])
        cost[part] = stands[of[part]] - _worth(looking, chosen, x[at], gain_of[at], new[part], _blur(task))
    return of, new, new != rows[of], np.maximum(cost, 0.5)  # only what changed is written, so that changes add up


# ---- taking and taking back ----------------------------------------------------------------------------------------


def _taken(task: Task, state: np.ndarray, candidates: Candidates) -> np.ndarray:
    """The state after the changes that bring most for their cost, until the wish is met or none brings anything.

    In a long piece several are taken at once, in windows of their own: as few of them as meet the wish, or as many as bring most. None
    is taken that breaks what allowed pitches or numbers of notes grant already.
    """
    weights = np.array([c.weight for c in task.constraints])
    looked_at = np.arange(len(candidates.of))
    at_once = max(1, len(candidates.windows.at) // WINDOWS_A_CHANGE)
    for _ in range(8 * len(candidates.windows.at) + PHRASE_BARS):
        if not len(looked_at) or task.met(state):
            break
        now = task.piece.scores(task.constraints, state[None])[0] @ weights
        scores = task.piece.scores(task.constraints, candidates.states(state, looked_at))
        gain = np.nan_to_num(scores) @ weights - now
        gain[_broken(task, state, scores)] = -np.inf
        met = (scores >= MET).all(axis=1)
        value = np.where(met, 1e6 - candidates.cost[looked_at], gain / (1.0 + candidates.cost[looked_at]))
        best = np.argsort(-value, kind="stable")
        best = best[gain[best] > ENOUGH]
        if not len(best):
            break
        _, firsts = np.unique(candidates.of[looked_at[best]], return_index=True)
        states = candidates.states_together(state, looked_at[best[np.sort(firsts)[:at_once]]])
        scores = task.piece.scores(task.constraints, states)
        met = (scores >= MET).all(axis=1)
        together = np.where(_broken(task, state, scores), -np.inf, np.nan_to_num(scores) @ weights)
        state = states[int(met.argmax() if met.any() else together.argmax())]
        looked_at = looked_at[best[:WORTH_ANOTHER_LOOK]]
    return state


def _broken(task: Task, state: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Which scores (k, constraints) lose what allowed pitches or numbers of notes grant in the state: bool (k,)."""
    granted = np.array([bool(c.rule.allowed or c.rule.notes) for c in task.constraints])
    now = task.piece.scores(task.constraints, state[None])[0]
    lost: np.ndarray = (granted & (now >= MET) & (scores < MET)).any(axis=1)
    return lost


def _taken_back(task: Task, state: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The state with every bar as in the reference where the wish is met as well without its change, largest changes first."""
    windows = task.piece.windows()
    bars = [row[bar * tok.BAR_STEPS : (bar + 1) * tok.BAR_STEPS] for row in windows.at for bar in range(PHRASE_BARS)]
    bars = [at[at >= 0] for at in bars]
    for _ in range(len(bars)):
        changed = [at for at in bars if (state[at] != reference[at]).any()]
        if not changed:
            break
        tries = np.repeat(state[None], len(changed), axis=0)
        for new, at in zip(tries, changed, strict=True):
            new[at] = reference[at]
        now = task.piece.scores(task.constraints, state[None])[0]
        as_good = (task.piece.scores(task.constraints, tries) >= now - 1e-9).all(axis=1)
        if not as_good.any():
            break
        size = np.array([(state[at] != reference[at]).sum() for at in changed])
        state = tries[int(np.where(as_good, size, -1).argmax())]
    return state


def _octaves(task: Task, state: np.ndarray) -> np.ndarray:
    """The state moved by the octaves that suit best, for rules that octaves change."""
    if not any(c.rule.octaves for c in task.left):
        return state
    moves = [m for m in (0, 12, -12, 24, -24) if _fits(state, m)]
    states = np.stack([tok.transpose(state[None], m)[0] for m in moves])
    return states[int(task.piece.scores(task.constraints, states).sum(axis=1).argmax())]


def _fits(state: np.ndarray, move: int) -> bool:
    onset = state[tok.onsets(state)].astype(int) + move
    return bool((onset >= tok.FIRST_ONSET).all() and (onset < tok.VOCABULARY).all())
