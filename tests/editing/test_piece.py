"""Windows on a piece cover it once; rules see the piece as it is."""

from dataclasses import replace

import numpy as np
import pytest

from musiclc.editing.piece import Piece, Stretch
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import METERS
from musiclc.rules import RULES, parse_constraint


def stretch(meter="4/4", bars=4, pickup=0, silent=(0, 0)):
    per_bar = METERS[meter]
    notes = tuple(Note(s, 60 + s % 7, 2) for s in range(silent[0], bars * per_bar - silent[1], 2))
    return Stretch(tok.from_melody(Melody(notes, meter, bars)), meter, silent, pickup)


@pytest.mark.parametrize("meter", METERS)
@pytest.mark.parametrize("bars", [1, 2, 3, 4, 5, 7, 8, 11])
@pytest.mark.parametrize("lead", [0, 2, 10])
def test_windows_hold_every_step_once(meter, bars, lead):
    piece = Piece((stretch(meter, bars, lead), stretch("4/4", 5)))
    windows = piece.windows()
    held = np.bincount(windows.at[windows.free], minlength=len(piece.state))
    assert (held == 1).all()
    assert ((windows.at == -1) == (windows.rows(piece.state)[0] == tok.PAD)).all()


def test_windows_over_joins_hold_the_two_bars_about_each():
    piece = Piece((stretch(bars=12),))
    windows = piece.windows(2)
    assert sorted(set(windows.at[windows.free] // 16)) == [3, 4, 7, 8]
    assert not len(Piece((stretch(bars=5),)).windows(2).at)


def test_rows_written_back_are_the_state():
    piece = Piece((stretch("3/4", 7, pickup=4), stretch("6/8", 2)))
    windows = piece.windows()
    rows, tied = windows.rows(piece.state)
    assert not tied.any()
    assert (windows.written(piece.state, rows) == piece.state).all()
    changed = windows.written(piece.state, np.where(rows == tok.PAD, tok.PAD, tok.REST))
    assert (changed == tok.REST).all()


def test_a_note_that_sounds_into_a_window_begins_there_for_the_model():
    tokens = np.full(128, tok.HOLD, np.uint8)
    tokens[0] = 40
    rows, tied = Piece((Stretch(tokens, "4/4"),)).windows().rows(tokens)
    assert rows[:, 0].tolist() == [40, 40]
    assert tied.sum() == 1
    assert tied[1, 0]


def test_silent_steps_and_empty_bars_are_never_free():
    tokens = stretch(bars=4, silent=(12, 3)).tokens.copy()
    tokens[32:48] = tok.REST
    piece = Piece((Stretch(tokens, "4/4", (12, 3)),))
    free = np.zeros(64, bool)
    windows = piece.windows()
    free[windows.at[windows.free]] = True
    assert not free[:12].any()
    assert not free[32:48].any()
    assert not free[61:].any()
    assert free[12:32].all()


def test_rules_measure_the_whole_whatever_the_lead():
    piece = Piece((stretch(bars=6, pickup=6),))
    for rule in RULES.values():
        assert np.array_equal(rule.measure(piece.whole(piece.state[None]), "4/4"), rule.measure(piece.state[None], "4/4"), equal_nan=True)


def test_where_bars_differ_in_length_notes_are_counted_in_all_of_them():
    piece = Piece((stretch("4/4", 4), stretch("3/4", 4)))
    density = parse_constraint("density", "7")
    assert piece.measure(density, piece.state[None])[0, 0] == (4 * 8 + 4 * 6) / 8
    assert piece.bars == 8
    assert [len(t) for t in piece.split(piece.state)] == [64, 48]
    assert piece.scores([density], piece.state[None])[0, 0] == 1


def test_where_the_line_goes_below_a_chord_note_that_note_is_heard():
    tokens = np.full(64, tok.HOLD, np.uint8)
    tokens[[0, 16]] = 60 - tok.PITCH_OF_TOKEN, 64 - tok.PITCH_OF_TOKEN
    piece = Piece((Stretch(tokens, "4/4", under=((16, 55), (16, 48), (20, 50))),))
    assert (piece.whole(piece.state[None])[0] == tokens).all()  # the note at 20 lies under one that is held: no part of the line
    gone = piece.state.copy()
    gone[16] = tok.HOLD
    assert piece.whole(gone[None])[0, 16] == 55 - tok.PITCH_OF_TOKEN


def test_a_stretch_counts_the_bars_that_one_hears():
    assert stretch(bars=4).heard_bars == 4
    assert replace(stretch(bars=4), pickup=2).heard_bars == 5
