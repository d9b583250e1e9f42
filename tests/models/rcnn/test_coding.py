import pytest
import torch
from torchvision.models.detection._utils import BoxCoder

from podium.models.rcnn.coding import decode, encode

WEIGHTS = [(1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)]


def boxes(seed):
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(50, 2, generator=generator) * 100
    return torch.cat([corners, corners + 1 + torch.rand(50, 2, generator=generator) * 80], dim=1)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_as_torchvision_codes(weights):
    sources, targets = boxes(1), boxes(2)
    theirs = BoxCoder(weights)
    codes = encode(targets, sources, weights)
    assert torch.allclose(codes, theirs.encode_single(targets, sources), atol=1e-5)
    assert torch.allclose(decode(codes, sources, weights), theirs.decode_single(codes, sources)[:, :4], atol=1e-3)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_decoding_undoes_encoding(weights):
    sources, targets = boxes(1), boxes(2)
    assert torch.allclose(decode(encode(targets, sources, weights), sources, weights), targets, atol=1e-3)
    batch = decode(encode(targets, sources, weights).view(5, 10, 4), sources.view(5, 10, 4), weights)
    assert torch.allclose(batch.view(50, 4), targets, atol=1e-3)


def test_a_side_grows_at_most_from_16_to_1000_pixels():
    grown = decode(torch.tensor([[0.0, 0.0, 99.0, 99.0]]), torch.tensor([[0.0, 0.0, 16.0, 32.0]]), WEIGHTS[0])
    assert (grown[:, 2:] - grown[:, :2])[0].tolist() == pytest.approx([1000, 2000])
