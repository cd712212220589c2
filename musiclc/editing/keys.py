"""A piece brought to another key: transposed by the nearest interval, then each degree of its mode put where the other mode has it.

What is asked for comes from a `key` or a `tonic` among the constraints; what is there, from what is heard of the melody (rules/tonic.py). A note on
a degree goes to that degree of the other scale, a chromatic note to the nearest pitch of that scale (of two as near the lower). In a pentatonic or
the blues scale degrees go to those of major or minor, whichever has its third, and from there to the nearest. A tonic without a key keeps the mode.

Which notes go along: all of the melody's track, chords under the line included, and those of the tracks named. It is done event by event
(midi/repitch.py), before any search, whose business is what else the constraints ask.

Inside: `KeyChange`, `key_change`, `brought`, `left_behind`, `heard_name`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from musiclc.midi.tracks import companions
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH, SCALES, parse_key, parse_pitch_class
from musiclc.rules.base import Constraint
from musiclc.rules.tonic import MODES, heard

if TYPE_CHECKING:
    from musiclc.midi import Song

DEGREES = 7


@dataclass(frozen=True)
class KeyChange:
    """interval: semitones up. tonic: pitch class 0-11 where that brings the tune's own. shifts: for each pitch class, counted from there, the
    semitones that it goes further, (12,).
    """

    interval: int
    tonic: int
    shifts: tuple[int, ...]

    def __call__(self, pitch: int) -> int:
        """Where a MIDI pitch goes; perhaps outside of MIDI's 0-127."""
        return pitch + self.interval + self.shifts[(pitch + self.interval - self.tonic) % 12]

    def within(self, pitches: Sequence[int]) -> "KeyChange":
        """The same an octave higher or lower, where only that keeps the pitches on the piano."""
        for octave in (0, 12 if self.interval < 0 else -12):
            change = KeyChange(self.interval + octave, self.tonic, self.shifts)
            if all(LOWEST_PITCH <= change(p) <= HIGHEST_PITCH for p in pitches):
                return change
        return self


def _wanted(constraints: Sequence[Constraint]) -> tuple[int, str] | None:
    """The tonic asked for, and the mode, or "" where none is."""
    for constraint in constraints:
        if constraint.rule.name == "key":
            key = parse_key(constraint.goal.text)
            assert key.tonic is not None
            return key.tonic, key.name.partition(" ")[2]
    tonics = [parse_pitch_class(c.goal.text) for c in constraints if c.rule.name == "tonic"]
    return (tonics[0], "") if tonics else None


def key_change(melody: Melody, constraints: Sequence[Constraint]) -> KeyChange | None:
    """The way from the key that a melody is heard in to the one that the constraints ask for; None where they ask for none, or it is silent."""
    wanted = _wanted(constraints)
    found, mode, _ = heard(tok.from_melody(melody)[None], melody.meter)
    if wanted is None or found[0] < 0:
        return None
    interval = (wanted[0] - int(found[0]) + 6) % 12 - 6
    shifts = tuple(_shift(s, SCALES[MODES[mode[0]]], wanted[1]) for s in range(12))
    return KeyChange(interval, wanted[0], shifts).within([n.pitch for n in melody.notes])


def _shift(semitones: int, scale: tuple[int, ...], mode: str) -> int:
    """Semitones that the pitch class so many above the tonic of a scale of seven notes goes to be in a mode; "" is the same scale."""
    if not mode:
        return 0
    to = SCALES[mode]
    seven = to if len(to) == DEGREES else SCALES["major" if 4 in to else "minor"]
    there = seven[scale.index(semitones)] if semitones in scale else semitones
    return there - semitones + _nearest(there, to)


def _nearest(semitones: int, scale: tuple[int, ...]) -> int:
    """Semitones to the nearest pitch class of a scale; of two as near, the lower."""
    return next(by for by in sorted(range(-6, 7), key=lambda by: (abs(by), by)) if (semitones + by) % 12 in scale)


def brought(song: "Song", change: KeyChange, tracks: str, bars: tuple[int, int] | None) -> "Song":
    """The song with its melody's track and the other ones named, "melody" (none), "all" or names, in another key; only notes that begin in the
    bars, first and last, where these are given. Raises InputError for a track that it does not have.
    """
    along = [song.entry, *companions(song.file, song.entry, tracks, song.name)]
    return song.repitched(along, change, bars)


def left_behind(song: "Song", change: KeyChange, tracks: str) -> list[str]:
    """A warning where tracks stay that now stand in another key."""
    along = {e.info.index for e in companions(song.file, song.entry, tracks, song.name)} | {song.track.index}
    stay = [t for t in song.tracks if t.notes and not t.is_drum and t.index not in along]
    if not stay or (not change.interval and not any(change.shifts)):
        return []
    names = ", ".join(str(t) for t in stay)
    what = f"transposed by {change.interval:+d}" if change.interval else "in another mode"
    return [f"track{'s' if len(stay) > 1 else ''} {names}: as before, in another key than the melody, {what}; --tracks all takes them along"]
