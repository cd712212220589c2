"""Nothing is run that was not asked to be run, and nothing is written elsewhere: a test for each promise.

What an attacker may have made: a model, a critic in the cache, a dataset, jobs, manifests, MIDI files with any names, links in the output folder,
a store at an address. What is trusted: the command line, a rule file that it names, and who can write to a Ray cluster.
"""

import ast
import hashlib
import json
import pickle

import pytest

from musiclc.batch import messages, mirror
from musiclc.batch.folder import Folder
from musiclc.cli import _jobs
from musiclc.errors import MusiclcError, UsageError
from musiclc.files import within
from musiclc.midi import to_bytes
from musiclc.output.manifest import names_by_pattern, read_within
from tests.batch.common import here, run, write
from tests.command import musiclc
from tests.helpers import c_major_scale
from tests.test_architecture import MODULES

RUNS = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "shelve", "marshal", "joblib", "jsonpickle", "runpy", "code"}
CALLS = {"eval", "exec", "compile", "__import__", "execfile"}
UNSAFE = {("torch", "load"), ("yaml", "load"), ("yaml", "unsafe_load"), ("yaml", "full_load"), ("np", "load"), ("numpy", "load"), ("os", "system")}
EVIL_RULE = "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n\ndef f(melody):\n    return 1.0\n"


