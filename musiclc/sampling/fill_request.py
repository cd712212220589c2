"""What continuing, infilling and bridging are asked for. No network is loaded here, so that --help and the check of a batch read it at once.

Inside: `FillOptions`, `FillRequest` and its three kinds: `ContinueRequest`, `InfillRequest`, `BridgeRequest`; `bar_range`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

from musiclc.editing.request import SeveralRequest
from musiclc.errors import UsageError

MOST_BARS = 64  # that are written at once
FILL_METHODS = ("auto",)
_RANGE = re.compile(r"\s*(\d+)\s*(?:\.\.\s*(\d+)\s*)?")


@dataclass(frozen=True)
class FillOptions:
    """How to write bars into a piece. track: "auto", a track's name or its index. seed: any integer from 0.

    temperature: scale of the noise, in (0, 2]. Bars are drawn until they meet the constraints and their realism is at least `realism`, 0 to 1, or
    they have cost `attempts` draws. method: "auto" alone so far.
    """

    track: str | int = "auto"
    seed: int = 0
    method: str = "auto"
    temperature: float = 1.0
    realism: float = 0.2
    attempts: int = 40

    def __post_init__(self) -> None:
        if self.method not in FILL_METHODS:
            raise UsageError(f"method {self.method!r}: wanted {' or '.join(FILL_METHODS)}")
        if not 0 < self.temperature <= 2:
            raise UsageError(f"temperature {self.temperature:g}: wanted above 0 and at most 2")
        if not 0 <= self.realism <= 1:
            raise UsageError(f"realism {self.realism:g}: wanted 0 to 1")
        if self.attempts < 1:
            raise UsageError(f"attempts {self.attempts}: wanted 1 or more")
        if self.seed < 0:
            raise UsageError(f"seed {self.seed}: wanted 0 or more")


@dataclass(frozen=True)
class FillRequest(SeveralRequest):
    """What the commands that write bars into pieces are asked for. n: how many files, each with other bars."""

    options: FillOptions = FillOptions()  # type: ignore[assignment]
    pattern: str = "{stem}-{seed}-{index}.mid"

    takes: ClassVar[tuple[str, ...]] = tuple(f.name for f in fields(FillOptions))


@dataclass(frozen=True)
class ContinueRequest(FillRequest):
    """What `musiclc continue` is asked for. bars: how many new ones, after the melody's last, or before its first."""

    bars: int = 0
    before: bool = False

    command: ClassVar[str] = "continue"
    own: ClassVar[Mapping[str, type]] = {"bars": int, "before": bool}

    def __post_init__(self) -> None:
        check_bars(self.bars)
        super().__post_init__()


@dataclass(frozen=True)
class InfillRequest(FillRequest):
    """What `musiclc infill` is asked for. bars: which ones to write anew, as `bar_range` reads them."""

    bars: str = ""

    command: ClassVar[str] = "infill"
    own: ClassVar[Mapping[str, type]] = {"bars": str}

    def __post_init__(self) -> None:
        bar_range(self.bars)
        super().__post_init__()


@dataclass(frozen=True)
class BridgeRequest(FillRequest):
    """What `musiclc bridge` is asked for. bars: how many new ones, between its first input and its second."""

    bars: int = 0

    command: ClassVar[str] = "bridge"
    own: ClassVar[Mapping[str, type]] = {"bars": int}
    reads: ClassVar[int] = 2

    def __post_init__(self) -> None:
        check_bars(self.bars)
        super().__post_init__()


def check_bars(bars: int) -> None:
    """Raises UsageError for more new bars than are written at once, or none."""
    if not 1 <= bars <= MOST_BARS:
        raise UsageError(f"bars {bars}: wanted 1 to {MOST_BARS} new bars")


def bar_range(text: str | tuple[int, int]) -> tuple[int, int]:
    """The first and the last bar, from 1, of "5..8", or of "5" for one; a pair of numbers is taken as such. Raises UsageError."""
    first, last = _read(text) if isinstance(text, str) else text
    if not 1 <= first <= last:
        raise UsageError(f"bars {first}..{last}: wanted 1 or more, the first before the last, such as 5..8")
    if last - first >= MOST_BARS:
        raise UsageError(f"bars {first}..{last}: {last - first + 1} of them; wanted at most {MOST_BARS}")
    return first, last


def _read(text: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(text)
    if not match:
        raise UsageError(f"bars {text!r}: wanted the first and the last one, counted from 1, such as 5..8, or 5 for one")
    return int(match[1]), int(match[2] or match[1])
