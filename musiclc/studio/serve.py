"""The address, the browser, and the end by Ctrl-C.

Inside: `run`, `studio_of`.
"""

import contextlib
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import uvicorn

from musiclc.errors import InputError, MusiclcError
from musiclc.studio.events import Events
from musiclc.studio.guard import MOST_FILE, Guard
from musiclc.studio.routes import application
from musiclc.studio.session import Session

HOST = "127.0.0.1"
PATIENCE = 0.8  # seconds that work has to end in


def model() -> Any:
    """The shipped model, ready to be listened to while it works."""
    import torch  # noqa: F401

    from musiclc.model import checkpoint

    return checkpoint.loaded(None, "auto")


class Studio(uvicorn.Server):
    """The server; `address` is what to open. ready: hears the address once pages are served at it."""

    def __init__(self, session: Session, events: Events, port: int) -> None:
        self.session, self.events = session, events
        self.ready: Callable[[str], None] = lambda address: None
        self.socket = _bound(port)
        self.port = self.socket.getsockname()[1]
        self.token = secrets.token_urlsafe(24)
        guard = Guard(application(session, events), self.token, [f"{HOST}:{self.port}", f"localhost:{self.port}"])
        super().__init__(uvicorn.Config(guard, log_level="critical", lifespan="off", timeout_graceful_shutdown=1, ws="none"))

    @property
    def address(self) -> str:
        """What to open, token included."""
        return f"http://{HOST}:{self.port}/{self.token}/"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        self.ready(self.address)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Ctrl-C: streams end first, since they would not by themselves."""
        self.events.close()
        super().handle_exit(sig, frame)

    def serve_until_stopped(self) -> bool:
        """Serve until Ctrl-C; whether all work ended within PATIENCE."""
        with contextlib.suppress(KeyboardInterrupt):
            self.session.desk.thread.start()
            super().run(sockets=[self.socket])
        self.socket.close()
        return self.session.desk.close(PATIENCE)


def _bound(port: int) -> socket.socket:
    """A socket of the loopback address; port 0 is any that is free. Raises MusiclcError."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except (OSError, OverflowError) as error:
        bound.close()
        raise MusiclcError(
            f"--port {port}: {getattr(error, 'strerror', None) or error}; another program may have it, and 0 takes any that is free"
        ) from error
    return bound


def studio_of(inputs: Sequence[str], port: int = 0, load: Callable[[], Any] = model, **more: Any) -> Studio:
    """A studio with files opened, not serving yet. Raises MusiclcError."""
    events = Events()
    session = Session(events.tell, load, **more)
    for each in inputs:
        session.open(each, _read(each))
    return Studio(session, events, port)


def _read(path: str) -> bytes:
    """A file's bytes. Raises InputError."""
    try:
        if Path(path).stat().st_size > MOST_FILE:
            raise InputError(f"{path}: {Path(path).stat().st_size:,} bytes; wanted at most {MOST_FILE:,}")
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def run(inputs: Sequence[str], port: int, browser: bool, said: Callable[[str], None]) -> bool:
    """Serve the studio until Ctrl-C; whether nothing of it is left running. said: hears the address. Raises MusiclcError."""
    studio = studio_of(inputs, port)

    def ready(address: str) -> None:
        said(address)
        if browser:
            threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()

    studio.ready = ready
    return studio.serve_until_stopped()
