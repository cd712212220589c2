"""What sampling is asked for: made from texts or values alike, and checked once, when it is made."""

import pytest

import musiclc
from musiclc.errors import UsageError
from musiclc.music.form import form_text, parse_form
from musiclc.output.manifest import MidiOptions
from musiclc.rules import parse_constraint
from musiclc.rules.base import Rule
from musiclc.sampling import sample as sampling
from musiclc.sampling.request import AUTO, METHOD_NAMES, METHODS, SampleOptions, SampleRequest
from tests.helpers import tiny_model


def test_texts_and_values_make_the_same_request():
    texts = {"key": "D dorian", "rule": ["density=6@2"], "n": "3", "seed": "7", "bpm": "96", "midi_type": "0", "temperature": "1", "name": "{index}"}
    values = {"rule": [parse_constraint("density", "6@2")], "n": 3, "seed": 7, "bpm": 96, "midi_type": 0, "temperature": 1.0, "name": "{index}"}
    asked = SampleRequest.of(texts)
    assert asked == SampleRequest.of({**values, "key": parse_constraint("key", "D dorian"), "model": None})
    assert [(c.rule.name, c.goal.text, c.weight) for c in asked.constraints] == [("key", "D dorian", 1.0), ("density", "6", 2.0)]
    assert (asked.n, asked.options, asked.midi) == (3, SampleOptions(seed=7), MidiOptions(96.0, 0, 0))
    assert asked.names == ["0001.mid", "0002.mid", "0003.mid"]
    assert asked.name_of(2, 99) == "0002.mid"
    assert SampleRequest.of({"rule": "density=6"}).constraints[0].rule.name == "density"


def test_bars_and_form_are_said_once_or_alike():
    def of(**values):
        options = SampleRequest.of(values).options
        return options.bars, form_text(options.form)

    assert of() == (16, "")
    assert of(bars="7") == (7, "")
    assert of(form="A8 A'8 B8 A'8") == of(form="A8 A'8 B8 A'8", bars=32) == (32, "A8 A'8 B8 A'8")
    assert of(form="AABA", bars=16) == of(form=parse_form("A4 A4 B4 A4")) == (16, "A4 A4 B4 A4")
    assert SampleOptions().bars == 16
    assert SampleOptions(form="A4 B4").bars == SampleOptions(form=parse_form("A4 B4"), bars=8).bars == 8


def test_sections_are_placed_in_the_form_and_settled():
    asked = {"key": "C", "form": "A8 A'8 B8 A'8", "sections": {"A": {"density": "6"}, "B": {"start": "5"}, "9..10": {"range": "C4..C6"}}}
    sections = SampleRequest.of(asked).sections
    assert [(s.name, s.windows) for s in sections] == [("A", ((0, 8), (8, 16), (24, 32))), ("B", ((16, 24),)), ("9..10", ((8, 10),))]
    assert sections[1].constraints[0].goal.high == parse_constraint("start", "G").goal.high
    assert SampleRequest.of({**asked, "sections": ["A: density=6", "B: start=5", "9..10: range=C4..C6"]}) == SampleRequest.of(asked)


def test_a_phrase_is_four_bars_and_nothing_more():
    said = {"bars": 4, "key": "C", "density": "6"}
    assert SampleRequest.of(said).is_phrase
    for more in ({"form": "A4"}, {"sections": "1..2: density=6"}, {"bars": 5}, {"meter": "9/8"}):
        assert not SampleRequest.of({**said, **more}).is_phrase


