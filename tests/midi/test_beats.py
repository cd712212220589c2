"""Files that say beats: bars by what is heard, worked by hand; and another meter than a file says."""

import numpy as np
import pytest

from musiclc.errors import InputError, UsageError
from musiclc.midi import READ_IN_PHRASES, read_notes, read_song, to_bytes
from musiclc.midi.beats import _accents, _again, _changes, _of_three, in_meter
from musiclc.midi.codec import END_OF_TRACK, METER, NOTE_OFF, NOTE_ON, encoded, message, meta_message, parse
from musiclc.midi.joined import between
from musiclc.midi.room import after, before, within
from musiclc.midi.timing import check_meter_text, meters_in
from tests.helpers import c_major_scale

STEP = 24  # ticks


def spoken(signature, *tracks, start=0):
    """A file that says this time signature. tracks: (step, pitch, steps) of each; start: steps that are left out at the beginning."""
    made = []
    for channel, notes in enumerate(tracks):
        kept = [(s - start, p, d) for s, p, d in notes if s >= start]
        events = [e for s, p, d in kept for e in (message(s * STEP, NOTE_ON | channel, p, 80), message((s + d) * STEP, NOTE_OFF | channel, p, 0))]
        events.sort(key=lambda e: (e.tick, e.status & 0xF0 == NOTE_ON))
        made.append([*events, meta_message(events[-1].tick, END_OF_TRACK)])
    numerator, denominator = signature
    made[0].insert(0, meta_message(0, METER, bytes((numerator, denominator.bit_length() - 1, 24, 8))))
    return encoded(1, 4 * STEP, made)


def tune(per_bar, bars=8, rhythm=((0, 4), (4, 2), (6, 2), (8, 4))):
    """A long first note a bar and others, the same rhythm in each, and where a bar has room another quarter."""
    places = [*rhythm, *([(12, 4)] if per_bar == 16 else [])]
    return [(b * per_bar + s, 72 + (b + i) % 5, d) for b in range(bars) for i, (s, d) in enumerate(places)]


def bass(per_bar, bars=8):
    """The root on the first beat, another each bar, under a chord that is held."""
    roots = (36, 41, 43, 36)
    return [(b * per_bar, roots[b % 4] + p, per_bar) for b in range(bars) for p in (0, 12, 16, 19)]


JIG = [(b * 12 + s, 70 + (b + i) % 4, d) for b in range(8) for i, (s, d) in enumerate(((0, 4), (4, 2), (6, 4), (10, 2)))]
KINDS = {
    "duple": ((tune(16), bass(16)), "4/4"),
    "triple": ((tune(12), bass(12)), "3/4"),
    "compound": ((JIG,), "6/8"),
}


@pytest.mark.parametrize("signature", [(1, 4), (2, 8), (1, 8), (1, 2), (1, 1), (4, 32), (132, 4)])
@pytest.mark.parametrize("kind", KINDS)
def test_beats_are_grouped_by_what_is_heard(kind, signature):
    tracks, wanted = KINDS[kind]
    song = read_song(spoken(signature, *tracks))
    assert (song.file.read_in, song.meter, song.meters) == (wanted, wanted, ((1, wanted),))
    assert song.remarks == [f"says {signature[0]}/{signature[1]}; read as {wanted}"]
    assert song.length_bars == 8
    assert song.data == spoken(signature, *tracks)


@pytest.mark.parametrize(
    ("kind", "start", "wanted"), [("duple", 12, "1/4+4/4"), ("duple", 4, "3/4+4/4"), ("triple", 8, "1/4+3/4"), ("triple", 4, "2/4+3/4")]
)
def test_a_first_bar_that_is_not_whole_is_a_pickup(kind, start, wanted):
    song = read_song(spoken((1, 4), *KINDS[kind][0], start=start))
    pickup, bars = wanted.split("+")
    assert song.file.read_in == wanted
    assert song.remarks == [f"says 1/4; read as {bars} after a pickup of {pickup}"]
    assert song.sections[0].locked_steps == start


@pytest.mark.parametrize("signature", [(4, 4), (2, 4), (3, 8), (5, 4), (7, 8), (2, 2)])
def test_what_is_no_beat_stays_as_it_is(signature):
    file = parse(spoken(signature, tune(16)), "x.mid")
    assert in_meter(file) == (file, [])


def test_only_beats_throughout_are_grouped():
    data = spoken((1, 4), tune(16))
    events = parse(data, "x.mid").tracks[0]
    mixed = encoded(1, 4 * STEP, [sorted([*events, meta_message(96, METER, bytes((4, 2, 24, 8)))], key=lambda e: e.tick)])
    assert read_song(mixed).file.read_in == ""
    eighths = encoded(1, 4 * STEP, [sorted([*events, meta_message(96, METER, bytes((2, 3, 24, 8)))], key=lambda e: e.tick)])
    assert read_song(eighths).remarks == ["says 1/4, 2/8; read as 4/4"]


