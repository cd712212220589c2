"""Two files as one, worked by hand: where everything goes, in which tracks, channels and ticks; what is said at the join."""

import mido
import pytest

from musiclc.errors import InputError
from musiclc.midi import read_song
from musiclc.midi.joined import between
from tests.midi.band import BAR, CHANNEL, QUARTER, band, note, others, played, quarters
from tests.songs import absolute, loaded, saved, track_of


def joined(a, b, bars=2, tracks=("auto", "auto")):
    return between(*(read_song(data, track=track) for data, track in zip((a, b), tracks, strict=True)), bars, ("a.mid", "b.mid"))


def small(channel=CHANNEL, events=(), ticks=QUARTER, name="Voice", midi_type=1, bars=2, more=()):
    """Two bars of a melody on a channel with its name. more: further tracks; events: further ones of the first."""
    per = ticks // QUARTER if ticks >= QUARTER else 1 / (QUARTER // ticks)
    melody = [(round(t * per), m.copy(channel=channel)) for t, m in quarters(bars)]
    file = mido.MidiFile(type=midi_type, ticks_per_beat=ticks)
    own = [(0, mido.MetaMessage("track_name", name=name))] if name else []
    file.tracks.append(track_of([*own, *events, *melody, (round(bars * BAR * per), mido.MetaMessage("end_of_track"))]))
    file.tracks += [track_of(events) for events in more]
    return saved(file)


def test_one_file_after_the_other_with_room_between():
    room = joined(band(), band(), tracks=("Voice", "Voice"))
    assert (room.first, room.bars, room.text, room.section.bars) == (8, 2, "9..10", 18)
    assert (room.song.track.index, room.song.track.name) == (1, "Voice")
    data = room.song.data
    assert len(loaded(data).tracks) == 5
    there = played(band())
    assert played(data) == [*there, *((on + 10 * BAR, off + 10 * BAR, *rest) for on, off, *rest in there)]
    assert room.song.tempos == ((1, 100.0), (3, 120.0), (7, 150.0), (11, 100.0), (13, 120.0), (17, 150.0))
    bend = (10 * BAR, mido.Message("pitchwheel", channel=CHANNEL, pitch=0))  # the first file's last bend is none of the second's
    for track, (was, now) in enumerate(zip(others(band()), others(data), strict=True)):
        said = [(t, m) for t, m in was if m.type != "end_of_track"]
        later = [(t + 10 * BAR, m) for t, m in said if m.type != "track_name"]
        assert sorted(now[:-1], key=str) == sorted([*said, *later, *([bend] if track == 1 else [])], key=str)


def test_ticks_are_counted_in_the_least_that_holds_both():
    data = joined(small(ticks=96), small(ticks=120)).song.data
    assert loaded(data).ticks_per_beat == 480
    assert played(data, 0) == sorted([*played(small(), 0), *((on + 4 * BAR, off + 4 * BAR, *rest) for on, off, *rest in played(small(), 0))])


def test_the_second_melody_goes_to_the_first_s_channel_and_what_was_there_to_its_own():
    """The second file's bass played on the channel that the first file's melody has."""
    bass = [(0, mido.MetaMessage("track_name", name="Low")), (0, mido.Message("program_change", channel=CHANNEL, program=33))]
    bass += [e for bar in range(2) for e in note(bar * BAR, 36, 50, CHANNEL, 900)]
    second = small(channel=7, events=[(0, mido.Message("program_change", channel=7, program=40))], more=[bass])
    room = joined(small(), second, tracks=("auto", "Voice"))
    tracks = [[(t, m) for t, m in absolute(track) if not m.is_meta] for track in loaded(room.song.data).tracks]
    assert {m.channel for _, m in tracks[0]} == {CHANNEL}
    assert (4 * BAR, mido.Message("program_change", channel=CHANNEL, program=40)) in tracks[0]
    assert [(t, m.type, m.channel) for t, m in tracks[1]][:2] == [(4 * BAR, "program_change", 7), (4 * BAR, "note_on", 7)]
    assert loaded(room.song.data).tracks[1].name == "Low"


def test_tracks_of_one_name_are_one_and_others_their_own():
    def low(pitch):
        return [(0, mido.MetaMessage("track_name", name="bass" if pitch else "Strings")), *note(0, pitch or 50, channel=5)]

    data = joined(small(more=[low(30)]), small(more=[low(40), low(0)]), tracks=("Voice", "Voice")).song.data
    tracks = loaded(data).tracks
    assert [track.name for track in tracks] == ["Voice", "bass", "Strings"]
    assert [(t, m.note) for t, m in absolute(tracks[1]) if m.type == "note_on"] == [(0, 30), (4 * BAR, 40)]
    assert [(t, m.note) for t, m in absolute(tracks[2]) if m.type == "note_on"] == [(4 * BAR, 50)]


