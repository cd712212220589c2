"""Piano rolls, as drawings, SVG and PNG: what is where, what is kept, and that nothing breaks out of the markup."""

import io
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from musiclc.midi import read_notes, to_bytes
from musiclc.midi.performance import Sheet, Sound
from musiclc.music.form import parse_form
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import METERS
from musiclc.output import drawing
from musiclc.output.pianoroll import LEFT, RIGHT, STRIP, TOP, compare, roll, rolls, sheet_of
from tests.helpers import c_major_scale, jig, work


def shapes(picture, kind, style=None):
    return [s for s in picture.shapes if s.kind == kind and style in (None, s.style)]


def test_a_melody_becomes_seconds():
    sheet = sheet_of(jig(), bpm=120)
    assert sheet.bars == (0.0, 1.5, 3.0, 4.5, 6.0)  # 6/8: three quarters a bar, half a second each
    assert sheet.notes[0] == Sound(0, 0.0, 0.5, 62)


@pytest.mark.parametrize("meter", METERS)
def test_bar_lines_are_those_of_the_meter_in_a_melody_and_in_its_file(meter):
    tune = Melody((Note(0, 60, 4), Note(4 * METERS[meter] - 1, 62, 1)), meter, 4)
    lines = tuple(i * METERS[meter] / 8 for i in range(5))  # eight sixteenths a second at 120
    assert sheet_of(tune, bpm=120).bars == read_notes("a.mid", to_bytes(tune, bpm=120)).bars == lines
    picture = roll(sheet_of(tune))
    drawn = shapes(picture, "line", "bar")
    assert len(drawn) == 4
    assert drawn[1].x - drawn[0].x == pytest.approx((picture.width - LEFT - RIGHT) / 4, abs=0.5)


def test_every_note_bar_and_c_is_where_it_belongs():
    picture = roll(sheet_of(c_major_scale()), "scale")
    notes = shapes(picture, "note")
    assert len(notes) == 32
    assert all(a.x < b.x for a, b in pairwise(notes))
    assert notes[0].y - notes[1].y == pytest.approx(2 * (notes[2].y - notes[3].y))  # a whole tone is two semitones: C to D, E to F
    assert [s.text for s in shapes(picture, "text", "name")] == ["C4", "C5"]
    assert [s.text for s in shapes(picture, "text", "faint")][-4:] == ["1", "2", "3", "4"]
    line = shapes(picture, "line", "octave")[0]
    assert line.y == pytest.approx(notes[0].y + notes[0].height + 0.5)  # beneath C4, as between B and C on a keyboard


def test_tracks_have_colours_and_a_legend_and_drums_are_hollow():
    sheet = Sheet((Sound(0, 0, 1, 60), Sound(1, 0, 1, 48), Sound(2, 0, 0.1, 36, is_drum=True)), (0, 2), 2, ("tune", "", ""))
    picture = roll(sheet)
    assert [s.style for s in shapes(picture, "note")][:3] == ["track0", "track1", "drum"]
    assert {"tune", "track 2", "drums"} <= {s.text for s in shapes(picture, "text")}


def test_kept_is_the_same_pitch_at_the_same_onset_and_each_note_counts_once():
    before = [Sound(0, 0, 1, 60), Sound(0, 1, 2, 62), Sound(0, 2, 3, 64)]
    after = [Sound(0, 0.004, 0.5, 60), Sound(0, 0.01, 0.5, 60), Sound(0, 1, 2, 63), Sound(0, 2, 3, 64)]
    kept, removed, added = compare(before, after)
    assert [n.start for n in kept] == [0.004, 2]
    assert [n.pitch for n in removed] == [62]
    assert [(n.start, n.pitch) for n in added] == [(0.01, 60), (1, 63)]


def test_before_and_after_are_drawn_and_counted():
    scale = c_major_scale()
    picture = rolls(sheet_of(scale), sheet_of(scale.transpose(2)), "up a tone")
    counts = {style: len(shapes(picture, "note", style)) - 1 for style in ("kept", "added", "removed")}  # one each is the legend's
    assert counts == {"kept": 0, "added": 32, "removed": 32}
    assert {"0 kept", "32 added", "32 removed"} <= {s.text for s in shapes(picture, "text")}
    same = rolls(sheet_of(scale), sheet_of(scale))
    assert len(shapes(same, "note", "kept")) == 33


@pytest.mark.parametrize("sheet", [Sheet((), (0.0,), 0.0), Sheet((Sound(0, 0, 0, 127),), (0, 1), 1), Sheet((Sound(0, 0, 9, 0),), (), 9.0)])
def test_odd_sheets_are_drawn(sheet):
    for picture in (roll(sheet, "odd"), rolls(sheet, sheet)):
        ElementTree.fromstring(drawing.svg(picture))
        assert drawing.png(picture)[:4] == b"\x89PNG"


