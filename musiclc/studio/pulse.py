"""Progress and stopping within the work of networks: every call of one is a beat, at which work can be told of or ended.

Inside: `Pulse`, `Stopped`.
"""

import threading
import time
from collections.abc import Callable

BETWEEN = 0.15  # seconds from one word of progress to the next


class Stopped(BaseException):
    """Work was ended from outside. No Exception, so that nothing on its way takes it for an error of its own."""


class Pulse:
    """Beats of one thread's work. stop: asked at every beat, whether to end it; told: hears the beats so far, now and then."""

    def __init__(self, stop: Callable[[], bool], told: Callable[[int], None]) -> None:
        self.stop, self.told, self.beats = stop, told, 0
        self._thread, self._last = 0, 0.0

    def install(self) -> None:
        """Beat at every call of a network by the thread that is running now."""
        from torch.nn.modules.module import register_module_forward_pre_hook

        self._thread = threading.get_ident()
        register_module_forward_pre_hook(self._called)

    def begin(self) -> None:
        """Count anew."""
        self.beats, self._last = 0, time.monotonic()

    def beat(self) -> None:
        """One more. Raises Stopped."""
        self.beats += 1
        if self.stop():
            raise Stopped
        if time.monotonic() - self._last > BETWEEN:
            self._last = time.monotonic()
            self.told(self.beats)

    def _called(self, module: object, given: object) -> None:
        if threading.get_ident() == self._thread:
            self.beat()
