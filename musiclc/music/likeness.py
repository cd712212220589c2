"""How alike two stretches of music are: 1 − Levenshtein distance / length of the longer, as TunesFormer (Wu et al. 2023) compares sections.

Inside: `similarity`, `levenshtein`.
"""

import numpy as np


def similarity(a: np.ndarray, b: np.ndarray) -> float:
    """1 − distance / length of the longer, of token rows (T,) and (U,): in [0, 1]; 1 for two empty ones."""
    longest = max(len(a), len(b))
    return 1 - levenshtein(a, b) / longest if longest else 1.0


def levenshtein(a: np.ndarray, b: np.ndarray) -> int:
    """Fewest tokens to insert, drop or change that make b of a."""
    row = np.arange(len(b) + 1)
    place = np.arange(len(b) + 1)
    for i, token in enumerate(a.tolist(), start=1):
        best = np.minimum(row[1:] + 1, row[:-1] + (b != token))
        # insertions run along the row: the least of what lies before, plus the way from there
        row = np.minimum.accumulate(np.concatenate([[i], best]) - place) + place
    return int(row[-1])
