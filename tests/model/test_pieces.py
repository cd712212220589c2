"""The networks of whole pieces: what is given stays, what returns is copied, a bar hears only what it may."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from musiclc.latent.descent import generator_of
from musiclc.model.bars import carried
from musiclc.model.context import ANY, BUCKETS, MODE_UNKNOWN, NEW, SAME, UNKNOWN_PLACE, VARIED, Context, distance_buckets, of_source
from musiclc.model.pieces import DrawOptions, Hand, Pieces, PieceTask, vectors, write
from musiclc.model.returns import Plans, earlier_or_given, equal_steps, returns
from musiclc.model.vae import START
from musiclc.model.writing import BarWriter, Manuscript, WriteOptions
from musiclc.music.tokens import HOLD, REST, VOCABULARY
from tests.helpers import tiny_pieces

BARS, STEPS = 6, 8


@pytest.fixture(scope="module")
def pieces() -> Pieces:
    return tiny_pieces()


def _context(n: int) -> Context:
    place = torch.full((n, BARS), UNKNOWN_PLACE)
    return Context(torch.full((n,), 3), torch.full((n,), MODE_UNKNOWN), place, place, torch.full((n, BARS), -1), torch.full((n, BARS), ANY))


def _tokens(n: int, seed: int = 0) -> torch.Tensor:
    tokens = torch.randint(REST, VOCABULARY, (n, BARS, STEPS), generator=generator_of(seed))
    tokens[:, 0, 0] = 40
    return tokens


def _task(n: int, wanted: list[int]) -> PieceTask:
    chosen = torch.zeros(n, BARS, dtype=torch.bool)
    chosen[:, wanted] = True
    return PieceTask(_context(n), _tokens(n), chosen, np.repeat(np.eye(BARS, dtype=np.float32)[None], n, 0)).told()


def _hand(n: int, first: int = 0) -> Hand:
    return Hand([generator_of(first + i) for i in range(n)])


def test_distances_are_told_apart_near_and_lumped_together_far():
    buckets = distance_buckets(128)
    assert buckets[5, 8] != buckets[8, 5]
    assert len(set(buckets[0, :17].tolist())) == 17
    assert buckets[0, 17] == buckets[0, 23] != buckets[0, 24]
    assert buckets.min() >= 0
    assert buckets.max() < BUCKETS


def test_the_event_before_a_bar_is_the_last_onset_or_rest():
    tokens = torch.tensor([[[50, HOLD], [HOLD, HOLD], [REST, 52], [HOLD, 53]]])
    assert carried(tokens).tolist() == [[START, 50, 50, 52]]


def test_a_bar_without_a_source_reads_zeros():
    x = torch.arange(6.0).view(1, 3, 2)
    assert of_source(x, torch.tensor([[-1, 0, 0]])).tolist() == [[[0, 0], [0, 1], [0, 1]]]


def test_equal_bars_have_equal_vectors_wherever_they_stand(pieces):
    tokens = _tokens(1)
    tokens[:, 4] = tokens[:, 1]
    mean, _ = pieces.bars.encode(tokens)
    assert torch.equal(mean[:, 4], mean[:, 1])


@pytest.mark.parametrize("wanted", [list(range(BARS)), [1], [0, 1, 4]])
def test_writing_is_what_teacher_forcing_says(pieces, wanted):
    """Bar by bar and step by step, each token is the likeliest by the logits that training computes at once."""
    task = _task(2, wanted)
    z, t = torch.randn(2, BARS, 8, generator=generator_of(1)), torch.full((2, BARS), 0.3)
    sheet, hand = Manuscript(z, t, task.context, task.tokens, task.wanted), _hand(2)
    written = BarWriter(pieces.bars).write(sheet, WriteOptions(0, 0), lambda bar: hand.gumbel(STEPS, VOCABULARY))
    no = torch.zeros(2, BARS, STEPS, dtype=torch.bool)
    clean = pieces.bars.encode(written)[0]
    logits = pieces.bars.logits(z, t, written, task.context, clean=clean, dropped=no, forgotten=no[:, 0, 0], wanted=task.wanted)
    before = torch.cat([carried(written)[..., None], written[..., :-1]], dim=-1)
    logits[(before == REST) | (before == START)] = logits[(before == REST) | (before == START)].index_fill(-1, torch.tensor([HOLD]), -torch.inf)
    assert torch.equal(logits.argmax(-1)[:, wanted], written[:, wanted])


def test_what_a_piece_draws_does_not_hang_on_which_bars_its_neighbours_want(pieces):
    """A piece with one wanted bar, alone and beside one that wants all: the same tokens to the bit, and the same random numbers after it."""
    task, options = _task(2, list(range(BARS))), WriteOptions(1.0, 1.0)
    wanted = task.wanted.clone()
    wanted[0] = torch.arange(BARS) == 3
    z, t = torch.randn(2, BARS, 8, generator=generator_of(1)), torch.full((2, BARS), 0.8)

    def written(rows: slice) -> tuple[torch.Tensor, torch.Tensor]:
        hand = Hand([generator_of(9, i) for i in range(2)][rows])
        sheet = Manuscript(z[rows], t[rows], task.context.rows(torch.arange(2)[rows]), task.tokens[rows], wanted[rows])
        return BarWriter(pieces.bars).write(sheet, options, lambda bar: hand.gumbel(STEPS, VOCABULARY)), hand.normal(1)

    (alone, after), (both, after_both) = written(slice(0, 1)), written(slice(0, 2))
    assert torch.equal(alone[0], both[0])
    assert torch.equal(after[0], after_both[0])


def test_a_bar_does_not_hear_what_is_written_later(pieces):
    tokens, no = _tokens(1), torch.zeros(1, BARS, STEPS, dtype=torch.bool)
    other = tokens.clone()
    other[:, 4:] = 60
    z, t, context = torch.zeros(1, BARS, 8), torch.ones(1, BARS), _context(1)
    before, after = (
        pieces.bars.logits(z, t, each, context, clean=pieces.bars.encode(each)[0], dropped=no, forgotten=no[:, 0, 0], wanted=~no[:, :, 0])
        for each in (tokens, other)
    )
    assert torch.allclose(before[:, :4], after[:, :4], atol=1e-6)
    assert not torch.allclose(before[:, 5], after[:, 5], atol=1e-3)


def test_what_is_given_stays_and_what_is_wanted_does_not(pieces):
    task = _task(3, [2, 3])
    x, t = vectors(pieces, task, _hand(3), DrawOptions(steps=2))
    assert torch.equal(x[:, [0, 1, 4, 5]], pieces.flow.standardise(pieces.bars.encode(task.tokens)[0])[:, [0, 1, 4, 5]])
    assert t[0].tolist() == pytest.approx([0, 0, 0.8, 0.8, 0, 0])
    written = write(pieces, task, x, t, _hand(3), DrawOptions())
    assert torch.equal(written[:, [0, 1, 4, 5]], task.tokens[:, [0, 1, 4, 5]])
    assert (written[:, 2:4] != task.tokens[:, 2:4]).any()


def test_a_piece_does_not_depend_on_its_neighbours(pieces):
    task, options = _task(4, list(range(BARS))), DrawOptions(steps=2)
    x, _ = vectors(pieces, task, _hand(4), options)
    alone, _ = vectors(pieces, task.rows(torch.tensor([2])), _hand(1, 2), options)
    assert torch.allclose(x[2], alone[0], atol=1e-5)


def test_bars_of_the_same_kind_are_copied_note_by_note(pieces):
    task = _task(2, list(range(BARS)))
    source, kind = torch.full((2, BARS), -1), torch.full((2, BARS), NEW)
    source[:, 2], kind[:, 2] = 0, SAME
    source[:, 4], kind[:, 4] = 2, SAME  # a copy of a copy
    source[:, 5], kind[:, 5] = 1, VARIED
    task = replace(task, context=replace(task.context, source=source, kind=kind))
    x, t = vectors(pieces, task, _hand(2), DrawOptions(steps=2))
    assert torch.equal(x[:, 4], x[:, 0])
    written = write(pieces, task, x, t, _hand(2), DrawOptions())
    assert torch.equal(written[:, 2], written[:, 0])
    assert torch.equal(written[:, 4], written[:, 0])
    assert not torch.equal(written[:, 3], written[:, 0])


def test_a_banned_token_is_not_written(pieces):
    bias = torch.zeros(1, BARS, STEPS, VOCABULARY)
    bias[..., 2:50] = -torch.inf
    task = replace(_task(2, list(range(BARS))), logit_bias=bias)
    x, t = vectors(pieces, task, _hand(2), DrawOptions(steps=2))
    written = write(pieces, task, x, t, _hand(2), DrawOptions())
    assert not ((written >= 2) & (written < 50)).any()


# ---- returns and plans ---------------------------------------------------------------------------------------------


def test_shares_of_equal_steps_count_pitch_and_onset():
    tokens = np.array([[[50, HOLD, 52, HOLD], [50, HOLD, 52, 52], [50, HOLD, HOLD, HOLD], [60, HOLD, 62, HOLD]]])
    assert equal_steps(tokens)[0, 0].tolist() == [1, 0.75, 0.5, 0]


def test_a_return_comes_from_the_source_whose_neighbours_agree():
    """A B A B: bar 3 equals bar 1, and bar 2 bar 0; a bar alone like two others takes the one with the likelier neighbours."""
    a, b = [50, HOLD, 52, HOLD], [55, 57, 59, 60]
    equal = equal_steps(np.array([[a, b, a, b, [1, 1, 1, 1]]]))
    source, kind = returns(equal, earlier_or_given(np.ones((1, 5), bool)))
    assert source[0].tolist()[:4] == [-1, -1, 0, 1]
    assert kind[0].tolist()[:4] == [NEW, NEW, SAME, SAME]


def test_given_bars_may_be_sources_of_earlier_ones():
    allowed = earlier_or_given(np.array([[True, True, False]]))[0]
    assert allowed.tolist() == [[False, False, True], [True, False, True], [True, True, False]]


def test_plans_hold_a_tune_s_returns_and_no_more():
    a, b = np.full((1, 4), 50), np.array([[60, HOLD, 62, 64]])
    plans = Plans.of([(0, np.concatenate([a, b, a, b])), (1, np.concatenate([a, a, a, b]))])
    assert plans.equal(0).tolist() == [[1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1]]
    assert plans.draw(1, 4, np.random.default_rng(0))[0].tolist() == [1, 1, 1, 0]
    assert plans.draw(0, 10, np.random.default_rng(0)).shape == (10, 10)


def test_the_plan_of_a_gap_agrees_with_what_is_given():
    a, b = np.full((1, 4), 50), np.array([[60, HOLD, 62, 64]])
    plans = Plans.of([(0, np.concatenate([a, b, a, b])), (0, np.concatenate([a, a, a, a]))])
    known = np.eye(4, dtype=np.float32)
    known[0, 2] = known[2, 0] = 1
    found = plans.agreeing(known, np.array([False, False, False, True]), 0, (True, True))(np.random.default_rng(0))
    assert found[3].tolist() == [0, 1, 0, 1]
