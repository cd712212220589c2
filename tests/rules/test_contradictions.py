"""Goals that exclude each other are refused, each with a reason; goals that can hold together never are."""

import itertools

import numpy as np
import pytest

from musiclc.errors import UsageError
from musiclc.rules import parse_constraint
from musiclc.rules.contradictions import refuse_contradictions
from musiclc.rules.sections import SectionGoals, placed


def refused(whole, *sections, bars=16, meter="4/4"):
    """What is said of goals of the whole {rule: goal} and of sections (bars, {rule: goal}), "" where they may stand."""
    asked = [parse_constraint(rule, goal) for rule, goal in whole.items()]
    parts = [SectionGoals(name, tuple(parse_constraint(*pair) for pair in goals.items())) for name, goals in sections]
    try:
        refuse_contradictions(asked, placed(parts, asked, (), bars), bars, meter)
    except UsageError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("whole", "sections", "why"),
    [
        ({"density": "<=4"}, [("9..16", {"density": ">=9"})], "bars 9..16 would have 72 or more notes, the whole would have at most 64 notes"),
        ({"density": ">=14"}, [("1..8", {"density": "10"})], "bars 1..8 would have 76 to 84 notes"),  # the others hold 128, and 224 are wanted
        ({}, [("1..8", {"density": "4"}), ("1..8", {"density": "8"})], "cannot both hold"),
        ({}, [("1..8", {"density": "<=2"}), ("5..6", {"density": "9"})], "bars 5..6 would have 17 to 19 notes, bars 1..8 would have at most 16"),
        ({"density": "<=6"}, [("1..8", {"density": "8"}), ("9..16", {"density": "8"})], "cannot all hold: no number of notes"),
        ({"range": "C4..C5"}, [("9..16", {"range": "C6..C7"})], "no pitch is left for bars 9..16"),
        ({"key": "C"}, [("9..16", {"scale": "{1,3}"})], "no pitch is left for bars 9..16"),
        ({"key": "C"}, [("9..16", {"range": "C#4..C#4"})], "no pitch is left for bars 9..16"),
        ({}, [("1..8", {"range": "C4..C5"}), ("8..16", {"range": "C6..C7"})], "no pitch is left for bars 8..8"),
        ({"key": "C major pentatonic"}, [("9..16", {"scale": "{0,2,11}", "range": "E4..A4"})], "no pitch is left"),
        ({"key": "C"}, [("1..8", {"range": "C4..E4"}), ("1..4", {"scale": "{3,5}"})], "no pitch is left for bars 1..4"),
        ({"key": "C"}, [("1..16", {"key": "A minor"})], "no melody has two tonics"),
        ({"tonic": "C"}, [("1..16", {"key": "A minor"})], "no melody has two tonics"),
        ({"register": "low"}, [("1..16", {"register": "high"})], "no melody is both"),
        ({"contour": "up"}, [("1..16", {"contour": "down"})], "no melody is both"),
        ({"end": "C"}, [("9..16", {"end": "G"})], "no melody is both"),
        ({"start": "C"}, [("1..4", {"start": "G"})], "no melody is both"),
        ({"span": "<=7"}, [("3..4", {"span": ">=12"})], "no melody is both"),
        ({"key": "C", "tonic": "D"}, [], "no melody has two tonics"),
        ({"key": "C", "start": "F#"}, [], "no such pitch for the first one"),
        ({"end": "C#"}, [("9..16", {"scale": "C"})], "no such pitch for the last one"),
        ({"scale": "C", "range": "C#4..C#4"}, [], "no pitch is left for bars 1..16"),
        ({"range": "C4..E4", "span": "12"}, [], "its pitches are at most 4 semitones apart"),
        ({"range": "C6..C7", "register": "low"}, [], "its pitches are 84 to 96"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(whole, sections, why):
    said = refused(whole, *sections)
    assert why in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("whole", "sections"),
    [
        ({"density": "<=4"}, [("9..16", {"density": "8"})]),  # and silence before it
        ({"density": "6"}, [("1..6", {"density": "8"}), ("7..12", {"density": "8"})]),
        ({"register": "low"}, [("9..16", {"register": "high"})]),
        ({"end": "C"}, [("1..8", {"end": "G"})]),
        ({"start": "C"}, [("9..16", {"start": "G"})]),
        ({"span": ">=12"}, [("3..4", {"span": "<=7"})]),
        ({"key": "C"}, [("9..16", {"key": "G"})]),
        ({"key": "C"}, [("9..16", {"key": "A minor"})]),
        ({"key": "C"}, [("1..16", {"tonic": "C", "scale": "A minor"})]),
        ({"contour": "up"}, [("1..8", {"contour": "down"})]),
        ({"chords": "C"}, [("1..16", {"chords": "F#"})]),  # not known to exclude each other
        ({}, [("1..8", {"range": "C4..C5"}), ("9..16", {"range": "C6..C7"})]),
        ({"range": "C4..E5", "span": "12", "register": "low"}, []),
        ({"start": "F#"}, [("2..16", {"scale": "C"})]),
        ({"key": "C", "start": "5", "end": "1"}, []),
        ({"register": "C6"}, [("1..4", {"range": "C4..C5"})]),  # the other bars may lie higher
    ],
)
def test_what_can_be_is_left_alone(whole, sections):
    assert refused(whole, *sections) == ""


def test_numbers_of_notes_are_refused_exactly_when_there_are_none():
    """Against all ways to fill three bars of 3/4, at most twelve notes each, on random goals."""
    random = np.random.default_rng(0)
    fillings = np.array(list(itertools.product(range(13), repeat=3)))
    found = []
    for _ in range(60):
        windows = [sorted(random.choice(4, 2, replace=False)) for _ in range(3)]
        bounds = [sorted(random.integers(0, 13, 2)) for _ in range(3)]
        parts = [(f"{first + 1}..{after}", {"density": f"{low}..{high}"}) for (first, after), (low, high) in zip(windows, bounds, strict=True)]
        fits = np.ones(len(fillings), bool)
        for (first, after), (low, high) in zip(windows, bounds, strict=True):
            total = fillings[:, first:after].sum(axis=1)
            fits &= (low * (after - first) <= total) & (total <= high * (after - first))
        found.append(bool(refused({}, *parts, bars=3, meter="3/4")))
        assert found[-1] == (not fits.any()), parts
    assert 5 < sum(found) < 55
