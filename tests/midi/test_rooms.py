"""Property tests of new bars over generated files: no event changes but the melody's in them, every kept note stays, all reads back as written."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musiclc.errors import InputError
from musiclc.midi import read_song
from musiclc.midi.fresh import written
from musiclc.midi.joined import between
from musiclc.midi.room import after, before, within
from musiclc.music.melody import Note
from tests.midi.test_edit import others
from tests.songs import fixed_mido, song_file

SEEDS = st.integers(0, 10**6)


@pytest.fixture(autouse=True, scope="module")
def whole_mido():
    with pytest.MonkeyPatch.context() as patch:
        fixed_mido(patch)
        yield


def some_notes(room, r):
    """New notes in the free steps of a room, the first of them on its first."""
    low, high = room.free
    starts = sorted({low, *(s for s in range(low, high) if r.random() < 0.2)})
    return [Note(a, r.randrange(48, 84), r.randrange(1, b - a + 1)) for a, b in zip(starts, [*starts[1:], high], strict=True)]


def kept(song, room=None):
    """The melody's notes as they are played, without those in the room and those that nothing ends."""
    steps = room.steps if room else (0, 0)
    notes = [
        (n, s) for section in song.sections for n, s in zip(section.notes, section.sources, strict=True)
        if not (room and section is song.sections[room.number] and steps[0] <= n.start < steps[1])
    ]  # fmt: skip
    return Counter((s.on, s.off, s.pitch, s.velocity, s.channel) for _, s in notes if s.off_event is not None)


@settings(max_examples=150, deadline=None)
@given(SEEDS)
def test_bars_anew(seed):
    made, r = song_file(seed), random.Random(seed)
    song = read_song(made.data, track=made.wanted)
    first = r.randrange(1, song.length_bars + 1)
    try:
        room = within(song, first, min(first + r.randrange(3), song.length_bars), "x")
    except InputError:
        return
    notes = some_notes(room, r)
    data = written(room, notes)
    assert others(data, made) == others(made.data, made)
    again = read_song(data, track=song.track.index)
    assert not kept(song, room) - kept(again), "every note outside stays as it is"
    low, high = room.steps
    found = [n for n in again.sections[room.number].notes if low <= n.start < high]
    assert [(n.start, n.pitch) for n in found[1:]] == [(n.start, n.pitch) for n in notes[1:]]
    assert len(found) in (len(notes), len(notes) - 1)  # a first one that a note of its pitch sounds through


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.booleans())
def test_more_bars(seed, earlier):
    made, r = song_file(seed), random.Random(seed)
    song = read_song(made.data, track=made.wanted)
    try:
        room = (before if earlier else after)(song, r.randrange(1, 4), "x")
    except InputError:
        return
    assert [s.meter for s in room.song.sections] == [s.meter for s in song.sections]
    data = written(room, some_notes(room, r))
    again = read_song(data, track=song.track.index)
    by = again.sections[room.number].grid.tick(0) - song.sections[room.number].grid.tick(0) if not earlier else kept_by(song, room.song)
    moved = Counter({(on + by, off + by, *rest): n for (on, off, *rest), n in kept(song).items()})
    assert not moved - kept(again)


def kept_by(song, later):
    """Ticks by which a song's first note comes later in another."""
    return later.entry.notes[0].on - song.entry.notes[0].on


@settings(max_examples=100, deadline=None)
@given(SEEDS, SEEDS)
def test_two_songs_as_one(seed, other):
    first, second = (song_file(each) for each in (seed, other))
    songs = [read_song(each.data, track=each.wanted) for each in (first, second)]
    try:
        room = between(*songs, 2, ("a", "b"))
    except InputError:
        return
    melodies = [[(n.pitch, s.velocity) for section in song.sections for n, s in zip(section.notes, section.sources, strict=True)] for song in songs]
    found = [(n.pitch, s.velocity) for section in room.song.sections for n, s in zip(section.notes, section.sources, strict=True)]
    assert not room.melody.notes
    if len({s.octaves for song in songs for s in song.sections}) == 1:
        assert found == [*melodies[0], *melodies[1]]
    notes = some_notes(room, random.Random(seed))
    again = read_song(written(room, notes), track=room.song.track.index)
    assert len(again.melody.notes) >= len(notes)
