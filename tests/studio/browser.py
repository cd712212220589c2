"""A real Chromium without a window, and a studio's page in it."""

import contextlib
import shutil
import time

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--autoplay-policy=no-user-gesture-required", "--mute-audio"]  # what is measured is measured before the loudspeaker


def executable() -> str:
    """The browser of the distribution; skips the test where there is none."""
    pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    return found


@contextlib.contextmanager
def browser():
    path = executable()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield running
        finally:
            running.close()


class Page:
    """A studio's page. wrong: what its console and its errors said."""

    def __init__(self, running, studio, width=1280, height=720, **more):
        self.studio, self.wrong, self.loaded = studio, [], 0
        self.context = running.new_context(viewport={"width": width, "height": height}, accept_downloads=True, **more)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page = self.context.new_page()
        self.page.on("console", lambda m: self.wrong.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.wrong.append(str(e)))
        self.page.on("dialog", lambda d: self.wrong.append(d.message))
        self.page.on("response", self._count)
        self.page.goto(studio.address)
        self.page.wait_for_selector("html[data-ready=true]")

    def _count(self, response):
        if "events" not in response.url:
            with contextlib.suppress(Exception):
                self.loaded += len(response.body())

    def value(self, expression):
        return self.page.evaluate(expression)

    def until(self, expression, seconds=20.0):
        """Wait until an expression is true: the page's policy lets no text become a program, so it is asked again and again."""
        end = time.monotonic() + seconds
        while not self.value(expression):
            said = f"{self.page.inner_text('#status')} | {self.page.inner_text('#trouble')} | {self.wrong}"
            assert time.monotonic() < end, f"never: {expression}: {said}"
            time.sleep(0.02)

    def open(self, name, data):
        shown = self.value("studio.doc.take")
        self.page.set_input_files("#file", {"name": name, "mimeType": "audio/midi", "buffer": data})
        self.until(f"studio.doc.take !== {'null' if shown is None else shown} && document.getElementById('status').textContent.includes('opened')")
        return self.value("studio.doc.take")

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def take(self):
        """The take that is shown."""
        return self.studio.session.shelf.of(self.value("studio.doc.take"))

    def after(self, act):
        """The take that is shown once an act has made another one the one shown."""
        shown = self.value("studio.doc.take")
        act()
        self.until(f"studio.doc.take !== {'null' if shown is None else shown}")
        return self.take()

    def travelled(self, key, take, most=4):
        """Undo or redo until a take is shown: a selection made while the page was busy may be a step of its own."""
        for _ in range(most):
            shown = self.value("studio.doc.take")
            if shown == take:
                return
            self.press(key)
            with contextlib.suppress(AssertionError):
                self.until(f"studio.doc.take !== {shown}", 3)
        assert self.value("studio.doc.take") == take

    def peak(self, seconds=1.5):
        """The loudest sample that reaches the loudspeaker within so many seconds, 0 to 1."""
        return self.page.evaluate(
            """async (seconds) => {
                const { analyser } = studio.player.synth, data = new Float32Array(analyser.fftSize), end = performance.now() + seconds * 1000;
                let peak = 0;
                while (performance.now() < end) {
                    analyser.getFloatTimeDomainData(data);
                    for (const each of data) peak = Math.max(peak, Math.abs(each));
                    await new Promise((resolve) => setTimeout(resolve, 20));
                }
                return peak;
            }""",
            seconds,
        )
