"""A dial a rule, made from the table."""

import pytest

from musiclc.custom.examples import parse_goal
from musiclc.rules import RULES
from musiclc.studio.dials import checked, dials

DIALS = {dial["rule"]: dial for dial in dials()}


def test_every_rule_has_its_dial_in_the_tables_order():
    assert list(DIALS) == list(RULES)


@pytest.mark.parametrize("name", RULES)
def test_what_a_dial_offers_is_a_goal(name):
    """Each end of a slider, each word and each choice of a menu."""
    dial = DIALS[name]
    low, high = dial["ends"] or (None, None)
    goals = {} if low is None else {"near": f"{low:g}", ">=": f">={low:g}", "<=": f"<={high:g}", "..": f"{low:g}..{high:g}"}
    numbers = [goals[kind] for kind in dial["kinds"]]
    notes, modes = dial["menu"] or ([], [])
    for goal in [*numbers, *dial["words"], *(f"{notes[0]} {mode}" for mode in modes), *(notes if not modes else [])]:
        constraint = parse_goal(name, goal)
        constraint.rule.check(constraint.goal, "4/4")
    assert numbers or notes or dial["words"]


def test_words_sliders_and_menus_are_where_they_belong():
    assert DIALS["contour"]["words"] == ["up", "down", "level", "arch", "valley"]
    assert DIALS["density"]["ends"] == [0.0, 16.0]
    assert DIALS["steps"]["step"] == 0.01
    assert DIALS["range"]["kinds"] == [".."]
    assert "dorian" in DIALS["key"]["menu"][1]
    assert DIALS["end"]["menu"][0][-1] == "7"
    assert DIALS["chords"]["menu"] is None


def test_a_goal_is_checked_as_it_is_typed():
    assert checked("density", " 6..8 ") == {"goal": "6..8"}
    assert "wanted a number" in checked("density", "loud")["wrong"]
    assert "unknown" in checked("motif", "hook.mid")["wrong"]
