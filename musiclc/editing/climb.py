"""Small changes that the rules alone judge, one after another, until all is met: for what has no critic, such as a rule of one's own.

From a line the search goes on by changes of a note, of a few, of a bar, by bars of lines that are like real ones (donors), and by what rules
write themselves; the change is taken that brings most for the strangeness it costs (usual.py), or, where none brings anything, one that costs
nothing. A line that is stuck goes on from a *forerunner*: one of the best of many donors, bred until some meet the constraints. In the end what
was changed needlessly goes back to where it was, as far as the constraints stay met. All is counted in lines judged, none of it in time: the same
numbers give the same line.

Shapes: a line is a row of tokens, whole bars in one meter, T steps.

Inside: `Climb`, `climbed`, `forerunners`, `writers_of`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

import numpy as np

from musiclc.editing.usual import Usual
from musiclc.music import tokens as tok
from musiclc.rules import allowed_pitches
from musiclc.rules.base import Constraint, parts_of

TURNS, TRIES = 48, 24  # of a line: how many changes are taken at most, and how many are tried for each
MOST_TURNS = 400  # of a line in which every turn brings something
STUCK = 8  # turns without improvement after which a line goes on from a forerunner
BRAKE = 0.5  # of the largest improvement, what a standard deviation of strangeness costs
BACK_TURNS, BACK_TRIES = 10, 16  # of a line that is met: what goes back
FAR = 4.0  # standard deviations of strangeness that a wholly changed line costs
SCANNED, KEPT, GENERATIONS, BORN = 3000, 48, 24, 96  # donors judged; forerunners; how often so many new ones are bred
ENOUGH = 24  # forerunners that meet the constraints, with which breeding ends
COUNTS = 1e-9
JUDGED_AT_ONCE = 256
CHAINED = 24  # ways in which several rules write, one after another
LEAPS = (1, -1, 1, -1, 2, -2, 2, -2, 3, -3, 4, -4, 5, -5, 7, -7)  # allowed pitches up and down, as often as they are tried

Writer = Callable[[np.ndarray], Iterable[np.ndarray]]  # a line (T,) → lines with more of what a rule asks


@dataclass(frozen=True)
class Climb:
    """What is searched for. scores: lines (k, T) → each constraint's (k, c). free: bool (T,), steps that may be written on.

    allowed: MIDI pitches that notes may get (m,), ascending; per_bar: steps a bar; writers: as Writer; donors: (d, T). tied: int (T,), steps of one
    number change together, so that bars that return still do; None where each is by itself.
    """

    scores: Callable[[np.ndarray], np.ndarray]
    free: np.ndarray
    allowed: np.ndarray
    per_bar: int
    writers: Sequence[Writer] = ()
    donors: np.ndarray | None = None
    usual: Usual | None = None
    tied: np.ndarray | None = None

    def together(self, line: np.ndarray, changed: np.ndarray) -> np.ndarray:
        """A line (T,) with the changes, on free steps alone, and wherever steps are tied to them."""
        if self.tied is None:
            return np.where(self.free, changed, line)
        at = np.flatnonzero(self.free & (changed != line))
        new, told = line[np.zeros(self.tied.max() + 1, int)], np.zeros(self.tied.max() + 1, bool)
        new[self.tied[at]], told[self.tied[at]] = changed[at], True
        return np.where(self.free & told[self.tied], new[self.tied], line)

    def judged(self, lines: np.ndarray) -> np.ndarray:
        """The sum of a line's scores, infinite where all are met: (k,)."""
        parts = [self.scores(lines[i : i + JUDGED_AT_ONCE]) for i in range(0, len(lines), JUDGED_AT_ONCE)]
        found = np.nan_to_num(np.concatenate(parts))
        return np.where((found >= 1 - 1e-9).all(axis=1), np.inf, found.sum(axis=1))

    def strangeness(self, lines: np.ndarray) -> np.ndarray:
        """As Usual.strangeness; 0 where nothing says what is usual."""
        return self.usual.strangeness(lines) if self.usual else np.zeros(len(lines))


