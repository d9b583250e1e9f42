"""Masks of the objects in given boxes, from a network that sees one window at a time."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from podium.config.segmentation import Crops
from podium.data.windows import Window, clip, cut, scale, window_around
from podium.models.normalisation import PIXEL_MEAN, PIXEL_STD

# Windows that go through the network together.
_BATCH = 64


def as_input(crops: np.ndarray) -> Tensor:
    """Return uint8 (n, h, w, 3) crops as normalised float (n, 3, h, w)."""
    pixels = (crops.astype(np.float32) / 255 - np.float32(PIXEL_MEAN)) / np.float32(PIXEL_STD)
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))


@torch.no_grad()
def probabilities(
    model: nn.Module, image: np.ndarray, boxes: Sequence[np.ndarray], settings: Crops
) -> Iterator[tuple[np.ndarray, int, int]]:
    """Yield, for each box, where its object lies: probabilities in the part of the box's window inside the image.

    Parameters
    ----------
    model
        A segmenter in evaluation mode.
    image
        uint8 (h, w, 3), RGB.
    boxes
        xyxy in pixels.

    Yields
    ------
    (probability, x, y)
        float32 (rows, columns) in [0, 1], and the column and row in the image of its upper left pixel. It is empty
        for a box outside the image. Memory grows with the windows in a batch, not with the image times the boxes.
    """
    device = next(model.parameters()).device
    height, width = image.shape[:2]
    for start in range(0, len(boxes), _BATCH):
        windows = [window_around(box, settings.context) for box in boxes[start : start + _BATCH]]
        crops = np.stack([scale(cut(image, window), settings.size) for window in windows])
        inside = model(as_input(crops).to(device)).sigmoid()[:, 0].float().cpu().numpy()
        for window, probability in zip(windows, inside, strict=True):
            yield clip(_unscaled(probability, window), window, height, width)


def _unscaled(probability: np.ndarray, window: Window) -> np.ndarray:
    return cv2.resize(probability, (window.side, window.side), interpolation=cv2.INTER_LINEAR)