class Evil:
    """What runs when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (exec, (f"open({str(self.mark)!r}, 'w')",))


# ---- no code in data -----------------------------------------------------------------------------------------------


def test_no_module_unpickles_or_evaluates_but_the_one_for_rule_files():
    found = {}
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                used = {alias.name.split(".")[0] for alias in node.names} & RUNS
            elif isinstance(node, ast.ImportFrom):
                used = {(node.module or "").split(".")[0]} & RUNS
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                used = {node.func.id} & CALLS
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used = {node.attr} if (node.value.id, node.attr) in UNSAFE else set()
            else:
                continue
            for each in used:
                found.setdefault(name, set()).add(each)
    assert found == {"custom.functions": {"exec", "compile"}}


@pytest.fixture
def evil(tmp_path):
    """Pickles of two kinds that leave a mark when they are loaded, as torch.save and pickle write them."""
    import torch

    mark = tmp_path / "ran"
    torch.save({"state": Evil(mark)}, tmp_path / "evil.pt")
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Evil(mark)))
    yield [tmp_path / "evil.pt", tmp_path / "evil.pkl"]
    assert not mark.exists(), "a pickle was loaded"


def test_loading_a_model_a_critic_a_state_or_a_dataset_runs_nothing(evil):
    from musiclc.custom.critics import _kept
    from musiclc.model.checkpoint import load_model, load_networks, load_state
    from musiclc.training import corpus, tunes

    for path in evil:
        for load in (load_model, load_networks, load_state, corpus.load, tunes.load):
            with pytest.raises(MusiclcError, match=r"evil\.p"):
                load(path)
        assert _kept(path) is None


def test_evil_pickles_would_run_were_they_loaded(tmp_path):
    pickle.loads(pickle.dumps(Evil(tmp_path / "ran")))
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["jobs.yaml", "jobs.jsonl", "jobs.csv"])
def test_a_table_of_jobs_runs_nothing(name, tmp_path):
    mark = tmp_path / "ran"
    (tmp_path / name).write_text(f"- !!python/object/apply:os.system ['touch {mark}']\n")
    done = musiclc("batch", name, "--check", cwd=tmp_path, code=None)
    assert done.returncode in (2, 4)
    assert "Traceback" not in done.err
    assert not mark.exists()


def test_what_comes_by_wire_can_become_nothing_but_messages(tmp_path):
    part = messages.JobPart("a", {"key": "C", "rule": ["x"]}, 3, (1, 2), 2, "f")
    sent = [
        messages.Unit(1, "sample", "s", (part,)),
        messages.Made(1, "a", [{"file": "\udcff.mid", "value": 1.5}], [b"\0\xff"], (1,)),
        messages.Failed(1, "a", "why", 4),
        messages.Done(1),
        messages.Said("hm"),
    ]
    assert [messages.unpacked(messages.packed(each)) for each in sent] == sent
    for odd in (pickle.dumps(Evil(tmp_path / "ran")), b'["Path", {"x": 1}]', b'["Unit", {}]', b"[[]]", b"7", b"[" * 100_000):
        with pytest.raises(ValueError, match=r"."):
            messages.unpacked(odd)
    assert not (tmp_path / "ran").exists()


def test_manifests_that_name_rule_files_run_none(tmp_path):
    (tmp_path / "evil.py").write_text(EVIL_RULE)
    data = to_bytes(c_major_scale())
    (tmp_path / "a.mid").write_bytes(data)
    verdict = {"rule": "evil.py:f", "goal": "met", "value": 1.0, "score": 1.0, "satisfied": True, "from": f"{tmp_path}/evil.py"}
    line = {"file": "a.mid", "sha256": hashlib.sha256(data).hexdigest(), "command": "sample", "constraints": [verdict], "model": "evil.py:f"}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(line) + "\n")
    musiclc("score", "--check", "manifest.jsonl", cwd=tmp_path)
    musiclc("render", ".", "--report", "page.html", cwd=tmp_path)
    assert not (tmp_path / "ran").exists()


# ---- rule files ----------------------------------------------------------------------------------------------------


def job_with(rule, where):
    return {"rule": rule, "bars": 4} if where == "rule" else {"sections": {"1..4": {"rule": rule}}}


@pytest.fixture
def elsewhere(tmp_path):
    """A folder of jobs, and beside it one with a rule file that leaves a mark when it is run."""
    for name in ("jobs", "elsewhere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "evil.py").write_text(EVIL_RULE)
    (tmp_path / "jobs" / "link.py").symlink_to(tmp_path / "elsewhere" / "evil.py")
    return tmp_path


@pytest.mark.parametrize("where", ["rule", "sections"])
@pytest.mark.parametrize("file", ["../elsewhere/evil.py", "/ABSOLUTE/elsewhere/evil.py", "link.py", "x/../../elsewhere/evil.py"])
def test_a_job_may_run_rule_files_of_its_own_folder_alone(file, where, elsewhere):
    rule = f"{file}:f@2".replace("/ABSOLUTE", str(elsewhere))
    write(elsewhere / "jobs" / "jobs.jsonl", [{"id": "a", **job_with(rule, where)}])
    (elsewhere / "jobs" / "x").mkdir()
    done = musiclc("batch", "jobs.jsonl", "--check", cwd=elsewhere / "jobs", code=2)
    assert "a rule file, whose code is run, outside of .; --allow-rules if you trust these jobs" in done.err
    assert not (elsewhere / "elsewhere" / "ran").exists()
    stdin = (elsewhere / "jobs" / "jobs.jsonl").read_bytes()
    assert "outside of ." in musiclc("batch", "-", "--check", cwd=elsewhere / "jobs", stdin=stdin, code=2).err
    assert not (elsewhere / "elsewhere" / "ran").exists()
    musiclc("batch", "jobs.jsonl", "--check", "--allow-rules", cwd=elsewhere / "jobs")
    assert (elsewhere / "elsewhere" / "ran").exists() or (elsewhere / "jobs" / "ran").exists()  # by the name of the link


@pytest.mark.parametrize("where", ["rule", "sections"])
def test_a_rule_file_beside_the_jobs_is_run_and_that_is_said(where, elsewhere):
    write(elsewhere / "jobs" / "jobs.jsonl", [{"id": "a", **job_with("jobs/evil.py:f", where)}])
    done = musiclc("batch", "jobs/jobs.jsonl", "--check", cwd=elsewhere)
    assert done.err.splitlines()[0] == "musiclc: runs the code of jobs/evil.py"
    assert (elsewhere / "jobs" / "ran").exists()
    write(elsewhere / "jobs" / "jobs.jsonl", [{"id": "a", "rule": "density=4", "bars": 4}])
    assert "runs" not in musiclc("batch", "jobs/jobs.jsonl", "--check", cwd=elsewhere).err


def test_the_option_says_that_code_is_run():
    for command in ("sample", "transform", "score"):
        assert "whose code is run" in " ".join(musiclc(command, "--help").out.decode().split())


# ---- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern",
    [
        *("../{index}.mid", "/tmp/{index}.mid", "a/{index}", "{index}\0.mid", "{index}\n"),
        *(
            "{stem.__class__}-{index}",
            "{index:>999999999}",
            "{index!r:>99}",
            "{stem[0]}{index}",
            "{}",
            "{0}{index}",
            "{index",
            "}{index}",
            "{index:{stem}}",
        ),
    ],
)
def test_a_template_can_name_no_other_place_and_nothing_else(pattern):
    with pytest.raises(UsageError, match="--name"):
        names_by_pattern(pattern, {"stem": "x"}, [1, 2])


def test_fields_from_files_and_goals_stay_within_a_name():
    (name,) = names_by_pattern("{key}-{index}", {"key": "../../x\0/é", "stem": ".."}, [1])
    assert name == "..-..-x-é-0001.mid"
    assert names_by_pattern("{{{index}}}", {}, [1]) == ["{0001}.mid"]


@pytest.mark.parametrize("name", ["../a", "/etc/a", "x/../../a", "link/a", "link/new/a", "", "..", "a\0b", "round/a"])
def test_no_name_and_no_link_leads_out_of_a_folder(name, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "far").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path / "far")
    (tmp_path / "out" / "round").symlink_to(tmp_path / "out" / "round")
    with pytest.raises(MusiclcError, match="leads out of"):
        within(tmp_path / "out", name)
    with pytest.raises(MusiclcError):
        read_within(tmp_path / "out", {"file": name})
    with pytest.raises(MusiclcError):
        read_within(tmp_path / "out", {"file": "a", "job": f"{name}/.."})
    (tmp_path / "named").symlink_to(tmp_path / "out")  # the folder itself may be a link: that is what was asked for
    assert within(tmp_path / "named", "x/a.mid") == tmp_path / "named" / "x" / "a.mid"


def test_a_file_is_written_in_the_place_of_a_link_not_through_it(tiny, tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "a.mid").write_bytes(to_bytes(c_major_scale()))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.mid").symlink_to(tmp_path / "mine")
    musiclc("transform", "a.mid", "-o", "out", "--key", "D", "--model", tiny, "--overwrite", cwd=tmp_path)
    assert (tmp_path / "mine").read_text() == "mine"
    assert not (tmp_path / "out" / "a.mid").is_symlink()


def test_files_of_folders_below_do_not_go_through_links(tiny, tmp_path):
    (tmp_path / "songs" / "v1").mkdir(parents=True)
    (tmp_path / "songs" / "v1" / "a.mid").write_bytes(to_bytes(c_major_scale()))
    (tmp_path / "far").mkdir()
    for place in ("out", "pictures"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "v1").symlink_to(tmp_path / "far")
    for words in (["-o", "out"], ["-o", "new", "--plot", "pictures"]):
        (tmp_path / "songs" / "b.mid").write_bytes(to_bytes(c_major_scale()))
        done = musiclc("transform", "-r", "songs", *words, "--key", "D", "--model", tiny, cwd=tmp_path, code=1)
        assert "leads out of" in done.err
    assert not list((tmp_path / "far").iterdir())
    assert not (tmp_path / "new").exists()


def test_a_batch_writes_through_no_link(tiny, tmp_path, runners):
    jobs = write(tmp_path / "jobs.jsonl", [{"id": "a", "bars": 4, "realism": 0, "model": tiny}])
    (tmp_path / "far").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(tmp_path / "far")
    with pytest.raises(MusiclcError, match="leads out of"):
        run(jobs, tmp_path / "out", here(runners))
    for name in (".musiclc", ".musiclc/journal.jsonl", ".musiclc/work"):
        place = tmp_path / name.replace("/", "-") / name
        place.parent.mkdir(parents=True)
        place.symlink_to(tmp_path / "far")
        with pytest.raises(MusiclcError, match="is a link, and no batch made it"):
            Folder(tmp_path / name.replace("/", "-"))
    assert not list((tmp_path / "far").iterdir())


def test_a_manifest_from_elsewhere_removes_and_sends_no_file_outside_of_its_folder(tiny, tmp_path, runners):
    """Its lines name files by path and hash, and what a batch no longer wants is removed."""
    jobs = write(tmp_path / "jobs.jsonl", [{"id": "a", "bars": 4, "realism": 0, "model": tiny}])
    (tmp_path / "mine.mid").write_bytes(b"mine")
    (tmp_path / "out").mkdir()
    mine = {"sha256": hashlib.sha256(b"mine").hexdigest(), "index": 1, "fingerprint": "f"}
    lines = [{"job": "a", "file": "../mine.mid", **mine}, {"job": "..", "file": f"{tmp_path}/mine.mid", **mine}]
    odd = [
        '{"job": "a", "index"}',
        '{"job": "a"}',
        '{"job": "a", "file": 7, "index": 1}',
        '{"job": "a", "entries": 3}',
        '{"job": ["a"]}',
        "[" * 99_999,
    ]
    (tmp_path / "out" / "manifest.jsonl").write_text("".join(each + "\n" for each in [*map(json.dumps, lines), *odd]))
    assert run(jobs, tmp_path / "out", here(runners)).made == 1
    assert (tmp_path / "mine.mid").read_bytes() == b"mine"
    assert not mirror._entries([b"".join(json.dumps(line).encode() + b"\n" for line in lines)])


def test_ids_of_jobs_name_folders_of_their_own():
    for name in ("..", ".", "a/b", "/a", "a\\b", "a\0", ".musiclc", "manifest.jsonl", "a" * 200, "a ", ".hidden"):
        (job,) = _jobs.checker().checked([_row({"id": name})])
        assert [text for text in job.mistakes if "cannot name a folder" in text], name


def _row(values):
    from musiclc.batch.table import Row

    return Row(1, {"command": "sample", **values})


# ---- pages ---------------------------------------------------------------------------------------------------------


def test_a_page_of_hostile_names_has_the_elements_of_any_page_and_its_policy_before_all_else():
    """test_page.py has each place a name can stand in; here nothing whatever of a manifest makes an element or an attribute."""
    from musiclc.output.page import report_page
    from tests.output.test_page import NASTY, Page

    def line(text):
        verdict = {"rule": text, "goal": text, "value": text, "satisfied": True, "section": text, "heard": text}
        names = ("file", "job", "seed", "realism", "notes", "model", "form", "meter", "warnings", "command", "track")
        return dict.fromkeys(names, text) | {"constraints": [verdict], "satisfied": True}

    def shape(text):
        page = Page(report_page([line(text)], lambda entry: to_bytes(c_major_scale()), text))
        return [(tag, sorted(attributes)) for tag, attributes in page.found]

    assert shape(NASTY) == shape("plain")
    tags = [tag for tag, _ in shape(NASTY)]
    assert tags.index("meta") < min(tags.index(tag) for tag in ("style", "script", "title"))


def test_a_picture_of_hostile_names_holds_no_script():
    import xml.etree.ElementTree as tree

    from musiclc.midi.performance import read_notes
    from musiclc.output.render import KINDS
    from tests.output.test_page import NASTY

    data = to_bytes(c_major_scale())
    picture = tree.fromstring(KINDS["svg"](read_notes("x.mid", data), NASTY, ()))
    assert {each.tag.rpartition("}")[2] for each in picture.iter()} <= {"svg", "title", "style", "rect", "line", "text", "g", "path", "defs"}
    assert not [name for each in picture.iter() for name in each.attrib if name.startswith("on") or "href" in name]


@pytest.fixture(scope="session")
def runners():
    from musiclc.batch import commands

    return commands.runners()
