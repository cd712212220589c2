"""What the studio costs, measured: python -m tests.studio.measure [--axe axe.min.js]

Times are of this machine at this moment; what they are measured against is measured in the same run.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from types import SimpleNamespace

from tests.studio.browser import Page, browser
from tests.studio.files import several

MANY = 900  # seconds that the model may need on a machine that has other things to do
FIRST_SOUND = """async () => {
    const { analyser } = studio.player.synth, data = new Float32Array(analyser.fftSize), began = performance.now();
    while (performance.now() - began < 900000) {
        analyser.getFloatTimeDomainData(data);
        if (data.some((each) => Math.abs(each) > 0.001)) return performance.now() - began;
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return NaN;
}"""


def seconds(*words):
    """How long a command takes, the median of three times."""
    found = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run(words, check=True, capture_output=True)
        found.append(time.perf_counter() - began)
    return median(found)


def said(what, value):
    print(f"{what:<64} {value}", flush=True)


def started(song):
    """A studio of its own process, its address, and when it was started."""
    began = time.perf_counter()
    words = [sys.executable, "-m", "musiclc.cli", "studio", str(song), "--no-browser"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return process, process.stdout.readline().strip(), began


def memory(process, field):
    """MB that a process holds now (VmRSS), or held at most (VmHWM)."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def measured(running, axe):
    torch = seconds(sys.executable, "-c", "import torch")
    said("import torch, s, median of 3", f"{torch:.2f}")
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "five.mid"
        song.write_bytes(several(tracks=5, bars=64, notes_a_bar=8))
        process, address, began = started(song)
        said("musiclc studio to its address, s", f"{time.perf_counter() - began:.2f}")
        page = Page(running, SimpleNamespace(address=address))
        page.until("studio.doc.take !== null")
        page.press("Space")
        page.value(f"({FIRST_SOUND})()")
        plays = time.perf_counter() - began
        said("musiclc studio to a page that plays, s; over import torch", f"{plays:.2f}; {plays / torch:.2f}")
        page.page.wait_for_timeout(6000)
        frames = page.value("studio.frames.slice(-240)")
        said("frames a second, 64 bars of five tracks", f"{(len(frames) - 1) * 1000 / (frames[-1] - frames[0]):.1f}")
        page.press(".")
        said("bytes that the page loads, its data included", f"{page.loaded:,}")
        page.until("document.getElementById('model').textContent === 'model ready'", MANY)
        said("model ready, s from the start", f"{time.perf_counter() - began:.1f}")
        for what in ("a new 16-bar take, nothing ready: click to first sound, s", "the next one, made ahead: click to first sound, s"):
            page.page.evaluate("studio.player.stop(); document.getElementById('write').focus()")
            page.page.wait_for_timeout(600)
            page.value("void document.getElementById('write').click()")
            said(what, f"{page.value(f'({FIRST_SOUND})()') / 1000:.2f}")
            page.until("document.getElementById('ahead').textContent !== ''", MANY)
        page.page.evaluate("studio.player.stop()")
        said("memory of the server, MB, now; at most", f"{memory(process, 'VmRSS'):.0f}; {memory(process, 'VmHWM'):.0f}")
        page.context.close()
        if axe:
            for scheme in ("light", "dark"):
                other = Page(running, SimpleNamespace(address=address), color_scheme=scheme, bypass_csp=True)
                other.page.add_script_tag(content=Path(axe).read_text())
                faults = other.value("axe.run().then((r) => r.violations.map((v) => v.impact + ': ' + v.id))")
                said(f"accessibility faults that axe-core finds, {scheme}", faults)
                other.context.close()
        ends = time.perf_counter()
        process.send_signal(signal.SIGINT)
        process.wait(60)
        said("Ctrl-C to its end, s; exit code", f"{time.perf_counter() - ends:.2f}; {process.returncode}")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--axe", help="axe.min.js of npm's axe-core")
    said("load of the machine, one minute; processors", f"{os.getloadavg()[0]:.1f}; {os.cpu_count()}")
    with browser() as running:
        measured(running, options.parse_args().axe)


if __name__ == "__main__":
    main()
