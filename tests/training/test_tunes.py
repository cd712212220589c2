import numpy as np
import pytest

from musiclc.errors import InputError, MusiclcError
from musiclc.midi import to_bytes
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from musiclc.training import corpus, tunes
from musiclc.training.lines import OFF_GRID, Line
from musiclc.training.works import Work, read_folder

REEL = """X: 1
T: A reel of our own
M: C
L: 1/8
K: D
A2|:dfed BdAF|GBAG FDEA|1 dfed BABd|egfe d2 A2:|2 dfed BABd|egfe d4||
"""
SLIP_JIG = """X: 2
T: A slip jig of our own
M: 9/8
L: 1/8
K: Ador
|:ABA cBA GED|ABA cde dBG|ABA cBA GED|cBA BAG A3:|
"""


def line_of(melody, **more):
    return Line(tok.from_melody(melody), melody.meter, np.zeros(melody.bars, np.uint8), 0, True, True, **more)


def melody(seed, bars=8):
    pitches = np.random.default_rng(seed).integers(60, 80, bars * 8)
    return Melody(tuple(Note(2 * i, int(p), 2) for i, p in enumerate(pitches)), "4/4", bars)


def work(name, tune, collection="mine", key=""):
    return Work(f"{collection}/{name}", collection, key, [line_of(tune)], [tune])


def test_a_midi_file_has_bars_of_its_own_in_lines_and_of_phrases_in_the_runs_that_decide_about_splits(tmp_path):
    march = Melody(melody(3, 4).notes, "2/4", 8)
    (tmp_path / "march.mid").write_bytes(to_bytes(march))
    (found,) = read_folder(tmp_path, workers=1)
    assert [(line.meter, line.bars) for line in found.lines] == [("2/4", 8)]
    assert [(run.meter, run.bars, run.notes) for run in found.runs] == [("4/4", 4, march.notes)]


@pytest.fixture
def two_abc(tmp_path):
    pytest.importorskip("music21")
    (tmp_path / "tunes.abc").write_text(REEL + "\n" + SLIP_JIG)
    return list(read_folder(tmp_path, workers=1))


def test_abc_is_read_in_playing_order_with_its_pickup_and_its_key(two_abc):
    reel, jig = two_abc
    (line,) = reel.lines
    assert (line.meter, line.bars, reel.key, line.begins, line.ends) == ("4/4", 9, "D major", True, True)
    row = line.tokens.reshape(9, 16)
    d, a = 74 - tok.PITCH_OF_TOKEN, 69 - tok.PITCH_OF_TOKEN
    assert row[0].tolist() == [0] * 12 + [a, 1, 1, 1]  # the pickup sounds in the bar before
    assert (row[1] == row[5]).all()
    assert (row[3] == row[7]).all()
    assert row[4, 8:].tolist() == [d, 1, 1, 1, a, 1, 1, 1]  # d2 A2, the first time
    assert row[8, 8:].tolist() == [d] + [1] * 7  # d4, the second
    assert (jig.lines[0].meter, jig.lines[0].bars, jig.key) == ("9/8", 8, "A dorian")
    assert len(jig.lines[0].tokens) == 8 * 18


def test_dataset_gives_lines_and_their_headers_back(two_abc):
    made = tunes.build(two_abc)
    assert len(made) == 2
    for number, one in enumerate(two_abc):
        assert (made.line(number) == one.lines[0].tokens).all()
        assert (made.name(number), made.key(number), made.meter_of(number)) == (one.name, one.key, one.lines[0].meter)


