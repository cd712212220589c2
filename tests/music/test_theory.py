import pytest

from musiclc.errors import UsageError
from musiclc.music.theory import (
    CHORDS,
    METER_NAMES,
    METERS,
    PHRASE_METERS,
    SCALES,
    check_meter,
    parse_chord,
    parse_key,
    parse_pitch,
    parse_pitch_class,
    pitch_name,
    steps_of,
)


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("C", (0, 2, 4, 5, 7, 9, 11)),
        ("A minor", (0, 2, 4, 5, 7, 9, 11)),  # the relative minor holds the same notes: no mask of another mode
        ("Am", (0, 2, 4, 5, 7, 9, 11)),
        ("F# minor", (1, 2, 4, 6, 8, 9, 11)),
        ("d dorian", (0, 2, 4, 5, 7, 9, 11)),
        ("A harmonic minor", (0, 2, 4, 5, 8, 9, 11)),
        ("Bb major pentatonic", (0, 2, 5, 7, 10)),
        ("C blues", (0, 3, 5, 6, 7, 10)),
        ("{0, 4,7}", (0, 4, 7)),
        ("C minor", (0, 2, 3, 5, 7, 8, 10)),
    ],
)
def test_keys_worked_by_hand(text, classes):
    assert parse_key(text).pitch_classes == classes


def test_every_church_mode_is_the_white_keys_from_its_own_tonic():
    white = parse_key("C").pitch_classes
    for tonic, mode in zip("CDEFGAB", ("ionian", "dorian", "phrygian", "lydian", "mixolydian", "aeolian", "locrian"), strict=True):
        assert parse_key(f"{tonic} {mode}").pitch_classes == white


@pytest.mark.parametrize("text", ["", "H", "C majr", "minor", "{12}", "{}", "{a}", "C major minor"])
def test_unknown_keys_say_what_was_wanted(text):
    with pytest.raises(UsageError, match="wanted"):
        parse_key(text)


@pytest.mark.parametrize(("text", "pitch"), [("C4", 60), ("A0", 21), ("C8", 108), ("Bb3", 58), ("F#4", 66), ("Cb4", 59), ("69", 69), ("C-1", 0)])
def test_pitches(text, pitch):
    assert parse_pitch(text) == pitch


@pytest.mark.parametrize("text", ["C", "C12", "128", "H4", "-3", "4C"])
def test_bad_pitches(text):
    with pytest.raises(UsageError, match="wanted"):
        parse_pitch(text)


def test_pitch_names_round_trip():
    assert all(parse_pitch(pitch_name(p)) == p for p in range(128))


def test_scales_begin_on_their_tonic_and_ascend():
    assert all(s[0] == 0 and list(s) == sorted(set(s)) and s[-1] < 12 for s in SCALES.values())


@pytest.mark.parametrize(("text", "pitch_class"), [("C", 0), ("f#", 6), (" Bb ", 10), ("Cb", 11), ("B♯", 0), ("Ebb", 2)])
def test_pitch_classes(text, pitch_class):
    assert parse_pitch_class(text) == pitch_class


@pytest.mark.parametrize("text", ["", "C4", "H", "5", "C major"])
def test_bad_pitch_classes(text):
    with pytest.raises(UsageError, match="wanted a name without octave"):
        parse_pitch_class(text)


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("C", {0, 4, 7}),
        ("Am", {9, 0, 4}),  # A C E
        ("G7", {7, 11, 2, 5}),  # G B D F
        ("Cmaj7", {0, 4, 7, 11}),
        ("CM7", {0, 4, 7, 11}),
        ("Dm7", {2, 5, 9, 0}),  # D F A C
        ("Bdim", {11, 2, 5}),  # B D F
        ("Bm7b5", {11, 2, 5, 9}),  # B D F A
        ("F#aug", {6, 10, 2}),  # F# A# C## = D
        ("Asus4", {9, 2, 4}),
        ("Bbsus2", {10, 0, 5}),  # Bb C F
        ("Eb6", {3, 7, 10, 0}),  # Eb G Bb C
        ("Bb", {10, 2, 5}),
        ("Abm", {8, 11, 3}),  # Ab Cb Eb
        ("B♭", {10, 2, 5}),
        ("E+", {4, 8, 0}),
    ],
)
def test_chords_worked_by_hand(text, classes):
    assert parse_chord(text) == classes


@pytest.mark.parametrize("text", ["", "am", "H7", "Cmajor", "C/E", "C-G", "Am F", "7"])
def test_unknown_chords_say_what_was_wanted(text):
    with pytest.raises(UsageError, match="wanted"):
        parse_chord(text)


def test_chords_begin_on_their_root_and_ascend():
    assert all(c[0] == 0 and list(c) == sorted(set(c)) and c[-1] < 12 for c in CHORDS.values())


def test_meters_have_the_numbers_that_are_in_files():
    assert METER_NAMES == ("4/4", "3/4", "6/8", "2/4", "3/8", "9/8", "12/8")  # datasets of tunes
    assert METER_NAMES[: len(PHRASE_METERS)] == PHRASE_METERS == ("4/4", "3/4", "6/8")  # models of four-bar phrases and their windows


@pytest.mark.parametrize(
    ("meter", "steps"),
    [("4/4", (16, 4)), ("3/4", (12, 4)), ("2/4", (8, 4)), ("2/2", (16, 8)), ("3/8", (6, 6)), ("6/8", (12, 6)), ("9/8", (18, 6)), ("12/8", (24, 6))],
)
def test_bars_and_beats(meter, steps):
    assert steps_of(meter) == steps
    assert METERS.get(meter, steps[0]) == steps[0]


@pytest.mark.parametrize("meter", ["2/2", "5/4", "", "9/4"])
def test_other_meters_say_what_was_wanted(meter):
    with pytest.raises(UsageError, match=r"wanted one of 4/4, 3/4, 6/8, 2/4, 3/8, 9/8, 12/8 \(2/2 is written as 4/4\)"):
        check_meter(meter)
