"""Songs worked by hand: what is read of a file, and which bytes of it an edit changes."""

import contextlib
import random
from dataclasses import replace

import mido
import pytest

from musiclc.errors import InputError, MusiclcError
from musiclc.midi import READ_IN_PHRASES, read_melody, read_song, to_bytes
from musiclc.midi.codec import parse
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import METERS
from tests.helpers import c_major_scale, jig, work
from tests.songs import absolute, loaded, saved, song_file, track_of

TICKS = 480


def meter(numerator, denominator, step=0):
    return step * 120, mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)


def notes(*given, channel=0, velocity=80):
    """(step, pitch, steps) as events, off the grid where a step is no whole number."""
    events = []
    for start, pitch, length in given:
        events.append((round(start * 120), mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)))
        events.append((round((start + length) * 120), mido.Message("note_off", channel=channel, note=pitch, velocity=30)))
    return sorted(events, key=lambda e: (e[0], e[1].type == "note_on"))


def file_of(*tracks, midi_type=1):
    file = mido.MidiFile(type=midi_type, ticks_per_beat=TICKS)
    file.tracks += [track_of(t) for t in tracks]
    return saved(file)


def named(name, events):
    return [(0, mido.MetaMessage("track_name", name=name)), *events]


def with_notes(section, *given):
    return Melody(tuple(Note(*n) for n in given), section.melody.meter, section.melody.bars)


def sounding(data, track=0):
    """(tick, type, pitch, velocity) of the notes' events."""
    return [(t, m.type, m.note, m.velocity) for t, m in absolute(loaded(data).tracks[track]) if m.type.startswith("note")]


# ---- reading -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("melody", [c_major_scale(), jig()])
def test_own_files_read_as_one_section(melody, tmp_path):
    (tmp_path / "a.mid").write_bytes(to_bytes(melody, bpm=90))
    song = read_song(tmp_path / "a.mid")
    assert [s.melody for s in song.sections] == [melody]
    assert (song.meter, song.bpm, song.length_bars, song.midi_type, song.warnings) == (melody.meter, 90, 4, 1, [])
    assert read_melody(tmp_path / "a.mid") == melody


def test_an_explicit_pickup_is_the_end_of_a_locked_bar():
    data = file_of([meter(1, 4), meter(4, 4, 4), *notes((0, 67, 4), (4, 72, 8), (12, 71, 8))])
    song = read_song(data)
    (section,) = song.sections
    assert (section.locked_steps, section.first_bar, section.melody.bars, song.length_bars) == (12, 1, 2, 2)
    assert section.melody.notes == (Note(12, 67, 4), Note(16, 72, 8), Note(24, 71, 8))
    assert [section.bar_number(b) for b in (0, 1)] == [1, 2]
    edited = song.replaced([with_notes(section, (12, 60, 2), (14, 62, 2), (16, 72, 8), (24, 71, 8))])
    assert sounding(edited)[:4] == [(0, "note_on", 60, 80), (240, "note_off", 60, 30), (240, "note_on", 62, 80), (480, "note_off", 62, 30)]
    with pytest.raises(MusiclcError, match="step 8; the file has only steps 12 to 31"):
        song.replaced([with_notes(section, (8, 60, 2))])


@pytest.mark.parametrize("name", METERS)
def test_every_meter_is_read_in_bars_of_its_own(name):
    bar = METERS[name]
    tune = Melody(tuple(Note(i * bar + s, 60 + i, 2) for i in range(5) for s in (0, 4)), name, 5)
    song = read_song(to_bytes(tune))
    (section,) = song.sections
    assert (section.melody, song.melody) == (tune, tune)
    assert (section.locked_steps, section.locked_end, song.length_bars, song.edited_bars, song.warnings) == (0, 0, 5, [(1, 5)], [])
    assert [section.bar_number(i) for i in range(5)] == [1, 2, 3, 4, 5]
    higher = section.melody.transpose(1)
    assert read_melody(song.replaced([higher])) == higher


def test_a_pickup_is_the_end_of_a_bar_of_the_meter_that_follows():
    song = read_song(file_of([meter(1, 8), meter(9, 8, 2), *notes((0, 67, 2), *((2 + 6 * i, 72, 6) for i in range(6)))]))
    (section,) = song.sections
    assert (section.meter, section.bars, section.locked_steps, section.notes[0]) == ("9/8", 3, 16, Note(16, 67, 2))


