import math

import numpy as np
import pytest

from musiclc.evaluation.trigram import _EVENTS, Trigram, events
from musiclc.music import tokens as tok
from tests.helpers import c_major_scale


def test_events_of_a_scale_and_of_its_transposition():
    rows = tok.from_melodies([c_major_scale(), c_major_scale().transpose(3)])
    first, second = events(rows)
    assert first[:8] == [(2, 2), (2, 2), (1, 2), (2, 2), (2, 2), (2, 2), (1, 2), (0, 2)]
    assert first == second


def test_witten_bell_by_hand():
    a, b = (2, 2), (-1, 4)
    model = Trigram([[a, a, b]])
    # order 0: a twice, b once, two distinct events in three
    order0 = (2 + 2 * (1 / _EVENTS)) / (3 + 2)
    assert model.probability(((9, 9), (9, 9)), a) == pytest.approx(order0)
    # after a: a once and b once; after (a, a): b once
    order1 = (1 + 2 * (1 + 2 / _EVENTS) / 5) / (2 + 2)  # P(b | a), from P(b) = (1 + 2/E) / 5
    order2 = (1 + 1 * order1) / (1 + 1)
    assert model.probability((a, a), b) == pytest.approx(order2)


def test_probabilities_sum_to_one_in_every_context():
    random = np.random.default_rng(0)
    sequences = [[(int(i), int(s)) for i, s in zip(random.integers(-3, 4, 30), random.integers(1, 5, 30), strict=True)] for _ in range(5)]
    model = Trigram(sequences)
    every = [(i, s) for i in range(-24, 25) for s in range(1, 17)]
    for context in (((0, 0), (0, 0)), tuple(sequences[0][:2]), ((1, 1), sequences[1][3])):
        assert sum(model.probability(context, e) for e in every) == pytest.approx(1)


def test_what_was_learnt_costs_less():
    model = Trigram(events(tok.from_melody(c_major_scale())[None]))
    same = model.cross_entropy(events(tok.from_melody(c_major_scale().transpose(4))[None]))
    other = model.cross_entropy([[(7, 3), (-5, 1), (11, 2)]])
    assert same < 1 < math.log(_EVENTS) / 2 < other
