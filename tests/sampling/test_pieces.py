"""Whole pieces: forms, keys and given bars, with small networks that were never fitted, and the choice among writings by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from musiclc.errors import CheckpointError, UsageError
from musiclc.model.pieces import DrawOptions
from musiclc.music import tokens as tok
from musiclc.music.form import parse_form
from musiclc.music.melody import Melody, Note
from musiclc.rules import parse_constraints
from musiclc.rules.sections import SectionGoals
from musiclc.sampling import piece_rounds, pieces
from musiclc.sampling.fill_request import FillOptions
from musiclc.sampling.forms import form_faults, plan_of_form
from musiclc.sampling.piece_problem import PieceCandidate, PieceProblem
from musiclc.sampling.piece_rounds import PieceRounds
from musiclc.sampling.request import SampleRequest
from musiclc.sampling.setting import Setting
from tests.helpers import tiny_model, tiny_pieces


@pytest.fixture(scope="module")
def model():
    made = tiny_model()
    made.pieces = tiny_pieces()
    return made


def _request(**values) -> SampleRequest:
    return SampleRequest.of({"realism": 0, "attempts": 1, **values})


def _tokens(sample) -> np.ndarray:
    return tok.from_melody(sample.melody)


def test_a_piece_depends_on_its_seed_and_index_alone(model):
    many = list(pieces.samples(model, _request(n=3, seed=5, bars=6)))
    alone = list(pieces.samples(model, _request(n=1, seed=5, bars=6)))
    assert many[0].melody == alone[0].melody
    assert many[1].melody != many[0].melody
    keys = iter([[(5, 2)], []])
    ((key, by_key),) = pieces.samples_by_key(model, _request(bars=6), lambda most: next(keys))
    assert key == (5, 2)
    assert by_key.melody == many[1].melody


@pytest.mark.parametrize(("meter", "bars"), [("4/4", 1), ("9/8", 5), ("12/8", 3), ("2/4", 16)])
def test_any_number_of_bars_in_any_meter(model, meter, bars):
    (made,) = pieces.samples(model, _request(meter=meter, bars=bars))
    assert (made.melody.meter, made.melody.bars) == (meter, bars)


def test_a_letter_returns_note_by_note(model):
    (made,) = pieces.samples(model, _request(form="A2 B2 A2"))
    bars = _tokens(made).reshape(6, -1)
    assert np.array_equal(bars[:2], bars[4:])
    assert not np.array_equal(bars[:2], bars[2:4])


@pytest.mark.parametrize(("key", "classes"), [("D dorian", {2, 4, 5, 7, 9, 11, 0}), ("E major", {4, 6, 8, 9, 11, 1, 3})])
def test_a_key_is_a_mask_and_a_transposition(model, key, classes):
    """All notes are in the scale, though the networks know none."""
    (made,) = pieces.samples(model, _request(key=key, bars=5, seed=2))
    assert made.melody.notes
    assert {n.pitch % 12 for n in made.melody.notes} <= classes


def test_the_transposition_of_a_key_is_the_nearest_interval():
    found = {
        key: pieces._key_of(None, [SectionGoals("", tuple(parse_constraints({"key": key})), ((0, 4),))], "4/4")
        for key in ("A minor", "Bb minor", "G")
    }
    assert found == {"A minor": (1, (0,), 9), "Bb minor": (1, (1,), 10), "G": (0, (-5,), 7)}


def test_a_section_has_its_own_mask_and_verdict(model):
    (made,) = pieces.samples(model, _request(form="A2 B2", sections={"B": {"range": "C5..C6"}}))
    later = [n for n in made.melody.notes if n.start >= 32]
    assert later
    assert all(72 <= n.pitch <= 84 for n in later)
    assert [(v["section"], v["rule"], v["satisfied"]) for v in made.verdicts] == [("B", "range", True)]


def test_what_cannot_draw_pieces_says_so(model):
    with pytest.raises(UsageError, match="method langevin: draws phrases of four bars only"):
        list(pieces.samples(model, _request(method="langevin")))
    with pytest.raises(CheckpointError, match="writes phrases of four bars only"):
        list(pieces.samples(replace(model, pieces=None), _request()))


# ---- bars among bars -----------------------------------------------------------------------------------------------


def _melody() -> np.ndarray:
    notes = tuple(Note(4 * i, 60 + (0, 2, 4, 7)[i % 4], 4) for i in range(24))
    return tok.from_melody(Melody(notes, "4/4", 6))


def test_given_bars_stay_and_wanted_ones_are_written(model):
    tokens, wanted = _melody(), np.array([0, 0, 1, 1, 0, 0], bool)
    first, second = pieces.fills(model, Setting(tokens, wanted, "4/4"), [(3, 1), (3, 2)], FillOptions(realism=0, attempts=1))
    for filled in (first, second):
        assert np.array_equal(filled.tokens.reshape(6, -1)[~wanted], tokens.reshape(6, -1)[~wanted])
    assert not np.array_equal(first.tokens, second.tokens)


def test_wanted_bars_meet_their_constraints_given_ones_need_not(model):
    wanted = np.array([0, 0, 0, 0, 1, 1], bool)
    setting = Setting(_melody(), wanted, "4/4", constraints=parse_constraints({"range": "C6..C7"}))
    (filled,) = pieces.fills(model, setting, [(1, 1)], FillOptions(realism=0, attempts=1))
    new = filled.tokens.reshape(6, -1)[wanted]
    pitches = new[new >= tok.FIRST_ONSET].astype(int) + tok.PITCH_OF_TOKEN
    assert len(pitches)
    assert pitches.min() >= 84


def test_silent_surroundings_do_for_a_setting(model):
    setting = Setting(np.zeros(64, np.uint8), np.array([0, 1, 1, 0], bool), "4/4")
    (filled,) = pieces.fills(model, setting, [(1, 1)], FillOptions(realism=0, attempts=1))
    assert not filled.tokens.reshape(4, -1)[[0, 3]].any()


def test_runs_of_wanted_bars():
    assert pieces._windows(np.array([0, 1, 1, 0, 1], bool)) == ((1, 3), (4, 5))


# ---- plans and forms -----------------------------------------------------------------------------------------------


def test_the_plan_of_a_form_says_what_returns(model):
    equal = plan_of_form(model.pieces, parse_form("A2 B2 A2 A'2"), 0, np.random.default_rng(0))
    assert equal[4, 0] == equal[5, 1] == 1
    assert equal[2, 0] == equal[4, 2] == 0
    assert 0.5 < equal[7, 1] < 1 or 0.5 < equal[6, 0] < 1  # varied somewhere
    assert np.array_equal(equal, equal.T)


def test_form_faults_by_hand():
    a, b = np.array([50, 1, 52, 1, 54, 55, 57, 59]), np.array([50, 1, 52, 1, 54, 55, 60, 62])  # four of six notes alike
    form = parse_form("A1 A1")
    assert form_faults(form, np.stack([[a, a], [a, b]])).tolist() == [[False, False], [False, True]]
    varied = parse_form("A1 A'1")
    assert form_faults(varied, np.stack([[a, a], [a, b]])).tolist() == [[False, True], [False, False]]


# ---- rounds --------------------------------------------------------------------------------------------------------


def _candidate(scores, on_tonic=True, worth=0.0) -> PieceCandidate:
    tokens = np.zeros((1, 16), np.uint8)
    return PieceCandidate((1, 1), 1, tokens, np.array(scores), float(on_tonic), worth, 0.5, torch.zeros(1, 2), 0, 0, np.eye(1), tokens)


def test_rank_goes_by_goals_then_the_tonic_then_by_worth():
    best = [_candidate([1, 0.5], worth=9), _candidate([1, 1], False, worth=5), _candidate([1, 1], worth=1), _candidate([1, 1], worth=2)]
    assert sorted(best, key=lambda c: c.rank) == best
    assert [c.met for c in best] == [False, True, True, True]


def test_most_writings_agree_with_the_middle_one():
    """Only the second bar counts. The first two share three of four steps, the third one step with either."""
    tokens = np.array([[[1], [5]]] * 3, np.uint8).repeat(4, axis=2)
    tokens[1, 1, 3] = 7
    tokens[2, 1, 1:] = 8, 8, 8
    tokens[2, 0] = 9
    assert piece_rounds._agreement(tokens, np.array([False, True])).tolist() == pytest.approx([2 / 3, 2 / 3, 0.5])


def test_what_is_to_be_mended_by_hand(model):
    """Bars 2 and 6 lie too low for their section; bar 4 returns from bar 2; the last bars end on B, where C is asked for, and bar 1 equals bar 7."""
    problem = pieces._rounds_of(model, _request(key="C", bars=8))[0].problem
    low = SectionGoals("", tuple(parse_constraints({"range": "C5..C6"})), ((2, 3), (5, 6)))
    problem = replace(problem, parts=(low,))
    tokens = np.ones((8, 16), np.uint8)
    tokens[:, 0] = 72 - tok.PITCH_OF_TOKEN
    equal = np.eye(8)
    equal[4, 2] = equal[2, 4] = 0.6
    equal[7, 1] = equal[1, 7] = 1
    assert problem.to_mend((1, 1), tokens, equal) is None
    tokens[[2, 5], 0] = 60 - tok.PITCH_OF_TOKEN
    assert np.flatnonzero(problem.to_mend((1, 1), tokens, equal)).tolist() == [2, 4, 5]
    tokens[7, 0] = 71 - tok.PITCH_OF_TOKEN
    assert np.flatnonzero(problem.to_mend((1, 1), tokens, equal)).tolist() == [1, 2, 4, 5, 6, 7]


def test_the_next_draws_of_a_piece_keep_what_is_better(model, monkeypatch):
    """Three draws at most, of which the second is best; another piece is content with its first."""
    problem = pieces._rounds_of(model, _request(bars=1))[0].problem
    rounds = PieceRounds(problem, attempts=3, realism=0, options=DrawOptions())
    seen = []

    def drawn(rows):
        seen.append([(key, attempt) for key, attempt, _ in rows])
        quality = {(1, 1): {1: 0.2, 2: 0.6, 3: 0.4}, (1, 2): {1: 1.0}}
        return [replace(_candidate([quality[key][attempt]]), key=key, attempt=attempt) for key, attempt, _ in rows]

    monkeypatch.setattr(rounds, "_drawn", drawn)
    found = list(rounds.best([(1, 1), (1, 2)]))
    assert [(c.key, c.attempt, attempts) for c, attempts in found] == [((1, 1), 2, 3), ((1, 2), 1, 1)]
    assert seen == [[((1, 1), 1), ((1, 2), 1)], [((1, 1), 2)], [((1, 1), 3)]]


def test_what_a_judged_rule_misses_after_all_draws_is_mended_in_wanted_bars():
    """Six Cs in two bars: two of them are moved so that no three follow each other, and none where one draw is all that there may be."""
    tokens = np.full((2, 16), tok.HOLD, np.uint8)
    tokens[:, [0, 4, 8]] = 60 - tok.PITCH_OF_TOKEN

    def mended(wanted, attempts=2, **goals):
        parts = (SectionGoals("", tuple(parse_constraints(goals)), ((0, 2),)),)
        problem = PieceProblem(None, "4/4", tokens.astype(np.int64), np.array(wanted), parts, lambda random: np.eye(2))
        candidate = PieceCandidate((1, 1), 1, tokens, problem.scores(tokens[None])[0], True, 0.0, 0.5, torch.zeros(2), 0, 0, np.eye(2), tokens)
        return pieces.mended(PieceRounds(problem, attempts), candidate)

    both = mended([True, True], no_repeat="2")
    assert (both != tokens).sum() == 2
    assert np.array_equal(tok.onsets(both), tok.onsets(tokens))
    assert np.array_equal(mended([False, True], no_repeat="3")[0], tokens[0])
    assert not np.array_equal(mended([False, True], no_repeat="3")[1], tokens[1])
    for untouched in (mended([True, True], attempts=1, no_repeat="2"), mended([True, True], no_repeat="6"), mended([True, True], tonic="D")):
        assert np.array_equal(untouched, tokens)
