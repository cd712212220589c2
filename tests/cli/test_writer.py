"""Files as they come: stopped, piped, drawn, refused; what one bad file in a run over many does."""

import hashlib
import json
import os
import signal
import subprocess
import sys

import pytest

from musiclc.cli import main
from musiclc.errors import MusiclcError
from musiclc.midi import to_bytes
from musiclc.model.checkpoint import save_model
from tests.helpers import c_major_scale, jig, tiny_model


@pytest.fixture
def musiclc(tmp_path, monkeypatch, capfd):
    """Runs a command line in this process, in a folder of its own: its exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["musiclc", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0, *capfd.readouterr()

    return run


@pytest.fixture
def songs(tmp_path):
    """Two files in 4/4 of one name, in folders of their own, and one in 6/8."""
    for folder in ("v1", "v2"):
        (tmp_path / "songs" / folder).mkdir(parents=True)
    (tmp_path / "songs" / "v1" / "x.mid").write_bytes(to_bytes(c_major_scale()))
    (tmp_path / "songs" / "v2" / "x.mid").write_bytes(to_bytes(c_major_scale().transpose(2)))
    (tmp_path / "songs" / "jig.mid").write_bytes(to_bytes(jig()))
    return tmp_path / "songs"


def manifest(folder):
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def written(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.mid"))


def started(tiny, folder, *more):
    words = ["sample", "--bars", "4", "--model", tiny, "-n", "2000", "--seed", "1", "--realism", "0", "-o", folder, *more]
    return subprocess.Popen([sys.executable, "-m", "musiclc.cli", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_ctrl_c_leaves_the_manifest_of_what_is_finished(tiny, tmp_path):
    process = started(tiny, tmp_path / "out")
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert error.splitlines()[-1] == "musiclc: stopped"
    assert [e["file"] for e in manifest(tmp_path / "out")] == written(tmp_path / "out")
    assert 0 < len(written(tmp_path / "out")) < 2000


def test_a_closed_pipe_ends_quietly_with_the_manifest_of_what_is_finished(tiny, tmp_path):
    process = started(tiny, tmp_path / "out")
    process.stdout.readline()
    process.stdout.close()
    error = process.stderr.read()
    assert process.wait(timeout=60) == 141
    assert error == ""
    assert [e["file"] for e in manifest(tmp_path / "out")] == written(tmp_path / "out")


def test_a_full_disk_leaves_the_manifest_of_what_is_finished(tiny, musiclc, tmp_path, monkeypatch):
    real, done = os.replace, []

    def full(source, target):
        if str(target).endswith("0003.mid"):
            raise OSError(28, "No space left on device")
        done.append(target)
        real(source, target)

    monkeypatch.setattr("musiclc.files.os.replace", full)
    code, out, err = musiclc("sample", "--bars", "4", "--model", tiny, "-n", 3, "--seed", 1, "-o", "out", "--quiet")
    assert (code, len(out.split())) == (1, 2)
    assert "melody-1-0003.mid: cannot be written (No space left on device)" in err
    assert [e["index"] for e in manifest(tmp_path / "out")] == [1, 2]


@pytest.mark.parametrize("command", [["sample"], ["transform", "songs/jig.mid"], ["vary", "songs/jig.mid"]])
def test_json_and_a_melody_do_not_share_standard_output(command, tiny, musiclc, songs):
    code, out, err = musiclc(*command, "--model", tiny, "-o", "-", "--json")
    assert (code, out) == (2, "")
    assert "--json and -o - both want standard output" in err


def test_a_picture_is_not_replaced_unasked_and_that_is_known_before_any_work(musiclc, songs, tmp_path):
    (tmp_path / "p.png").write_bytes(b"mine")
    code, out, err = musiclc("transform", songs / "jig.mid", "-o", "x.mid", "--model", "nowhere", "--plot", "p.png")
    assert (code, out) == (1, "")
    assert "p.png: exists already" in err
    assert (tmp_path / "p.png").read_bytes() == b"mine"
    code, _, err = musiclc("transform", songs / "jig.mid", "-o", "p.mid", "--model", "nowhere", "--plot", "p.mid")
    assert "p.mid: 2 files would be written there" in err


def test_pictures_of_one_name_stand_in_folders_of_their_own(tiny, musiclc, songs, tmp_path):
    code, out, _ = musiclc("transform", "-r", songs, "-o", "out", "--model", tiny, "--plot", "pictures", "--quiet")
    assert code == 0
    assert sorted(p.relative_to(tmp_path / "pictures").as_posix() for p in (tmp_path / "pictures").rglob("*.png")) == [
        "jig.png",
        "v1/x.png",
        "v2/x.png",
    ]
    assert sorted(out.split()) == ["out/jig.mid", "out/v1/x.mid", "out/v2/x.mid"]
    assert musiclc("transform", "-r", songs, "-o", "again", "--model", tiny, "--plot", "pictures")[0] == 1
    assert not (tmp_path / "again").exists()


MOODY = "def moody(melody):\n    if melody.meter == '6/8':\n        raise ZeroDivisionError('oh')\n    return float(len(melody.notes))\n"


def test_a_rule_that_raises_on_one_file_fails_that_file(tiny, musiclc, songs, tmp_path):
    (tmp_path / "my.py").write_text(MOODY)
    code, out, err = musiclc("transform", "-r", songs, "-o", "out", "--model", tiny, "--rule", "my.py:moody=>=1", "--seed", 1)
    assert (code, out.split()) == (1, ["out/v1/x.mid", "out/v2/x.mid"])
    assert f"musiclc: {songs}/jig.mid: rule my.py:moody raised ZeroDivisionError" in err
    assert [(e["file"], e["index"], e["satisfied"]) for e in manifest(tmp_path / "out")] == [("v1/x.mid", 2, True), ("v2/x.mid", 3, True)]


TALKATIVE = "def f(melody):\n    if melody.meter == '6/8':\n        raise ValueError('one\\n  two')\n    return 1.0\n"


def test_what_a_rule_says_on_two_lines_is_one_line(musiclc, songs, tmp_path):
    (tmp_path / "my.py").write_text(TALKATIVE)
    _, _, err = musiclc("score", songs / "jig.mid", "--rule", "my.py:f")
    assert err.count("\n") == 1
    assert "raised ValueError: one two, line 3" in err
    (tmp_path / "my.py").write_text("raise ValueError('one\\n  two')\n")
    _, _, err = musiclc("sample", "--rule", "my.py:f")
    assert err.splitlines()[-1].endswith("rule my.py: importing it raised ValueError: one two")
    (tmp_path / "jobs.jsonl").write_text('{"id": "j", "rule": "my.py:f"}\n')
    _, _, err = musiclc("batch", "jobs.jsonl", "-O", "out", "--check")
    assert err.splitlines()[0].endswith("importing it raised ValueError: one two")


@pytest.mark.parametrize("said", ["one\ntwo", "one\r\n\ttwo\n"])
def test_every_error_of_the_library_is_one_line(musiclc, monkeypatch, said):
    def fail(*_, **__):
        raise MusiclcError(said)

    monkeypatch.setattr("musiclc.output.render.plan", fail)
    assert musiclc("render", "x.mid", "-O", "out") == (1, "", "musiclc: one two\n")


def test_a_goal_that_one_meter_cannot_meet_fails_files_in_that_meter(tiny, musiclc, songs, tmp_path):
    code, out, err = musiclc("transform", "-r", songs, "-o", "out", "--model", tiny, "--density", "13..16", "--method", "snap", "--seed", 1)
    assert (code, out.split()) == (1, ["out/v1/x.mid", "out/v2/x.mid"])
    assert f"musiclc: {songs}/jig.mid: density '13..16' cannot be met in 6/8" in err
    assert len(manifest(tmp_path / "out")) == 2


def test_score_goes_on_after_a_file_on_which_a_rule_raises(musiclc, songs, tmp_path):
    (tmp_path / "my.py").write_text(MOODY)
    code, out, err = musiclc("score", "-r", songs, "--rule", "my.py:moody=>=1", "--json")
    assert code == 1
    assert [json.loads(line)["file"] for line in out.splitlines()] == [f"{songs}/v1/x.mid", f"{songs}/v2/x.mid"]
    assert f"musiclc: {songs}/jig.mid: rule my.py:moody raised ZeroDivisionError" in err


def test_a_model_without_a_prior_is_named_for_what_it_lacks(musiclc, songs, tmp_path):
    bare = tiny_model()
    bare.prior = bare.bank = None
    save_model(bare, tmp_path / "vae.safetensors")
    for command in (["transform", songs / "jig.mid", "--key", "C"], ["vary", songs / "jig.mid"], ["sample", "--bars", "4", "--key", "C"]):
        code, _, err = musiclc(*command, "--model", "vae.safetensors", "-o", "x.mid", "--quiet")
        assert (code, err) == (1, "musiclc: model 'tiny' has no prior: fit one with musiclc train\n")


def test_a_seed_is_drawn_and_reported_by_every_command(tiny, musiclc, songs, tmp_path):
    err = musiclc("transform", songs / "jig.mid", "-o", "out", "--key", "C", "--model", tiny)[2]
    (seed,) = [int(line.split()[1]) for line in err.splitlines() if line.startswith("seed ")]
    assert manifest(tmp_path / "out")[0]["seed"] == seed


def test_entries_name_version_and_numerics_and_the_option_decides_on_them(tiny, musiclc, tmp_path):
    from importlib.metadata import version

    for numerics in ("float32", "bfloat16"):
        assert musiclc("sample", "--bars", "4", "--model", tiny, "--numerics", numerics, "-o", numerics, "--seed", 1, "--quiet")[0] == 0
        (entry,) = manifest(tmp_path / numerics)
        assert entry["musiclc"] == version("musiclc")
        assert entry["numerics"].split()[0] == numerics
    assert musiclc("sample", "--numerics", "float16")[0] == 2


def test_the_number_of_threads_changes_no_byte(tiny, tmp_path):
    found = []
    for threads in ("1", "2"):
        words = ["sample", "--bars", "4", "--key", "C", "-n", "3", "--seed", "5", "-o", str(tmp_path / threads), "--quiet"]
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        subprocess.run([sys.executable, "-m", "musiclc.cli", *words], env=environment, check=True, stdout=subprocess.DEVNULL)
        found.append([hashlib.sha256((tmp_path / threads / name).read_bytes()).hexdigest() for name in written(tmp_path / threads)])
    assert len(found[0]) == 3
    assert found[0] == found[1]


def test_an_interrupt_waits_for_the_end_of_a_write_and_is_ignored_where_it_was(monkeypatch):
    from musiclc.cli._writer import _not_interrupted

    done = []

    def written(what):
        with _not_interrupted():
            os.kill(os.getpid(), signal.SIGINT)
            done.append(what)

    with pytest.raises(KeyboardInterrupt):
        written("written")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        written("written behind an &")
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == ["written", "written behind an &"]


def test_sigterm_leaves_the_manifest_of_what_is_finished(tiny, tmp_path):
    process = started(tiny, tmp_path / "out")
    process.stdout.readline()
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert [e["file"] for e in manifest(tmp_path / "out")] == written(tmp_path / "out")
    assert 0 < len(written(tmp_path / "out")) < 2000


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_behind_standard_output_is_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "musiclc.cli", "rules"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "musiclc: standard output: No space left on device\n")
