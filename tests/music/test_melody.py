import pytest

from musiclc.errors import MusiclcError
from musiclc.music.melody import Melody, Note
from tests.helpers import c_major_scale, jig


def test_overlapping_notes_are_refused():
    with pytest.raises(MusiclcError, match="one note at a time"):
        Melody((Note(0, 60, 4), Note(3, 62, 2)))


def test_notes_outside_the_piano_or_the_bars_are_refused():
    with pytest.raises(MusiclcError, match="outside 21 to 108"):
        Melody((Note(0, 20, 4),))
    with pytest.raises(MusiclcError, match="after the 4 bars"):
        Melody((Note(60, 60, 5),))


def test_window_cuts_a_note_at_both_edges():
    melody = Melody((Note(8, 60, 48),), "4/4", 4)
    assert melody.window(1, 2).notes == (Note(0, 60, 32),)


def test_window_leaves_out_notes_that_only_touch_it():
    melody = Melody((Note(0, 60, 16), Note(16, 62, 16), Note(32, 64, 16), Note(60, 65, 4)), "4/4", 4)
    assert melody.window(1, 1).notes == (Note(0, 62, 16),)


def test_transposition_keeps_the_key_free_form_and_nothing_else_does():
    melody = c_major_scale()
    assert melody.transpose(5).key_free() == melody.key_free()
    assert melody.transpose(5) != melody
    assert jig().key_free() != melody.key_free()
