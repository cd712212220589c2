"""musiclc render: names, refusals, exit codes, manifest; and reading every track of a file."""

import hashlib
import io
import json

import mido
import pytest

from musiclc.errors import InputError, MusiclcError, UsageError
from musiclc.midi import read_notes, to_bytes
from musiclc.output.render import plan, read_manifest, render
from tests.command import musiclc
from tests.helpers import c_major_scale, jig


@pytest.fixture
def tunes(tmp_path):
    folder = tmp_path / "in"
    (folder / "deeper").mkdir(parents=True)
    (folder / "a.mid").write_bytes(to_bytes(c_major_scale()))
    (folder / "b.MIDI").write_bytes(to_bytes(jig(), bpm=60))
    (folder / "deeper" / "c.mid").write_bytes(to_bytes(jig()))
    (folder / "notes.txt").write_text("no music")
    return folder


def two_tracks():
    tune = mido.MidiTrack([mido.MetaMessage("track_name", name=" tune "), mido.Message("program_change", program=73)])
    tune += [mido.Message("note_on", note=60, velocity=90), mido.Message("note_off", note=60, time=480)]
    drums = mido.MidiTrack(
        [mido.Message("note_on", channel=9, note=36, velocity=50, time=240), mido.Message("note_off", channel=9, note=36, time=240)]
    )
    head = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=3, denominator=4), mido.MetaMessage("set_tempo", tempo=1_000_000)])
    head += [mido.MetaMessage("set_tempo", tempo=500_000, time=1440), mido.MetaMessage("end_of_track", time=1440)]
    file, buffer = mido.MidiFile(ticks_per_beat=480), io.BytesIO()
    file.tracks += [head, tune, drums]
    file.save(file=buffer)
    return buffer.getvalue()


def test_every_track_is_read_in_seconds_through_changes_of_tempo():
    sheet = read_notes("two.mid", two_tracks())
    assert sheet.notes == ((0, 0.0, 1.0, 60, 90, 73, False), (1, 0.5, 1.0, 36, 50, 0, True))
    assert sheet.names == ("tune", "")
    assert sheet.bars == pytest.approx((0, 3, 4.5))
    assert sheet.seconds == pytest.approx(4.5)
    with pytest.raises(InputError, match=r"^x\.mid: not a standard MIDI file"):
        read_notes("x.mid", b"hello")


def test_files_are_named_after_their_stems_and_told_of(tunes, tmp_path):
    entries = list(render(plan([tunes], tmp_path / "out", ("png", "svg")), pytest.fail))
    assert [e["file"] for e in entries] == ["a.png", "a.svg", "b.png", "b.svg"]
    assert entries == read_manifest(tmp_path / "out" / "manifest.jsonl")
    for entry in entries:
        assert hashlib.sha256((tmp_path / "out" / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    deep = plan([tunes, tunes / "a.mid"], tmp_path / "deep", ("svg",), recursive=True)
    assert [p.name for p in deep.inputs] == ["a.mid", "b.MIDI", "c.mid"]  # a.mid once


def test_what_would_be_lost_is_refused_before_any_work(tunes, tmp_path):
    out = tmp_path / "out"
    (tunes / "deeper" / "A.mid").write_bytes(to_bytes(jig()))
    with pytest.raises(UsageError, match=r"a\.mid and .*A\.mid would both become"):
        plan([tunes], out, ("png",), recursive=True)
    list(render(plan([tunes], out, ("svg",)), pytest.fail))
    with pytest.raises(MusiclcError, match=r"a\.svg: exists already"):
        plan([tunes], out, ("svg",))
    with pytest.raises(MusiclcError, match=r"manifest\.jsonl: exists already"):
        plan([tunes], out, ("png",))
    list(render(plan([tunes], out, ("svg",), overwrite=True), pytest.fail))
    (tunes / "manifest.jsonl").write_text('{"file": "a.mid", "command": "sample"}\n')
    with pytest.raises(MusiclcError, match="tells of other files, and is kept"):
        plan([tunes], tunes, ("png",), overwrite=True)
    assert plan([tunes / "a.mid"], tunes, ("png",)).output(tunes / "a.mid", "png") == tunes / "a.png"
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no MIDI files; with -r"):
        plan([tmp_path / "empty"], out, ("png",))


def test_the_command_does_the_others_and_exits_with_four(tunes, tmp_path):
    (tunes / "bad.mid").write_bytes(b"no music")
    done = musiclc("render", "in", "missing.mid", "-O", "out", cwd=tmp_path, code=4)
    assert done.out.decode().split() == ["out/a.png", "out/b.png"]
    assert [line.split(": ")[1] for line in done.err.splitlines()] == ["in/bad.mid", "missing.mid"]
    assert "Traceback" not in done.err
    done = musiclc("render", "in/a.mid", "-O", "one", "--svg", "--json", cwd=tmp_path)
    assert json.loads(done.out)["input"] == "in/a.mid"
    assert [p.name for p in (tmp_path / "one").iterdir()] == ["a.svg"]
    musiclc("render", "in", cwd=tmp_path, code=2)
    musiclc("render", "in/a.mid", "--report", "x.html", cwd=tmp_path, code=2)


def test_the_page_of_a_folder(tunes, tmp_path):
    lines = [{"file": "a.mid", "satisfied": True}, {"file": "gone.mid"}, {"file": "../secret.mid"}, {"file": "c.mid", "job": "deeper"}]
    (tunes / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "secret.mid").write_bytes(to_bytes(jig()))
    done = musiclc("render", "in", "--report", "page.html", cwd=tmp_path, code=4)
    assert done.out.decode() == "page.html\n"
    assert len(done.err.splitlines()) == 2
    assert "lies outside" in done.err
    page = (tmp_path / "page.html").read_text()
    assert page.count('class="play"') == 2
    assert "exists already" in musiclc("render", "in", "--report", "page.html", cwd=tmp_path, code=1).err
    (tunes / "manifest.jsonl").unlink()
    assert "manifest.jsonl: cannot be read" in musiclc("render", "in", "--report", "new.html", cwd=tmp_path, code=4).err


def test_a_render_stopped_half_way_leaves_the_manifest_of_what_is_there(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.mid").write_bytes(to_bytes(c_major_scale()))
    made = plan([tmp_path], tmp_path / "out", ["svg"])
    entries = render(made, pytest.fail)
    next(entries)
    entries.close()
    assert [e["file"] for e in read_manifest(tmp_path / "out" / "manifest.jsonl")] == ["a.svg"]


def test_sections_are_drawn_where_the_manifest_beside_a_file_or_its_batch_s_names_them(tunes, tmp_path):
    def named(source):
        (entry,) = render(plan([source], tmp_path / "out", ("svg",), overwrite=True), pytest.fail)
        return [text for text in ("A", "B") if f">{text}</text>" in (tmp_path / "out" / entry["file"]).read_text()]

    assert named(tunes / "a.mid") == []
    (tunes / "manifest.jsonl").write_text('{"file": "a.mid", "form": "A2 B2"}\n{"file": "deeper/c.mid", "form": "A1 B3"}\n{"file": "b.MIDI"}\n')
    assert [named(tunes / name) for name in ("a.mid", "b.MIDI", "deeper/c.mid")] == [["A", "B"], [], ["A", "B"]]
    (tunes / "manifest.jsonl").write_text("no manifest\n")
    assert named(tunes / "a.mid") == []