def test_a_bar_of_two_four_among_bars_of_four_is_a_bar():
    song = read_song(file_of([meter(4, 4), meter(2, 4, 16), meter(4, 4, 24), *notes((0, 60, 16), (16, 62, 8), (24, 64, 16))]))
    assert [(s.meter, s.bars) for s in song.sections] == [("4/4", 1), ("2/4", 1), ("4/4", 1)]
    assert song.melody == Melody((Note(0, 60, 16), Note(16, 62, 16), Note(32, 64, 16)), "4/4", 3)


@pytest.mark.parametrize("signature", [(9, 8), (12, 8), (3, 8)])
def test_four_bar_phrases_know_fewer_meters(signature):
    data = file_of([meter(4, 4), meter(*signature, 16), *notes(*((4 * i, 60 + i, 4) for i in range(16)))])
    song = read_song(data, read_as=READ_IN_PHRASES)
    assert [(s.meter, s.bars, len(s.notes)) for s in song.sections] == [("4/4", 1, 4)]
    assert song.warnings == [f"bars 2-{song.length_bars}: meter {signature[0]}/{signature[1]}; left as they are"]
    alone = file_of([meter(*signature), *notes((0, 60, 4))])
    with pytest.raises(InputError, match=rf"^my\.mid: meter {signature[0]}/8; wanted 4/4, 2/4, 2/2, 3/4 or 6/8$"):
        read_song(alone, name="my.mid", read_as=READ_IN_PHRASES)


@pytest.mark.parametrize("signature", [(2, 4), (4, 4), (3, 8), (6, 8), (9, 8)])
def test_all_readings_find_the_same_track(signature):
    low, high = [(6 * i, 50 + i % 5, 6) for i in range(12)], [(12 * i, 70 + i % 7, 4) for i in range(6)]
    data = file_of([meter(4, 4), meter(*signature, 16)], named("Oboe", notes(*low)), named("Clarinet", notes(*high, channel=1)))
    one, other = read_song(data), read_song(data, read_as=READ_IN_PHRASES)
    assert one.tracks == other.tracks


def test_bars_of_two_four_go_in_pairs_for_four_bar_phrases_and_the_odd_one_is_filled():
    song = read_song(file_of([meter(2, 4), *notes(*((4 * i, 60 + i, 4) for i in range(6)))]), read_as=READ_IN_PHRASES)
    (section,) = song.sections
    assert (section.melody.meter, section.melody.bars, section.locked_steps, section.locked_end) == ("4/4", 2, 0, 8)
    assert (song.length_bars, song.edited_bars, section.bar_number(1)) == (3, [(1, 3)], 3)


def test_sections_part_where_the_meter_changes_and_unknown_ones_pass_through():
    tune = [(4 * i, 60 + i, 4) for i in range(23)]
    data = file_of([meter(4, 4), meter(5, 8, 16), meter(3, 4, 36), meter(3, 4, 48), *notes(*tune[:4], *tune[9:16], (64, 70, 20))])
    song = read_song(data)
    assert [(s.melody.meter, s.first_bar, s.melody.bars, len(s.melody.notes)) for s in song.sections] == [("4/4", 1, 1, 4), ("3/4", 4, 4, 8)]
    assert song.warnings == ["bars 2-3: meter 5/8; left as they are"]
    assert song.meters == ((1, "4/4"), (2, "5/8"), (4, "3/4"))
    assert read_melody(data).notes[:5] == (*song.sections[0].melody.notes, Note(16, 69, 4))  # the 3/4 goes on where the 4/4 ended
    assert read_melody(data).bars == 5


def test_bars_without_notes_are_named_in_one_line():
    data = file_of([meter(4, 4)], notes((16, 60, 4), (80, 62, 4)), notes(*((16 * i, 40, 16) for i in range(8)), channel=3))
    assert read_song(data, track=1).warnings == ["bars 1, 3-5, 7-8: no notes of the melody; left as they are"]


def test_notes_before_a_bar_line_belong_to_the_bar_they_mean():
    data = file_of([meter(5, 8), meter(4, 4, 20), *notes((0, 60, 4), (19.8, 64, 4), (24, 65, 12))])
    assert read_song(data).sections[0].melody.notes == (Note(0, 64, 4), Note(4, 65, 12))


