"""Undo and redo without end."""

from musiclc.studio.history import History


def states(history):
    return history.told


def test_undo_goes_all_the_way_back_and_redo_all_the_way_on():
    history = History()
    for n in range(5000):
        history.do({"take": n})
    back = [history.undo()["take"] for _ in range(4999)]
    assert back == list(range(4998, -1, -1))
    assert history.undo() is None
    assert [history.redo()["take"] for _ in range(4999)] == list(range(1, 5000))
    assert history.redo() is None


def test_what_follows_an_undone_state_takes_its_place():
    history = History()
    for n in (1, 2, 3):
        history.do({"take": n})
    history.undo()
    history.undo()
    history.do({"take": 9})
    assert history.redo() is None
    assert history.undo() == {"take": 1}
    assert states(history) == {"now": {"take": 1}, "undo": 0, "redo": 1}


def test_a_state_that_is_the_same_is_no_step():
    history = History()
    history.do({"take": 1})
    history.do({"take": 1})
    assert states(history) == {"now": {"take": 1}, "undo": 0, "redo": 0}


def test_nothing_is_there_at_first():
    history = History()
    assert history.undo() is history.redo() is history.now is None
    assert states(history) == {"now": None, "undo": 0, "redo": 0}
