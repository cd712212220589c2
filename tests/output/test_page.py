"""The report page: structure and escaping always; sorting, sound and silence on the network in a real Chromium where there is one.

The latter needs chromium (apt install chromium) and pip install playwright; neither is fetched by the development extra.
"""

import base64
import hashlib
import inspect
import json
import re
import shutil
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from musiclc.errors import InputError
from musiclc.midi import to_bytes
from musiclc.output.page import MOST_NOTES, _filled, report_page
from tests.helpers import c_major_scale, jig

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NASTY = """</script><script>alert(1)</script><img src=x onerror=alert(1)>"'&{{notes}}\ud800<!--.mid"""
TUNE = to_bytes(c_major_scale(), bpm=240)


def entry(index, **more):
    density = {"rule": "density", "goal": ">=5", "value": 10.0 - index, "score": 1.0, "satisfied": index < 6, "weight": 1.0}
    return {"file": f"tune-{index}.mid", "seed": 7, "realism": 0.5, "notes": 32, "constraints": [density], "satisfied": index < 6, **more}


ENTRIES = [
    entry(2, job="low", realism=None),
    entry(9, job="low"),
    entry(1, job=NASTY, file=NASTY, seed=NASTY),
    entry(3, constraints=[{"rule": NASTY, "goal": NASTY, "value": NASTY, "satisfied": False}], satisfied=False),
    entry(4, constraints=[{"rule": "range", "goal": "C4..C6", "value": [60, 72], "satisfied": True}], notes=NASTY),
    entry(5, file="gone.mid"),
]


def read(wanted):
    if wanted["file"] == "gone.mid":
        raise InputError("gone.mid: cannot be read <b>here</b>")
    return TUNE


@pytest.fixture(scope="module")
def thousand():
    """The page of a thousand files."""
    return report_page([entry(i) for i in range(1000)], lambda _: TUNE, "many")


class Page(HTMLParser):
    """Which elements there are, with their attributes, and what scripts hold."""

    def __init__(self, data):
        super().__init__()
        self.found, self.scripts, self.text, self.inside = [], [], [], ""
        self.feed(data.decode("utf-8"))

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        (self.scripts if self.inside == "script" else self.text).append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def data():
    return report_page(ENTRIES, read, NASTY)


def test_names_from_outside_stay_text(data):
    page = Page(data)
    assert len(page.all("script")) == 2
    assert not page.all("img")
    assert not page.all("b")
    handlers = [name for _, attributes in page.found for name in attributes if name.startswith("on")]
    assert not handlers
    assert data.count(b"</script>") == 2
    assert NASTY.replace("\ud800", "?") in {row["data-file"] for row in page.all("tr") if "data-file" in row}


def test_nothing_is_fetched_and_only_the_pages_own_script_may_run(data):
    page = Page(data)
    assert not [a for _, a in page.found if {"src", "href", "action", "srcset"} & set(a)]
    assert b"url(" not in data
    assert b"@import" not in data
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert base64.b64encode(hashlib.sha256(page.scripts[-1].encode()).digest()).decode() in policy
    style = re.search(r"<style>(.*?)</style>", data.decode(), re.DOTALL).group(1)
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy
    assert "prefers-color-scheme: dark" in style


def test_rows_carry_what_was_asked_and_what_was_got(data):
    page = Page(data)
    rows = [a for a in page.all("tr") if "data-row" in a]
    assert [r["data-met"] for r in rows] == ["yes", "no", "yes", "no", "yes", "yes"]
    text = " ".join(page.text)
    for said in ("6 files · 4 of 6 meet every goal", "60–72", "C4..C6", ">=5", "gone.mid: cannot be read <b>here</b>"):
        assert said in text
    assert len([b for b in page.all("button") if b.get("class") == "play"]) == 5
    notes = json.loads(page.scripts[0])
    assert notes[0]["n"][:10] == [0, 125, 60, 96, 0, 125, 125, 62, 84, 0]
    assert notes[0]["bars"] == [0, 1000, 2000, 3000, 4000]
    assert notes[0]["ms"] == 4000
    assert notes[5]["n"] == []


def test_sections_are_named_and_their_verdicts_have_columns_of_their_own():
    whole, part = (
        {"rule": "density", "goal": "8", "value": 8.0, "satisfied": True},
        {"rule": "density", "goal": "4", "value": 8.0, "satisfied": False},
    )
    asked = {"constraints": [whole, {**part, "section": "B"}], "form": "A1 B2 A1", "satisfied": False}
    page = Page(report_page([entry(1, **asked), entry(2, form="A8"), entry(3, form=NASTY), entry(4, form=7)], read, "forms"))
    assert [text for text in page.text if text in ("density", "B: density")] == ["density", "B: density"]
    notes = json.loads(page.scripts[0])
    assert notes[0]["sections"] == [[0, "A"], [1000, "B"], [3000, "A"]]
    assert not [row for row in notes[1:] if "sections" in row]  # longer than the file, or no form


def test_a_thousand_files_make_a_small_page(thousand):
    assert len(thousand) < 2_000_000
    assert len(Page(thousand).all("tr")) == 1 + 1000


def test_the_data_cannot_end_its_script_nor_begin_a_comment():
    """Today it holds numbers only; should it ever hold a name, that name stays text."""
    parts = {"title": "", "summary": "", "jobs": False, "columns": [], "rows": [], "notes": [NASTY]}
    made = Page(_filled(parts).encode("utf-8", "replace"))
    assert len(made.scripts) == 2
    assert json.loads(made.scripts[0]) == [NASTY]
    assert not set("<>&'") & set(made.scripts[0])


