"""Teaching a rule by two folders of MIDI, what is wanted and what is not (Engel et al. 2018, §3.2, supervised).

A judge is taught on the VAE's encodings of both folders' phrases in canonical transposition, and tried on tunes held out.
What becomes of it: custom/labels.py.

Inside: `train`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc.custom.examples import EXAMPLES
from musiclc.custom.labels import encoded, is_name, logits, path_of
from musiclc.errors import InputError, MusiclcError, UsageError
from musiclc.music import tokens as tok
from musiclc.music.theory import PHRASE_METERS
from musiclc.rules import RULES

if TYPE_CHECKING:
    from torch import Tensor

    from musiclc.latent.critics import Critic
    from musiclc.model.checkpoint import Model

HELD_OUT = 5  # one tune in so many tries the judge and does not teach it
STEPS = 400  # of the judge's fit
NOISE = 0.3  # standard deviations of encodings added in teaching, since phrases are few


@dataclass(frozen=True)
class _Side:
    """The phrases of one folder: encodings in canonical transposition (n, d), meters (n,), and which are of tunes held out: bool (n,)."""

    z: "Tensor"
    meter: "Tensor"
    held_out: np.ndarray

    def __len__(self) -> int:
        return len(self.z)


def train(name: str, positive: Path, negative: Path, model: "Model", overwrite: bool = False) -> dict[str, Any]:
    """Teach a judge, keep it under `name`, and return its notes: phrases a side, and accuracy on tunes held out.

    Raises UsageError for a name that a rule has or that is no word, InputError for a folder without usable phrases,
    MusiclcError for a name that was taught already, without overwrite.
    """
    import torch

    from musiclc.model.checkpoint import save_networks

    if name in RULES or name in EXAMPLES or not is_name(name):
        raise UsageError(f"name {name!r}: wanted a word that no shipped rule has")
    if path_of(name).exists() and not overwrite:
        raise MusiclcError(f"{name}: taught already; choose another name, or replace it with --overwrite")
    good, bad = _phrases(positive, model), _phrases(negative, model)
    both = _Side(torch.cat([good.z, bad.z]), torch.cat([good.meter, bad.meter]), np.concatenate([good.held_out, bad.held_out]))
    label = torch.cat([torch.ones(len(good), 1), torch.zeros(len(bad), 1)])
    judge = _taught(both, label)
    right = ((logits(judge, both.z, both.meter) > 0) == (label[:, 0].numpy() > 0.5))[both.held_out]
    notes = {
        "name": name,
        "model": model.fingerprint(),
        "model name": model.name,
        "positive": f"{len(good)} phrases in {positive}",
        "negative": f"{len(bad)} phrases in {negative}",
        "held out": int(both.held_out.sum()),
        "accuracy": round(float(right.mean()), 4) if len(right) else None,
    }
    save_networks({"critic/judge": judge}, notes, path_of(name))
    return notes


def _taught(both: _Side, label: "Tensor") -> "Critic":
    """A judge of raw encodings, taught with the phrases that are not held out. label: 1 for the wanted ones, (n, 1)."""
    import torch

    from musiclc.latent.fitting import Points, SmallFit, fit_critic

    center, scale = both.z.mean(0), both.z.std(0).clamp(min=1e-3)
    some = ~torch.from_numpy(both.held_out)
    z, meter, y = _balanced((both.z[some] - center) / scale, both.meter[some], label[some], torch.Generator().manual_seed(0))
    fit = SmallFit(steps=STEPS, batch=256, noisy=False, weight_decay=0.1)
    judge, _ = fit_critic(Points(z, meter), y, "bernoulli", fit, conditions=len(PHRASE_METERS))
    first = judge.trunk.first  # which takes over what standardising did
    first.weight.copy_(first.weight / scale)
    first.bias.copy_(first.bias - first.weight @ center)
    return judge


def _phrases(source: Path, model: "Model") -> _Side:
    """The usable phrases of a folder; one tune in HELD_OUT is held out."""
    import torch

    from musiclc.training.corpus import read_folder, windows

    z, meters, held_out = [], [], []
    for number, tune in enumerate(read_folder(source, workers=1)):
        for melody, _ in windows(tune):
            z.append(encoded(model, tok.from_melody(melody)[None], melody.meter))
            meters.append(PHRASE_METERS.index(melody.meter))
            held_out.append(number % HELD_OUT == HELD_OUT - 1)
    if len(z) < 10:
        raise InputError(f"{source}: {len(z)} usable phrases of four bars; wanted at least 10 (melodies in 4/4, 3/4 or 6/8)")
    return _Side(torch.cat(z), torch.tensor(meters), np.array(held_out))


def _balanced(x: "Tensor", meter: "Tensor", label: "Tensor", generator: Any, size: int = 8000) -> tuple["Tensor", "Tensor", "Tensor"]:
    """As many of either side, drawn with replacement in random order and shaken a little."""
    import torch

    rows = [torch.nonzero(label[:, 0] == side)[:, 0] for side in (0.0, 1.0)]
    drawn = torch.cat([r[torch.randint(0, len(r), (size // 2,), generator=generator)] for r in rows])
    drawn = drawn[torch.randperm(size, generator=generator)]
    return x[drawn] + NOISE * torch.randn(size, x.shape[1], generator=generator), meter[drawn], label[drawn]
