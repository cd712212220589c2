"""A studio that serves in a thread of the test's own process, and a few words to speak to it."""

import contextlib
import http.client
import json
import threading
import time
from pathlib import Path

from musiclc.studio.serve import Studio, studio_of
from tests.studio.stub import maker


@contextlib.contextmanager
def studio(*files, seconds=0.0, load=lambda: None, make=None):
    """A studio that makes a take in so many seconds, by the stub unless `make` says otherwise."""
    found: list[Studio] = []
    made = make or (lambda *args, **more: maker(seconds, found[0].session.desk.pulse.beat)(*args, **more))
    found.append(studio_of([str(f) for f in files], load=load, make=made))
    thread = threading.Thread(target=found[0].serve_until_stopped, daemon=True)
    thread.start()
    until(lambda: found[0].started)
    try:
        yield found[0]
    finally:
        found[0].handle_exit(2, None)
        thread.join(10)
        assert not thread.is_alive()


def until(is_so, seconds=10.0):
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "never"
        time.sleep(0.01)


class Client:
    """Speaks to a studio as its page does."""

    def __init__(self, studio):
        self.studio, self.host = studio, f"127.0.0.1:{studio.port}"

    def raw(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.studio.port, timeout=10)
        own = {"Origin": f"http://{self.host}"} if method != "GET" else {}
        connection.request(method, f"/{self.studio.token}/{path}", body, {**own, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())

    def get(self, path):
        status, data, _ = self.raw("GET", path)
        return json.loads(data) if status == 200 else (status, json.loads(data))

    def post(self, path, said):
        status, data, _ = self.raw("POST", path, json.dumps(said), **{"Content-Type": "application/json"})
        return json.loads(data) if status == 200 else (status, json.loads(data)["error"])

    def open(self, name, data):
        status, answer, _ = self.raw("POST", "open", data, **{"X-Name": name, "Content-Type": "audio/midi"})
        return json.loads(answer) if status == 200 else (status, json.loads(answer)["error"])

    def made(self, **said):
        """The number of a take that is asked for, once it is there."""
        before = {t["take"] for t in self.get("state")["takes"]}
        job = self.post("make", said)
        assert isinstance(job, dict), job
        if job["take"] is None:
            until(lambda: {t["take"] for t in self.get("state")["takes"]} - before)
            return max({t["take"] for t in self.get("state")["takes"]} - before)
        return job["take"]


def song(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
