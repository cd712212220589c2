"""Whole tunes as the networks of whole pieces learn them, and a run of all their stages on a handful."""

from dataclasses import replace

import numpy as np
import pytest

from musiclc.errors import MusiclcError
from musiclc.model.bars import BarConfig
from musiclc.model.context import ANY, LAST_PLACE, PICKUP, SAME
from musiclc.model.flow import FlowConfig
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from musiclc.training import tunes
from musiclc.training.pieces import PieceData, wanted_bars, with_returns
from musiclc.training.works import Work
from tests.training.test_tunes import line_of

TUNE = (62, 64, 66, 67, 69, 67, 66, 64, 62, 62, 69, 62)  # D major, home on D


def _tune(number: int, bars: int = 18, shift: int = 0) -> Melody:
    """A pickup, then four bars that return for ever; each tune has its own."""
    random = np.random.default_rng(number)
    phrase = [TUNE[:8] if bar == 0 else random.permutation(TUNE[:8]).tolist() for bar in range(4)]
    notes = [Note(14, 69 + shift, 2)]
    notes += [Note(16 * bar + 2 * i, int(p) + shift, 2) for bar in range(1, bars - 1) for i, p in enumerate(phrase[(bar - 1) % 4])]
    return Melody((*notes, Note(16 * (bars - 1), 62 + shift, 16)), "4/4", bars)


def _tunes(n: int, bars: int = 18) -> tunes.Tunes:
    works = [Work(f"mine/{i}", "mine", "", [line_of(_tune(i, bars, i % 5))], [_tune(i, bars, i % 5)]) for i in range(n)]
    made = tunes.build(works)
    made.split[:] = 0
    made.split[: n // 3] = 1
    return made


@pytest.fixture(scope="module")
def data() -> PieceData:
    return PieceData(_tunes(36), "train")


def test_canonical_transposition_puts_every_tune_into_one_key(data):
    """D major, Eb major, … : all come to C major, near the same pitch."""
    last = [int(row[tok.onsets(row)][-1]) + tok.PITCH_OF_TOKEN for row in (data._canonical[int(i)] for i in data.lines)]
    assert {pitch % 12 for pitch, i in zip(last, data.lines, strict=True) if data.mode[int(i)] == 0} == {0}
    assert max(last) - min(last) <= 12
    assert all(data.pickup(int(i)) for i in data.lines)


def test_places_count_from_the_first_whole_bar_and_from_the_last(data):
    places = np.array([[data.lines[0], 0], [data.lines[0], 10]])
    batch = data.batch(places, "4/4", 8, np.random.default_rng(0), told=True)
    assert batch.context.first[0].tolist() == [PICKUP, 1, 2, 3, 4, 5, 6, 7]
    assert batch.context.last[1].tolist() == [8, 7, 6, 5, 4, 3, 2, 1]
    assert batch.context.last.max() <= LAST_PLACE


def test_returns_are_told_for_wanted_bars_alone(data):
    batch = data.windows("4/4", 12, 5, 0)
    wanted = np.zeros((5, 12), bool)
    wanted[:, 6:8] = True
    context = with_returns(batch, wanted, np.random.default_rng(0), untold=0)
    assert (context.kind[:, 6:8] == SAME).all()
    assert ((context.source[:, 6:8] - np.arange(6, 8)) % 4 == 0).all()
    assert (context.kind[:, :6] == ANY).all()
    assert (context.source[:, :6] == -1).all()


def test_a_draw_depends_on_its_key_alone(data):
    one, again, other = data.draw(64, 1, 2), data.draw(64, 1, 2), data.draw(64, 1, 3)
    assert np.array_equal(one.tokens, again.tokens)
    assert one.tokens.shape != other.tokens.shape or not np.array_equal(one.tokens, other.tokens)


def test_something_is_wanted_nearly_always():
    wanted = wanted_bars(400, 8, np.random.default_rng(0))
    assert wanted.dtype == bool
    assert 0.4 < wanted.all(1).mean() < 0.55
    assert wanted.any(1).mean() > 0.9


def test_plans_leave_out_the_pickup(data):
    assert set(data.plans().bars.tolist()) == {17}


def test_a_length_that_no_tune_has_is_refused(data):
    with pytest.raises(MusiclcError, match="no tune of 64 bars in 4/4"):
        data.windows("4/4", 64, 3, 0)


def test_a_run_of_all_stages_resumes_and_writes_a_model_that_draws(tmp_path, tiny):
    pytest.importorskip("lightning_fabric")
    from musiclc.model import checkpoint
    from musiclc.sampling import pieces as sampling
    from musiclc.sampling.request import SampleRequest
    from musiclc.training.piece_recipe import PieceRecipe

    recipe = replace(
        PieceRecipe.default("mine", steps=2, batch=64),
        banks={("4/4", 16): 8},
        bar_config=BarConfig(8, 16, 2, 8, 8, 16),
        flow_config=FlowConfig(8, 16, 2, 1, 16),
    )
    talk: list[str] = []
    made = recipe.train("pieces", _tunes(36), tiny, tmp_path, ("32-true", "1", 1), talk.append)
    model = checkpoint.load_model(made)
    assert model.name == "mine"
    assert {"density", "scale", "contour"} <= set(model.piece_critics)
    assert "key" not in model.piece_critics
    assert model.notes["pieces"]["flow"]["steps"] == 2
    (sample,) = sampling.samples(model, SampleRequest.of({"density": "6", "attempts": 2, "seed": 1}))
    assert sample.melody.bars == 16
    recipe.train("pieces", _tunes(36), tiny, tmp_path, ("32-true", "1", 1), talk.append)
    assert talk[-1] == f"steer: {made} is there already"
