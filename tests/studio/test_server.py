"""A studio over the wire: opening, making, stopping, undo, what it refuses, and its end."""

import contextlib
import json
import shlex
import signal
import subprocess
import sys
import time
from urllib.parse import quote

import pytest

from musiclc.errors import InputError, MusiclcError
from musiclc.midi import read_melody, to_bytes
from musiclc.studio.guard import MOST_FILE
from musiclc.studio.serve import studio_of
from tests.studio.live import Client, studio, until
from tests.studio.stub import tune


@pytest.fixture(scope="module")
def served():
    with studio() as found:
        yield Client(found)


def data(seed=1, bars=8):
    return to_bytes(tune(seed, bars), bpm=120)


def test_the_page_and_all_that_it_loads_is_small_and_its_own(served):
    total = 0
    for name in ("", "studio.css", "main.js", "api.js", "roll.js", "synth.js", "player.js", "dials.js", "takes.js", "keys.js", "icon.svg"):
        status, body, headers = served.raw("GET", name)
        assert status == 200, name
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert b"http://" not in body.replace(b"http://www.w3.org/2000/svg", b"")
        assert b"https://" not in body
        total += len(body)
    assert total < 150_000
    html = served.raw("GET", "")[1].decode()
    assert "<script>" not in html
    assert " style=" not in html
    assert "onclick" not in html


@pytest.mark.parametrize(
    "path", ["../serve.py", "..%2fserve.py", "%2e%2e/serve.py", "takes/1/..%2f..%2fx", "nothing", "page/index.html", "studio.css/"]
)
def test_no_other_file_is_served(served, path):
    assert served.raw("GET", path)[0] in (400, 404)


def test_a_file_that_is_opened_comes_back_byte_for_byte(served):
    take = served.open("my song.mid", data())
    assert (take["name"], take["verb"], take["command"]) == ("my song.mid", "open", "")
    status, body, headers = served.raw("GET", f"takes/{take['take']}/take.mid")
    assert (status, body) == (200, data())
    assert headers["content-disposition"] == f'attachment; filename="take-{take["take"]}.mid"'
    sheet = served.get(f"takes/{take['take']}")
    assert sheet["key"].startswith(("C ", "A ", "D ", "G ", "F ", "E "))
    assert len(sheet["bars"]) == 9
    assert len(sheet["tracks"][sheet["melody"][0]]["notes"]) == len(read_melody(data()).notes)
    assert {v["rule"] for v in served.get(f"takes/{take['take']}/measures")} >= {"key", "density"}


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>.mid", "../../etc/passwd", "C:\\x\\y.mid", "a\r\nSet-Cookie: x.mid", "\x00", "..", "é ☃.mid", "x" * 5000]
)
def test_a_hostile_name_is_a_name(served, name):
    take = served.open(quote(name), data())
    shown = take["name"]
    assert "/" not in shown
    assert "\\" not in shown
    assert shown.isprintable()
    assert 0 < len(shown) <= 120
    made = served.made(verb="vary", takes=[take["take"]], options={"keep": 0.5}, seed=1)
    (line,) = next(t["command"] for t in served.get("state")["takes"] if t["take"] == made).splitlines()
    assert shlex.split(line)[2].removeprefix("./") == shown


@pytest.mark.parametrize(("body", "says"), [(b"", "is empty"), (b"MThd", ""), (b"\x00" * 1000, "no MIDI"), (b"<html>" * 100, "no MIDI")])
def test_what_is_no_midi_file_is_refused_in_a_line(served, body, says):
    status, error = served.open("x.mid", body)
    assert status == 400
    assert says in error or "x.mid" in error
    assert "\n" not in error


def test_uploads_are_limited_in_size(served):
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was sent
        assert served.raw("POST", "open", b"x" * (MOST_FILE + 1))[0] == 413
    assert served.raw("POST", "history", b"{" * 300_000, **{"Content-Type": "application/json"})[0] == 413


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_another_site_cannot_drive_it(served, headers):
    said = json.dumps({"verb": "sample", "takes": []})
    assert served.raw("POST", "make", said, **{"Content-Type": "application/json", **headers})[0] == 403


def test_a_form_of_another_kind_is_no_request(served):
    assert served.raw("POST", "make", "{}", **{"Content-Type": "text/plain"})[0] == 400
    for body in ("", "[]", "{", "null", "[" * 10000):
        assert served.raw("POST", "make", body, **{"Content-Type": "application/json"})[0] == 400


def test_takes_are_made_and_their_command_lines_name_what_was_opened(served):
    first = served.open("one.mid", data())["take"]
    made = served.made(verb="infill", takes=[first], runs=["2..3", "5"], seed=4)
    again = served.made(verb="continue", takes=[made], options={"bars": 4}, seed=5)
    shown = {t["take"]: t for t in served.get("state")["takes"]}
    assert shown[again]["command"].replace(" && \\\n", "\n").splitlines() == [
        f"musiclc infill one.mid -o take-{made}-1.mid --bars 2..3 --seed 4",
        f"musiclc infill take-{made}-1.mid -o take-{made}.mid --bars 5 --seed 4",
        f"musiclc continue take-{made}.mid -o take-{again}.mid --bars 4 --seed 5",
    ]
    assert (shown[again]["seed"], shown[again]["parents"]) == (5, [made])


