"""Draw piano rolls of four new melodies in C: python examples/piano_roll.py OUT.png"""

import sys

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import musiclc
from musiclc.music.theory import pitch_name


def main(path: str) -> None:
    model = musiclc.load()
    samples = list(musiclc.sample(model, {"key": "C", "density": "6..10"}, 4, musiclc.SampleOptions(bars=4, seed=7)))
    figure = Figure(figsize=(10, 6), layout="constrained")
    FigureCanvasAgg(figure)
    for panel, sample in zip(figure.subplots(2, 2).flat, samples, strict=True):
        melody = sample.melody
        for note in melody.notes:
            panel.barh(note.pitch, note.duration - 0.15, left=note.start, height=0.8, color="#2a6f97")
        lowest, highest = min(n.pitch for n in melody.notes), max(n.pitch for n in melody.notes)
        names = [p for p in range(lowest, highest + 1) if p % 12 in (0, 4, 7)]
        panel.set_yticks(names, [pitch_name(p) for p in names])
        panel.set_xticks([melody.steps_per_bar * bar for bar in range(melody.bars + 1)], [str(bar + 1) for bar in range(melody.bars)] + [""])
        panel.grid(axis="x")
        panel.set_title(f"melody {sample.index}, realism {sample.realism:.2f}", fontsize=9)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "sample.png")
