"""What becomes of latent points: decoded, transposed, scored by the rules themselves, and how likely the VAE finds the result.

Every network call works on a full chunk of CHUNK points: products of matrices round alike for every row of one shape, so a
melody's bits do not depend on its neighbours or on how many are asked for.

Inside: `CHUNK`, `FEW`, `decode`, `scores`, `nll_per_note`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from musiclc.music import tokens as tok
from musiclc.music.theory import PHRASE_METERS
from musiclc.rules.base import Constraint
from musiclc.rules.transposition import transposed

if TYPE_CHECKING:
    from musiclc.model.checkpoint import Model

CHUNK = 64  # points a network call
FEW = 4  # melodies a network call, where they come one by one


def decode(model: "Model", x: Tensor, t: float, meter: str, transpositions: Sequence[int]) -> np.ndarray:
    """Standardised points x (n, d), noisy so much → tokens (n, T), each melody transposed from canonical by its semitones."""
    assert model.prior is not None
    number = torch.full((len(x),), PHRASE_METERS.index(meter))
    padded = model.vae.decode(model.prior.restore(x), number, t=torch.full((len(x),), t))
    return transposed(tok.unpad(padded.numpy().astype(np.uint8), meter), np.asarray(transpositions))


def scores(constraints: Sequence[Constraint], tokens: np.ndarray, meter: str) -> np.ndarray:
    """The rules' own verdict: scores in [0, 1] of melodies (n, T) for each constraint, (n, constraints)."""
    if not constraints:
        return np.ones((len(tokens), 0))
    return np.stack([c.score(c.rule.measure(tokens, meter)) for c in constraints], axis=1)


def nll_per_note(model: "Model", tokens: np.ndarray, meter: str, chunk: int = CHUNK) -> np.ndarray:
    """Negative log-likelihood per note of tokens (n, T) under the VAE (MelodyVAE.nll_per_note): nats, (n,), smaller for likelier melodies.

    chunk: melodies a network call.
    """
    number = torch.full((chunk,), PHRASE_METERS.index(meter))
    found = [np.zeros(0, np.float32)]
    for first in range(0, len(tokens), chunk):
        rows = tok.pad(tokens[first : first + chunk], meter).astype(np.int64)
        full = np.concatenate([rows, np.repeat(rows[:1], chunk - len(rows), axis=0)])
        found.append(model.vae.nll_per_note(torch.from_numpy(full), number)[: len(rows)].numpy())
    return np.concatenate(found)