def climbed(climb: Climb, start: np.ndarray, ahead: Callable[[], np.ndarray], random: Random) -> np.ndarray:
    """The line (T,) after the changes that meet the constraints, or bring it nearest. ahead: gives forerunners (m, T), asked where it is stuck."""
    line = _written(climb, start)
    worth = float(climb.judged(line[None])[0])
    best, best_worth, stuck, turn = line, worth, 0, 0
    for _ in range(MOST_TURNS):
        if np.isinf(best_worth) or turn >= TURNS:
            break
        line, found = _stepped(climb, line, worth, random, 1 + stuck // 3)
        stuck, turn = (0, turn) if found > worth + COUNTS else (stuck + 1, turn + 1)
        worth = found
        if worth > best_worth:
            best, best_worth = line, worth
        if stuck == STUCK and len(others := ahead()):
            line = np.where(climb.free, others[random.randrange(len(others))], start)
            worth, stuck = float(climb.judged(line[None])[0]), 0
            best, best_worth = (line, worth) if worth > best_worth else (best, best_worth)
    return _brought_back(climb, best, start, random) if np.isinf(best_worth) else best


def _written(climb: Climb, line: np.ndarray) -> np.ndarray:
    """The line after rules have written what they know how to, each time where it brings most."""
    worth = climb.judged(line[None])[0]
    for _ in range(2 * len(climb.writers)):
        tries = [] if np.isinf(worth) else [*_chained(climb.writers, line), *_chained(climb.writers[::-1], line)]
        tries += [each for writer in climb.writers for each in writer(line)] if tries and len(climb.writers) > 1 else []
        if not tries:
            break
        found = climb.judged(np.stack(tries))
        strange = climb.strangeness(np.stack(tries))
        best = int(np.lexsort((strange, -found))[0])
        if found[best] <= worth + COUNTS:
            break
        line, worth = tries[best], found[best]
    return line


def _chained(writers: Sequence[Writer], line: np.ndarray) -> list[np.ndarray]:
    """The line after each writer in turn, in several ways: what one writes may undo what another wrote before."""
    lines = [line]
    for writer in writers:
        lines = [new for each in lines for new in [*islice(writer(each), CHAINED // len(lines))] or [each]]
    return lines


def _stepped(climb: Climb, line: np.ndarray, worth: float, random: Random, changes: int) -> tuple[np.ndarray, float]:
    """The line after the change that brings most for its strangeness, or one that brings nothing and costs nothing; and what it is worth."""
    tries = np.stack([_changed(climb, line, random, changes) for _ in range(TRIES)])
    found = climb.judged(tries)
    strange = climb.strangeness(np.concatenate([line[None], tries]))
    cost = strange[1:] - strange[0]
    improvement = np.where(np.isinf(found), 2.0, found - worth)
    if improvement.max() > COUNTS:
        best = int((np.where(improvement > COUNTS, improvement / improvement.max(), -np.inf) - BRAKE * cost.clip(-1, 4)).argmax())
        return tries[best], float(found[best])
    same = np.flatnonzero(improvement >= -COUNTS)
    if not len(same):
        return line, worth
    best = int(same[cost[same].argmin()])
    return (tries[best], float(found[best])) if cost[best] < 0.3 else (line, worth)


def _brought_back(climb: Climb, line: np.ndarray, start: np.ndarray, random: Random) -> np.ndarray:
    """The line with all constraints met, as near to the start and as usual as was found."""
    span = len(line)

    def cost(lines: np.ndarray) -> np.ndarray:
        return climb.strangeness(lines) + FAR * (lines != start).mean(axis=1)

    now = float(cost(line[None])[0])
    for _ in range(BACK_TURNS):
        tries = []
        for i in range(BACK_TRIES):
            if i % 3 == 2:
                tries.append(_changed(climb, line, random, 1))
                continue
            length = max(1, int(span * random.random() ** 2 * 0.8))
            first = random.randrange(span - length + 1)
            tries.append(climb.together(line, np.concatenate([line[:first], start[first : first + length], line[first + length :]])))
        several = np.unique(np.stack(tries), axis=0)
        costs = cost(several)
        order = np.argsort(costs, kind="stable")
        order = order[costs[order] < now - 1e-6][: BACK_TRIES // 2]
        if not len(order):
            continue
        good = np.flatnonzero(np.isinf(climb.judged(several[order])))
        if len(good):
            line, now = several[order[good[0]]], float(costs[order[good[0]]])
    return line


def writers_of(constraints: Sequence[Constraint], free: np.ndarray, per_bar: int, windows: Sequence[tuple[int, int]]) -> list[Writer]:
    """What the constraints' rules know how to write into windows, (first step, step after the last), that they are asked of. free: bool (T,)."""
    allowed = allowed_pitches(constraints)

    def writer(write: Callable, here: slice) -> Writer:
        return lambda line: (np.concatenate([line[: here.start], new, line[here.stop :]]) for new in write(line[here], free[here], allowed, per_bar))

    return [writer(c.rule.written, slice(*window)) for c in parts_of(constraints) if c.rule.written for window in windows]


# ---- forerunners ---------------------------------------------------------------------------------------------------


def forerunners(climb: Climb, base: np.ndarray, random: Random) -> tuple[np.ndarray, np.ndarray]:
    """The best of the donors and of what is bred from them, in the free steps of a line (T,): lines (m, T), and what they are worth (m,)."""
    if climb.donors is None or not len(climb.donors):
        return np.zeros((0, len(base)), base.dtype), np.zeros(0)
    lines = np.where(climb.free, climb.donors[:SCANNED], base)
    lines, worth = _fittest(climb, lines, climb.judged(lines))
    for _ in range(GENERATIONS):
        if np.isinf(worth).sum() >= ENOUGH:
            break
        born = np.stack([_born(climb, lines, random) for _ in range(BORN)])
        lines, worth = _fittest(climb, np.concatenate([lines, born]), np.concatenate([worth, climb.judged(born)]))
    return lines, worth


def _fittest(climb: Climb, lines: np.ndarray, worth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The KEPT best of lines, no two alike."""
    _, first = np.unique(lines, axis=0, return_index=True)
    some = np.sort(first)
    some = some[np.argsort(-worth[some], kind="stable")[: 4 * KEPT]]
    order = some[np.lexsort((climb.strangeness(lines[some]), -worth[some].round(6)))][:KEPT]
    return lines[order], worth[order]


def _born(climb: Climb, lines: np.ndarray, random: Random) -> np.ndarray:
    """A line with a stretch of another, or changed, or both."""
    line, other = (lines[int(random.random() ** 2 * len(lines))] for _ in range(2))
    if random.random() < 0.5:
        length = random.randrange(1, len(line) + 1)
        first = random.randrange(len(line) - length + 1)
        line = np.concatenate([line[:first], other[first : first + length], line[first + length :]])
    return _changed(climb, line, random, 1 + random.randrange(3))


# ---- changes -------------------------------------------------------------------------------------------------------


def _changed(climb: Climb, line: np.ndarray, random: Random, changes: int) -> np.ndarray:
    """The line after so many changes of any kind, on free steps alone."""
    new = line.copy()
    for _ in range(1 if changes == 1 else 1 + random.randrange(changes)):
        kind = random.choices(CHANGES, WEIGHTS)[0]
        onsets = np.flatnonzero(tok.onsets(new) & climb.free).tolist()
        if onsets or kind is _added:
            kind(climb, new, onsets, random)
    return climb.together(line, new)


def _near(climb: Climb, pitch: int, way: int) -> int:
    """The token of the allowed pitch so many allowed ones above the one nearest to a pitch."""
    at = int(np.searchsorted(climb.allowed, pitch))
    return int(climb.allowed[min(max(at + way, 0), len(climb.allowed) - 1)]) - tok.PITCH_OF_TOKEN


def _repitched(climb: Climb, line: np.ndarray, onsets: list[int], random: Random) -> None:
    at = random.choice(onsets)
    line[at] = _near(climb, int(line[at]) + tok.PITCH_OF_TOKEN, random.choice(LEAPS))


def _as_neighbour(climb: Climb, line: np.ndarray, onsets: list[int], random: Random) -> None:
    """A note at, or next to, the pitch of another near by."""
    i = random.randrange(len(onsets))
    other = onsets[min(max(i + random.choice((-3, -2, -1, 1, 2, 3)), 0), len(onsets) - 1)]
    line[onsets[i]] = _near(climb, int(line[other]) + tok.PITCH_OF_TOKEN, random.choice((-1, 0, 0, 1)))


def _run_moved(climb: Climb, line: np.ndarray, onsets: list[int], random: Random) -> None:
    first, way = random.randrange(len(onsets)), random.choice(LEAPS)
    for at in onsets[first : first + random.randrange(2, 9)]:
        line[at] = _near(climb, int(line[at]) + tok.PITCH_OF_TOKEN, way)


def _run_reversed(climb: Climb, line: np.ndarray, onsets: list[int], random: Random) -> None:
    first = random.randrange(len(onsets))
    run = onsets[first : first + random.randrange(2, 9)]
    line[run] = line[run[::-1]]


def _dropped(climb: Climb, line: np.ndarray, onsets: list[int], random: Random) -> None:
    line[random.choice(onsets)] = tok.HOLD


def _added(climb: Climb, line: np.ndarray, onsets: list[int], random: Random) -> None:
    empty = np.flatnonzero(climb.free & ~tok.onsets(line))
    if len(empty):
        at = int(empty[random.randrange(len(empty))])
        near = min(onsets, key=lambda step: abs(step - at)) if onsets else at
        pitch = int(line[near]) + tok.PITCH_OF_TOKEN if onsets else 67
        line[at] = _near(climb, pitch, random.choice((-2, -1, -1, 0, 1, 1, 2)))


def _shifted(climb: Climb, line: np.ndarray, onsets: list[int], random: Random) -> None:
    at, way = random.choice(onsets), random.choice((-2, -1, 1, 2))
    if 0 <= at + way < len(line) and line[at + way] < tok.FIRST_ONSET and climb.free[at + way]:
        line[at + way], line[at] = line[at], tok.HOLD


def _cut_short(climb: Climb, line: np.ndarray, onsets: list[int], random: Random) -> None:
    """Silence after a note, or none."""
    at = random.choice(onsets) + random.randrange(1, 9)
    if at < len(line) and line[at] < tok.FIRST_ONSET:
        line[at] = tok.REST if line[at] == tok.HOLD else tok.HOLD


def _thinned(climb: Climb, line: np.ndarray, onsets: list[int], random: Random) -> None:
    """All but the first of a few notes are gone."""
    first = random.randrange(len(onsets))
    line[onsets[first + 1 : first + random.randrange(2, 6)]] = tok.HOLD


def _bar_copied(climb: Climb, line: np.ndarray, onsets: list[int], random: Random) -> None:
    """A bar, or a beat or two, as another; higher or lower, or with its own pitches in turn."""
    length = climb.per_bar if random.random() < 0.7 or climb.per_bar < 4 else climb.per_bar // 2
    places = len(line) // length
    if places < 2:
        return
    a, b = random.sample(range(places), 2)
    part, way = line[a * length : (a + 1) * length].copy(), random.choice((0, 0, 0, 1, -1, 2, -2))
    for at in np.flatnonzero(tok.onsets(part)) if way else ():
        part[at] = _near(climb, int(part[at]) + tok.PITCH_OF_TOKEN, way)
    line[b * length : (b + 1) * length] = part


def _donated(climb: Climb, line: np.ndarray, onsets: list[int], random: Random) -> None:
    """A few bars of a donor."""
    if climb.donors is None or not len(climb.donors):
        return
    donor, bars = climb.donors[random.randrange(len(climb.donors))], len(line) // climb.per_bar
    length = random.randrange(1, min(bars, 4) + 1)
    first = random.randrange(bars - length + 1)
    here = slice(first * climb.per_bar, (first + length) * climb.per_bar)
    line[here] = donor[here]


CHANGES = (_repitched, _as_neighbour, _run_moved, _run_reversed, _dropped, _added, _shifted, _cut_short, _thinned, _bar_copied, _donated)
WEIGHTS = (6, 4, 3, 1, 3, 3, 3, 1, 1, 3, 2)
