"""What continuing, infilling and bridging are asked for."""

import pytest

from musiclc.errors import UsageError
from musiclc.sampling.fill_request import BridgeRequest, ContinueRequest, FillOptions, InfillRequest, bar_range


def test_texts_and_values_make_the_same_request():
    texts = {"input": "a.mid", "bars": "8", "before": "true", "n": "3", "seed": "4", "realism": "0.5", "key": "C", "track": "1"}
    values = {"input": ["a.mid"], "bars": 8, "before": True, "n": 3, "seed": 4, "realism": 0.5, "rule": ["key=C"], "track": 1}
    asked = ContinueRequest.of(texts)
    assert asked == ContinueRequest.of(values)
    assert (asked.bars, asked.before, asked.n, asked.options) == (8, True, 3, FillOptions(track="1", seed=4, realism=0.5))
    assert asked.names == ["a-4-0001.mid", "a-4-0002.mid", "a-4-0003.mid"]
    assert BridgeRequest.of({"input": ["a.mid", "b.mid"], "bars": 4, "seed": 4}).names == ["a-b-4-0001.mid"]
    assert InfillRequest.of({"input": "a.mid", "bars": 5}).bars == "5"
    assert not ContinueRequest.of({"input": "a.mid", "bars": 1, "before": "false"}).before


def test_bars_are_read_from_the_first_to_the_last():
    assert [bar_range(text) for text in ("5..8", " 5 .. 8 ", "5", (5, 8))] == [(5, 8), (5, 8), (5, 5), (5, 8)]
    assert bar_range("1..64") == (1, 64)


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        (InfillRequest, {"bars": "5-8"}, r"bars '5-8': wanted the first and the last one, counted from 1, such as 5\.\.8, or 5 for one"),
        (InfillRequest, {"bars": ""}, "bars '': wanted the first and the last"),
        (InfillRequest, {}, "bars '': wanted the first and the last"),
        (InfillRequest, {"bars": "0..4"}, r"bars 0\.\.4: wanted 1 or more, the first before the last, such as 5\.\.8"),
        (InfillRequest, {"bars": "8..5"}, r"bars 8\.\.5: wanted 1 or more"),
        (InfillRequest, {"bars": "1..65"}, r"bars 1\.\.65: 65 of them; wanted at most 64"),
        (InfillRequest, {"bars": "1", "before": True}, "before: unknown to infill"),
        (ContinueRequest, {}, "bars 0: wanted 1 to 64 new bars"),
        (ContinueRequest, {"bars": 65}, "bars 65: wanted 1 to 64 new bars"),
        (ContinueRequest, {"bars": "many"}, "bars 'many': wanted a whole number"),
        (ContinueRequest, {"bars": 1, "before": "perhaps"}, "before 'perhaps': wanted true or false"),
        (ContinueRequest, {"bars": 1, "befor": True}, "befor: unknown to continue; did you mean before"),
        (ContinueRequest, {"bars": 1, "baars": 1}, "baars: unknown to continue; did you mean bars"),
        (ContinueRequest, {"bars": 1, "keep": 0.5}, "keep: unknown to continue"),
        (ContinueRequest, {"bars": 1, "kye": "C"}, "kye: unknown to continue; did you mean key"),
        (ContinueRequest, {"bars": 1, "n": 0}, "n 0: wanted 1 or more"),
        (ContinueRequest, {"bars": 1, "n": 2, "name": "x"}, "need {index}"),
        (ContinueRequest, {"bars": 1, "density": "40"}, "cannot be met in 4/4"),
        (ContinueRequest, {"bars": 1, "temperature": 0}, "temperature 0: wanted above 0 and at most 2"),
        (ContinueRequest, {"bars": 1, "realism": 2}, "realism 2: wanted 0 to 1"),
        (ContinueRequest, {"bars": 1, "attempts": 0}, "attempts 0: wanted 1 or more"),
        (ContinueRequest, {"bars": 1, "method": "magic"}, "method 'magic': wanted auto"),
        (ContinueRequest, {"bars": 1, "seed": -1}, "seed -1: wanted 0 or more"),
        (ContinueRequest, {"bars": 1, "input": ["a.mid", "b.mid"]}, "2 files; continue takes one"),
        (ContinueRequest, {"bars": 1, "input": "."}, r"\.: a folder; continue takes files"),
        (BridgeRequest, {"bars": 1}, "1 files; bridge takes two"),
        (BridgeRequest, {"input": ["a.mid", "b.mid"]}, "bars 0: wanted 1 to 64 new bars"),
    ],
)
def test_mistakes_say_what_was_wanted(kind, values, said):
    with pytest.raises(UsageError, match=said):
        kind.of({"input": "a.mid", **values})
