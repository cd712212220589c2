"""From what a page asks to requests and command lines; what it may not ask for."""

import shlex

import pytest

from musiclc.errors import MusiclcError, UsageError
from musiclc.studio.takes import Take
from musiclc.studio.verbs import plan_of

SONG = Take(1, b"", "song.mid")


def plan(verb, takes=(), **said):
    return plan_of({"verb": verb, **said}, takes)


def test_a_new_piece_is_one_line():
    goals = [{"rule": "key", "goal": "D dorian", "where": ""}, {"rule": "no_repeat", "goal": "2"}, {"rule": "density", "goal": "9", "where": "b"}]
    made = plan("sample", options={"form": "A8 B8", "bpm": 96.0}, goals=goals)
    assert made.lines(3, 7) == (
        "musiclc sample -o take-3.mid --form 'A8 B8' --bpm 96 --key 'D dorian' --no-repeat 2 --seed 7 --section 'B: density=9'",
    )


def test_the_request_and_the_line_say_the_same():
    made = plan("sample", options={"bars": 8, "temperature": 0.9}, goals=[{"rule": "density", "goal": ">=8"}])
    request = made.steps[0].request((), 5)
    assert (request.options.bars, request.options.temperature, request.options.seed) == (8, 0.9, 5)
    assert [c.goal.text for c in request.constraints] == [">=8"]
    assert shlex.split(made.lines(1, 5)[0])[2:] == ["-o", "take-1.mid", "--bars", "8", "--temperature", "0.9", "--density", ">=8", "--seed", "5"]


def test_runs_around_locked_bars_are_steps_one_after_another():
    made = plan("infill", [SONG], runs=["5..7", "9"], options={"track": "2"})
    assert made.lines(4, 1) == (
        "musiclc infill song.mid -o take-4-1.mid --track 2 --bars 5..7 --seed 1",
        "musiclc infill take-4-1.mid -o take-4.mid --track 2 --bars 9 --seed 1",
    )


def test_a_line_begins_with_what_made_its_takes_each_once():
    first = Take(1, b"", "take-1.mid", lines=("one",))
    second = Take(2, b"", "take-2.mid", lines=("one", "two"))
    assert plan("bridge", [first, second], options={"bars": 4}).lines(3, 9)[:2] == ("one", "two")


def test_goals_and_names_that_begin_with_a_dash_are_no_options():
    made = plan("continue", [Take(1, b"", "-rf.mid")], options={"bars": 4, "before": True}, goals=[{"rule": "contour", "goal": "-2..-1"}])
    assert made.lines(2, 0) == ("musiclc continue ./-rf.mid -o take-2.mid --bars 4 --before --contour=-2..-1 --seed 0",)


def test_a_hostile_name_is_one_word_of_the_shell():
    name = "$(touch x); `id` \"'<b>&.mid"
    (line,) = plan("vary", [Take(1, b"", name)]).lines(2, 0)
    assert shlex.split(line)[2] == name


@pytest.mark.parametrize(
    ("verb", "said", "wanted"),
    [
        ("rm", {}, "verb 'rm'"),
        ("sample", {"options": {"model": "/etc/passwd"}}, "model: no option"),
        ("sample", {"options": {"name": "../x"}}, "name: no option"),
        ("sample", {"options": {"output": "x"}}, "output: no option"),
        ("sample", {"options": {"bars": ["x"]}}, "bars: wanted"),
        ("sample", {"options": {"bars": 999}}, "bars 999"),
        ("sample", {"goals": [{"rule": "rule", "goal": "my.py:f"}]}, "rule 'rule'"),
        ("sample", {"goals": [{"rule": "motif", "goal": "/etc/hook.mid"}]}, "rule 'motif'"),
        ("sample", {"goals": [{"rule": "avoid", "goal": "/"}]}, "rule 'avoid'"),
        ("sample", {"goals": [{"rule": "density", "goal": "x"}]}, "density 'x'"),
        ("sample", {"goals": [{"rule": "chords", "goal": "C, my.py:f", "where": "1..4"}]}, "my.py:f"),
        ("sample", {"goals": [{"rule": "density", "goal": "9, evil.py:f", "where": "1..4"}]}, "density '9, evil"),
        ("sample", {"goals": [{"rule": "density", "goal": "9", "where": "x.py:f"}]}, "section"),
        ("sample", {"goals": ["x"]}, "rule ''"),
        ("sample", {"goals": {}}, "goals"),
        ("sample", {"options": []}, "options"),
        ("infill", {"runs": []}, "no bars"),
        ("infill", {"runs": ["8..5"]}, "bars 8..5"),
        ("infill", {"runs": "5..8"}, "runs"),
        ("infill", {"runs": ["1"] * 17}, "runs"),
        ("infill", {"runs": ["1"], "goals": [{"rule": "density", "goal": "9", "where": "A"}]}, "section A"),
        ("vary", {"options": {"keep": 2}}, "keep 2"),
        ("transform", {"options": {"tracks": "all"}}, "tracks 'all'"),
        ("bridge", {"options": {"bars": 4}}, "two takes"),
    ],
)
def test_what_a_page_may_not_ask_for(verb, said, wanted):
    with pytest.raises(MusiclcError, match=wanted):
        plan(verb, [] if verb in ("sample", "rm") else [SONG], **said)


def test_only_rules_that_need_no_file_and_no_code_have_goals():
    with pytest.raises(UsageError, match="own"):
        plan("sample", goals=[{"rule": "own.py:f", "goal": "1"}])


def test_plans_that_make_the_same_have_one_key():
    one = plan("infill", [SONG], runs=["5..8"], goals=[{"rule": "key", "goal": "C"}, {"rule": "density", "goal": "6"}])
    two = plan("infill", [SONG], runs=["5..8"], goals=[{"rule": "density", "goal": "6"}, {"rule": "key", "goal": "C"}])
    assert one.key == two.key != plan("infill", [SONG], runs=["5..7"]).key
