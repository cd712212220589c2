"""A worker process: units come pickled on standard input, messages go so to standard output. It ends with its parent.

python -m musiclc.worker MODULE:FUNCTION, which names the runners as work.runners_of takes them.

Inside: `one_thread`, `main`.
"""

import logging
import os
import pickle
import queue
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO

from musiclc.batch.messages import Message, Said, Unit, runners_of, serve


class _Says(logging.Handler):
    """Log records as messages."""

    def __init__(self, send: Callable[[Message], None]):
        super().__init__()
        self.send = send

    def emit(self, record: logging.LogRecord) -> None:
        self.send(Said(record.getMessage()))


def one_thread() -> None:
    """One thread of torch for this process: as many bits as any other number of workers gives, and no more threads than cores."""
    import torch

    torch.set_num_threads(1)


def main() -> None:
    """Serve units until there is nobody to serve."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a rule of one's own prints must not come between messages
    sys.stdout = sys.stderr
    units: queue.Queue[Unit | None] = queue.Queue()

    def send(message: Message) -> None:
        pickle.dump(message, out)
        out.flush()

    log = logging.getLogger("musiclc")
    log.handlers, log.propagate = [_Says(send)], False
    log.setLevel(logging.INFO)
    threading.Thread(target=_receive, args=(sys.stdin.buffer, units), daemon=True).start()
    one_thread()
    try:
        runners = runners_of(sys.argv[1])
        send(Said(""))  # it has started
        for message in serve(runners, units):
            send(message)
    except BrokenPipeError:
        os._exit(0)


def _receive(file: BinaryIO, units: "queue.Queue[Unit | None]") -> None:
    """Take units as they come; when the parent is gone, so is this process, whatever it is doing."""
    try:
        while True:
            units.put(pickle.load(file))
    except (EOFError, pickle.UnpicklingError):
        os._exit(0)


if __name__ == "__main__":
    main()