def test_what_the_second_does_not_say_is_said_at_its_beginning():
    left = [
        (0, mido.MetaMessage("set_tempo", tempo=400_000)),
        (0, mido.MetaMessage("time_signature", numerator=2, denominator=2)),
        (0, mido.Message("program_change", channel=CHANNEL, program=73)),
        (BAR, mido.Message("pitchwheel", channel=CHANNEL, pitch=500)),
        (BAR, mido.Message("control_change", channel=CHANNEL, control=64, value=127)),
        (BAR, mido.Message("program_change", channel=5, program=20)),
    ]
    bass = [(0, mido.MetaMessage("track_name", name="Low")), *note(0, 36, channel=5)]
    data = joined(small(events=left), small(more=[bass]), tracks=("auto", "Voice")).song.data
    at_join = [[m for t, m in absolute(track) if t == 4 * BAR and not m.type.startswith("note")] for track in loaded(data).tracks]
    assert [m.type for m in at_join[0]] == ["time_signature", "set_tempo", "pitchwheel", "control_change"]
    assert (at_join[0][1].tempo, at_join[0][2].pitch, at_join[0][3].value) == (500_000, 0, 0)
    assert [(m.type, m.program) for m in at_join[1]] == [("program_change", 0)]


def test_the_first_song_ends_with_its_last_note_and_the_second_begins_with_its_first():
    late = [(9 * BAR, mido.Message("control_change", channel=CHANNEL, control=7, value=1)), (9 * BAR, mido.MetaMessage("set_tempo", tempo=250_000))]
    first = small(events=late, more=[[*note(2 * BAR, 30, channel=5, length=BAR)]])
    second = small(bars=3)
    file = loaded(second)
    file.tracks[0] = track_of([(t + 2 * BAR if m.type.startswith("note") else t, m) for t, m in absolute(file.tracks[0]) if m.type != "end_of_track"])
    room = joined(first, saved(file), tracks=("Voice", "auto"))
    assert room.text == "4..5"  # after the bass's bar
    assert played(room.song.data, 0)[8][0] == 5 * BAR
    assert [(t, m.value) for t, m in absolute(loaded(room.song.data).tracks[0]) if m.type == "control_change"] == [(3 * BAR, 1)]
    assert room.song.tempos == ((1, 120.0), (4, 240.0), (6, 120.0))


def test_a_note_that_nothing_ends_ends_at_the_join():
    hanging = [(BAR, mido.Message("note_on", channel=5, note=30, velocity=50))]
    data = joined(small(more=[hanging]), small(), tracks=("Voice", "auto")).song.data
    assert played(data, 1, 5) == [(BAR, 2 * BAR, 30, 50, 64)]


def test_a_pickup_of_the_second_gets_a_whole_bar():
    events = [
        (0, mido.MetaMessage("time_signature", numerator=1, denominator=4)),
        (QUARTER, mido.MetaMessage("time_signature", numerator=4, denominator=4)),
    ]
    file = mido.MidiFile(type=1, ticks_per_beat=QUARTER)
    file.tracks.append(track_of([*events, *note(0, 67), *quarters(2, start=QUARTER)]))
    room = joined(small(), saved(file))
    assert room.text == "3..4"
    assert room.song.meters == ((1, "4/4"),)
    starts = [n.start for n in room.section.notes][8:]
    assert starts[:3] == [4 * 16 + 12, 5 * 16, 5 * 16 + 4]


def test_two_files_of_type_0_make_one_and_one_beside_another_is_taken_apart():
    def merged(voice, low):
        file = mido.MidiFile(type=0, ticks_per_beat=QUARTER)
        bass = [e for bar in range(2) for e in note(bar * BAR, 36, 50, low, 900)]
        melody = [(t, m.copy(channel=voice)) for t, m in quarters(2)]
        file.tracks.append(track_of([(0, mido.MetaMessage("set_tempo", tempo=400_000)), *bass, *melody]))
        return saved(file)

    room = joined(merged(2, 5), merged(5, 2), tracks=("channel 3", "channel 6"))
    assert (room.song.midi_type, len(loaded(room.song.data).tracks)) == (0, 1)
    assert room.song.track.channels == (2,)
    assert [n[0] for n in played(room.song.data, 0, 2)] == [n[0] for n in played(small(), 0)] + [n[0] + 4 * BAR for n in played(small(), 0)]
    assert [n[0] for n in played(room.song.data, 0, 5)] == [0, BAR, 4 * BAR, 5 * BAR]
    room = joined(merged(2, 5), small(), tracks=("channel 3", "auto"))
    assert (room.song.midi_type, room.song.track.index) == (1, 2)
    assert len(played(room.song.data, 2, 2)) == 16
    room = joined(small(), merged(2, 5), tracks=("auto", "channel 3"))
    assert len(played(room.song.data, 0)) == 16
    assert [n[0] for n in played(room.song.data, 1, 5)] == [4 * BAR, 5 * BAR]


def test_songs_that_do_not_go_together_are_refused():
    waltz = small(events=[(0, mido.MetaMessage("time_signature", numerator=3, denominator=4))])
    with pytest.raises(InputError, match=r"^a\.mid ends in 4/4 and b\.mid begins in 3/4; wanted both in one of 4/4, 3/4, 6/8"):
        joined(small(), waltz)
    odd = band(quarters(6), extra=[(6 * BAR, mido.MetaMessage("time_signature", numerator=7, denominator=16))])
    with pytest.raises(InputError, match=r"^a\.mid ends in 7/16 and b\.mid begins in 4/4"):
        joined(odd, small(), tracks=("Voice", "auto"))
    file = loaded(small())
    file.type = 2
    with pytest.raises(InputError, match=r"^b\.mid: type 2, whose tracks are pieces of their own; wanted type 0 or 1$"):
        joined(small(), saved(file))
