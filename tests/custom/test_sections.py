"""Goals of sections as texts and as mappings: where commas part them, and every slip named."""

import pytest

from musiclc.custom.sections import goal_texts, parse_section, section_texts, sections_of
from musiclc.errors import UsageError
from musiclc.rules import parse_constraint
from musiclc.rules.sections import SectionGoals


def told(sections):
    return [(s.name, [(c.rule.name, c.goal.text, c.weight) for c in s.constraints]) for s in sections]


@pytest.mark.parametrize(
    ("text", "goals"),
    [
        ("B: key=A minor, density=9", ["key=A minor", "density=9"]),
        ("B:density=9@2,register=high", ["density=9@2", "register=high"]),
        ("9..16: key={0,4,7}, range=C4..C6", ["key={0,4,7}", "range=C4..C6"]),
        ("B: chords=C, G, Am, F, steps=>=0.7", ["chords=C, G, Am, F", "steps=>=0.7"]),
        ("B: density=9, my.py:zigzag=>=0.6, ../o.py:calm", ["density=9", "my.py:zigzag=>=0.6", "../o.py:calm"]),
        ("B: density=9,", ["density=9"]),
        ("B:", []),
        ("B: ,", []),
    ],
)
def test_commas_part_goals_where_a_new_one_begins(text, goals):
    assert goal_texts(text) == goals


def test_a_taught_rule_s_name_begins_a_goal(monkeypatch, tmp_path):
    from musiclc.custom import labels

    monkeypatch.setattr(labels, "folder", lambda: tmp_path)
    assert goal_texts("B: density=9, calm@2") == ["density=9, calm@2"]
    (tmp_path / "calm.safetensors").write_bytes(b"")
    assert goal_texts("B: density=9, calm@2") == ["density=9", "calm@2"]


def test_texts_mappings_and_constraints_ask_for_the_same():
    wanted = [("B", [("key", "A minor", 1.0), ("density", "9", 2.0)]), ("9..16", [("range", "C4..C6", 1.0)])]
    mapping = {"b": {"key": "A minor", "density": "9@2"}, "9..16": {"range": "60..84"}}
    assert told(sections_of(["B: key=A minor, density=9@2", "9..16: range=C4..C6"])) == wanted
    assert told(sections_of(mapping)) == wanted
    assert told(sections_of(section_texts(mapping))) == wanted
    assert told(sections_of({"B": [parse_constraint("key", "A minor"), parse_constraint("density", "9@2")], "9..16": "range=C4..C6"})) == wanted
    assert told(sections_of(sections_of(mapping))) == wanted
    assert sections_of(()) == ()
    assert section_texts({"B": {"density": 9, "rule": ["steps=0.7", "my.py:f"]}}) == ["B: density=9, steps=0.7, my.py:f"]


def test_ones_own_rules_hold_in_sections_too(tmp_path):
    (tmp_path / "my.py").write_text("def low(melody):\n    return float(melody.notes[0].pitch < 60)\n")
    section = parse_section(f"B: density=4, {tmp_path}/my.py:low=>=0.5, steps=0.7")
    assert [c.rule.name for c in section.constraints] == ["density", "low", "steps"]
    assert isinstance(section, SectionGoals)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("density=9", "wanted a section, a colon and its goals"),
        ("B:", "section B: no goals"),
        ("B: densty=9", "section B: rule 'densty': unknown.*did you mean density"),
        ("B: density=lots", "section B: density 'lots': wanted a number"),
        ("B: density>=9", "'density>=9': wanted NAME=GOAL, such as density=>=9"),
        ("B: density", "section B: rule 'density': wanted NAME=GOAL"),
        ("9-16: density=9", r"did you mean 9\.\.16"),
        ({"B": {}}, "section B: no goals"),
        ({"B": {"density": ["4", ["5"]]}}, "section B: density: wanted a goal"),
        ({"B": {"density": True}}, "section B: density: wanted a goal"),
        ({"B": 9}, "section B: 9; wanted goals"),
        (9, "sections 9: wanted such as"),
    ],
)
def test_slips_are_named(value, said):
    with pytest.raises(UsageError, match=said):
        sections_of(value)
