"""Piano rolls: notes in seconds → a drawing, which `musiclc.output.drawing` turns into SVG or PNG.

Time runs to the right, pitch upwards, a row a semitone. Bar lines are numbered, every C is named (C4 = 60), rows of black
keys are shaded, a track has its colour, drums are hollow. What is longer than LINE_BARS bars goes on below, line after line; sections of a
form are named where they begin, under a strip in their letter's colour. Lengths are pixels, times are seconds.

Inside: `sheet_of`, `roll`, `compare`, `rolls`.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from musiclc.midi.performance import Sheet, Sound
from musiclc.music.form import Form, bars_of
from musiclc.music.melody import Melody
from musiclc.music.theory import STEPS_PER_QUARTER, pitch_name
from musiclc.output.drawing import Drawing, Shape

SAME_ONSET = 0.02  # seconds: two onsets nearer than this are one, so that a rounded tick does not look like a change
BLACK_KEYS = (1, 3, 6, 8, 10)
TRACK_STYLES = 8  # drawing.STYLES has so many colours for tracks
BAR_WIDTH, WIDTHS = 200.0, (480.0, 1600.0)  # of one bar at most, and of a line at least and at most
LINE_BARS, MOST_LINES = 8, 8  # bars a line; twice, four times … as many, where there would be more lines
BETWEEN = 8.0  # a line's bar numbers and the next line
STRIP = 3.0  # of a section's colour
ROW_HEIGHT, HEIGHTS = 9.0, (126.0, 640.0)  # of one semitone at most, and of the whole plot
LEFT, RIGHT, TOP, BOTTOM = 44.0, 16.0, 40.0, 24.0  # margins around the plot
LETTER = 6.6  # about the width of a letter of a legend


def sheet_of(melody: Melody, bpm: float = 120.0, program: int = 0) -> Sheet:
    """A melody as a sheet. bpm: quarter notes a minute."""
    step = 60.0 / bpm / STEPS_PER_QUARTER
    notes = tuple(Sound(0, n.start * step, n.end * step, n.pitch, program=program) for n in melody.notes)
    bar = melody.steps_per_bar * step
    return Sheet(notes, tuple(i * bar for i in range(melody.bars + 1)), melody.bars * bar, ("melody",))


# ---- where things are ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Frame:
    """One line of the plot: its size and top, the bars, seconds and pitches that it spans. Both edges of pitch are drawn. after: the bar after its
    last, from 0; until: the second before which its notes begin, ∞ for the last line.
    """

    width: float
    height: float
    top: float
    first: int
    after: int
    begin: float
    end: float
    until: float
    low: int
    high: int

    @property
    def row(self) -> float:
        return self.height / (self.high - self.low + 1)

    def x(self, second: float) -> float:
        return LEFT + self.width * (min(max(second, self.begin), self.end) - self.begin) / (self.end - self.begin)

    def y(self, pitch: int) -> float:
        """The top of a pitch's row."""
        return self.top + (self.high - pitch) * self.row

    def shows(self, note: Sound) -> bool:
        return note.start < self.until and (note.start >= self.begin or note.end > self.begin)


def _frames(notes: Sequence[Sound], seconds: float, bars: Sequence[float], form: Form) -> list[_Frame]:
    """The lines of a plot, one below the other, a second as wide in each."""
    low, high = _pitches(notes)
    height = min(max((high - low + 1) * ROW_HEIGHT, HEIGHTS[0]), HEIGHTS[1])
    lines = _lines(len(bars) - 1, form)
    seconds = max(seconds, 0.001)
    begins = [0.0, *(bars[first] for first, _ in lines[1:])]
    ends = [*begins[1:], max(seconds, begins[-1] + 0.001)]
    widest = min(max(max(after - first for first, after in lines) * BAR_WIDTH, WIDTHS[0]), WIDTHS[1])
    longest = max(max(end - begin, 0.001) for begin, end in zip(begins, ends, strict=True))
    frames = []
    for place, ((first, after), begin, end) in enumerate(zip(lines, begins, ends, strict=True)):
        end = max(end, begin + 0.001)
        until = end if place < len(lines) - 1 else math.inf
        top = TOP + place * (height + BOTTOM + BETWEEN)
        frames.append(_Frame(widest * (end - begin) / longest, height, top, first, after, begin, end, until, low, high))
    return frames


