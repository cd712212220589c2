import numpy as np
import pytest

from musiclc.evaluation import tonic
from musiclc.music import tokens as tok
from musiclc.training import tunes
from musiclc.training.lines import Line
from musiclc.training.works import Work

C_MAJOR = [60, 62, 64, 65, 67, 64, 62, 60]
A_MINOR = [69, 71, 72, 74, 76, 72, 71, 69]


def line(pitches, bars=8):
    tokens = np.full(16 * bars, tok.HOLD, np.uint8)
    tokens[::2] = np.tile(np.array(pitches) - tok.PITCH_OF_TOKEN, bars)
    return Line(tokens, "4/4", np.zeros(bars, np.uint8), 0, True, True)


@pytest.fixture
def dataset():
    works = [
        Work("miscFolk/a", "miscFolk", "C major", [line(A_MINOR, 4), line(C_MAJOR)]),
        Work("miscFolk/b", "miscFolk", "A minor", [line(A_MINOR)]),
        Work("miscFolk/wrong", "miscFolk", "D major", [line(C_MAJOR)]),
        Work("miscFolk/changes", "miscFolk", "C major, A minor", [line(C_MAJOR)]),
        Work("miscFolk/none", "miscFolk", "", [line(C_MAJOR)]),
        Work("bach/a", "bach", "C major", [line(C_MAJOR)]),
    ]
    return tunes.build(works, {"miscFolk": "near", "bach": "near"})


def test_examples_are_the_longest_lines_of_tunes_with_one_key(dataset):
    found = list(tonic.examples(dataset, "near", 0))
    assert [(e.name, e.tonic, e.mode, len(e.tokens)) for e in found] == [
        ("miscFolk/a", 0, "major", 128),
        ("miscFolk/b", 9, "minor", 128),
        ("miscFolk/wrong", 2, "major", 128),
    ]
    assert len(list(tonic.examples(dataset, "near", 4))) == 3 * tonic.DRAWS
    assert list(tonic.examples(dataset, "near", 16)) == []


def test_windows_are_the_same_by_the_same_seed(dataset):
    one, two = ([e.tokens.tolist() for e in tonic.examples(dataset, "near", 4, seed=3)] for _ in range(2))
    assert one == two


@pytest.mark.parametrize("finder", tonic.FINDERS.values())
def test_finders_know_plain_keys(finder):
    assert finder(line(C_MAJOR).tokens, "4/4")[0] == 0
    assert finder(line([p + 3 for p in A_MINOR]).tokens, "4/4")[0] == 0


def test_figures_count_what_is_right(dataset):
    rows = {(r["bars"], r["collection"], r["finder"]): r for r in tonic.figures(dataset, ("near",))}
    whole = rows["whole", "all", "heard"]
    assert (whole["n"], whole["tonic"], whole["tonic and mode"]) == (3, 0.667, 0.667)
    assert rows["whole", "miscFolk", "last note"]["tonic and mode"] == 0
    assert [e.name for e, _ in tonic.disagreements(dataset, ("near",))] == ["miscFolk/wrong"]
