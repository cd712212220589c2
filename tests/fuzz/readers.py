"""What is fuzzed: for each reader sound inputs, and a function that reads any bytes as a command would.

A reader's function returns, or raises MusiclcError; what else it raises is a fault.

Inside: `Reader`, `READERS`.
"""

import contextlib
import functools
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from musiclc.errors import MusiclcError
from tests.fuzz.mutations import mutated, mutated_json, mutated_safetensors, mutated_xml
from tests.helpers import c_major_scale, jig, tiny_model, tiny_pieces


@dataclass(frozen=True)
class Reader:
    """seeds: gives sound inputs; read: reads one; words: what may be put in; change: how inputs are made unsound; few: how many the suite tries."""

    seeds: Callable[[], list[bytes]]
    read: Callable[[bytes], object]
    words: tuple[bytes, ...] = ()
    change: Callable = mutated
    few: int = 150

    @functools.cached_property
    def sound(self):
        return self.seeds()


@functools.cache
def scratch():
    """A folder for readers that want files; in memory where the machine has that."""
    shm = Path("/dev/shm")
    folder = tempfile.TemporaryDirectory(prefix="musiclc-fuzz-", dir=shm if shm.is_dir() else None)
    scratch.kept = folder  # removed at the end
    return Path(folder.name)


def file_of(data, suffix):
    path = scratch() / f"input{suffix}"
    path.write_bytes(data)
    return path


# ---- MIDI ----------------------------------------------------------------------------------------------------------


def _midi_seeds():
    from musiclc.midi import to_bytes
    from tests.songs import song_file

    plain = [to_bytes(c_major_scale()), to_bytes(jig(), midi_type=0)]
    odd = [plain[0][:12] + b"\xe7\x28" + plain[0][14:], b"RIFF\x99\0\0\0RMIDdata\x99\0\0\0" + plain[1]]
    return plain + odd + [song_file(seed, chords=seed % 2 == 0).data for seed in range(12)]


def _read_midi(data):
    from musiclc.midi import READ_IN_PHRASES, read_notes, read_runs, read_song

    for read_as in ({}, {"read_as": READ_IN_PHRASES}):
        with contextlib.suppress(MusiclcError):
            song = read_song(data, **read_as)
            assert song.replaced([section.melody for section in song.sections]) == song.data, "an edit of nothing changes bytes"
            song.replaced(
                [
                    section.melody.transpose(-1 if section.melody.notes and max(n.pitch for n in section.notes) > 100 else 1)
                    for section in song.sections
                ]
                if all(n.pitch > 21 for s in song.sections for n in s.notes)
                else [section.melody for section in song.sections]
            )
            assert song.melody.bars > 0
    with contextlib.suppress(MusiclcError):
        read_notes("x.mid", data)
    with contextlib.suppress(MusiclcError):
        read_runs(file_of(data, ".mid"))
    read_song(data, meter="3/4")


MIDI_WORDS = (
    b"MThd\0\0\0\6",
    b"MTrk",
    b"\xff\x2f\0",
    b"\xff\x58\4\7\3\x18\x08",
    b"\xff\x51\3\0\0\1",
    b"\xff\x7f",
    b"\xf0\x05",
    b"\xf7",
    b"RIFF",
    b"\x90\x3c\x40",
    b"\x80\x3c\0",
    b"\xff\xff\xff\x7f",
    b"\x87\xff\xff\xff\x7f",
    b"\xe8\x28",
    b"\xff\x58\4\1\2\x18\x08",
    b"\xb0\x7b\0",
)

# ---- scores --------------------------------------------------------------------------------------------------------

