"""Forms as people write them, by hand: which section has which bars, and every slip named."""

import pytest

from musiclc.errors import UsageError
from musiclc.music.form import MOST_BARS, Section, bars_of, form_text, parse_form, section_name, windows_of

TUNE = parse_form("A8 A'8 B8 A'8")


def test_sections_stand_one_after_another():
    assert parse_form("A8 A'8 B8 A'8") == (Section("A", 0, 0, 8), Section("A", 1, 8, 8), Section("B", 0, 16, 8), Section("A", 1, 24, 8))
    assert [(s.name, s.first, s.after) for s in TUNE] == [("A", 0, 8), ("A'", 8, 16), ("B", 16, 24), ("A'", 24, 32)]
    assert bars_of(TUNE) == 32
    assert bars_of(()) == 0


@pytest.mark.parametrize(
    ("text", "bars", "means"),
    [
        ("A8,A'8, B8 | A'8", None, "A8 A'8 B8 A'8"),
        ("a8a’8b8a′8", None, "A8 A'8 B8 A'8"),  # small letters, and the primes that a keyboard or a text program makes
        ('A4 B4 A"4', None, "A4 B4 A''4"),
        ("AABA", None, "A8 A8 B8 A8"),
        ("AABA", 16, "A4 A4 B4 A4"),
        ("A4 B8 A B A'", None, "A4 B8 A4 B8 A'4"),  # as many as the letter had before
        ("A4 B", None, "A4 B4"),  # or as the first number says
        ("A", 5, "A5"),
    ],
)
def test_what_may_be_left_out_or_written_otherwise(text, bars, means):
    assert form_text(parse_form(text, bars)) == means
    assert parse_form(means) == parse_form(text, bars)


@pytest.mark.parametrize(
    ("text", "bars", "said"),
    [
        ("", None, "wanted letters with their bars"),
        ("A8 8B", None, "'8B' is no section"),
        ("A8 ? B8", None, r"'\? B8' is no section"),
        ("A8 B0", None, "a section of 0 bars"),
        ("AAB", 16, "16 bars cannot be shared out evenly among 3 sections"),
        ("A8 B4 A4", None, "A returns with 4 bars, and had 8; a return that is varied is A'4"),
        ("A'8 A8", None, "A' varies A, which does not come before it"),
        ("A8 B'8", None, "B' varies B, which does not come before it"),
        ("A64 B65", None, f"adds up to 129 bars; wanted at most {MOST_BARS}"),
    ],
)
def test_slips_are_named(text, bars, said):
    with pytest.raises(UsageError, match=said):
        parse_form(text, bars)


def test_a_letter_stands_for_its_varied_returns_and_primes_for_themselves():
    assert windows_of("A", TUNE, 32) == ((0, 8), (8, 16), (24, 32))
    assert windows_of("A'", TUNE, 32) == ((8, 16), (24, 32))
    assert windows_of("B", TUNE, 32) == ((16, 24),)


def test_bars_are_counted_from_one_and_both_ends_are_in():
    assert windows_of("9..16", (), 16) == ((8, 16),)
    assert windows_of("16", TUNE, 16) == ((15, 16),)
    assert [section_name(text) for text in ("b", " A’ ", "9 .. 16", "09", "a''")] == ["B", "A'", "9..16", "9", "A''"]


@pytest.mark.parametrize(
    ("name", "form", "said"),
    [
        ("C", TUNE, "has A, A', B; did you mean B"),
        ("A''", TUNE, "did you mean A'"),
        ("B", (), "the piece has no form"),
        ("9..33", TUNE, "the piece has 32 bars; wanted bars from 1 to 32"),
        ("0..4", TUNE, "wanted the first bar, from 1"),
        ("12..9", TUNE, r"such as 9\.\.12"),
    ],
)
def test_places_that_are_not_there_are_named(name, form, said):
    with pytest.raises(UsageError, match=said):
        windows_of(name, form, 32)


@pytest.mark.parametrize(("text", "said"), [("AB", "wanted a letter of the form"), ("9-16", r"did you mean 9\.\.16"), ("", "wanted a letter")])
def test_what_is_no_section_s_name_is_refused(text, said):
    with pytest.raises(UsageError, match=said):
        section_name(text)
