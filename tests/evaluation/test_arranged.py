"""Files built around a melody, and the comparison that tells what an edit changed besides it."""

import io

import mido

from musiclc.evaluation.arranged import CHANNEL, MELODY, arranged, differences
from musiclc.midi import read_song, to_bytes
from tests.editing.test_rewrite import reel


def test_the_melody_is_still_there_among_everything_else():
    data = arranged(to_bytes(reel()), 3)
    song = read_song(data, track=MELODY)
    assert [(n.start, n.pitch) for n in song.sections[0].melody.notes] == [(n.start, n.pitch) for n in reel().notes]
    kinds = {m.type for t in mido.MidiFile(file=io.BytesIO(data)).tracks for m in t}
    assert kinds >= {"marker", "lyrics", "sysex", "aftertouch", "polytouch", "pitchwheel", "program_change", "set_tempo"}
    assert arranged(to_bytes(reel()), 3) == data


def test_differences_see_any_other_event_and_only_those():
    data = arranged(to_bytes(reel()), 3)
    assert differences(data, data) == []

    def with_change(kind, **values):
        file = mido.MidiFile(file=io.BytesIO(data))
        for track in file.tracks:
            for i, m in enumerate(track):
                if m.type == kind and (kind != "note_on" or (m.channel == CHANNEL) == values.pop("ours", True)):
                    track[i] = m.copy(**values)
                    buffer = io.BytesIO()
                    file.save(file=buffer)
                    return buffer.getvalue()
        raise AssertionError(kind)

    assert differences(data, with_change("note_on", note=77)) == []
    assert differences(data, with_change("note_on", ours=False, note=77))
    assert differences(data, with_change("lyrics", text="lo"))
    assert differences(data, with_change("pitchwheel", pitch=1))
    assert differences(data, with_change("end_of_track", time=10_000))
