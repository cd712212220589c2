"""Who may speak to the studio: asked of the application itself, as a server would hand requests to it."""

import asyncio

import pytest

from musiclc.studio.guard import HEADERS, MOST_FILE, MOST_JSON, Guard

TOKEN, HOST = "s3cret", "127.0.0.1:8000"
OWN = f"http://{HOST}"


async def within(scope, receive, send):
    """An application that says its path and how many bytes it was sent."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            size = -1
            break
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{scope['path']} {size}".encode()})


def asked(path=f"/{TOKEN}/state", method="GET", body=(b"",), app=within, **headers):
    """(status, text, headers) of a request; a header that is None is left out."""
    said = {"host": HOST, "sec-fetch-site": "same-origin"} | ({"origin": OWN, "content-length": str(sum(map(len, body)))} if method == "POST" else {})
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    raw = [(k.encode(), v.encode("latin-1")) for k, v in said.items() if v is not None]
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "root_path": "", "query_string": b"", "headers": raw}
    parts, sent = list(body), []

    async def receive():
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(app, TOKEN, [HOST, "localhost:8000"])(scope, receive, send))
    return sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:]).decode(), dict(sent[0]["headers"])


def test_the_page_itself_is_let_through_without_its_token():
    assert asked()[:2] == (200, "/state 0")
    assert asked(f"/{TOKEN}/")[1] == "/ 0"
    assert asked(host="localhost:8000")[0] == 200
    assert asked(method="POST", body=(b"abc", b"de"))[:2] == (200, "/state 5")


@pytest.mark.parametrize("path", ["/", "/state", "/s3cre/state", "/s3cret2/state", f"//{'x'}/state", "/%73/", "/š3cret/state", f"/x/{TOKEN}/state"])
def test_without_the_token_there_is_nothing(path):
    assert asked(path)[0] == 404


@pytest.mark.parametrize(
    "host", [None, "evil.example", "evil.example:8000", "127.0.0.1", "127.0.0.1:8001", "127.0.0.1:8000.evil.example", "[::1]:8000"]
)
def test_another_host_is_refused_with_the_token(host):
    assert asked(host=host)[0] == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:8001", "https://127.0.0.1:8000", "http://127.0.0.1:8000.evil.example"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_origin_is_refused_with_the_token(origin, method):
    assert asked(method=method, origin=origin)[0] == 403


def test_a_change_without_an_origin_is_refused():
    assert asked(method="POST", origin=None)[0] == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_has_a_browser_fetch_is_refused(site):
    assert asked(sec_fetch_site=site)[0] == 403


def test_what_is_asked_by_hand_is_let_through():
    assert asked(sec_fetch_site="none")[0] == asked(sec_fetch_site=None)[0] == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE"])
def test_other_methods_are_refused_and_no_preflight_is_answered(method):
    status, _, headers = asked(method=method, origin=OWN)
    assert status == 405
    assert not [name for name in headers if name.startswith(b"access-control")]


def test_what_is_too_large_is_refused_before_it_is_read():
    assert asked(method="POST", content_length=str(MOST_FILE + 1))[0] == 413
    assert asked(method="POST", content_length=str(MOST_JSON + 1), content_type="application/json")[0] == 413
    assert asked(method="POST", content_length=str(MOST_JSON + 1), content_type="audio/midi")[0] == 200
    assert asked(method="POST", content_length=None)[0] == 411
    assert asked(method="POST", content_length="-1")[0] == 411


def test_what_says_to_be_small_and_is_not_is_cut_off():
    body = (b"x" * MOST_JSON, b"x")
    assert asked(method="POST", body=body, content_length="5", content_type="application/json")[1] == "/state -1"


def test_every_answer_tells_browsers_to_run_nothing_else_and_to_be_framed_by_nobody():
    for _, _, headers in (asked(), asked("/"), asked(host="evil.example")):
        for name, value in HEADERS.items():
            assert headers[name.lower().encode()] == value.encode()
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http:" not in policy


def test_sockets_are_closed():
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(within, TOKEN, [HOST])({"type": "websocket"}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]