def test_a_pitch_outside_the_piano_moves_the_section_by_octaves_and_back():
    song = read_song(file_of(notes((0, 15, 4), (4, 22, 4))))
    (section,) = song.sections
    assert (section.octaves, [n.pitch for n in section.melody.notes]) == (12, [27, 34])
    assert [e[2] for e in sounding(song.replaced([section.melody.transpose(1)]))] == [16, 16, 23, 23]


# ---- which track ---------------------------------------------------------------------------------------------------

TUNE = notes(*((2 * i, 67 + i % 5, 2) for i in range(16)), channel=2)
CHORDS = notes(*((8 * i, p, 8) for i in range(4) for p in (60, 64, 67)), channel=1)
BASS = notes(*((4 * i, 36 + i % 3, 4) for i in range(8)), channel=3)
DRUMS = notes(*((i, 38, 1) for i in range(32)), channel=9)


@pytest.mark.parametrize("midi_type", [0, 1])
def test_the_melody_is_found_among_chords_bass_and_drums(midi_type):
    tracks = [[meter(4, 4)], CHORDS, TUNE, BASS, DRUMS]
    data = file_of([e for events in tracks for e in events], midi_type=0) if midi_type == 0 else file_of(*tracks)
    song = read_song(data)
    assert song.track.channels == (2,)
    assert song.track.index == (1 if midi_type == 0 else 2)
    assert [t.is_drum for t in song.tracks][-1]
    assert [t.score for t in song.tracks if t.is_drum or not t.notes] == [0.0] * (2 - (midi_type == 0))
    assert song.warnings == []


def test_a_name_decides_between_equals_and_near_ones_are_named():
    song = read_song(file_of(named("Oboe", TUNE), named("Flute melody", TUNE)))
    assert (song.track.name, song.warnings) == ("Flute melody", [])
    song = read_song(file_of(named("Oboe", TUNE), named("Clarinet", TUNE)))
    assert song.warnings == ["took track 0 'Oboe' as the melody; nearly as likely: 1 'Clarinet' (choose with --track)"]


@pytest.mark.parametrize(("wanted", "index"), [("oboe", 0), ("CLAR", 1), ("1", 1), (0, 0), ("Clarinet", 1)])
def test_tracks_go_by_name_beginning_and_index(wanted, index):
    assert read_song(file_of(named("Oboe", TUNE), named("Clarinet", TUNE), named("Kit", DRUMS)), track=wanted).track.index == index


@pytest.mark.parametrize(
    ("wanted", "why"), [("viola", "no track 'viola'"), ("9", "no track '9'"), ("kit", "'kit' is drums"), ("3", "'3' is without")]
)
def test_an_unusable_track_is_one_line_with_the_tracks(wanted, why):
    data = file_of(named("Oboe", TUNE), named("Clarinet", TUNE), named("Kit", DRUMS), [])
    with pytest.raises(InputError, match=rf"^my\.mid: .*{why}.*; wanted auto or one of 0 'Oboe', 1 'Clarinet'$"):
        read_song(data, name="my.mid", track=wanted)


# ---- writing -------------------------------------------------------------------------------------------------------


def test_another_pitch_changes_one_byte_of_each_of_its_events():
    data = song_file(3).data
    song = read_song(data)
    for section_number, section in enumerate(song.sections):
        for at, note in enumerate(section.melody.notes):
            other = list(section.melody.notes)
            other[at] = Note(note.start, 109 - 1 if note.pitch != 108 else 30, note.duration)
            melodies = [Melody(tuple(other), s.melody.meter, s.melody.bars) if i == section_number else s.melody for i, s in enumerate(song.sections)]
            edited = song.replaced(melodies)
            assert len(edited) == len(data)
            assert sum(a != b for a, b in zip(data, edited, strict=True)) in (1, 2)


