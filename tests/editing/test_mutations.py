"""Small changes of a line, by hand and as invariants."""

import numpy as np
import pytest

from musiclc.editing.mutations import mutations
from musiclc.music import tokens as tok
from tests.helpers import c_major_scale, jig


def padded(melody):
    return tok.pad(tok.from_melody(melody)[None], melody.meter)[0].astype(np.int64)


@pytest.mark.parametrize("melody", [c_major_scale(), jig()])
def test_every_change_keeps_to_free_steps_and_is_a_melody(melody):
    row = padded(melody)
    free = (row != tok.PAD) & (np.arange(64) >= 16) & (np.arange(64) < 48)
    made = list(mutations(row, free))
    assert len(made) > 100
    for new in made:
        assert (new[~free] == row[~free]).all()
        assert (new != row).any()
        tok.to_melody(tok.unpad(new[None], melody.meter)[0], melody.meter)  # raises for what is none


def test_each_kind_of_change_is_there():
    row = padded(c_major_scale())
    rows = {new.tobytes() for new in mutations(row, np.ones(64, bool))}

    def has(places, what):
        new = row.copy()
        new[places] = what
        return new.tobytes() in rows

    assert has(2, row[2] + 1)  # higher
    assert has(2, tok.HOLD)  # gone, the note before held
    assert has(slice(2, 4), tok.REST)  # gone, silence
    assert has(3, tok.REST)  # shorter
    assert has(3, row[2])  # struck again
    assert has(slice(2, 4), [tok.HOLD, row[2]])  # later
    assert has(slice(1, 3), [row[2], tok.HOLD])  # earlier
    assert has(slice(3, 8), tok.HOLD) is False  # a length that is no quarter, half or whole
    assert has(slice(1, 8), tok.HOLD)  # a half
    assert has(slice(16, 32), row[:16])  # a bar as another


def test_a_note_drawn_out_over_half_of_another_leaves_silence_and_no_stray_hold():
    row = np.full(64, tok.REST)
    row[0], row[1:3], row[3], row[4:8] = 40, tok.HOLD, 42, tok.HOLD
    drawn = next(new for new in mutations(row, np.ones(64, bool)) if (new[1:4] == tok.HOLD).all() and new[0] == 40 and new[4] == tok.REST)
    assert tok.durations(drawn[None])[0, 0] == 4


def test_silence_has_no_small_changes():
    assert list(mutations(np.full(64, tok.REST), np.ones(64, bool))) == []
