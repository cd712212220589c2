"""Broken files: each fault worked by hand, what is read and what is said; that sound files pass as they are; that no bytes make a traceback."""

import io
import random
import struct

import mido
import pytest

from musiclc.errors import InputError, MusiclcError
from musiclc.midi import read_notes, read_runs, read_song
from musiclc.midi.codec import parse
from musiclc.midi.mend import opened
from musiclc.midi.notes import pair
from musiclc.music.melody import Melody
from tests.helpers import work
from tests.midi.broken import END, PITCHES, QUARTER, SIGNATURE, SOUND, TUNE, file, note, track, wrapped
from tests.songs import song_file

HEAD, VOICE = track(SIGNATURE + END), track(TUNE + END)
TEMPO_OF_ONE = b"\0\xff\x51\x03\x0f\x42\x40"  # a quarter note a second


def notes(data):
    """(on, off, pitch) of all notes, as read."""
    return [(n.on, n.off, n.pitch) for events in opened(data, "x.mid").tracks for n in pair(events)]


WHOLE = [(QUARTER * i, QUARTER * (i + 1), pitch) for i, pitch in enumerate(PITCHES)]

# what was done to SOUND, the notes that are still there, what is said
FAULTS = {
    "cut within a note": (SOUND[: -len(END) - 3], [*WHOLE[:3], (288, 288, 65)], "ends too early (track 1)"),
    "cut between events": (SOUND[: -len(END) - 4], [*WHOLE[:3], (288, 288, 65)], "ends too early (track 1)"),
    "cut before the end of track": (SOUND[: -len(END)], WHOLE, "ends too early (track 1)"),
    "cut after the first track": (file(VOICE, count=2), WHOLE, "counts 2 tracks, there is 1"),
    "length too short": (file(HEAD, track(TUNE + END, 11)), WHOLE, "a wrong length (track 1)"),
    "length too short before another": (file(track(TUNE + END, 11), HEAD), WHOLE, "a wrong length (track 0)"),
    "length too long": (file(track(TUNE + END, 99), HEAD), WHOLE, "a wrong length (track 0)"),
    "length too long in the last": (file(HEAD, track(TUNE + END, 99)), WHOLE, "a wrong length (track 1)"),
    "length of all ones": (file(track(TUNE + END, 0xFFFFFFFF), HEAD), WHOLE, "a wrong length (track 0)"),
    "no end of track": (file(HEAD, track(TUNE)), WHOLE, "no end of track (track 1)"),
    "no end of any track": (file(track(SIGNATURE), track(TUNE)), WHOLE, "no end of track (tracks 0, 1)"),
    "an empty track": (file(track(b""), VOICE), WHOLE, "no end of track (track 0)"),
    "an end in the middle": (file(track(TUNE[:16] + END + TUNE[16:] + END)), WHOLE, "an end of track in the middle (track 0)"),
    "junk after the end of a track": (file(track(TUNE + END + b"\0\0\1\2"), HEAD), WHOLE, "bytes that are no event (track 0)"),
    "junk after the last chunk": (SOUND + b"tail", WHOLE, "4 bytes after the last track left out"),
    "zeros after the last chunk": (SOUND + bytes(512), WHOLE, "512 bytes after the last track left out"),
    "junk between tracks": (file(HEAD, b"\0\1\2", VOICE, count=2), WHOLE, "bytes between chunks left out"),
    "a misspelt track": (file(HEAD, track(TUNE + END, kind=b"MTrq")), WHOLE, "a misspelt head of a track (track 1)"),
    "RIFF": (wrapped(SOUND), WHOLE, "a RIFF wrapper was taken off"),
    "RIFF with more after it": (wrapped(SOUND, b"LIST\4\0\0\0INFO"), WHOLE, "a RIFF wrapper was taken off"),
    "bytes before the header": (bytes(128) + SOUND, WHOLE, "128 bytes before the header left out"),
    "too many tracks counted": (file(HEAD, VOICE, count=9), WHOLE, "counts 9 tracks, there are 2"),
    "too few tracks counted": (file(HEAD, VOICE, count=1), WHOLE, "counts 1 track, there are 2"),
    "no tracks counted": (file(HEAD, VOICE, count=0), WHOLE, "counts 0 tracks, there are 2"),
    "an unknown type": (file(HEAD, VOICE, midi_type=7), WHOLE, "says type 7, read as 1"),
    "type 0 with two tracks": (file(HEAD, VOICE, midi_type=0), WHOLE, "says type 0, read as 1"),
    "a header of no length": (SOUND[:7] + b"\0" + SOUND[8:], WHOLE, "the header has a wrong length"),
    "a header of great length": (SOUND[:4] + b"\x77" + SOUND[5:], WHOLE, "the header has a wrong length"),
    "a pitch above 127": (
        file(track(TUNE.replace(bytes((0x90, 62)), b"\x90\xbe") + END)),
        [WHOLE[0], (96, 384, 127), *WHOLE[2:]],
        "data bytes above 127 (track 0)",
    ),
    "running status after a meta event": (
        file(track(note(60) + b"\0\xff\x01\1a" + bytes((0, 62, 64)) + note(64) + END)),
        [(0, 96, 60), (96, 192, 64)],
        "running status after a meta or sysex event (track 0)",
    ),
    "running status after sysex": (
        file(track(note(60) + b"\0\xf0\2\1\xf7" + bytes((0, 62, 64)) + note(64) + END)),
        [(0, 96, 60), (96, 192, 64)],
        "running status after a meta or sysex event (track 0)",
    ),
    "running status before any": (file(track(bytes((0, 62, 64)) + TUNE + END)), WHOLE, "bytes that are no event (track 0)"),
    "an undefined status": (file(track(b"\0\xf4" + TUNE + END)), WHOLE, "bytes that are no event (track 0)"),
    "a meta event longer than its track": (file(track(b"\0\xff\1\x7fhi" + TUNE + END)), WHOLE, "bytes that are no event (track 0)"),
    "a number of five bytes": (
        file(track(b"\x80\x80\x80\x80" + TUNE + END)),
        WHOLE,
        "numbers of more than four bytes (track 0)",
    ),
    "no ticks": (file(HEAD, VOICE, ticks=0), WHOLE, "has 0 ticks a quarter note, read as 192"),
    "frames": (file(track(TEMPO_OF_ONE + TUNE + END), ticks=0xE804), WHOLE, "counts time in frames, read as 96 ticks a quarter note"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_there_is_read_and_said(fault):
    data, wanted, said = FAULTS[fault]
    assert notes(data) == wanted
    assert opened(data, "x.mid").mended == said


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mended_file_is_sound_and_all_readers_take_it(fault, tmp_path):
    data = FAULTS[fault][0]
    file = opened(data, "x.mid")
    again = opened(file.data, "x.mid")
    assert (again.mended, again.data, again.tracks) == ("", file.data, file.tracks)
    assert sum(m.type == "note_on" for t in mido.MidiFile(file=io.BytesIO(file.data)).tracks for m in t) == len(notes(data))
    song = read_song(data)
    assert song.warnings[0] == f"mended: {file.mended}"
    assert song.data == file.data
    assert len(read_notes("x.mid", data).notes) == len(notes(data))
    (tmp_path / "x.mid").write_bytes(data)
    assert read_runs(tmp_path / "x.mid").runs


def test_an_edited_broken_file_is_sound_with_all_that_could_be_read():
    lyric = b"\0\xff\x05\2la"
    data = wrapped(file(HEAD, track(b"hello", kind=b"XTRA"), track(lyric + TUNE + END, 11), count=7))
    song = read_song(data)
    (section,) = song.sections
    edited = song.replaced([section.melody.transpose(2)])
    assert edited == file(HEAD, track(b"hello", kind=b"XTRA"), track(lyric + b"".join(note(p + 2) for p in PITCHES) + END), count=2)


def test_a_chunk_of_unknown_kind_is_no_fault():
    data = file(HEAD, track(b"hello", kind=b"XTRA"), VOICE, track(b"", kind=b"XFIH"), count=2)
    assert opened(data, "x.mid").data is data
    song = read_song(data)
    assert song.warnings == []
    assert song.replaced([song.sections[0].melody.transpose(12)]) == data.replace(TUNE, b"".join(note(p + 12) for p in PITCHES))


def test_a_truncated_chunk_of_unknown_kind_is_left_out():
    assert notes(file(HEAD, VOICE, track(b"he", 99, b"XTRA"), count=2)) == WHOLE


def test_tracks_of_a_broken_type_2_file_stay_pieces_of_their_own():
    song = read_song(file(VOICE, track(TUNE), midi_type=2))
    assert (song.midi_type, len(song.tracks)) == (2, 2)


@pytest.mark.parametrize("seed", range(60))
def test_a_sound_file_passes_byte_for_byte(seed):
    data = song_file(seed, chords=seed % 2 == 0).data
    file = opened(data, "x.mid")
    assert file.data is data
    assert file == parse(data, "x.mid")


@pytest.mark.parametrize("data", [b"", b"text", SOUND[14:], SOUND[:14], file(HEAD), file(track(END), count=2), wrapped(b"")])
def test_what_has_no_header_or_no_notes_is_refused_in_one_line(data):
    with pytest.raises(InputError, match=r"^x\.mid: [^\n]+$"):
        read_song(data, name="x.mid")


def test_many_faults_are_one_short_line():
    data = file(*[track(TUNE)] * 50, b"\0\1", *[track(TUNE + b"\0\xf4" + END)] * 50, track(TUNE + END, 7), count=3, midi_type=9) + b"tail"
    said = opened(data, "x.mid").mended
    assert said.startswith("no end of track (tracks 0, 1, 2, 3, …); ends too early (track 49); bytes that are no event (tracks 50, 51, 52, 53, …); ")
    assert said.endswith("; 3 more faults")
    assert len(said) < 200


# ---- time ----------------------------------------------------------------------------------------------------------


def test_a_delta_time_longer_than_any_piece_is_a_quarter_note():
    body = note(60) + b"\xff\xff\xff\x7f" + note(62)[1:] + END
    assert notes(file(track(body))) == [(0, 96, 60), (192, 288, 62)]
    assert opened(file(track(body)), "x.mid").mended == "a delta time longer than any piece (track 0)"


def test_frames_are_as_many_seconds_as_they_were():
    # 25 frames of 40 ticks: a tick is a millisecond, whatever the second tempo says
    data = file(track(TEMPO_OF_ONE + note(60) + TEMPO_OF_ONE[:-1] + b"\0" + note(62) + END), ticks=0xE728)
    assert [(n.start, n.end) for n in read_notes("x.mid", data).notes] == [(0, 0.096), (0.096, 0.192)]
    assert opened(data, "x.mid").ticks == 1000


def test_impossible_ticks_are_guessed_from_the_notes():
    tune = b"".join(note(60 + i % 12) for i in range(600))  # quarters of 96 ticks, or eighths of 192: 57,600 quarters if a tick were one
    assert opened(file(track(tune + END), ticks=1), "x.mid").mended == "has 1 ticks a quarter note, read as 192"


# ---- all kinds of breakage -----------------------------------------------------------------------------------------


def outcome(data):
    """A song, or the one line that refuses it; anything else fails the test."""
    try:
        song = read_song(data, name="x.mid")
    except MusiclcError as error:
        return _refused(str(error))
    silent = [Melody((), s.melody.meter, s.melody.bars) for s in song.sections]
    assert opened(song.replaced(silent, [[None] * len(s.extras) for s in song.sections]), "x.mid").mended == ""
    return song


def _refused(line):
    assert line.startswith("x.mid: ")
    assert "\n" not in line


def test_every_prefix_with_a_note_is_read():
    first = SOUND.index(bytes((0x90, 60))) + 3
    for size in range(len(SOUND)):
        song = outcome(SOUND[:size])
        assert (song is not None) == (size >= first), size
        ended = (size - first + 3) // 8  # notes whose both events are there
        assert song is None or [n.pitch for n in song.entry.notes][:ended] == list(PITCHES[:ended])


def mutated(r, data):
    """The bytes with one changed, left out or more."""
    at = r.randrange(len(data))
    return r.choice([data[:at] + bytes([r.randrange(256)]) + data[at + 1 :], data[:at] + data[at + 1 :], data[:at] + b"\x90" + data[at:]])


def read_by_mido(data):
    """Whether mido reads notes of it."""
    try:
        return any(m.type == "note_on" and m.velocity for t in mido.MidiFile(file=io.BytesIO(data), clip=True).tracks for m in t)
    except (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, struct.error):
        return False


def test_every_single_change_ends_in_a_result_or_one_line_and_what_mido_reads_is_read():
    r, theirs, ours = random.Random(1), 0, 0
    for number in range(600):
        data = mutated(r, SOUND if number % 2 else song_file(number % 40).data)
        outcome(data)
        try:
            read = bool(read_notes("x.mid", data).notes)
        except InputError:
            read = False
        assert read or not read_by_mido(data), data.hex()
        theirs, ours = theirs + read_by_mido(data), ours + read
    assert ours > 2 * theirs > 200


@pytest.mark.parametrize("filling", [b"\x80", b"\xf4", b"\0\xf4", b"MTrq\0\0\0\1\xf4", b"\0\x90\xbe\xbe", b"XTRA\0\0\0\0", b"MTrk", b"\0\xff\x2f\0"])
def test_twice_as_many_broken_bytes_are_twice_the_work(filling):
    def reading(times):
        data = file(VOICE, track(TUNE + filling * times, 1 << 30))
        return work(lambda: opened(data, "x.mid"))

    assert reading(1600) < 2.3 * reading(800)


def test_the_quick_look_at_a_sound_file_is_a_small_part_of_reading_it():
    data = file(track(TUNE * 500 + END))
    assert work(lambda: opened(data, "x.mid")) < 1.35 * work(lambda: parse(data, "x.mid"))


def test_twelve_thousand_bars_of_many_events_are_no_broken_delta_time():
    bars = 12_000
    data = file(track((note(60) + b"\x82\x20" + note(62)[1:]) * bars + END))
    assert opened(data, "x.mid").data is data