def test_bytes_that_mido_would_change_stay():
    # a delta time before an unknown meta event, an 0xF7 packet, a key signature of 9 sharps, long delta times, a foreign chunk
    body = bytes.fromhex("00 ff5909 00".replace("5909 00", "59020900")) + bytes.fromhex(
        "00 903c50 60 ff600101 00 f7027f01 8040 3c00 00 4050 8300 803c40"
    )
    body = body.replace(b"\x80\x40\x3c\x00", b"\x80\x40\x90\x3c\x00") + bytes.fromhex("00 804000 00 ff2f00")
    data = b"MThd\0\0\0\x08\0\1\0\1\0\x60\xab\xcd" + b"XTRA\0\0\0\2hi" + b"MTrk" + len(body).to_bytes(4, "big") + body
    song = read_song(data)
    (section,) = song.sections
    assert [(n.start, n.pitch) for n in section.melody.notes] == [(0, 60), (7, 64)]
    edited = song.replaced([with_notes(section, (0, 61, section.melody.notes[0].duration), (7, 64, section.melody.notes[1].duration))])
    assert len(edited) == len(data)
    differing = [(a, b) for a, b in zip(data, edited, strict=True) if a != b]
    assert differing == [(60, 61), (60, 61)]


def test_lengths_new_and_deleted_notes_take_the_style_of_their_neighbours():
    tune = notes((0, 60, 3.8), (4, 62, 3.8), (8, 64, 3.8), velocity=60) + notes((12, 65, 3.8), velocity=100)
    data = file_of([*tune, (16 * 120 + 7, mido.MetaMessage("end_of_track"))])
    song = read_song(data)
    (section,) = song.sections
    edited = song.replaced([with_notes(section, (0, 60, 2), (8, 64, 2), (10, 67, 2), (12, 65, 4))])
    assert sounding(edited) == [
        (0, "note_on", 60, 60),
        (216, "note_off", 60, 30),
        (960, "note_on", 64, 60),
        (1176, "note_off", 64, 30),
        (1200, "note_on", 67, 80),
        (1416, "note_off", 67, 30),
        (1440, "note_on", 65, 100),
        (1896, "note_off", 65, 30),
    ]
    assert sum(m.time for m in loaded(edited).tracks[0]) == 16 * 120 + 7


def test_new_notes_swing_as_the_melody_does():
    swung = notes(*((i + (0.3 if i % 2 else 0), 60 + i, 0.6) for i in (0, 1, 2, 3, 4, 5, 8, 9)))
    song = read_song(file_of([*swung, (16 * 120, mido.MetaMessage("end_of_track"))]))
    section = song.sections[0]
    more = (*section.melody.notes, Note(10, 70, 1), Note(11, 72, 1))
    edited = song.replaced([Melody(more, "4/4", 1)])
    assert [t for t, kind, *_ in sounding(edited) if kind == "note_on"][-2:] == [1200, 1356]
    assert read_song(edited).sections[0].melody.notes == more


def test_what_the_grid_cannot_hold_of_one_voice_are_extras():
    triplet = [(4 + 2 * i / 3, 62 + i, 0.6) for i in range(3)]  # onsets at 4, 4.67, 5.33: the last two go to step 5
    data = file_of(notes((0, 60, 4), *triplet, (6, 67, 2), (8, 68, 8)))
    song = read_song(data)
    (section,) = song.sections
    assert len(section.melody.notes) == 5
    assert section.extras == ((5, 64),)
    moved = song.replaced([section.melody.transpose(1)], [[66]])
    assert [p for _, kind, p, _ in sounding(moved) if kind == "note_on"] == [61, 63, 64, 66, 68, 69]
    gone = song.replaced([section.melody], [[None]])
    assert [p for _, kind, p, _ in sounding(gone) if kind == "note_on"] == [60, 62, 63, 67, 68]
    assert [t for t, kind, *_ in sounding(gone) if kind == "note_on"] == [0, 480, 560, 720, 960]


def test_a_longer_last_note_ends_at_the_end_of_its_track_at_the_latest():
    tune = notes((0, 60, 4), (4, 62, 4), (8, 64, 4), (12, 65, 2))
    data = file_of([*tune, (14 * 120 + 65, mido.MetaMessage("end_of_track"))])  # nearer to step 15 than to 14
    song = read_song(data)
    (section,) = song.sections
    assert section.locked_end == 1
    edited = song.replaced([with_notes(section, (0, 60, 4), (4, 62, 4), (8, 64, 4), (12, 65, 3))])
    assert sounding(edited)[-1] == (14 * 120 + 65, "note_off", 65, 30)
    assert sum(m.time for m in loaded(edited).tracks[0]) == 14 * 120 + 65
    assert read_song(edited).sections[0].notes[-1] == Note(12, 65, 3)
    with pytest.raises(MusiclcError, match="step 12; the file has only steps 0 to 14"):
        song.replaced([with_notes(section, (12, 65, 4))])


