"""Rules that a drawing makes: a line for pitches, a pattern for onsets. Melodies by hand."""

import numpy as np
import pytest

from musiclc.custom.examples import parse_goal
from musiclc.editing.emphasis import emphasised
from musiclc.errors import UsageError
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note


def row(pitches, length=2, bars=1):
    """Tokens of notes of so many sixteenths, one after another."""
    return tok.from_melody(Melody(tuple(Note(i * length, p, length) for i, p in enumerate(pitches)), "4/4", bars))


def measured(name, goal, tokens):
    constraint = parse_goal(name, goal)
    measures = constraint.rule.measure(tokens[None], "4/4")
    return float(measures[0, 0]), bool(constraint.satisfied(measures)[0])


def test_a_line_is_measured_at_each_notes_onset():
    assert measured("outline", "60", row([60, 62, 64, 60])) == (1.5, True)
    assert measured("outline", "C4", row([63] * 8)) == (3.0, False)
    rising = row([60, 64, 68, 72], 4)  # steps 0, 4, 8, 12 of 0..15, where a line from 60 to 75 is at 60, 64, 68, 72
    assert measured("outline", "60 75", rising)[0] == pytest.approx(0, abs=1e-9)
    assert measured("outline", "75 60", rising)[0] == pytest.approx((15 + 7 + 1 + 9) / 4)


def test_a_line_does_not_move_with_a_transposition():
    rule = parse_goal("outline", "60 72").rule
    assert rule.fixed
    assert rule.judged


def test_silence_follows_no_line():
    value, satisfied = measured("outline", "60", np.zeros(16, np.uint8))
    assert np.isnan(value)
    assert not satisfied


def test_a_pattern_is_onsets_in_both_over_onsets_in_either():
    quarters = row([60] * 4, 4)
    assert measured("onsets", "x...", quarters) == (1.0, True)
    assert measured("onsets", "x.......|x.......", quarters) == (0.5, False)
    assert measured("onsets", ".x..", quarters) == (0.0, False)
    assert measured("onsets", "x...x...x...x.x.", quarters) == (0.8, False)


@pytest.mark.parametrize(
    ("name", "goal", "wanted"),
    [
        ("outline", "", "0 points"),
        ("outline", "60 x", "x"),
        ("outline", "60 200", "'200'"),
        ("outline", "nan", "'nan'"),
        ("outline", "60 " * 600, "600 points"),
        ("onsets", "", "wanted an x"),
        ("onsets", "....", "with an x"),
        ("onsets", "x,y", "wanted an x"),
        ("onsets", "x" * 4000, "4000 sixteenths"),
    ],
)
def test_what_is_no_drawing(name, goal, wanted):
    with pytest.raises(UsageError, match=wanted):
        parse_goal(name, goal)


def edited(name, goal, tokens, free):
    """After the last edit that draws get which miss it."""
    constraint = parse_goal(name, goal)
    where = np.flatnonzero(free)
    window = slice(where[0], where[-1] + 1)

    def scores(states):
        return constraint.rule.score(constraint.rule.measure(states[:, window], "4/4"), constraint.goal)[:, None]

    return emphasised(tokens, [constraint], scores, free, 16)


def test_the_last_edit_brings_notes_to_the_line_and_leaves_the_other_bars_alone():
    tokens = row([60] * 16, 2, bars=2)
    free = np.arange(32) >= 16
    found = edited("outline", "60 84", tokens, free)
    assert (found[:16] == tokens[:16]).all()
    assert measured("outline", "60 84", found[16:])[1]
    assert (tok.onsets(found) == tok.onsets(tokens)).all()


def test_the_last_edit_places_notes_on_the_pattern_with_the_pitches_that_are_there():
    tokens = row([60, 64, 67, 72, 60, 64, 67, 72], 4, bars=2)
    free = np.arange(32) >= 16
    found = edited("onsets", "x..x..x.", tokens, free)
    assert (found[:16] == tokens[:16]).all()
    assert measured("onsets", "x..x..x.", found[16:]) == (1.0, True)
    assert {int(p) + tok.PITCH_OF_TOKEN for p in found[16:][tok.onsets(found[16:])]} <= {60, 64, 67, 72}


def test_a_job_that_draws_reads_no_file():
    from musiclc.custom.examples import files_of

    assert files_of("outline=60 72") == files_of("onsets=x.x.") == []
    assert files_of("motif=hook.mid") == ["hook.mid"]
