"""How well a classifier tells pieces from real ones: the area under its ROC curve (AUC), .5 for not at all, 1 for always.

Two classifiers, each five-fold, so that it judges only pieces that it has not seen:

- trees: gradient-boosted trees on the features of `features.py`;
- network: convolutions over the steps, key-free by the tonic that is heard, with channels that say what stood 1, 2, 4, 8 bars before.

Real pieces come one a tune, so that no fold knows another's tune. *Taught*: real training tunes may join the training part of every fold;
the classifier is the stronger for it, and still judges held-out tunes only.

Inside: `Examples`, `TREES`, `NETWORK`, `auc`, `standard_error`, `told_apart`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from musiclc.errors import MusiclcError
from musiclc.evaluation.features import piece_features
from musiclc.music import tokens as tok
from musiclc.rules import tonic
from musiclc.rules.features import LAGS

FOLDS = 5
FEWEST = 4 * FOLDS  # of each side; with fewer an AUC says nothing
_STEPS, _BATCH, _RATE = 300, 64, 3e-3  # of the network's training

# From inputs (n, …) and whether they are real (n,), and inputs (m, …) to judge: how real those seem (m,), larger is more.
Fit = Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]
View = Callable[[np.ndarray, str], np.ndarray]  # tokens (n, T) and meter → inputs (n, …)


@dataclass(frozen=True)
class Classifier:
    """What it sees of pieces, and how it is fitted."""

    view: View
    fit: Fit


def auc(real: np.ndarray, pieces: np.ndarray) -> float:
    """The share of pairs of a real piece and one of ours in which the real one has the larger score; ties count half."""
    less = np.searchsorted(np.sort(pieces), real, side="left").sum()
    upto = np.searchsorted(np.sort(pieces), real, side="right").sum()
    return float(less + upto) / (2 * len(real) * len(pieces))


def standard_error(area: float, real: int, pieces: int) -> float:
    """Of an AUC from so many of each (Hanley and McNeil, Radiology 143, 1982)."""
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (real - 1) * (one - area**2) + (pieces - 1) * (two - area**2)
    return float(np.sqrt(variance / (real * pieces)))


def told_apart(classifier: Classifier, real: np.ndarray, pieces: np.ndarray, meter: str, taught: np.ndarray | None = None, seed: int = 0) -> float:
    """Mean AUC over five folds, by which the classifier tells pieces (m, T) from real ones (n, T). taught: (k, T), as above.

    NaN with fewer than FEWEST of either.
    """
    if min(len(real), len(pieces)) < FEWEST:
        return float("nan")
    views = [classifier.view(tokens, meter) for tokens in (real, pieces, *(() if taught is None else (taught,)))]
    views += [views[0][:0]] * (3 - len(views))
    random = np.random.default_rng(seed)
    folds = [random.permutation(len(tokens)) % FOLDS for tokens in (real, pieces)]
    return float(np.mean([_fold(classifier.fit, views, [fold == k for fold in folds], seed) for k in range(FOLDS)]))


def _fold(fit: Fit, views: list[np.ndarray], held: list[np.ndarray], seed: int) -> float:
    """AUC on what is held out of real ones and pieces. views: of real ones, pieces, and taught ones."""
    known = np.concatenate([views[0][~held[0]], views[2], views[1][~held[1]]])
    is_real = np.arange(len(known)) < len(known) - (~held[1]).sum()
    scores = fit(known, is_real, np.concatenate([views[0][held[0]], views[1][held[1]]]), seed)
    return auc(scores[: held[0].sum()], scores[held[0].sum() :])


# ---- trees ---------------------------------------------------------------------------------------------------------


def _fit_trees(known: np.ndarray, is_real: np.ndarray, unknown: np.ndarray, seed: int) -> np.ndarray:
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
    except ImportError as error:
        raise MusiclcError("no scikit-learn here, which classifiers need: pip install 'musiclc[examples]'") from error
    forest = HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.06, max_leaf_nodes=8, min_samples_leaf=5, l2_regularization=1.0, class_weight="balanced", random_state=seed
    )
    return forest.fit(known, is_real).decision_function(unknown)


TREES = Classifier(piece_features, _fit_trees)


# ---- network -------------------------------------------------------------------------------------------------------


def channels(tokens: np.ndarray, meter: str) -> np.ndarray:
    """What the network sees of pieces (n, T): float32 (n, channels, T), the same for transpositions.

    Onset, hold, silence; pitch class above the tonic that is heard, at onsets (12); pitch above the mean, in octaves; place in the bar, and
    beats; for each of LAGS whether the step is that of so many bars before, at all and in its rhythm.
    """
    steps, beat = tonic.steps_of(meter)
    onsets, sounding = tok.onsets(tokens), tok.sounding(tokens)
    above = (sounding - tonic.heard(tokens, meter)[0][:, None]) % 12
    mean = (sounding * (sounding >= 0)).sum(1, keepdims=True) / np.maximum((sounding >= 0).sum(1, keepdims=True), 1)
    height = np.where(sounding >= 0, (sounding - mean) / 12, 0.0)
    place = np.broadcast_to(np.arange(tokens.shape[1]) % steps, tokens.shape)
    found = [onsets, tokens == tok.HOLD, sounding < 0, *(onsets & (above == pc) for pc in range(12)), height, place / steps, place % beat == 0]
    found += [same for lag in LAGS for same in _as_before(tokens, lag * steps)]
    return np.stack(found, axis=1).astype(np.float32)


def _as_before(tokens: np.ndarray, lag: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether steps (n, T) are those of `lag` steps before: the token, and whether a note begins."""
    before = np.full(tokens.shape, tok.PAD, tokens.dtype)
    before[:, lag:] = tokens[:, :-lag]
    known = before < tok.PAD
    return tokens == before, known & (tok.onsets(tokens) == (tok.onsets(before) & known))


def _fit_network(known: np.ndarray, is_real: np.ndarray, unknown: np.ndarray, seed: int) -> np.ndarray:
    import torch

    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        net = _network(known.shape[1])
        inputs, wanted = torch.from_numpy(known), torch.from_numpy(is_real.astype(np.float32))
        weight = torch.where(wanted > 0, 0.5 / wanted.mean(), 0.5 / (1 - wanted.mean()))
        _descend(net, inputs, wanted, weight)
    with torch.no_grad():
        return net.eval()(torch.from_numpy(unknown))[:, 0].numpy()


def _network(width: int):  # type: ignore[no-untyped-def]
    from torch import nn

    return nn.Sequential(
        nn.Conv1d(width, 32, 8, stride=4, padding=2),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Conv1d(32, 48, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Conv1d(48, 48, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(4),
        nn.Flatten(),
        nn.Dropout(0.4),
        nn.Linear(4 * 48, 1),
    )


def _descend(net, inputs, wanted, weight) -> None:  # type: ignore[no-untyped-def]
    """Fit the network in place: AdamW on the weighted cross-entropy, one cycle of the learning rate."""
    import torch

    optimizer = torch.optim.AdamW(net.parameters(), lr=_RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=_STEPS)
    net.train()
    for _ in range(_STEPS):
        rows = torch.randint(len(inputs), (_BATCH,))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(net(inputs[rows])[:, 0], wanted[rows], weight[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


NETWORK = Classifier(channels, _fit_network)
