"""The page in a real browser: opened, heard, steered, undone, exported; hostile files, other sites, and those who do not see it."""

import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from musiclc.midi import read_melody, to_bytes
from musiclc.studio.making import made
from musiclc.studio.serve import model
from tests.studio import files
from tests.studio.browser import Page, browser
from tests.studio.live import studio, until
from tests.studio.stub import tune

HOSTILE = "<img src=x onerror=alert(1)>$(id)'\".mid"
SMALL = 1_500_000  # bytes that a page may load


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def served():
    with studio(seconds=0.2) as found:
        yield found


@pytest.fixture(scope="module")
def shown(chromium, served):
    return Page(chromium, served)


@pytest.fixture
def page(shown):
    """The page, with nothing asked for and nothing selected; all that its console said is a fault."""
    yield shown
    shown.press("Escape", "Escape")
    shown.page.evaluate("studio.player.stop(); document.getElementById('no-goals').click()")
    shown.page.evaluate("studio.roll.mode === 'line' && document.getElementById('pencil').click()")
    assert shown.wrong == []


def data(seed=1, bars=8):
    return to_bytes(tune(seed, bars), bpm=120)


def test_a_file_with_a_hostile_name_is_opened_and_heard(page):
    page.open(HOSTILE, data())
    assert page.page.inner_text("#stage-name") == HOSTILE.rpartition("/")[2]
    assert page.value("document.images.length") == 0
    assert page.loaded < SMALL
    page.press("Space")
    page.until("studio.player.playing")
    assert page.peak() > 0.02
    page.press("Space")
    page.until("!studio.player.playing")
    page.page.wait_for_timeout(400)
    assert page.peak(0.3) < 0.001


def test_bars_are_drawn_anew_undone_and_exported(page):
    page.open("song.mid", data())
    before = page.take()
    page.page.focus("#roll")
    page.press("Home", "ArrowRight", "Shift+ArrowRight")  # bars 2 and 3
    after = page.after(lambda: page.press("r"))
    old, new = read_melody(before.data), read_melody(after.data)
    assert [n for n in old.notes if not 16 <= n.start < 48] == [n for n in new.notes if not 16 <= n.start < 48]
    assert after.command.startswith("musiclc infill song.mid -o take-")
    assert "--bars 2..3" in after.command
    page.travelled("Control+z", before.number)
    page.travelled("Control+Shift+z", after.number)
    with page.page.expect_download() as download:
        page.page.click("#export")
    assert download.value.suggested_filename == f"take-{after.number}.mid"
    assert Path(download.value.path()).read_bytes() == after.data
    page.press("c")
    page.until("document.getElementById('command-said').textContent.startsWith('Copied')")
    assert page.value("navigator.clipboard.readText()") == after.command
    page.press("Escape")


def test_a_take_is_dragged_out(page):
    page.open("song.mid", data(4))
    said = page.value("""(() => {
        const carried = new DataTransfer();
        document.getElementById('export').dispatchEvent(new DragEvent('dragstart', { dataTransfer: carried, bubbles: true, cancelable: true }));
        return carried.getData('DownloadURL');
    })()""")
    kind, name, url = said.split(":", 2)
    assert (kind, name) == ("audio/midi", f"take-{page.take().number}.mid")
    assert bytes(page.page.evaluate("async (url) => [...new Uint8Array(await (await fetch(url)).arrayBuffer())]", url)) == data(4)


def test_every_action_shows_something_before_the_server_has_answered(page):
    """In the very task of the click: whatever the machine has to do, nobody waits for something to see."""
    page.open("song.mid", data())
    for button, seen in (("write", "#jobs progress"), ("play", "#play[aria-pressed=true]"), ("lock", "#lock"), ("pencil", "#drawn:not([hidden])")):
        there = page.page.evaluate(
            "([button, seen]) => { document.getElementById(button).click(); return !!document.querySelector(seen); }", [button, seen]
        )
        assert there, button
    page.until("document.querySelectorAll('#jobs .job').length === 0")


def test_work_can_be_stopped(chromium):
    with studio(seconds=60) as slow:
        page = Page(chromium, slow)
        page.page.click("#write")
        page.until("document.querySelector('#jobs progress').value > 0", 10)
        page.page.click("#jobs button")
        page.until("document.querySelectorAll('#jobs .job').length === 0", 5)
        assert "stopped" in page.page.inner_text("#status")
        page.context.close()
        assert slow.session.shelf.takes == {}


def test_goals_are_asked_for_locked_bars_stay_and_a_line_is_filled(page):
    page.open("song.mid", data())
    page.page.click(".dial button[aria-controls=dial-density]")
    page.page.fill("[aria-label='density, goal']", "loud")
    page.page.press("[aria-label='density, goal']", "Enter")
    page.until("document.querySelector('#dial-density .missed').textContent.includes('wanted a number')")
    page.page.fill("[aria-label='density, goal']", "6..8")
    page.page.press("[aria-label='density, goal']", "Enter")
    page.until("studio.doc.goals.length === 1")
    page.page.focus("#roll")
    page.press("Home", "l", "Control+a")
    assert page.page.inner_text("#selection") == "bars 1..8, unlocked: 2..8"
    found = page.after(lambda: page.press("r"))
    assert "--bars 2..8 --density 6..8" in found.command
    box = page.page.locator("#roll").bounding_box()
    page.page.click("#pencil")
    page.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 60)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 120, steps=8)
    page.page.mouse.up()
    page.until("studio.doc.line !== null")
    found = page.after(lambda: page.page.click("#fill"))
    assert "--outline '" in found.command


