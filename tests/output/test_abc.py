"""Melodies as ABC, worked by hand."""

import pytest

from musiclc.music.melody import Melody, Note
from musiclc.output.abc import to_abc


def _body(melody: Melody, key: str) -> str:
    return to_abc(melody, "x", key).splitlines()[-1]


def test_head_and_notes():
    melody = Melody((Note(0, 60, 4), Note(4, 72, 2), Note(6, 48, 1), Note(8, 84, 8)), "4/4", 1)
    assert to_abc(melody, "Tune", "C major", 3, 96) == "X:3\nT:Tune\nM:4/4\nL:1/16\nQ:1/4=96\nK:C\nC4 c2 C, z c'8 |]\n"


def test_a_note_over_the_bar_line_is_tied():
    assert _body(Melody((Note(8, 60, 12),), "3/4", 2), "C major") == "z8 C4- | C8 z4 |]"


def test_the_signature_spares_accidentals_and_a_natural_takes_one_back():
    melody = Melody(tuple(Note(4 * i, p, 4) for i, p in enumerate((66, 65, 66, 61))), "4/4", 1)  # F#, F, F#, C#
    assert _body(melody, "D major") == "F4 =F4 ^F4 C4 |]"


@pytest.mark.parametrize(("key", "pitch", "written"), [("D dorian", 70, "^A"), ("F major", 70, "B"), ("Eb major", 66, "_G"), ("A minor", 71, "B")])
def test_spelling(key, pitch, written):
    assert _body(Melody((Note(0, pitch, 1),), "4/4", 1), key).startswith(written + " ")
