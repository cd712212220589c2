"""The command line as users script it: streams, files, exit codes. Slow networks are the tiny model's, in a file."""

import hashlib
import json
from functools import partial

import pytest

from musiclc.custom.examples import EXAMPLES
from musiclc.midi import read_melody, to_bytes
from musiclc.music.melody import Melody, Note
from musiclc.music.theory import METERS
from musiclc.rules import RULES
from tests.command import musiclc, process
from tests.helpers import c_major_scale


def test_sample_writes_files_and_a_manifest_and_the_same_bytes_again(tiny, tmp_path):
    for folder in ("a", "b"):
        done = musiclc("sample", "--bars", "4", "--model", tiny, "--density", ">=1", "-n", 3, "--seed", 7, "-o", folder, cwd=tmp_path)
        assert done.out.decode().split() == [f"{folder}/melody-7-000{i}.mid" for i in (1, 2, 3)]
        assert done.err == "" or "miss a constraint" in done.err
    assert {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()} == {p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()}
    entries = [json.loads(line) for line in (tmp_path / "a" / "manifest.jsonl").read_text().splitlines()]
    for entry in entries:
        data = (tmp_path / "a" / entry["file"]).read_bytes()
        melody = read_melody(tmp_path / "a" / entry["file"])
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()
        assert entry["notes"] == len(melody.notes)
        assert entry["constraints"][0]["value"] == len(melody.notes) / 4
        assert entry["satisfied"] == all(c["satisfied"] for c in entry["constraints"])
    wanted = "file sha256 command index seed model musiclc numerics meter bars bpm notes method attempts constraints satisfied realism warnings"
    assert list(entries[0]) == wanted.split()


def test_json_prints_what_the_manifest_holds_and_stdout_takes_the_file(tiny, tmp_path):
    done = process("sample", "--bars", "4", "--model", tiny, "-n", 2, "--seed", 1, "-o", "out", "--json", "--quiet", cwd=tmp_path)
    assert done.out == (tmp_path / "out" / "manifest.jsonl").read_bytes()
    done = musiclc("sample", "--bars", "4", "--model", tiny, "--seed", 1, "-o", "-", cwd=tmp_path)
    assert done.out == (tmp_path / "out" / "melody-1-0001.mid").read_bytes()
    done = musiclc("sample", "--bars", "4", "--model", tiny, cwd=tmp_path)
    assert done.err.startswith("seed ")
    assert (tmp_path / done.out.decode().strip()).exists()
    assert not (tmp_path / "manifest.jsonl").exists()


def test_names_by_pattern(tiny, tmp_path):
    done = musiclc(
        "sample",
        "--bars",
        "4",
        "--model",
        tiny,
        "--key",
        "F# minor",
        "--seed",
        2,
        "--name",
        "{stem}_{key}_{seed}_{index}.mid",
        "--quiet",
        cwd=tmp_path,
    )
    assert done.out.decode() == "melody_F#-minor_2_0001.mid\n"


def test_existing_output_is_refused_and_kept(tiny, tmp_path):
    (tmp_path / "a.mid").write_bytes(b"mine")
    done = musiclc("sample", "--bars", "4", "--model", tiny, "-o", "a.mid", cwd=tmp_path, code=1)
    assert "exists already" in done.err
    assert (tmp_path / "a.mid").read_bytes() == b"mine"
    musiclc("sample", "--bars", "4", "--model", tiny, "-o", "a.mid", "--overwrite", cwd=tmp_path)
    assert (tmp_path / "a.mid").read_bytes() != b"mine"


