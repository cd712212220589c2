import numpy as np
import pytest

from musiclc.evaluation import infilling
from musiclc.music import tokens as tok

C, D, E = (p - tok.PITCH_OF_TOKEN for p in (60, 62, 64))


def piece(*pitches):
    """Tokens (1, T) in 4/4: a half note a pitch."""
    row = np.full(8 * len(pitches), tok.HOLD, np.uint8)
    row[::8] = pitches
    return row[None]


def test_figures_of_one_bar_worked_by_hand():
    real, filled = piece(C, C, D, E), piece(C, C, D, C)
    filled[0, 28] = D  # a note too many, which cuts the one before: C for two beats, not E for two
    found = infilling.compared(real, filled, (1,), "4/4")
    assert found["position F1"] == pytest.approx(2 * 2 / (2 + 3))
    assert found["pitch accuracy"] == 0.5
    assert found["rhythm accuracy"] == 0.5
    assert found["token accuracy"] == pytest.approx(14 / 16)
    assert found["silence divergence"] == 0.0


def test_what_is_right_diverges_in_nothing_and_its_opposite_in_all():
    real = piece(C, C, D, E)
    same = infilling.compared(real, real, (1,), "4/4")
    assert (same["position F1"], same["pitch accuracy"], same["rhythm accuracy"], same["groove divergence"]) == (1, 1, 1, 0)
    silent = infilling.compared(real, infilling.hidden(real, (1,), "4/4"), (1,), "4/4")
    assert (silent["position F1"], silent["silence divergence"]) == (0, 1)
    other = infilling.compared(real, piece(C, C, C, C), (1,), "4/4")
    assert other["pitch-class divergence"] == 1.0


def test_repeating_takes_given_bars_only():
    row = np.repeat(np.arange(16), 16)[None].astype(np.uint8)
    filled = infilling.repeated(row, (4, 5, 6, 7), "4/4", -4)
    assert filled[0, ::16].tolist() == [0, 1, 2, 3, 0, 1, 2, 3, *range(8, 16)]
    assert infilling.repeated(row, (4, 5), "4/4", 8)[0, 64:96:16].tolist() == [12, 13]
    assert infilling.repeated(row, (12, 13, 14, 15), "4/4", 4) is None
    assert infilling.repeated(row, (0, 1, 2, 3, 4), "4/4", 4) is None


def test_hindsight_takes_the_best_of_each_piece_and_a_filler_never_sees_the_hidden_bars():
    a, b = np.tile([C, D], 4), np.tile([E, D], 4)  # four bars each
    real = np.concatenate([piece(*a, *a, *b, *b), piece(*a, *b, *a, *b)])
    seen = []

    def fill(tokens, bars, meter, seed):
        seen.append(tokens.reshape(len(tokens), 16, -1)[:, list(bars)].max())
        return tokens

    rows = {(r["task"], r["filled by"]): r for r in infilling.figures(real, "4/4", {"nothing": fill})}
    assert rows["4 bars", "repeated, with hindsight"]["token accuracy"] == 1.0
    assert rows["4 bars", "repeated, best fixed"]["token accuracy"] < 1.0
    assert set(seen) == {tok.REST}
