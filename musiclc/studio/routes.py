"""What the page asks for: its own files, takes, jobs and its history, as JSON. Errors of the library are one line each.

Inside: `application`.
"""

import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from musiclc.errors import MusiclcError, UsageError, one_line
from musiclc.studio.events import Events
from musiclc.studio.session import Session, plain_name

KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
MIDI = "audio/midi"
Answer = Callable[[dict[str, Any]], Any]


def application(session: Session, events: Events) -> Starlette:
    """The application; who may speak to it is guard.Guard's to say."""
    from musiclc.studio.dials import checked, dials

    known = dials()
    routes = [
        *(Route(f"/{'' if name == 'index.html' else name}", _file(data, kind)) for name, data, kind in _page()),
        Route("/state", _answer(lambda said: {**session.state, "dials": known})),
        Route("/events", _events(events)),
        Route("/takes/{number:int}", _answer(lambda said: session.sheet(said["number"], said["track"]))),
        Route("/takes/{number:int}/measures", _answer(lambda said: session.measured(said["number"], said["track"]))),
        Route("/takes/{number:int}/{name}", _midi(session)),
        Route("/open", _open(session), methods=["POST"]),
        *(
            Route(f"/{name}", _answer(answer), methods=["POST"])
            for name, answer in {
                "make": lambda said: session.make(said).told,
                "stop": lambda said: session.desk.stop(said.get("job")) or {},  # type: ignore[func-returns-value]
                "ahead": lambda said: session.ahead(said) or {},  # type: ignore[func-returns-value]
                "star": lambda said: session.star(said.get("take"), said.get("star")).told,
                "history": session.step,
                "check": lambda said: checked(str(said.get("rule")), str(said.get("goal"))),
            }.items()
        ),
    ]
    found = Starlette(routes=routes)
    found.router.redirect_slashes = False
    return found


def _page() -> list[tuple[str, bytes, str]]:
    """The page's files: name, bytes, kind. No other file is ever read for a request."""
    folder = files("musiclc.studio") / "page"
    found = [(each.name, each.read_bytes()) for each in folder.iterdir()]
    return [(name, data, KINDS[suffix]) for name, data in found for suffix in KINDS if name.endswith(suffix)]


def _file(data: bytes, kind: str) -> Callable:
    async def given(request: Request) -> Response:
        return Response(data, media_type=kind)

    return given


def _events(events: Events) -> Callable:
    async def listening(request: Request) -> Response:
        return StreamingResponse(events.stream(), media_type="text/event-stream")

    return listening


def _answer(answer: Answer) -> Callable:
    """A route that answers with JSON what `answer` makes of what was said: of a body, or of the address."""

    async def answered(request: Request) -> Response:
        try:
            said = await _said(request) if request.method == "POST" else {"track": request.query_params.get("track", "auto"), **request.path_params}
            return JSONResponse(await run_in_threadpool(answer, said))
        except MusiclcError as error:
            return _refused(error)

    return answered


async def _said(request: Request) -> dict[str, Any]:
    """The JSON object in a request. Raises UsageError."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise UsageError("wanted application/json")
    try:
        said = json.loads(await request.body())
    except (ValueError, RecursionError, ClientDisconnect) as error:
        raise UsageError("wanted a JSON object") from error
    if not isinstance(said, dict):
        raise UsageError("wanted a JSON object")
    return said


def _open(session: Session) -> Callable:
    async def opened(request: Request) -> Response:
        name = plain_name(unquote(request.headers.get("x-name", "")))
        try:
            data = await request.body()
            take = await run_in_threadpool(session.open, name, data)
        except ClientDisconnect:
            return _refused(UsageError("more bytes than were said"))
        except MusiclcError as error:
            return _refused(error)
        return JSONResponse(take.told)

    return opened


def _midi(session: Session) -> Callable:
    """A take's MIDI file, to be saved under the name that the address ends with, which is the take's own."""

    async def given(request: Request) -> Response:
        try:
            take = session.shelf.of(request.path_params["number"])
        except MusiclcError as error:
            return _refused(error)
        return Response(take.data, media_type=MIDI, headers={"Content-Disposition": f'attachment; filename="take-{take.number}.mid"'})

    return given


def _refused(error: MusiclcError) -> Response:
    return JSONResponse({"error": one_line(error)}, 400)
