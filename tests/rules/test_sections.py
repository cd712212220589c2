"""Goals of sections: where they hold, in whose light they are settled, and verdicts worked by hand."""

import pytest

from musiclc.errors import UsageError
from musiclc.music import tokens as tok
from musiclc.music.form import parse_form
from musiclc.music.melody import Melody, Note
from musiclc.rules import parse_constraint
from musiclc.rules.sections import SectionGoals, placed, section_verdicts


def goals(name, **asked):
    return SectionGoals(name, tuple(parse_constraint(rule, goal) for rule, goal in asked.items()))


def tune(*bars, meter="4/4"):
    """A bar an entry: so many quarters of a pitch, (number, pitch)."""
    notes = [Note(16 * bar + 4 * i, pitch, 4) for bar, (number, pitch) in enumerate(bars) for i in range(number)]
    return tok.from_melody(Melody(tuple(notes), meter, len(bars)))


def test_sections_of_one_name_are_one_and_have_their_windows():
    form = parse_form("A2 B1 A'2")
    sections = placed([goals("A", density="3"), goals("4..5", density="2"), goals("A", range="C4..C5")], [], form, 5)
    assert [(s.name, [c.rule.name for c in s.constraints], s.windows) for s in sections] == [
        ("A", ["density", "range"], ((0, 2), (3, 5))),
        ("4..5", ["density"], ((3, 5),)),
    ]
    assert placed(sections, [], form, 5) == sections  # once more changes nothing


def test_a_degree_is_that_of_the_section_s_key_and_else_of_the_whole_s():
    whole = [parse_constraint("key", "C")]
    own, other = placed([goals("1..2", key="G", start="5"), goals("3..4", start="5")], whole, (), 4)
    assert own.constraints[1].goal.high == parse_constraint("start", "D").goal.high
    assert other.constraints[0].goal.high == parse_constraint("start", "G").goal.high


def test_a_section_is_measured_by_itself():
    tokens = tune((4, 60), (4, 60), (1, 72), (1, 72))
    sections = placed([goals("3..4", density="1", register="high"), goals("1..2", register="high")], [], (), 4)
    found = section_verdicts(sections, tokens, "4/4")
    assert [(v["section"], v["rule"], v["value"], v["satisfied"]) for v in found] == [
        ("3..4", "density", 1.0, True),
        ("3..4", "register", 72.0, True),
        ("1..2", "register", 60.0, False),
    ]
    assert set(found[0]) == {"section", "rule", "goal", "value", "score", "satisfied", "weight"}


def test_of_several_places_the_worst_is_told():
    """A has 4, A' 2 and A'' 3 notes a bar."""
    tokens = tune((4, 60), (2, 60), (1, 67), (3, 60))
    (section,) = placed([goals("A", density="4")], [], parse_form("A1 A'1 B1 A''1"), 4)
    (verdict,) = section_verdicts([section], tokens, "4/4")
    assert (verdict["value"], verdict["satisfied"]) == (2.0, False)
    (section,) = placed([goals("A", density="2..4")], [], parse_form("A1 A'1 B1 A''1"), 4)
    (verdict,) = section_verdicts([section], tokens, "4/4")
    assert (verdict["value"], verdict["satisfied"]) == (4.0, True)  # all alike: the first


def test_a_note_belongs_to_the_section_in_which_it_begins():
    tokens = tok.from_melody(Melody((Note(8, 60, 16), Note(28, 62, 4)), "4/4", 2))
    first, second = placed([goals("1", longest="4", density="1"), goals("2", density="1", rests="0.75")], [], (), 2)
    found = section_verdicts([first, second], tokens, "4/4")
    assert [v["value"] for v in found] == [2.0, 1.0, 1.0, 0.75]  # cut at the join; what is held over is silence
    assert not found[0]["satisfied"]


def test_two_rules_of_one_name_are_refused_wherever_they_stand():
    from dataclasses import replace

    mine = parse_constraint("density", "4")
    other = replace(mine, rule=replace(mine.rule, source="elsewhere"))
    with pytest.raises(UsageError, match="a name of its own for each"):
        placed([SectionGoals("1", (other,))], [mine], (), 4)
    with pytest.raises(UsageError, match="a name of its own for each"):
        placed([SectionGoals("1", (other,)), SectionGoals("2", (mine,))], [], (), 4)
