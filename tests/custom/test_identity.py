"""What functions are known by: equal for those that do the same, unequal wherever something that they read differs."""

import collections
import functools
import math
import re

import numpy as np
import pytest

from musiclc.custom.identity import Unknowable, identity

LIMIT = 60
PAIR = (1, 2)


def reads_a_global(melody):
    return LIMIT


def reads_it_inside(melody):
    return sum(n > LIMIT for n in melody) + (lambda: LIMIT)()


def helped(melody):
    return reads_a_global(melody) + 1


def again(melody, depth=3):
    return again(melody, depth - 1) if depth else LIMIT


def closure(value):
    return lambda melody: value


def default(value):
    def given(melody, to=value):
        return to

    return given


def attribute(value):
    def given(melody):
        return given.value

    given.value = value
    return given


def keyword(value):
    def given(melody, *, to=value):
        return to

    return given


@pytest.mark.parametrize("make", [closure, default, keyword, attribute, lambda value: functools.partial(reads_a_global, value)])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 2),
        (1, 1.0),
        (1, True),
        ("a", b"a"),
        ([1, 2], (1, 2)),
        ([1, [2]], [[1], 2]),
        ({"a": 1}, {"a": 2}),
        ({1, 2}, {1, 3}),
        (None, ...),
        (re.compile("a"), re.compile("a", re.IGNORECASE)),
        (np.arange(3), np.arange(4)),
        (np.float32(1), np.float64(1)),
        (math.sin, math.cos),
        (math, re),
        (closure(1), closure(2)),
        (np.linalg.norm, np.linalg.det),
        (np.add, np.subtract),
        (dict, list),
        ([1, 2].count, [1, 3].count),
        (functools.lru_cache(closure(1)), functools.lru_cache(closure(2))),
    ],
)
def test_captured_values_count(make, one, other):
    assert identity(make(one)) == identity(make(one))
    assert identity(make(one)) != identity(make(other))


@pytest.mark.parametrize("function", [reads_a_global, reads_it_inside, helped, again])
def test_globals_count_that_are_read_and_no_others(function, monkeypatch):
    before = identity(function)
    monkeypatch.setitem(globals(), "PAIR", (1, 3))
    assert identity(function) == before
    monkeypatch.setitem(globals(), "LIMIT", 61)
    assert identity(function) != before


def test_code_counts_also_where_two_functions_stand_in_one_line():
    one, other = (lambda melody: len(melody) > 1), (lambda melody: len(melody) > 2)
    assert identity(one) != identity(other)
    assert identity(one) == identity(lambda melody: len(melody) > 1)


def test_the_text_of_its_file_counts():
    assert len({identity(helped), identity(helped, b"one"), identity(helped, b"other")}) == 3


def imports_inside(melody):
    import identity_helper

    return identity_helper.LIMIT


def imports_from_a_package_inside(melody):
    from identity_package import limits

    return limits.LIMIT


@pytest.mark.parametrize(
    ("function", "file"), [(imports_inside, "identity_helper.py"), (imports_from_a_package_inside, "identity_package/limits.py")]
)
def test_a_module_that_is_imported_inside_counts(function, file, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text("LIMIT = 60\n")
    if (tmp_path / file).parent != tmp_path:
        (tmp_path / file).with_name("__init__.py").write_text("")
    function(())
    before = identity(function)
    assert identity(function) == before
    (tmp_path / file).write_text("LIMIT = 61\n")
    assert identity(function) != before


class Own:
    pass


class OwnList(list):
    pass


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (object(), "value, a object"),
        (np.array([object()]), "value, an array of objects"),
        (Own, "value, a class defined beside it"),
        (Own(), "value, a Own"),
        ([1, Own()], "value, a Own"),
        (collections.defaultdict(lambda: 1), "value, a defaultdict"),
        (OwnList([1]), "value, a OwnList"),
        (np.ma.array([1], mask=[True]), "value, a MaskedArray"),
    ],
)
def test_what_cannot_be_told_is_named(value, said):
    with pytest.raises(Unknowable, match=said):
        identity(closure(value))


def test_a_class_of_the_file_is_told_by_the_files_text():
    assert identity(closure(Own), b"the file")


def test_a_value_that_holds_itself_is_unknowable():
    value = []
    value.append(value)
    with pytest.raises(Unknowable, match="holds itself"):
        identity(closure(value))
