"""Rules that two folders teach, from the command line: taught with a model of one's own, and asked for with that model."""

import json
import sys
from random import Random

import pytest

from musiclc.cli import main
from musiclc.custom import critics
from musiclc.midi import to_bytes
from musiclc.model.checkpoint import save_model
from musiclc.music.melody import Melody, Note
from musiclc.training import labels
from tests.helpers import tiny_model


@pytest.fixture
def musiclc(tmp_path, monkeypatch, capfd):
    """Runs a command line in this process, in a folder with calm/, wild/, and the model m.safetensors; fits are short."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for module, name, small in ((critics, "FIRST_STEPS", 20), (critics, "LATER_STEPS", 5), (critics, "ON_POLICY", 20), (labels, "STEPS", 60)):
        monkeypatch.setattr(module, name, small)
    save_model(tiny_model("mine"), tmp_path / "m.safetensors")
    for side, step in (("calm", 8), ("wild", 1)):
        (tmp_path / side).mkdir()
        for i in range(15):
            random = Random(i)
            notes = tuple(Note(s, 60 + random.choice((0, 2, 4, 5, 7)), step) for s in range(0, 64, step))
            (tmp_path / side / f"{i}.mid").write_bytes(to_bytes(Melody(notes)))

    def run(*words, code=0):
        monkeypatch.setattr(sys, "argv", ["musiclc", *words])
        with pytest.raises(SystemExit) as end:
            main()
        found = capfd.readouterr()
        assert (end.value.code or 0) == code, found
        return found

    return run


def test_a_rule_taught_with_a_model_is_asked_for_with_that_model(musiclc, tmp_path):
    musiclc("critic", "train", "--name", "calm", "--positive", "calm", "--negative", "wild", "--model", "m.safetensors", "--numerics", "float32")
    assert json.loads(musiclc("critic", "list", "--json").out)["name"] == "calm"
    musiclc("sample", "--bars", "4", "--rule", "calm@2", "--model", "m.safetensors", "-n", "2", "--seed", "1", "-o", "out", "--quiet")
    (verdict,) = json.loads((tmp_path / "out" / "manifest.jsonl").read_text().splitlines()[0])["constraints"]
    assert (verdict["rule"], verdict["goal"], verdict["weight"]) == ("calm", "met", 2.0)
    assert 0 <= verdict["value"] <= 1
    entry = json.loads(musiclc("score", "calm/0.mid", "--rule", "calm", "--model", "m.safetensors", "--json").out)
    assert entry["rules"][0]["satisfied"]
    musiclc("score", "--check", "out/manifest.jsonl", "--rule", "calm", "--model", "m.safetensors", "--quiet")
    job = {"id": "j", "bars": 4, "rule": ["calm@2"], "model": "m.safetensors", "n": 2, "seed": 1}
    (tmp_path / "jobs.jsonl").write_text(json.dumps(job) + "\n")
    musiclc("batch", "jobs.jsonl", "-O", "batch", "--workers", "1", "--quiet")
    for i in (1, 2):
        assert (tmp_path / "batch" / "j" / f"melody-1-000{i}.mid").read_bytes() == (tmp_path / "out" / f"melody-1-000{i}.mid").read_bytes()


def test_with_another_model_it_is_refused_and_both_are_named(musiclc, tmp_path):
    musiclc("critic", "train", "--name", "calm", "--positive", "calm", "--negative", "wild", "--model", "m.safetensors", "--quiet")
    save_model(tiny_model("other"), tmp_path / "o.safetensors")
    said = musiclc("sample", "--bars", "4", "--rule", "calm", "--model", "o.safetensors", "-o", "x.mid", "--quiet", code=1).err
    assert "rule calm: taught with the model mine" in said
    assert "and this is other" in said