def test_steps_after_the_end_of_the_melodys_track_are_locked_in_every_section():
    tune = [*notes((0, 60, 4), (4, 62, 4)), (10 * 120, mido.MetaMessage("end_of_track"))]
    song = read_song(file_of(tune, [meter(4, 4), meter(3, 4, 32), *notes((0, 40, 56), channel=1)]), track=0)
    assert [(s.meter, s.bars, s.locked_end) for s in song.sections] == [("4/4", 2, 22), ("3/4", 2, 24)]


def test_notes_without_length_are_read_once():
    data = file_of([*notes((0, 60, 4)), (960, mido.Message("note_on", note=64)), (960, mido.Message("note_off", note=64))])
    song = read_song(data)
    (section,) = song.sections
    assert (section.melody.notes, section.extras) == ((Note(0, 60, 4), Note(8, 64, 1)), ())
    assert sounding(song.replaced([with_notes(section, (0, 60, 4))])) == sounding(data)[:2]


def test_chords_give_their_top_and_the_rest_stays():
    data = file_of(notes(*((4 * i, p + i, 4) for i in range(4) for p in (60, 64, 67))))
    song = read_song(data)
    (section,) = song.sections
    assert [n.pitch for n in section.melody.notes] == [67, 68, 69, 70]
    assert section.extras == ()
    edited = song.replaced([with_notes(section, (0, 72, 4))])
    assert sorted(p for _, kind, p, _ in sounding(edited) if kind == "note_on") == [60, 61, 62, 63, 64, 65, 66, 67, 72]


def test_a_held_note_above_moving_ones_is_the_line():
    data = file_of(notes((0, 76, 16), *((i, 55 + i % 3, 2) for i in range(0, 16, 2)), (16, 74, 16), *((i, 55 + i % 3, 2) for i in range(16, 32, 2))))
    assert [(n.start, n.pitch) for n in read_song(data).sections[0].melody.notes] == [(0, 76), (16, 74)]


def test_a_note_that_would_end_another_of_its_pitch_ends_with_it():
    data = file_of(notes((0, 60, 16)) + notes((0, 72, 4), (4, 74, 4), (8, 76, 8)))
    song = read_song(data)
    (section,) = song.sections
    edited = song.replaced([with_notes(section, (0, 72, 4), (4, 60, 4), (8, 76, 8))])
    sixty = [e for e in sounding(edited) if e[2] == 60]
    assert sixty == [(0, "note_on", 60, 80), (480, "note_on", 60, 80), (1920, "note_off", 60, 30), (1920, "note_off", 60, 30)]


def test_the_wrong_number_of_melodies_or_bars_is_refused():
    song = read_song(to_bytes(jig()))
    for melodies in ([], [c_major_scale()], [Melody((), "6/8", 3)]):
        with pytest.raises(MusiclcError, match="wanted"):
            song.replaced(melodies)
    with pytest.raises(MusiclcError, match="extras"):
        song.replaced([jig()], [[60]])


# ---- kinds of sources ----------------------------------------------------------------------------------------------


def test_bad_bytes_are_one_line_with_the_given_name():
    good = to_bytes(jig())
    for data in (b"", good[:30], b"text", b"MThd" + b"\xff" * 20, b"RIFF" + good[4:]):
        with pytest.raises(InputError, match=r"^my\.mid: [^\n]+$"):
            read_song(data, name="my.mid")
    with pytest.raises(InputError, match="a dict; wanted a path"):
        read_song({})


def test_any_cut_or_garbled_file_is_an_input_error_or_a_song():
    r = random.Random(5)
    for seed in range(60):
        data = bytearray(song_file(seed).data)
        for _ in range(r.randrange(1, 6)):
            data[r.randrange(len(data))] = r.randrange(256)
        with contextlib.suppress(InputError):
            song = read_song(bytes(data[: r.choice([len(data), r.randrange(len(data))])]))
            silent = [Melody((), s.melody.meter, s.melody.bars) for s in song.sections]
            assert song.replaced(silent, [[None] * len(s.extras) for s in song.sections])


