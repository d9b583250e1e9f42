"""From images as they are decoded to a batch as a network takes it."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from podium.config.zoo import Pixels

_ZOO_MEAN = (103.530, 116.280, 123.675)


class PixelStatistics(NamedTuple):
    """How pixels are normalised: order of the channels, and mean and standard deviation in it, of values 0 to 255."""

    order: str
    mean: tuple[float, ...]
    std: tuple[float, ...]


# The first is torchvision's, the others are PIXEL_MEAN and PIXEL_STD of Detectron2's configurations.
STATISTICS: dict[Pixels, PixelStatistics] = {
    "rgb": PixelStatistics("RGB", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "bgr": PixelStatistics("BGR", _ZOO_MEAN, (1.0, 1.0, 1.0)),
    "bgr_std": PixelStatistics("BGR", _ZOO_MEAN, (57.375, 57.120, 58.395)),
}

# The stride of the coarsest feature of a residual network: sides of a batch are multiples of it.
_DIVISOR = 32


class Batch(nn.Module):
    """Joins images of different sizes: normalised, padded with zeros below and on the right."""

    def __init__(self, pixels: Pixels):
        super().__init__()
        order, mean, std = STATISTICS[pixels]
        self.reverse = order == "BGR"
        self.register_buffer("mean", torch.tensor(mean).reshape(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).reshape(3, 1, 1), persistent=False)

    def forward(self, images: list[Tensor]) -> Tensor:
        """Return float (n, 3, H, W) of images, uint8 or float (3, h, w), RGB, 0 to 255."""
        height, width = (_rounded_up(max(image.shape[side] for image in images)) for side in (1, 2))
        batch = self.mean.new_zeros(len(images), 3, height, width)
        for place, image in zip(batch, images, strict=True):
            pixels = image.flip(0) if self.reverse else image
            place[:, : image.shape[1], : image.shape[2]] = (pixels.float() - self.mean) / self.std
        return batch


def _rounded_up(side: int) -> int:
    return -(-side // _DIVISOR) * _DIVISOR
