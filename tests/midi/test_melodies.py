"""Many files for learning: which tracks and bars are taken, and why others are not."""

import mido

from musiclc.midi import READ_IN_PHRASES, read_runs
from tests.midi.test_song import file_of, meter, notes


def runs(tmp_path, data):
    (tmp_path / "a.mid").write_bytes(data)
    reading = read_runs(tmp_path / "a.mid")
    return reading.runs, dict(reading.skipped)


def test_runs_leave_out_drums_and_chords_and_foreign_meters(tmp_path):
    def track(channel, pitches):
        messages = []
        for pitch in pitches:
            group = pitch if isinstance(pitch, tuple) else (pitch,)
            messages += [mido.Message("note_on", channel=channel, note=p, velocity=80) for p in group]
            messages += [mido.Message("note_off", channel=channel, note=p, time=480 if p == group[0] else 0) for p in group]
        return mido.MidiTrack(messages)

    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks += [track(0, [60, 62, 64, 65] * 4), track(9, [35] * 16), track(1, [(60, 64, 67)] * 16)]
    file.save(tmp_path / "a.mid")
    reading = read_runs(tmp_path / "a.mid")
    assert [(m.meter, m.bars, len(m.notes)) for m in reading.runs] == [("4/4", 4, 16)]
    assert dict(reading.skipped) == {"tracks: drums": 1, "tracks: not a single voice": 1}
    file.tracks.insert(0, mido.MidiTrack([mido.MetaMessage("time_signature", numerator=5, denominator=4)]))
    file.save(tmp_path / "b.mid")
    assert read_runs(tmp_path / "b.mid").skipped["sections: meter 5/4"] == 1


def test_a_bar_off_the_grid_breaks_a_run(tmp_path):
    tune = [(2 * i + (0.3 if 16 <= 2 * i < 32 else 0), 60 + i, 1) for i in range(24)]
    found, skipped = runs(tmp_path, file_of([meter(4, 4), *notes(*tune)]))
    assert [(m.bars, len(m.notes)) for m in found] == [(1, 8), (1, 8)]
    assert skipped == {"bars: too many onsets off the sixteenth grid": 1}


def test_instruments_of_one_track_are_read_apart_in_the_order_in_which_they_end(tmp_path):
    long, short = notes((0, 72, 16), (16, 74, 16), channel=1), notes(*((4 * i, 60 + i, 4) for i in range(8)), channel=2)
    found, _ = runs(tmp_path, file_of(sorted(long + short, key=lambda e: (e[0], e[1].type == "note_on")), midi_type=0))
    assert [len(m.notes) for m in found] == [8, 2]
    program = (16 * 120, mido.Message("program_change", program=40, channel=2))
    found, _ = runs(tmp_path, file_of(sorted([*short, program], key=lambda e: (e[0], e[1].type == "note_on"))))
    assert [[n.start for n in m.notes] for m in found] == [[0, 4, 8, 12], [16, 20, 24, 28]]


def test_tracks_of_type_2_have_their_own_meters(tmp_path):
    tune = [(4 * i, 60 + i, 4) for i in range(6)]
    found, _ = runs(tmp_path, file_of([meter(3, 4), *notes(*tune)], [meter(4, 4), *notes(*tune)], midi_type=2))
    assert [(m.meter, m.bars) for m in found] == [("3/4", 2), ("4/4", 2)]


def test_two_four_has_bars_of_its_own_but_pairs_of_them_in_phrases(tmp_path):
    tune = [(4 * i, 60 + i, 4) for i in range(8)]
    found, _ = runs(tmp_path, file_of([meter(2, 4), meter(9, 8, 16), *notes(*tune)]))
    assert [(m.meter, m.bars) for m in found] == [("2/4", 2), ("9/8", 1)]
    reading = read_runs(tmp_path / "a.mid", READ_IN_PHRASES)
    assert [(m.meter, m.bars) for m in reading.runs] == [("4/4", 1)]
    assert dict(reading.skipped) == {"sections: meter 9/8": 1}
