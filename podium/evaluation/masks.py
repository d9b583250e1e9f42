"""IoU and Dice of pairs of binary masks, as for masks cut out around boxes."""

from collections.abc import Iterable

import numpy as np
from pycocotools import mask as coco_mask

from podium.data.masks import Rle, area, decode
from podium.errors import PodiumError

Mask = np.ndarray | Rle
"""A bool array (h, w) or a COCO run-length code."""


def iou(truth: Mask, predicted: Mask) -> float:
    """Return |A and B| / |A or B|; 1 if both masks are empty. Masks of different sizes raise PodiumError."""
    common, areas = _overlap(truth, predicted)
    return common / (areas - common) if areas else 1.0


def dice(truth: Mask, predicted: Mask) -> float:
    """Return 2 |A and B| / (|A| + |B|); 1 if both masks are empty. Masks of different sizes raise PodiumError."""
    common, areas = _overlap(truth, predicted)
    return 2 * common / areas if areas else 1.0


def mean_scores(pairs: Iterable[tuple[Mask, Mask]]) -> dict[str, float | int | None]:
    """Return `{"pairs": n, "iou": mean, "dice": mean}` of (true, predicted) pairs, each pair of equal weight.

    A pair of two empty masks scores 1. Without pairs the means are None.
    """
    scores = np.array([(iou(truth, predicted), dice(truth, predicted)) for truth, predicted in pairs]).reshape(-1, 2)
    if not len(scores):
        return {"pairs": 0, "iou": None, "dice": None}
    mean = scores.mean(axis=0)
    return {"pairs": len(scores), "iou": float(mean[0]), "dice": float(mean[1])}


def _overlap(truth: Mask, predicted: Mask) -> tuple[int, int]:
    """Return the number of common pixels and the sum of both masks' pixels."""
    if isinstance(truth, dict) and isinstance(predicted, dict) and truth["size"] == predicted["size"]:
        # Codes are compared as they are: pixels would grow with the image.
        return area(coco_mask.merge([truth, predicted], intersect=True)), area(truth) + area(predicted)
    true, guess = _array(truth), _array(predicted)
    if true.shape != guess.shape:
        raise PodiumError(f"the true mask has size {true.shape}, the predicted one {guess.shape} (height, width)")
    return int(np.count_nonzero(true & guess)), int(np.count_nonzero(true)) + int(np.count_nonzero(guess))


def _array(mask: Mask) -> np.ndarray:
    return decode(mask) if isinstance(mask, dict) else np.asarray(mask, dtype=bool)
