"""Critics of one's own rules: fitted once, kept under all that decides their bits, and no clock among it."""

import itertools
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest
import torch

from musiclc import custom
from musiclc.custom import critics, functions
from musiclc.errors import UsageError
from musiclc.sampling import sample as sampling
from tests.custom.conftest import SOURCE
from tests.helpers import tiny_model


@pytest.fixture
def heard(monkeypatch):
    """What is logged."""
    said = []
    handler, log = logging.Handler(), logging.getLogger("musiclc")
    handler.emit = lambda record: said.append(record.getMessage())
    monkeypatch.setattr(log, "handlers", [handler])  # commands that ran in this process may have left theirs
    before = log.level
    log.setLevel(logging.INFO)
    yield said
    log.setLevel(before)


def test_a_constant_rule_has_nothing_to_steer_by(file):
    with pytest.raises(UsageError, match=r"is constant: 0\.5"):
        sampling.sample(tiny_model(), [custom.parse(f"{file}:always")], options=sampling.SampleOptions(bars=4, method="guided"))


def test_a_critic_is_fitted_once_and_kept_until_the_source_or_the_goal_changes(file, heard):
    model = tiny_model()

    def fits(constraint):
        heard.clear()
        draws = list(sampling.sample(model, [constraint], 2, sampling.SampleOptions(bars=4, seed=1, attempts=1, candidates=1)))
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


def test_what_cannot_be_had_is_said_with_the_best_reached(file, caplog):
    logging.getLogger("musiclc").propagate = True
    with caplog.at_level(logging.WARNING, logger="musiclc"):
        sampling.prepare_critics(tiny_model(), [custom.parse(f"{file}:low=>=7")])
    assert "none of" in caplog.text
    assert "the best reached" in caplog.text


def asked(model, constraint):
    """The critic that the constraint's rule gives for the model."""
    return constraint.rule.critic(model, constraint.goal, 0)


class FakeClock:
    """A clock that says so many seconds more each time it is asked."""

    def __init__(self, seconds):
        self.monotonic = partial(next, itertools.count(0.0, seconds))


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_the_clock_decides_on_nothing_but_a_refusal(file, monkeypatch, share):
    """share: of the longest that measuring the bank may take."""
    model, constraint = tiny_model(), custom.parse(f"{file}:low=.1..1")
    monkeypatch.setattr(critics, "time", FakeClock(critics.MEASURE_SECONDS * share * critics.TIMED / len(model.bank)))
    _, notes = critics._fit(constraint.rule, model, constraint.goal, 0)
    assert notes["measured"] == len(model.bank) + critics.ON_POLICY_ROUNDS * critics.ON_POLICY_WEIGHT * critics.ON_POLICY


def test_a_slow_rule_is_refused_with_how_slow_and_what_to_do(file, monkeypatch):
    monkeypatch.setattr(critics, "time", FakeClock(300.0))  # for 50 of the bank's 120 melodies
    with pytest.raises(UsageError, match=r"rule low takes 6000 ms a melody, and its critic learns from 120: about 720 s.*--method rejection"):
        sampling.prepare_critics(tiny_model(), [custom.parse(f"{file}:low=.1..1")])


def test_two_fits_give_the_same_bits(file):
    constraint, model = custom.parse(f"{file}:low=.1..1"), tiny_model()
    first = asked(model, constraint).state_dict()
    critics.forget("low")
    assert all(torch.equal(value, first[name]) for name, value in asked(model, constraint).state_dict().items())


def share_above(pitch):
    def above(melody):
        return sum(n.pitch > pitch for n in melody.notes) / 64

    return functions.rule_of_function(above)


def test_closures_with_other_values_have_critics_of_their_own(heard):
    model = tiny_model()
    for pitch in (60, 66, 60):
        rule = share_above(pitch)
        rule.critic(model, rule.parse("met"), 0)
    assert sum("fitting a critic" in message for message in heard) == 2
    assert len(critics.cached()) == 2


def test_a_function_that_reads_what_cannot_be_told_is_fitted_anew_and_that_is_said(heard):
    model, weights = tiny_model(), torch.nn.Linear(1, 1)

    def learnt(melody):
        return min(1.0, len(melody.notes) / 64 + 0 * weights.bias.item())

    rule = functions.rule_of_function(learnt)
    for _ in range(2):
        rule.critic(model, rule.parse("met"), 0)
    assert (
        heard.count("learnt: fitting a critic that is not kept, since the function reads weights, a Linear, which the cache cannot tell from another")
        == 2
    )
    assert critics.cached() == []


def test_a_critic_is_for_one_bank_and_one_word_width(file, heard):
    model, constraint = tiny_model(), custom.parse(f"{file}:low=.1..1")
    asked(model, constraint)
    asked(replace(model, bank=model.bank.first(100)), constraint)
    model.vae.precision = torch.bfloat16
    asked(model, constraint)
    assert sum("fitting a critic" in message for message in heard) == 3


def test_where_the_cache_cannot_be_written_a_critic_is_used_all_the_same(file, heard, monkeypatch):
    model, constraint = tiny_model(), custom.parse(f"{file}:low=.1..1")
    monkeypatch.setattr(critics, "_writable", lambda folder: False)
    sampling.prepare_critics(model, [constraint])
    assert "cannot be written" in "".join(heard)
    assert critics.cached() == []