def test_strict_exits_three_with_the_files_written(tiny, tmp_path):
    done = musiclc(
        "sample", "--bars", "4", "--model", tiny, "--range", "C4..C4", "--motion", "100", "-o", "out", "--seed", 1, "--strict", cwd=tmp_path, code=3
    )
    assert "1 of 1 miss a constraint" in done.err
    assert (tmp_path / "out" / "melody-1-0001.mid").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["sample", "--key", "H"], 2, "wanted a tonic A to G"),
        (["sample", "--density", "lots"], 2, "wanted a number such as 6"),
        (["sample", "--density", "40"], 2, "cannot be met"),
        (["sample", "--rule", "densty=4"], 2, "did you mean density"),
        (["sample", "--bars", "129"], 2, "129 is not in the range"),
        (["sample", "--bars", "0"], 2, "0 is not in the range"),
        (["sample", "--form", "A8 B8", "--bars", "32"], 2, "adds up to 16 bars, and bars is 32"),
        (["sample", "--form", "A8 B8", "--section", "C: density=4"], 2, "did you mean B?"),
        (["sample", "--section", "9..20: density=4"], 2, "the piece has 16 bars"),
        (["sample", "--section", "1..8:"], 2, "section 1..8: no goals"),
        (["sample", "--section", "1..8: densty=4"], 2, "did you mean density?"),
        (["sample", "--density", "<=4", "--section", "1..8: density=>=9"], 2, "cannot both hold"),
        (["sample", "-n", "3", "-o", "a.mid"], 2, "name a folder"),
        (["sample", "-n", "3", "--name", "x"], 2, "need {index}"),
        (["sample", "--name", "{key"], 2, "--name"),
        (["sample", "--name", "{tune}"], 2, "unknown field"),
        (["sample", "--bars", "4", "--model", "missing.safetensors"], 1, "no such file"),
        (["sample", "--bars", "4", "-o", "/proc/nowhere/x"], 1, "cannot be written"),
        (["score", "missing.mid"], 4, "cannot be read"),
        (["rules", "ky"], 2, "did you mean key"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_mistakes_are_one_line_with_the_contracts_code(arguments, code, why, tiny, tmp_path):
    if arguments[:1] == ["sample"] and "--model" not in arguments:
        arguments = [*arguments, "--model", str(tiny)]
    done = musiclc(*arguments, cwd=tmp_path, code=code)
    assert why in done.err
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []


def test_debug_shows_the_traceback(tmp_path):
    done = musiclc("sample", "--bars", "4", "--model", "missing", cwd=tmp_path, code=1, MUSICLC_DEBUG="1")
    assert "Traceback" in done.err


def test_score_goes_on_after_a_bad_file(tmp_path):
    (tmp_path / "good.mid").write_bytes(to_bytes(c_major_scale()))
    (tmp_path / "bad.mid").write_bytes(b"no")
    done = musiclc("score", "bad.mid", "good.mid", "--json", cwd=tmp_path, code=4)
    assert done.err.count("\n") == 1
    entry = json.loads(done.out)
    found = {r["rule"]: r["value"] for r in entry["rules"]}
    assert list(found) == list(RULES)
    assert (found["scale"], found["density"], found["range"]) == ("C major", 8.0, [60, 72])
    done = musiclc("score", "good.mid", "--key", "G", "--density", "8", "--csv", "--strict", cwd=tmp_path, code=3)
    assert done.out.decode().splitlines() == [
        "file,meter,bars,notes,key,key_heard,key_satisfied,density,density_satisfied",
        "good.mid,4/4,4,32,0.875,C major,False,8.0,True",
    ]
    assert "0 of 1 files meet every constraint" in done.err


def test_score_and_inspect_take_folders_and_standard_input_and_go_on(tmp_path):
    below = tmp_path / "songs" / "below"
    below.mkdir(parents=True)
    (tmp_path / "none").mkdir()
    (tmp_path / "songs" / "a.mid").write_bytes(to_bytes(c_major_scale()))
    (below / "b.MID").write_bytes(to_bytes(c_major_scale(), bpm=90, name="tune"))
    for command in ("score", "inspect"):
        done = musiclc(command, "songs", "none", "missing.mid", "songs/below/b.MID", "--json", cwd=tmp_path, code=4)
        assert [json.loads(line)["file"] for line in done.out.splitlines()] == ["songs/a.mid", "songs/below/b.MID"]
        assert done.err.splitlines() == [
            "musiclc: none: no MIDI files in this folder; -r looks below it too",
            "musiclc: missing.mid: cannot be read (No such file or directory)",
        ]
        done = musiclc(command, "-r", "songs", "--json", cwd=tmp_path)
        assert [json.loads(line)["file"] for line in done.out.splitlines()] == ["songs/a.mid", "songs/below/b.MID"]
    entry = json.loads(musiclc("inspect", "-", "--json", stdin=(below / "b.MID").read_bytes()).out)
    assert (entry["file"], entry["bars"], entry["key"], entry["track"], entry["notes"], entry["edited_bars"]) == ("-", 4, "C major", 1, 32, [[1, 4]])
    assert (entry["meters"], entry["tempos"]) == ([{"bar": 1, "meter": "4/4"}], [{"bar": 1, "bpm": 90.0}])


def test_inspect_is_readable(tmp_path):
    (tmp_path / "a.mid").write_bytes(to_bytes(c_major_scale(), program=73))
    assert musiclc("inspect", "a.mid", cwd=tmp_path).out.decode().splitlines() == [
        "a.mid: type 1, 480 ticks a quarter note, 4 bars",
        "  meter   4/4",
        "  tempo   120",
        "  key     C major, as the melody is heard (95% sure of its tonic)",
        "  track   0 'melody': no notes",
        "  track * 1: 32 notes, one voice, C4..C5, channel 1, program 73, score 8.681",
        "  melody  32 notes; transform would touch bars 1-4",
    ]
    assert "no track 'oboe'" in musiclc("inspect", "a.mid", "--track", "oboe", cwd=tmp_path, code=4).err


def test_score_and_inspect_read_every_meter_in_its_own_bars_and_inspect_says_what_transform_would_touch(tmp_path):
    touched = {"2/4": [[1, 4]], "3/8": [], "6/8": [[1, 3]], "9/8": [], "12/8": []}  # bars of 2/4 in pairs
    for meter, bars in touched.items():
        bar = METERS[meter]
        tune = Melody(tuple(Note(i * bar + s, 60 + s, 2) for i in range(3) for s in (0, 4)), meter, 4)
        (tmp_path / "a.mid").write_bytes(to_bytes(tune))
        entry = json.loads(musiclc("inspect", "a.mid", "--json", cwd=tmp_path).out)
        assert (entry["meters"], entry["bars"], entry["notes"], entry["edited_bars"]) == ([{"bar": 1, "meter": meter}], 4, 6, bars)
        refused = f"transform cannot edit it: meter {meter}; wanted 4/4, 2/4, 2/2, 3/4 or 6/8"
        empty = "bar 4: no notes of the melody; left as they are"
        assert entry["warnings"] == {"2/4": [], "6/8": [empty]}.get(meter, [empty, refused])
        scored = json.loads(musiclc("score", "a.mid", "--density", "1.5", "--json", cwd=tmp_path).out)
        assert (scored["meter"], scored["bars"], scored["rules"][0]["value"]) == (meter, 4, 1.5)
    assert "transform would touch no bar" in musiclc("inspect", "a.mid", cwd=tmp_path).out.decode()


def test_a_model_of_phrases_alone_is_named_for_what_it_lacks(tiny, tmp_path):
    """Sixteen bars are the default; of other meters than a phrase's, and of forms and sections, four bars are a piece, too."""
    for words in ([], ["--bars", "4", "--meter", "9/8"], ["--form", "A4"], ["--bars", "4", "--section", "1..2: density=4"]):
        done = musiclc("sample", "--model", tiny, *words, "-o", "a.mid", "--quiet", cwd=tmp_path, code=1)
        assert done.err == "musiclc: model 'tiny' writes phrases of four bars only; wanted one with networks of whole pieces\n"
    assert not list(tmp_path.iterdir())


def test_rules_prints_the_table():
    rows = [json.loads(line) for line in musiclc("rules", "--json").out.splitlines()]
    assert [r["rule"] for r in rows] == [*RULES, *EXAMPLES]
    assert next(r for r in rows if r["rule"] == "density")["tolerance"] == 0.5


def test_every_rule_is_an_option_of_sample():
    text = musiclc("sample", "--help").out.decode()
    assert all(f"--{name.replace('_', '-')} GOAL" in text for name in RULES)


def test_prepare_and_train_on_ones_own_midi_folder(tmp_path, monkeypatch):
    """All stages of the shipped model's recipe, on networks of the tiny model's size."""
    pytest.importorskip("lightning_fabric")
    from musiclc.training import recipe
    from tests.training.test_corpus import tune

    small = {"width": 16, "heads": 2}
    monkeypatch.setattr(recipe, "VAEConfig", partial(recipe.VAEConfig, **small, embedding=8, step_width=8, recurrent=16))
    monkeypatch.setattr(recipe, "PriorConfig", partial(recipe.PriorConfig, **small, layers=1))
    (tmp_path / "midi").mkdir()
    for i in range(40):
        (tmp_path / "midi" / f"{i:02d}.mid").write_bytes(to_bytes(tune("a", i).runs[0]))
    (tmp_path / "midi" / "bad.mid").write_bytes(b"")
    done = musiclc("prepare", "midi", "-o", "data.safetensors", "--workers", 1, cwd=tmp_path)
    assert "skipped 1 files or tunes: cannot be read" in done.err
    musiclc("prepare", "midi", "-o", "data.safetensors", cwd=tmp_path, code=1)
    done = musiclc(
        "train", "all", "--data", "data.safetensors", "-o", "run", "--steps", 20, "--batch", 8, "--latent", 4, "--bank", 1000, cwd=tmp_path
    )
    assert done.out.decode() == "run/model.safetensors\n"
    assert (tmp_path / "run" / "vae-1.png").exists()
    assert json.loads((tmp_path / "run" / "vae-1.jsonl").read_text().splitlines()[-1])["step"] == 20
    done = musiclc("sample", "--bars", "4", "--model", "run/model.safetensors", "--key", "C", "--seed", 1, cwd=tmp_path)
    assert (tmp_path / "melody-1-0001.mid").exists()
