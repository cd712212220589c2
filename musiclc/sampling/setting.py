"""Bars that stand and bars that are wanted: what continuing, infilling and bridging ask of the networks of whole pieces.

Inside: `Setting`, `Filled`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from musiclc.rules.base import Constraint


@dataclass(frozen=True)
class Setting:
    """A piece some of whose bars are to be written. tokens: uint8 (bars × steps a bar,), what stands in wanted bars has no say.

    wanted: bool (bars,), at least one. opens, closes: whether the piece begins with its first bar and ends with its last.
    constraints: what the wanted bars, measured alone, shall meet.
    """

    tokens: np.ndarray
    wanted: np.ndarray
    meter: str
    opens: bool = True
    closes: bool = True
    constraints: Sequence[Constraint] = ()


@dataclass(frozen=True)
class Filled:
    """A setting's tokens with its wanted bars written, all others as they were; the draws that it cost; its realism in [0, 1]."""

    tokens: np.ndarray
    attempts: int = 1
    realism: float = 0.0
    warnings: list[str] = field(default_factory=list)