def test_the_keyboard_is_enough(page):
    page.open("song.mid", data())
    page.press("Escape")
    page.page.focus("#roll")
    first = page.after(lambda: page.press("w"))
    assert first.command.startswith("musiclc sample")
    page.press("Space")
    page.press("Home", "Shift+ArrowRight", "l")
    assert page.value("studio.doc.locks.length") == 2
    page.press("Delete")
    assert page.value("studio.doc.sel") is None
    page.press("s")
    until(lambda: page.take().star)
    other = page.after(lambda: page.press("b"))
    assert other.number != first.number
    page.press("?")
    page.until("document.getElementById('keys').open")
    page.press("Escape")
    page.until("!document.getElementById('keys').open")
    reached = set()
    page.page.focus("#open")
    for _ in range(60):
        page.press("Tab")
        reached.add(page.value("document.activeElement.id || document.activeElement.className"))
    assert {"play", "roll", "write", "infill", "keep", "scope-whole", "no-goals" if page.value("studio.doc.goals.length") else "roll"} <= reached


def test_another_site_cannot_reach_it(chromium, served):
    takes = len(served.session.shelf.takes)

    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title>")

        def log_message(self, *said):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    script = """async (address) => {
        const said = JSON.stringify({ verb: 'sample', takes: [] }), found = [];
        for (const mode of ['no-cors', 'cors']) {
            for (const kind of ['text/plain', 'application/json']) {
                found.push(await fetch(address + 'make', { method: 'POST', mode, headers: { 'Content-Type': kind }, body: said })
                    .then((answer) => answer.type, () => 'refused'));
            }
        }
        found.push(await fetch(address + 'state').then((a) => a.text(), () => 'refused'));
        return found;
    }"""
    answers = page.evaluate(script, served.address)
    assert set(answers) <= {"opaque", "refused"}
    assert answers[2:] == ["refused"] * 3
    context.close()
    server.shutdown()
    server.server_close()
    assert len(served.session.shelf.takes) == takes
    assert not served.session.desk.jobs


def test_ten_thousand_notes_are_opened_and_drawn(page):
    many = files.several(tracks=5, bars=256, notes_a_bar=8)
    page.open("many.mid", many)
    assert page.value("studio.roll.sheet.tracks.reduce((n, t) => n + t.notes.length, 0)") >= 10_000
    spent = page.value("Math.min(...[0, 1, 2].map(() => { const began = performance.now(); studio.roll.draw(); return performance.now() - began; }))")
    print(f"ten thousand notes are drawn in {spent:.0f} ms")
    assert spent < 200


def test_a_frame_costs_little_while_64_bars_of_five_tracks_play(page):
    """The cheapest of many frames: what a busy machine adds is no fault of the page. tests/studio/measure.py has frames a second."""
    page.open("five.mid", files.several(tracks=5, bars=64, notes_a_bar=8))
    page.press("Space")
    page.page.wait_for_timeout(1500)
    spent = page.value("""Math.min(...Array.from({ length: 50 }, (_, i) => {
        const began = performance.now();
        studio.roll.frame(i * 2, true);
        return performance.now() - began;
    }))""")
    assert page.value("studio.frames.length") > 3
    page.press("Space")
    print(f"a frame costs {spent:.2f} ms")
    assert spent < 8


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_names_contrast_and_size(chromium, served, theme):
    page = Page(chromium, served, color_scheme=theme, bypass_csp=True)
    page.open("song.mid", data())
    page.page.click(".dial button[aria-controls=dial-density]")
    page.page.click(".dial button[aria-controls=dial-key]")
    page.page.click("#pencil")
    assert page.value("document.documentElement.dataset.theme") == theme
    assert page.page.evaluate(Path(__file__).with_name("access.js").read_text()) == []
    axe = os.environ.get("MUSICLC_AXE")  # the path of axe.min.js, of npm's axe-core
    if axe:
        page.page.add_script_tag(content=Path(axe).read_text())
        faults = page.page.evaluate("axe.run().then((r) => r.violations.map((v) => [v.impact, v.id, v.nodes.map((n) => n.html).slice(0, 3)]))")
        print(f"axe-core, {theme}: {faults}")
        assert [fault for fault in faults if fault[0] in ("serious", "critical")] == []
    page.context.close()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (820, 1180), (768, 1024)])
def test_it_fits(chromium, served, width, height):
    page = Page(chromium, served, width, height)
    page.open("song.mid", data())
    assert page.value("document.documentElement.scrollWidth") <= width
    if width == 1280:
        assert page.value("document.documentElement.scrollHeight") <= height
    page.context.close()


def test_the_copied_command_makes_the_same_bytes(chromium, tmp_path):
    """With the real model: two bars of a file are written anew, and a shell runs what was copied."""
    song = tmp_path / HOSTILE.replace("/", "")
    song.write_bytes(data(5, 4))
    with studio(load=model, make=made) as real:
        page = Page(chromium, real)
        page.open(song.name, data(5, 4))
        page.page.fill("#seed", "7")
        page.page.focus("#roll")
        page.press("Home", "ArrowRight", "Shift+ArrowRight")
        page.until("document.getElementById('model').textContent === 'model ready'", 120)
        before = page.value("studio.doc.take")
        page.page.click("#infill")
        page.until(f"studio.doc.take !== {before}", 120)
        page.until("studio.player.playing")
        assert page.peak(1.0) > 0.02
        take = page.take()
        page.press("c")
        page.until("document.getElementById('command-said').textContent.startsWith('Copied')")
        command = page.value("navigator.clipboard.readText()")
        assert page.wrong == []
        page.context.close()
    where = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", command], cwd=tmp_path, env=where, check=True, capture_output=True)
    assert (tmp_path / take.file).read_bytes() == take.data
