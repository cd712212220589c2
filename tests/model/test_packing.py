"""Weights in few bits."""

import pytest
import torch

from musiclc.latent.descent import generator_of
from musiclc.model.packing import GROUP, packed, unpacked


@pytest.mark.parametrize("bits", [3, 4, 5, 8])
def test_weights_come_back_up_to_rounding(bits):
    weights = torch.randn(37, 19, generator=generator_of(0))
    codes, scale = packed(weights, bits)
    assert len(codes) == -(-len(scale) * GROUP * bits // 8)
    found = unpacked(codes, scale, weights.shape, bits)
    off = (found - weights).square().mean().sqrt()
    assert off < {3: 0.3, 4: 0.13, 5: 0.065, 8: 0.01}[bits]


def test_whole_numbers_within_range_come_back_exactly():
    weights = torch.arange(-7.0, 8.0).repeat(5)[:64].view(8, 8)
    assert torch.equal(unpacked(*packed(weights, 4), weights.shape, 4), weights)


def test_nothing_but_zeros_stays_so():
    assert not unpacked(*packed(torch.zeros(3, 5), 5), torch.Size((3, 5)), 5).any()
