"""New notes in a file's melody: velocity, length, channel and timing from their surroundings, and no other event touched."""

import mido
import pytest

from musiclc.errors import MusiclcError
from musiclc.midi import read_song
from musiclc.midi.fresh import written
from musiclc.midi.room import after, before, within
from musiclc.music.melody import Note
from tests.midi.band import BAR, CHANNEL, QUARTER, band, note, others, played, quarters
from tests.songs import loaded, saved, track_of

STEP = QUARTER // 4


def song(data):
    return read_song(data, track="Voice")


def in_bars(notes, first, last):
    """Those that begin in bars first to last, from 1."""
    return [n for n in notes if (first - 1) * BAR <= n[0] < last * BAR]


def test_new_notes_take_the_pattern_of_velocities_the_length_the_channel_and_the_way_to_end():
    """Each note here sounds 330 ticks, eleven twelfths of the three steps that it is read as; so far from its end is no long note still read
    as long, so that one ends as early as it may.
    """
    short = [e for beat in range(32) for e in note(beat * QUARTER, 60 + beat % 5, 70 if beat % 4 else 100, length=330)]
    data = written(within(song(band(short)), 3, 4, "x"), [Note(32, 50, 3), Note(36, 52, 4), Note(48, 53, 16)])
    assert in_bars(played(data), 3, 4) == [
        (2 * BAR, 2 * BAR + 330, 50, 100, 11),
        (2 * BAR + QUARTER, 2 * BAR + QUARTER + 440, 52, 70, 11),
        (3 * BAR, 4 * BAR - STEP // 2, 53, 100, 11),
    ]


def test_nothing_else_is_touched():
    data = written(within(song(band()), 3, 4, "x"), [Note(33, 50, 8), Note(60, 52, 4)])
    assert others(data) == others(band())
    for bars in ((1, 2), (5, 8)):
        assert in_bars(played(data), *bars) == in_bars(played(band()), *bars)
    assert [len(t) - len(o) for t, o in zip(loaded(data).tracks, loaded(band()).tracks, strict=True)] == [0, -12, 0, 0, 0]


def test_the_level_goes_evenly_from_one_side_to_the_other():
    loud = [e for beat in range(8) for e in note(beat * QUARTER, 60, 100)]
    soft = [e for beat in range(8) for e in note(6 * BAR + beat * QUARTER, 60, 60)]
    room = within(song(band([*loud, *soft])), 3, 6, "x")
    data = written(room, [Note(32 + 16 * bar, 70, 4) for bar in range(4)])
    assert [n[3] for n in in_bars(played(data), 3, 6)] == [100, 90, 80, 70]


def test_legato_stays_legato_and_never_runs_into_the_next_note():
    legato = [e for beat in range(32) for e in note(beat * QUARTER, 60 + beat % 7, 80, length=QUARTER - 5)]
    data = written(within(song(band(legato)), 3, 3, "x"), [Note(32, 50, 4), Note(36, 51, 4), Note(40, 52, 2)])
    assert [(n[0], n[1]) for n in in_bars(played(data), 3, 3)] == [
        (2 * BAR, 2 * BAR + QUARTER - 5),
        (2 * BAR + QUARTER, 2 * BAR + 2 * QUARTER - 5),
        (2 * BAR + 2 * QUARTER, 2 * BAR + 2 * QUARTER + 238),  # 475 of 480, halved
    ]


def test_swing_is_taken_over():
    swung = [e for beat in range(32) for place, late in ((0, 0), (240, 40)) for e in note(beat * QUARTER + place + late, 60, length=150)]
    data = written(within(song(band(swung)), 3, 3, "x"), [Note(32, 50, 2), Note(34, 51, 2)])
    assert [n[0] - 2 * BAR for n in in_bars(played(data), 3, 3)] == [0, 280]


def test_a_note_over_the_join_stays_and_one_of_its_pitch_begins_after_it():
    over = [*quarters(2)[:-2], *note(2 * BAR - QUARTER, 61, length=QUARTER + 100), *note(2 * BAR, 63), *quarters(3, start=4 * BAR)]
    data = band(over)
    room = within(song(data), 3, 4, "x")
    assert room.sounding == 32  # as it was read: the note after it cut it
    now = played(written(room, [Note(32, 61, 4), Note(40, 61, 4)]))
    assert in_bars(now, 1, 2) == in_bars(played(data), 1, 2)
    assert [n[0] for n in in_bars(now, 3, 4)] == [2 * BAR + STEP, 2 * BAR + 8 * STEP]
    other = played(written(room, [Note(32, 65, 4)]))
    assert [n[0] for n in in_bars(other, 3, 4)] == [2 * BAR]


def test_an_overlap_too_short_for_the_grid_is_waited_for():
    over = [*quarters(2)[:-2], *note(2 * BAR - QUARTER, 61, length=QUARTER + 30), *note(2 * BAR, 63), *quarters(3, start=4 * BAR)]
    now = played(written(within(song(band(over)), 3, 3, "x"), [Note(32, 61, 4)]))
    assert [n[0] for n in in_bars(now, 3, 3)] == [2 * BAR + 30]


def test_where_the_melody_has_no_other_notes_the_old_ones_tell_the_manner():
    data = written(within(song(band()), 1, 8, "x"), [Note(0, 50, 4), Note(20, 51, 4)])
    assert [(on, velocity) for on, _, _, velocity, _ in played(data)] == [(0, 100), (5 * QUARTER, 70)]
    assert others(data) == others(band())
    with pytest.raises(MusiclcError, match="came out silent"):
        written(within(song(band()), 1, 8, "x"), [])


def test_the_track_ends_later_only_where_a_note_sounds_longer():
    short = [*quarters(7), *note(7 * BAR, 60)]
    data = band(short, bars=8, end=7 * BAR + 1000)
    assert others(written(within(song(data), 8, 8, "x"), [Note(112, 60, 4)])) == others(data)
    later = written(within(song(data), 8, 8, "x"), [Note(112, 60, 4), Note(120, 60, 8)])
    assert [t[-1][0] for t in others(later)] == [7 * BAR + 1000, 8 * BAR, 7 * BAR + 1000, 7 * BAR + 1000, 7 * BAR + 1000]
    assert played(later)[-1][0] == 7 * BAR + 960


def test_new_bars_before_and_after_are_played_like_the_rest():
    for room, first in ((after(song(band()), 2, "x"), 9), (before(song(band()), 2, "x"), 1)):
        low = room.steps[0]
        data = written(room, [Note(low, 60, 4), Note(low + 4, 62, 4)])
        assert [n[3] for n in in_bars(played(data), first, first + 1)] == [100, 70]
        assert others(data) == others(room.song.data)


def test_notes_under_the_line_stay():
    """Of a track in chords the top line is written anew, as transform changes it."""
    chords = sorted([*quarters(8), *(e for bar in range(8) for e in note(bar * BAR, 48, 50, length=1800))], key=lambda e: e[0])
    data = written(within(song(band(chords)), 3, 3, "x"), [Note(32, 70, 16)])
    assert [n[2] for n in in_bars(played(data), 3, 3)] == [48, 70]


def test_type_0_and_other_channels():
    file = mido.MidiFile(type=0, ticks_per_beat=QUARTER)
    other = [e for bar in range(8) for e in note(bar * BAR, 40, 60, 5)]
    file.tracks.append(track_of([*quarters(8), *other, (8 * BAR, mido.MetaMessage("end_of_track"))]))
    data = saved(file)
    new = written(within(read_song(data, track=0), 3, 3, "x"), [Note(32, 70, 16)])
    assert others(new) == others(data)
    assert in_bars(played(new, 0), 3, 3)[0][2:4] == (70, 100)
    assert played(new, 0, 5) == played(data, 0, 5)
    assert CHANNEL == 3
