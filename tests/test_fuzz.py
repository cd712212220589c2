"""Every reader on inputs broken at random, a few of each (python -m tests.fuzz tries more), and on what longer runs found."""

import contextlib
import importlib
import io
import json
import logging
import sys
import zipfile

import pytest

from musiclc.batch import table
from musiclc.errors import LONGEST_LINE, CheckpointError, InputError, MusiclcError, UsageError, one_line
from tests.fuzz.mutations import generator, mutated
from tests.fuzz.readers import READERS, XML
from tests.helpers import tiny_model

NEEDS = {"abc": "music21", "musicxml": "music21"}
DIGITS = "9" * 5000  # more than Python turns into a number


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setattr(logging.getLogger("musiclc"), "disabled", True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", READERS)
def test_every_input_ends_in_a_result_or_in_one_line(name):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    command, reader = importlib.import_module("tests.fuzz.__main__"), READERS[name]
    with command.limits(memory=0) as again:
        for number in range(reader.few):
            rng = generator(name, 0, number)
            data = reader.change(rng, rng.choice(reader.sound), reader.sound, reader.words)
            again()
            end, what = command.faults_of(reader, data)
            assert end != "fault", (name, number, what)


@pytest.mark.filterwarnings("ignore")
def test_sound_inputs_are_read():
    for name, reader in READERS.items():
        if name not in (*NEEDS, "rules", "critics", "sections", "rule-files"):  # some of which are refused on purpose
            for data in reader.sound:
                reader.read(data)


def test_an_input_depends_on_its_seed_and_number_alone():
    made = [[mutated(generator("x", 1, n), b"sound input 12", [b"other"], (b"word",)) for n in numbers] for numbers in (range(20), range(19, -1, -1))]
    assert made[0] == made[1][::-1]
    assert len(set(made[0])) > 15


def test_a_fault_is_found_with_its_place():
    from tests.fuzz.readers import Reader

    def read(data):
        raise KeyError("what no reader may raise")

    end, what = importlib.import_module("tests.fuzz.__main__").faults_of(Reader(lambda: [b""], read), b"")
    assert (end, what[:16]) == ("fault", "KeyError: 'what ")


def or_refused(read):
    """What it returns; None where it raises what is meant to be raised, which says something."""
    try:
        return read()
    except MusiclcError as error:
        if one_line(error):
            return None
        raise


# ---- what was found ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.yaml"])
@pytest.mark.parametrize(
    "text",
    [f'{{"n": {DIGITS}}}', "[" * 100_000, "- 2001-99-99\n", "? [a, b]\n: c\n", "&a [*a]\n", '{"n": 1, "n": 2}', "- !!binary x\n", "- !!int x\n"],
)  # fmt: skip
def test_jobs_of_gigantic_numbers_brackets_and_kinds_that_no_job_has(name, text):
    rows = or_refused(lambda: list(table.read(io.StringIO(text, newline=""), name)))
    assert rows is None or (rows and all(row.mistakes or row.values for row in rows))


def test_an_input_that_is_a_folder_of_other_things_or_a_device(tmp_path, monkeypatch):
    """`..` was once all that lies there, read into memory and hashed."""
    from musiclc.cli import _jobs
    from musiclc.midi import to_bytes
    from tests.helpers import c_major_scale

    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mid").write_bytes(to_bytes(c_major_scale()))
    (tmp_path / "in" / "film.avi").write_bytes(b"1")

    def fingerprint(path):
        (job,) = _jobs.checker().checked([table.Row(1, {"command": "transform", "input": str(path), "key": "D", "seed": 1})])
        return job.fingerprint or job.mistakes

    before = fingerprint(tmp_path / "in")
    (tmp_path / "in" / "film.avi").write_bytes(b"2")
    assert fingerprint(tmp_path / "in") == before
    (tmp_path / "in" / "a.mid").write_bytes(to_bytes(c_major_scale().transpose(1)))
    assert fingerprint(tmp_path / "in") != before
    assert fingerprint("/dev/zero") == ["/dev/zero: is no file"]


def test_a_file_without_end_is_no_midi_file(monkeypatch):
    from musiclc.midi import objects, read_song

    monkeypatch.setattr(objects, "LARGEST_FILE", 1000)
    with pytest.raises(InputError, match="/dev/zero: more than 0 MB"):
        read_song("/dev/zero")
    with pytest.raises(InputError, match="cannot be read"):
        read_song("a\0b")


def test_a_few_lines_of_yaml_that_stand_for_a_gigantic_job():
    lines = ["- &a0 [x, x, x, x, x, x, x, x, x]"] + [f"- &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)] + ["- {id: *a11}"]
    *_, last = table.read(io.StringIO("\n".join(lines), newline=""), "x.yaml")
    assert "do its aliases name each other?" in last.mistakes[0].text


@pytest.mark.parametrize(
    "goal", [("key", "{²}"), ("key", f"{{{DIGITS}}}"), ("start", DIGITS), ("density", DIGITS), ("avoid", f"old/:{DIGITS}"), ("key", "A" * 100_000)]
)
def test_goals_of_digits_that_are_none_and_of_too_many(goal):
    from musiclc.custom.examples import parse_goal

    with pytest.raises(UsageError):
        parse_goal(*goal)


@pytest.mark.parametrize("text", [f"A{DIGITS}", "A8 B99999999", f"A8{'B' * 9000}"])
def test_forms_of_too_many_bars(text):
    from musiclc.music.form import parse_form

    with pytest.raises(UsageError):
        parse_form(text)


@pytest.mark.parametrize("text", [f"{DIGITS}..9: density=4", f"9..{DIGITS}: density=4", "²: density=4"])
def test_sections_of_too_many_bars(text):
    from musiclc.custom.sections import parse_section

    with pytest.raises(UsageError):
        parse_section(text)


@pytest.mark.parametrize("bars", [DIGITS, f"1..{DIGITS}", f"{DIGITS}..2"])
@pytest.mark.parametrize("command", ["transform", "infill"])
def test_a_manifest_of_gigantic_bars(bars, command):
    line = json.loads(READERS["manifests"].sound[0])
    line |= {"command": command, "bars": bars, "constraints": [{**line["constraints"][0], "section": bars}]}
    READERS["manifests"].read(json.dumps(line).encode())


@pytest.mark.parametrize(
    "line", ["[" * 100_000, f'{{"file": "a.mid", "index": {DIGITS}}}', '{"file": "a\\u0000.mid"}', '{"file": "x", "job": {"a": 1}}']
)
def test_a_manifest_of_odd_lines(line):
    or_refused(lambda: READERS["manifests"].read(line.encode()))


def test_a_text_without_a_tune_has_none():
    from musiclc.training.scores import split_abc

    assert split_abc("T:nobody\nK:C\nabc|") == split_abc("") == []


def test_a_very_long_error_is_a_line_that_can_be_read():
    said = one_line(MusiclcError("begins " + "x " * 50_000 + "ends"))
    assert len(said) <= LONGEST_LINE + 3
    assert (said[:6], said[-4:]) == ("begins", "ends")


# ---- model files ---------------------------------------------------------------------------------------------------


def told(data, change):
    """A safetensors file whose metadata of ours are changed."""
    size = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + size])
    info = json.loads(head["__metadata__"]["musiclc"])
    info = change(info) or info
    head["__metadata__"]["musiclc"] = info if isinstance(info, str) else json.dumps(info)
    text = json.dumps(head).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def config(part, **values):
    return lambda info: info["configs"][part].update(values)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (config("vae", width=10**12), "wanted a size up to"),
        (config("vae", width=10**5), "size mismatch|shape"),
        (config("critic/density", layers=10**9), "wanted a size up to"),
        (config("prior", layers=10**9), "wanted a size up to"),
        (config("prior", layers=-1), "wanted a size up to"),
        (config("prior", heads=0), "shared out among 0 heads"),
        (config("prior", heads=3), "shared out among 3 heads"),
        (config("prior", noise_level=float("nan")), "wanted 0 to 1"),
        (config("prior", noise_level=True), "wanted a size"),
        (config("prior", width="x"), "TypeError"),
        (config("critic/density", family="x"), "family 'x'"),
        (lambda info: info["configs"].update(prior=[]), "AttributeError"),
        (lambda info: info["configs"].update(what={}), "KeyError"),
        (lambda info: info.update(configs=None), "AttributeError"),
        (lambda info: info.update(notes=7), "TypeError"),
        (lambda info: info.update(format=["musiclc-model-3"]), "format"),
        (lambda info: info.update(format="musiclc-model-2", configs=3), "no file of format musiclc-model-2"),
        (lambda info: "[7]", "format unknown"),
        (lambda info: "7", "format unknown"),
        (lambda info: "[" * 100_000, "broken"),
        (lambda info: "{", "broken"),
    ],
)
def test_a_model_file_that_says_what_no_model_is(change, why, tmp_path):
    from musiclc.model.checkpoint import load_model

    path = tmp_path / "m.safetensors"
    path.write_bytes(told(READERS["checkpoints"].sound[1], change))
    with pytest.raises(CheckpointError, match=why) as said:
        load_model(path)
    assert len(str(said.value)) < 500