def _pitches(notes: Sequence[Sound]) -> tuple[int, int]:
    """The lowest and the highest row of a plot."""
    pitches = [n.pitch for n in notes] or [60, 72]
    low, high = max(0, min(pitches) - 2), min(127, max(pitches) + 2)
    while high - low < HEIGHTS[0] / ROW_HEIGHT - 1:  # never so few rows that an octave cannot be seen
        low, high = max(0, low - 1), min(127, high + 1)
    return low, high


def _lines(bars: int, form: Form) -> list[tuple[int, int]]:
    """(first bar, bar after the last) of each line. A section begins a line unless the line before has room for all of it."""
    most = LINE_BARS
    while bars > most * MOST_LINES:
        most *= 2
    lines: list[tuple[int, int]] = []
    for length in (*(s.bars for s in form), bars - bars_of(form)):
        first, after = lines[-1] if lines else (0, 0)
        if lines and after - first + length <= most:
            lines[-1] = first, after + length
        else:
            lines += [(start, min(start + most, after + length)) for start in range(after, after + length, most)]
    return lines or [(0, max(bars, 0))]


def _grid(frame: _Frame, bars: Sequence[float]) -> list[Shape]:
    """Shaded rows, octave lines with their names, bar lines with their numbers."""
    bottom = frame.top + frame.height
    shapes = [Shape("rect", LEFT, frame.y(p), frame.width, frame.row, "shade") for p in range(frame.low, frame.high + 1) if p % 12 in BLACK_KEYS]
    for pitch in range(frame.low, frame.high + 1):
        middle = frame.y(pitch) + frame.row / 2
        if pitch % 12 == 0:
            shapes.append(Shape("line", LEFT, frame.y(pitch) + frame.row, frame.width, 0, "octave"))
            shapes.append(Shape("text", LEFT - 6, middle, 0, 0, "name", pitch_name(pitch), "end"))
        elif pitch % 12 in (4, 7) and frame.row >= ROW_HEIGHT - 0.5:
            shapes.append(Shape("text", LEFT - 6, middle, 0, 0, "faint", pitch_name(pitch), "end"))
    every = next(k for k in (1, 2, 4, 8, 16, 32, 64, 10**9) if frame.width * k / max(frame.after - frame.first, 1) >= 24)
    for number in range(frame.first, frame.after, every):  # the last line is the frame's
        shapes.append(Shape("line", frame.x(bars[number]), frame.top, 0, frame.height, "bar"))
        shapes.append(Shape("text", frame.x(bars[number]) + 3, bottom + 11, 0, 0, "faint", str(number + 1)))
    return [*shapes, Shape("box", LEFT, frame.top, frame.width, frame.height, "frame")]


def _named_sections(frame: _Frame, bars: Sequence[float], form: Form) -> list[Shape]:
    """A strip in the letter's colour over each section; where it begins, a line and its name, above all notes."""
    shapes = []
    for section in form:
        first, after = max(section.first, frame.first), min(section.after, frame.after)
        if first >= after:
            continue
        x, style = frame.x(bars[first]), f"track{(ord(section.letter) - ord('A')) % TRACK_STYLES}"
        shapes.append(Shape("rect", x, frame.top, frame.x(bars[after]) - x, STRIP, style))
        if first == section.first:
            shapes.append(Shape("line", x, frame.top, 0, frame.height, "section"))
            shapes.append(Shape("text", x + 4, frame.top + STRIP + 7, 0, 0, "name", section.name))
    return shapes


def _note(frame: _Frame, note: Sound, style: str, tip: str = "") -> Shape:
    """A note's rectangle, a pixel short of the next, never too narrow to be seen."""
    x, y = frame.x(note.start), frame.y(note.pitch)
    width = max(frame.x(note.end) - x - 1.0, 1.5)
    inset = 0.5 if frame.row >= 5 else 0.0
    said = tip or f"{pitch_name(note.pitch)}, {note.start:.2f} to {note.end:.2f} s"
    return Shape("note", x, y + inset, width, frame.row - 2 * inset, style, said)


