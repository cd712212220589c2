import numpy as np
import pytest

from musiclc.errors import InputError
from musiclc.midi import to_bytes
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from musiclc.training import corpus

REEL = """X: 1
T: A reel of our own
M: C
L: 1/8
K: D
A2|:dfed BdAF|GBAG FDEA|dfed BABd|egfe d2 A2:|
|:f2 fd gfed|cege agec|dfed BABd|egfe d4:|
"""
JIG = """X: 2
T: A jig of our own, with a grace note
M: 6/8
L: 1/8
K: G
G|GBd gdB|c2 e {f}dBG|ABA ABc|dBG A2 G|
GBd gdB|c2 e dBG|ABA AFD|G3 G2||
"""


def tune(name, seed, bars=8, collection="mine"):
    random = np.random.default_rng(seed)
    pitches = random.integers(60, 80, bars * 8)
    return corpus.Tune(f"{collection}/{name}", collection, [Melody(tuple(Note(2 * i, int(p), 2) for i, p in enumerate(pitches)), "4/4", bars)])


def test_abc_is_read_bar_by_bar():
    pytest.importorskip("music21")
    from musiclc.training.scores import read_abc, split_abc

    reel, jig = (read_abc(text) for text in split_abc(REEL + "\n" + JIG))
    assert [(m.meter, m.bars) for m in reel.runs] == [("4/4", 8)]
    first = reel.runs[0].window(0, 1).notes
    assert [(n.start, n.pitch, n.duration) for n in first] == list(
        zip(range(0, 16, 2), [74, 78, 76, 74, 71, 74, 69, 66], [2] * 8, strict=True)
    )  # the pickup is left out: the first bar begins on d
    assert sum(m.bars for m in jig.runs) == 8
    assert all(m.meter == "6/8" for m in jig.runs)


def test_a_pickup_completes_the_short_bar_before_it():
    pytest.importorskip("music21")
    from musiclc.training.scores import read_abc

    # the first part ends with three quarters; the second begins with the fourth
    reading = read_abc("X:1\nM:4/4\nL:1/4\nK:C\nG|cdef|gfed|cBAG|c3:|\n|:G|edcB|ABcd|efga|g3:|\n")
    assert [m.bars for m in reading.runs] == [8]
    joined = reading.runs[0].window(3, 1).notes
    assert [(n.start, n.pitch, n.duration) for n in joined] == [(0, 72, 12), (12, 67, 4)]


def test_two_four_is_read_in_pairs_and_triplets_go_to_the_grid():
    pytest.importorskip("music21")
    from musiclc.training.scores import read_abc

    reading = read_abc("X:1\nM:2/4\nL:1/8\nK:C\nCDEF|GABc|cBAG|F2 C2|CDEF|GABc|cBAG|(3FED C2|\n")
    assert [(m.meter, m.bars) for m in reading.runs] == [("4/4", 3)]  # the last bar has two notes of four off the grid


def test_one_triplet_in_a_bar_goes_to_the_nearest_steps():
    pytest.importorskip("music21")
    from musiclc.training.scores import read_abc

    reading = read_abc("X:1\nM:4/4\nL:1/8\nK:C\n(3ABA AG FEDC|CDEF GABc|\n")
    assert [n.start for n in reading.runs[0].window(0, 1).notes] == [0, 1, 3, 4, 6, 8, 10, 12, 14]  # thirds of a quarter: 0, 1.33, 2.67


def test_endings_are_read_once_each():
    pytest.importorskip("music21")
    from musiclc.training.scores import read_abc

    reading = read_abc("X:1\nM:4/4\nL:1/4\nK:C\n|:CDEF|GABc|cBAG|1 FEDC:|2 GGGG|cccc|dddd|eeee|\n")
    lasts = {tuple(n.pitch for n in m.window(3, 1).notes) for m in reading.runs}
    assert lasts == {(65, 64, 62, 60), (67, 67, 67, 67)}


def test_splits_keep_transposed_copies_together_and_windows_once():
    tunes = [tune(f"t{i}", i) for i in range(300)]
    copies = [corpus.Tune(f"copy/{t.name}", "copy", [t.runs[0].transpose(3)]) for t in tunes]
    dataset = corpus.build([*tunes, *copies])
    forms = {tuple(row) for row in tok.key_free(dataset.tokens)}
    assert len(forms) == len(dataset.tokens) == 300 * 5
    assert {corpus.SPLITS[s] for s in dataset.split} == {"train", "validation", "test"}
    for number in range(300):
        assert len(set(dataset.split[dataset.tune == number].tolist())) == 1
    assert dataset.info["report"]["copy"]["skipped"] == {"windows: heard before, up to transposition": 1500}


def test_no_window_of_a_held_out_collection_stands_in_training():
    mine = tune("a", 1)
    near = corpus.Tune("miscFolk/a", "miscFolk", [mine.runs[0].transpose(-2), tune("b", 2).runs[0]])
    dataset = corpus.build([near, mine])
    assert (dataset.split == corpus.SPLITS.index("near")).sum() == 5
    assert len(dataset.where("near")) + len(dataset.tokens[dataset.tune == 1]) == len(dataset.tokens)


def test_dataset_file_is_the_same_bytes_and_reads_back(tmp_path):
    for name in ("a", "b"):
        corpus.save(corpus.build([tune(f"t{i}", i) for i in range(5)]), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    dataset = corpus.load(tmp_path / "a")
    assert dataset.tokens.shape == (25, tok.WINDOW_STEPS)
    assert sum(len(dataset.melody_tokens(split, "4/4")) for split in corpus.SPLITS) == 25


def test_other_files_are_no_dataset(tmp_path):
    (tmp_path / "a").write_text("no")
    for path in (tmp_path / "a", tmp_path / "missing"):
        with pytest.raises(InputError, match="not a dataset file"):
            corpus.load(path)


def test_a_folder_of_midi_with_a_broken_file(tmp_path):
    (tmp_path / "good.mid").write_bytes(to_bytes(tune("a", 1).runs[0]))
    (tmp_path / "bad.mid").write_bytes(b"MThd but no more")
    (tmp_path / "empty.mid").write_bytes(b"")
    dataset = corpus.build(corpus.read_folder(tmp_path, workers=1))
    report = dataset.info["report"][tmp_path.name]
    assert report["skipped"] == {"files or tunes: cannot be read": 2}
    assert len(report["unreadable"]) == 2
    assert len(dataset.tokens) == 5


def test_a_folder_without_music_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no file to learn from"):
        list(corpus.read_folder(tmp_path))
    with pytest.raises(InputError, match="no four-bar window"):
        corpus.build([])
