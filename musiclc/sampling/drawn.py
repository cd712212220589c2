"""What draws of phrases and of whole pieces have in common.

Inside: `SampleKey`, `Drawn`.
"""

import numpy as np

SampleKey = tuple[int, int]  # (seed, index from 1): all that a melody depends on, besides constraints and options


class Drawn:
    """A draw, judged. scores: one a constraint, 1 for what is met."""

    key: SampleKey
    scores: np.ndarray

    @property
    def index(self) -> int:
        """The item's number, from 1."""
        return self.key[1]

    @property
    def met(self) -> bool:
        """Whether every constraint is met."""
        return bool((self.scores >= 1 - 1e-9).all())