def test_four_quarters_where_nothing_tells():
    even = [(4 * i, 60, 4) for i in range(24)]
    assert read_song(spoken((1, 4), even)).file.read_in == "4/4"
    assert read_song(spoken((1, 4), [(0, 60, 4)])).file.read_in == "4/4"


def test_an_edit_changes_no_time_signature_and_reads_back():
    data = spoken((1, 4), *KINDS["triple"][0])
    song = read_song(data, read_as=READ_IN_PHRASES)
    higher = song.sections[0].melody.transpose(1)
    edited = song.replaced([higher])
    assert edited[:30] == data[:30]
    assert read_song(edited, meter=song.file.read_in).melody == higher
    assert song.repitched([song.entry], lambda pitch: pitch + 1).sections[0].melody == higher


def test_bar_lines_are_those_of_the_bars():
    assert np.diff(read_notes("x.mid", spoken((1, 4), *KINDS["duple"][0])).bars).tolist() == [2.0] * 8


# ---- the evidence --------------------------------------------------------------------------------------------------


def test_accents_are_students_t():
    # two first beats of strength 3 and two others of 1: means 2 apart, a spread of 1, 2 * 2 / 4 beats
    assert _accents(np.array([3.0, 1.0, 3.0, 1.0]), 2) == [2.0, -2.0]
    assert _accents(np.ones(4), 2) == [0.0, 0.0]


def test_changes_are_shares_of_pitch_classes():
    classes = np.zeros((4, 12), bool)
    for beat, chord in enumerate([(0, 4, 7), (0, 4, 7), (0, 5, 9), ()]):
        classes[beat, list(chord)] = True
    assert _changes(classes).tolist() == [0.0, 0.0, 0.8, 1.0]


def test_what_comes_again_counts_by_onset_and_pitch():
    top = np.array([60, 0, 62, 0, 60, 0, 64, 0])
    assert _again(top, 4) == 1.5  # both onsets come again, one of them with its pitch
    assert _again(top, 1) == 0.0
    assert _again(top, 6) == 0.0  # too little left to tell


def test_the_middle_of_the_bar_tells_six_eight():
    assert _of_three(np.array([2.0, 0, 0, 1, 0, 0] * 4), 0) == "6/8"
    assert _of_three(np.array([2.0, 0, 1, 0, 1, 0] * 4), 0) == "3/4"
    assert _of_three(np.array([0.0, 2, 0, 0, 1, 0] * 4), 1) == "6/8"


# ---- another meter -------------------------------------------------------------------------------------------------


def test_a_meter_that_is_asked_for_overrides_what_a_file_says():
    data = to_bytes(c_major_scale())
    song = read_song(data, meter="3/4")
    assert (song.meter, song.meters, song.remarks) == ("3/4", ((1, "3/4"),), ["says 4/4; read as 3/4"])
    assert read_song(data, meter="4/4").warnings == []
    with pytest.raises(InputError, match="meter 9/8; wanted 4/4"):
        read_song(data, meter="9/8", read_as=READ_IN_PHRASES)


def test_a_meter_as_text_is_a_known_one_after_a_shorter_pickup():
    assert meters_in("6/8", 480) == [(0, 6, 8)]
    assert meters_in("3/8+4/4", 480) == [(0, 3, 8), (720, 4, 4)]
    for text in ("", "4", "5/4", "4/4+4/4", "5/4+4/4", "0/4+4/4", "1/4+", "1/3+4/4", "4/0", "1/4+1/4+4/4"):
        with pytest.raises(UsageError, match="wanted one of"):
            check_meter_text(text)


# ---- new bars in such files ----------------------------------------------------------------------------------------


def test_room_is_made_in_the_bars_that_are_heard():
    song = read_song(spoken((1, 4), *KINDS["triple"][0]))
    assert (after(song, 2, "x.mid").text, within(song, 3, 4, "x.mid").text) == ("9..10", "3..4")
    room = before(song, 2, "x.mid")
    assert (room.text, room.song.meter, room.song.sections[0].bars) == ("1..2", "3/4", 10)


def test_two_such_songs_are_joined_in_bars_that_the_file_says():
    first, second = read_song(spoken((1, 4), *KINDS["duple"][0])), read_song(to_bytes(c_major_scale()))
    for songs in ((first, second), (second, first), (first, first)):
        joined = between(*songs, 2, ("a.mid", "b.mid")).song
        assert (joined.file.read_in, {meter for _, meter in joined.meters}) == ("", {"4/4"})