def test_the_template_escapes_all_and_every_class_has_its_style():
    template, style, script = (Path(inspect.getfile(report_page)).with_suffix(f".{kind}").read_text() for kind in ("html", "css", "js"))
    assert not re.findall(r"\|\s*(safe|forceescape)|autoescape|xmlattr", template)
    assert "{{" not in style + script
    classes = set(re.findall(r'class="([a-z ]+)"', template)) - {"summary"}
    assert {"number", "goal", "file", "play"} <= classes
    assert not [name for name in classes if f".{name}" not in style]


def test_long_files_are_shown_by_their_beginning(monkeypatch):
    monkeypatch.setattr("musiclc.output.page.MOST_NOTES", 4)
    assert MOST_NOTES == 2000
    notes = json.loads(Page(report_page([entry(1)], lambda _: to_bytes(jig()), "long")).scripts[0])[0]
    assert (len(notes["n"]), notes["ms"]) == (4 * 5, 2000)
    assert report_page([], read, "none")


# ---- in a real browser ---------------------------------------------------------------------------------------------

LISTEN = """
window.contexts = [];
window.AudioContext = class extends AudioContext {
  constructor() { super(); window.contexts.push(this); this.ear = null; }
  createDynamicsCompressor() { const made = super.createDynamicsCompressor(); this.ear = this.createAnalyser(); made.connect(this.ear); return made; }
};
window.loudness = () => {
  const ear = window.contexts.at(-1).ear, wave = new Float32Array(ear.fftSize);
  ear.getFloatTimeDomainData(wave);
  return wave.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
};
"""


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium here")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture
def shown(browser, tmp_path):
    """A function that shows a page; afterwards nothing but the page was asked for, and nothing was complained of."""
    page = browser.new_page(viewport={"width": 1200, "height": 700})
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append("a dialog") or dialog.dismiss())
    page.add_init_script(LISTEN)

    def show(data):
        (tmp_path / "page.html").write_bytes(data)
        page.goto((tmp_path / "page.html").as_uri())
        return page

    yield show
    page.close()
    assert asked == [(tmp_path / "page.html").as_uri()]
    assert said == []


def column(page, name):
    """The button that sorts a column, and a function that gives the column's values in the order shown."""
    number = [text.split(" ")[0] for text in page.locator("thead th").all_inner_texts()].index(name)
    values = f"[...document.querySelectorAll('tbody tr')].map(row => row.cells[{number}].dataset.v)"
    return page.locator("thead th").nth(number).locator("button"), lambda: page.evaluate(values)


def until(page, condition, seconds=10):
    """Wait for a JavaScript condition. Not by wait_for_function, whose eval within the page the page's policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(20)


def test_the_table_sorts_and_is_searched(shown, data):
    page = shown(data)
    button, values = column(page, "density")
    button.click()
    assert values() == ["1.0", "5.0", "8.0", "9.0", "", ""]
    button.press("Enter")
    assert values() == ["9.0", "8.0", "5.0", "1.0", "", ""]  # none stays last
    assert page.locator("th[aria-sort=descending]").count() == 1
    button, values = column(page, "file")
    button.click()
    assert values()[1:4] == ["gone.mid", "tune-2.mid", "tune-3.mid"]
    page.fill("#find", "tune-")
    assert page.locator("tbody tr:visible").count() == 4
    page.check("#unmet")
    assert page.locator("tbody tr:visible").count() == 2
    assert page.inner_text("#said") == "2 of 6 shown"


def test_play_sounds_and_stops_by_mouse_and_keyboard(shown, data):
    page = shown(data)
    buttons = page.locator("button.play")
    buttons.nth(0).click()
    until(page, "contexts.length === 1 && contexts[0].state === 'running' && loudness() > 0.02")
    assert buttons.nth(0).get_attribute("aria-pressed") == "true"
    until(page, "Number(document.querySelector('svg .head').getAttribute('x1')) > 5")
    buttons.nth(1).click()  # one at a time
    until(page, "contexts.length === 2 && contexts[0].state === 'closed' && contexts[1].state === 'running'")
    assert page.locator("button[aria-pressed=true]").count() == 1
    page.keyboard.press("Escape")
    until(page, "contexts[1].state === 'closed'")
    buttons.nth(0).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    until(page, "contexts.length === 3 && loudness() > 0.02")
    page.keyboard.press("Space")
    until(page, "contexts[2].state === 'closed'")
    assert page.locator("button[aria-pressed=true], svg .head").count() == 0


def test_sections_are_drawn_and_long_pieces_are_wider(shown):
    from musiclc.music.melody import Melody, Note

    long = to_bytes(Melody(tuple(Note(16 * bar, 60, 4) for bar in range(16)), "4/4", 16))
    page = shown(report_page([entry(1, form="A8 B8"), entry(2)], lambda entry: long if "form" in entry else TUNE, "forms"))
    page.wait_for_selector("tbody tr:last-child svg")
    assert page.locator("svg text.section").all_text_contents() == ["A", "B"]
    assert [page.locator("svg").nth(i).bounding_box()["width"] for i in (0, 1)] == [520, 260]


def test_a_thousand_rows_are_drawn_as_they_come_into_view(shown, thousand):
    page = shown(thousand)
    page.wait_for_selector("svg rect")
    assert page.locator("svg").count() < 60
    button, values = column(page, "density")
    button.click()
    assert values() == sorted(values(), key=float)
    page.evaluate("document.querySelector('tbody tr:last-child').scrollIntoView()")
    page.wait_for_selector("tbody tr:last-child svg")
    assert page.locator("svg").count() < 120
