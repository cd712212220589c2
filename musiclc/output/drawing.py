"""A drawing of a few kinds of shapes → SVG or PNG. Nothing here knows music.

An SVG carries its colours as CSS and follows the reader's light or dark theme; a PNG has the light ones. The same drawing
gives the same bytes (a PNG: with the same Pillow). Lengths are pixels at scale 1.

Inside: `Shape`, `Drawing`, `svg`, `png`.
"""

import functools
import io
from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple

PNG_SCALE = 2  # pixels of a PNG per pixel of the drawing: sharp on dense screens
RADIUS = 1.5  # of a note's corners
SANS = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"


class Shape(NamedTuple):
    """kind: rect, box (outline only), note (round corners), line or text. text: what it says, or a note's tooltip; anchor: start or end."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    style: str
    text: str = ""
    anchor: str = "start"


@dataclass(frozen=True)
class Drawing:
    """Shapes from back to front on a page of width × height; the title is for readers who cannot see it."""

    width: int
    height: int
    shapes: tuple[Shape, ...]
    title: str = ""


class Style(NamedTuple):
    """Colours as hexadecimal, light and dark theme; empty is none. size: of a text; stroke: width of a line."""

    fill: str = ""
    fill_dark: str = ""
    line: str = ""
    line_dark: str = ""
    stroke: float = 1.0
    size: float = 0.0


# Blue, orange, green, purple, … of like lightness, told apart by most eyes: after Okabe and Ito, darkened for white paper.
_TRACKS = (
    ("#0b6fae", "#56b4e9"),
    ("#c8530a", "#f0935a"),
    ("#0a7d5c", "#3cc79a"),
    ("#8a3f8f", "#d58ad9"),
    ("#a07400", "#e6b93e"),
    ("#b3264a", "#f27a98"),
    ("#4a5fc1", "#95a5f5"),
    ("#5d6b2f", "#b3c46a"),
)
STYLES: dict[str, Style] = {
    "paper": Style("#ffffff", "#15181c"),
    "shade": Style("#f3f5f7", "#1b1f25"),
    "octave": Style(line="#b9c2cc", line_dark="#4a5460"),
    "bar": Style(line="#d5dbe1", line_dark="#363e48"),
    "section": Style(line="#5b6672", line_dark="#a5b0bc", stroke=1.2),
    "frame": Style(line="#b9c2cc", line_dark="#4a5460"),
    "title": Style("#14181d", "#f0f3f6", size=13),
    "name": Style("#3b444e", "#c3ccd6", size=11),
    "faint": Style("#6b7682", "#8d99a6", size=9),
    "drum": Style(line="#5b6672", line_dark="#a5b0bc", stroke=1.2),
    "kept": Style("#aab3bd", "#5f6b78"),
    "removed": Style(line="#c62f2f", line_dark="#ff7b72", stroke=1.4),
    "added": Style("#1a8a3f", "#3fb968"),
    **{f"track{i}": Style(light, dark) for i, (light, dark) in enumerate(_TRACKS)},
}


# ---- SVG -----------------------------------------------------------------------------------------------------------


def _css(used: set[str]) -> str:
    def rules(dark: bool) -> str:
        found = []
        for name in sorted(used):
            style = STYLES[name]
            fill, line = (style.fill_dark, style.line_dark) if dark else (style.fill, style.line)
            said = f"fill:{fill or 'none'};" + (f"stroke:{line};" if line else "")
            if not dark:
                said += (f"stroke-width:{style.stroke};" if line else "") + (f"font-size:{style.size}px;" if style.size else "")
            found.append(f".{name}{{{said}}}")
        return "".join(found)

    text = f"text{{font-family:{SANS};dominant-baseline:central}}.title{{font-weight:600}}"
    return f"{text}{rules(False)}@media(prefers-color-scheme:dark){{{rules(True)}}}"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _element(shape: Shape) -> str:
    x, y, width, height = (_number(v) for v in shape[1:5])
    if shape.kind == "text":
        anchor = ' text-anchor="end"' if shape.anchor == "end" else ""
        return f'<text class="{shape.style}" x="{x}" y="{y}"{anchor}>{escape(_xml(shape.text))}</text>'
    if shape.kind == "line":
        end_x, end_y = _number(shape.x + shape.width), _number(shape.y + shape.height)
        return f'<line class="{shape.style}" x1="{x}" y1="{y}" x2="{end_x}" y2="{end_y}"/>'
    box = f'<rect class="{shape.style}" x="{x}" y="{y}" width="{width}" height="{height}"'
    if shape.kind != "note":
        return box + "/>"
    tip = f"><title>{escape(_xml(shape.text))}</title></rect>" if shape.text else "/>"
    return f'{box} rx="{RADIUS}"{tip}'


def _xml(text: str) -> str:
    """The text without what XML forbids: control signs and lone surrogates (of file names that are no UTF-8)."""
    return "".join(c if c.isprintable() or c == " " else "\N{REPLACEMENT CHARACTER}" for c in text)


def svg(drawing: Drawing) -> bytes:
    """A stand-alone SVG file."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{drawing.width}" height="{drawing.height}" '
        f'viewBox="0 0 {drawing.width} {drawing.height}" role="img">',
        f"<title>{escape(_xml(drawing.title))}</title>",
        f"<style>{_css({s.style for s in drawing.shapes})}</style>",
        *(_element(shape) for shape in drawing.shapes),
        "</svg>",
    ]
    return "\n".join(lines).encode() + b"\n"


# ---- PNG -----------------------------------------------------------------------------------------------------------


@functools.cache
def _font(size: float) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size * PNG_SCALE)


def png(drawing: Drawing) -> bytes:
    """A PNG file in the light colours."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (drawing.width * PNG_SCALE, drawing.height * PNG_SCALE), STYLES["paper"].fill)
    canvas = ImageDraw.Draw(image)
    for shape in drawing.shapes:
        _paint(canvas, shape)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _paint(canvas: Any, shape: Shape) -> None:
    """One shape on Pillow's canvas, its edges on whole pixels."""
    style = STYLES[shape.style]
    left, top = round(shape.x * PNG_SCALE), round(shape.y * PNG_SCALE)
    right, bottom = round((shape.x + shape.width) * PNG_SCALE), round((shape.y + shape.height) * PNG_SCALE)
    if shape.kind == "text":
        anchor = "rm" if shape.anchor == "end" else "lm"
        canvas.text((left, top), shape.text, fill=style.fill, font=_font(style.size), anchor=anchor)
    elif shape.kind == "line":
        canvas.line((left, top, right, bottom), fill=style.line, width=PNG_SCALE)
    else:
        corners = (left, top, max(right - 1, left), max(bottom - 1, top))
        colours = {"fill": style.fill or None, "outline": style.line or None, "width": max(1, round(style.stroke * PNG_SCALE)) if style.line else 0}
        if shape.kind == "note" and corners[2] - corners[0] > 4 * RADIUS and corners[3] - corners[1] > 4 * RADIUS:
            canvas.rounded_rectangle(corners, RADIUS * PNG_SCALE, **colours)
        else:
            canvas.rectangle(corners, **colours)
