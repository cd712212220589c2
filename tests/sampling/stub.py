"""A stand-in for the networks of whole pieces: it repeats the bars before those that are wanted, or after them where there are none before."""

import types

import numpy as np

from musiclc.music.theory import METERS
from musiclc.music.tokens import HOLD, PITCH_OF_TOKEN
from musiclc.sampling.setting import Filled


class Repeats(types.ModuleType):
    """In place of sampling/pieces.py. settings: what was asked, in order."""

    def __init__(self):
        super().__init__("musiclc.sampling.pieces")
        self.settings = []
        self.bar = None  # tokens of one bar that is written everywhere instead

    def fills(self, model, setting, keys, options):
        self.settings.append(setting)
        for _, index in keys:
            yield self.fill(setting, index)

    def fill(self, setting, index):
        bars = setting.tokens.reshape(-1, METERS[setting.meter]).copy()
        for bar in np.flatnonzero(setting.wanted):
            source = self.source(bars, setting.wanted, bar)
            new = source if self.bar is None else np.array(self.bar, np.uint8)
            bars[bar] = np.where(new >= 2, new + index - 1, new)  # other items stand higher
        return Filled(bars.ravel(), attempts=index, realism=0.5)

    def source(self, bars, wanted, bar):
        """The bar that is repeated; a C4 for a whole bar where all are wanted."""
        if wanted.all():
            return np.array([60 - PITCH_OF_TOKEN] + [HOLD] * (bars.shape[1] - 1), np.uint8)
        before = bar - wanted.sum()
        return bars[before] if before >= 0 else bars[bar - 1] if not wanted[0] else bars[~wanted][0]
