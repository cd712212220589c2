"""The vocabulary, Melody ↔ tokens, and vectorised views of a batch of tokens.

One token a step (sixteenth): `REST` (silence), `HOLD` (the note before goes on) or the onset of a pitch. A batch is an
integer array (n, T) of melodies in one meter, T = bars × steps a bar; a HOLD with no note before it is silence.

Inside: `from_melody`, `to_melody`, `to_melodies`, `onsets`, `sounding`, `durations`, `transpose`, `key_free`, `pad`, `unpad`.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from musiclc.music.melody import PHRASE_BARS, Melody, Note
from musiclc.music.theory import HIGHEST_PITCH, LOWEST_PITCH, METERS

REST, HOLD, FIRST_ONSET = 0, 1, 2
VOCABULARY = FIRST_ONSET + HIGHEST_PITCH - LOWEST_PITCH + 1  # 90 tokens that a step can hold
PAD = VOCABULARY  # fills bars of 12 steps up to 16 inside the four-bar model and in its dataset files; never part of a melody
PITCH_OF_TOKEN = LOWEST_PITCH - FIRST_ONSET  # pitch = token + PITCH_OF_TOKEN
BAR_STEPS = 16  # stored steps a bar in files of four-bar windows and in the model that learns from them
WINDOW_STEPS = PHRASE_BARS * BAR_STEPS
DESCRIPTION = f"rest,hold,onset {LOWEST_PITCH}..{HIGHEST_PITCH}"  # what a checkpoint says of its vocabulary


def from_melody(melody: Melody) -> np.ndarray:
    """Tokens (T,) uint8 of a melody."""
    tokens = np.zeros(melody.steps, np.uint8)
    for note in melody.notes:
        tokens[note.start] = note.pitch - PITCH_OF_TOKEN
        tokens[note.start + 1 : note.end] = HOLD
    return tokens


def from_melodies(melodies: Sequence[Melody]) -> np.ndarray:
    """Tokens (n, T) uint8 of melodies that share meter and bars."""
    return np.stack([from_melody(m) for m in melodies])


def to_melody(tokens: np.ndarray, meter: str) -> Melody:
    """The melody of one token row (T,); T must be whole bars of `meter`."""
    return to_melodies(np.asarray(tokens)[None], meter)[0]


def to_melodies(tokens: np.ndarray, meter: str) -> list[Melody]:
    """The melodies of token rows (n, T); T must be whole bars of `meter`."""
    rows, starts = np.nonzero(onsets(tokens))
    pitches = tokens[rows, starts].astype(int) + PITCH_OF_TOKEN
    notes = list(map(_note, starts.tolist(), pitches.tolist(), durations(tokens)[rows, starts].tolist()))
    ends = np.cumsum(np.bincount(rows, minlength=len(tokens))).tolist()
    return [Melody(tuple(notes[a:b]), meter, tokens.shape[1] // METERS[meter]) for a, b in zip([0, *ends], ends, strict=False)]


@lru_cache(maxsize=1 << 16)
def _note(start: int, pitch: int, duration: int) -> Note:
    """The note, made once: searches ask for the same ones again and again."""
    return Note(start, pitch, duration)


def onsets(tokens: np.ndarray) -> np.ndarray:
    """Where notes begin: bool (n, T)."""
    return tokens >= FIRST_ONSET


def _last_event(tokens: np.ndarray) -> np.ndarray:
    """For every step the step of the last token that is not HOLD (0 when there is none): int (n, T)."""
    steps = np.where(tokens == HOLD, 0, np.arange(tokens.shape[1]))
    return np.maximum.accumulate(steps, axis=1)


def sounding(tokens: np.ndarray) -> np.ndarray:
    """The MIDI pitch that sounds at every step, -1 in silence: int (n, T)."""
    event = np.take_along_axis(np.asarray(tokens), _last_event(tokens), axis=1).astype(int)
    return np.where(event >= FIRST_ONSET, event + PITCH_OF_TOKEN, -1)


def durations(tokens: np.ndarray) -> np.ndarray:
    """At every onset the note's length in steps, elsewhere 0: int (n, T)."""
    rows, length = tokens.shape
    counts = np.zeros((rows, length), int)
    row_index = np.broadcast_to(np.arange(rows)[:, None], tokens.shape)
    np.add.at(counts, (row_index, _last_event(tokens)), 1)  # steps that each event lasts
    return np.where(onsets(tokens), counts, 0)


def transpose(tokens: np.ndarray, semitones: np.ndarray | int) -> np.ndarray:
    """Every onset transposed by `semitones`, a number or one a row (n,). The caller keeps the result on the piano."""
    shift = np.asarray(semitones).reshape(-1, 1)
    return np.where((tokens >= FIRST_ONSET) & (tokens < PAD), tokens + shift, tokens).astype(tokens.dtype)


def key_free(tokens: np.ndarray) -> np.ndarray:
    """Tokens relative to each row's first onset: int16 (n, T). Equal rows are transpositions of one another."""
    is_onset = onsets(tokens)
    first = np.take_along_axis(tokens.astype(np.int16), is_onset.argmax(axis=1)[:, None], axis=1)
    return np.where(is_onset, tokens.astype(np.int16) - first + 200, tokens).astype(np.int16)


def pad(tokens: np.ndarray, meter: str) -> np.ndarray:
    """(n, bars × steps a bar) → (n, bars × BAR_STEPS), bars filled up with PAD; for bars of at most so many steps, as theory.PHRASE_METERS are."""
    per_bar = METERS[meter]
    rows, bars = len(tokens), tokens.shape[1] // per_bar
    filled = np.pad(tokens.reshape(rows, bars, per_bar), ((0, 0), (0, 0), (0, BAR_STEPS - per_bar)), constant_values=PAD)
    return filled.reshape(rows, bars * BAR_STEPS)


def unpad(tokens: np.ndarray, meter: str) -> np.ndarray:
    """The inverse of `pad`."""
    rows, bars = len(tokens), tokens.shape[1] // BAR_STEPS
    return tokens.reshape(rows, bars, BAR_STEPS)[:, :, : METERS[meter]].reshape(rows, bars * METERS[meter])
