"""A piece brought to another key: exact pitches worked by hand, tracks that go along and that stay, bars alone."""

import pytest

import musiclc
from musiclc.editing import transform as transform_
from musiclc.editing.keys import KeyChange, key_change
from musiclc.editing.request import TransformRequest
from musiclc.editing.transform import EditOptions
from musiclc.errors import InputError, UsageError
from musiclc.midi import read_melody, read_song, to_bytes
from musiclc.midi.codec import END_OF_TRACK, KEY, NAME, encoded, message, meta_message, parse
from musiclc.midi.notes import pair
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import parse_pitch
from musiclc.rules import parse_constraint
from tests.helpers import c_major_scale, tiny_model

UP = "C4 D4 E4 F4 G4 A4 B4 C5"


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def pitches(text):
    return [parse_pitch(name) for name in text.split()]


def scale_in(up):
    """The scale tune of c_major_scale on other pitches: up, down, up, down."""
    return (pitches(up) + pitches(up)[::-1]) * 2


def brought(model, data, goal, rule="key", **options):
    return transform_.transformed(model, read_song(data), {rule: goal}, EditOptions(**options))


@pytest.mark.parametrize(
    ("goal", "up", "kept"),
    [
        ("A minor", "A3 B3 C4 D4 E4 F4 G4 A4", 5 / 8),  # down a minor third; C#, F# and G# lowered
        ("C minor", "C4 D4 Eb4 F4 G4 Ab4 Bb4 C5", 5 / 8),
        ("C harmonic minor", "C4 D4 Eb4 F4 G4 Ab4 B4 C5", 6 / 8),
        ("D dorian", "D4 E4 F4 G4 A4 B4 C5 D5", 6 / 8),
        ("F lydian", "F4 G4 A4 B4 C5 D5 E5 F5", 7 / 8),
        ("F# major", "F#3 G#3 A#3 B3 C#4 D#4 F4 F#4", 1),  # a tritone goes down
        ("E minor pentatonic", "E4 G4 G4 A4 B4 B4 D5 E5", 4 / 8),  # E minor first; then F# and C, a semitone off, to their neighbours
        ("C major pentatonic", "C4 D4 E4 E4 G4 A4 C5 C5", 6 / 8),  # F and B go to the nearest
    ],
)
def test_a_scale_tune_in_c_comes_to_another_key_by_hand(model, goal, up, kept):
    edit = brought(model, to_bytes(c_major_scale()), goal)
    assert [n.pitch for n in read_melody(edit.data).notes] == scale_in(up)
    assert (edit.method, edit.satisfied, edit.kept) == ("transposed", True, pytest.approx(kept, abs=1e-4))
    assert edit.heard["before"] == "C major"
    assert edit.verdicts[0]["heard"] == edit.heard["after"]


def test_a_tonic_alone_keeps_the_mode(model):
    edit = brought(model, to_bytes(c_major_scale()), "Bb", rule="tonic")
    assert [n.pitch for n in read_melody(edit.data).notes] == scale_in("Bb3 C4 D4 Eb4 F4 G4 A4 Bb4")
    assert (edit.kept, edit.heard) == (1.0, {"before": "C major", "after": "Bb major"})


def test_what_is_in_the_key_already_is_the_very_same_file(model):
    data = to_bytes(c_major_scale())
    assert brought(model, data, "C").data == data
    assert brought(model, data, "C", tracks="all").data == data


def test_chromatic_notes_go_to_the_nearest_and_of_two_as_near_to_the_lower(model):
    notes = list(c_major_scale().notes)
    notes[11] = Note(notes[11].start, 66, 2)  # F#, in C minor between F and G
    notes[13] = Note(notes[13].start, 63, 2)  # Eb, which C minor has
    edit = brought(model, to_bytes(Melody(tuple(notes), "4/4", 4)), "C minor")
    after = [n.pitch for n in read_melody(edit.data).notes]
    assert (after[11], after[13]) == (65, 63)