def test_weights_that_are_no_numbers_and_parts_of_another_model(tmp_path):
    import torch

    from musiclc.model.checkpoint import load_model, save_model

    model = tiny_model()
    with torch.no_grad():
        model.prior.out.bias[0] = float("nan")
    save_model(model, tmp_path / "m")
    with pytest.raises(CheckpointError, match=r"weights of prior/out\.bias that are no numbers"):
        load_model(tmp_path / "m")
    from musiclc.model.prior import FlowPrior, PriorConfig

    model = tiny_model()
    model.bank, model.prior = None, FlowPrior(PriorConfig(latent=8, width=16, heads=2, layers=1))
    save_model(model, tmp_path / "m")
    with pytest.raises(CheckpointError, match="prior has 8 dimensions a bar, vae 4"):
        load_model(tmp_path / "m")


def test_a_state_of_no_run(tmp_path):
    from musiclc.model.checkpoint import load_state

    state = READERS["critics"].sound[2]
    for change in (lambda info: info.pop("step") and None, lambda info: info.update(step="x"), lambda info: info.update(step=None)):
        (tmp_path / "s").write_bytes(told(state, change))
        with pytest.raises(CheckpointError, match="no state of a training run"):
            load_state(tmp_path / "s")
    (tmp_path / "s").write_bytes(state.replace(b"module/", b"modula/"))
    with pytest.raises(CheckpointError, match="no state of a training run"):
        load_state(tmp_path / "s")


