"""Property tests of Song.replaced over generated files: no event changes but the melody's, and those as asked, as mido reads them."""

import random
from collections import Counter, defaultdict, deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musiclc.midi import READ_IN_PHRASES, read_song
from musiclc.midi.section import READ_AS
from musiclc.music.melody import Melody, Note
from tests.songs import absolute, fixed_mido, is_note, loaded, song_file

SEEDS = st.integers(0, 10**6)


@pytest.fixture(autouse=True, scope="module")
def whole_mido():
    with pytest.MonkeyPatch.context() as patch:
        fixed_mido(patch)
        yield


def changed(section, r):
    """Some of the section's notes kept, some with other pitches or lengths, some gone, some new."""
    last = section.melody.steps - section.locked_end
    old = {n.start: n for n in section.melody.notes}
    starts = sorted({*(s for s in old if r.random() < 0.8), *(s for s in range(section.locked_steps, last) if r.random() < 0.1)})
    notes = []
    for start, following in zip(starts, [*starts[1:], last], strict=False):
        pitch, length = r.randrange(48, 84), r.randrange(1, 9)
        if start in old:
            pitch = old[start].pitch if r.random() < 0.5 else pitch
            length = old[start].duration if r.random() < 0.7 else length
        notes.append(Note(start, pitch, min(length, following - start)))
    return Melody(tuple(notes), section.melody.meter, section.melody.bars)


def others(data, made):
    """Every event of every track but the notes of the melody's channel in its track; without the ends of tracks."""
    tracks = [absolute(t) for t in loaded(data).tracks]
    return [
        [e for e in events if not (number == made.track and is_note(e[1], made.channel)) and e[1].type != "end_of_track"]
        for number, events in enumerate(tracks)
    ]


def notes_of(data, made):
    """(on, off, pitch, velocity, style and velocity of the end) of the channel's notes: the first to begin ends first."""
    waiting, found = defaultdict(deque), Counter()
    for tick, m in absolute(loaded(data).tracks[made.track]):
        if is_note(m, made.channel):
            if m.type == "note_on" and m.velocity:
                waiting[m.note].append((tick, m.velocity))
            elif waiting[m.note]:
                on, velocity = waiting[m.note].popleft()
                found[on, tick, m.note, velocity, m.type, m.velocity] += 1
    return found


def reading(seed):
    """One reading or the other: in bars of their own, or as four-bar phrases have them."""
    return (READ_AS, READ_IN_PHRASES)[seed % 2]


def lengths(data):
    return [sum(m.time for m in t) for t in loaded(data).tracks]


@settings(max_examples=120, deadline=None)
@given(SEEDS)
def test_the_same_melodies_give_the_same_bytes(seed):
    made = song_file(seed)
    for track in ("auto", made.wanted):
        song = read_song(made.data, track=track, read_as=reading(seed))
        assert song.replaced([s.melody for s in song.sections]) == made.data
        assert song.replaced([s.melody for s in song.sections], [[p for _, p in s.extras] for s in song.sections]) == made.data


@settings(max_examples=250, deadline=None)
@given(SEEDS)
def test_only_the_melody_changes_and_reads_back_as_asked(seed):
    made = song_file(seed)
    song = read_song(made.data, track=made.wanted, read_as=reading(seed))
    assert not any(s.extras for s in song.sections)
    r = random.Random(seed)
    asked = [changed(s, r) for s in song.sections]
    if not any(m.notes for m in asked):  # the file would hold no melody
        return
    data = song.replaced(asked)
    before, after = loaded(made.data), loaded(data)
    assert (before.type, before.ticks_per_beat, len(before.tracks)) == (after.type, after.ticks_per_beat, len(after.tracks))
    assert others(data, made) == others(made.data, made)
    again = read_song(data, track=made.wanted, read_as=reading(seed))
    assert [s.melody for s in again.sections] == asked
    assert lengths(data) == lengths(made.data), "every track ends where it did"
    back = read_song(again.replaced([s.melody for s in song.sections]), track=made.wanted, read_as=reading(seed))
    assert [s.melody for s in back.sections] == [s.melody for s in song.sections]
    old, new = notes_of(made.data, made), notes_of(data, made)
    for section, melody in zip(song.sections, asked, strict=True):
        following = dict(zip(melody.notes, [n.pitch for n in melody.notes[1:]] + [None], strict=False))
        for note, source in zip(section.melody.notes, section.sources, strict=True):
            inside = note.end < section.melody.steps - section.locked_end
            if note in following and inside and source.off_event is not None and following[note] != note.pitch:
                mine = [n for n in old if n[:4] == (source.on, source.off, source.pitch, source.velocity)]
                assert new[mine[0]] == 1, "a kept note has its ticks, velocities and style"


@settings(max_examples=120, deadline=None)
@given(SEEDS)
def test_other_notes_of_the_melodys_channel_keep_their_ends(seed):
    made = song_file(seed, chords=True)
    song = read_song(made.data, track=made.wanted, read_as=reading(seed))
    r = random.Random(seed)
    data = song.replaced([changed(s, r) for s in song.sections], [[r.choice([None, p, p + 1]) for _, p in s.extras] for s in song.sections])
    assert others(data, made) == others(made.data, made)
    assert lengths(data) == lengths(made.data)
    mine = Counter((n.on, n.off, n.pitch, n.velocity) for s in song.sections for n in (*s.sources, *s.extra_sources))
    stay = Counter(n[:4] for n in notes_of(made.data, made).elements()) - mine
    assert not stay - Counter(n[:4] for n in notes_of(data, made).elements())
