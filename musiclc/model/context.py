"""What the networks of whole pieces are told of every bar besides its latent vector: meter, mode, place in the tune, and where it returns from.

Shapes: n pieces, B bars. Bars that return have a *source*, the bar that they repeat, and a *kind* that says how nearly.

Inside: `Context`, `Told`, `KINDS`, `MODE_UNKNOWN`, `UNKNOWN_PLACE`, `distance_buckets`.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

MODES = 8  # as rules.tonic.MODES
MODE_UNKNOWN = MODES
METERS = 7  # as theory.METERS
NEW, VARIED, CLOSE, SAME, ANY = range(5)
KINDS = ("new", "varied", "close", "same", "any")  # of a bar: no source; .5 to .8, .8 to 1, all of its steps as the source's; not told
VARIED_FROM, CLOSE_FROM = 0.5, 0.8  # share of equal steps
PICKUP, LAST_PLACE = 0, 64  # places: 0 for the pickup, 1 for the first whole bar, and so on; farther ones count as LAST_PLACE
UNKNOWN_PLACE = LAST_PLACE + 1
_EXACT, _FAR = 16, (24, 32, 48, 64)  # distances of bars told apart exactly, and the lower bounds of the coarser ones beyond
BUCKETS = 2 * (_EXACT + len(_FAR)) + 1


@dataclass(frozen=True)
class Context:
    """meter, mode: int (n,). first, last: int (n, B), places counted from the tune's first and last bar, UNKNOWN_PLACE where not told.

    source: int (n, B), the bar that each repeats, -1 for none. kind: int (n, B), number in KINDS.
    """

    meter: Tensor
    mode: Tensor
    first: Tensor
    last: Tensor
    source: Tensor
    kind: Tensor

    @property
    def bars(self) -> int:
        """B."""
        return self.first.shape[1]

    def rows(self, at: Tensor) -> "Context":
        """Some of the pieces."""
        return Context(*(part[at] for part in (self.meter, self.mode, self.first, self.last, self.source, self.kind)))

    def to(self, move: object) -> "Context":
        """The same elsewhere; move: a function of a tensor."""
        return Context(*(move(part) for part in (self.meter, self.mode, self.first, self.last, self.source, self.kind)))  # type: ignore[operator]

    def without_returns(self) -> "Context":
        """The same, told nothing of returns."""
        return replace(self, source=torch.full_like(self.source, -1), kind=torch.full_like(self.kind, ANY))


class Told(nn.Module):
    """A context as vectors: (n, B, width)."""

    def __init__(self, width: int):
        super().__init__()
        self.meter = nn.Embedding(METERS, width)
        self.mode = nn.Embedding(MODES + 1, width)
        self.first = nn.Embedding(UNKNOWN_PLACE + 1, width)
        self.last = nn.Embedding(UNKNOWN_PLACE + 1, width)
        self.kind = nn.Embedding(len(KINDS), width)
        for table in (self.meter, self.mode, self.first, self.last, self.kind):
            nn.init.normal_(table.weight, std=0.1)

    def forward(self, context: Context) -> Tensor:
        piece = self.meter(context.meter) + self.mode(context.mode)
        return piece[:, None] + self.first(context.first) + self.last(context.last) + self.kind(context.kind)


def of_source(x: Tensor, source: Tensor) -> Tensor:
    """x (n, B, k) at each bar's source, zeros where it has none."""
    found = x.gather(1, source.clamp(min=0)[..., None].expand(-1, -1, x.shape[-1]))
    return found * (source >= 0)[..., None]


def distance_buckets(bars: int) -> Tensor:
    """Number of the bucket of j − i for bars i and j: int (B, B), below BUCKETS."""
    place = torch.arange(bars)
    distance = place[None] - place[:, None]
    size = distance.abs()
    coarse = size.clamp(max=_EXACT) + sum((size >= bound).long() for bound in _FAR)
    return torch.where(distance >= 0, coarse, coarse + _EXACT + len(_FAR))
