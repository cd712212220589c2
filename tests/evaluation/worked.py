"""Melodies whose figures can be worked out by hand, and tunes made of them."""

import numpy as np

from musiclc.evaluation.tunes import WholeTune
from musiclc.midi import read_song, to_bytes
from musiclc.music import tokens as tok

A_MINOR = [69, 72, 76, 69, 71, 69, 72, 69] * 5  # forty notes in A minor, A heard as its tonic


def phrase(*pitches, steps=1, total=64):
    """Tokens (64,) of a phrase in 4/4 that begins with these pitches, so many steps each; the rest is silent."""
    row = np.full(total, tok.REST, np.uint8)
    row[: steps * len(pitches)] = tok.HOLD
    row[: steps * len(pitches) : steps] = np.array(pitches) - tok.PITCH_OF_TOKEN
    return row


def dense(*counts):
    """Phrases (n, 64) of so many notes each: four notes are one a bar."""
    return np.stack([phrase(*([60, 62] * count)[:count]) for count in counts])


def tune(melody, name="tune"):
    """A whole tune of one melody."""
    data = to_bytes(melody)
    return WholeTune(name, data, read_song(data, name=name))
