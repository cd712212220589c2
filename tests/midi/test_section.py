"""Several sections as the one melody that rules measure."""

import pytest

from musiclc.midi.section import READ_AS, READ_IN_PHRASES, MeterSection, WrittenBars, whole
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import METERS, PHRASE_METERS


def section(meter, bars, *notes, **rest):
    return MeterSection(meter, bars, tuple(Note(*n) for n in notes), **rest)


def test_bars_of_one_length_keep_their_meter_that_of_the_most_steps():
    waltz, jig = section("3/4", 2, (0, 60, 12), (12, 62, 12)), section("6/8", 3, *((6 * i, 64, 6) for i in range(6)))
    melody = whole([waltz, jig])
    assert (melody.meter, melody.bars) == ("6/8", 5)
    assert [(n.start, n.duration) for n in melody.notes] == [(0, 12), (12, 12), *((24 + 6 * i, 6) for i in range(6))]
    assert whole([waltz]) == waltz.melody


def test_bars_of_twelve_among_bars_of_sixteen_are_drawn_out_by_their_last_note_or_silence():
    melody = whole([section("4/4", 1, (0, 60, 16)), section("3/4", 2, (0, 62, 4), (4, 63, 4), (8, 64, 4), (12, 65, 4), (16, 66, 4))])
    assert melody == Melody((Note(0, 60, 16), Note(16, 62, 4), Note(20, 63, 4), Note(24, 64, 8), Note(32, 65, 4), Note(36, 66, 4)), "4/4", 3)
    held = whole([section("3/4", 2, (8, 64, 12)), section("4/4", 1)])
    assert held == Melody((Note(8, 64, 16),), "4/4", 3)  # over the bar line


def test_mixed_bars_are_measured_in_the_meter_of_the_longest():
    melody = whole([section("9/8", 1, (0, 60, 6), (6, 62, 6), (12, 64, 6)), section("6/8", 3, (0, 65, 6), (6, 67, 6))])
    assert (melody.meter, melody.bars) == ("9/8", 4)
    assert melody.notes[-2:] == (Note(18, 65, 6), Note(24, 67, 12))  # by the three eighths that its bar has not
    assert whole([section("2/4", 3), section("3/8", 9)]).meter == "2/4"
    assert whole([section("2/4", 9), section("4/4", 1)]).meter == "4/4"


def test_both_readings_know_their_meters():
    assert set(READ_AS.values()) == set(METERS)
    assert all(f"{numerator}/{denominator}" == meter for (numerator, denominator), meter in READ_AS.items() if (numerator, denominator) != (2, 2))
    assert set(READ_IN_PHRASES.values()) == set(PHRASE_METERS)


def test_a_chord_note_above_the_melody_is_heard():
    assert whole([section("4/4", 1, (0, 60, 16), under=((0, 55), (0, 67), (4, 72)))]) == Melody((Note(0, 67, 16),), "4/4", 1)


@pytest.mark.parametrize(("step", "bar"), [(0, 5), (12, 5), (16, 6), (23, 6), (24, 7), (32, 8), (47, 8), (48, 9), (60, 9)])
def test_steps_lie_in_written_bars(step, bar):
    written = (WrittenBars(1, 4, 5, 0, 4, True), WrittenBars(2, 4, 6, 480, 16, True), WrittenBars(4, 4, 8, 2400, 20, True))
    assert section("4/4", 4, locked_steps=12, written=written).bar_at(step) == bar
