"""Motifs counted and runs compared by hand."""

import itertools

import numpy as np
import pytest

from musiclc.errors import UsageError
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from musiclc.rules.base import Constraint
from musiclc.rules.goals import Goal, interval
from musiclc.rules.motifs import Motif, avoid_rule, motif_rule, written_motifs

HOOK = Melody((Note(0, 67, 2), Note(2, 64, 2), Note(4, 65, 4), Note(8, 69, 6)), "4/4", 1)  # down 3, up 1, up 4; after 2, 2, 4 steps


def at(*notes, bars=4):
    """A melody of (start, pitch), each a sixteenth."""
    return Melody(tuple(Note(s, p, 1) for s, p in notes), "4/4", bars)


def hook(start, first=67, turned=1):
    """HOOK's notes from a step on, its first at a pitch; turned -1: upside down."""
    return [(start + n.start, first + turned * (n.pitch - 67)) for n in HOOK.notes]


def verdict(melody, form="any", goal=">=1"):
    bounds = interval(goal, 0.0, "motif")
    rule = motif_rule(Motif(HOOK, form), lambda text: Goal(text, (bounds[0],), (bounds[1],)))
    constraint = Constraint(rule, rule.parse(goal))
    return constraint.verdict(rule.measure(tok.from_melody(melody)[None], melody.meter)[0])


# ---- motif


@pytest.mark.parametrize(
    ("notes", "counts"),
    [
        (hook(0), {"any": 1, "exact": 1, "transposed": 1}),
        (hook(6, 60), {"any": 1, "transposed": 1}),  # anywhere in the bar
        (hook(0, 60, -1), {"any": 1, "inverted": 1}),
        (hook(0) + hook(16, 72) + hook(32, 67, -1), {"any": 3, "exact": 1, "transposed": 2, "inverted": 1}),
    ],
)
def test_what_a_form_counts(notes, counts):
    for form in ("any", "exact", "transposed", "inverted"):
        found = verdict(at(*notes), form)
        assert int(found["value"]) == counts.get(form, 0), form
        assert found["satisfied"] is (form in counts)


@pytest.mark.parametrize(
    ("notes", "form", "value"),
    [
        ([*hook(0)[:3], (8, 70)], "transposed", (3 + 2) / 6),  # all three times, two intervals of three
        ([*hook(0)[:3], (8, 70)], "exact", (4 + 3) / 8),
        (hook(0)[:3], "transposed", (2 + 2) / 6),
        ([(0, 67), (2, 64), (3, 71), (4, 65), (8, 69)], "exact", 6 / 8),  # another note between the second and the third
        ([(0, 67)], "transposed", 0),
        ([], "any", 0),
    ],
)
def test_what_is_there_counts_in_part_half_for_times_and_half_for_pitches(notes, form, value):
    found = verdict(at(*notes), form)
    assert found["value"] == pytest.approx(value, abs=1e-6)
    assert found["score"] == pytest.approx(1 / (2 - value), abs=1e-6)


def test_occurrences_do_not_overlap_and_bounds_above_count_whole_ones():
    pairs = Melody((Note(0, 60, 4), Note(4, 60, 4)), "4/4", 1)
    rule = motif_rule(Motif(pairs), lambda text: Goal(text, (-np.inf,), (2.0,)))
    five = at(*((4 * i, 60) for i in range(5)))
    measures = rule.measure(tok.from_melody(five)[None], "4/4")
    assert 2 <= measures[0, 0] < 3  # of five equal notes two pairs, and one note left over
    assert Constraint(rule, rule.parse("<=2")).satisfied(measures)


def test_a_motif_of_one_note_and_one_longer_than_the_piece_are_refused():
    with pytest.raises(UsageError, match="a motif of 1 notes: wanted two or more"):
        Motif(at((0, 60)))
    rule = motif_rule(Motif(at((0, 60), (40, 62))), lambda text: Goal(text, (1.0,), (np.inf,)))
    rule.check(rule.parse("long.mid"), "4/4", 3)
    with pytest.raises(UsageError, match=r"motif 'long.mid' lasts 41 sixteenths, and 2 bars of 4/4 have 32; wanted more bars"):
        rule.check(rule.parse("long.mid"), "4/4", 2)
    assert rule.measure(np.zeros((2, 16), np.uint8), "4/4").tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize("form", ["any", "exact", "transposed", "inverted"])
def test_a_motif_that_is_written_is_counted_and_leaves_what_is_not_free(form):
    state = tok.from_melody(at(*((4 * i, 60 + i % 5) for i in range(16))))
    free = np.arange(64) >= 16
    allowed = np.isin(np.arange(128) % 12, [0, 2, 4, 5, 7, 9, 11])
    tries = list(written_motifs(Motif(HOOK, form), state, free, allowed, 16))
    assert len({new.tobytes() for new in tries}) == len(tries) >= 3
    for new in tries:
        melody = tok.to_melody(new, "4/4")
        assert verdict(melody, form)["satisfied"]
        assert np.array_equal(new[:16], state[:16])
        assert allowed[new[(new != state) & tok.onsets(new)] + tok.PITCH_OF_TOKEN].all()


# ---- avoid


def shared(melody, *known, notes=4):
    rule = avoid_rule(known, notes - 1, lambda text: Goal(text, (-np.inf, -np.inf), (notes - 1.0, np.inf)))
    return Constraint(rule, rule.parse("old")).verdict(rule.measure(tok.from_melody(melody)[None], "4/4")[0])


def test_the_longest_run_is_found_at_any_pitch_and_with_its_times():
    assert shared(at(*hook(20, 55), (40, 50)), HOOK)["value"] == 4
    assert not shared(at(*hook(20, 55)), HOOK)["satisfied"]
    assert shared(at(*hook(0)[:3], (9, 69)), HOOK)["value"] == 3  # the last comes a sixteenth later
    assert shared(at(*hook(0)[:3], (9, 69)), HOOK)["satisfied"]
    assert shared(at((0, 60)), HOOK)["value"] == 1
    assert shared(Melody((), "4/4", 4), HOOK)["value"] == 0


def test_no_run_goes_on_from_one_file_into_the_next():
    a, b = at((0, 60), (2, 62)), at((0, 64), (2, 67))
    assert shared(at((0, 60), (2, 62), (4, 64), (6, 67)), a, b)["value"] == 2


def test_what_is_nearer_scores_more_though_the_longest_is_as_long():
    known = at(*((2 * i, 60 + (i * i) % 7) for i in range(16)))
    twice, once = (at(*((2 * i, 60 + (i * i) % 7 + (i >= 8 and cut)) for i in range(16))) for cut in (0, 1))
    assert shared(twice, known)["score"] < shared(once, known)["score"] < 1


def test_runs_agree_with_comparing_all_of_them():
    random = np.random.default_rng(0)

    def made():
        return at(*((2 * i, 60 + int(random.integers(3))) for i in range(24)))

    def longest(one, other):
        a, b = ([n.pitch for n in m.notes] for m in (one, other))
        runs = {tuple(np.diff(b[i:j])) for i, j in itertools.combinations(range(25), 2)}
        return max(j - i for i, j in itertools.combinations(range(25), 2) if tuple(np.diff(a[i:j])) in runs)

    for _ in range(10):
        one, *known = made(), made(), made(), made()
        assert shared(one, *known)["value"] == max(longest(one, other) for other in known)
