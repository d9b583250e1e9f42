"""Anchors: the boxes that proposals are described relative to."""

import torch
from torch import Tensor, nn


class Anchors(nn.Module):
    """Boxes of one size and several shapes around every position of each level's features.

    As in Detectron2 they are not rounded, the strides are those of the levels whatever the size of the image, and the
    first position is the upper left corner.
    """

    def __init__(self, sizes: tuple[float, ...], aspect_ratios: tuple[float, ...], strides: list[int]):
        super().__init__()
        self.strides = strides
        for level, size in enumerate(sizes):
            self.register_buffer(f"cell{level}", _around_zero(size, aspect_ratios), persistent=False)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Return for each level (h * w * shapes, 4) boxes, xyxy in pixels: rows first, then columns, then shapes."""
        return [
            self._level(getattr(self, f"cell{level}"), stride, *feature.shape[-2:])
            for level, (stride, feature) in enumerate(zip(self.strides, features, strict=True))
        ]

    @staticmethod
    def _level(cell: Tensor, stride: int, height: int, width: int) -> Tensor:
        y, x = (stride * torch.arange(side, dtype=torch.float32, device=cell.device) for side in (height, width))
        y, x = torch.meshgrid(y, x, indexing="ij")
        corners = torch.stack([x, y, x, y], dim=-1).reshape(-1, 1, 4)
        return (corners + cell).reshape(-1, 4)


def _around_zero(size: float, aspect_ratios: tuple[float, ...]) -> Tensor:
    sides = [((size**2 / ratio) ** 0.5, ratio * (size**2 / ratio) ** 0.5) for ratio in aspect_ratios]
    return torch.tensor([[-width / 2, -height / 2, width / 2, height / 2] for width, height in sides])