def test_file_is_the_same_bytes_and_reads_back(tmp_path):
    for name in ("a", "b"):
        tunes.save(tunes.build([work(f"t{i}", melody(i), key="C major") for i in range(5)]), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    back = tunes.load(tmp_path / "a")
    assert (len(back), int(back.bars.sum()), back.key(3)) == (5, 40, "C major")


def test_other_files_are_no_tunes(tmp_path):
    (tmp_path / "a").write_text("no")
    with pytest.raises(InputError, match="not a dataset file"):
        tunes.load(tmp_path / "a")
    corpus.save(corpus.build([corpus.Tune("a", "a", [melody(1)])]), tmp_path / "b")
    with pytest.raises(InputError, match="musiclc-dataset-1"):
        tunes.load(tmp_path / "b")
    with pytest.raises(InputError, match="no melody of four bars"):
        tunes.build([])


def test_splits_are_those_of_the_windows():
    works = [work(f"t{i}", melody(i)) for i in range(200)]
    windows = corpus.build([corpus.Tune(w.name, w.collection, w.runs) for w in works])
    before = dict(zip(windows.tune.tolist(), windows.split.tolist(), strict=True))
    assert tunes.build(works).split.tolist() == [before[i] for i in range(200)]


def held_out_and_trained():
    """Numbers of a melody whose work goes to test, and of one that trains."""
    split = tunes.build([work(f"t{i}", melody(i)) for i in range(200)]).split.tolist()
    return split.index(corpus.SPLITS.index("test")), split.index(corpus.SPLITS.index("train"))


def test_a_tune_that_shares_four_bars_with_a_held_out_one_is_held_out_too():
    test, train = held_out_and_trained()
    works = [work(f"t{i}", melody(i)) for i in range(200)]
    # in playing order alone the training tune meets four bars of the test tune, a third higher
    works[train].lines.append(line_of(melody(test).window(2, 4).transpose(4)))
    split = tunes.build(works).split
    assert corpus.SPLITS[split[test]] == corpus.SPLITS[split[train]] == "test"


def test_bars_of_near_tunes_that_training_holds_are_marked():
    near = work(
        "near",
        Melody(melody(7).window(0, 4).notes + tuple(Note(n.start + 64, n.pitch, 2) for n in melody(8).window(0, 4).notes), "4/4", 8),
        "miscFolk",
    )
    _, train = held_out_and_trained()
    works = [work(f"t{i}", melody(7 if i == train else 1000 + i)) for i in range(200)]
    made = tunes.build([*works, near])
    assert made.line_marks(200).tolist() == [tunes.KNOWN] * 4 + [0] * 4
    assert corpus.SPLITS[made.split[200]] == "near"


def test_every_tune_weighs_the_same_when_windows_are_drawn():
    works = [work(f"t{i}", melody(i, bars)) for i, bars in enumerate((4, 20, 100))]
    works[1].lines.append(line_of(melody(9, 20)))
    made = tunes.build(works)
    made = tunes.Tunes(**{**made.__dict__, "split": np.zeros(3, np.uint8)})
    places = made.places("train", "4/4", 4)
    assert len(places) == 1 + 17 + 97 + 17
    drawn = made.draw(places, 3000, np.random.default_rng(1))
    shares = np.bincount(made.tune[drawn[:, 0]], minlength=3) / 3000
    assert shares == pytest.approx([1 / 3] * 3, abs=0.03)
    assert (made.draw(places, 5, np.random.default_rng(2)) == made.draw(places, 5, np.random.default_rng(2))).all()
    with pytest.raises(MusiclcError, match="no place"):
        made.draw(places[:0], 1, np.random.default_rng(1))


def test_windows_know_where_they_stand():
    whole = melody(3, 10)
    made = tunes.build([work("a", whole)])
    name = corpus.SPLITS[made.split[0]]
    windows = made.windows(made.places(name, "4/4", 3), 3)
    assert windows.before.tolist() == list(range(8))
    assert windows.after.tolist() == list(range(7, -1, -1))
    assert windows.opens.all()
    assert windows.closes.all()
    assert all((row == tok.from_melody(whole.window(first, 3))).all() for first, row in enumerate(windows.tokens))


def test_windows_hold_no_marked_bar_unless_asked_for():
    one = work("a", melody(3, 10))
    one.lines[0].marks[4] = OFF_GRID
    made = tunes.build([one])
    name = corpus.SPLITS[made.split[0]]
    assert made.places(name, "4/4", 4)[:, 1].tolist() == [0, 5, 6]
    assert made.places(name, "4/4", 4, avoid=0)[:, 1].tolist() == list(range(7))
    assert len(made.places(name, "4/4", 11)) == len(made.places(name, "9/8", 4)) == 0
    with pytest.raises(MusiclcError, match="split 'no'"):
        made.places("no", "4/4", 4)
    with pytest.raises(MusiclcError, match="meter '5/4'"):
        made.places(name, "5/4", 4)


def test_a_shared_window_in_two_four_is_eight_bars():
    notes = tuple(Note(2 * i, 60 + (i * 5) % 11, 2) for i in range(64))
    four = line_of(Melody(notes, "4/4", 8))
    two = Line(four.tokens, "2/4", np.zeros(16, np.uint8), 0, True, True)
    assert {form for _, form in tunes.shared_forms(four)} <= {form for _, form in tunes.shared_forms(two)}


def test_report_counts_what_there_is_and_what_was_skipped(two_abc, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "bad.mid").write_bytes(b"MThd but no more")
    made = tunes.build([*two_abc, *read_folder(tmp_path / "bad", workers=1)])
    mine, bad = made.info["report"].values()
    assert sum(mine["bars"].values()) == 17
    assert sum(mine["tunes"].values()) == mine["works"] == 2
    assert bad["tunes"] == {}
    assert bad["skipped"] == {"files or tunes: cannot be read": 1}
    assert len(bad["unreadable"]) == 1
