"""What the command line writes, as hashes: `python -m tests.golden > tests/golden.json` records them, tests/test_golden.py compares.

A change that is meant to move code and nothing else leaves every hash as it is; one that is meant to change bytes records anew. So only the
command line is used here, and inputs are made with mido. A case's record maps each file that it wrote to its SHA-256. A manifest's keys may
grow: its record is the SHA-256 of a few fields of its lines; failures.jsonl has none. Rounding depends on the machine: so does the record, and
"numerics" says on what. Everything runs with one thread.
"""

import contextlib
import hashlib
import importlib.metadata
import io
import json
import os
import platform
import random
import shlex
import sys
import tempfile
from pathlib import Path
from unittest import mock

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

TICKS = 480  # a quarter note
STEP = TICKS // 4
RHYTHMS = {
    "4/4": ([2] * 8, [3, 1, 2, 2, 2, 2, 4], [2, 2, 1, 1, 2, 2, 2, 2, 2], [2, 1, 1, 2, 2, 4, 2, 2]),
    "3/4": ([4, 2, 2, 2, 2], [2] * 6, [6, 2, 4], [4, 4, 4]),
    "6/8": ([2] * 6, [4, 2, 4, 2], [6, 4, 2], [3, 1, 2, 2, 2, 2]),
}
OWN_RULE = '''
def zigzag(melody):
    """Share of inner notes where the line turns."""
    p = [n.pitch for n in melody.notes]
    turns = [(b - a) * (c - b) < 0 for a, b, c in zip(p, p[1:], p[2:])]
    return sum(turns) / len(turns) if turns else 0.0
'''

# name → command line; {places} are those of `laid_out`, and {out} is a folder of the case's own
CASES = {
    name: shlex.split(line)
    for name, line in {
        "method-auto": "sample --bars 4 --key 'A minor' --density 6..9 -n 3 --seed 1 -o {out}",
        "method-guided": "sample --bars 4 --key 'A minor' --density 6..9 -n 3 --seed 2 -o {out} --method guided",
        "method-gradient": "sample --bars 4 --key 'A minor' --density 6..9 -n 3 --seed 3 -o {out} --method gradient",
        "method-langevin": "sample --bars 4 --key 'A minor' --density 6..9 -n 3 --seed 4 -o {out} --method langevin",
        "method-actor": "sample --bars 4 --key 'A minor' --density 6..9 -n 3 --seed 5 -o {out} --method actor",
        "method-chosen": "sample --bars 4 --key 'A minor' --density 6..9 -n 3 --seed 33 -o {out} --method chosen",
        "method-vector": "sample --bars 4 --key 'A minor' --density 6..9 -n 3 --seed 7 -o {out} --method vector",
        "method-rejection": "sample --bars 4 --key 'A minor' --density 6..9 -n 3 --seed 8 -o {out} --method rejection",
        "method-normal": "sample --bars 4 --key 'A minor' --density 6..9 -n 3 --seed 9 -o {out} --method normal",
        "rule-key": "sample --bars 4 --key 'D dorian' -n 2 --seed 11 -o {out}",
        "rule-density": "sample --bars 4 --density 9..11 -n 2 --seed 12 -o {out}",
        "rule-range": "sample --bars 4 --range C4..C5 -n 2 --seed 13 -o {out}",
        "rule-span": "sample --bars 4 --span 5..8 -n 2 --seed 44 -o {out}",
        "rule-register": "sample --bars 4 --register high -n 2 --seed 15 -o {out}",
        "rule-contour": "sample --bars 4 --contour arch -n 2 --seed 16 -o {out}",
        "rule-motion": "sample --bars 4 --motion 16..20 -n 2 --seed 47 -o {out}",
        "rule-steps": "sample --bars 4 --steps '>=0.8' -n 2 --seed 18 -o {out}",
        "rule-complexity": "sample --bars 4 --complexity '>=4' -n 2 --seed 19 -o {out}",
        "rule-syncopation": "sample --bars 4 --syncopation '>=0.1' -n 2 --seed 20 -o {out}",
        "rule-repetition": "sample --bars 4 --repetition 0.5 -n 2 --seed 21 -o {out}",
        "rule-rests": "sample --bars 4 --rests '>=0.1' -n 2 --seed 22 -o {out}",
        "rule-longest": "sample --bars 4 --longest '>=3' -n 2 --seed 23 -o {out}",
        "rule-start": "sample --bars 4 --start 5 --key G -n 2 --seed 41 -o {out}",
        "rule-end": "sample --bars 4 --end G -n 2 --seed 43 -o {out}",
        "rule-chords": "sample --bars 4 --chords 'Dm7 G7' -n 2 --seed 26 -o {out}",
        "rule-own": "sample --bars 4 --rule '{rule}:zigzag=>=0.5' -n 2 --seed 27 -o {out}",
        "meter-3-4": "sample --bars 4 --meter 3/4 --key F --program 73 --bpm 96 --midi-type 0 --temperature 0.9 -n 2 --seed 28 -o {out}",
        "meter-6-8": "sample --bars 4 --meter 6/8 --density 8@2 --program 40 --bpm 140.5 --midi-type 0 --realism 0 -n 2 --seed 29 -o {out}",
        "transform-key": "transform {songs} --key 'C minor' --seed 1 -o {out}",
        "transform-density": "transform {tune} --density 5 --track Voice --seed 2 -o {out}",
        "transform-both": "transform {mixed} --key 'D minor' --density 8 --seed 3 -o {out}",
        "transform-contour": "transform {jig} --contour down --seed 4 -o {out}",
        "transform-keep-0.3": "transform {waltz} --key 'G mixolydian' --keep 0.3 --temperature 0.5 --seed 5 -o {out}",
        "transform-snap": "transform {tune} --key Eb --method snap --seed 6 -o {out}",
        "transform-own": "transform {march} --rule '{rule}:zigzag=>=0.6' --seed 7 -o {out}",
        "vary": "vary {waltz} -n 2 --keep 0.6 --seed 8 -o {out}",
        "interpolate": "interpolate {march} {tune} -n 3 --seed 9 -o {out}",
        "batch": "batch {jobs} --workers 2 -O {out}",
        "render": "render {songs} --png --svg -O {out}",
    }.items()
}


