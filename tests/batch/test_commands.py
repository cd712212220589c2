"""Commands in a worker: library functions of a request, whole jobs or none, and nothing of the command line."""

import logging
import queue
import subprocess
import sys
from pathlib import Path

import pytest

from musiclc.batch import commands, messages
from musiclc.cli import _jobs
from musiclc.errors import MusiclcError, UsageError
from musiclc.midi import to_bytes
from musiclc.model.checkpoint import load_model
from musiclc.sampling import sample as sampling
from tests.helpers import c_major_scale, jig


@pytest.fixture
def song(tmp_path):
    (tmp_path / "a.mid").write_bytes(to_bytes(c_major_scale()))
    return str(tmp_path / "a.mid")


def part(job, count=1, seed=1, **options):
    return messages.JobPart(job, options, seed, tuple(range(1, count + 1)), count, "f")


def served(command, *parts, shape="s"):
    units = queue.Queue()
    for each in (messages.Unit(1, command, shape, parts), None):
        units.put(each)
    return list(messages.serve(commands.runners(), units))


def failures(found):
    return {m.job: m.error for m in found if isinstance(m, messages.Failed)}


def test_a_worker_has_no_command_line(tiny, song):
    code = f"""if True:
        import sys
        from musiclc.batch import commands, messages
        unit = messages.Unit(1, "transform", "", (messages.JobPart("j", {{"input": [{song!r}], "key": "D", "model": {tiny!r}}}, 1, (1,), 1, "f"),))
        (made, done) = commands.runners()["transform"](unit, lambda shape: None)
        print(made.entries[0]["file"], [m for m in sys.modules if m.split(".")[0] == "click" or m.startswith("musiclc.cli")])"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "j/a.mid []\n"


def test_what_is_written_wrong_fails_its_job_by_name_and_no_other(tiny, monkeypatch):
    """The second of three melodies cannot be written: that job has failed, though its others could be."""
    from musiclc import midi

    real, second = midi.to_bytes, list(sampling.sample(load_model(Path(tiny)), {}, 2, sampling.SampleOptions(bars=4, seed=1, realism=0)))[1].melody

    def to_bytes(melody, *, bpm, **rest):
        if bpm == 77 and melody == second:
            raise RuntimeError("no more paper")
        return real(melody, bpm=bpm, **rest)

    monkeypatch.setattr(midi, "to_bytes", to_bytes)
    options = {"bars": "4", "model": tiny, "realism": "0"}
    found = served("sample", part("good", 3, **options), part("bad", 3, **options, bpm="77"))
    assert failures(found) == {"bad": "RuntimeError: no more paper"}
    assert sorted(m.indices for m in found if isinstance(m, messages.Made) and m.job == "good") == [(1,), (2,), (3,)]
    assert [m for m in found if isinstance(m, messages.Done)] == [messages.Done(1)]


def test_a_command_that_ends_half_way_hands_over_nothing(monkeypatch):
    def run(request):
        yield {"file": "1.mid"}, b"one"
        raise MusiclcError("no more paper")

    half = commands.BatchCommand("musiclc.sampling.request:SampleRequest", "")
    monkeypatch.setattr(commands.BatchCommand, "made", lambda self, request: run(request))
    found = list(commands.run_alone(half, messages.Unit(1, "sample", "", (part("a"), part("b"))), lambda shape: None))
    assert failures(found) == {"a": "no more paper", "b": "no more paper"}
    assert not [m for m in found if isinstance(m, messages.Made)]


def test_a_job_leaves_the_log_of_its_worker_alone(tiny, song):
    log = logging.getLogger("musiclc")
    before = log.level, log.handlers, log.propagate
    try:
        log.setLevel(logging.INFO)
        log.handlers = handlers = [logging.NullHandler()]
        assert not failures(served("vary", part("v", input=[song], model=tiny, n="2"), shape=""))
        assert (log.level, log.handlers) == (logging.INFO, handlers)
    finally:
        log.level, log.handlers, log.propagate = before


def test_every_edit_can_be_a_job_with_its_options_as_text(tiny, song, tmp_path):
    (tmp_path / "b.mid").write_bytes(to_bytes(c_major_scale().transpose(5)))
    other = str(tmp_path / "b.mid")
    for command, options, files in (
        ("transform", {"input": [song, other], "key": "D", "keep": "0.3", "strict": "true"}, ["j/a.mid", "j/b.mid"]),
        ("transform", {"input": [str(tmp_path)], "recursive": "true", "name": "{stem}-{key}", "midi_type": "0"}, ["j/a-any.mid", "j/b-any.mid"]),
        ("vary", {"input": [song], "n": "2", "temperature": "0.9"}, ["j/a-1-0001.mid", "j/a-1-0002.mid"]),
        ("interpolate", {"input": [song, other], "n": "3"}, [f"j/a-b-000{i}.mid" for i in (1, 2, 3)]),
    ):
        made, done = served(command, part("j", **options, model=tiny), shape="")
        assert [e["file"] for e in made.entries] == files
        assert {(e["job"], e["command"], e["seed"], e["fingerprint"]) for e in made.entries} == {("j", command, 1, "f")}
        assert len(made.files) == len(files)
        assert done == messages.Done(1)


def test_new_bars_can_be_a_job(tiny, song, repeats):
    for command, options, files in (
        ("continue", {"input": [song], "bars": "2", "before": "true", "n": "2", "strict": "true"}, ["j/a-1-0001.mid", "j/a-1-0002.mid"]),
        ("infill", {"input": [song], "bars": "2..3", "key": "C", "temperature": "0.9"}, ["j/a-1-0001.mid"]),
        ("bridge", {"input": [song, song], "bars": "4", "name": "{stem}"}, ["j/a-a.mid"]),
    ):
        made, done = served(command, part("j", **options, model=tiny), shape="")
        assert [e["file"] for e in made.entries] == files
        assert {(e["job"], e["command"], e["seed"], e["fingerprint"]) for e in made.entries} == {("j", command, 1, "f")}
        assert done == messages.Done(1)


def test_a_file_that_cannot_be_done_fails_its_job(tiny, song, tmp_path):
    (tmp_path / "jig.mid").write_bytes(to_bytes(jig()))
    found = served("transform", part("j", input=[song, str(tmp_path / "jig.mid")], density="13..16", method="snap", model=tiny), shape="")
    assert failures(found) == {"j": f"{tmp_path}/jig.mid: density '13..16' cannot be met in 6/8: density lies between 0 and 12 notes a bar"}
    assert not [m for m in found if isinstance(m, messages.Made)]


def test_jobs_are_checked_as_their_requests_would_be(song, tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.mid").write_bytes(to_bytes(c_major_scale()))
    both = [song, str(tmp_path / "below" / "a.mid")]

    def mistakes(*jobs):
        from musiclc.batch.table import Row

        return [text for job in _jobs.checker().checked(Row(i, values) for i, values in enumerate(jobs, 1)) for text in job.mistakes]

    assert mistakes({"command": "interpolate", "input": both}, {"command": "vary", "input": song}) == []
    assert mistakes({"command": "infill", "input": song, "bars": "2..3", "n": 4}, {"command": "bridge", "input": both, "bars": 4}) == []
    assert mistakes({"command": "continue", "input": song, "bars": 8, "before": True}) == []
    assert mistakes({"command": "continue", "input": song}) == ["bars 0: wanted 1 to 64 new bars"]
    assert mistakes({"command": "infill", "input": song, "bars": "3-4"})[0].startswith("bars '3-4': wanted the first and the last one")
    assert mistakes({"command": "infill", "input": song, "bras": "3"})[0] == "bras: unknown to infill; did you mean bars?"
    assert mistakes({"command": "bridge", "input": song, "bars": 2}) == ["input: 1 files; bridge takes 2"]
    assert mistakes({"command": "transform", "input": both})[0].endswith("put {index} into --name, such as '{stem}-{index}.mid'")
    assert mistakes({"command": "vary", "input": song, "density": "40"})[0].startswith("density '40' cannot be met in 4/4")


def test_every_default_of_the_command_line_is_the_request_s():
    """A value that equals the command line's default is left out of a job, and so must be what the request takes in its absence."""
    one, two = {"input": ["a.mid"]}, {"input": ["a.mid", "b.mid"]}
    values = {"sample": {}, "transform": one, "vary": one, "interpolate": two}
    values |= {"continue": {**one, "bars": "8"}, "infill": {**one, "bars": "5..8"}, "bridge": {**two, "bars": "4"}}
    for name, schema in _jobs.commands().items():
        known = commands.COMMANDS[name]
        defaults = {f.name: f.default for f in schema.fields.values() if f.default and not f.refused}
        assert known.request_of({**values[name], **defaults}) == known.request_of(values[name])
        assert len(defaults) >= 3


def test_requests_refuse_what_they_do_not_know():
    for name, known in commands.COMMANDS.items():
        with pytest.raises(UsageError, match=f"kye: unknown to {name}; did you mean key?"):
            known.request_of(
                {"kye": "C", "input": ["a.mid", "b.mid"][: 2 if name in ("interpolate", "bridge") else 1]} if name != "sample" else {"kye": "C"}
            )


def test_a_job_may_say_in_what_the_networks_run(tiny, song):
    for command, options, shape in (("sample", {"bars": "4", "realism": "0"}, "s"), ("transform", {"input": [song]}, "")):
        made, _ = served(command, part("j", **options, model=tiny, numerics="float32"), shape=shape)
        assert made.entries[0]["numerics"].startswith("float32 ")