def _head(frame: _Frame, title: str, legend: list[tuple[str, str]]) -> list[Shape]:
    """The title at the left, the legend (style, words) at the right, each cut to what fits."""
    shapes, x = [], LEFT + frame.width
    room = frame.width * 0.55
    for style, words in reversed(legend):
        words = _cut(words, 18)
        wide = LETTER * len(words) + 28
        if room < wide:
            break
        x, room = x - wide, room - wide
        shapes += [Shape("note", x, TOP - 22, 12, 9, style), Shape("text", x + 17, TOP - 17, 0, 0, "name", words)]
    letters = int((x - LEFT) / (LETTER * 1.15))
    return [Shape("text", LEFT, TOP - 17, 0, 0, "title", _cut(title, max(letters, 8))), *shapes]


def _cut(text: str, letters: int) -> str:
    """The text on one line, its middle left out where it is too long: both ends of a file name tell files apart."""
    clean = "".join(c if c.isprintable() else "?" for c in text)
    return clean if len(clean) <= letters else clean[: letters // 2] + "…" + clean[len(clean) - (letters - letters // 2 - 1) :]


def _drawing(frames: Sequence[_Frame], title: str, shapes: Sequence[Shape]) -> Drawing:
    """The shapes on paper of their size."""
    right = LEFT + max(frame.width for frame in frames) + RIGHT
    bottom = frames[-1].top + frames[-1].height + BOTTOM
    return Drawing(round(right), round(bottom), (Shape("rect", 0, 0, right, bottom, "paper"), *shapes), title)


# ---- what is drawn -------------------------------------------------------------------------------------------------


def roll(sheet: Sheet, title: str = "", form: Form = ()) -> Drawing:
    """The piano roll of all tracks, each in its colour, with a legend when there are several. form: whose sections are named, where the sheet has
    as many bars.
    """
    form = form if bars_of(form) < len(sheet.bars) else ()
    frames = _frames(sheet.notes, sheet.seconds, sheet.bars, form)
    tracks = sorted({n.track for n in sheet.notes})
    drums = {n.track for n in sheet.notes if n.is_drum}
    style = {t: "drum" if t in drums else f"track{i % TRACK_STYLES}" for i, t in enumerate(tracks)}
    name = {t: (sheet.names[t] if t < len(sheet.names) else "") or ("drums" if t in drums else f"track {t + 1}") for t in tracks}
    legend = [(style[t], name[t]) for t in tracks] if len(tracks) > 1 else []
    shapes = [shape for f in frames for shape in (*_grid(f, sheet.bars), *_named_sections(f, sheet.bars, form))]
    notes = [_note(f, n, style[n.track]) for f in frames for n in sheet.notes if f.shows(n)]
    return _drawing(frames, title, [*shapes, *notes, *_head(frames[0], title, legend)])


def compare(before: Iterable[Sound], after: Iterable[Sound]) -> tuple[list[Sound], list[Sound], list[Sound]]:
    """(kept, removed, added): kept are the notes of `after` that have their pitch at their onset in `before`, each matched once."""
    free: dict[int, list[Sound]] = {}
    for note in sorted(before, key=lambda n: n.start):
        free.setdefault(note.pitch, []).append(note)
    kept, added = [], []
    for note in sorted(after, key=lambda n: n.start):
        rivals = free.get(note.pitch, [])
        match = min(rivals, key=lambda n: abs(n.start - note.start), default=None)
        if match is not None and abs(match.start - note.start) <= SAME_ONSET:
            rivals.remove(match)
            kept.append(note)
        else:
            added.append(note)
    return kept, [n for notes in free.values() for n in notes], added


def rolls(before: Sheet, after: Sheet, title: str = "") -> Drawing:
    """Before and after in one piano roll: kept notes grey, removed ones as red outlines, added or changed ones green."""
    kept, removed, added = compare(before.notes, after.notes)
    longer = max(before, after, key=lambda s: s.seconds)
    frames = _frames([*kept, *removed, *added], longer.seconds, longer.bars, ())
    groups = (("kept", kept), ("added", added), ("removed", removed))  # outlines last, so that nothing hides them
    grids = [shape for f in frames for shape in _grid(f, longer.bars)]
    notes = [_note(f, n, style) for f in frames for style, group in groups for n in group if f.shows(n)]
    legend = [(style, f"{len(group)} {style}") for style, group in groups]
    return _drawing(frames, title, [*grids, *notes, *_head(frames[0], title, legend)])