def test_a_change_stays_on_the_piano():
    high = c_major_scale().transpose(36)  # C7 to C8
    assert key_change(high, [parse_constraint("key", "D")]).interval == -10
    assert key_change(c_major_scale(), [parse_constraint("key", "D")]).interval == 2
    assert key_change(c_major_scale(), [parse_constraint("scale", "D")]) is None
    assert key_change(Melody((), "4/4", 4), [parse_constraint("key", "D")]) is None
    assert KeyChange(-3, 9, (0,) * 12)(60) == 57


# ---- tracks

TICKS = 96
LINE = [(2 * n.start, n.pitch, 2 * n.duration) for n in c_major_scale().notes]  # eighths of 48 ticks, in units of 12


def track(name, channel, notes, extra=()):
    """Events of (start, pitch, length), each in units of an eighth of a quarter; extra: events put first."""
    placed = [(12 * s, 1, message(12 * s, 0x90 | channel, p, 80)) for s, p, _ in notes]
    placed += [(12 * (s + d), 0, message(12 * (s + d), 0x80 | channel, p, 64)) for s, p, d in notes]
    placed = [event for *_, event in sorted(placed, key=lambda e: e[:2])]
    return [meta_message(0, NAME, name.encode()), *extra, *placed, meta_message(12 * 128, END_OF_TRACK)]


def five_tracks():
    chords = [(32 * bar, p, 30) for bar in range(4) for p in (48, 52, 55)]  # C E G
    bass = [(32 * bar, p, 32) for bar, p in enumerate((36, 43, 41, 36))]  # C G F C
    drums = [(8 * beat, 36 + 2 * (beat % 2), 4) for beat in range(16)]
    bend = message(96, 0xE1, 0, 70)
    return encoded(
        1,
        TICKS,
        [
            [meta_message(0, KEY, b"\x00\x00"), meta_message(0, END_OF_TRACK)],
            track("Voice", 0, LINE),
            track("Chords", 1, chords, [message(0, 0xC1, 4)]),
            track("Bass", 2, bass, [bend._replace(tick=0)]),
            track("Kit", 9, drums),
        ],
    )


def chunk(data, number):
    file = parse(data, "song")
    return data[slice(*file.spans[number])]


def sounding(data, number):
    return [n.pitch for n in pair(parse(data, "song").tracks[number])]


def test_all_tracks_go_along_and_the_drums_are_equal_byte_by_byte(model):
    data = five_tracks()
    edit = brought(model, data, "A minor", tracks="all")
    assert sounding(edit.data, 1) == scale_in("A3 B3 C4 D4 E4 F4 G4 A4")
    assert sounding(edit.data, 2) == pitches("A2 C3 E3") * 4
    assert sounding(edit.data, 3) == pitches("A1 E2 D2 A1")
    assert [chunk(edit.data, t) for t in (0, 4)] == [chunk(data, t) for t in (0, 4)]
    before, after = parse(data, "before"), parse(edit.data, "after")
    for number in (1, 2, 3):  # every event is there at its tick, and all that is no note to the byte
        assert [(e.tick, e.wait, e.status) for e in after.tracks[number]] == [(e.tick, e.wait, e.status) for e in before.tracks[number]]
        assert [e for e in after.tracks[number] if e.status >> 4 not in (8, 9)] == [e for e in before.tracks[number] if e.status >> 4 not in (8, 9)]
    assert not [w for w in edit.warnings if "another key" in w]


def test_the_melody_alone_leaves_the_others_and_says_so(model):
    data = five_tracks()
    edit = brought(model, data, "A minor")
    assert sounding(edit.data, 1) == scale_in("A3 B3 C4 D4 E4 F4 G4 A4")
    assert [chunk(edit.data, t) for t in (0, 2, 3, 4)] == [chunk(data, t) for t in (0, 2, 3, 4)]
    (warning,) = [w for w in edit.warnings if "another key" in w]
    assert "'Chords'" in warning
    assert "'Bass'" in warning
    assert "Kit" not in warning


