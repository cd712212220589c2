from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from musiclc.music import tokens as tok
from musiclc.training.lines import OFF_GRID, lines_of, melodies_of, melody_likeness, struck
from musiclc.training.written import WrittenBar, WrittenPart

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def bar(pitches, meter="4/4", at=None, length=2):
    """A bar with notes an eighth apart."""
    events = tuple((Fraction(at[i] if at else 2 * i), Fraction(length), p, False) for i, p in enumerate(pitches))
    upper, lower = map(int, meter.split("/"))
    return WrittenBar(meter, Fraction(16 * upper, lower), events)


def part(*bars):
    return WrittenPart("", "", bars)


def tokens(pitches):
    row = np.full(2 * len(pitches), tok.HOLD, np.uint8)
    row[::2] = np.array(pitches) - tok.PITCH_OF_TOKEN
    return row


@pytest.mark.parametrize(
    ("pitches", "likeness"),
    [
        (SCALE, 1.0),
        ([60] * 8, 0.0),  # one pitch in eighths
        ([60, 67] * 4, 0.0),  # two in turn
        ([60, 67, 64, 67] * 2, 0.5),  # a broken chord: each second note is that of two before
        ([60, 60, 62, 62, 64, 64, 65, 65], 0.5),
    ],
)
def test_melody_likeness_alone(pitches, likeness):
    assert melody_likeness(tokens(pitches), np.array([65.0]), []) == pytest.approx(likeness)


def test_melody_likeness_under_others():
    row, mine = tokens(SCALE * 2), np.array([65.0, 65.0])
    assert melody_likeness(row, mine, [np.array([60.0, 72.0])]) == 0.5  # all fresh, one of two bars on top
    assert melody_likeness(row, mine, [np.array([np.nan, np.nan])]) == 1
    assert melody_likeness(row, np.array([65.0, np.nan]), [np.array([60.0, 72.0])]) == 1  # silence is not judged
    assert melody_likeness(tokens([60, 62]), np.array([61.0]), []) == 0


def test_of_a_chorale_the_top_line_counts_and_of_an_accompaniment_none():
    tune = part(*[bar(SCALE) for _ in range(8)])
    inner = part(*[bar([p - 5 for p in SCALE]) for _ in range(8)])
    skipped = Counter()
    found = melodies_of([inner, tune], skipped)
    assert [line.tokens[0] for line in found] == [60 - tok.PITCH_OF_TOKEN]
    assert skipped == {"bars: no melody": 8}
    repeated = part(*[bar([84] * 8) for _ in range(8)])
    assert melodies_of([repeated, inner], Counter()) == []


def test_the_melody_wanders_from_part_to_part_every_eight_bars():
    low, high = [bar(SCALE) for _ in range(8)], [bar([p + 12 for p in SCALE]) for _ in range(8)]
    found = melodies_of([part(*low, *high, *high), part(*high, *low, *low)], Counter())
    assert [(line.first, line.bars, line.begins, line.ends) for line in found] == [(8, 16, False, True), (0, 8, True, False)]


def test_a_work_in_one_part_is_a_melody_as_it_stands():
    assert [line.bars for line in melodies_of([part(*[bar([60] * 8) for _ in range(6)])], Counter())] == [6]


@pytest.mark.parametrize(("meter", "steps"), [("4/4", 16), ("2/2", 16), ("3/4", 12), ("6/8", 12), ("2/4", 8), ("3/8", 6), ("9/8", 18), ("12/8", 24)])
def test_every_meter_has_bars_of_its_own(meter, steps):
    (line,), _ = lines_of(part(*[bar(SCALE[:3], meter) for _ in range(5)]), Counter())
    assert line.meter == ("4/4" if meter == "2/2" else meter)
    assert len(line.tokens) == 5 * steps
    assert np.flatnonzero(tok.onsets(line.tokens[None])[0][steps:]).tolist()[:3] == [0, 2, 4]


def test_lines_end_where_the_meter_changes_and_at_two_silent_bars():
    silent = bar([])
    skipped = Counter()
    lines, heights = lines_of(
        part(silent, bar(SCALE), silent, bar(SCALE), silent, silent, bar(SCALE), bar(SCALE[:3], "3/8"), bar([60], "5/4")), skipped
    )
    assert [(line.first, line.bars, line.meter, line.begins, line.ends) for line in lines] == [
        (1, 3, "4/4", False, False),
        (6, 1, "4/4", False, False),
        (7, 1, "3/8", False, False),
    ]
    assert skipped == {"bars: meter 5/4": 1}
    assert len(heights) == 9
    assert heights[1] == pytest.approx(sum(SCALE) / 8)
    assert np.isnan(heights[0])


def test_a_bar_off_the_grid_is_marked_and_costs_nothing_else():
    third = Fraction(4, 3)
    triplets = bar((60, 62, 64, 65), at=[0, third, 2 * third, 4], length=1)
    one = bar((60, 62, 64, 65, 67, 69, 71, 72), at=[0, third, 2 * third, 4, 6, 8, 10, 12], length=1)
    (line,), _ = lines_of(part(bar(SCALE), triplets, one, bar(SCALE)), Counter())
    assert line.marks.tolist() == [0, OFF_GRID, 0, 0]  # two of four moved; two of eight
    assert np.flatnonzero(tok.onsets(line.tokens[None])[0])[8:11].tolist() == [16, 17, 19]


def test_pitches_outside_the_piano_are_moved_by_octaves():
    (line,), _ = lines_of(part(*[bar([10, 120])] * 2), Counter())
    assert (line.tokens[[0, 2]].astype(int) + tok.PITCH_OF_TOKEN).tolist() == [22, 108]


def test_a_note_over_the_edge_of_a_cut_begins_anew():
    row = np.array([5, 1, 1, 1, 0, 1, 7, 1], np.uint8)
    assert struck(row, 2, 5).tolist() == [5, 1, 0]
    assert struck(row, 5, 8).tolist() == [0, 7, 1]
    assert row.tolist() == [5, 1, 1, 1, 0, 1, 7, 1]
