"""Piano rolls: notes in seconds → a drawing, which `musiclc.output.drawing` turns into SVG or PNG.

Time runs to the right, pitch upwards, a row a semitone. Bar lines are numbered, every C is named (C4 = 60), rows of black
keys are shaded, a track has its colour, drums are hollow. Lengths are pixels, times are seconds.

Inside: `sheet_of`, `roll`, `compare`, `rolls`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from musiclc.midi.performance import Sheet, Sound
from musiclc.music.melody import Melody
from musiclc.music.theory import STEPS_PER_QUARTER, pitch_name
from musiclc.output.drawing import Drawing, Shape

SAME_ONSET = 0.02  # seconds: two onsets nearer than this are one, so that a rounded tick does not look like a change
BLACK_KEYS = (1, 3, 6, 8, 10)
TRACK_STYLES = 8  # drawing.STYLES has so many colours for tracks
BAR_WIDTH, WIDTHS = 200.0, (480.0, 3600.0)  # of one bar, and of the whole plot at least and at most
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
    """The plot's size, and the seconds and pitches that it spans. Both edges of pitch are drawn."""

    width: float
    height: float
    seconds: float
    low: int
    high: int

    @property
    def row(self) -> float:
        return self.height / (self.high - self.low + 1)

    def x(self, second: float) -> float:
        return LEFT + self.width * min(max(second, 0.0), self.seconds) / self.seconds

    def y(self, pitch: int) -> float:
        """The top of a pitch's row."""
        return TOP + (self.high - pitch) * self.row


def _frame(notes: Iterable[Sound], seconds: float, bars: int) -> _Frame:
    pitches = [n.pitch for n in notes] or [60, 72]
    low, high = max(0, min(pitches) - 2), min(127, max(pitches) + 2)
    while high - low < HEIGHTS[0] / ROW_HEIGHT - 1:  # never so few rows that an octave cannot be seen
        low, high = max(0, low - 1), min(127, high + 1)
    height = min(max((high - low + 1) * ROW_HEIGHT, HEIGHTS[0]), HEIGHTS[1])
    return _Frame(min(max(bars * BAR_WIDTH, WIDTHS[0]), WIDTHS[1]), height, max(seconds, 0.001), low, high)


def _grid(frame: _Frame, bars: tuple[float, ...]) -> list[Shape]:
    """Background, shaded rows, octave lines with their names, bar lines with their numbers."""
    right, bottom = LEFT + frame.width, TOP + frame.height
    shapes = [
        Shape("rect", 0, 0, right + RIGHT, bottom + BOTTOM, "paper"),
        *(Shape("rect", LEFT, frame.y(p), frame.width, frame.row, "shade") for p in range(frame.low, frame.high + 1) if p % 12 in BLACK_KEYS),
    ]
    for pitch in range(frame.low, frame.high + 1):
        middle = frame.y(pitch) + frame.row / 2
        if pitch % 12 == 0:
            shapes.append(Shape("line", LEFT, frame.y(pitch) + frame.row, frame.width, 0, "octave"))
            shapes.append(Shape("text", LEFT - 6, middle, 0, 0, "name", pitch_name(pitch), "end"))
        elif pitch % 12 in (4, 7) and frame.row >= ROW_HEIGHT - 0.5:
            shapes.append(Shape("text", LEFT - 6, middle, 0, 0, "faint", pitch_name(pitch), "end"))
    every = next(k for k in (1, 2, 4, 8, 16, 32, 64, 10**9) if frame.width * k / max(len(bars) - 1, 1) >= 24)
    for number, second in list(enumerate(bars[:-1]))[::every]:  # the last line is the frame's
        shapes.append(Shape("line", frame.x(second), TOP, 0, frame.height, "bar"))
        shapes.append(Shape("text", frame.x(second) + 3, bottom + 11, 0, 0, "faint", str(number + 1)))
    return [*shapes, Shape("box", LEFT, TOP, frame.width, frame.height, "frame")]


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


def _drawing(frame: _Frame, title: str, shapes: list[Shape]) -> Drawing:
    return Drawing(round(LEFT + frame.width + RIGHT), round(TOP + frame.height + BOTTOM), tuple(shapes), title)


# ---- what is drawn -------------------------------------------------------------------------------------------------


def roll(sheet: Sheet, title: str = "") -> Drawing:
    """The piano roll of all tracks, each in its colour, with a legend when there are several."""
    frame = _frame(sheet.notes, sheet.seconds, len(sheet.bars) - 1)
    tracks = sorted({n.track for n in sheet.notes})
    drums = {n.track for n in sheet.notes if n.is_drum}
    style = {t: "drum" if t in drums else f"track{i % TRACK_STYLES}" for i, t in enumerate(tracks)}
    name = {t: (sheet.names[t] if t < len(sheet.names) else "") or ("drums" if t in drums else f"track {t + 1}") for t in tracks}
    legend = [(style[t], name[t]) for t in tracks] if len(tracks) > 1 else []
    notes = [_note(frame, n, style[n.track]) for n in sheet.notes]
    return _drawing(frame, title, [*_grid(frame, sheet.bars), *notes, *_head(frame, title, legend)])


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
    frame = _frame([*kept, *removed, *added], longer.seconds, len(longer.bars) - 1)
    groups = (("kept", kept), ("added", added), ("removed", removed))  # outlines last, so that nothing hides them
    notes = [_note(frame, n, style) for style, group in groups for n in group]
    legend = [(style, f"{len(group)} {style}") for style, group in groups]
    return _drawing(frame, title, [*_grid(frame, longer.bars), *notes, *_head(frame, title, legend)])
