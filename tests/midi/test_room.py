"""Where new bars go, by files worked by hand: after, before, within; what moves and what does not; what is refused."""

import mido
import pytest

from musiclc.errors import InputError
from musiclc.midi import read_song
from musiclc.midi.room import after, before, last_bar, room_of, within
from tests.midi.band import BAR, CHANNEL, QUARTER, band, note, others, played, quarters
from tests.songs import loaded, saved, track_of


def song(data, track="Voice"):
    return read_song(data, track=track)


def signature(at, numerator, denominator):
    return at, mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)


def test_bars_within_are_those_that_inspect_counts():
    room = within(song(band()), 3, 5, "x")
    assert (room.number, room.first, room.bars, room.text, room.steps, room.free) == (0, 2, 3, "3..5", (32, 80), (32, 80))
    assert room.song.data == band()
    assert room.around(1) == (1, 6)
    assert room.around(32) == (0, 8)
    assert within(song(band()), 3, 3, "x").text == "3"
    assert room_of(song(band()), "3..5", "x").steps == room.steps


def test_after_nothing_moves_but_the_end_of_the_melodys_track():
    room = after(song(band()), 4, "x")
    assert (room.first, room.bars, room.text) == (8, 4, "9..12")
    was, now = others(band()), others(room.song.data)
    assert [track[:-1] for track in now] == [track[:-1] for track in was]
    assert [now[i] == was[i] for i in range(5)] == [True, False, True, True, True]
    assert now[1][-1][0] == 12 * BAR
    assert played(room.song.data) == played(band())


def test_after_a_melody_that_ends_before_its_file_nothing_moves_at_all():
    data = band(quarters(4))
    room = after(song(data), 4, "x")
    assert (room.text, room.song.data) == ("5..8", data)


def test_a_last_note_that_nothing_ends_ends_where_its_track_did():
    data = band([*quarters(8), (8 * BAR - 100, mido.Message("note_on", channel=CHANNEL, note=90, velocity=5))])
    room = after(song(data), 1, "x")
    assert (8 * BAR - 100, 8 * BAR, 90, 5, 64) in played(room.song.data)


@pytest.mark.parametrize(
    ("start", "end", "bar"), [(0, 4, 0), (15, 16, 0), (12, 20, 0), (12, 23, 0), (12, 24, 1), (0, 32, 1), (0, 39, 1), (17, 18, 1)]
)
def test_a_bar_is_the_melodys_where_a_note_begins_or_sounds_through_half(start, end, bar):
    assert last_bar(start, end, 16) == bar


def test_before_everything_comes_later_but_what_sets_up():
    room = before(song(band()), 2, "x")
    assert (room.first, room.bars, room.text) == (0, 2, "1..2")
    stay = {"track_name", "time_signature", "program_change"}
    for was, now in zip(others(band()), others(room.song.data), strict=True):
        expected = [(tick if not tick and (m.type in stay or m.type == "set_tempo") else tick + 2 * BAR, m) for tick, m in was]
        assert sorted(now, key=str) == sorted(expected, key=str)
    assert played(room.song.data) == [(on + 2 * BAR, off + 2 * BAR, *rest) for on, off, *rest in played(band())]
    assert [bar for bar, _ in room.song.tempos] == [1, 5, 9]


def test_before_channel_events_ahead_of_the_first_note_set_up_too():
    """A flute's program that comes in a little late would otherwise come after the new bars."""
    melody = [
        (30, mido.Message("program_change", channel=CHANNEL, program=9)),
        (30, mido.MetaMessage("lyrics", text="oh")),
        *quarters(8, start=QUARTER),
    ]
    now = others(before(song(band(melody, bars=9)), 1, "x").song.data)[1]
    assert [tick for tick, m in now if m.type == "program_change"] == [0, 30]
    assert next(tick for tick, m in now if m.type == "lyrics") == BAR + 30


def test_before_a_marker_stays_with_its_music():
    """What a marker, a cue or a lyric at the very beginning names comes later, and so do they; a copyright stays."""
    said = [mido.MetaMessage(kind, text="x") for kind in ("marker", "cue_marker", "lyrics", "copyright")]
    now = others(before(song(band([*((0, m) for m in said), *quarters(8)], bars=9)), 1, "x").song.data)[1]
    assert {m.type: tick for tick, m in now if getattr(m, "text", "") == "x"} == {"marker": BAR, "cue_marker": BAR, "lyrics": BAR, "copyright": 0}