def test_music_xml_of_no_time_at_all(tmp_path):
    pytest.importorskip("music21")
    from musiclc.training.scores import read_file

    for odd in (XML.replace("<divisions>1<", "<divisions>0<"), XML.replace("<beats>4<", "<beats>0<"), XML.replace("<beat-type>4<", "<beat-type>0<")):
        (tmp_path / "x.musicxml").write_text(odd)
        or_refused(lambda: read_file(tmp_path / "x.musicxml"))


@pytest.mark.parametrize("text", ["X:1\nM:C\nK:D\nAz9992|dfed|\n", "X:1\nL:1/8\nK:D\nA/99999|dfed|\n", "X:1\nK:C\n[CEG]12345|\n"])
def test_lengths_that_music21_would_count_to_are_refused(text):
    pytest.importorskip("music21")
    from musiclc.training.scores import read_abc

    with pytest.raises(InputError, match="wanted up to 999"):
        read_abc(text)


def test_what_takes_music21_for_ever_is_given_up(monkeypatch):
    from musiclc.training import scores

    monkeypatch.setattr(scores, "MOST_SECONDS", 0.05)

    def endless():
        while True:
            with contextlib.suppress(Exception):
                sum(range(1000))

    with pytest.raises(InputError, match=r"x: music21 takes more than 0\.05 s"):
        scores._parse(endless, "x")


def test_an_archive_that_unfolds_to_all_memory_is_refused(tmp_path):
    from musiclc.training.scores import read_file

    with zipfile.ZipFile(tmp_path / "x.mxl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.xml", b"0" * 65_000_000)
    with pytest.raises(InputError, match="unfolds to 65000000 bytes"):
        read_file(tmp_path / "x.mxl")


def test_the_command_finds_faults_and_says_so(monkeypatch, tmp_path, capsys):
    command = importlib.import_module("tests.fuzz.__main__")
    monkeypatch.setattr(command, "limits", lambda: contextlib.nullcontext(lambda: None))
    monkeypatch.setattr(sys, "argv", ["fuzz", "forms", "-n", "50", "--found", str(tmp_path / "found")])
    command.main()
    assert "forms: 50 inputs, seed 1" in capsys.readouterr().out
    assert not (tmp_path / "found").exists()