ABC = [
    b"X:1\nT:Reel\nM:C\nL:1/8\nK:D\nA2|:dfed BdAF|GBAG FDEA|1dfed BABd|egfe d2 A2:|2 f2 fd gfed|]\n",
    b"X:2\nT:Jig\nM:6/8\nL:1/8\nQ:3/8=120\nK:Gmin\nG|GBd gdB|c2 e {f}dBG|(3ABA ^A=B_c|[CEG]3 z3 :|\n",
    b'X:3\nM:3/4\nL:1/4\nK:Bb dor\nV:1\n"Am"A>B c|d/2e/2 f- f|!trill!g3|\nV:2\nA,3|D,3|G,3|\n',
]
ABC_WORDS = (
    b"|",
    b":|",
    b"|:",
    b"[1",
    b"[2",
    b"K:",
    b"M:7/8\n",
    b"M:none\n",
    b"L:1/0\n",
    b"(3",
    b"(9:2:5",
    b"-",
    b"{",
    b"}",
    b"[",
    b"]",
    b"V:2\n",
    b"/",
    b"z999",
    b"x",
    b"Z9",
    b"w:la-la\n",
)


def _read_abc(data):
    from musiclc.training.scores import read_abc, split_abc

    failed = None
    for tune in split_abc(data.decode("utf-8", "replace")):
        try:
            read_abc(tune)
        except MusiclcError as error:
            failed = error
    if failed:
        raise failed


NOTE = "<note><pitch><step>{}</step><octave>4</octave></pitch><duration>{}</duration><voice>1</voice><type>quarter</type></note>"
XML = (
    '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="3.1"><part-list><score-part id="P1"><part-name>M</part-name>'
    "</score-part></part-list>"
    '<part id="P1"><measure number="1"><attributes><divisions>1</divisions><key><fifths>0</fifths></key><time><beats>4</beats>'
    "<beat-type>4</beat-type></time><clef><sign>G</sign><line>2</line></clef></attributes>{}</measure>"
    "<measure number='2'>{}<barline location='right'>"
    "<bar-style>light-heavy</bar-style><repeat direction='backward'/></barline></measure></part></score-partwise>"
).format("".join(NOTE.format(step, 1) for step in "CDEF"), "".join(NOTE.format(step, 2) for step in "GA"))
XML_WORDS = (
    b"<backup><duration>9</duration></backup>",
    b"<chord/>",
    b"<grace/>",
    b"<tie type='stop'/>",
    b"<beats>7</beats>",
    b"<divisions>0</divisions>",
    b"&lol;",
    b"<!DOCTYPE x [<!ENTITY l 'l'>]>",
    b"<rest measure='yes'/>",
    b"<time-modification><actual-notes>3</actual-notes></time-modification>",
)


def _xml_seeds():
    return [XML.encode(), XML.replace("<beats>4<", "<beats>6<").replace("<beat-type>4<", "<beat-type>8<").encode()]


def _read_xml(data):
    from musiclc.training.scores import read_file

    read_file(file_of(data, ".musicxml"))


# ---- tables and manifests ------------------------------------------------------------------------------------------

JOBS = [
    b'{"id": "verse", "command": "sample", "key": "C", "density": "6", "n": 8, "seed": 1}\n'
    b'{"id": "s", "key": ["C", "G"], "density": [4, 6], "n": 8, "grid": true}\n',
    b'// mine\n{"sections": {"B": {"density": "9", "rule": ["scale=D@2"]}}, "form": "A8 B8", "bars": 16, "range": "C4..C6", "strict": true}\n',
    b'[{"id": "a", "rule": ["density=4", "key=C@0.5"], "meter": "3/4", "bpm": 90.5}, {"command": "transform", "input": "x*.mid"}]\n',
    b'- id: a\n  key: C\n  n: 2\n- &b {id: b, density: ">=3", name: "{stem}-{index}"}\n- <<: *b\n  id: c\n',
    b'id,command,key,density,rule,n\na,sample,C,6,density=4;key=C,3\nb,vary,,"4..8",,1\n',
]
JOB_WORDS = (
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"\n",
    b'"grid": true,',
    b'"id": null,',
    b'"n": 0,',
    b": ",
    b"- ",
    b"*b",
    b"&b ",
    b"!!python/object:os.x ",
    b"null",
    b"\xef\xbb\xbf",
    b'"input": ["a", 3],',
    b'"sections": [{"A": 1}],',
    b'"rule": {"a": [1]},',
    b'"\\ud800"',
    b"NaN",
    b"~",
)


