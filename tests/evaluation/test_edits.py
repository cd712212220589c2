"""Figures of edits, worked by hand on a scale; editing itself is a stub."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from musiclc.editing.scope import piece_of
from musiclc.evaluation import edits
from musiclc.evaluation.edits import CrossEntropy, EditedTune, pitch_correlation, snapped_one_way, snaps, summary
from musiclc.midi import read_song, to_bytes
from musiclc.music import tokens as tok
from musiclc.rules import allowed_pitches, parse_constraint
from musiclc.training.corpus import SPLITS, Dataset
from tests.evaluation.worked import phrase, tune
from tests.helpers import c_major_scale, jig

SCALE = tok.from_melody(c_major_scale())  # of 32 notes 20 (C, D, F and G) are allowed in C minor
TO_MINOR = {64: 63, 69: 68, 71: 70}
C_MINOR = {"scale": "C minor"}


def changed(state, pitches, without=()):
    """The state with pitches replaced, and without the notes at some steps: the note before goes on."""
    new = state.copy()
    for old, now in pitches.items():
        new[state == old - tok.PITCH_OF_TOKEN] = now - tok.PITCH_OF_TOKEN
    new[list(without)] = tok.HOLD
    return new


def edited(state):
    """The scale as a tune, edited to a state (64,)."""
    return EditedTune(tune(c_major_scale()), piece_of(read_song(to_bytes(tok.to_melody(state, "4/4")), name="after")))


def heard(state):
    """The pitches of the onsets."""
    return (state[tok.onsets(state)].astype(int) + tok.PITCH_OF_TOKEN).tolist()


def flat(nats):
    """A judge by whom every note costs so much."""
    made = object.__new__(CrossEntropy)
    made.judges = {meter: SimpleNamespace(cross_entropy=lambda sequences, n=n: n) for meter, n in nats.items()}
    return made


# ---- one edit ------------------------------------------------------------------------------------------------------


def test_an_edits_figures_by_hand():
    """To C minor, and the first F (an allowed note) is gone: 19 of 20 allowed notes are there, 31 onsets, 19 of those notes the original's."""
    after = edited(changed(SCALE, TO_MINOR, without=[6]))
    row = after.row(C_MINOR)
    before_and_after = [(a, b) for a, b in zip(*(tok.sounding(s[None])[0] for s in (SCALE, after.after)), strict=True)]
    assert before_and_after[4:8] == [(64, 63), (64, 63), (65, 63), (65, 63)]
    assert row == {
        "met": 1.0,
        "allowed notes kept": 19 / 20,
        "notes kept": 19 / 32,
        "of the result original": 19 / 31,
        "onsets kept": 31 / 32,
        "contour": pytest.approx(np.corrcoef(np.array(before_and_after).T)[0, 1]),
    }


def test_a_note_at_another_pitch_keeps_its_onset_but_is_not_kept():
    row = edited(changed(SCALE, {67: 66})).row({"scale": "C"})
    assert (row["met"], row["notes kept"], row["onsets kept"], row["allowed notes kept"]) == (0.0, 28 / 32, 1.0, 28 / 32)


def test_an_added_note_lowers_only_the_share_of_the_original():
    state = SCALE.copy()
    state[1] = 60 - tok.PITCH_OF_TOKEN
    row = edited(state).row({"scale": "C"})
    assert (row["notes kept"], row["of the result original"]) == (1.0, 32 / 33)


def test_contour_is_pearsons_r_of_what_sounds_in_both():
    """Deviations −2 0 2 and −2 2 0: 4 of 8. The last steps, silent in one of the two, do not count."""
    a, b = phrase(60, 62, 64, 90), phrase(60, 64, 62)
    assert pitch_correlation(a, b) == pytest.approx(0.5)
    assert pitch_correlation(a, tok.transpose(a[None], 7)[0]) == pytest.approx(1)
    assert math.isnan(pitch_correlation(a, phrase(60, 60, 60)))
    assert math.isnan(pitch_correlation(phrase(60, 62), phrase(60, 62)))


# ---- snapping and the judge ----------------------------------------------------------------------------------------