def numerics():
    """What the bits of a record depend on."""
    import torch

    versions = {name: importlib.metadata.version(name) for name in ("torch", "numpy", "pillow", "mido")}
    supported = {name: bool(getattr(torch.cpu, f"_is_{name}_supported", bool)()) for name in ("avx512_bf16", "amx_tile")}  # decides on bfloat16
    capability = torch.backends.cpu.get_cpu_capability()
    return {**versions, "python": sys.version_info.minor, "machine": platform.machine(), "capability": capability, **supported}


# ---- inputs --------------------------------------------------------------------------------------------------------


def line(seed, bars, tonic):
    """A walk on a major scale, in phrases of four bars of which the third is the first again: (start, pitch, duration) in steps of a sixteenth.

    bars: the meter of each.
    """
    r, degree, start, notes, phrase = random.Random(seed), 4, 0, [], []
    for number, meter in enumerate(bars):
        if number % 4 == 2 and bars[number - 2] == meter:
            shape = phrase[-2]
        else:
            shape = [(d, r.choice((-2, -1, -1, 1, 1, 2))) for d in r.choice(RHYTHMS[meter])]
        phrase.append(shape)
        for duration, move in shape:
            degree = degree + move if 0 <= degree + move <= 11 else degree - move
            notes.append((start, tonic + 12 * (degree // 7) + (0, 2, 4, 5, 7, 9, 11)[degree % 7], duration))
            start += duration
    return notes


def played(notes, channel, humanise=None):
    """(tick, message) of notes; humanise: a random.Random that moves each a little off the grid."""
    import mido

    events = []
    for start, pitch, duration in notes:
        on, off = (humanise.randrange(30), humanise.randrange(40)) if humanise else (0, 10)
        velocity = 70 + humanise.randrange(40) if humanise else 80
        events.append((start * STEP + on, mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)))
        events.append(((start + duration) * STEP - off, mido.Message("note_off", channel=channel, note=pitch, velocity=0)))
    return events


def track(name, events):
    """A track of (tick, message)."""
    import mido

    made, now = mido.MidiTrack([mido.MetaMessage("track_name", name=name)]), 0
    for tick, message in sorted(events, key=lambda e: (e[0], e[1].type == "note_on")):
        made.append(message.copy(time=tick - now))
        now = tick
    return made


def song(seed, bars, tonic, rich=False, loose=False):
    """A MIDI file. bars: the meter of each; rich: with bass, drums, a lyric and a sysex; loose: the melody's timing is humanised."""
    import mido

    head, start = [(0, mido.MetaMessage("set_tempo", tempo=550000))], 0
    for before, meter in zip(["", *bars], bars, strict=False):
        if meter != before:
            numerator, denominator = map(int, meter.split("/"))
            head.append((start * STEP, mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator)))
        start += sum(RHYTHMS[meter][0])
    melody = played(line(seed, bars, tonic), 0, random.Random(seed) if loose else None)
    tracks = [track("", head), track("Voice", melody)]
    if rich:
        junk = [
            (0, mido.MetaMessage("lyrics", text="la")),
            (TICKS * 3, mido.Message("sysex", data=(1, 2, 3))),
            (900, mido.Message("pitchwheel", pitch=200)),
        ]
        tracks[1] = track("Voice", junk + melody)
        tracks.append(track("Bass", played([(8 * i, tonic - 24 + (0, 7)[i % 2], 8) for i in range(start // 8)], 1)))
        tracks.append(track("Drums", played([(4 * i, (36, 38)[i % 2], 1) for i in range(start // 4)], 9)))
    data = io.BytesIO()
    mido.MidiFile(type=1, ticks_per_beat=TICKS, tracks=tracks).save(file=data)
    return data.getvalue()


def laid_out(folder):
    """Writes all inputs; their places by name."""
    songs = {
        "tune": song(1, ["4/4"] * 16, 60, rich=True),
        "march": song(2, ["4/4"] * 8, 67),
        "waltz": song(3, ["3/4"] * 12, 62),
        "mixed": song(4, ["4/4"] * 8 + ["3/4"] * 6, 60),
        "jig": song(5, ["6/8"] * 8, 62, loose=True),
    }
    places = {"songs": folder / "songs", "rule": folder / "my.py", "jobs": folder / "jobs.jsonl"}
    places |= {name: folder / "songs" / f"{name}.mid" for name in songs}
    places["songs"].mkdir()
    for name, data in songs.items():
        places[name].write_bytes(data)
    places["rule"].write_text(OWN_RULE)
    jobs = (
        {"id": "one", "bars": 4, "key": "C", "n": 2, "seed": 1},
        {"id": "two", "bars": 4, "key": "C", "n": 3, "seed": 2, "bpm": 90},
        {"id": "changed", "command": "transform", "input": str(places["march"]), "key": "G minor", "seed": 3},
        {"id": "varied", "command": "vary", "input": str(places["jig"]), "n": 2, "seed": 4},
    )
    places["jobs"].write_text("".join(json.dumps(job) + "\n" for job in jobs))
    return places


# ---- the record ----------------------------------------------------------------------------------------------------


def record():
    """Runs every case in a temporary folder: {case: {file: SHA-256}}, or {case: {"failed": why}}."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as name, mock.patch.dict(os.environ, XDG_CACHE_HOME=f"{name}/cache", XDG_DATA_HOME=f"{name}/data"):
            places = laid_out(Path(name))
            return {case: _ran(words, {**places, "out": Path(name) / "out" / case}) for case, words in CASES.items()}
    finally:
        torch.set_num_threads(threads)


def _ran(words, places):
    from musiclc.cli import group

    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            group.main([*(word.format_map(places) for word in words), "--quiet"], prog_name="musiclc", standalone_mode=False)
    except SystemExit as end:
        if end.code:
            return {"failed": f"exit code {end.code}: {said.getvalue()}"}
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}
    files = [p for p in sorted(places["out"].rglob("*")) if p.is_file() and p.name != "failures.jsonl"]
    return {p.relative_to(places["out"]).as_posix(): hashlib.sha256(_told(p)).hexdigest() for p in files}


def _told(path):
    """A file's bytes; of a manifest what it says of each file, as canonical JSON."""
    if path.name != "manifest.jsonl":
        return path.read_bytes()
    entries = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    rows = [[e["file"], e["sha256"], [c["value"] for c in e.get("constraints", [])], e.get("satisfied")] for e in entries]
    return json.dumps(rows, separators=(",", ":"), sort_keys=True).encode()


if __name__ == "__main__":
    cases = record()
    if wrong := {case: files for case, files in cases.items() if not files or "failed" in files}:
        sys.exit(f"cases that wrote nothing: {wrong}")
    print(json.dumps({"numerics": numerics(), "cases": cases}, indent=1, ensure_ascii=False))