def test_a_prettymidi_comes_back_as_one_with_only_the_melody_changed():
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(initial_tempo=100)
    for program, pitch in ((0, 40), (73, 72)):
        instrument = pretty_midi.Instrument(program)
        instrument.notes = [pretty_midi.Note(70, pitch + i, 0.6 * i + 0.00007, 0.6 * i + 0.5) for i in range(8)]
        midi.instruments.append(instrument)
    song = read_song(midi)
    assert (song.track.program, song.sections[0].melody.bars) == (73, 2)
    higher = Melody(tuple(Note(n.start, n.pitch + (n.start == 4), n.duration) for n in song.sections[0].melody.notes), "4/4", 2)
    back = song.as_like(song.replaced([higher]))
    assert isinstance(back, pretty_midi.PrettyMIDI)
    assert back is not midi
    assert [n.pitch for n in back.instruments[1].notes] == [72, 74, 74, 75, 76, 77, 78, 79]
    assert [str(n) for n in back.instruments[0].notes] == [str(n) for n in midi.instruments[0].notes]
    kept = [i for i in range(8) if i != 1]
    assert [back.instruments[1].notes[i].start for i in kept] == [midi.instruments[1].notes[i].start for i in kept]


def test_a_notesequence_comes_back_as_one():
    from note_seq.protobuf import music_pb2

    sequence = music_pb2.NoteSequence(ticks_per_quarter=220, total_time=4, id="mine")
    sequence.tempos.add(qpm=120)
    for i in range(8):
        sequence.notes.add(pitch=60 + i, velocity=80, start_time=i / 2, end_time=i / 2 + 0.5, instrument=1, program=40, voice=3)
        sequence.notes.add(pitch=40, velocity=80, start_time=i / 2, end_time=i / 2 + 0.5, instrument=0, program=1)
    song = read_song(sequence)
    (section,) = song.sections
    assert [n.pitch for n in section.melody.notes] == list(range(60, 68))
    back = song.as_like(song.replaced([with_notes(section, *((n.start, n.pitch + (n.start == 0), n.duration) for n in section.melody.notes))]))
    assert type(back) is type(sequence)
    assert back.id == "mine"
    assert sorted((n.pitch, n.instrument, n.voice) for n in back.notes if n.instrument == 1) == [(61, 1, 0), *((60 + i, 1, 3) for i in range(1, 8))]
    assert len(back.notes) == 16
    assert song.as_like(song.data) == sequence


def many_tracks(count, midi_type=1):
    """Tracks of one note and no program: what each lacks could be looked for in all others."""
    body = bytes.fromhex("00903c50 6080 3c40 00ff2f00")
    head = b"".join(number.to_bytes(2, "big") for number in (midi_type, count, 96))
    return b"MThd\0\0\0\6" + head + (b"MTrk" + len(body).to_bytes(4, "big") + body) * count


class Scanned(tuple):
    """A track that counts how often it is gone through."""

    times = 0

    def __iter__(self):
        Scanned.times += 1
        return super().__iter__()


@pytest.mark.parametrize("midi_type", [1, 2])
def test_every_track_is_gone_through_as_often_however_many_there_are(monkeypatch, midi_type):
    def scans(count):
        file = parse(many_tracks(count, midi_type), "many.mid")
        scanned = replace(file, tracks=tuple(map(Scanned, file.tracks)))
        monkeypatch.setattr(Scanned, "times", 0)
        monkeypatch.setattr("musiclc.midi.song.opened", lambda *_: scanned)
        read_song(b"")
        return Scanned.times

    few, many = scans(20), scans(80)
    assert few >= 20
    assert many <= 4 * few + 100


def test_ten_thousand_tracks_are_read_in_as_much_more_work():
    song = read_song(many_tracks(10_000))
    assert len(song.tracks) == 10_000
    assert len(song.warnings[0]) < 1000  # it names the first of those as likely
    assert work(lambda: read_song(many_tracks(400))) < 2.2 * work(lambda: read_song(many_tracks(200)))


def test_twice_as_many_bars_are_twice_the_work():
    def edited(bars):
        melody = Melody(tuple(Note(2 * i, 60 + i % 12, 2) for i in range(8 * bars)), "4/4", bars)
        data, moved = to_bytes(melody), melody.transpose(1)
        return work(lambda: read_song(data).replaced([moved]))

    assert edited(50) < 2.2 * edited(25) < 2_000_000  # 450,000 for 25 bars