@functools.cache
def _checker():
    from musiclc.cli._jobs import commands

    return commands()


def _read_jobs(data):
    from musiclc.batch import table
    from musiclc.batch.check import Checker, Job

    for name in ("jobs.jsonl", "jobs.yaml", "jobs.csv", "jobs.json"):
        with contextlib.suppress(MusiclcError), mock.patch("musiclc.batch.check._music_below", return_value=[]):
            try:
                text = io.StringIO(data.decode("utf-8-sig"), newline="")
            except UnicodeDecodeError as error:
                raise table.no_text(name, error) from error
            checker = Checker(_checker(), "0", lambda path: "hash", scratch())
            for number, job in enumerate(checker.checked(table.read(text, name))):
                assert Job.loaded(job.dumped()) == job
                if number > 3000:
                    break


def _manifest_lines():
    import hashlib

    from musiclc.midi import to_bytes

    data = to_bytes(c_major_scale())
    (scratch() / "job").mkdir(exist_ok=True)
    (scratch() / "job" / "a.mid").write_bytes(data)
    verdicts = [
        {"rule": "density", "goal": ">=5", "value": 8, "score": 1.0, "satisfied": True, "weight": 1.0},
        {"rule": "key", "goal": "C major", "value": 1.0, "heard": "C major", "score": 1.0, "satisfied": True, "section": "A"},
    ]
    line = {
        "job": "job",
        "file": "job/a.mid",
        "sha256": hashlib.sha256(data).hexdigest(),
        "command": "sample",
        "index": 1,
        "seed": 3,
        "model": "tiny",
    }
    line |= {"meter": "4/4", "bars": 4, "form": "A2 B2", "bpm": 120.0, "notes": 32, "constraints": verdicts, "satisfied": True, "realism": 0.5}
    edit = {**line, "command": "transform", "bars": "1..2", "track": "x", "read_in": "4/4", "constraints": [{**verdicts[0], "section": "1..2"}]}
    fill = {**line, "command": "infill", "bars": "2..3", "constraints": verdicts[:1]}
    return [json.dumps(each).encode() + b"\n" for each in (line, edit, fill)]


def _read_manifest(data):
    from musiclc.batch.check import Job
    from musiclc.batch.mirror import _entries
    from musiclc.batch.records import kept, records_of
    from musiclc.output import render
    from musiclc.output.verify import verified

    path = file_of(data, "").with_name("manifest.jsonl")
    path.write_bytes(data)
    for each in ("job", "a"):
        records = records_of(scratch())
        kept(scratch(), records, Job(each, 1, "sample", {}, 3, 1, "f", "shape"))
        for file in records.files:
            file.close()
    _entries([data])
    with contextlib.suppress(MusiclcError):
        render.report(scratch(), lambda error: None)
    list(verified(path, {}))


MANIFEST_WORDS = (
    b'"file": "',
    b'"constraints": [',
    b'"rule": "range",',
    b'"goal": "C..",',
    b'"bars": "9..1",',
    b'"form": "A99",',
    b'"meter": "7/8",',
    b'"job": "..",',
    b'"entries": [',
    b"\\u0000",
    b'"section": "B",',
    b'"value": [1, "x"],',
    b'"read_in": "1/4+4/4",',
    b'"track": 5,',
)

# ---- model files ---------------------------------------------------------------------------------------------------


def _model_seeds():
    from musiclc.model.checkpoint import save_model

    found = []
    for pieces in (None, tiny_pieces()):
        model = tiny_model()
        model.pieces = pieces
        save_model(model, scratch() / "model.safetensors")
        found.append((scratch() / "model.safetensors").read_bytes())
    return found


def _read_model(data):
    from musiclc.model.checkpoint import load_model, load_state

    path = file_of(data, ".safetensors")
    with contextlib.suppress(MusiclcError):
        load_state(path)
    load_model(path).fingerprint()


