"""Small changes where draws do not meet what has no critic: for phrases and for pieces, and what is said early."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from musiclc.custom.examples import parse_goal
from musiclc.custom.functions import rule_of_function
from musiclc.errors import UsageError
from musiclc.midi import to_bytes
from musiclc.music import tokens as tok
from musiclc.rules import parse_constraint
from musiclc.rules.base import Constraint
from musiclc.sampling import pieces, searching
from musiclc.sampling import sample as sampling
from musiclc.sampling.request import SampleRequest
from musiclc.sampling.setting import Setting
from tests.helpers import c_major_scale, tiny_model, tiny_pieces


def leaps(melody):
    """Intervals of a fifth or more, a bar."""
    p = [n.pitch for n in melody.notes]
    return sum(abs(a - b) >= 7 for a, b in itertools.pairwise(p)) / melody.bars


def never(melody):
    return 0.25


@pytest.fixture(scope="module")
def model():
    return replace(tiny_model(), pieces=tiny_pieces())


def own(function=leaps, goal=">=1.5"):
    rule = rule_of_function(function, scored=goal is None)
    return Constraint(rule, rule.parse(goal or "met"))


def made(model, n=2, **values):
    return list(sampling.samples(model, SampleRequest.of({"n": n, "seed": 4, **values})))


@pytest.mark.parametrize("bars", [4, 5])
def test_a_rule_of_ones_own_is_met_without_a_critic_and_an_item_is_its_own(model, bars, monkeypatch):
    monkeypatch.setattr("musiclc.custom.functions.own_critic", lambda *_: pytest.fail("fitted a critic"))
    many = made(model, bars=bars, rule=[own()], scale="C")
    assert all(leaps(each.melody) >= 1.5 for each in many)
    assert {each.method for each in many} <= {"guided", "guided+search"}
    assert [each.melody for each in made(model, 1, bars=bars, rule=[own()], scale="C")] == [each.melody for each in many[:1]]
    assert len({each.melody.key_free() for each in many}) == 2


def test_a_meter_that_the_bank_has_not_is_searched_too(model):
    assert all(leaps(each.melody) >= 1.5 for each in made(model, meter="2/4", bars=4, rule=[own()]))


def test_small_changes_keep_a_form(model):
    """All that return share a change, where a rule of one's own wants more than is drawn."""
    for each in made(model, bars=8, form="A4 A4", rule=[own()]):
        line = tok.from_melody(each.melody)
        assert leaps(each.melody) >= 1.5
        assert (line[:64] == line[64:]).all()


def test_what_nothing_meets_is_said_once_with_the_best(model, monkeypatch):
    said = []
    monkeypatch.setattr(searching.log, "warning", lambda text, *more: said.append(text % more))
    (one, two) = made(model, 2, bars=4, rule=[own(never, None)])
    assert not one.satisfied
    assert not two.satisfied
    assert said == [f"never met: met by none of {searching.TRIED} melodies that were tried; the best reached 0.25"]


def test_the_rhythm_of_one_file_meets_the_pitches_of_another(model, tmp_path):
    for name, melody in (("a", c_major_scale()), ("b", c_major_scale().transpose(5))):
        (tmp_path / f"{name}.mid").write_bytes(to_bytes(melody))
    found = made(model, bars=6, like=[f"{tmp_path}/a.mid:rhythm", f"{tmp_path}/b.mid:pitches>=0.8"])
    assert all(each.satisfied for each in found)
    assert len({each.melody.key_free() for each in found}) == 2


def test_only_wanted_bars_are_searched_and_what_they_are_like_is_measured_in_them(model, tmp_path):
    (tmp_path / "a.mid").write_bytes(to_bytes(c_major_scale()))
    tokens, wanted = np.tile(tok.from_melody(c_major_scale().transpose(2)), 2), np.arange(8) // 2 == 2
    setting = Setting(tokens, wanted, "4/4", constraints=[parse_goal("like", f"{tmp_path}/a.mid:pitches"), parse_constraint("scale", "C")])
    (filled,) = pieces.fills(model, setting, [(1, 1)], SampleRequest.of({}).options)
    assert filled.tokens[~np.repeat(wanted, 16)].tolist() == tokens[~np.repeat(wanted, 16)].tolist()
    new = filled.tokens.reshape(8, 16)[wanted].reshape(1, -1)
    assert all(c.satisfied(c.rule.measure(new, "4/4"))[0] for c in setting.constraints)


@pytest.mark.parametrize("bars", [4, 8])
def test_a_function_that_sleeps_is_refused_before_any_draw(model, bars, monkeypatch):
    monkeypatch.setattr(searching, "SLOWEST", -1.0)
    with pytest.raises(UsageError, match=r"rule leaps takes .* make the function faster, or take --method rejection"):
        sampling.samples(model, SampleRequest.of({"bars": bars, "rule": [own()]}))
