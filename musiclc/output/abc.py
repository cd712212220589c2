"""Melodies as ABC notation (standard 2.1): for pages, mails and everything that reads folk tunes.

Sixteenths are the unit. A note over a bar line is tied. Pitches are spelled by the key's signature; what it does not hold has its accidental
written each time, and so has what follows on the same letter in the same bar.

Inside: `to_abc`.
"""

from musiclc.music.melody import Melody, Note
from musiclc.music.theory import PITCH_CLASS_NAMES

_SHARPS, _FLATS = "FCGDAEB", "BEADGCF"  # in the order in which signatures take them
_NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_MODES = {
    "major": "",
    "minor": "m",
    "harmonic minor": "m",
    "dorian": "dor",
    "phrygian": "phr",
    "lydian": "lyd",
    "mixolydian": "mix",
    "locrian": "loc",
}
_ABOVE_MAJOR = {"major": 0, "minor": 3, "harmonic minor": 3, "dorian": 10, "phrygian": 8, "lydian": 7, "mixolydian": 5, "locrian": 1}
_BARS_A_LINE = 4


def to_abc(melody: Melody, title: str, key: str = "C major", number: int = 1, bpm: float = 120.0) -> str:
    """A tune of ABC. key: a pitch class with one of rules.tonic.MODES, such as "D dorian", as `inspect` hears it."""
    tonic, _, mode = key.partition(" ")
    signature = _signature((_pitch_class(tonic) + _ABOVE_MAJOR.get(mode, 0)) % 12)
    bars = _bars(melody, signature)
    lines = [" | ".join(bars[i : i + _BARS_A_LINE]) for i in range(0, len(bars), _BARS_A_LINE)]
    head = [f"X:{number}", f"T:{title}", f"M:{melody.meter}", "L:1/16", f"Q:1/4={bpm:g}", f"K:{tonic}{_MODES.get(mode, '')}"]
    return "\n".join([*head, " |\n".join(lines) + " |]"]) + "\n"


def _pitch_class(name: str) -> int:
    return PITCH_CLASS_NAMES.index(name)


def _signature(major: int) -> dict[str, int]:
    """Letter → semitones by which the signature of a major key alters it. Keys of more than six sharps are written with flats."""
    sharps = major * 7 % 12
    if sharps <= 6:
        return dict.fromkeys(_SHARPS[:sharps], 1)
    return dict.fromkeys(_FLATS[: 12 - sharps], -1)


def _spelled(pitch: int, signature: dict[str, int]) -> tuple[str, int]:
    """The letter of a pitch and by how many semitones it is altered: as the signature has it, or else sharp (flat in flat keys)."""
    plain = [(letter, signature.get(letter, 0)) for letter in _NATURAL if (_NATURAL[letter] + signature.get(letter, 0) - pitch) % 12 == 0]
    if plain:
        return plain[0]
    order = (0, -1, 1) if -1 in signature.values() else (0, 1, -1)
    return next((letter, alter) for alter in order for letter in _NATURAL if (_NATURAL[letter] + alter - pitch) % 12 == 0)


def _bars(melody: Melody, signature: dict[str, int]) -> list[str]:
    per_bar, found = melody.steps_per_bar, []
    for bar in range(melody.bars):
        low, high = bar * per_bar, (bar + 1) * per_bar
        written: dict[str, int] = {}
        place, parts = low, []
        for note in (n for n in melody.notes if n.start < high and n.end > low):
            start, end = max(note.start, low), min(note.end, high)
            parts += [f"z{_length(start - place)}"] if start > place else []
            parts.append(_note(note, end - start, signature, written) + ("-" if note.end > high else ""))
            place = end
        parts += [f"z{_length(high - place)}"] if high > place else []
        found.append(" ".join(parts))
    return found


def _note(note: Note, steps: int, signature: dict[str, int], written: dict[str, int]) -> str:
    letter, alter = _spelled(note.pitch, signature)
    octave = (note.pitch - alter) // 12 - 1
    spot = f"{letter}{octave}"
    mark = "" if written.get(spot, signature.get(letter, 0)) == alter else {-1: "_", 0: "=", 1: "^"}[alter]
    written[spot] = alter
    name = letter + "," * (4 - octave) if octave < 5 else letter.lower() + "'" * (octave - 5)
    return f"{mark}{name}{_length(steps)}"


def _length(steps: int) -> str:
    return str(steps) if steps > 1 else ""
