import json
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from musiclc.evaluation import PIECE_PARTS, asked, makers, pieces
from musiclc.music import tokens as tok
from tests.command import musiclc
from tests.evaluation.test_likeness import pieces as random_pieces
from tests.helpers import tiny_model, tiny_pieces

C, G, B = (p - tok.PITCH_OF_TOKEN for p in (60, 67, 59))


@pytest.fixture(scope="module")
def model():
    found = tiny_model()
    found.pieces = tiny_pieces()
    return found


@dataclass
class Real:
    """Stands in for makers.RealPieces: pieces of random notes, other ones for training and held out."""

    n: int = 30

    def of(self, split, meter, bars, seed):
        return random_pieces(self.n, 1 if split == "train" else 2)

    def splits(self, splits, meter, bars, seed):
        return np.concatenate([self.of(split, meter, bars, seed) for split in splits])

    def melodies(self, split, meter=None):
        return list(self.of(split, meter, 16, 0))


def noise(n, meter, bars, seed):
    return random_pieces(n, 5, (0, 1, 6))


def material(n=24, made=None, real=30):
    return pieces.Material(pieces.PiecesRequest(n=n, networks=False), Real(real), made if made is not None else {"noise": noise})


def test_every_part_has_its_table():
    assert set(PIECE_PARTS) == {*pieces.TABLES, *asked.TABLES}
    assert not set(pieces.TABLES) & set(asked.TABLES)


def test_what_is_not_asked_for_is_not_made():
    def never(*_):
        raise AssertionError("made")

    assert len(material(made={"never": never}).held) == 30


def test_real_pieces_are_not_told_from_real_ones_and_noise_is():
    rows = {row["pieces"]: row for row in pieces.TABLES["likeness"](material(n=30, real=60))}
    assert rows["noise"]["trees"] > 0.9
    assert 0.25 < rows[pieces.TRAINING]["trees"] < 0.75


def test_ratios_are_over_the_held_out_row():
    rows = pieces.TABLES["ratios"](material(made={"again": lambda n, meter, bars, seed: random_pieces(30, 2)}))
    by_name = {row["pieces"]: row for row in rows}
    assert by_name["again"]["notes a bar, over real"] == "+0.0 %"
    assert by_name["again"]["pitch-class entropy, over real"] == "+0.0 %"


def test_copies_of_training_tunes_are_found_and_these_have_no_row():
    found = material(made={"copied": lambda n, meter, bars, seed: random_pieces(30, 1)})
    rows = {row["pieces"]: row for row in pieces.TABLES["copies"](found)}
    assert pieces.TRAINING not in rows
    assert rows["copied"]["share 32 steps"] == 1.0
    assert rows["trigram"]["share 32 steps"] < 1.0


def test_a_join_that_costs_as_much_as_inner_bars_is_one():
    class Even:
        def nll(self, sequence):
            return np.ones(len(sequence))

    row = np.full((1, 8 * 16), tok.HOLD, np.uint8)
    row[:, ::8] = C
    assert pieces.join_cost(Even(), row, "4/4") == 1.0


def test_last_classes_by_hand():
    row = np.full((2, 16), tok.HOLD, np.uint8)
    row[0, 0], row[0, 8] = C, G
    row[1] = tok.REST
    assert pieces.last_classes(row).tolist() == [7, -1]


def test_in_key_by_hand():
    row = np.full((2, 16), tok.HOLD, np.uint8)
    row[:, [0, 2, 4, 6]] = [C, C + 4, G, C]  # C major; it ends on C, and the other on B
    row[1, 14] = B
    assert asked.in_key(row, 0, "major") == {"tonic": 1.0, "tonic and mode": 1.0, "last note": 0.5}


def test_a_single_draw_is_one_draw_written_once(model, monkeypatch):
    from musiclc.sampling import piece_rounds

    seen = []
    drawn = piece_rounds.PieceRounds._drawn
    monkeypatch.setattr(piece_rounds.PieceRounds, "_drawn", lambda self, rows: seen.append((self.writes, len(rows))) or drawn(self, rows))
    tokens = makers.single(model, {"scale": "C"})(3, "4/4", 8, 1)
    assert tokens.shape == (3, 128)
    assert seen == [(1, 3)]


def test_what_is_reconstructed_comes_back_to_its_own_key(model, monkeypatch):
    """Whatever is written in C comes out in the key of the piece that was encoded: here in C, and in D."""
    monkeypatch.setattr("musiclc.model.pieces.write", lambda pieces, task, x, t, hand, options: torch.full_like(task.tokens, C))
    held = np.full((2, 128), tok.HOLD, np.uint8)
    held[:, ::16] = np.array([C + 12, C + 16, G + 12, C + 12, C + 17, G + 12, B + 12, C + 12])
    held[1] = tok.transpose(held[1:], 2)[0]
    assert makers.reconstructed(model, held, "4/4")[:, 0].tolist() == [C, C + 2]


def test_the_command_says_each_part_as_it_is_ready(tmp_path, monkeypatch, model):
    monkeypatch.setattr("musiclc.model.checkpoint.load", lambda path, numerics="auto": model)
    monkeypatch.setattr("musiclc.training.tunes.load", lambda path: None)
    monkeypatch.setattr(makers, "RealPieces", lambda tunes, place: Real())
    monkeypatch.setattr(pieces, "by_networks", lambda model: ({}, {}))
    monkeypatch.setattr(pieces, "baselines", lambda model: {})
    done = musiclc(
        "evaluate", "pieces", "--data", "x", "-n", "3", "--part", "reconstruction", "--part", "returns", "--json", "-o", "out", cwd=tmp_path
    )
    assert [json.loads(line)["section"] for line in done.out.decode().splitlines()] == ["reconstruction", "returns"]
    found = json.loads((tmp_path / "out" / "pieces.json").read_text())
    assert [name for name in found if name in PIECE_PARTS] == ["reconstruction", "returns"]
    assert found["model"] == "tiny"


def test_what_is_surely_in_a_major_key():
    """A scale of C up and down that ends on C is; with one F sharp, or over A minor's tonic, it is not."""
    up = [0, 2, 4, 5, 7, 9, 11, 12, 11, 9, 7, 5, 4, 2, 0, 0]
    scale = np.repeat([[C + step for step in up]], 4, axis=0).reshape(1, -1)
    chromatic = scale.copy()
    chromatic[0, 3] += 1
    minor = scale - 3 + np.tile(np.isin(np.array(up) % 12, (4, 9, 11)) * -1, 4)[None]
    found = pieces.surely_major(np.concatenate([scale, chromatic, minor]).astype(np.uint8), "4/4")
    assert found.tolist() == [True, False, False]
