"""A table of what was asked and what was got: python examples/asked_and_got.py DIR [N]

The cells run one after another in an editor that knows `# %%`, or all together as a script.
"""

# %% The jobs: two contours and three densities, six folders of N melodies each
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

out = Path(sys.argv[1] if len(sys.argv) > 1 else "asked")
n = int(sys.argv[2]) if len(sys.argv) > 2 else 8
sweep = {"id": "shape", "command": "sample", "bars": 4, "contour": ["up", "down"], "density": ["4", "7", "10"], "n": n, "grid": True}

# %% Run them; a second time only what is missing is made
subprocess.run(["musiclc", "batch", "-", "-O", out, "--quiet"], input=json.dumps(sweep), text=True, check=True, stdout=subprocess.DEVNULL)

# %% Read the manifest: a line a file
found = defaultdict(list)
for line in (out / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
    entry = json.loads(line)
    found[entry["job"]].append(entry)

# %% Asked, got on average, and how many files meet the goals
print(f"{'job':<16}{'rule':<10}{'asked':>8}{'got':>8}{'met':>8}")
for job, entries in found.items():
    for place, verdict in enumerate(entries[0]["constraints"]):
        values = [e["constraints"][place] for e in entries]
        mean = sum(v["value"] for v in values) / len(values)
        print(f"{job:<16}{verdict['rule']:<10}{verdict['goal']:>8}{mean:>8.2f}{sum(v['satisfied'] for v in values):>5}/{len(values)}")
