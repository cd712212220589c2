"""Written bars → whole bars in the order in which they are heard.

Repeats and endings, as the ABC standard 2.1 says: `:|` goes back to the last `|:`, or, where none is open, to the latest double bar
line, end of a repeat, or the beginning. A later ending is as long as the first unless a double bar line or a repeat ends it. Da
capo, dal segno and part orders (P:) are not followed: what they ask for is read once.

Bar lines stay where they are heard:

- Bars that come to whole bars together are one: the short last bar of a section and the pickup of what follows.
- Other pickups take their time from the end of the bar before, where no note begins there; they are left out where one does.
  Where nothing ended before such a pickup, the bar before it is marked `MENDED`: it was too long, and music21 has split it.
- The first pickup becomes a bar with silence before it; the last short bar has silence after it.
- So has the short last bar of a section whose next begins without a pickup.
- Another short bar gets silence at its end, a long one is cut: such a bar is marked `MENDED`, and costs nothing but itself.

Inside: `in_playing_order`, `whole_bars`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction

from musiclc.training.written import Event, WrittenBar

MENDED = 1  # mark of a bar that was too short or too long
_LONGEST = 8  # bars played over bars written, at most: what guards against signs that send each other back

Marked = tuple[WrittenBar, int]  # a whole bar and its marks


# ---- playing order -------------------------------------------------------------------------------------------------


def in_playing_order(bars: Sequence[WrittenBar]) -> list[WrittenBar]:
    """The bars as they are played: repeats played out, each time with its ending."""
    bars = _with_whole_endings(bars)
    order: list[WrittenBar] = []
    start, time, opened, at = 0, 1, False, 0
    while at < len(bars) and len(order) < _LONGEST * len(bars):
        bar = bars[at]
        if bar.begins and at != start:
            start, time = at, 1
        opened = opened or bar.begins
        at += 1
        if bar.endings and time not in bar.endings:
            continue
        order.append(bar)
        if bar.plays and (time < bar.plays or _has_ending(bars, at, time + 1)):
            time, at = time + 1, start
        elif bar.plays or (bar.closes and (bar.endings or not opened)):
            start, time, opened = at, 1, False
    return order


def _has_ending(bars: Sequence[WrittenBar], at: int, time: int) -> bool:
    return at < len(bars) and time in bars[at].endings


def _with_whole_endings(bars: Sequence[WrittenBar]) -> list[WrittenBar]:
    """The bars with later endings as long as the first, closed at their end; and with the repeat that ends an ending before another."""
    found = list(bars)
    length = at = 0
    while at < len(found):
        numbers = found[at].endings
        if not numbers:
            at += 1
            continue
        first = min(numbers) == 1
        end = _end_of_ending(found, at, 0 if first else length)
        length = end - at if first else length
        for i in range(at, end):
            found[i] = replace(found[i], endings=numbers)
        if end < len(found) and found[end].endings and not found[end - 1].plays:
            found[end - 1] = replace(found[end - 1], plays=2)
        elif not found[end - 1].plays:
            found[end - 1] = replace(found[end - 1], closes=True)
        at = end
    return found


def _end_of_ending(bars: Sequence[WrittenBar], at: int, least: int) -> int:
    """The bar after the ending that begins at `at`: as far as it is marked, or goes on for `least` bars without a sign."""
    end = at + 1
    while end < len(bars) and not (bars[end - 1].plays or bars[end - 1].closes or bars[end].begins):
        same = bars[end].endings == bars[at].endings
        if not same and (bars[end].endings or end - at >= least):
            break
        end += 1
    return end


# ---- whole bars ----------------------------------------------------------------------------------------------------


def whole_bars(bars: Iterable[WrittenBar], skipped: Counter) -> list[Marked]:
    """Whole bars in playing order, with their marks. What is left out or changed is counted in `skipped`."""
    found: list[Marked] = []
    waiting: list[WrittenBar] = []  # bars that are no whole ones, and belong together so far
    for bar in bars:
        if waiting and (bar.meter != waiting[0].meter or bar.length % bar.full == 0):
            found += _settled(waiting, found, skipped, last=False)
            waiting = []
        if bar.length % bar.full == 0:
            found += [(one, 0) for one in _split(bar)]
            continue
        waiting.append(bar)
        joined = _joined(waiting)
        if joined.length % joined.full == 0:
            found += [(one, 0) for one in _split(joined)]
            waiting = []
    return found + (_settled(waiting, found, skipped, last=True) if waiting else [])


def _joined(bars: Sequence[WrittenBar]) -> WrittenBar:
    """Several bars as one, each after the other."""
    events: list[Event] = []
    length = Fraction(0)
    for bar in bars:
        events += [(length + onset, duration, pitch, tied) for onset, duration, pitch, tied in bar.events]
        length += bar.length
    return replace(bars[-1], length=length, events=tuple(events))


def _split(bar: WrittenBar) -> list[WrittenBar]:
    """A bar that is as long as several: one bar each. A note over a bar line is cut there and tied."""
    count, full = int(bar.length / bar.full), bar.full
    events: list[list[Event]] = [[] for _ in range(count)]
    for onset, duration, pitch, tied in bar.events:
        end = onset + duration
        while onset < end and onset < bar.length:
            number = int(onset / full)
            upto = min(end, (number + 1) * full)
            events[number].append((onset - number * full, upto - onset, pitch, tied))
            onset, tied = upto, True
    return [replace(bar, length=full, events=tuple(e)) for e in events]


def _settled(waiting: list[WrittenBar], before: list[Marked], skipped: Counter, last: bool) -> list[Marked]:
    """Bars that come to no whole ones, each for itself. before: the bars so far, whose last a pickup may shorten."""
    found: list[Marked] = []
    for i, bar in enumerate(waiting):
        earlier = found or before
        ends_piece = last and i == len(waiting) - 1
        if bar.length > bar.full:
            skipped["bars: longer than the meter, cut"] += 1
            found.append((_cut(bar), MENDED))
        elif not earlier:
            found.append((_late(bar), 0))
        elif ends_piece:
            found.append((replace(bar, length=bar.full), 0))
        elif bar.length * 2 > bar.full:
            ends_section = bar.plays or bar.closes
            skipped["bars: shorter than the meter, filled up"] += not ends_section
            found.append((replace(bar, length=bar.full), 0 if ends_section else MENDED))
        else:
            earlier[-1] = _with_pickup(earlier[-1], bar, skipped)
    return found


def _cut(bar: WrittenBar) -> WrittenBar:
    events = tuple((onset, min(duration, bar.full - onset), pitch, tied) for onset, duration, pitch, tied in bar.events if onset < bar.full)
    return replace(bar, length=bar.full, events=events)


def _late(bar: WrittenBar) -> WrittenBar:
    """A pickup as a bar: silence, and its notes at the end."""
    missing = bar.full - bar.length
    return replace(bar, length=bar.full, events=tuple((missing + onset, *rest) for onset, *rest in bar.events))  # type: ignore[misc]


def _with_pickup(before: Marked, pickup: WrittenBar, skipped: Counter) -> Marked:
    """A whole bar whose end the pickup takes, where it can."""
    bar, marks = before
    if not (bar.plays or bar.closes or pickup.begins):
        skipped["bars: longer than the meter, cut"] += 1
        marks |= MENDED
    if _is_free(bar, pickup.length):
        return _overlaid(bar, pickup), marks
    if not marks & MENDED:
        skipped["bars: pickup left out, the bar before is full"] += 1
    return bar, marks


def _is_free(bar: WrittenBar, length: Fraction) -> bool:
    """Whether no note begins in the last `length` steps of a whole bar."""
    return all(onset < bar.full - length for onset, *_ in bar.events)


def _overlaid(bar: WrittenBar, pickup: WrittenBar) -> WrittenBar:
    """A whole bar whose end a pickup takes."""
    until = bar.full - pickup.length
    events = tuple((onset, min(duration, until - onset), pitch, tied) for onset, duration, pitch, tied in bar.events)
    return replace(bar, events=events + _late(pickup).events)
