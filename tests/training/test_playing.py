from collections import Counter
from fractions import Fraction

import pytest

from musiclc.training.playing import MENDED, in_playing_order, whole_bars
from musiclc.training.written import WrittenBar


def bar(pitch, quarters=4, **signs):
    """A bar of 4/4 with a note a quarter, all of one pitch."""
    return WrittenBar("4/4", Fraction(4 * quarters), tuple((Fraction(4 * i), Fraction(4), pitch, False) for i in range(quarters)), **signs)


def played(*bars):
    return "".join(chr(b.events[0][2]) for b in in_playing_order(bars))


def named(letter, **signs):
    return bar(ord(letter), **signs)


@pytest.mark.parametrize(
    ("bars", "order"),
    [
        ([named("a"), named("b", plays=2), named("c")], "ababc"),  # from the beginning
        ([named("a"), named("b", begins=True), named("c", plays=2), named("d")], "abcbcd"),
        ([named("a", plays=2), named("b", plays=2)], "aabb"),  # from the end of the repeat before
        ([named("a", closes=True), named("b"), named("c", plays=2)], "abcbc"),  # from the double bar line
        ([named("a", begins=True, closes=True), named("b", plays=2)], "abab"),  # a double bar line within an open repeat is none
        ([named("a"), named("b", plays=3)], "ababab"),
        ([named("a", begins=True), named("b", endings=(1,), plays=2), named("c", endings=(2,))], "abac"),
        ([named("a"), named("b", endings=(1,)), named("c", endings=(2,))], "abac"),  # the sign between endings forgotten
        (
            [named("a"), named("b", endings=(1, 2), plays=2), named("c", endings=(3,)), named("d")],
            "ababacd",
        ),
        # the second ending is closed by `:|` too, and the next repeat begins after it
        ([named("a"), named("b", endings=(1,), plays=2), named("c", endings=(2,), plays=2), named("d"), named("e", plays=2)], "abacdede"),
        # the second ending is marked on its first bar only, and as long as the first: what follows is a part of its own
        (
            [named("a"), named("b", endings=(1,)), named("c", endings=(1,), plays=2), named("d", endings=(2,)), named("e"), named("f", plays=2)],
            "abcadeff",
        ),
        ([named("a", endings=(2,)), named("b")], "b"),  # nothing sends there
    ],
)
def test_playing_order(bars, order):
    assert played(*bars) == order


def test_signs_that_send_each_other_back_come_to_an_end():
    assert len(in_playing_order([named("a", plays=1000)])) == 8


def starts(bars):
    return [[(int(onset), pitch) for onset, _, pitch, _ in b.events] for b, _ in bars]


def test_the_first_pickup_has_silence_before_it_and_each_later_one_completes_the_bar_before():
    # G | c … | c3 :| played twice, then the end: the pickup sounds on the fourth beat both times
    order = in_playing_order([bar(67, 1), bar(72), bar(74, 3, plays=2)])
    skipped = Counter()
    assert starts(whole_bars(order, skipped)) == [
        [(12, 67)],
        [(0, 72), (4, 72), (8, 72), (12, 72)],
        [(0, 74), (4, 74), (8, 74), (12, 67)],
        [(0, 72), (4, 72), (8, 72), (12, 72)],
        [(0, 74), (4, 74), (8, 74)],
    ]
    assert [b.length for b, _ in whole_bars(order, skipped)] == [16] * 5
    assert not skipped


def test_a_pickup_takes_its_time_from_a_long_last_note():
    held = WrittenBar("4/4", Fraction(16), ((Fraction(0), Fraction(16), 60, False),), plays=2)
    found = whole_bars([held, bar(67, 1), bar(72)], Counter())
    assert [(int(o), int(d), p) for o, d, p, _ in found[0][0].events] == [(0, 12, 60), (12, 4, 67)]
    assert len(found) == 2


def test_a_pickup_is_left_out_where_the_bar_before_is_full():
    skipped = Counter()
    assert starts(whole_bars([bar(60, plays=2), bar(67, 1), bar(72)], skipped)) == starts([(bar(60), 0), (bar(72), 0)])
    assert skipped == {"bars: pickup left out, the bar before is full": 1}


def test_bad_bars_cost_nothing_but_themselves():
    skipped = Counter()
    found = whole_bars([bar(60), bar(61, 3), bar(62), bar(63, 5), bar(64)], skipped)
    assert [marks for _, marks in found] == [0, MENDED, 0, MENDED, 0]
    assert all(b.length == 16 for b, _ in found)
    assert starts(found)[3] == [(0, 63), (4, 63), (8, 63), (12, 63)]
    assert skipped == {"bars: shorter than the meter, filled up": 1, "bars: longer than the meter, cut": 1}


def test_what_is_split_off_a_long_bar_marks_it():
    assert [marks for _, marks in whole_bars([bar(60), bar(61, 1), bar(62)], Counter())] == [MENDED, 0]


def test_a_short_bar_before_a_section_without_pickup_is_whole():
    assert [marks for _, marks in whole_bars([bar(60), bar(61, 3, closes=True), bar(62)], Counter())] == [0, 0, 0]


def test_a_moved_bar_line_is_put_right_and_a_double_bar_split():
    found = whole_bars([bar(60, 5), bar(61, 3), bar(62, 8)], Counter())
    assert starts(found)[1] == [(0, 60), (4, 61), (8, 61), (12, 61)]
    assert [marks for _, marks in found] == [0, 0, 0, 0]


def test_a_note_over_a_bar_line_put_right_is_tied():
    long = WrittenBar("4/4", Fraction(32), ((Fraction(8), Fraction(16), 60, False),))
    assert [[(int(o), int(d), tied) for o, d, _, tied in b.events] for b, _ in whole_bars([long], Counter())] == [[(8, 8, False)], [(0, 8, True)]]
