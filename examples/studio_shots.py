"""Screenshots of the studio as docs/studio.md and README.md have them: python examples/studio_shots.py FOLDER

Needs playwright and a Chromium. The piece is another one each time: the first that is ready.
"""

import shutil
import sys
import threading
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from musiclc.studio.serve import studio_of

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--autoplay-policy=no-user-gesture-required", "--mute-audio"]
LONG = 600.0  # seconds that a take may need


def until(page, expression):
    """Wait until an expression of the page is true."""
    end = time.monotonic() + LONG
    while not page.evaluate(expression):
        if time.monotonic() > end:
            sys.exit(f"never: {expression}: {page.inner_text('#trouble')}")
        time.sleep(0.05)


def asked(page, button):
    """Press a button and wait for its take."""
    before = page.evaluate("document.querySelectorAll('#takes .take').length")
    page.click(button)
    until(page, f"document.querySelectorAll('#takes .take').length > {before} && document.querySelectorAll('#jobs .job').length === 0")
    until(page, "studio.player.playing")
    page.evaluate("studio.player.stop()")
    page.wait_for_timeout(600)


def goal(page, rule, text):
    """Ask for a goal of a rule."""
    dial = page.locator(f"[aria-controls=dial-{rule}]")
    if dial.get_attribute("aria-expanded") == "false":
        dial.click()
    page.fill(f"[aria-label='{rule}, goal']", text)
    page.press(f"[aria-label='{rule}, goal']", "Enter")
    page.wait_for_timeout(400)


def bars(page, first, last):
    """Select bars, by the keyboard."""
    page.focus("#roll")
    for key in ("Escape", "Escape", "Home", *["ArrowRight"] * (first - 1), *["Shift+ArrowRight"] * (last - first)):
        page.keyboard.press(key)
    page.wait_for_timeout(500)


def shots(browser, address, folder):
    """All of them, one after another."""
    page = browser.new_page(viewport={"width": 1280, "height": 720}, color_scheme="light")
    page.goto(address)
    page.wait_for_selector("html[data-ready=true]")
    until(page, "document.getElementById('model').textContent === 'model ready'")
    goal(page, "key", "D dorian")
    page.fill("#form", "A4 A'4 B4 A'4")
    asked(page, "#write")
    page.screenshot(path=folder / "rest.png")
    page.keyboard.press("Space")
    page.wait_for_timeout(3500)
    page.screenshot(path=folder / "playing.png")
    page.keyboard.press("Space")
    page.click("#no-goals")
    bars(page, 9, 12)
    for seed in ("1", "2"):
        page.fill("#seed", seed)
        asked(page, "#infill")
    page.keyboard.press("s")
    page.wait_for_timeout(400)
    page.screenshot(path=folder / "regenerated.png")
    page.click("#pencil")
    box = page.locator("#roll").bounding_box()
    page.mouse.move(box["x"] + 44 + (box["width"] - 44) * 0.51, box["y"] + box["height"] * 0.7)
    page.mouse.down()
    page.mouse.move(box["x"] + 44 + (box["width"] - 44) * 0.62, box["y"] + box["height"] * 0.25, steps=10)
    page.mouse.move(box["x"] + 44 + (box["width"] - 44) * 0.74, box["y"] + box["height"] * 0.6, steps=10)
    page.mouse.up()
    page.wait_for_timeout(300)
    page.screenshot(path=folder / "drawn.png")
    asked(page, "#fill")
    page.screenshot(path=folder / "takes.png")
    page.click("#theme")
    page.wait_for_timeout(600)
    page.screenshot(path=folder / "dark.png")
    page.click("#theme")
    page.set_viewport_size({"width": 820, "height": 1180})
    page.wait_for_timeout(600)
    page.screenshot(path=folder / "tablet.png")


def main():
    if CHROMIUM is None:
        sys.exit("no Chromium here; wanted chromium on the path, such as apt-get install chromium brings")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    studio = studio_of([])
    thread = threading.Thread(target=studio.serve_until_stopped, daemon=True)
    thread.start()
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        shots(browser, studio.address, folder)
        browser.close()
    studio.handle_exit(2, None)
    thread.join(5)


if __name__ == "__main__":
    main()
