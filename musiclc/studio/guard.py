"""Who may speak to the server, and what it says to browsers with every answer.

A page elsewhere cannot drive the studio: it does not know the token, which is the first part of every path; its Origin is another; a name of its
own that leads to this machine (DNS rebinding) is another Host. What is refused is refused before anything is read.

Inside: `Guard`, `HEADERS`, `MOST_JSON`, `MOST_FILE`.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_JSON = 256 * 1024  # bytes of what the page says
MOST_FILE = 4 * 1024 * 1024  # bytes of a MIDI file that is opened
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Refusal:
    """A status and a line that says why."""

    status: int
    why: str


class Guard:
    """An ASGI application that lets through to `app`, without the token in its path, what comes from the page itself.

    hosts: what a Host header may say, such as 127.0.0.1:8000.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: Iterable[str]) -> None:
        self.app, self.token, self.hosts = app, token, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":  # the page opens no sockets
            return await send({"type": "websocket.close", "code": 1008})
        said = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        token, _, rest = scope["path"].lstrip("/").partition("/")
        refusal = self._refusal(scope["method"], token, said)
        if refusal is not None:
            answer = PlainTextResponse(refusal.why + "\n", refusal.status, HEADERS)
            return await answer(scope, receive, send)
        within = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode(), "root_path": ""}
        await self.app(within, _limited(receive, said), _with_headers(send))

    def _refusal(self, method: str, token: str, said: dict[str, str]) -> Refusal | None:
        """Why a request is refused; None where it is not."""
        if said.get("host", "").lower() not in self.hosts:
            return Refusal(403, "Host: wanted the address that musiclc studio printed")
        origin = said.get("origin")
        if (origin is None and method != "GET") or (origin is not None and origin.lower() not in {f"http://{host}" for host in self.hosts}):
            return Refusal(403, "Origin: wanted the studio's own page")
        if said.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return Refusal(403, "asked for by another site; wanted the studio's own page")
        if not secrets.compare_digest(token.encode("latin-1", "replace"), self.token.encode()):
            return Refusal(404, "no such page; wanted the whole address that musiclc studio printed, token included")
        if method not in ("GET", "POST"):
            return Refusal(405, f"{method}: wanted GET or POST")
        return _size_refusal(method, said)


def _size_refusal(method: str, said: dict[str, str]) -> Refusal | None:
    """Why what comes with a request is refused."""
    if method != "POST":
        return None
    length, most = said.get("content-length", ""), _most(said)
    if not length.isdecimal():
        return Refusal(411, "wanted a Content-Length")
    if int(length) > most:
        return Refusal(413, f"{int(length):,} bytes; wanted at most {most:,}")
    return None


def _most(said: dict[str, str]) -> int:
    return MOST_JSON if said.get("content-type", "").partition(";")[0].strip() == "application/json" else MOST_FILE


def _limited(receive: Receive, said: dict[str, str]) -> Receive:
    """What is received, ended where more comes than may."""
    left = _most(said)

    async def limited() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        return message if left >= 0 else {"type": "http.disconnect"}

    return limited


def _with_headers(send: Send) -> Send:
    extra = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *extra]}
        await send(message)

    return sending
