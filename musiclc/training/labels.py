"""Teaching a rule by two folders of MIDI, what is wanted and what is not (Engel et al. 2018, §3.2, supervised).

A judge is taught on the VAE's encodings of both folders' phrases at home, and tried on tunes held out. What becomes of it: custom/labels.py.

Inside: `train`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musiclc.custom.labels import encoded, logits, path_of
from musiclc.errors import InputError, UsageError
from musiclc.music import tokens as tok
from musiclc.music.theory import METER_NAMES
from musiclc.rules import RULES

if TYPE_CHECKING:
    from torch import Tensor

    from musiclc.model.checkpoint import Model

HELD_OUT = 5  # one tune in so many tries the judge and does not teach it
STEPS = 400  # of the judge's fit
NOISE = 0.3  # standard deviations of encodings added in teaching, since phrases are few


def train(name: str, positive: Path, negative: Path, model: "Model") -> dict[str, Any]:
    """Teach a judge, keep it under `name`, and return its notes: phrases a side, and accuracy on tunes held out.

    Raises UsageError for a name that a rule has or that is no word, InputError for a folder without usable phrases.
    """
    import torch

    from musiclc.latent.fitting import Points, SmallFit, fit_critic
    from musiclc.model.checkpoint import save_networks

    if name in RULES or not name.isidentifier():
        raise UsageError(f"name {name!r}: wanted a word that no shipped rule has")
    sides = [_phrases(folder, model) for folder in (positive, negative)]
    x = torch.cat([z for z, _, _ in sides])
    meter = torch.cat([m for _, m, _ in sides])
    held_out = np.concatenate([h for _, _, h in sides])
    label = torch.cat([torch.full((len(z), 1), float(wanted)) for (z, _, _), wanted in zip(sides, (1, 0), strict=True)])
    center, scale = x.mean(0), x.std(0).clamp(min=1e-3)
    taught = ~torch.from_numpy(held_out)
    generator = torch.Generator().manual_seed(0)
    z, m, y = _balanced((x[taught] - center) / scale, meter[taught], label[taught], generator)
    judge, _ = fit_critic(Points(z, m), y, "bernoulli", SmallFit(steps=STEPS, batch=256, noisy=False, weight_decay=0.1), conditions=len(METER_NAMES))
    # the judge reads raw encodings: standardising is folded into its first layer
    first = judge.trunk.first
    first.weight.copy_(first.weight / scale)
    first.bias.copy_(first.bias - first.weight @ center)
    right = ((logits(judge, x, meter) > 0) == (label[:, 0].numpy() > 0.5))[held_out]
    notes = {
        "name": name,
        "model": model.fingerprint(),
        "model name": model.name,
        "positive": f"{len(sides[0][0])} phrases in {positive}",
        "negative": f"{len(sides[1][0])} phrases in {negative}",
        "held out": int(held_out.sum()),
        "accuracy": round(float(right.mean()), 4) if len(right) else None,
    }
    save_networks({"critic/judge": judge}, notes, path_of(name))
    return notes


def _phrases(source: Path, model: "Model") -> tuple["Tensor", "Tensor", np.ndarray]:
    """Encodings at home (n, d), meters (n,), and which are of tunes held out: bool (n,)."""
    import torch

    from musiclc.training.corpus import read_folder, windows

    z, meters, held_out = [], [], []
    for number, tune in enumerate(read_folder(source, workers=1)):
        for melody, _ in windows(tune):
            z.append(encoded(model, tok.from_melody(melody)[None], melody.meter))
            meters.append(METER_NAMES.index(melody.meter))
            held_out.append(number % HELD_OUT == HELD_OUT - 1)
    if len(z) < 10:
        raise InputError(f"{source}: {len(z)} usable phrases of four bars; wanted at least 10 (melodies in 4/4, 3/4 or 6/8)")
    return torch.cat(z), torch.tensor(meters), np.array(held_out)


def _balanced(x: "Tensor", meter: "Tensor", label: "Tensor", generator: Any, size: int = 8000) -> tuple["Tensor", "Tensor", "Tensor"]:
    """As many of either side, drawn with replacement in random order and shaken a little."""
    import torch

    rows = [torch.nonzero(label[:, 0] == side)[:, 0] for side in (0.0, 1.0)]
    drawn = torch.cat([r[torch.randint(0, len(r), (size // 2,), generator=generator)] for r in rows])
    drawn = drawn[torch.randperm(size, generator=generator)]
    return x[drawn] + NOISE * torch.randn(size, x.shape[1], generator=generator), meter[drawn], label[drawn]
