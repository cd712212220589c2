"""The commands that edit, as functions of their requests. The tiny model edits; snapping and ends need no other."""

import json

import pytest

from musiclc.editing import commands
from musiclc.editing.request import InterpolateRequest, TransformRequest, VaryRequest
from musiclc.errors import CheckpointError, InputError, MusiclcError, UsageError
from musiclc.midi import to_bytes
from musiclc.midi.inputs import Input
from tests.helpers import c_major_scale, jig, tiny_model


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.mid").write_bytes(to_bytes(c_major_scale()))
    (tmp_path / "b.mid").write_bytes(to_bytes(c_major_scale().transpose(2)))
    (tmp_path / "c.mid").write_bytes(b"MThd?")
    (tmp_path / "d.mid").write_bytes(to_bytes(jig()))
    return tmp_path


def test_transform_yields_a_file_an_input_and_tells_of_those_that_failed(folder, model):
    (folder / "none").mkdir()
    request = TransformRequest.of({"input": [folder, folder / "none"], "density": "13..16", "method": "snap", "seed": 4})
    failed = []
    made = list(commands.run(request, failed.append, model))
    assert [(e["file"], e["index"]) for e, _ in made] == [("a.mid", 1), ("b.mid", 2)]
    assert [(type(f), f.code) for f in failed] == [(InputError, 4), (InputError, 4), (MusiclcError, 1)]
    assert [str(f).split(": ")[0] for f in failed] == [str(folder / "none"), str(folder / "c.mid"), str(folder / "d.mid")]
    entry, data = made[0]
    assert entry["input"] == str(folder / "a.mid")
    assert (entry["track"], entry["kept"], entry["before"], entry["satisfied"]) == (1, 1.0, {"density": 8.0}, False)
    assert data == (folder / "a.mid").read_bytes()
    assert json.loads(json.dumps(entry)) == entry


def test_without_somebody_to_tell_the_first_error_is_raised(folder, model):
    made = commands.run(TransformRequest.of({"input": [folder / "a.mid", folder / "c.mid"]}), model=model)
    assert next(iter(made))[0]["file"] == "a.mid"
    with pytest.raises(InputError, match=r"c\.mid"):
        next(iter(made))


def test_inputs_may_be_bytes_under_a_name(model):
    request = TransformRequest.of({"input": Input("verse", to_bytes(c_major_scale()), "below/verse.mid"), "key": "C"})
    ((entry, data),) = commands.run(request, model=model)
    assert (entry["file"], entry["input"], data) == ("below/verse.mid", "verse", to_bytes(c_major_scale()))


def test_vary_and_interpolate_yield_as_many_as_asked_for(folder, model):
    made = list(commands.run(VaryRequest.of({"input": folder / "a.mid", "n": 2, "seed": 5}), model=model))
    assert [e["file"] for e, _ in made] == ["a-5-0001.mid", "a-5-0002.mid"]
    made = list(commands.run(InterpolateRequest.of({"input": [folder / "a.mid", folder / "b.mid"], "n": "3"}), model=model))
    assert [(e["file"], e["input"]) for e, _ in made] == [
        (f"a-b-000{i}.mid", str(folder / name)) for i, name in ((1, "a.mid"), (2, "a.mid"), (3, "b.mid"))
    ]
    assert [made[0][1], made[2][1]] == [(folder / name).read_bytes() for name in ("a.mid", "b.mid")]
    with pytest.raises(MusiclcError, match="wanted two in the same meter"):
        list(commands.run(InterpolateRequest.of({"input": [folder / "a.mid", folder / "d.mid"]}), model=model))


def test_a_model_without_a_prior_is_refused(folder):
    bare = tiny_model()
    bare.prior = None
    with pytest.raises(CheckpointError, match="model 'tiny' has no prior"):
        list(commands.run(TransformRequest.of({"input": folder / "a.mid"}), model=bare))


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        (TransformRequest, {"density": "40"}, "cannot be met in 4/4"),
        (TransformRequest, {"keep": "half"}, "keep 'half': wanted a number"),
        (TransformRequest, {"input": ["a.mid", "x/a.mid", "y/a.mid"]}, "two inputs have this name"),
        (TransformRequest, {"bpm": 90}, "bpm: unknown to transform"),
        (VaryRequest, {"input": []}, "0 files; vary takes one"),
        (VaryRequest, {"input": "."}, r"\.: a folder; vary takes files"),
        (VaryRequest, {"input": "a.mid", "n": 0}, "n 0: wanted 1 or more"),
        (VaryRequest, {"input": "a.mid", "temperature": 0}, "temperature 0: wanted above 0"),
        (VaryRequest, {"input": "a.mid", "realism": 0.5}, "realism: unknown to vary"),
        (InterpolateRequest, {"input": "a.mid"}, "1 files; interpolate takes two"),
        (InterpolateRequest, {"input": ["a.mid", "b.mid"], "n": 1}, "n 1: wanted 2 or more, both ends included"),
        (InterpolateRequest, {"input": ["a.mid", "b.mid"], "keep": 0.5}, "keep: unknown to interpolate"),
    ],
)
def test_mistakes_say_what_was_wanted(kind, values, said):
    with pytest.raises(UsageError, match=said):
        kind.of(values)


def test_a_goal_that_some_meter_can_meet_is_no_mistake():
    assert TransformRequest.of({"input": "a.mid", "density": "14"}).constraints
