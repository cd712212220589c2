"""New bars in melodies and in files, with a stand-in for the networks that repeats what stands beside them."""

import json

import numpy as np
import pytest

import musiclc
from musiclc.errors import InputError, MusiclcError, UsageError
from musiclc.evaluation.arranged import MELODY, arranged, differences
from musiclc.midi import read_song, to_bytes
from musiclc.midi.inputs import Input
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from musiclc.sampling import fill
from musiclc.sampling.fill import Blank
from musiclc.sampling.fill_request import BridgeRequest, ContinueRequest, FillOptions, InfillRequest
from musiclc.sampling.setting import Filled
from tests.helpers import c_major_scale, jig, tiny_model
from tests.midi.band import BAR, band, others, played, quarters

pytestmark = pytest.mark.usefixtures("repeats")
SCALE = c_major_scale()
C4 = 60 - tok.PITCH_OF_TOKEN


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def asked(kind, *data, **values):
    return kind.of({"input": [Input(f"{i}.mid", each, f"{i}.mid") for i, each in enumerate(data)], "seed": 7, **values})


def made(kind, model, *data, **values):
    return list(fill.run(asked(kind, *data, **values), model))


def only(kind, model, *data, **values):
    ((entry, file),) = made(kind, model, *data, **values)
    return entry, file


def bars(melody, first, last):
    return melody.window(first - 1, last - first + 1).notes


# ---- melodies ------------------------------------------------------------------------------------------------------


def test_a_melody_goes_on(model):
    first, second = musiclc.continued(model, SCALE, 2, n=2)
    assert (first.melody.bars, first.melody.meter, first.index, second.index) == (6, "4/4", 1, 2)
    assert first.melody.window(0) == SCALE
    assert bars(first.melody, 5, 6) == bars(SCALE, 3, 4)
    assert bars(second.melody, 5, 6) == bars(SCALE.transpose(1), 3, 4)
    assert (second.attempts, second.realism, second.verdicts, second.satisfied) == (2, 0.5, [], True)


def test_constraints_are_measured_on_the_new_bars_alone(model, repeats):
    repeats.bar = [C4, tok.HOLD] * 8
    (made,) = musiclc.continued(model, SCALE, 2, {"density": "8", "range": "C4..D4"})
    assert [(v["rule"], v["value"], v["satisfied"]) for v in made.verdicts] == [("density", 8.0, True), ("range", [60, 60], True)]
    (made,) = musiclc.continued(model, SCALE, 2, {"density": "12"})
    assert not made.satisfied
    assert made.warnings == ["density 12: not met, value 8.0"]
    assert [c.rule.name for c in repeats.settings[-1].constraints] == ["density"]


def test_a_melody_is_preceded_infilled_and_bridged(model):
    (made,) = musiclc.preceded(model, SCALE, 3)
    assert made.melody.window(3) == SCALE
    (made,) = musiclc.infilled(model, SCALE, "2..3")
    assert [bars(made.melody, *b) for b in ((1, 1), (4, 4))] == [bars(SCALE, *b) for b in ((1, 1), (4, 4))]
    assert bars(made.melody, 2, 2) != bars(SCALE, 2, 2)
    assert musiclc.infilled(model, SCALE, (2, 3)).__next__().melody == made.melody
    (made,) = musiclc.bridged(model, (SCALE, SCALE.transpose(2)), 1)
    assert (made.melody.bars, made.melody.window(0), made.melody.window(5)) == (9, SCALE, SCALE.transpose(2))


def test_what_the_networks_are_asked(model, repeats):
    long = Melody(tuple(Note(16 * bar, 60, 16) for bar in range(50)), "4/4", 50)
    list(musiclc.infilled(model, long, "36..37"))
    (setting,) = repeats.settings
    assert (len(setting.wanted), len(setting.tokens), setting.meter) == (47, 47 * 16, "4/4")  # bars 4 to 50: 32 before, all after
    assert list(np.flatnonzero(setting.wanted)) == [32, 33]
    assert (setting.opens, setting.closes) == (False, True)
    assert not setting.tokens[32 * 16 : 34 * 16].any()
    list(musiclc.bridged(model, (jig(), jig()), 2))
    setting = repeats.settings[-1]
    assert (list(np.flatnonzero(setting.wanted)), len(setting.wanted), setting.opens, setting.closes) == ([4, 5], 10, True, True)


