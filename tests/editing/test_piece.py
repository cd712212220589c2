"""Windows on a piece cover it once; rules see the piece as it is."""

from dataclasses import replace

import numpy as np
import pytest

from musiclc.editing.piece import Piece
from musiclc.midi import READ_IN_PHRASES, read_song
from musiclc.midi.section import READ_AS, MeterSection
from musiclc.music import tokens as tok
from musiclc.music.melody import Note
from musiclc.music.theory import METERS, PHRASE_METERS
from musiclc.rules import RULES, parse_constraint
from tests.songs import song_file


def section(meter="4/4", bars=4, pickup=0, locked=(0, 0)):
    notes = tuple(Note(s, 60 + s % 7, 2) for s in range(locked[0], bars * METERS[meter] - locked[1], 2))
    return MeterSection(meter, bars, notes, *locked, pickup)


@pytest.mark.parametrize("meter", PHRASE_METERS)
@pytest.mark.parametrize("bars", [1, 2, 3, 4, 5, 7, 8, 11])
@pytest.mark.parametrize("pickup", [0, 2, 10])
def test_windows_hold_every_step_once(meter, bars, pickup):
    piece = Piece((section(meter, bars, pickup), section("4/4", 5)))
    windows = piece.windows()
    held = np.bincount(windows.at[windows.free], minlength=len(piece.state))
    assert (held == 1).all()
    assert ((windows.at == -1) == (windows.rows(piece.state)[0] == tok.PAD)).all()


def test_windows_over_joins_hold_the_two_bars_about_each():
    piece = Piece((section(bars=12),))
    windows = piece.windows(2)
    assert sorted(set(windows.at[windows.free] // 16)) == [3, 4, 7, 8]
    assert not len(Piece((section(bars=5),)).windows(2).at)


def test_rows_written_back_are_the_state():
    piece = Piece((section("3/4", 7, pickup=4), section("6/8", 2)))
    windows = piece.windows()
    rows, tied = windows.rows(piece.state)
    assert not tied.any()
    assert (windows.written(piece.state, rows) == piece.state).all()
    changed = windows.written(piece.state, np.where(rows == tok.PAD, tok.PAD, tok.REST))
    assert (changed == tok.REST).all()


def test_a_note_that_sounds_into_a_window_begins_there_for_the_model():
    tokens = np.full(128, tok.HOLD, np.uint8)
    tokens[0] = 40
    rows, tied = Piece((MeterSection("4/4", 8),), tokens).windows().rows(tokens)
    assert rows[:, 0].tolist() == [40, 40]
    assert tied.sum() == 1
    assert tied[1, 0]


def test_locked_steps_and_empty_bars_are_never_free():
    locked = section(bars=4, locked=(12, 3))
    tokens = tok.from_melody(locked.melody)
    tokens[32:48] = tok.REST
    piece = Piece((locked,), tokens)
    free = np.zeros(64, bool)
    windows = piece.windows()
    free[windows.at[windows.free]] = True
    assert not free[:12].any()
    assert not free[32:48].any()
    assert not free[61:].any()
    assert free[12:32].all()


def test_rules_measure_the_whole_whatever_the_pickup():
    piece = Piece((section(bars=6, pickup=6),))
    for rule in RULES.values():
        assert np.array_equal(rule.measure(piece.whole(piece.state[None]), "4/4"), rule.measure(piece.state[None], "4/4"), equal_nan=True)


def test_where_bars_differ_in_length_notes_are_counted_in_all_of_them():
    piece = Piece((section("4/4", 4), section("3/4", 4)))
    density = parse_constraint("density", "7")
    assert piece.measure(density, piece.state[None])[0, 0] == (4 * 8 + 4 * 6) / 8
    assert piece.bars == 8
    assert [len(t) for t in piece.split(piece.state)] == [64, 48]
    assert piece.scores([density], piece.state[None])[0, 0] == 1


@pytest.mark.parametrize("seed", range(25))
def test_a_songs_melody_is_the_piece_as_rules_measure_it(seed):
    song = read_song(song_file(seed, chords=seed % 2 == 1).data, read_as=READ_IN_PHRASES if seed % 3 else READ_AS)
    piece = Piece(song.sections)
    seen, scored = piece.whole(piece.state[None]), tok.from_melody(song.melody)[None]
    assert song.melody.meter == piece.meter
    for rule in RULES.values():
        assert np.array_equal(rule.measure(seen, piece.meter), rule.measure(scored, piece.meter), equal_nan=True)


def test_where_the_line_goes_below_a_chord_note_that_note_is_heard():
    tokens = np.full(64, tok.HOLD, np.uint8)
    tokens[[0, 16]] = 60 - tok.PITCH_OF_TOKEN, 64 - tok.PITCH_OF_TOKEN
    piece = Piece((MeterSection("4/4", 4, under=((16, 55), (16, 48), (20, 50))),), tokens)
    assert (piece.whole(piece.state[None])[0] == tokens).all()  # the note at 20 lies under one that is held: no part of the line
    gone = piece.state.copy()
    gone[16] = tok.HOLD
    assert piece.whole(gone[None])[0, 16] == 55 - tok.PITCH_OF_TOKEN


def test_a_section_counts_the_bars_that_one_hears():
    assert section(bars=4).heard_bars == 4
    assert replace(section(bars=4), pickup=2).heard_bars == 5
