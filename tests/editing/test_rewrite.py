"""Edits change what they must and keep what they can: worked by hand, invariants, and the shipped model on a real tune's shape."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from musiclc.editing.edit import edited
from musiclc.editing.lines import BiasStrengths, EditProblem, aligned
from musiclc.editing.piece import Piece
from musiclc.editing.rewrite import shared, snapped
from musiclc.midi.section import MeterSection
from musiclc.model import checkpoint
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from musiclc.rules import allowed_pitches, parse_constraint, settled
from tests.helpers import c_major_scale, tiny_model

# The first strain of a reel-like line in D, two phrases, worked by hand for these tests.
REEL = [62, 66, 69, 66, 62, 66, 69, 74, 73, 69, 64, 69, 73, 69, 64, 69, 62, 66, 69, 66, 62, 66, 69, 74, 73, 71, 69, 67, 66, 64, 62, 62]


def reel(phrases=2):
    return Melody(tuple(Note(2 * i, p, 2) for i, p in enumerate(REEL * phrases)), "4/4", 4 * phrases)


@pytest.fixture(scope="module")
def model():
    return checkpoint.load()


def problem(model, melody, keep=0.7, **asked):
    piece = Piece((MeterSection(melody.meter, melody.bars, melody.notes),))
    return EditProblem(model, piece, settled([parse_constraint(k, v) for k, v in asked.items()]), BiasStrengths.of(keep), model.critics)


def pitches(state):
    return (state[tok.onsets(state)].astype(int) + tok.PITCH_OF_TOKEN).tolist()


def kept(problem, state):
    before = problem.piece.state
    return float((before == state)[tok.onsets(before)].mean())


# ---- where to ------------------------------------------------------------------------------------------------------


def test_major_snaps_to_minor_degree_by_degree_and_back():
    state = tok.from_melody(c_major_scale())
    minor = snapped(state, allowed_pitches([parse_constraint("scale", "C minor")]))
    assert pitches(minor)[:8] == [60, 62, 63, 65, 67, 68, 70, 72]
    assert np.array_equal(snapped(minor, allowed_pitches([parse_constraint("scale", "C major")])), state)


def test_what_is_allowed_is_not_snapped():
    state = tok.from_melody(c_major_scale())
    assert np.array_equal(snapped(state, allowed_pitches([parse_constraint("scale", "A minor")])), state)


# ---- sharing the burden --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_the_burden_is_shared_as_trying_all_ways_would(seed):
    rng = np.random.default_rng(seed)
    score = rng.normal(size=(4, 4))
    score[rng.random((4, 4)) < 0.25] = -np.inf
    score[:, 1] = rng.normal(size=4)  # as many as before is always possible
    low = int(rng.integers(-4, 6))
    wanted = (low, low + int(rng.integers(0, 2)))
    ways = [w for w in itertools.product(range(4), repeat=4) if np.isfinite(score[np.arange(4), w].sum())]
    off = {w: max(wanted[0] - (sum(w) - 4), 0) + max(sum(w) - 4 - wanted[1], 0) for w in ways}
    nearest = [w for w in ways if off[w] == min(off.values())]
    best = max(score[np.arange(4), w].sum() for w in nearest)
    got = tuple(shared(score, 1, wanted).tolist())
    assert off[got] == min(off.values())
    assert score[np.arange(4), got].sum() == pytest.approx(best)


# ---- edits with the shipped model ----------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.7, 1.0])
def test_what_is_met_changes_nothing(model, keep):
    t = problem(model, reel(), keep, scale="D", density="8")
    assert np.array_equal(edited(t), t.piece.state)


@pytest.mark.parametrize("keep", [0.0, 0.7, 1.0])
def test_a_new_mode_is_granted_whatever_is_kept(model, keep):
    t = problem(model, reel(), keep, scale="D minor")
    assert t.met(edited(t))


def test_keep_one_moves_forbidden_notes_only_and_less_keep_keeps_less(model):
    shares = []
    for keep in (1.0, 0.7, 0.3, 0.0):
        t = problem(model, reel(), keep, scale="D minor")
        state = edited(t)
        fine = allowed_pitches(t.constraints)[np.clip(t.piece.state.astype(int) + tok.PITCH_OF_TOKEN, 0, 127)] & tok.onsets(t.piece.state)
        shares.append(float((state == t.piece.state)[fine].mean()))
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 0.95


def test_notes_are_added_around_those_that_were_there(model):
    t = problem(model, reel(), 1.0, density="11")
    state = edited(t)
    assert t.met(state)
    assert kept(t, state) == 1


def test_thinning_leaves_notes_that_were_there(model):
    t = problem(model, reel(), 1.0, density="5")
    state = edited(t)
    assert t.met(state)
    assert ((state == t.piece.state) & tok.onsets(state)).sum() == tok.onsets(state).sum()


def test_mode_and_density_at_once(model):
    t = problem(model, reel(), scale="D dorian", density="10")
    assert t.met(edited(t))


def test_a_range_moves_by_octaves(model):
    t = problem(model, reel(), 1.0, range="D5..D6")
    assert pitches(edited(t)) == [p + 12 for p in REEL * 2]


@pytest.mark.parametrize("meter", ["4/4", "3/4", "6/8"])
@pytest.mark.parametrize("bars", [1, 2, 3, 5, 9])
def test_pieces_of_any_length_and_meter(model, meter, bars):
    per_bar = 16 if meter == "4/4" else 12
    melody = Melody(tuple(Note(s, REEL[s // 2 % 32], 2) for s in range(0, bars * per_bar, 2)), meter, bars)
    t = problem(model, melody, scale="D minor", density="5")
    assert t.met(edited(t))


def test_the_same_comes_out_again(model):
    t = problem(model, reel(), scale="D minor", contour="up")
    assert np.array_equal(edited(t), edited(t))


def test_constraints_that_allow_no_note_change_as_little_as_it_helps(model):
    t = problem(model, reel(), scale="{0}", range="C#4..D4")
    state = edited(t)
    assert t.piece.scores(t.constraints, state[None]).sum() >= t.piece.scores(t.constraints, t.piece.state[None]).sum()


# A rule that critics know, one that they know badly, one that is a matter of place, one that is a matter of silence.
@pytest.mark.parametrize(("rule", "goal"), [("contour", "up"), ("complexity", "3"), ("chords", "Bm Em"), ("rests", "0.1"), ("start", "A")])
def test_any_other_rule_is_granted_too_and_hard_constraints_stay_granted(model, rule, goal):
    t = problem(model, reel(), **{rule: goal}, scale="D")
    state = edited(t)
    assert t.met(state), t.piece.scores(t.constraints, state[None])
    assert 0.2 < kept(t, state) < 1


def test_bars_are_heard_where_the_vae_finds_them_likelier():
    class Listener:
        """Finds a window the likelier, the more of its bars begin with a note."""

        def nll_per_note(self, rows, meters):
            return 4.0 - (rows[:, [0, 16, 32, 48]] >= tok.FIRST_ONSET).float().mean(1)

    def pickup(first):
        bars = Melody(tuple(Note(s, 62, 4) for s in range(first, 252, 16)), "4/4", 16)  # one note a bar, `first` steps into it
        model = replace(tiny_model(), vae=Listener())
        return aligned(model, Piece((MeterSection("4/4", 16, bars.notes),))).sections[0].pickup

    assert pickup(0) == 0
    assert pickup(2) == 14  # an eighth's pickup: the first bar line is heard two steps into the file
    assert pickup(4) == 12


def test_an_untrained_model_grants_masks_and_counts_all_the_same():
    t = problem(tiny_model(), reel(), scale="D minor", density="6")
    assert t.met(edited(t))