def test_svg_is_xml_whatever_the_name_and_knows_dark(tmp_path):
    name = '</style><script>alert(1)</script>"&\x00\x1b\ud800\uffff.mid'
    data = drawing.svg(roll(sheet_of(jig()), name))
    root = ElementTree.fromstring(data)
    assert not [e for e in root.iter() if e.tag.endswith("script")]
    assert b"prefers-color-scheme:dark" in data
    assert len([e for e in root.iter() if e.get("rx")]) == len(jig().notes)
    assert data == drawing.svg(roll(sheet_of(jig()), name))


def test_png_shows_the_notes_and_is_small():
    from PIL import Image

    picture = roll(sheet_of(c_major_scale()), "scale")
    data = drawing.png(picture)
    image = Image.open(io.BytesIO(data))
    assert image.size == (2 * picture.width, 2 * picture.height)
    note = shapes(picture, "note")[5]
    assert image.getpixel((round(2 * (note.x + note.width / 2)), round(2 * (note.y + note.height / 2)))) == (0x0B, 0x6F, 0xAE)
    assert data == drawing.png(picture)
    assert len(data) < 40_000
    assert work(lambda: drawing.png(picture)) < 200_000


# ---- long pieces and their forms -----------------------------------------------------------------------------------


def long(bars):
    """A quarter on C4 at the beginning of each bar."""
    return sheet_of(Melody(tuple(Note(16 * bar, 60, 4) for bar in range(bars)), "4/4", bars))


def numbers(picture):
    """The bars whose numbers stand on each line, from the top."""
    found = {}
    for shape in shapes(picture, "text", "faint"):
        if shape.text.isdecimal():
            found.setdefault(round(shape.y), []).append(int(shape.text))
    return [found[y] for y in sorted(found)]


@pytest.mark.parametrize(
    ("bars", "form", "firsts"),
    [
        (8, "", [1]),
        (12, "", [1, 9]),
        (16, "", [1, 9]),
        (32, "A8 A'8 B8 A'8", [1, 9, 17, 25]),
        (64, "", [1, 9, 17, 25, 33, 41, 49, 57]),
        (128, "", [1, 17, 33, 49, 65, 81, 97, 113]),  # never more than eight lines
        (12, "A4 B4 C4", [1, 9]),
        (24, "A4 B8 C12", [1, 5, 13, 21]),  # a section begins a line unless it has room on the one before
        (12, "A8", [1, 9]),  # four bars after the form
        (12, "A16", [1, 9]),  # a form that the file has no bars for is not drawn
    ],
)
def test_long_pieces_go_on_below_and_sections_begin_lines(bars, form, firsts):
    picture = roll(long(bars), "long", parse_form(form) if form else ())
    lines = numbers(picture)
    assert [line[0] for line in lines] == firsts
    assert [number for line in lines for number in line] == list(range(1, bars + 1))
    assert picture.width <= 1660
    assert len(shapes(picture, "note")) == bars
    ElementTree.fromstring(drawing.svg(picture))


def test_a_second_is_as_wide_on_every_line_and_each_note_beneath_its_bar():
    picture = roll(long(12))
    notes, frames = shapes(picture, "note"), shapes(picture, "box")
    assert frames[1].width == pytest.approx(frames[0].width / 2)  # eight bars, and four
    assert frames[1].y >= frames[0].y + frames[0].height + 20  # room for the numbers of the bars
    assert [n.x for n in notes[:4]] == pytest.approx([n.x for n in notes[8:]])
    assert all(frames[i // 8].y < n.y < frames[i // 8].y + frames[i // 8].height for i, n in enumerate(notes))


def test_a_note_over_the_end_of_a_line_goes_on_below():
    picture = roll(sheet_of(Melody((Note(16 * 7 + 8, 60, 16), Note(16 * 9, 62, 4)), "4/4", 16)))
    held, rest, other = shapes(picture, "note")
    assert held.width == pytest.approx(99, abs=0.5)  # half a bar of 200, a pixel short
    assert (rest.x, rest.width) == (LEFT, pytest.approx(99, abs=0.5))
    assert other.x == LEFT + 200


def test_sections_are_named_where_they_begin_beneath_their_letter_s_colour():
    picture = roll(long(20), "form", parse_form("A4 B4 A'12"))
    names = [s for s in shapes(picture, "text", "name") if s.text[0] in "AB"]
    assert [(s.text, s.x - LEFT) for s in names] == [("A", 4), ("B", 804), ("A'", 4)]
    strips = [(s.style, round(s.x - LEFT), round(s.width)) for s in shapes(picture, "rect") if s.height == STRIP]
    assert strips == [("track0", 0, 800), ("track1", 800, 800), ("track0", 0, 1600), ("track0", 0, 800)]
    assert names[0].y < TOP + 18  # the two rows above the highest note
    assert not [s for s in roll(long(20)).shapes if s.style == "section"]
