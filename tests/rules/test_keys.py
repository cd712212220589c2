"""Scale, tonic and key on melodies worked by hand, and the best key by profiles."""

import numpy as np
import pytest

from musiclc.errors import UsageError
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from musiclc.rules import MAJOR_PROFILE, MINOR_PROFILE, RULES, allowed_pitches, best_key, parse_constraint, parts_of, tonic
from musiclc.rules.keys import KEY_NAMES, best_keys, compatible_modes
from tests.helpers import c_major_scale, jig
from tests.rules.test_rules import measured, measures
from tests.rules.test_tonic import SCALE, cadence

SILENCE = Melody((), "4/4", 4)
WHITE = [60, 62, 64, 65, 67, 69, 71, 72, 74, 76, 77, 79, 81]


def cadence_from(step):
    """The white keys with their tonic on one of them."""
    return tok.to_melody(cadence(WHITE[step : step + 7])[0], "4/4")


# ---- scale


def test_a_c_major_scale_is_in_c_and_in_no_other_major_key():
    for name in ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"):
        assert measured("scale", name, c_major_scale())["satisfied"] is (name == "C")
        assert measured("key", name, c_major_scale())["satisfied"] is (name == "C")


@pytest.mark.parametrize(
    ("goal", "share"),
    [("C", 1.0), ("A minor", 1.0), ("C minor", 5 / 8), ("G", 7 / 8), ("C major pentatonic", 6 / 8), ("{0}", 2 / 8), ("C chromatic", 1.0)],
)
def test_scale_counts_notes_by_hand(goal, share):
    # C D E F G A B C: with two C's out of eight notes
    verdict = measured("scale", goal, c_major_scale())
    assert verdict["value"] == pytest.approx(share)
    assert verdict["score"] == pytest.approx(share)
    assert "heard" not in verdict


def test_key_of_a_c_minor_scale():
    c_minor = Melody(tuple(Note(2 * i, p, 2) for i, p in enumerate([60, 62, 63, 65, 67, 68, 70, 72] * 4)), "4/4", 4)
    assert measured("key", "C minor", c_minor)["satisfied"]
    assert measured("key", "C", c_minor)["value"] == pytest.approx(5 / 8)


def test_the_best_key_of_a_scale_with_its_tonic_doubled():
    assert best_key(RULES["scale"].measure(tok.from_melody(c_major_scale())[None], "4/4")[0]) == "C major"
    assert best_key(np.zeros(12)) == "none"


def test_best_keys_correlate_as_numpys_corrcoef_does():
    shares = np.random.default_rng(0).dirichlet(np.ones(12), 20)
    profiles = [np.roll(p, t) for p in (MAJOR_PROFILE, MINOR_PROFILE) for t in range(12)]
    by_hand = [int(np.argmax([np.corrcoef(row, p)[0, 1] for p in profiles])) for row in shares]
    assert best_keys(shares).tolist() == by_hand
    assert [best_key(row) for row in shares] == [KEY_NAMES[k] for k in by_hand]


def test_where_no_key_is_better_there_is_none():
    assert best_keys(np.array([[0.0] * 12, [1 / 12] * 12])).tolist() == [-1, -1]


# ---- tonic and key

WHITE_KEYS = {0: "C", 1: "D dorian", 2: "E phrygian", 4: "G mixolydian", 5: "A minor"}


@pytest.mark.parametrize("step", WHITE_KEYS)
def test_the_white_keys_are_five_goals(step):
    verdicts = {name: measured("key", name, cadence_from(step)) for name in WHITE_KEYS.values()}
    assert [name for name, v in verdicts.items() if v["satisfied"]] == [WHITE_KEYS[step]]
    assert {v["value"] for v in verdicts.values()} == {1.0}
    assert {v["heard"] for v in verdicts.values()} == {WHITE_KEYS[step] + (" major" if step == 0 else "")}
    assert all(0 < v["score"] < 0.9 for name, v in verdicts.items() if name != WHITE_KEYS[step])
    for name in "CDEFGAB":
        assert measured("tonic", name, cadence_from(step))["satisfied"] is (name == WHITE_KEYS[step][0])


