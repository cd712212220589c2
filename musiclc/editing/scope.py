"""What of a song an edit may change and its goals are measured on: the whole piece, or some of its bars.

Some bars are a piece of their own (midi.section.cut), so that searches and rules know no others. A note that rings into them from before goes on
as it did: it ends where it ended, or where the first note within them begins.

Inside: `Scope`, `piece_of`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from musiclc.editing.piece import Piece
from musiclc.errors import UsageError
from musiclc.music import tokens as tok
from musiclc.music.theory import PHRASE_METERS

if TYPE_CHECKING:
    from musiclc.midi import Song


def piece_of(song: "Song") -> Piece:
    """The song's sections as the editor sees them. Raises UsageError for a song that was read in meters that its networks do not know."""
    if others := dict.fromkeys(s.meter for s in song.sections if s.meter not in PHRASE_METERS):
        raise UsageError(f"bars of {', '.join(others)}: the editor knows {', '.join(PHRASE_METERS)}; read the song with read_as=READ_IN_PHRASES")
    return Piece(song.sections)


@dataclass(frozen=True)
class Scope:
    """whole: the song's piece; part: what may change of it; at: where the steps of the part are in the whole's state, int (F',)."""

    song: "Song"
    whole: Piece
    part: Piece
    at: np.ndarray

    @staticmethod
    def of(song: "Song", bars: tuple[int, int] | None) -> "Scope":
        """The scope of a song's bars, first and last from 1, or of all. Raises InputError for bars that it does not have, or without notes."""
        whole = piece_of(song)
        if bars is None:
            return Scope(song, whole, whole, np.arange(len(whole.state)))
        sections, at = song.cut(*bars)
        return Scope(song, whole, Piece(sections, whole.state[at]), at)

    def written(self, state: np.ndarray) -> np.ndarray:
        """The whole's state (F,) with a state of the part (F',) in it."""
        if self.part is self.whole:
            return state
        new = self.whole.state.copy()
        new[self.at] = state
        for begin, section in zip(self.part.starts, self.part.sections, strict=True):
            self._go_on(new, int(self.at[begin + section.locked_steps]), int(self.at[begin + section.steps - 1]) + 1)
        return new

    def _go_on(self, state: np.ndarray, begin: int, end: int) -> None:
        """Let what sounds at a step of the state ring on as far as its own end, or to the next note before `end`; then silence, no other note's."""
        number = int(np.searchsorted(self.whole.starts, begin, side="right")) - 1
        section, offset = self.whole.sections[number], int(self.whole.starts[number])
        before = [source for note, source in zip(section.notes, section.sources, strict=True) if offset + note.start < begin]
        rings = offset + section.grid.end(before[-1]) if before else begin
        onsets = begin + np.flatnonzero(state[begin:end] >= tok.FIRST_ONSET)
        onset = int(onsets[0]) if len(onsets) else end
        until = min(max(rings, begin), onset)
        state[begin:until] = tok.HOLD
        over = np.flatnonzero(state[until:onset] != tok.HOLD)
        state[until : until + int(over[0]) if len(over) else onset] = tok.REST