def test_a_note_over_the_join_stays_and_the_first_new_one_begins_after_it(model, repeats):
    tied = Melody((Note(0, 60, 8), Note(12, 64, 8), Note(24, 65, 8), Note(40, 67, 12), Note(56, 60, 8)), "4/4", 4)
    repeats.bar = [C4 + 12] + [tok.HOLD] * 15
    (made,) = musiclc.infilled(model, tied, "2")
    assert made.melody.notes[:3] == (Note(0, 60, 8), Note(12, 64, 8), Note(20, 72, 12))  # it was at step 16
    assert made.melody.notes[3:] == tied.notes[3:]
    assert list(repeats.settings[-1].tokens[16:32]) == [tok.HOLD] * 4 + [tok.REST] * 12
    repeats.bar = [C4 + 12, tok.HOLD, tok.REST, tok.REST] * 4
    (made,) = musiclc.infilled(model, tied, "2")
    assert [n.start for n in made.melody.notes] == [0, 12, 20, 24, 28, 40, 56]  # the one at 16 was over by then
    (made,) = musiclc.infilled(model, tied, "3")
    assert [n for n in made.melody.notes if n.start >= 44] == [Note(44, 72, 2), Note(56, 60, 8)]
    with pytest.raises(UsageError, match=r"bars 2\.\.2: a note that begins before them sounds through all of them"):
        musiclc.infilled(model, Melody((Note(0, 60, 40),), "4/4", 4), "2")


def test_a_last_new_note_sounds_on_for_as_long_as_the_one_that_stood_there_did(model, repeats):
    tied = Melody((Note(0, 60, 8), Note(28, 65, 8), Note(40, 67, 8)), "4/4", 4)
    repeats.bar = [C4] + [tok.HOLD] * 15
    (made,) = musiclc.infilled(model, tied, "2")
    assert made.melody.notes == (Note(0, 60, 8), Note(16, 60, 20), Note(40, 67, 8))
    repeats.bar = [C4] + [tok.REST] * 15
    (made,) = musiclc.infilled(model, tied, "2")
    assert made.melody.notes == (Note(0, 60, 8), Note(16, 60, 1), Note(40, 67, 8))


def test_what_the_networks_hold_on_from_before_the_bars_is_silence():
    row = np.array([C4, 1, 0, 0, *[0] * 12, *[0] * 16], np.uint8)
    blank = Blank(row, "4/4", 1, 1, (0, 2))
    written = np.array([*row[:16], 1, 1, C4, 1, *[0] * 12], np.uint8)
    assert list(blank.filled(Filled(written))) == [*row[:16], 0, 0, C4, 1, *[0] * 12]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m: musiclc.continued(m, SCALE, 0), "bars 0: wanted 1 to 64 new bars"),
        (lambda m: musiclc.preceded(m, SCALE, 65), "bars 65: wanted 1 to 64 new bars"),
        (lambda m: musiclc.continued(m, SCALE, 4, n=0), "n 0: wanted 1 or more"),
        (lambda m: musiclc.continued(m, SCALE, 4, {"density": "40"}), "cannot be met in 4/4"),
        (lambda m: musiclc.infilled(m, SCALE, "4..5"), r"bars 4\.\.5: the melody has 4, counted from 1"),
        (lambda m: musiclc.infilled(m, SCALE, (3, 2)), r"bars 3\.\.2: wanted 1 or more, the first before the last"),
        (lambda m: musiclc.bridged(m, (SCALE, jig()), 4), "a melody in 4/4 and one in 6/8"),
    ],
)
def test_mistakes_are_told_before_anything_is_drawn(model, call, said):
    with pytest.raises(UsageError, match=said):
        call(model)


# ---- files ---------------------------------------------------------------------------------------------------------


def test_continue_writes_the_new_bars_and_says_which(model):
    entry, data = only(ContinueRequest, model, band(), bars=2, track="Voice", density="4", name="{stem}-on-{index}")
    assert (entry["file"], entry["command"], entry["input"], entry["track"]) == ("0-on-0001.mid", "continue", "0.mid", "Voice")
    assert (entry["bars"], entry["meter"], entry["bpm"], entry["notes"], entry["seed"]) == ("9..10", "4/4", 100.0, 40, 7)
    assert (entry["constraints"][0]["value"], entry["satisfied"], entry["realism"], entry["attempts"], entry["warnings"]) == (4.0, True, 0.5, 1, [])
    assert not {"kept", "before"} & set(entry)
    assert json.loads(json.dumps(entry)) == entry
    assert played(data) == played(band(bars=10, melody=quarters(10)))
    assert [t[:-1] for t in others(data)] == [t[:-1] for t in others(band())]


def test_before_is_the_same_backwards(model):
    entry, data = only(ContinueRequest, model, band(), bars=2, before="true", track="Voice")
    assert entry["bars"] == "1..2"
    assert played(data)[8:] == [(on + 2 * BAR, off + 2 * BAR, *rest) for on, off, *rest in played(band())]
    assert [n[2:4] for n in played(data)[:4]] == [(60, 100), (64, 70), (67, 70), (72, 70)]


