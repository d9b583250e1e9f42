"""Scores of one image's instance masks: the Data Science Bowl's precision, the Airbus challenge's F2.

Masks are COCO run-length codes (`podium.data.masks.Rle`). Matching is one-to-one at every threshold,
also where masks overlap, and does not depend on the masks' order.
"""

from collections.abc import Sequence

import numpy as np
from pycocotools import mask as coco_mask
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from podium.data.masks import Rle
from podium.errors import PodiumError

THRESHOLDS = np.arange(50, 100, 5) / 100
"""0.50, 0.55 … 0.95, each the double nearest to its decimal: an IoU of 3/5 equals the threshold 0.6, not more."""


def iou_matrix(truth: Sequence[Rle], predicted: Sequence[Rle]) -> np.ndarray:
    """Return the IoU of every true mask (rows) with every predicted mask (columns), float64 (n_true, n_pred).

    Two masks without a pixel between them have IoU 0. Masks of different sizes raise PodiumError.
    """
    same_size([*truth, *predicted])
    if not truth or not predicted:
        return np.zeros((len(truth), len(predicted)))
    # pycocotools names its first argument the detections; without crowds IoU is symmetric.
    return np.asarray(coco_mask.iou(list(truth), list(predicted), [0] * len(predicted)), dtype=np.float64)


def mean_precision(iou: np.ndarray) -> float:
    """Return the mean of TP / (TP + FP + FN) over `THRESHOLDS`, the score of one image in the Data Science Bowl 2018.

    A pair is a hit at threshold t if its IoU is greater than t. `iou` is (n_true, n_pred).
    Images without objects do not occur in that competition; here one without predictions scores 1, with any 0.
    Source: https://www.kaggle.com/c/data-science-bowl-2018/overview/evaluation
    """
    true, predicted = iou.shape
    if true == predicted == 0:
        return 1.0
    hits = _hits(iou)
    return float(np.mean(hits / (true + predicted - hits)))


def mean_f2(iou: np.ndarray) -> float:
    """Return the mean of F2 = 5 TP / (5 TP + 4 FN + FP) over `THRESHOLDS`, the score of one Airbus ship image.

    A pair is a hit at threshold t if its IoU is greater than t. `iou` is (n_true, n_pred).
    An image without ships scores 1 without predictions and 0 with any.
    Source: https://www.kaggle.com/c/airbus-ship-detection/overview/evaluation
    """
    true, predicted = iou.shape
    if true == predicted == 0:
        return 1.0
    # FN = true - TP and FP = predicted - TP, so the denominator is 4 true + predicted.
    return float(np.mean(5 * _hits(iou) / (4 * true + predicted)))


def _hits(iou: np.ndarray) -> np.ndarray:
    """Return, per threshold, how many pairs a largest one-to-one matching of masks with IoU > threshold has."""
    if 0 in iou.shape:
        return np.zeros(len(THRESHOLDS))
    return np.array([(maximum_bipartite_matching(csr_array(iou > at)) >= 0).sum() for at in THRESHOLDS], dtype=float)


def same_size(masks: Sequence[Rle]) -> None:
    """Raise PodiumError where the masks are not all of one size."""
    sizes = {tuple(mask["size"]) for mask in masks}
    if len(sizes) > 1:
        raise PodiumError(
            f"the masks of one image have different sizes (height, width): {sorted(sizes)}",
            key="size",
            mend="make every mask as large as its image",
        )
