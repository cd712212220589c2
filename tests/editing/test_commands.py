"""The commands that edit, as functions of their requests. The tiny model edits; snapping and ends need no other."""

import json

import pytest

from musiclc.editing import commands
from musiclc.editing.request import InterpolateRequest, TransformRequest, VaryRequest
from musiclc.editing.transform import transformed
from musiclc.errors import CheckpointError, InputError, MusiclcError, UsageError
from musiclc.midi import read_melody, read_song, to_bytes
from musiclc.midi.inputs import Input
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import METERS
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


def in_meter(signature, steps):
    """A file with a scale up and down in eighths for so many steps."""
    bar = METERS[signature]
    notes = tuple(Note(2 * i, 60 + (0, 2, 4, 5, 7, 5, 4, 2)[i % 8], 2) for i in range(steps // 2))
    return to_bytes(Melody(notes, signature, steps // bar))


def test_two_four_is_edited_in_pairs_of_bars_as_four_four(model):
    made = {}
    for signature in ("2/4", "4/4"):
        request = TransformRequest.of({"input": Input("a.mid", in_meter(signature, 64), "a.mid"), "key": "C minor", "density": "8", "seed": 1})
        ((entry, data),) = commands.run(request, model=model)
        assert (entry["meter"], entry["bars"]) == ("4/4", 4)
        made[signature] = entry | {"sha256": ""}, read_melody(data)
    assert made["2/4"][0] == made["4/4"][0]
    assert (made["2/4"][1].meter, made["2/4"][1].bars) == ("2/4", 8)
    assert made["2/4"][1].notes == made["4/4"][1].notes


@pytest.mark.parametrize("signature", ["3/8", "9/8", "12/8"])
def test_a_meter_that_the_editor_does_not_know_is_refused_by_its_file(model, signature):
    request = TransformRequest.of({"input": Input("a.mid", in_meter(signature, 72), "a.mid"), "key": "C minor"})
    with pytest.raises(InputError, match=f"^a.mid: meter {signature}; wanted 4/4, 2/4, 2/2, 3/4 or 6/8$"):
        list(commands.run(request, model=model))
    with pytest.raises(UsageError, match=f"bars of {signature}: the editor knows 4/4, 3/4, 6/8; read the song with read_as=READ_IN_PHRASES"):
        transformed(model, read_song(in_meter(signature, 72)), {"key": "C minor"})


def test_goals_that_only_a_meter_beyond_the_editor_has_room_for_are_refused():
    with pytest.raises(UsageError, match="density '17' cannot be met in 4/4"):
        TransformRequest.of({"input": Input("a.mid", b"", "a.mid"), "density": "17"})
