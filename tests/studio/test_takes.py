"""Takes and the memory that they may use."""

import pytest

from musiclc.errors import MusiclcError
from musiclc.studio.takes import Shelf, Take


def put(shelf, size=10, **more):
    take = Take(shelf.next(), b"x" * size, "take.mid", **more)
    return shelf.put(take)


def test_the_oldest_without_a_star_go_first():
    shelf = Shelf(most_bytes=30)
    put(shelf, star=True)
    assert [put(shelf), put(shelf)] == [[], []]
    assert put(shelf) == [2]
    assert put(shelf, 20) == [3, 4]
    assert sorted(shelf.takes) == [1, 5]


def test_nothing_with_a_star_ever_goes():
    shelf = Shelf(most_bytes=30)
    for _ in range(3):
        put(shelf, star=True)
    with pytest.raises(MusiclcError, match="wanted some without one"):
        put(shelf)
    assert sorted(shelf.takes) == [1, 2, 3]


def test_so_many_takes_and_no_more():
    shelf = Shelf(most_takes=2)
    for _ in range(5):
        put(shelf)
    assert sorted(shelf.takes) == [4, 5]


@pytest.mark.parametrize("number", [0, 9, "1", None, True, 1.0, [], "../1"])
def test_a_take_is_found_by_its_number_alone(number):
    shelf = Shelf()
    put(shelf)
    with pytest.raises(MusiclcError, match="not there"):
        shelf.of(number)