def test_snapping_goes_one_way_where_both_are_as_near():
    allowed = allowed_pitches([parse_constraint("scale", "C minor")])
    assert heard(snapped_one_way(SCALE, allowed, -1))[:8] == [60, 62, 63, 65, 67, 68, 70, 72]
    assert heard(snapped_one_way(SCALE, allowed, 1))[:8] == [60, 62, 65, 65, 67, 70, 72, 72]
    near = allowed_pitches([parse_constraint("scale", "{0,7}")])  # C and G: D is nearer to C either way, F to G, E four and three away
    assert heard(snapped_one_way(SCALE, near, 1))[:5] == heard(snapped_one_way(SCALE, near, -1))[:5] == [60, 60, 67, 67, 67]


def test_cross_entropy_of_pieces_is_a_mean_over_notes():
    """31 notes after the first at 2 nats in 4/4, 10 at 3 nats in 6/8."""
    states = [SCALE, tok.from_melody(jig())]
    assert flat({"4/4": 2.0, "6/8": 3.0}).mean(states, ["4/4", "6/8"]) == pytest.approx((31 * 2 + 10 * 3) / 41)


def test_each_meter_has_a_judge_of_its_own_training_tunes():
    waltz = tok.from_melody(jig())  # rows of 48 steps serve as 3/4 and as 6/8
    rows = np.stack([SCALE, *tok.pad(np.stack([waltz, waltz]), "3/4")])
    meter, split, zeros = np.array([0, 1, 2], np.uint8), np.array([0, SPLITS.index("test"), 0], np.uint8), np.zeros(3, np.int32)
    judge = CrossEntropy(Dataset(rows, meter, split, zeros, zeros, {}))
    assert judge.total(SCALE, "4/4")[0] < 31 < judge.total(SCALE, "6/8")[0]
    assert judge.total(SCALE, "3/4")[0] / 31 == pytest.approx(math.log(16 * 49))  # it has learnt nothing: uniform


def test_snaps_go_the_way_of_the_lower_cross_entropy():
    result = edited(SCALE)
    costs = {63: 5.0, 65: 1.0}  # the third note: down to E flat, or up to F
    judge = SimpleNamespace(total=lambda state, meter: (costs[heard(state)[2]], 1))
    assert heard(snaps([result], lambda tune: C_MINOR, judge)[0])[2] == 65


def test_a_summary_by_hand(monkeypatch):
    """Originals cost 4 nats a note, results 3, snapped ones 2.5; one of two results is in C minor."""
    results = [edited(changed(SCALE, TO_MINOR)), edited(SCALE)]
    monkeypatch.setattr(edits, "snaps", lambda *_: ["snapped", "snapped"])
    monkeypatch.setattr(edits, "mean_contour", lambda *_: 0.99)
    nats = {"before": 4.0, "after": 3.0, "snapped": 2.5}

    def mean(states, meters):
        assert meters == ["4/4", "4/4"]
        return nats["snapped" if isinstance(states[0], str) else "after" if 63 in heard(states[0]) else "before"]

    row = summary(results, lambda tune: C_MINOR, SimpleNamespace(mean=mean))
    assert (row["files"], row["met"], row["notes kept"]) == (2, 0.5, round((20 / 32 + 1) / 2, 4))
    assert row["cross-entropy over the original's"] == "-25.0 %"
    assert (row["over snapping's"], row["snapping: contour"]) == ("+20.0 %", 0.99)
    assert "over snapping's" not in summary(results, lambda tune: {**C_MINOR, "density": "8"}, SimpleNamespace(mean=mean))


# ---- tables --------------------------------------------------------------------------------------------------------


def editor(monkeypatch, answer, *melodies):
    """Puts tunes of these melodies in the place of the test tunes, and answer(tune's song, goals, options) → bytes in the editor's."""
    of = [tune(melody, f"tune {number}") for number, melody in enumerate(melodies)]
    monkeypatch.setattr(edits, "tunes", lambda n, seed: list(of))

    def transformed(model, song, goals, options=None):
        data = answer(song, goals, options)
        met = edits.met(piece_of(read_song(data, name="after")), goals)
        return SimpleNamespace(data=data, satisfied=met)

    monkeypatch.setattr(edits, "transformed", transformed)
    return of