def test_infill_leaves_everything_else_byte_for_byte(model):
    data = arranged(to_bytes(SCALE), 4)
    files = made(InfillRequest, model, data, bars="2..3", n=3, track=MELODY)
    assert len({file for _, file in files}) == 3
    for entry, file in files:
        assert differences(data, file) == []
        assert (entry["bars"], entry["notes"]) == ("2..3", 32)
        assert [bars(read_song(file, track=MELODY).melody, *b) for b in ((1, 1), (4, 4))] == [bars(SCALE, *b) for b in ((1, 1), (4, 4))]
    same = musiclc.infilled(model, SCALE, "2..3", n=3)
    assert [read_song(file, track=MELODY).melody.notes for _, file in files] == [s.melody.notes for s in same]


def test_bridge_goes_from_the_one_to_the_other(model):
    entry, data = only(BridgeRequest, model, band(), to_bytes(SCALE.transpose(1)), bars="1")
    assert (entry["file"], entry["input"], entry["bars"], entry["track"]) == ("0-1-7-0001.mid", ["0.mid", "1.mid"], "9", "Voice")
    melody = read_song(data, track="Voice").melody
    assert melody.bars == 13
    assert bars(melody, 10, 13) == bars(SCALE.transpose(1), 1, 4)


def test_an_item_depends_on_the_seed_and_its_index_alone(model, repeats):
    keys = []
    real = repeats.fills
    repeats.fills = lambda model, setting, items, options: (keys.append((list(items), options)), real(model, setting, items, options))[1]
    several = made(ContinueRequest, model, band(), bars=2, n=3, track="Voice", temperature=0.5)
    assert keys[0] == ([(7, 1), (7, 2), (7, 3)], FillOptions(track="Voice", seed=7, temperature=0.5))
    assert made(ContinueRequest, model, band(), bars=2, n=1, track="Voice")[0][1] == several[0][1]


def test_where_the_melody_has_silent_bars_they_are_context_too(model, repeats):
    data = band([*quarters(2), *quarters(2, start=5 * BAR)])
    only(InfillRequest, model, data, bars=4, track="Voice")
    (setting,) = repeats.settings
    assert [int(bar.any()) for bar in setting.tokens.reshape(-1, 16)] == [1, 1, 0, 0, 0, 1, 1]  # from its first bar with notes to its last
    assert (list(np.flatnonzero(setting.wanted)), setting.opens, setting.closes) == ([3], True, True)


def test_a_pickup_bar_is_written_where_it_is(model, repeats):
    """Three of its quarters are not there: no note can be."""
    import mido

    from tests.midi.band import QUARTER, note
    from tests.songs import saved, track_of

    file = mido.MidiFile(type=1, ticks_per_beat=QUARTER)
    signatures = [(0, mido.MetaMessage("time_signature", numerator=1, denominator=4)), (QUARTER, mido.MetaMessage("time_signature"))]
    file.tracks.append(track_of([*signatures, *note(0, 67), *quarters(2, start=QUARTER)]))
    repeats.bar = [C4, tok.HOLD] * 8
    entry, data = only(InfillRequest, model, saved(file), bars=1)
    assert entry["bars"] == "1"
    assert [n[0] for n in played(data, 0)] == [0, 240, *(n[0] for n in played(saved(file), 0)[1:])]


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        (InfillRequest, {"bars": "8..9"}, r"^0\.mid: bars 8\.\.9: the piece has 8 bars"),
        (InfillRequest, {"bars": "2", "track": "Drums"}, r"^0\.mid: track 'Drums' is drums"),
        (InfillRequest, {"bars": "2", "track": "3"}, r"^0\.mid: track '3' is without notes"),
        (ContinueRequest, {"bars": 2, "track": "Voce"}, r"^0\.mid: no track 'Voce'; wanted auto or one of 1 'Voice', 2 'Bass'"),
    ],
)
def test_bad_inputs_are_one_line_and_code_4(model, kind, values, said):
    with pytest.raises(InputError, match=said) as error:
        made(kind, model, band(), **values)
    assert error.value.code == 4


def test_silence_all_over_is_no_melody(model, repeats):
    repeats.bar = [tok.REST] * 16
    with pytest.raises(MusiclcError, match="came out silent"):
        made(InfillRequest, model, band(), bars="1..8", track="Voice")
    entry, _ = only(InfillRequest, model, band(), bars="1..7", track="Voice", density="1..4")
    assert (entry["notes"], entry["constraints"][0]["value"]) == (4, 0.0)


def test_bars_that_come_out_as_they_were_are_said_to(model):
    """The stand-in repeats what stands beside the bars: where that is what stood in them, nothing has changed."""
    same, other = (Melody(tuple(Note(4 * i, 60 + step * (i // 4), 4) for i in range(12)), "4/4", 3) for step in (0, 1))
    for melody, said in ((same, True), (other, False)):
        entry, _ = only(InfillRequest, model, to_bytes(melody), bars="2")
        assert any("written as they were" in warning for warning in entry["warnings"]) is said
