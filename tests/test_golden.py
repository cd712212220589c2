"""The command line writes the bytes that tests/golden.json has recorded, on a machine that rounds alike."""

import json
from pathlib import Path

import pytest

from tests import golden

RECORDED = json.loads(Path(__file__).with_name("golden.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def now():
    here, there = golden.numerics(), RECORDED["numerics"]
    if here != there:
        other = ", ".join(f"{name} {here.get(name)}, not {there.get(name)}" for name in sorted({*here, *there}) if here.get(name) != there.get(name))
        pytest.skip(f"golden.json was recorded on a machine that rounds differently: here {other}")
    return golden.record()


def test_every_case_is_recorded():
    assert list(RECORDED["cases"]) == list(golden.CASES)


@pytest.mark.parametrize("case", golden.CASES)
def test_the_bytes_are_as_recorded(now, case):
    assert now[case] == RECORDED["cases"][case]
