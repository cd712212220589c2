"""Whole tunes as they are read, and what is asked of them."""

import pytest

from musiclc.editing.scope import piece_of
from musiclc.evaluation import tunes
from musiclc.midi import read_song, to_bytes
from musiclc.music.melody import Melody, Note
from musiclc.training import scores
from tests import golden
from tests.evaluation.worked import tune
from tests.helpers import c_major_scale, jig


def test_what_is_asked_of_a_scale_in_c():
    scale = tune(c_major_scale())
    assert (scale.key, scale.meter, scale.density) == ("C major", "4/4", 8.0)
    assert tunes.parallel(scale) == {"scale": "C minor"}
    assert tunes.dorian(scale) == {"scale": "C dorian"}
    assert tunes.denser(scale) == {"density": "12.0000"}
    assert tunes.thinner(scale) == {"density": "5.3600"}


def test_the_parallel_of_a_minor_tune_is_major():
    minor = Melody(tuple(Note(2 * i, p, 2) for i, p in enumerate([69, 71, 72, 74, 76, 74, 72, 71, 69, 76, 72, 69, 68, 69, 76, 69])), "4/4", 2)
    assert tune(minor).key == "A minor"
    assert tunes.parallel(tune(minor)) == {"scale": "A major"}


def test_more_notes_than_a_bar_has_steps_are_not_asked_for():
    assert tune(jig()).density == pytest.approx(11 / 4)
    assert tunes.possible(tune(jig()), {"density": "12"})
    assert not tunes.possible(tune(jig()), {"density": "12.5"})
    assert tunes.possible(tune(c_major_scale()), {"scale": "C", "density": "16"})


def test_density_counts_the_bars_of_every_meter():
    bars = ["4/4"] * 8 + ["3/4"] * 6
    data = golden.song(4, bars, 60)
    mixed = tunes.WholeTune("mixed", data, read_song(data))
    assert len(mixed.song.sections) == 2
    assert mixed.density == pytest.approx(len(golden.line(4, bars, 60)) / 14)


def test_all_goals_must_be_met():
    piece = piece_of(tune(c_major_scale()).song)
    assert tunes.met(piece, {"scale": "C", "density": "8"})
    assert not tunes.met(piece, {"scale": "C", "density": "9"})
    assert not tunes.met(piece, {"scale": "C minor", "density": "8"})


def test_tunes_that_cannot_be_read_or_have_no_key_are_left_out(monkeypatch):
    asked = []

    def midi_files(collection, most, seed):
        asked.append((collection, most, seed))
        yield f"{collection}/good", to_bytes(c_major_scale())
        yield f"{collection}/broken", b"MThd"
        yield f"{collection}/chromatic", to_bytes(Melody(tuple(Note(i, 60 + i % 12, 1) for i in range(48)), "4/4", 4))

    monkeypatch.setattr(scores, "midi_files", midi_files)
    assert [t.name for t in tunes.tunes(500, 3)] == ["miscFolk/good", "essenFolksong/good"]
    assert asked == [("miscFolk", 500, 3), ("essenFolksong", tunes.FAR_TUNES, 3)]
