"""What a detector finds in images that show all of a photograph or parts of it."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from podium.config.detection import DetectionInput
from podium.data.resize import resize, target_size
from podium.data.tiles import Tile


def as_tensor(image: np.ndarray) -> Tensor:
    """Return a uint8 (h, w, 3) image as a tensor (3, h, w)."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def as_input(image: np.ndarray, settings: DetectionInput) -> Tensor:
    """Return a uint8 (h, w, 3) image as the model sees it in inference: resized, uint8 (3, h', w')."""
    return as_tensor(resize(image, *target_size(*image.shape[:2], settings.min_size_test, settings.max_size_test)))


@torch.no_grad()
def seen(model: nn.Module, images: Sequence[Tensor], tiles: Sequence[Tile]) -> list[dict[str, Tensor]]:
    """Return what a detector finds in images that show these parts of a photograph, each resized or not.

    Its results (podium.models.detectors) on the CPU, boxes float64 in pixels of the whole photograph, those without an
    area left out.
    """
    device = next(model.parameters()).device
    results = []
    for image, tile, found in zip(images, tiles, model([image.to(device) for image in images]), strict=True):
        found = {key: part.cpu() for key, part in found.items()}
        size = np.array([tile.width, tile.height])
        boxes = found["boxes"] * torch.from_numpy(np.tile(size / image.shape[:0:-1], 2))
        there = (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
        found = {key: part[there] for key, part in found.items()}
        results.append(found | {"boxes": boxes[there] + torch.tensor([tile.x, tile.y] * 2)})
    return results
