"""Rules that files make: what goals name, what is refused, and that every way of asking comes to the same."""

import hashlib
import json
import math

import numpy as np
import pytest

from musiclc import custom
from musiclc.batch import table
from musiclc.cli._jobs import checker
from musiclc.custom import examples
from musiclc.custom.request import constraints_of
from musiclc.editing.emphasis import emphasised
from musiclc.errors import InputError, UsageError
from musiclc.midi import to_bytes
from musiclc.model.decode import scores
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from musiclc.output.manifest import goal_fields
from musiclc.output.verify import verified
from musiclc.rules import RULES
from musiclc.sampling.request import SampleRequest
from tests.helpers import c_major_scale, jig

HOOK = Melody((Note(0, 67, 2), Note(2, 64, 2), Note(4, 65, 4), Note(8, 69, 6)), "4/4", 1)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """In a folder with hook.mid, one.mid of a single note, and old/ with two melodies and a file that is none."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old" / "below").mkdir(parents=True)
    one = Melody((Note(0, 60, 4),), "4/4", 1)
    for name, melody in {"hook.mid": HOOK, "one.mid": one, "old/scale.mid": c_major_scale(), "old/below/jig.mid": jig()}.items():
        (tmp_path / name).write_bytes(to_bytes(melody))
    (tmp_path / "old" / "noise.mid").write_bytes(b"MThd")
    return tmp_path


def value(name, goal, melody):
    return examples.score(melody, {name: goal})[0]["value"]


@pytest.mark.parametrize(
    ("goal", "low", "high"),
    [
        ("hook.mid", 1, math.inf),
        ("hook.mid:2", 2, math.inf),
        ("hook.mid>=2", 2, math.inf),
        ("hook.mid:transposed>=2", 2, math.inf),
        ("hook.mid:inverted:2..3", 2, 3),
        ("hook.mid:exact<=0", -math.inf, 0),
        ("./hook.mid : 3", 3, math.inf),
    ],
)
def test_a_motifs_goal_is_a_file_a_form_and_how_often(goal, low, high):
    constraint = examples.parse_goal("motif", goal)
    assert (constraint.goal.low, constraint.goal.high) == ((low,), (high,))
    assert constraint.rule.parse(constraint.goal.text) == constraint.goal
    assert examples.parse_goal("motif", f"{goal}@2").weight == 2


@pytest.mark.parametrize(
    ("goal", "low", "high"),
    [
        ("hook.mid", 0.6, 0.9),
        ("hook.mid:rhythm", 0.9, math.inf),
        ("hook.mid:pitches>=0.8", 0.8, math.inf),
        ("hook.mid:pitches=>=0.8", 0.8, math.inf),
        ("hook.mid:contour=0.5", 0.45, 0.55),
        ("hook.mid:intervals<=.3", -math.inf, 0.3),
    ],
)
def test_an_examples_goal_is_a_file_an_aspect_and_how_like(goal, low, high):
    constraint = examples.parse_goal("like", goal)
    assert (constraint.goal.low, constraint.goal.high) == ((pytest.approx(low),), (pytest.approx(high),))
    assert constraint.rule.parse(constraint.goal.text) == constraint.goal
    assert "hook.mid" in goal_fields([constraint, examples.parse_goal("like", "hook.mid")])["like"]
    assert examples.files_of(f"like={goal}") == ["hook.mid"]


@pytest.mark.parametrize(
    ("name", "goal", "error", "said"),
    [
        ("motif", "hook", UsageError, "motif 'hook': wanted a MIDI file"),
        ("motif", "hook.mid:sideways", UsageError, "wanted one of any, exact, transposed, inverted"),
        ("motif", "hook.mid>=x", UsageError, "wanted a number such as 6"),
        ("motif", "one.mid", UsageError, "motif one.mid: a motif of 1 notes: wanted two or more"),
        ("motif", "none.mid", InputError, "motif: none.mid: cannot be read"),
        ("motif", "old/noise.mid", InputError, "old/noise.mid"),
        ("like", "hook", UsageError, "like 'hook': wanted a MIDI file"),
        ("like", "hook.mid:tune", UsageError, "wanted one of notes, rhythm, pitches, contour, intervals"),
        ("like", "hook.mid:rhythm>=2", UsageError, "a share lies between 0 and 1"),
        ("like", "one.mid:contour", UsageError, "like one.mid:contour: an example of 1 notes; wanted 2 or more"),
        ("like", "old/noise.mid", InputError, "old/noise.mid"),
        ("avoid", "none", InputError, "avoid: none: cannot be read"),
        ("avoid", "old:1", UsageError, "2 notes or more"),
        ("avoid", "", UsageError, "wanted a MIDI file or a folder"),
        ("avoid", "old/empty", InputError, "no MIDI files in this folder"),
    ],
)
def test_what_is_refused_says_why(here, name, goal, error, said):
    (here / "old" / "empty").mkdir()
    with pytest.raises(error, match=said) as raised:
        examples.parse_goal(name, goal)
    assert len(str(raised.value).splitlines()) == 1


def test_a_folder_is_all_its_files_and_one_that_is_none_is_named(caplog, monkeypatch):
    monkeypatch.setattr(examples.log, "propagate", True)  # a command that ran before keeps what is said to itself
    monkeypatch.setattr(examples.log, "level", 0)
    assert value("avoid", "old", jig()) == len(jig().notes)
    assert "old/noise.mid" in caplog.text
    assert value("avoid", "old/scale.mid", jig()) < 8
    assert value("avoid", "old/", c_major_scale().transpose(3)) == 32


def test_options_jobs_sections_and_notebooks_ask_alike():
    asked = constraints_of({"motif": ["hook.mid", "hook.mid:exact"], "avoid": "old:6", "key": "C"})
    assert [(c.rule.name, c.goal.text) for c in asked] == [("key", "C major"), ("motif", "hook.mid"), ("motif", "hook.mid:exact"), ("avoid", "old:6")]
    assert custom.parse("motif=hook.mid:exact").goal == asked[2].goal
    assert [c.goal.text for c in examples.parse_constraints({"motif": ["hook.mid", "hook.mid:exact"]})] == ["hook.mid", "hook.mid:exact"]
    request = SampleRequest.of({"form": "A2 B2", "sections": {"B": {"motif": "hook.mid"}}})
    assert request.sections[0].constraints[0].rule.name == "motif"
    assert not set(RULES) & set(examples.EXAMPLES)


def test_a_motif_longer_than_the_piece_or_its_section_is_refused_before_any_work(here):
    (here / "long.mid").write_bytes(to_bytes(c_major_scale()))
    SampleRequest.of({"motif": "long.mid", "bars": 4})
    with pytest.raises(UsageError, match=r"motif 'long.mid' lasts 63 sixteenths, and 3 bars of 4/4 have 48"):
        SampleRequest.of({"motif": "long.mid", "bars": 3})
    with pytest.raises(UsageError, match=r"section B: motif 'long.mid' lasts 63 sixteenths, and 2 bars"):
        SampleRequest.of({"form": "A8 B2", "sections": {"B": {"motif": "long.mid"}}})


def test_a_job_is_made_anew_when_a_file_that_it_names_changes(here):
    jobs = [{"motif": "hook.mid"}, {"avoid": "old:6"}, {"rule": "motif=hook.mid"}, {"form": "A4", "sections": {"A": {"motif": "hook.mid"}}}, {}]

    def prints():
        return [job.fingerprint for job in checker().checked(table.Row(i, {**job, "seed": 1}) for i, job in enumerate(jobs, 1))]

    before = prints()
    (here / "hook.mid").write_bytes(to_bytes(HOOK.transpose(1)))
    (here / "old" / "more.mid").write_bytes(to_bytes(HOOK))
    assert [a == b for a, b in zip(before, prints(), strict=True)] == [False, False, False, False, True]


def test_a_manifest_is_checked_where_its_goals_are_named(here):
    (here / "a.mid").write_bytes(to_bytes(c_major_scale()))
    asked = [examples.parse_goal("motif", "hook.mid"), examples.parse_goal("avoid", "old:6")]
    verdicts = examples.score(c_major_scale(), asked)
    entry = {"file": "a.mid", "sha256": hashlib.sha256((here / "a.mid").read_bytes()).hexdigest(), "notes": 32, "constraints": verdicts}
    (here / "manifest.jsonl").write_text(json.dumps(entry) + "\n")
    (found,) = verified(here / "manifest.jsonl", {})
    assert (found.wrong, found.unknown) == ((), ("motif", "avoid"))
    (found,) = verified(here / "manifest.jsonl", {f"{c.rule.name} {c.goal.text}": c for c in asked})
    assert (found.wrong, found.unknown) == ((), ())


def test_a_motif_is_written_over_a_bar_with_all_else_met():
    constraints = examples.parse_constraints({"motif": "hook.mid:transposed>=2", "scale": "C", "no_repeat": "2"})
    state = tok.from_melody(c_major_scale())
    found = emphasised(state, constraints, lambda states: scores(constraints, states, "4/4"), np.arange(64) < 48, 16)
    assert (scores(constraints, found[None], "4/4") == 1).all()
    assert found[48:].tolist() == state[48:].tolist()