def test_a_degree_is_settled_in_the_key_asked_for():
    key, start = SampleRequest.of({"start": "5", "key": "G"}).constraints
    assert start.goal.high == parse_constraint("start", "D").goal.high
    assert (key.goal.text, start.goal.text) == ("G major", "5")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kye": "C"}, "kye: unknown to sample; did you mean key"),
        ({"output": "x"}, "output: unknown to sample"),
        ({"bars": 0}, "bars 0: wanted 1 to 128"),
        ({"bars": "129"}, "bars 129: wanted 1 to 128"),
        ({"form": "A8 B8", "bars": 32}, "form 'A8 B8': adds up to 16 bars, and bars is 32"),
        ({"form": "A8 ?"}, "is no section"),
        ({"form": "A8 B8", "sections": "C: density=4"}, "the form 'A8 B8' has A, B; did you mean B"),
        ({"sections": "9..17: density=4"}, "the piece has 16 bars"),
        ({"sections": "9..16: density=13", "meter": "3/4"}, "section 9..16: density '13' cannot be met in 3/4"),
        ({"density": "<=4", "sections": "9..16: density=>=9"}, "cannot both hold"),
        ({"n": "many"}, "n 'many': wanted a whole number"),
        ({"n": 2.5}, "n 2.5: wanted a whole number"),
        ({"n": True}, "n True: wanted a whole number"),
        ({"n": 0}, "n 0: wanted 1 or more"),
        ({"bpm": "fast"}, "bpm 'fast': wanted a number"),
        ({"bpm": 2}, "bpm 2: wanted 4 to 1000"),
        ({"meter": ["4/4"]}, r"meter \['4/4'\]: wanted text"),
        ({"seed": float("inf")}, "seed inf: wanted a whole number"),
        ({"numerics": "float16"}, "numerics 'float16': wanted one of auto, bfloat16, float32"),
        ({"name": "x", "n": 2}, "need {index}"),
        ({"density": "13", "meter": "3/4"}, "cannot be met in 3/4"),
        ({"meter": "7/8"}, "meter '7/8': wanted one of"),
        ({"rule": ["densty=4"]}, "did you mean density"),
        ({"key": "H"}, "wanted a tonic A to G"),
    ],
)
def test_mistakes_say_what_was_wanted(values, said):
    with pytest.raises(UsageError, match=said):
        SampleRequest.of(values)


def test_constraints_are_checked_once_from_the_request_to_the_files(monkeypatch):
    checked = []
    real = Rule.check
    monkeypatch.setattr(Rule, "check", lambda self, goal, meter, bars: (checked.append(self.name), real(self, goal, meter, bars))[1])
    request = SampleRequest.of({"bars": 4, "key": "C", "density": ">=1", "realism": 0, "attempts": 1, "n": 2})
    assert len(list(sampling.run(request, tiny_model()))) == 2
    assert checked == ["key", "density"]


def test_run_yields_the_files_that_sample_delivers():
    from musiclc.midi import read_melody

    model = tiny_model()
    request = SampleRequest.of({"bars": 4, "density": ">=1", "realism": 0, "n": 2, "seed": 3, "bpm": 90})
    made = list(sampling.run(request, model))
    wanted = list(musiclc.sample(model, {"density": ">=1"}, 2, SampleOptions(bars=4, seed=3, realism=0)))
    assert [read_melody(data).notes for _, data in made] == [each.melody.notes for each in wanted]
    assert [(e["file"], e["index"], e["seed"], e["bpm"], e["method"]) for e, _ in made] == [
        (f"melody-3-000{i}.mid", i, 3, 90.0, w.method) for i, w in enumerate(wanted, 1)
    ]
    assert {e["numerics"] for e, _ in made} == {model.numerics}


def test_a_notebook_runs_any_request(tmp_path):
    from musiclc.model.checkpoint import save_model

    save_model(tiny_model(), tmp_path / "tiny.safetensors")
    request = musiclc.SampleRequest.of({"n": 1, "bars": 4, "realism": 0, "model": tmp_path / "tiny.safetensors"})
    ((entry, data),) = musiclc.run(request)
    assert (entry["command"], entry["file"], data[:4]) == ("sample", "melody-0-0001.mid", b"MThd")


def test_auto_is_one_of_the_methods():
    assert set(METHOD_NAMES) == {"auto", *METHODS}
    assert SampleOptions().how is METHODS[AUTO]
    assert SampleOptions(method="rejection").how.name == "rejection"
