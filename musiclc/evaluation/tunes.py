"""Whole test tunes as MIDI files, and what is asked of them.

Inside: `Goals`, `WholeTune`, `tunes`; `parallel`, `dorian`, `denser`, `thinner`, `possible`, `met`.
"""

from dataclasses import dataclass

import numpy as np

from musiclc.editing.piece import Piece
from musiclc.editing.scope import piece_of
from musiclc.midi import READ_IN_PHRASES, Song, read_song
from musiclc.music import tokens as tok
from musiclc.music.theory import METERS
from musiclc.rules import RULES, best_key, parse_constraint

FAR_TUNES = 200  # of the far collection, at most
ADDED, THINNED = 1.5, 0.67  # of a tune's own density

Goals = dict[str, str]  # rule → goal, such as {"scale": "C", "density": "6"}


@dataclass(frozen=True)
class WholeTune:
    """One whole tune: a name, its MIDI file's bytes, and the song that is read from them."""

    name: str
    data: bytes
    song: Song

    @property
    def state(self) -> np.ndarray:
        """Its melody's tokens (F,), sections one after another."""
        return piece_of(self.song).state

    @property
    def meter(self) -> str:
        """The meter of its first section."""
        return self.song.meter

    @property
    def key(self) -> str:
        """Its best key by Krumhansl's profiles, such as "D major"."""
        return best_key(RULES["scale"].measure(self.state[None], self.meter)[0])

    @property
    def density(self) -> float:
        """Notes a bar."""
        return float(tok.onsets(self.state).sum()) / sum(s.melody.bars for s in self.song.sections)


def tunes(n: int, seed: int) -> list[WholeTune]:
    """The test tunes, at most n of each collection, by the seed: those that music21 writes as MIDI and that have a key."""
    from musiclc.errors import MusiclcError
    from musiclc.training.scores import midi_files

    found = []
    for collection, most in (("miscFolk", n), ("essenFolksong", min(n, FAR_TUNES))):
        for name, data in midi_files(collection, most, seed):
            try:
                tune = WholeTune(name, data, read_song(data, name=name, read_as=READ_IN_PHRASES))
            except MusiclcError:
                continue
            if tune.key != "none":
                found.append(tune)
    return found


def parallel(tune: WholeTune) -> Goals:
    """The parallel minor of a major tune, the parallel major of a minor one."""
    tonic, mode = tune.key.split()
    return {"scale": f"{tonic} {'minor' if mode == 'major' else 'major'}"}


def dorian(tune: WholeTune) -> Goals:
    """Dorian on the same tonic."""
    return {"scale": f"{tune.key.split()[0]} dorian"}


def denser(tune: WholeTune) -> Goals:
    """Half as many notes again."""
    return {"density": f"{ADDED * tune.density:.4f}"}


def thinner(tune: WholeTune) -> Goals:
    """Two thirds of the notes."""
    return {"density": f"{THINNED * tune.density:.4f}"}


def possible(tune: WholeTune, goals: Goals) -> bool:
    """Whether a bar of the tune's meter has steps for so many notes."""
    return "density" not in goals or float(goals["density"]) <= METERS[tune.meter]


def met(piece: Piece, goals: Goals) -> bool:
    """Whether a piece meets all goals, by the rules."""
    constraints = [parse_constraint(name, goal) for name, goal in goals.items()]
    return bool((piece.scores(constraints, piece.state[None]) >= 1 - 1e-9).all())
