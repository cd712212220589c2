"""Ticks as seconds, and for whom a meter or a tempo holds."""

from fractions import Fraction

from musiclc.midi.codec import END_OF_TRACK, METER, TEMPO, encoded, meta_message, parse
from musiclc.midi.timing import clock, each_track, keeping_time, meters, tempos


def file_of(*tracks, midi_type=1, ticks=480):
    return parse(encoded(midi_type, ticks, [[*events, meta_message(10**5, END_OF_TRACK)] for events in tracks]), "a.mid")


def tempo(tick, microseconds):
    return meta_message(tick, TEMPO, microseconds.to_bytes(3, "big"))


def test_seconds_through_changes_of_tempo_are_rounded_once():
    file = file_of([tempo(480, 1_000_000), tempo(960, 333_333)], ticks=480)
    seconds = clock(file, [0])
    assert [seconds(t) for t in (0, 240, 480, 720, 960)] == [0.0, 0.25, 0.5, 1.0, 1.5]
    exact = Fraction(3, 2) + Fraction(333_333 * (50_001 - 960), 480 * 10**6)
    assert seconds(50_001) == float(exact)


def test_nothing_said_is_four_quarters_at_a_hundred_and_twenty():
    file = file_of([])
    assert (meters(file, [0]), tempos(file, [0])) == ([(0, 4, 4)], [(0, 500_000)])


def test_zeros_and_cut_events_say_nothing():
    file = file_of([tempo(0, 0), meta_message(0, TEMPO, b"\x01"), meta_message(0, METER, b"\x00\x02"), meta_message(0, METER, b"\x03\x07")])
    assert (meters(file, [0]), tempos(file, [0])) == ([(0, 4, 4)], [(0, 500_000)])


def test_tracks_of_type_2_keep_their_own_time_and_others_one():
    said = [tempo(0, 600_000)], [tempo(0, 700_000), meta_message(0, METER, b"\x03\x02")]
    alone, together = file_of(*said, midi_type=2), file_of(*said)
    assert each_track(alone, tempos) == [[(0, 600_000)], [(0, 700_000)]]
    assert each_track(together, tempos) == [[(0, 700_000)]] * 2
    assert each_track(together, meters) == [[(0, 3, 4)]] * 2
    assert (list(keeping_time(alone, 1)), list(keeping_time(together, 1))) == ([1], [0, 1])
