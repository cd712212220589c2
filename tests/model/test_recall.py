import torch

from musiclc.model.context import CLOSE, NEW, Context
from musiclc.model.recall import MOST, SPAN, Recall, RecallConfig, _events, last_pitch, later_given
from musiclc.music.tokens import HOLD, REST, VOCABULARY

C, D, E = 40, 42, 44
WIDTH = RecallConfig(8, 16).heads * RecallConfig(8, 16).size


def _recall() -> Recall:
    torch.manual_seed(0)
    found = Recall(RecallConfig(8, 16))
    for parameter in found.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return found.requires_grad_(False)


def _context(bars: int, source: list[int]) -> Context:
    zero, places = torch.zeros(1, dtype=torch.long), torch.ones(1, bars, dtype=torch.long)
    kinds = torch.tensor([[CLOSE if s >= 0 else NEW for s in source]])
    return Context(zero, zero, places, places, torch.tensor([source]), kinds)


def test_the_pitch_before_each_step_by_hand():
    assert last_pitch(torch.tensor([[REST, C, HOLD, D, REST, E]])).tolist() == [[HOLD, HOLD, C, C, D, D]]


def test_steps_are_read_as_intervals_that_transposition_leaves():
    row = torch.tensor([[C, HOLD, D, REST, C + 40]])
    events = _events(row, last_pitch(row))
    assert events[0].tolist() == [2, 0, 3 + MOST + 2, 1, 3 + 2 * MOST]  # the first pitch, held, up two, silence, as far as is told apart
    assert torch.equal(_events(row + (row > HOLD) * 5, last_pitch(row + (row > HOLD) * 5)), events)


def test_later_bars_are_seen_where_they_and_those_before_them_are_given():
    """Bars 1 and 2 are wanted. With 16 steps a bar the key of a step reaches into one bar before, with 6 into two."""
    wanted = torch.tensor([[False, True, True, False, False, False]])
    assert later_given(wanted, 16)[0].int().tolist() == [[0] * 6, [0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 1, 1], *[[0] * 6] * 3]
    assert SPAN == 12
    assert later_given(wanted, 6)[0].int().tolist() == [[0] * 6, [0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 1], *[[0] * 6] * 3]


def test_what_is_said_by_interval_goes_with_the_note_before():
    recall, found, state = _recall(), torch.randn(1, WIDTH).expand(2, -1), torch.randn(1, 16).expand(2, -1)
    by_token = recall.token_out(found)
    said = recall.said(found, state, torch.tensor([C, D])) - by_token
    assert torch.allclose(said[0, 10 : VOCABULARY - 12], said[1, 12 : VOCABULARY - 10])
    silent = recall.said(found, state, torch.tensor([HOLD, REST])) - by_token
    assert not silent.any()


def test_nothing_of_later_steps_is_heard_and_all_earlier_ones_are():
    recall, tokens = _recall(), torch.randint(2, VOCABULARY, (1, 3, 8), generator=torch.Generator().manual_seed(1))
    embedding, state = torch.randn(VOCABULARY, 8), torch.randn(1, 24, 16)
    wanted, context = torch.ones(1, 3, dtype=torch.bool), _context(3, [-1, -1, 0])

    def said(row: torch.Tensor) -> torch.Tensor:
        return recall(embedding[row.flatten(1)], state, row, context, wanted)

    whole, changed = said(tokens), tokens.clone()
    changed[0, 1, 4] = 60 if tokens[0, 1, 4] != 60 else 61  # step 12
    other = said(changed)
    assert torch.equal(whole[:, :13], other[:, :13])
    assert (whole[:, 13:] - other[:, 13:]).abs().amax(-1).gt(0).all()


def test_a_new_recall_says_nothing():
    recall = Recall(RecallConfig(8, 16))
    tokens = torch.full((1, 2, 8), C)
    context, wanted = _context(2, [-1, 0]), torch.ones(1, 2, dtype=torch.bool)
    assert not recall(torch.randn(1, 16, 8), torch.randn(1, 16, 16), tokens, context, wanted).any()