def test_tracks_by_name(model):
    data = five_tracks()
    edit = brought(model, data, "A minor", tracks="bass")
    assert sounding(edit.data, 3) == pitches("A1 E2 D2 A1")
    assert chunk(edit.data, 2) == chunk(data, 2)
    for name in ("Flute", "Kit"):
        with pytest.raises(InputError, match=f"no pitched track '{name}'.*wanted melody, all or some of 1 'Voice', 2 'Chords', 3 'Bass'"):
            brought(model, data, "A minor", tracks=f"bass,{name}")


def test_a_pretty_midi_gets_all_its_tracks(model):
    import io

    import pretty_midi

    midi = pretty_midi.PrettyMIDI(io.BytesIO(five_tracks()))
    made = musiclc.transform(midi, {"key": "A minor"}, tracks="all", model=model)
    assert [n.pitch for n in made.instruments[2].notes] == pitches("A1 E2 D2 A1")
    assert sorted({n.pitch for n in made.instruments[1].notes}) == pitches("A2 C3 E3")
    assert [n.pitch for n in made.instruments[3].notes] == [n.pitch for n in midi.instruments[3].notes]


# ---- bars


def test_only_the_bars_named_change_and_are_measured(model):
    data = five_tracks()
    edit = brought(model, data, "C minor", bars="3..4")
    assert sounding(edit.data, 1) == pitches(UP) + pitches(UP)[::-1] + pitches("C4 D4 Eb4 F4 G4 Ab4 Bb4 C5 C5 Bb4 Ab4 G4 F4 Eb4 D4 C4")
    assert edit.satisfied
    assert edit.verdicts[0]["section"] == "3..4"
    assert edit.kept == pytest.approx(26 / 32, abs=1e-4)  # of sixteen notes three of eight change
    assert (edit.bars, edit.notes) == (4, 32)
    before, after = parse(data, "before"), parse(edit.data, "after")
    assert [e for e in after.tracks[1] if e.tick < 768] == [e for e in before.tracks[1] if e.tick < 768]
    along = brought(model, data, "C minor", bars="3..4", tracks="all")
    assert sounding(along.data, 2) == pitches("C3 E3 G3") * 2 + pitches("C3 Eb3 G3") * 2


def test_a_note_that_rings_into_the_bars_stays(model):
    notes = (Note(0, 60, 8), Note(8, 64, 12), Note(20, 65, 4), Note(24, 67, 8), Note(32, 60, 16), Note(48, 60, 16))
    data = to_bytes(Melody(notes, "4/4", 4))
    for goal in ("1", "5"):
        edit = brought(model, data, goal, rule="density", bars="2..2")
        after = read_melody(edit.data).notes
        assert [n for n in after if n.start < 16] == list(notes[:2])
        assert [n for n in after if n.start >= 32] == list(notes[4:])
        assert edit.verdicts[0]["value"] == sum(16 <= n.start < 32 for n in after)


@pytest.mark.parametrize("bars", ["0..3", "16..9", "0", "x", "3..", "-1..4", "1..2..3"])
def test_bars_that_are_none(bars):
    with pytest.raises(UsageError, match="bars"):
        EditOptions(bars=bars)


def test_bars_outside_of_the_piece_and_bars_without_melody(model):
    data = to_bytes(c_major_scale())
    with pytest.raises(InputError, match=r"has 4 bars; wanted 3..9 within 1..4"):
        brought(model, data, "C minor", bars="3..9")
    silent = to_bytes(Melody((Note(0, 60, 16), Note(48, 62, 16)), "4/4", 4))
    with pytest.raises(InputError, match="bars 2-3: no notes of the melody there"):
        brought(model, silent, "C minor", bars="2..3")


def test_tracks_without_a_key_are_refused():
    """--scale changes the melody in place, so that no other track could go along."""
    with pytest.raises(UsageError, match="tracks go along to another key; wanted it with --key or --tonic"):
        TransformRequest.of({"input": "x.mid", "scale": "C minor", "tracks": "all"})
