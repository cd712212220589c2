"""From a form and goals of sections to files and their manifest, in a command and in a batch; what writes whole pieces is a stub."""

import json
import sys
from types import ModuleType

import pytest

import musiclc
from musiclc.midi import read_melody
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import METERS
from musiclc.rules.sections import section_verdicts
from musiclc.sampling.request import SampleOptions
from musiclc.sampling.sample import Sample, not_met
from tests import command

FORM = "A4 B4 A'4"


def piece(request):
    """A scale up and down in eighths; in the second of four bars each an octave higher, and half as dense."""
    steps, notes = METERS[request.options.meter], []
    for bar in range(request.options.bars):
        high = bar // 4 % 2
        notes += [Note(bar * steps + s, 60 + 12 * high + s // 2, 2) for s in range(0, steps, 4 if high else 2)]
    return Melody(tuple(notes), request.options.meter, request.options.bars)


def delivered(request, index):
    melody = piece(request)
    tokens = tok.from_melody(melody)
    verdicts = [c.verdict(c.rule.measure(tokens[None], melody.meter)[0]) for c in request.constraints]
    verdicts += section_verdicts(request.sections, tokens, melody.meter)
    return Sample(index, melody, verdicts, "stub", 1, 0.5, not_met(verdicts))


@pytest.fixture
def asked(monkeypatch):
    """Puts a stub in the place of what writes whole pieces; the requests that it was given."""
    requests = []

    def samples(model, request):
        requests.append(request)
        return (delivered(request, index) for index in range(1, request.n + 1))

    def samples_by_key(model, request, more):
        requests.append(request)
        while items := more(8):
            yield from ((item, delivered(request, item[1])) for item in items)

    stub = ModuleType("musiclc.sampling.pieces")
    stub.samples, stub.samples_by_key = samples, samples_by_key
    monkeypatch.setitem(sys.modules, stub.__name__, stub)
    return requests


def manifest(folder):
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def test_the_command_line_asks_writes_and_tells(asked, tiny, tmp_path):
    words = ["--form", FORM, "--section", "B: density=4, register=high", "--section", "A: density=8", "--density", "6..7", "--seed", 1]
    command.musiclc("sample", "--model", tiny, *words, "-n", 2, "-o", "out", "--quiet", cwd=tmp_path)
    (request,) = asked
    assert [(s.name, s.windows) for s in request.sections] == [("B", ((4, 8),)), ("A", ((0, 4), (8, 12)))]
    first, _ = manifest(tmp_path / "out")
    assert (first["bars"], first["form"], first["satisfied"]) == (12, FORM, True)
    assert list(first).index("form") == list(first).index("bars") + 1
    told = [(c.get("section"), c["rule"], c["value"]) for c in first["constraints"]]
    assert told == [(None, "density", 6.666667), ("B", "density", 4.0), ("B", "register", 75.0), ("A", "density", 8.0)]
    assert read_melody(tmp_path / "out" / first["file"]).bars == 12
    done = command.musiclc("score", "--check", "out/manifest.jsonl", cwd=tmp_path)
    assert done.err == "2 of 2 files are what the manifest says\n"


def test_a_section_that_misses_is_named(asked, tiny, tmp_path):
    words = ["--form", FORM, "--section", "B: density=9", "-o", "out", "--seed", 1, "--strict"]
    done = command.musiclc("sample", "--model", tiny, *words, cwd=tmp_path, code=3)
    assert "section B: density 9: not met, value 4.0" in done.err
    (entry,) = manifest(tmp_path / "out")
    assert [(c["section"], c["satisfied"]) for c in entry["constraints"]] == [("B", False)]


def test_a_notebook_asks_by_a_mapping(asked, tiny):
    from pathlib import Path

    from musiclc.model.checkpoint import load_model

    model = load_model(Path(tiny))
    (made,) = musiclc.sample(model, {"density": "6..7"}, 1, SampleOptions(form=FORM), {"B": {"density": "4"}, "1..4": {"density": "8"}})
    assert [(v.get("section"), v["satisfied"]) for v in made.verdicts] == [(None, True), ("B", True), ("1..4", True)]
    assert len(list(musiclc.sample(model, {}, 2))) == 2
    assert asked[-1].options.bars == 16
    list(musiclc.sample(model, {}, 1, SampleOptions(bars=4, realism=0)))  # a phrase
    assert len(asked) == 2


def test_jobs_of_a_batch_ask_by_a_mapping_too(asked, tiny, tmp_path):
    from musiclc.batch import commands
    from tests.batch.common import here, run, write

    job = {"id": "song", "form": FORM, "sections": {"B": {"density": 4}, "A'": {"register": "middle"}}, "n": 2, "seed": 3, "model": tiny}
    jobs = write(tmp_path / "jobs.jsonl", [job, {**job, "id": "slow", "bpm": 60, "n": 1}, {"id": "plain", "seed": 1, "model": tiny}])
    done = command.musiclc("batch", jobs, "-O", "out", "--dry-run", cwd=tmp_path)
    assert done.err == "4 files to make\n"
    outcome = run(jobs, tmp_path / "out", here(commands.runners()))
    assert (outcome.made, outcome.failures) == (4, {})
    entries = manifest(tmp_path / "out")
    assert [(e["job"], e.get("form"), e["bars"]) for e in entries] == [("song", FORM, 12)] * 2 + [("slow", FORM, 12), ("plain", None, 16)]
    assert [c["section"] for c in entries[0]["constraints"]] == ["B", "A'"]
    assert len(asked) == 2  # jobs that differ in tempo alone are drawn together
    command.musiclc("score", "--check", "out/manifest.jsonl", cwd=tmp_path)