def _critic_seeds():
    from musiclc.model.checkpoint import save_networks, save_state

    model, path = tiny_model(), scratch() / "critic.safetensors"
    save_networks({"critic/own": model.critics["density"]}, {"rule": "x", "goal": "met", "from": "my.py", "model": "tiny"}, path)
    found = [path.read_bytes()]
    save_networks({"critic/judge": model.critics["key" if "key" in model.critics else "scale"]}, {"model": "f", "model name": "tiny"}, path)
    found.append(path.read_bytes())
    from musiclc.latent.descent import FitState

    save_state(FitState(step=3, module=dict(model.critics["density"].state_dict())), {"seed": 1}, path)
    return [*found, path.read_bytes()]


def _read_critic(data):
    from musiclc.custom.critics import _kept
    from musiclc.model.checkpoint import load_networks, load_state

    path = file_of(data, ".safetensors")
    with contextlib.suppress(MusiclcError):
        load_state(path)
    _kept(file_of(data, "-kept.safetensors"))
    load_networks(path)


# ---- texts ---------------------------------------------------------------------------------------------------------


def _text(read):
    """A reader of texts as the command line gives them: no zero bytes, others that are no UTF-8 as surrogates."""
    return lambda data: read(data.replace(b"\0", b"").decode("utf-8", "surrogateescape"))


GOALS = [
    "C",
    "A minor",
    "F# dorian",
    "G major pentatonic",
    "{0,4,7}",
    "C chromatic",
    "6",
    "4..8",
    ">=8",
    "<3",
    "C4..C6",
    "60..84",
    "high",
    "up",
    "0.5",
    "C G Am F",
    "Dm7 G7",
    "Bb",
    "5",
    "C@2",
    "bluesy",
    "3@0.5",
]
GOAL_WORDS = (b"..", b">=", b"<", b"@", b"#", b"b", b"{", b"}", b",", b" ", b"-", b"maj7", b"minor", b"\xc2\xb2", b"\xd9\xa3", b"inf", b"nan", b"e9")


def _read_goal(text):
    from musiclc.rules import RULES, parse_constraint, score, settled

    met = 0
    for name in RULES:
        with contextlib.suppress(MusiclcError):
            constraint = parse_constraint(name, text)
            for melody in (c_major_scale(), jig()):
                constraint.rule.check(constraint.goal, melody.meter)
                (verdict,) = score(melody, [constraint])
                json.dumps(verdict)
                met += verdict["satisfied"] and verdict["score"] < 1
            settled([constraint, parse_constraint("density", "4")])
    assert not met, "satisfied with a score below 1"


def _read_rule(text):
    from musiclc import custom
    from musiclc.custom.examples import parse_constraints

    with mock.patch("musiclc.custom.examples._below", return_value=[]):  # however many files a folder has
        with contextlib.suppress(MusiclcError):
            parse_constraints({text: text, "key": text})
        custom.parse(text)


def _read_section(text):
    from musiclc.custom.sections import parse_section, section_texts, sections_of

    with contextlib.suppress(MusiclcError):
        parse_section(text)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = {text: {"density": text}}
    section_texts(value)
    sections_of(value)


def _read_form(text):
    from musiclc.custom.sections import parse_section
    from musiclc.music.form import bars_of, form_text, parse_form, windows_of
    from musiclc.rules import settled
    from musiclc.rules.sections import placed

    form = parse_form(text)
    assert 0 < bars_of(form) <= 128
    assert parse_form(form_text(form)) == form
    for name in ("A", "B'", "2..3"):
        with contextlib.suppress(MusiclcError):
            windows_of(name, form, bars_of(form))
            placed([parse_section(f"{name}: density=4")], settled([]), form, bars_of(form))


