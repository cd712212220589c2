"""How far a batch is, in words: files a second, and the time left.

Inside: `minutes`, `Pace`.
"""

import time
from dataclasses import dataclass, field


def minutes(seconds: float) -> str:
    """A duration for people: 45 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds // 3600:.0f} h {seconds % 3600 / 60:.0f} min"


@dataclass
class Pace:
    """Files a second and the time left, from when the first was made."""

    total: int
    every: float = 60.0  # seconds between lines in a log
    began: float = field(default_factory=time.monotonic)
    last: float = field(default_factory=time.monotonic)
    first: int | None = None

    def line(self, done: int) -> str:
        """How far it is, in a line."""
        assert self.first is not None
        rate = (done - self.first) / max(time.monotonic() - self.began, 1e-9)
        left = f", {minutes((self.total - done) / rate)} left" if rate > 0 else ""
        return f"{done} of {self.total} files, {rate:.1f} a second{left}"

    def due(self, done: int) -> bool:
        """Whether a log wants its next line."""
        if self.first is None:
            self.first, self.began = done, time.monotonic()
        if time.monotonic() - self.last < self.every:
            return False
        self.last = time.monotonic()
        return True
