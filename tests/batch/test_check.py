"""What jobs mean: every mistake with its line and field, seeds and fingerprints."""

import pytest

from musiclc.batch import table
from musiclc.cli._jobs import checker


def checked(*given):
    return list(checker().checked(table.Row(i, values) for i, values in enumerate(given, 1)))


def wrong(*given):
    return [text for job in checked(*given) for text in job.mistakes]


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ({"density": "lots"}, "density: density 'lots': wanted a number such as 6"),
        ({"density": "40"}, "cannot be met in 4/4"),
        ({"densty": "4"}, "densty: unknown to sample; did you mean density?"),
        ({"key": ["C", "G"]}, 'key: a list; for a job of each of its values add "grid": true'),
        ({"n": 0}, "n: 0 is not in the range x>=1"),
        ({"n": "many"}, "n: 'many' is not a valid integer"),
        ({"n": True}, "n: true; wanted text or a number"),
        ({"meter": "5/4"}, "meter: '5/4' is not one of"),
        ({"rule": ["densty=4"]}, "did you mean density?"),
        ({"rule": "missing.py:f"}, "rule: rule missing.py: cannot be read"),
        ({"output": "x"}, "output: the batch decides"),
        (
            {"command": "smaple"},
            "command: 'smaple' is not for batches; wanted sample, transform, vary, interpolate, continue, infill, bridge; did you mean sample?",
        ),
        ({"id": "../x"}, "id: '../x' cannot name a folder"),
        ({"id": "manifest.jsonl"}, "cannot name a folder"),
        ({"id": ["a"]}, "cannot name a folder"),
        ({"strict": "perhaps"}, "strict: 'perhaps'; wanted true or false"),
        ({"n": 2, "name": "x"}, "need {index}"),
        ({"bars": 129}, "bars: 129 is not in the range 1<=x<=128"),
        ({"bars": 32, "form": "A8 B8"}, "form 'A8 B8': adds up to 16 bars"),
        ({"form": "A8 B8", "sections": {"C": {"density": "4"}}}, "section C: the form 'A8 B8' has A, B; did you mean B?"),
        ({"sections": {"1..8": {"densty": "4"}}}, "sections: section 1..8: rule 'densty': unknown"),
        ({"sections": {"1..8": {}}}, "sections: section 1..8: no goals"),
        ({"sections": {"1..8": 4}}, "sections: section 1..8: 4; wanted goals"),
        ({"sections": 4}, 'sections: 4; wanted such as {"B": {"density": "9"}}'),
        ({"section": "B: density=4"}, "section: unknown to sample; did you mean sections?"),
        ({"density": "<=4", "sections": {"1..8": {"density": ">=9"}}}, "cannot both hold"),
        ({"model": "missing.safetensors"}, "missing.safetensors: cannot be read"),
        ({"grid": True}, "grid: no field holds a list"),
        ({"key": [], "grid": True}, "key: an empty list"),
    ],
)
def test_mistakes_say_field_and_slip(job, said):
    (found,) = wrong(job)
    assert said in found
    assert "\n" not in found


def test_every_mistake_is_found_and_the_good_jobs_stay():
    found = checked({"key": "H", "density": "x", "n": 0}, {"key": "C"}, {"id": "a"}, {"id": "A"})
    assert [len(t.mistakes) for t in found] == [3, 0, 0, 1]
    assert "'A' stands on line 3 already" in found[3].mistakes[0]
    assert [t.id for t in found] == ["job-0001", "job-0002", "a", "job-0004-again"]


def test_a_seed_comes_from_the_job_and_a_fingerprint_from_all_that_decides_its_bytes():
    first, more, other, strict, plain = checked(
        {"id": "a", "key": "C"},
        {"id": "b", "key": "C", "n": 9},
        {"id": "c", "key": "G"},
        {"id": "d", "seed": 1, "strict": True},
        {"id": "e", "seed": 1},
    )
    assert len({first.seed, more.seed, other.seed}) == 3
    assert first.shape == more.shape != other.shape
    assert strict.fingerprint == plain.fingerprint
    again, nine = checked({"id": "a", "key": "C", "meter": "4/4", "bpm": 120}), checked({"id": "a", "key": "C", "n": 9})
    assert (again[0].seed, again[0].fingerprint) == (first.seed, first.fingerprint) == (nine[0].seed, nine[0].fingerprint)
    assert checked({"id": "a", "key": "C", "bpm": 90})[0].fingerprint != first.fingerprint


def test_the_source_of_ones_own_rule_decides_too(tmp_path):
    def fingerprint(body):
        (tmp_path / "my.py").write_text(f"def f(melody):\n    return {body}\n")
        return checked({"id": "a", "seed": 1, "rule": f"{tmp_path}/my.py:f=>=1"})[0].fingerprint

    assert fingerprint("len(melody.notes)") != fingerprint("2 * len(melody.notes)")


def test_sections_are_a_mapping_or_texts_and_the_source_of_their_rules_decides_too(tmp_path):
    def job(sections, body="1.0"):
        (tmp_path / "my.py").write_text(f"def f(melody):\n    return {body}\n")
        (found,) = checked({"id": "a", "seed": 1, "form": "A8 B8", "sections": sections})
        assert found.mistakes == []
        return found

    mapping = {"B": {"density": 9, "rule": f"{tmp_path}/my.py:f=>=1"}}
    text = f"B: density=9, {tmp_path}/my.py:f=>=1"
    assert job(mapping).options == {"form": "A8 B8", "sections": [text]}
    assert job(mapping).fingerprint == job(text).fingerprint == job([text]).fingerprint != job(mapping, "2.0").fingerprint
    assert job(mapping).shape != job("B: density=8").shape


def test_a_grid_over_sections():
    row = table.Row(1, {"id": "a", "form": "A8 B8", "grid": True, "sections": [{"B": {"density": d}} for d in (4, 8)]})
    assert [job.options["sections"] for job in checker().checked([row])] == [["B: density=4"], ["B: density=8"]]


def test_an_input_that_exists_comes_before_a_pattern(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("Song [live].mid", "Song l.mid", "Song i.mid"):
        (tmp_path / name).write_bytes(b"")
    ask = {"command": "transform", "key": "C"}
    found = checked(*({**ask, "input": name} for name in ("Song [live].mid", "Song [il].mid", "Song [x].mid", ["Song l.mid", "none.mid"])))
    assert found[0].options["input"] == ["Song [live].mid"]
    assert found[1].options["input"] == ["Song i.mid", "Song l.mid"]
    assert found[2].mistakes == ["input: Song [x].mid: no such file"]
    assert found[3].mistakes == ["input: none.mid: no such file"]
    (twice,) = checked({"command": "interpolate", "input": ["Song l.mid", "Song l.mid"]})
    assert twice.options["input"] == ["Song l.mid", "Song l.mid"]
