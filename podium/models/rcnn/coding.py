"""Boxes as corrections of other boxes, as Detectron2 computes them (Girshick et al. 2014, arXiv:1311.2524)."""

import math

import torch
from torch import Tensor

Weights = tuple[float, float, float, float]

# exp of this is the most that a side can grow by: 1000 pixels from 16.
_MOST = math.log(1000 / 16)


def encode(targets: Tensor, sources: Tensor, weights: Weights) -> Tensor:
    """Return what makes `targets` of `sources`: (n, 4) of dx, dy, dw, dh, times weights; boxes are (n, 4), xyxy."""
    size, centre = _sizes_and_centres(sources)
    target_size, target_centre = _sizes_and_centres(targets)
    wx, wy, ww, wh = weights
    offset, growth = (target_centre - centre), torch.log(target_size / size)
    return torch.stack(
        [
            wx * offset[:, 0] / size[:, 0],
            wy * offset[:, 1] / size[:, 1],
            ww * growth[:, 0],
            wh * growth[:, 1],
        ],
        dim=1,
    )


def decode(deltas: Tensor, sources: Tensor, weights: Weights) -> Tensor:
    """Return the boxes (..., 4), xyxy, that corrections (..., 4) make of boxes (..., 4)."""
    size, centre = _sizes_and_centres(sources)
    wx, wy, ww, wh = weights
    x = deltas[..., 0] / wx * size[..., 0] + centre[..., 0]
    y = deltas[..., 1] / wy * size[..., 1] + centre[..., 1]
    width = torch.exp((deltas[..., 2] / ww).clamp(max=_MOST)) * size[..., 0]
    height = torch.exp((deltas[..., 3] / wh).clamp(max=_MOST)) * size[..., 1]
    return torch.stack([x - 0.5 * width, y - 0.5 * height, x + 0.5 * width, y + 0.5 * height], dim=-1)


def _sizes_and_centres(boxes: Tensor) -> tuple[Tensor, Tensor]:
    size = boxes[..., 2:] - boxes[..., :2]
    return size, boxes[..., :2] + 0.5 * size
