"""Inside a worker process: units come by one pipe, messages go by another. It ends with its parent.

Inside: `one_thread`, `main`.
"""

import logging
import os
import queue
import sys
import tempfile
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection

from musiclc.batch.messages import Message, Said, Unit, function_of, packed, serve, unpacked
from musiclc.batch.process import set_apart


class _Says(logging.Handler):
    """Log records as messages."""

    def __init__(self, send: Callable[[Message], None]):
        super().__init__()
        self.send = send

    def emit(self, record: logging.LogRecord) -> None:
        self.send(Said(record.getMessage()))


def one_thread() -> None:
    """One thread of torch for this process: the same bits as from any other number of workers, and no more threads than cores.

    Libraries read the environment when they are imported first, so this comes before all of them.
    """
    os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def main(units: Connection, messages: Connection, runners: str, scratch: str) -> None:
    """Serve units until there is nobody to serve. runners: the name of a function that gives them. scratch: the folder for temporary files,
    the system's when "".
    """
    set_apart()
    one_thread()
    if scratch:
        os.environ |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), scratch)
        tempfile.tempdir = None  # found anew
    inbox: queue.Queue[Unit | None] = queue.Queue()
    threading.Thread(target=_receive, args=(units, inbox), daemon=True).start()
    send = _sender(messages)
    log = logging.getLogger("musiclc")
    log.handlers, log.propagate = [_Says(send)], False
    log.setLevel(logging.INFO)
    serving = function_of(runners)()
    send(Said(""))  # it has started
    for message in serve(serving, inbox):
        send(message)


def _receive(units: Connection, inbox: "queue.Queue[Unit | None]") -> None:
    """Take units as they come; when the parent is gone, so is this process, whatever it is doing."""
    try:
        while True:
            inbox.put(unpacked(units.recv_bytes()))
    except (EOFError, OSError):
        os._exit(0)


def _sender(messages: Connection) -> Callable[[Message], None]:
    """A function that sends a message, one at a time though threads of a rule of one's own may log meanwhile."""
    one_at_a_time = threading.Lock()

    def send(message: Message) -> None:
        try:
            with one_at_a_time:
                messages.send_bytes(packed(message))
        except OSError:  # nobody is there to hear it
            os._exit(0)

    return send