def test_a_row_for_each_that_is_asked_and_only_tunes_that_can_have_it(monkeypatch):
    """Half as many notes again are too many for a bar of sixteen sixteenths: only the scale is counted there."""
    keeps = []
    full = tok.to_melody(np.tile(phrase(*[60, 62, 64, 65] * 16), 1), "4/4")

    def answer(song, goals, options):
        keeps.append(options.keep)
        return to_bytes(song.sections[0].melody)

    editor(monkeypatch, answer, c_major_scale(), full)
    monkeypatch.setattr(edits, "CrossEntropy", lambda dataset: flat({"4/4": 2.0}))
    rows = edits.by_constraints(None, None, 2, 7)
    assert [row["constraints"] for row in rows] == ["parallel mode"] * 2 + ["dorian"] * 2 + list(edits.ASKED)[2:]
    assert [row["keep"] for row in rows] == [0.7, 0.3, 0.7, 0.3, 0.7, 0.7, 0.7, 0.7]
    assert [row["files"] for row in rows] == [2, 2, 2, 2, 1, 2, 1, 2]
    assert {row["met"] for row in rows} == {0.0}
    assert {row["notes kept"] for row in rows} == {1.0}
    assert set(keeps) == {0.7, 0.3}


def test_there_and_back_by_hand(monkeypatch):
    """Three tunes to the parallel minor and back: two return with one of their 32 notes changed, the other stays in minor."""
    minor = to_bytes(tok.to_melody(changed(SCALE, TO_MINOR), "4/4"))
    one_off = SCALE.copy()
    one_off[0] = 62 - tok.PITCH_OF_TOKEN
    returns = iter([to_bytes(tok.to_melody(one_off, "4/4")), minor, to_bytes(tok.to_melody(one_off, "4/4"))])
    editor(monkeypatch, lambda song, goals, options: minor if goals == C_MINOR else next(returns), *[c_major_scale()] * 3)
    (row,) = edits.back(None, None, 2, 7)
    assert row == {"files": 3, "there": 1.0, "and back": round(2 / 3, 4), "notes of the first": round((31 + 20 + 31) / 96, 4)}


def test_files_that_meet_everything_already_are_compared_byte_by_byte(monkeypatch):
    asked = []

    def answer(song, goals, options):
        asked.append(goals)
        whole = to_bytes(song.sections[0].melody)
        return whole if options.keep >= 0.5 or song.meter == "6/8" else whole[:-4] + b"\x01\xff\x2f\x00"  # the end of the track a tick later

    editor(monkeypatch, answer, c_major_scale(), jig())
    rows = edits.identity(None, None, 2, 7)
    assert {row["keep"]: row["identical"] for row in rows} == {0.0: 0.5, 0.15: 0.5, 0.3: 0.5, 0.5: 1.0, 0.7: 1.0, 0.85: 1.0, 1.0: 1.0}
    assert asked[0] == {"scale": "{0,2,4,5,7,9,11}", "density": "8.0000"}


def test_the_frontier_has_a_row_a_keep_and_both_ends_beside(monkeypatch):
    """At keep 0.3 the first F is gone, at 1 nothing but the mode changes; every note costs 2 nats."""
    monkeypatch.setattr(edits, "KEEPS", (0.3, 1.0))
    states = {0.3: changed(SCALE, TO_MINOR, without=[6]), 1.0: changed(SCALE, TO_MINOR)}
    editor(monkeypatch, lambda song, goals, options: to_bytes(tok.to_melody(states[options.keep], "4/4")), c_major_scale())
    monkeypatch.setattr(edits, "CrossEntropy", lambda dataset: flat({"4/4": 2.0}))
    rows = edits.frontier(None, None, 1, 7)
    r = [round(pitch_correlation(SCALE, states[keep]), 4) for keep in (0.3, 1.0)]
    assert rows == [
        {"way": "keep 0.3", "allowed notes kept": 0.95, "contour": r[0], "cross-entropy": 2.0},
        {"way": "keep 1", "allowed notes kept": 1.0, "contour": r[1], "cross-entropy": 2.0},
        {"way": "snapping", "allowed notes kept": 1.0, "contour": r[1], "cross-entropy": 2.0},
        {"way": "original", "allowed notes kept": 1.0, "contour": 1.0, "cross-entropy": 2.0},
    ]
