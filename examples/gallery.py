"""Eight pieces as pictures, ABC and MIDI, chosen by seed 1 to 8 and not by taste: python examples/gallery.py docs"""

import shlex
import subprocess
import sys
from pathlib import Path

from musiclc import read_song
from musiclc.output.abc import to_abc
from musiclc.rules.tonic import named

PIECES = (
    "--key C",
    '--key "A minor" --meter 6/8',
    '--key "D dorian" --form "A8 A\'8 B8 A\'8"',
    '--key "G mixolydian" --density 7',
    "--key D --meter 3/4",
    '--key "E minor" --meter 6/8 --bars 32',
    '--key F --form "A4 B4 A4 C4" --section "C: register=high"',
    "--key G --meter 9/8",
)
HEAD = """# Eight pieces

Seeds 1 to 8, whatever came; each with the command that writes it, byte for byte on one kind of processor. This page, its pictures and files are made
by `python examples/gallery.py docs`.
"""


def main(docs: Path) -> None:
    """Write docs/gallery.md and the files that it shows."""
    folder = docs / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    page = [HEAD]
    for seed, options in enumerate(PIECES, start=1):
        command = f"musiclc sample {options} --seed {seed}"
        name = f"piece-{seed}"
        subprocess.run([*shlex.split(command), "-o", str(folder / f"{name}.mid"), "--overwrite", "--quiet"], check=True, stdout=subprocess.DEVNULL)
        song = read_song(folder / f"{name}.mid")
        heard = named(song.melody)
        page.append(f"## {seed}\n\n```sh\n{command}\n```\n\nHeard in {heard}. [MIDI](gallery/{name}.mid)\n\n![Piano roll](gallery/{name}.png)\n")
        page.append("```abc\n" + to_abc(song.melody, f"Piece {seed}", heard, seed) + "```\n")
    subprocess.run(["musiclc", "render", str(folder), "-O", str(folder), "--png", "--overwrite", "--quiet"], check=True, stdout=subprocess.DEVNULL)
    (folder / "manifest.jsonl").unlink(missing_ok=True)
    (docs / "gallery.md").write_text("\n".join(page))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
