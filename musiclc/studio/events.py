"""What the page is told unasked: server-sent events, one stream a page.

Inside: `Events`.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

ALIVE = 15.0  # seconds after which a silent stream says that it is there


class Events:
    """Pages that listen. `tell` may be called from any thread, at any time; what nobody hears is lost."""

    def __init__(self) -> None:
        self.pages: set[asyncio.Queue[str | None]] = set()
        self.loop: asyncio.AbstractEventLoop | None = None

    def tell(self, what: dict[str, Any]) -> None:
        """Say it to all pages."""
        self._send(json.dumps(what))

    def close(self) -> None:
        """End all streams."""
        self._send(None)

    def _send(self, line: str | None) -> None:
        loop = self.loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._put, line)

    def _put(self, line: str | None) -> None:
        for page in self.pages:
            page.put_nowait(line)

    async def stream(self) -> AsyncIterator[str]:
        """The lines that one page gets."""
        self.loop = asyncio.get_running_loop()
        page: asyncio.Queue[str | None] = asyncio.Queue()
        self.pages.add(page)
        try:
            yield ": hello\n\n"
            while True:
                try:
                    line = await asyncio.wait_for(page.get(), ALIVE)
                except asyncio.TimeoutError:
                    yield ": still here\n\n"
                    continue
                if line is None:
                    return
                yield f"data: {line}\n\n"
        finally:
            self.pages.discard(page)