def _read_other_texts(text):
    """Meters, bars, names of files, templates: what else options and jobs say."""
    from musiclc.custom.labels import path_of
    from musiclc.editing.request import EditOptions
    from musiclc.midi.timing import check_meter_text
    from musiclc.music.theory import METERS
    from musiclc.output.manifest import names_by_pattern
    from musiclc.sampling.request import SampleRequest

    for read in (
        check_meter_text,
        path_of,
        lambda t: EditOptions(bars=t).span,
        lambda t: names_by_pattern(t, {"stem": "a", "key": t}, [1, 2]),
        lambda t: [SampleRequest.of({name: t}) for name in ("bars", "n", "seed", "bpm", "temperature", "realism", "strict", "method", "form")],
        lambda t: [SampleRequest.of({"meter": meter, "density": t}) for meter in METERS],
    ):
        with contextlib.suppress(MusiclcError):
            read(text)


RULE_FILES = [
    b'def f(melody):\n    """Share of inner notes where the line turns."""\n    p = [n.pitch for n in melody.notes]\n'
    b"    turns = [(b - a) * (c - b) < 0 for a, b, c in zip(p, p[1:], p[2:])]\n    return sum(turns) / len(turns) if turns else 0.0\n",
    b"# coding: latin-1\nclass G:\n    tolerance = 0.5\n    def __call__(self, melody):\n        return float(len(melody.notes) > 3)\nf = G()\n",
    b"f = lambda melody: melody.bars / 4\n",
]
RULE_WORDS = (
    b"\0",
    b"\t",
    b"return",
    b"lambda x: ",
    b"(",
    b")",
    b":",
    b"'",
    b'"""',
    b"# coding: utf-7\n",
    b"# coding: x\n",
    b"raise SystemExit",
    b"yield ",
    b"\xff",
    b"None",
    b"[]",
    b"async ",
)


def _read_rule_file(data):
    from musiclc import custom

    path = file_of(data, ".py")
    with contextlib.suppress(MusiclcError):
        custom.parse(f"{path}:f=>=0.5")
    custom.parse(f"{path}:f")


READERS = {
    "midi": Reader(_midi_seeds, _read_midi, MIDI_WORDS, few=80),
    "abc": Reader(lambda: ABC, _read_abc, ABC_WORDS, few=40),
    "musicxml": Reader(_xml_seeds, _read_xml, XML_WORDS, mutated_xml, few=40),
    "jobs": Reader(lambda: JOBS, _read_jobs, JOB_WORDS, mutated_json, few=100),
    "manifests": Reader(_manifest_lines, _read_manifest, MANIFEST_WORDS, mutated_json, few=100),
    "checkpoints": Reader(_model_seeds, _read_model, change=mutated_safetensors, few=40),
    "critics": Reader(_critic_seeds, _read_critic, change=mutated_safetensors, few=80),
    "rule-files": Reader(lambda: RULE_FILES, _read_rule_file, RULE_WORDS, few=150),
    "rules": Reader(
        lambda: [b"density=6", b"key=C major@2", b"my.py:f=>=0.5", b"calm", b"motif=hook.mid:transposed>=2", b"avoid=old/:6"],
        _text(_read_rule),
        (*GOAL_WORDS, b".py:", b"=", b"motif=", b"avoid=", b":"),
    ),
    "constraints": Reader(lambda: [goal.encode() for goal in GOALS], _text(_read_goal), GOAL_WORDS, few=100),
    "sections": Reader(
        lambda: [b"B: key=A minor, density=9", b"9..16: density=9", b"A': scale={0,4,7}, chords=C, G", b'{"B": {"density": "9", "rule": ["key=C"]}}'],
        _text(_read_section),
        (*GOAL_WORDS, b":", b"=", b"'", b'"', b"[", b"null"),
    ),
    "forms": Reader(
        lambda: [b"A8 A'8 B8 A'8", b"AABA", b"A4B4", b"A16 B16 A''16 A16"], _text(_read_form), (b"'", b"\xe2\x80\xb2", b"A", b"Z", b"128")
    ),
    "texts": Reader(
        lambda: [b"4/4", b"1/4+4/4", b"9..16", b"{stem}-{index}.mid", b"calm", b"16", b"0.5"], _text(_read_other_texts), GOAL_WORDS, few=60
    ),
}