def test_before_a_melody_that_enters_late_its_silent_bars_are_room():
    data = band(quarters(4, start=4 * BAR))
    assert before(song(data), 3, "x").song.data == data
    assert before(song(data), 3, "x").text == "2..4"
    room = before(song(data), 6, "x")
    assert room.text == "1..6"
    assert played(room.song.data)[0][0] == 6 * BAR  # two bars later than before


def test_a_pickup_that_is_announced_gets_a_whole_bar():
    pickup = [*note(0, 67), *quarters(7, start=QUARTER)]
    data = band(pickup, bars=7, signature=(1, 4), extra=[signature(QUARTER, 4, 4)], end=7 * BAR + QUARTER)
    assert song(data).length_bars == 8
    room = before(song(data), 2, "x")
    assert (room.text, room.song.length_bars, len(room.song.sections)) == ("1..2", 10, 1)
    assert room.song.meters == ((1, "4/4"),)
    assert [n.start for n in room.section.notes][:3] == [2 * 16 + 12, 3 * 16, 3 * 16 + 4]
    bar = within(song(data), 1, 1, "x")
    assert (bar.steps, bar.free) == ((0, 16), (12, 16))  # only its last quarter is there
    assert within(song(data), 2, 3, "x").text == "2..3"


def test_where_no_meter_is_said_a_pickup_s_is_said_once_it_is_whole():
    file = mido.MidiFile(type=1, ticks_per_beat=QUARTER)
    file.tracks.append(track_of([signature(QUARTER, 3, 4), *note(0, 67), *(e for i in range(12) for e in note(QUARTER * (1 + i), 60 + i))]))
    room = before(read_song(saved(file)), 1, "x")
    assert room.song.meters == ((1, "3/4"),)
    assert [n.start for n in room.section.notes][:2] == [12 + 8, 24]


def test_a_note_over_the_join_takes_its_steps_from_the_bars():
    long = [*quarters(2), *note(2 * BAR - QUARTER, 80, length=QUARTER + 960 - 60), *quarters(4, start=3 * BAR)]
    room = within(song(band(sorted(long, key=lambda e: e[0]))), 3, 4, "x")
    assert room.sounding == 40
    assert room.free == (40, 64)
    whole = [*quarters(1), *note(BAR, 80, length=2 * BAR), *quarters(3, start=4 * BAR)]
    with pytest.raises(InputError, match=r"^x: bar 3: a note that begins before them sounds through all of them; wanted bars from its own on$"):
        within(song(band(whole)), 3, 3, "x")


def test_meters_that_change_bound_the_bars():
    waltz = [signature(4 * BAR, 3, 4)]
    data = band(quarters(4), extra=waltz)
    with pytest.raises(InputError, match=r"^x: bars 4\.\.5: meter 4/4 and 3/4; wanted whole bars of one meter"):
        within(song(data), 4, 5, "x")
    with pytest.raises(InputError, match=r"^x: 3/4 begins where new bars would go; wanted the 4/4 of the bars beside them$"):
        after(song(data), 2, "x")
    late = band([*quarters(4, start=4 * BAR)], extra=[signature(0, 7, 8), signature(3 * BAR + 960, 4, 4)])
    with pytest.raises(InputError, match=r"stands before the 4/4 of the melody; wanted room for 9 bars of 4/4"):
        before(song(late), 9, "x")


def test_bars_outside_the_piece_are_refused():
    with pytest.raises(InputError, match=r"^x: bars 8\.\.9: the piece has 8 bars, counted from 1 as musiclc inspect counts them$"):
        within(song(band()), 8, 9, "x")
    with pytest.raises(InputError, match=r"^x: bars '8-9'; wanted such as 9..16$"):
        room_of(song(band()), "8-9", "x")


def test_a_track_named_by_a_number_is_no_index():
    file = loaded(band())
    file.tracks[2][0] = mido.MetaMessage("track_name", name="1", time=0)
    data = saved(file)
    assert read_song(data, track="1").track.index == 2
    assert read_song(data, track=1).track.index == 1
    assert after(read_song(data, track="Voice"), 2, "x").song.track.index == 1
