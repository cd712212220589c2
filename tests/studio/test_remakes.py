"""Every take's command lines make it again, byte for byte: with the real model, run as a shell would split them."""

import itertools
import shlex

import pytest

from musiclc.cli import group
from musiclc.midi import to_bytes
from musiclc.studio.making import made
from musiclc.studio.serve import model
from musiclc.studio.takes import Take
from musiclc.studio.verbs import plan_of
from tests.studio.stub import tune

LINE = " ".join(str(60 + step) for step in (0, 2, 4, 7, 9, 7, 4, 2))
ASKED = {
    "sample": {"verb": "sample", "options": {"bars": 4}, "goals": [{"rule": "key", "goal": "A minor"}, {"rule": "no_repeat", "goal": "3"}]},
    "infill around a lock": {"verb": "infill", "runs": ["2..3", "5"], "goals": [{"rule": "density", "goal": ">=3"}]},
    "a line and a rhythm": {"verb": "infill", "runs": ["2..3"], "goals": [{"rule": "outline", "goal": LINE}, {"rule": "onsets", "goal": "x..x..x."}]},
    "continue before": {"verb": "continue", "options": {"bars": 2, "before": True}},
    "vary": {"verb": "vary", "options": {"keep": 0.5, "temperature": 0.9}},
    "transform": {"verb": "transform", "runs": ["1..4"], "goals": [{"rule": "contour", "goal": "-2..3"}, {"rule": "scale", "goal": "C minor"}]},
    "bridge": {"verb": "bridge", "options": {"bars": 2}},
}


@pytest.mark.parametrize("name", ASKED)
def test_the_command_lines_make_the_same_bytes(name, tmp_path, monkeypatch):
    opened = Take(1, to_bytes(tune(3, 6), bpm=96), "my song's.mid"), Take(2, to_bytes(tune(4, 4), bpm=120), "-two.mid")
    said = ASKED[name]
    takes = opened[: {"sample": 0, "bridge": 2}.get(said["verb"], 1)]
    plan = plan_of(said, takes)
    found = next(iter(made(plan, model(), itertools.count(11))))
    monkeypatch.chdir(tmp_path)
    for take in takes:
        (tmp_path / take.file).write_bytes(take.data)
    for line in plan.lines(5, found.seed):
        with pytest.raises(SystemExit) as ended:
            group.main(shlex.split(line)[1:], standalone_mode=False)
        assert ended.value.code == 0
    assert (tmp_path / "take-5.mid").read_bytes() == found.data


def test_a_take_does_not_depend_on_those_that_are_made_with_it():
    """What shares the networks' calls with others is what a line makes alone."""
    plan = plan_of({"verb": "sample", "options": {"bars": 4}}, [])
    together = {found.seed: found.data for found in itertools.islice(made(plan, model(), itertools.count(20)), 3)}
    seed, data = next(reversed(together.items()))
    alone = next(iter(made(plan, model(), iter([seed]), alone=True)))
    assert alone.data == data
