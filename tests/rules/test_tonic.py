import numpy as np
import pytest

from musiclc.music import tokens as tok
from musiclc.music.melody import Melody
from musiclc.music.theory import SCALES
from musiclc.rules import tonic
from tests.helpers import c_major_scale

C = 60
SCALE = {mode: [C + s for s in SCALES[mode]] for mode in tonic.MODES}


def row(*notes):
    """Tokens (1, T) of (pitch, steps) one after another; pitch 0 is silence."""
    found = []
    for pitch, steps in notes:
        found += [pitch - tok.PITCH_OF_TOKEN if pitch else tok.REST] + [tok.HOLD] * (steps - 1)
    return np.array(found, np.uint8)[None]


def name(tokens, meter="4/4"):
    found, mode, _ = tonic.heard(tokens, meter)
    return int(found[0]), tonic.MODES[mode[0]]


def test_evidence_by_hand():
    # a bar of C (a quarter), D (two eighths), G (a half); a bar of B (a half), C (a half)
    tokens = row((60, 4), (62, 2), (62, 2), (67, 8), (59, 8), (60, 8))
    shares = dict(zip(tonic.EVIDENCE, tonic.evidence(tokens, "4/4")[0], strict=True))

    def held(kind):
        return {pc: pytest.approx(share) for pc, share in enumerate(shares[kind].tolist()) if share}

    assert held("time") == {0: 12 / 32, 2: 4 / 32, 7: 8 / 32, 11: 8 / 32}
    assert held("downbeat") == {0: 4 / 12, 11: 8 / 12}
    assert held("long") == {0: 80 / 216, 2: 8 / 216, 7: 64 / 216, 11: 64 / 216}
    assert held("last") == {0: 1.0}
    assert held("first") == {0: 1.0}
    assert held("leading") == {0: 1.0}  # B to C
    assert held("fourth") == {7: 1.0}  # D up to G
    assert held("bar ends") == {7: 0.5, 0: 0.5}


def test_the_first_note_is_that_on_the_first_downbeat_and_long_notes_count_four_beats():
    pickup = row((0, 12), (67, 4), (60, 24), (62, 8))
    shares = dict(zip(tonic.EVIDENCE, tonic.evidence(pickup, "4/4")[0], strict=True))
    assert shares["first"][0] == 1
    assert shares["time"].tolist()[0] == pytest.approx(16 / 28)  # 24 steps count as 16, beside 4 and 8
    assert tonic.evidence(row((0, 4), (64, 12)), "4/4")[0, 4, 4] == 1  # no note begins a bar


def test_classes_of_pitch_classes():
    dorian = [tonic.CLASSES[c] for c in tonic._CLASS[tonic.MODES.index("dorian")]]
    assert dorian == ["1", "outside", "2", "3", "outside", "4", "outside", "5", "outside", "6", "7", "raised 7"]
    assert [tonic.CLASSES[c] for c in tonic._CLASS[tonic.MODES.index("harmonic minor")]][8:] == ["6", "outside", "outside", "7"]


def test_a_score_is_the_weights_of_its_classes():
    # one pitch class only, C, as long note (and no time, so no variants): what C as tonic of a major key is worth is the weight of degree 1
    shares = np.zeros((1, len(tonic.EVIDENCE), 12))
    shares[0, 2, 0] = 1
    found = tonic.scores(shares)[0]
    major = tonic.MODES.index("major")
    usual = tonic.USUAL[major]
    assert found[0, major] == pytest.approx(tonic.WEIGHTS[2][0] + usual)  # of C: degree 1
    assert found[5, major] == pytest.approx(tonic.WEIGHTS[2][4] + usual)  # of F: degree 5
    assert found[1, major] == pytest.approx(tonic.WEIGHTS[2][6] + usual)  # of C#: degree 7
    assert found[2, major] == pytest.approx(tonic.WEIGHTS[2][7] + usual)  # of D: outside


def test_variants_by_hand():
    # E for three beats, Eb for one
    found = tonic.variants(tonic.evidence(row((64, 12), (63, 4)), "4/4"))[0]
    assert found[0].tolist() == [0, -0.25, 0, 0, 0]  # seen from C a quarter of the thirds is minor
    assert found[2].tolist() == [-0.25, 0, 0, 0, 0]  # seen from D they are seconds
    assert found[11].tolist() == [0, -0.5, 0.5, 0, 0]  # seen from B the only third is major (Eb), the only fourth perfect (E)


def cadence(scale):
    """Four bars up and down a scale, home on the first beat and at the end, the fifth long."""
    one, two, three, four, five, six, seven = scale
    up = [(one, 4), (two, 2), (three, 2), (four, 4), (five, 4)]
    down = [(seven, 2), (six, 2), (five, 4), (four, 2), (three, 2), (two, 4)]
    return row(*up, (one, 4), (three, 4), (five, 8), *up[:3], *down[3:5], (two, 4), *down[:3], (three, 2), (two, 2), (one, 4))


@pytest.mark.parametrize("mode", tonic.MODES)
def test_every_mode_is_heard_in_a_melody_that_spells_it_out(mode):
    assert name(cadence(SCALE[mode])) == (0, mode)


@pytest.mark.parametrize("semitones", range(-6, 6))
def test_transposition_moves_the_tonic_alone(semitones):
    random = np.random.default_rng(3)
    tokens = np.where(random.random((40, 64)) < 0.5, random.integers(40, 60, (40, 64)), tok.HOLD).astype(np.uint8)
    here, there = tonic.heard(tokens, "4/4"), tonic.heard(tok.transpose(tokens, semitones), "4/4")
    assert (there[0] == (here[0] + semitones) % 12).all()
    assert (there[1] == here[1]).all()
    assert there[2] == pytest.approx(here[2])


def test_the_same_notes_with_another_home():
    # the white keys: home is where the line rests
    white = [60, 62, 64, 65, 67, 69, 71]
    assert name(cadence(white)) == (0, "major")
    assert name(cadence([*white[1:], 72])) == (2, "dorian")
    assert name(cadence([*white[4:], 72, 74, 76, 77])) == (7, "mixolydian")
    assert name(cadence([*white[5:], 72, 74, 76, 77, 79])) == (9, "minor")


def test_silence_has_no_home_and_a_batch_is_its_rows():
    rows = np.concatenate([cadence(SCALE["major"]), np.zeros((1, 64), np.uint8), tok.transpose(cadence(SCALE["minor"]), 2)])
    found, mode, sure = tonic.heard(rows, "4/4")
    assert found.tolist() == [0, -1, 2]
    assert mode.tolist() == [0, -1, 1]
    assert sure[1] == 0
    assert ((sure[[0, 2]] > 0.5) & (sure[[0, 2]] <= 1)).all()
    assert (tonic.heard(rows[2:], "4/4")[0] == found[2:]).all()


def test_a_melodys_key_has_a_name():
    assert tonic.named(c_major_scale()) == "C major"
    assert tonic.named(c_major_scale().transpose(3)) == "Eb major"
    assert tonic.named(Melody(())) == "none"
