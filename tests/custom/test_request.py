"""Values by option → options and constraints: what is taken is taken out, what is left has its line."""

from dataclasses import dataclass

import pytest

from musiclc.custom import request
from musiclc.errors import UsageError
from musiclc.rules import RULES, parse_constraint


@dataclass(frozen=True)
class Options:
    speed: float = 1.0
    count: int = 2
    name: str = "a"


def test_values_are_taken_out_by_the_names_of_fields():
    values = {"speed": "2", "count": 3, "other": 1}
    assert request.options_of(Options(), values, only=("speed", "name")) == Options(speed=2.0)
    assert values == {"count": 3, "other": 1}
    assert request.options_of(Options(name="b"), values) == Options(count=3, name="b")


def test_constraints_stand_in_the_rules_order_and_those_of_rule_come_last():
    steps = parse_constraint("steps", "0.7")
    values = {"rule": [steps, "rests=0.1"], "density": 6, "key": "C", "n": 1}
    assert [c.rule.name for c in request.constraints_of(values)] == ["key", "density", "steps", "rests"]
    assert values == {"n": 1}
    assert list(RULES).index("key") < list(RULES).index("density")


def test_what_is_left_is_the_request_s_own_or_a_slip():
    assert request.own_of("sample", {"n": "2", "name": "{index}"}, n=int, name=str) == {"n": 2, "pattern": "{index}"}
    with pytest.raises(UsageError, match="nme: unknown to sample; did you mean name"):
        request.own_of("sample", {"nme": "x"}, n=int, name=str)
