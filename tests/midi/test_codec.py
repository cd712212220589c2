"""Bytes as events and back, and that all readers see the same notes of the same file."""

import io
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musiclc.midi import read_notes, read_runs, read_song
from musiclc.midi.codec import END_OF_TRACK, META, Event, encoded, message, meta_message, parse
from musiclc.midi.notes import instruments, pair
from musiclc.midi.timing import clock, each_track
from tests.songs import song_file


@pytest.mark.parametrize(
    ("value", "wanted"), [(0, b"\x00"), (127, b"\x7f"), (128, b"\x81\x00"), (0x3FFF, b"\xff\x7f"), (0x0FFFFFFF, b"\xff\xff\xff\x7f")]
)
def test_numbers_of_variable_length_are_as_the_standard_has_them(value, wanted):
    data = encoded(0, 0x7FFF, [[meta_message(value, END_OF_TRACK)]])
    assert data[22:] == wanted + b"\xff\x2f\x00"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_a_file_written_anew_holds_the_same_events(seed):
    file = parse(song_file(seed).data, "song.mid")
    again = parse(encoded(file.midi_type, file.ticks, file.tracks), "again.mid")
    assert (again.midi_type, again.ticks, again.tracks) == (file.midi_type, file.ticks, file.tracks)


def test_new_events_read_back():
    events = [message(3, 0x91, 60, 80), meta_message(3, 0x01, b"x" * 200), message(7, 0x81, 60, 64), meta_message(9, END_OF_TRACK)]
    (track,) = parse(encoded(1, 96, [events]), "new.mid").tracks
    assert [e._replace(wait=b"") for e in track] == events
    assert [e.wait for e in track] == [b"\x03", b"\x00", b"\x04", b"\x02"]
    assert track[1] == Event(3, b"\x00", META, 1, b"x" * 200, b"\xff\x01\x81\x48" + b"x" * 200)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_every_reader_sees_the_same_notes(seed, chords):
    data = song_file(seed, chords).data
    file = parse(data, "song.mid")
    clocks = each_track(file, clock)
    wanted = Counter((t, clocks[t](n.on), clocks[t](n.off), n.pitch, n.velocity) for t, events in enumerate(file.tracks) for n in pair(events))
    tracks = [i.track for i in instruments(file)]
    assert Counter((tracks[n.track], *n[1:5]) for n in read_notes("song.mid", data).notes) == wanted
    song = read_song(data, track=song_file(seed, chords).wanted)
    seconds, track = clocks[song.entry.track], song.entry.track
    edited = Counter((track, seconds(n.on), seconds(n.off), n.pitch, n.velocity) for n in song.entry.all_notes)
    assert edited == Counter({note: times for note, times in wanted.items() if note[0] == track})


def test_an_unknown_event_moves_no_note_in_any_reader(tmp_path):
    # a delta time of a bar before a meta event of unknown type, then four bars of quarters: what mido 1.3.3 reads a bar too early
    quarter = b"\x00\x90\x3c\x50\x60\x80\x3c\x40"
    body = b"\x83\x00\xff\x60\x00" + quarter * 16 + b"\x00\xff\x2f\x00"
    data = b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk" + len(body).to_bytes(4, "big") + body
    (tmp_path / "a.mid").write_bytes(data)
    assert read_song(data).sections[0].notes[0].start == 16
    assert read_runs(tmp_path / "a.mid").runs[0].notes[0].start == 16
    assert read_notes("a.mid", data).notes[0].start == 2.0


def test_a_tempo_in_any_track_is_heard_and_a_note_that_nothing_ends_sounds_to_the_end(tmp_path):
    tune = [meta_message(0, 0x51, (1_000_000).to_bytes(3, "big")), message(0, 0x90, 60, 80), meta_message(96 * 16, END_OF_TRACK)]
    data = encoded(1, 96, [[meta_message(0, END_OF_TRACK)], tune])
    (tmp_path / "a.mid").write_bytes(data)
    assert [n[1:4] for n in read_notes("a.mid", data).notes] == [(0.0, 16.0, 60)]
    assert read_song(data).bpm == 60
    assert [(n.start, n.end) for n in read_runs(tmp_path / "a.mid").runs[0].notes] == [(0, 64)]
    assert [(n.start, n.end) for n in read_song(data).melody.notes] == [(0, 64)]


def test_pretty_midi_hears_the_same_seconds():
    import pretty_midi

    from tests.golden import song

    for seed, rich in ((1, True), (2, False), (5, True)):
        data = song(seed, ["4/4"] * 4 + ["3/4"] * 4, 60, rich=rich, loose=True)
        theirs = [n for instrument in pretty_midi.PrettyMIDI(io.BytesIO(data)).instruments for n in instrument.notes]
        theirs, ours = (sorted(n, key=lambda n: (round(n.start, 6), n.pitch)) for n in (theirs, read_notes("song.mid", data).notes))
        assert [(n.pitch, n.velocity) for n in ours] == [(n.pitch, n.velocity) for n in theirs]
        assert [n.start for n in ours] == pytest.approx([n.start for n in theirs], abs=1e-9)
        assert [n.end for n in ours] == pytest.approx([n.end for n in theirs], abs=1e-9)
