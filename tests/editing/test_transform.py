"""What a notebook calls: the same kind comes out, nothing else changes, errors say what was wrong."""

import io

import numpy as np
import pytest

import musiclc
from musiclc.editing import transform as transform_
from musiclc.editing.transform import EditOptions
from musiclc.errors import MusiclcError, UsageError
from musiclc.midi import read_melody, read_song, to_bytes
from musiclc.midi.codec import END_OF_TRACK, METER, encoded, message, meta_message
from musiclc.music import tokens as tok
from tests.editing.test_rewrite import REEL, reel


@pytest.fixture(scope="module")
def model():
    return musiclc.load()


def in_key(data, key):
    return bool(musiclc.score(read_melody(data), {"key": key})[0]["satisfied"])


def test_bytes_give_bytes_and_what_is_met_the_very_same(model):
    data = to_bytes(reel())
    minor = musiclc.transform(data, {"key": "D minor"}, model=model)
    assert in_key(minor, "D minor")
    assert musiclc.transform(data, {"key": "D"}, keep=0.0, model=model) == data
    assert musiclc.transform(data, {}, model=model) == data


def test_a_path_gives_a_path_and_replaces_nothing_unasked(model, tmp_path, monkeypatch):
    song, out = tmp_path / "song.mid", tmp_path / "out" / "minor.mid"
    song.write_bytes(to_bytes(reel()))
    assert musiclc.transform(song, {"key": "D minor"}, output=out, model=model) == out
    assert in_key(out, "D minor")
    with pytest.raises(MusiclcError, match="exists already"):
        musiclc.transform(song, {"key": "D minor"}, output=out, model=model)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MusiclcError, match="exists already"):  # its own name in the current folder
        musiclc.transform(song, {"key": "D minor"}, model=model)


def test_a_prettymidi_and_a_notesequence_give_their_own_kind(model):
    import pretty_midi
    from note_seq import midi_io

    midi = pretty_midi.PrettyMIDI(io.BytesIO(to_bytes(reel())))
    made = musiclc.transform(midi, {"key": "D minor"}, model=model)
    assert isinstance(made, pretty_midi.PrettyMIDI)
    assert {n.pitch % 12 for n in made.instruments[0].notes} <= {2, 4, 5, 7, 9, 10, 0}
    assert {n.pitch % 12 for n in midi.instruments[0].notes} == {2, 6, 9, 1, 4, 11, 7}  # what was given is as it was
    sequence = midi_io.midi_to_note_sequence(to_bytes(reel()))
    made = musiclc.transform(sequence, {"key": "D minor"}, model=model)
    assert type(made) is type(sequence)
    assert {n.pitch % 12 for n in made.notes} <= {2, 4, 5, 7, 9, 10, 0}


def test_an_edit_says_what_there_is_to_say(model):
    edit = transform_.transformed(model, read_song(to_bytes(reel())), {"key": "D minor", "density": "10"})
    assert edit.satisfied
    assert edit.before == {"key": pytest.approx(np.mean([p % 12 in (2, 4, 5, 7, 9, 10, 0) for p in REEL]), abs=1e-5), "density": 8.0}
    assert edit.notes == len(read_melody(edit.data).notes)
    before, after = read_melody(to_bytes(reel())), read_melody(edit.data)
    there = {(n.start, n.pitch) for n in after.notes}
    assert edit.kept == pytest.approx(np.mean([(n.start, n.pitch) in there for n in before.notes]), abs=1e-3)


def test_score_inspect_and_transform_measure_the_same_whole(model):
    bars = [(16 * b, p) for b, p in enumerate((60, 64, 65, 67))] + [(64 + 12 * b, p) for b, p in enumerate((61, 63, 66))]
    data = mixed_meters(bars)
    assert musiclc.score(read_melody(data), {"key": "C"})[0]["value"] == pytest.approx(4 / 7, abs=1e-5)
    for name, goal in (("key", "C"), ("density", "1"), ("rests", "0"), ("longest", "4"), ("contour", "up")):
        edit = transform_.transformed(model, read_song(data), {name: goal}, EditOptions(method="snap"))
        assert musiclc.score(read_melody(data), {name: goal})[0]["value"] == edit.before[name]


def mixed_meters(notes):
    """Four bars of 4/4 and then 3/4, at 96 ticks a quarter; each note (step, pitch) sounds until the next."""
    ends = [*(start for start, _ in notes[1:]), notes[-1][0] + 12]
    events = [meta_message(0, METER, bytes((4, 2, 24, 8)))]
    for (start, pitch), end in zip(notes, ends, strict=True):
        events += [meta_message(24 * start, METER, bytes((3, 2, 24, 8)))] if start == 64 else []
        events += [message(24 * start, 0x90, pitch, 80), message(24 * end, 0x80, pitch, 64)]
    return encoded(1, 96, [[*events, meta_message(24 * ends[-1], END_OF_TRACK)]])


def test_constraints_out_of_reach_are_reported_with_the_best(model):
    data = to_bytes(reel())
    edit = transform_.transformed(model, read_song(data), {"scale": "{0}", "range": "C#4..D4"})
    assert not edit.satisfied
    assert edit.warnings


@pytest.mark.parametrize("bad", [{"keep": 1.1}, {"keep": -0.1}, {"realism": 2}, {"temperature": -1}, {"method": "magic"}, {"seed": -1}])
def test_options_are_checked(bad):
    with pytest.raises(UsageError, match=next(iter(bad))):
        EditOptions(**bad)


def test_snapping_is_there_as_a_baseline(model):
    edit = transform_.transformed(model, read_song(to_bytes(reel())), {"key": "D minor"}, EditOptions(method="snap"))
    assert edit.method == "snap"
    assert edit.satisfied


# ---- variations, and the way from one to another -------------------------------------------------------------------


def test_variations_are_distinct_about_as_far_as_asked_and_do_not_depend_on_how_many(model):
    song = read_song(to_bytes(reel()))
    three = list(transform_.varied(model, song, 3, {}, EditOptions(keep=0.6, seed=5)))
    assert len({e.data for e in three} | {song.data}) == 4
    assert all(abs(e.kept - 0.6) < 0.2 for e in three)
    assert next(iter(transform_.varied(model, song, 1, {}, EditOptions(keep=0.6, seed=5)))).data == three[0].data
    assert [e.index for e in three] == [1, 2, 3]


def test_variations_meet_constraints(model):
    song = read_song(to_bytes(reel()))
    assert all(e.satisfied for e in transform_.varied(model, song, 2, {"key": "D minor"}, EditOptions(keep=0.6, seed=5)))


def test_a_way_begins_at_the_one_and_ends_at_the_other(model):
    a, b = read_song(to_bytes(reel())), read_song(to_bytes(reel().transpose(5).window(4)))
    way = list(transform_.interpolated(model, a, b, 5))
    assert way[0].data == a.data
    assert way[-1].data == b.data
    tokens = [tok.from_melody(read_melody(e.data)) for e in way]
    assert (tokens[1] == tokens[0]).mean() > (tokens[3] == tokens[0]).mean()
    with pytest.raises(UsageError, match="2 or more"):
        list(transform_.interpolated(model, a, b, 1))
