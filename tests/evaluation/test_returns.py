import numpy as np
import pytest

from musiclc.evaluation import returns
from musiclc.music import tokens as tok
from musiclc.music.form import parse_form

C, D, E, F, G = (p - tok.PITCH_OF_TOKEN for p in (60, 62, 64, 65, 67))


def bars(*rows):
    """Tokens (1, T) of bars in 4/4, four quarters each."""
    row = np.full(16 * len(rows), tok.HOLD, np.uint8)
    row[::4] = np.concatenate(rows)
    return row[None]


ONE = bars([C, D, E, F])


def test_similarity_is_one_less_the_edits_over_the_longer():
    other = bars([C, D, E, G])
    assert returns.similarity(ONE, ONE).tolist() == [1.0]
    assert returns.similarity(ONE, other).tolist() == [0.75]  # one of four notes
    assert returns.similarity(ONE, other, "tokens") == pytest.approx(15 / 16)
    longer = bars([C, D, E, F], [G, C, D, E])
    assert returns.similarity(ONE, longer).tolist() == [0.5]  # four to insert, of eight
    shifted = bars([G, C, D, E])
    assert returns.similarity(ONE, shifted).tolist() == [0.5]  # one in front, one behind


def test_transposition_changes_nothing_by_intervals_and_everything_by_notes():
    up = tok.transpose(ONE, 2)
    assert returns.similarity(ONE, up, "intervals").tolist() == [1.0]
    assert returns.similarity(bars([C, D, E, F]), bars([D + 10, E + 10, F + 10, G + 10])).tolist() == [0.0]


def test_silence_is_like_silence_and_unlike_notes():
    silent = np.zeros((1, 16), np.uint8)
    assert returns.similarity(silent, silent).tolist() == [1.0]
    assert returns.similarity(silent, ONE).tolist() == [0.0]


def test_many_pairs_of_different_lengths_at_once_are_as_one_by_one():
    random = np.random.default_rng(1)
    rows = random.choice([tok.REST, tok.HOLD, C, D, E], (2, 20, 64)).astype(np.uint8)
    for reading in returns.READINGS:
        alone = [returns.similarity(a[None], b[None], reading)[0] for a, b in zip(*rows, strict=True)]
        assert returns.similarity(*rows, reading).tolist() == alone


def test_phrases_that_return_are_found():
    a, b = np.tile([C, D, E, F], 4), np.tile([G + 5, G + 7, G + 9, G + 5], 4)
    piece = bars(*a.reshape(4, 4), *b.reshape(4, 4), *a.reshape(4, 4), *b.reshape(4, 4))
    assert returns.phrase_similarities(piece, "4/4").tolist() == [[0, 1, 0, 0, 1, 0]]
    found = returns.figures(piece, "4/4")
    assert (found["a phrase returns"], found["pairs that return"], found["mean similarity"]) == (1.0, 0.333, 0.333)
    assert returns.strangers(piece, "4/4") == (0.0, 0.0)


def test_forms_are_read_from_similarities_alone():
    assert returns.labels(parse_form("A4 A'4 B4 A'4")) == ((0, 0), (0, 1), (1, 0), (0, 1))
    alike = np.array([[1, 0.7, 0.1, 0.7], [0.7, 1, 0.2, 1], [0.1, 0.2, 1, 0.2], [0.7, 1, 0.2, 1]])
    assert returns.read_labels(alike) == ((0, 0), (0, 1), (1, 0), (0, 1))


def test_form_accuracy_counts_each_kind_of_pair():
    a, b = [C, D, E, F], [G + 5, G + 7, G + 9, G + 5]
    piece = bars(a, [C, D, E, G], b, a)  # A and A' are .75 alike; A returns as it was
    form = parse_form("A1 A'1 B1 A1")
    found = returns.form_figures(np.concatenate([piece, bars(a, a, b, a)]), "4/4", form, (0.0, 0.5))
    assert found == {"same": 1.0, "varied": 0.5, "different": 1.0, "kept": 0.5, "found": 0.5}