def test_scores_fall_with_the_nats_that_a_key_misses():
    melody = cadence_from(0)
    scores = tonic.scores(tonic.evidence(tok.from_melody(melody)[None], "4/4"))[0]
    missed = scores[0, tonic.MODES.index("major")] - scores[9, tonic.MODES.index("minor")]
    assert measured("key", "A minor", melody)["score"] == pytest.approx(1 / (1 + missed), abs=1e-5)
    assert measured("tonic", "A", melody)["score"] == pytest.approx(1 / (1 + scores.max() - scores[9].max()), abs=1e-5)
    # C, D and A of a C major scale in B flat: 5 of 7 notes a scale; graded by share and by tonic
    assert measured("key", "Bb", melody)["score"] < measured("scale", "Bb", melody)["score"]


def test_a_key_with_a_foreign_note_is_heard_and_not_met():
    notes = list(cadence_from(0).notes)
    notes[1] = Note(notes[1].start, 61, notes[1].duration)
    verdict = measured("key", "C", Melody(tuple(notes), "4/4", cadence_from(0).bars))
    assert (verdict["heard"], verdict["satisfied"]) == ("C major", False)
    assert verdict["score"] == pytest.approx(verdict["value"], abs=1e-6) == pytest.approx(1 - 1 / len(notes), abs=1e-6)


@pytest.mark.parametrize(
    ("asked", "heard"),
    [
        ("aeolian", "minor"),
        ("ionian", "major"),
        ("dorian", "dorian"),
        ("harmonic minor", "minor, harmonic minor, dorian, phrygian, locrian"),
        ("minor pentatonic", "minor, harmonic minor, dorian, phrygian, locrian"),
        ("blues", "minor, harmonic minor, dorian, phrygian, locrian"),
        ("major pentatonic", "major, lydian, mixolydian"),
    ],
)
def test_compatible_modes(asked, heard):
    assert ", ".join(m for m, may in zip(tonic.MODES, compatible_modes(asked), strict=True) if may) == heard


def test_a_pentatonic_tune_is_heard_in_a_mode_with_its_third():
    # A minor pentatonic, at rest on A
    pitches = (69, 72, 74, 76, 79, 76, 74, 72, 69, 69, 76, 69)
    melody = Melody(tuple(Note(4 * i, p, 4) for i, p in enumerate(pitches)), "4/4", 3)
    assert measured("key", "A minor pentatonic", melody)["satisfied"]
    assert not measured("key", "C major pentatonic", melody)["satisfied"]
    assert measured("scale", "C major pentatonic", melody)["satisfied"]


def test_silence_has_neither():
    assert (measured("tonic", "C", SILENCE)["value"], measured("tonic", "C", SILENCE)["score"]) == (None, 0)
    verdict = measured("key", "C", SILENCE)
    assert (verdict["value"], verdict["heard"], verdict["score"], verdict["satisfied"]) == (0, "none", 0, False)


def test_without_a_goal_they_say_what_is_heard():
    row = measures("key", jig())[0]
    assert (RULES["key"].value(row, None), RULES["key"].told(row)) == (1.0, {"heard": "D major"})
    assert RULES["tonic"].value(measures("tonic", jig())[0], None) == "D"


@pytest.mark.parametrize("goal", ["{0,4,7}", "C chromatic"])
def test_what_has_no_tonic_is_no_key(goal):
    with pytest.raises(UsageError, match=r"^key .*has no tonic; wanted .*--scale takes"):
        parse_constraint("key", goal)


@pytest.mark.parametrize("goal", ["A minor", "H", "5", ""])
def test_bad_tonics_say_what_was_wanted(goal):
    with pytest.raises(UsageError, match=r"^tonic .*wanted a pitch class"):
        parse_constraint("tonic", goal)


def test_a_key_is_a_scale_and_a_tonic():
    key = parse_constraint("key", "D dorian@2")
    scale, home = parts_of([key])
    assert (scale.rule.name, scale.goal.high, scale.weight) == ("scale", parse_constraint("scale", "D dorian").goal.high, 2)
    assert (home.rule.name, home.goal.high, home.weight) == ("tonic", parse_constraint("tonic", "D").goal.high, 2)
    assert np.array_equal(allowed_pitches([key]), allowed_pitches([scale]))
    assert np.flatnonzero(allowed_pitches([key]))[:4].tolist() == [21, 23, 24, 26]
    assert parts_of([scale, home]) == [scale, home]


@pytest.mark.parametrize("mode", tonic.MODES)
def test_every_mode_meets_its_own_key_in_every_transposition(mode):
    melody = tok.to_melody(cadence(SCALE[mode])[0], "4/4")
    for semitones, name in ((0, "C"), (2, "D"), (-3, "A")):
        assert measured("key", f"{name} {mode}", melody.transpose(semitones))["satisfied"]
