"""Weights in few bits: each GROUP of neighbours as signed whole numbers of so many bits, with one float16 scale.

A group's scale is, of a few, the one with the least squared error: its largest weight need not decide alone.

Inside: `GROUP`, `packed`, `unpacked`.
"""

import numpy as np
import torch
from torch import Tensor

GROUP = 128
_SHRINK = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7)  # of the scale that just holds the largest weight


def packed(value: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Weights of any shape → their codes, uint8, `bits` of them a weight end to end, and a float16 scale a group; filled up with zeros."""
    flat = torch.nn.functional.pad(value.detach().float().flatten(), (0, -value.numel() % GROUP)).view(-1, GROUP)
    most = 2 ** (bits - 1) - 1
    largest = flat.abs().amax(1, keepdim=True).clamp(min=1e-6) / most
    best, error = torch.zeros_like(flat), torch.full((len(flat), 1), torch.inf)
    scale = largest.half()
    for shrink in _SHRINK:
        tried = (largest * shrink).half().clamp(min=6e-8)
        codes = (flat / tried.float()).round().clamp(-most, most)
        off = (codes * tried.float() - flat).square().sum(1, keepdim=True)
        better = off < error
        best, scale, error = torch.where(better, codes, best), torch.where(better, tried, scale), torch.where(better, off, error)
    unsigned = (best + most).to(torch.uint8).numpy()
    rows = np.unpackbits(unsigned.reshape(-1, 1), axis=1)[:, 8 - bits :]
    return torch.from_numpy(np.packbits(rows.reshape(-1))), scale[:, 0]


def unpacked(codes: Tensor, scale: Tensor, shape: torch.Size, bits: int) -> Tensor:
    """The inverse of `packed`, up to rounding: float32 of that shape."""
    n = len(codes) * 8 // bits // len(scale) * len(scale)  # the size of a group is what the file has
    rows = np.unpackbits(codes.numpy(), count=n * bits).reshape(n, bits)
    whole = np.packbits(np.pad(rows, ((0, 0), (8 - bits, 0))), axis=1)[:, 0].astype(np.float32) - (2 ** (bits - 1) - 1)
    return (torch.from_numpy(whole).view(len(scale), -1) * scale.float()[:, None]).flatten()[: shape.numel()].view(shape)