def test_a_take_keeps_its_form_where_its_bars_stay():
    with studio() as found:
        client = Client(found)
        first = client.made(verb="sample", takes=[], options={"form": "A8 B8"}, seed=1)
        for verb, more in (("infill", {"runs": ["9..10"]}), ("vary", {}), ("continue", {"options": {"bars": 4}})):
            made = client.made(verb=verb, takes=[first], seed=2, **more)
            sections = [s["name"] for s in client.get(f"takes/{made}")["sections"]]
            assert sections == ([] if verb == "continue" else ["A", "B"]), verb


def test_what_cannot_be_is_refused_in_a_line(served):
    assert served.post("make", {"verb": "infill", "takes": [9999], "runs": ["1"]})[0] == 400
    assert served.post("make", {"verb": "infill", "takes": "x", "runs": ["1"]})[0] == 400
    assert served.post("make", {"verb": "sample", "takes": [], "seed": -1})[0] == 400
    assert "density 'loud'" in served.post("check", {"rule": "density", "goal": "loud"})["wrong"]
    assert "unknown" in served.post("check", {"rule": "own.py:f", "goal": "1"})["wrong"]
    assert served.post("check", {"rule": "density", "goal": ">= 8"}) == {"goal": ">= 8"}
    assert served.get("takes/9999")[0] == 400
    assert served.raw("GET", "takes/x")[0] == 404


def test_undo_and_redo_over_the_wire():
    with studio() as found:
        client = Client(found)
        for n in range(1, 4):
            client.post("history", {"do": {"take": n}})
        assert client.post("history", {"undo": True}) == {"now": {"take": 2}, "undo": 1, "redo": 1}
        assert client.get("state")["history"]["now"] == {"take": 2}
        assert client.post("history", {"redo": True})["now"] == {"take": 3}
        assert client.post("history", {"do": {"x": "y" * 100_000}})[0] == 400


def test_what_is_being_made_is_told_and_can_be_stopped():
    with studio(seconds=30) as found:
        client, began = Client(found), time.monotonic()
        job = client.post("make", {"verb": "sample", "takes": []})
        waits = client.post("make", {"verb": "sample", "takes": [], "options": {"bars": 4}})
        assert time.monotonic() - began < 5  # nobody waits for takes
        until(lambda: next(j for j in client.get("state")["jobs"] if j["job"] == job["job"])["share"] > 0)
        client.post("stop", {"job": waits["job"]})
        client.post("stop", {"job": job["job"]})
        until(lambda: not client.get("state")["jobs"], 3)
        assert client.get("state")["takes"] == []


def test_events_tell_of_takes(served):
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", served.studio.port, timeout=10)
    connection.request("GET", f"/{served.studio.token}/events")
    stream = connection.getresponse()
    assert stream.getheader("content-type").startswith("text/event-stream")
    assert stream.readline() == b": hello\n"
    served.open("x.mid", data(3))
    lines = (stream.readline() for _ in range(10))
    told = json.loads(next(line for line in lines if line.startswith(b"data: "))[6:])
    assert told["new"]["name"] == "x.mid"
    connection.close()


def test_files_that_cannot_be_opened_are_said_before_anything_is_served(tmp_path):
    with pytest.raises(InputError, match=r"none\.mid: cannot be read"):
        studio_of([str(tmp_path / "none.mid")])
    large = tmp_path / "large.mid"
    large.write_bytes(b"x" * (MOST_FILE + 1))
    with pytest.raises(InputError, match="wanted at most"):
        studio_of([str(large)])


def test_a_port_that_is_taken_is_said(served):
    with pytest.raises(MusiclcError, match=f"--port {served.studio.port}"):
        studio_of([], port=served.studio.port)


def test_ctrl_c_ends_it_soon_and_leaves_nothing_behind(tmp_path):
    before = sorted(tmp_path.iterdir())
    command = [sys.executable, "-m", "musiclc.cli", "studio", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, text=True) as process:
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 8  # about a second where the machine has nothing else to do
    assert process.returncode == 0
    assert out == ""
    assert "Traceback" not in err
    assert sorted(tmp_path.iterdir()) == before


def test_a_missing_package_is_said_in_a_line():
    code = "import sys; sys.modules['uvicorn'] = None; sys.argv[1:] = ['studio', '--no-browser']; from musiclc.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "pip install 'musiclc[studio]'" in done.stderr


def test_the_page_is_served_before_torch_is_there():
    code = "import sys; from musiclc.studio.serve import studio_of; studio_of([]); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
