from fractions import Fraction

import pytest

from musiclc.training.written import WrittenBar, abc_key, abc_meters, abc_parts, without_fermatas


def parts(body, header="M:4/4\nL:1/4\nK:C"):
    pytest.importorskip("music21")
    from musiclc.training.scores import parse_abc

    text = f"X:1\n{header}\n{body}\n"
    return list(abc_parts(parse_abc(text), text))


def test_signs_belong_to_the_bars_on_whose_side_they_stand():
    bars = parts("G|:cdef|1 gfed:|2 cBAG|]cccc||dddd|")[0].bars
    assert [(b.begins, b.plays, b.endings, b.closes) for b in bars] == [
        (False, 0, (), True),  # what a repeat begins after is closed
        (True, 0, (), False),
        (False, 2, (1,), True),
        (False, 0, (2,), True),
        (False, 0, (), True),
        (False, 0, (), False),
    ]
    assert bars[0].length == 4
    assert bars[0].events == ((Fraction(0), Fraction(4), 67, False),)
    assert bars[1].full == 16


def test_a_bar_too_long_keeps_the_meter_of_the_header():
    assert {b.meter for b in parts("cdefg|gfed|cBAG|")[0].bars} == {"4/4"}  # music21 alone splits off a bar of 1/4


def test_a_fermata_costs_no_note():
    text = 'H:history\n"Handsome"A HB (H^c "H"d)'
    assert without_fermatas(text) == 'H:history\n"Handsome"A B (^c "H"d)'
    assert [e[2] for e in parts(without_fermatas("HA3 B|c4|"))[0].bars[0].events] == [69, 71]


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("K:G", "G major"),
        ("K: Ador", "A dorian"),
        ("K:D Mixolydian % hexatonic", "D mixolydian"),
        ("K:F#m", "F# minor"),
        ("K:EMin", "E minor"),
        ("K:EM", "E major"),
        ("K:Bbmaj", "Bb major"),
        ("K:Hp", ""),
        ("K:Bn", ""),
        ("K:G\nabc\nK:Em", "G major, E minor"),
        ("K:G\nabc[K:G]", "G major"),
    ],
)
def test_keys_of_headers(field, key):
    assert abc_key(f"X:1\nT:Killiecrankie\n{field}\nabc|\n") == key


def test_meters_of_headers():
    assert abc_meters("X:1\nM:C|\nK:C\nabc|[M:3/4]abc|\n") == {"2/2", "3/4"}
    assert abc_meters("M: C\n") == {"4/4"}


def test_a_bar_knows_its_full_length():
    assert WrittenBar("6/8", Fraction(2)).full == 12
    assert WrittenBar("3/8", Fraction(6)).full == 6
