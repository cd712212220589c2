"""Rules of one's own: from a function or two folders to a constraint with a critic, cached, and honest about what goes wrong."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from musiclc import custom
from musiclc.custom import critics, functions, labels
from musiclc.errors import InputError, MusiclcError, UsageError
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from musiclc.rules import RULES
from musiclc.rules.base import Constraint
from musiclc.sampling import sample as sampling
from musiclc.training import labels as training_labels
from tests.helpers import c_major_scale, tiny_model

SOURCE = """
def high(melody):
    \"\"\"Mean pitch.\"\"\"
    return sum(n.pitch for n in melody.notes) / len(melody.notes)

def dense(melody):
    return min(1.0, len(melody.notes) / 20)

def low(melody):
    return sum(n.pitch < 60 for n in melody.notes) / 64

def breaks(melody):
    return melody.notes[1000].pitch

def nothing(melody):
    return float("nan")

def always(melody):
    return 0.5

def beyond(melody):
    return 3.2
"""


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(critics, "FIRST_STEPS", 20)
    monkeypatch.setattr(critics, "LATER_STEPS", 5)
    monkeypatch.setattr(critics, "ON_POLICY", 20)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my.py"
    path.write_text(SOURCE)
    return path


def test_a_goal_a_score_and_a_weight(file):
    wish = custom.parse(f"{file}:high=60..64@2")
    assert (wish.rule.name, wish.goal.low, wish.goal.high, wish.weight, wish.rule.about) == ("high", (60.0,), (64.0,), 2.0, "Mean pitch.")
    assert wish.verdict(wish.rule.measure(tok.from_melody(c_major_scale())[None], "4/4")[0])["value"] == 66.25
    scored = custom.parse(f"{file}:dense")
    assert scored.goal.text == "met"
    sparse = Melody(tuple(Note(4 * i, 60, 4) for i in range(10)))
    verdicts = scored.satisfied(scored.rule.measure(tok.from_melodies([c_major_scale(), sparse]), "4/4"))
    assert verdicts.tolist() == [True, False]
    assert scored.score(np.array([[0.5]]))[0] == 0.5
    near = custom.parse(f"{file}:high=70")
    assert (near.goal.low, near.goal.high) == ((66.5,), (73.5,))


def test_whether_transposition_matters_is_found_out(file):
    assert custom.parse(f"{file}:high=60").rule.fixed
    assert not custom.parse(f"{file}:dense").rule.fixed


@pytest.mark.parametrize(
    ("function", "why"),
    [
        ("breaks", "raised IndexError: tuple index out of range, line 13, for a melody"),
        ("nothing", "returned NaN"),
        ("beyond", r"returned 3.2 .* score from 0 to 1"),
        ("absent", "no function 'absent'; its functions: high, dense, low"),
    ],
)
def test_what_goes_wrong_with_a_rule_is_said(file, function, why):
    with pytest.raises(UsageError, match=why):
        custom.parse(f"{file}:{function}")


def test_files_that_are_no_rules(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        custom.parse(f"{tmp_path}/none.py:f")
    (tmp_path / "bad.py").write_text("import nonsense_that_is_not_there")
    with pytest.raises(UsageError, match="raised ModuleNotFoundError"):
        custom.parse(f"{tmp_path}/bad.py:f")
    with pytest.raises(UsageError, match="unknown; wanted one of"):
        custom.parse("nonsense")


def test_a_constant_rule_has_nothing_to_steer_by(file):
    with pytest.raises(UsageError, match=r"is constant: 0\.5"):
        sampling.sample(tiny_model(), [custom.parse(f"{file}:always")])


def test_a_critic_is_fitted_once_and_kept_until_the_source_or_the_goal_changes(file, monkeypatch):
    model = tiny_model()

    heard = []
    handler, log = logging.Handler(), logging.getLogger("musiclc")
    handler.emit = lambda record: heard.append(record.getMessage())
    monkeypatch.setattr(log, "handlers", [handler])  # commands that ran in this process may have left theirs
    log.setLevel(logging.INFO)

    def fits(wish):
        heard.clear()
        draws = list(sampling.sample(model, [wish], 2, sampling.SampleOptions(seed=1, attempts=1, candidates=1)))
        assert len(draws) == 2
        return sum("fitting a critic" in message for message in heard)

    assert [fits(custom.parse(f"{file}:low=.1..1")) for _ in range(2)] == [1, 0]
    assert fits(custom.parse(f"{file}:low=0.2..0.4")) == 1
    file.write_text(SOURCE.replace("/ 64", "/ 65"))
    assert fits(custom.parse(f"{file}:low=.1..1")) == 1
    assert [notes["rule"] for _, notes in critics.cached()] == ["low"] * 3
    assert critics.forget("low") == 3
    assert critics.cached() == []


def test_workers_that_need_a_critic_at_once_fit_it_once(file, monkeypatch):
    model, fits, fit = tiny_model(), [], critics._fit

    def slow(*arguments):
        fits.append(time.monotonic())
        time.sleep(0.3)  # long enough for the others to come by
        return fit(*arguments)

    monkeypatch.setattr(critics, "_fit", slow)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: sampling.prepare_critics(model, [custom.parse(f"{file}:low=.1..1")]), range(3)))
    assert len(fits) == 1
    assert [path.suffix for path in critics.cache_folder().iterdir()] == [".safetensors"]  # no lock left


def test_how_much_is_measured_goes_by_halves(monkeypatch):
    bank, seconds = tiny_model().bank, iter([0.0, 0.1, 1.0, 1.05, 2.0, 2.2])  # the best of three: 0.05 s for 50 melodies, a millisecond each
    monkeypatch.setattr(critics.time, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(critics, "MEASURE_SECONDS", len(bank) * 0.4e-3)
    monkeypatch.setattr(critics, "MIN_MEASURED", 8)
    assert len(critics._affordable(bank, RULES["density"], 0)) == len(bank) // 4


def test_what_cannot_be_had_is_said_with_the_best_reached(file, caplog):
    logging.getLogger("musiclc").propagate = True
    with caplog.at_level(logging.WARNING, logger="musiclc"):
        sampling.prepare_critics(tiny_model(), [custom.parse(f"{file}:low=>=7")])
    assert "none of" in caplog.text
    assert "the best reached" in caplog.text


def test_a_function_is_a_rule_from_python_too():
    rule = functions.rule_of_function(lambda melody: len(melody.notes) / 64)
    draws = list(sampling.sample(tiny_model(), [Constraint(rule, rule.parse("met"))], 1, sampling.SampleOptions(attempts=1)))
    assert draws[0].verdicts[0]["rule"] == "<lambda>"


def test_two_folders_of_midi_become_a_rule(tmp_path):
    from musiclc.midi import to_bytes

    random = np.random.default_rng(0)
    for side, (low, step) in {"calm": (60, 8), "wild": (60, 1)}.items():
        (tmp_path / side).mkdir()
        for i in range(15):
            notes = tuple(Note(s, int(low + random.choice([0, 2, 4, 5, 7])), step) for s in range(0, 64, step))
            (tmp_path / side / f"{i}.mid").write_bytes(to_bytes(Melody(notes)))
    model = tiny_model()
    notes = training_labels.train("calm", tmp_path / "calm", tmp_path / "wild", model)
    assert notes["held out"] >= 2
    assert [n["name"] for n in labels.stored()] == ["calm"]
    wish = labels.constraint("calm", model=model)
    calm = Melody(tuple(Note(s, 64, 8) for s in range(0, 64, 8)))
    wild = Melody(tuple(Note(s, 64, 1) for s in range(64)))
    measures = wish.rule.measure(tok.from_melodies([calm, wild]), "4/4")
    assert measures[0] > measures[1]
    assert 0 < wish.verdict(measures[0])["value"] < 1
    assert len(list(sampling.sample(model, [wish], 1, sampling.SampleOptions(attempts=1)))) == 1
    with pytest.raises(MusiclcError, match="taught with another model"):
        labels.constraint("calm", model=tiny_model("other"))
    with pytest.raises(UsageError, match="no shipped rule"):
        training_labels.train("density", tmp_path / "calm", tmp_path / "wild", model)
    (tmp_path / "few").mkdir()
    (tmp_path / "few" / "a.mid").write_bytes(to_bytes(c_major_scale()))
    with pytest.raises(InputError, match="usable phrases"):
        training_labels.train("x", tmp_path / "few", tmp_path / "wild", model)
