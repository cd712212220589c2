"""Two folders of MIDI become a rule, for the model that it was taught with, whichever that is."""

import numpy as np
import pytest
import torch

from musiclc import custom
from musiclc.cli.critic import remove
from musiclc.custom import labels
from musiclc.errors import InputError, MusiclcError, UsageError
from musiclc.midi import to_bytes
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from musiclc.rules import parse_constraint
from musiclc.sampling import sample as sampling
from musiclc.training import labels as training_labels
from tests.helpers import c_major_scale, tiny_model

CALM = Melody(tuple(Note(s, 64, 8) for s in range(0, 64, 8)))
WILD = Melody(tuple(Note(s, 64, 1) for s in range(64)))


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """calm/ and wild/, fifteen melodies each."""
    monkeypatch.setattr(training_labels, "STEPS", 60)
    random = np.random.default_rng(0)
    for side, (low, step) in {"calm": (60, 8), "wild": (60, 1)}.items():
        (tmp_path / side).mkdir()
        for i in range(15):
            notes = tuple(Note(s, int(low + random.choice([0, 2, 4, 5, 7])), step) for s in range(0, 64, step))
            (tmp_path / side / f"{i}.mid").write_bytes(to_bytes(Melody(notes)))
    return tmp_path / "calm", tmp_path / "wild"


def test_two_folders_of_midi_become_a_rule(folders):
    model = tiny_model()
    before = torch.get_rng_state()
    notes = training_labels.train("calm", *folders, model)
    assert torch.equal(torch.get_rng_state(), before)
    assert notes["held out"] >= 2
    assert [n["name"] for n in labels.stored()] == ["calm"]
    constraint = labels.constraint("calm", model=lambda: model)
    measures = constraint.rule.measure(tok.from_melodies([CALM, WILD]), "4/4")
    assert measures[0] > measures[1]
    assert 0 < constraint.verdict(measures[0])["value"] < 1
    assert len(list(sampling.sample(model, [constraint], 1, sampling.SampleOptions(bars=4, attempts=1)))) == 1


def test_a_piece_of_any_number_of_bars_has_the_mean_of_its_phrases(folders):
    model = tiny_model()
    training_labels.train("calm", *folders, model)
    measure = labels.constraint("calm", model=lambda: model).rule.measure
    calm, wild = tok.from_melody(CALM), tok.from_melody(WILD)
    odds = measure(np.stack([calm, wild]), "4/4")[:, 0]
    assert measure(np.concatenate([calm, wild])[None], "4/4")[0, 0] == pytest.approx(odds.mean())
    assert measure(np.concatenate([calm, calm[:32]])[None], "4/4")[0, 0] == pytest.approx(odds[0])  # calm repeats every half note
    rests = np.concatenate([calm[:32], np.full(32, tok.REST, np.uint8)])
    assert np.array_equal(measure(calm[None, :32], "4/4"), measure(rests[None], "4/4"))


def test_two_four_is_judged_in_pairs_of_bars_and_other_meters_are_refused(folders):
    model = tiny_model()
    training_labels.train("calm", *folders, model)
    measure = labels.constraint("calm", model=lambda: model).rule.measure
    wild = tok.from_melody(WILD)[None]
    assert np.array_equal(measure(wild, "2/4"), measure(wild, "4/4"))
    assert np.array_equal(measure(wild[:, :56], "2/4"), measure(np.pad(wild[:, :56], ((0, 0), (0, 8)), constant_values=tok.REST), "4/4"))
    with pytest.raises(UsageError, match="rule calm: a melody in 9/8; a labelled critic judges 4/4, 3/4, 6/8 and 2/4"):
        measure(wild[:, :54], "9/8")


def test_a_rule_is_for_the_model_that_it_was_taught_with_whichever_that_is(folders):
    other = tiny_model("other")
    training_labels.train("calm", *folders, other)
    (constraint,) = labels.bound([custom.parse("calm@2")], other)
    assert constraint.weight == 2
    assert len(list(sampling.sample(other, [constraint], 1, sampling.SampleOptions(bars=4, attempts=1)))) == 1


def test_a_rule_that_was_parsed_before_there_was_a_model_is_told_later(folders):
    other = tiny_model("other")
    training_labels.train("calm", *folders, other)
    density = parse_constraint("density", "6")
    bound = labels.bound([density, custom.parse("calm@2")], other)
    assert bound[0] is density
    assert bound[1].weight == 2
    assert bound[1].rule.measure(tok.from_melodies([CALM, WILD]), "4/4").shape == (2, 1)


def test_with_another_model_both_are_named_once_the_rule_is_needed_and_not_before(folders, monkeypatch):
    taught, other = tiny_model("mine"), tiny_model("other")
    training_labels.train("calm", *folders, taught)

    def fail():
        raise AssertionError("asked for the model without need")

    monkeypatch.setattr(labels, "_shipped", fail)  # checking a table of jobs must not load a model
    (constraint,) = labels.bound([custom.parse("calm")], other)
    why = rf"rule calm: taught with the model mine \({taught.fingerprint()}\), and this is other \({other.fingerprint()}\); .* --model,"
    with pytest.raises(MusiclcError, match=why):
        constraint.rule.measure(tok.from_melodies([CALM]), "4/4")
    with pytest.raises(MusiclcError, match=why):
        list(sampling.sample(other, [constraint], options=sampling.SampleOptions(bars=4)))


def test_what_cannot_be_taught_is_refused(folders, tmp_path):
    calm, wild = folders
    with pytest.raises(UsageError, match="no shipped rule"):
        training_labels.train("density", calm, wild, tiny_model())
    (tmp_path / "few").mkdir()
    (tmp_path / "few" / "a.mid").write_bytes(to_bytes(c_major_scale()))
    with pytest.raises(InputError, match="usable phrases"):
        training_labels.train("x", tmp_path / "few", wild, tiny_model())


@pytest.mark.parametrize("name", ["../../x", "a/b", "x" * 300, ""])
def test_what_is_no_name_is_no_critic(name):
    with pytest.raises(UsageError, match=r"critic .*: wanted a word"):
        labels.path_of(name)
    with pytest.raises(UsageError, match="unknown; wanted one of"):
        custom.parse(name)


def test_removing_a_critic_reaches_no_file_outside_of_their_folder(tmp_path):
    labels.folder().mkdir(parents=True)
    (labels.folder().parent / "mine.safetensors").write_bytes(b"mine")
    with pytest.raises(MusiclcError, match="there is none"):
        remove.callback("../mine")
    assert (labels.folder().parent / "mine.safetensors").exists()
