"""Scores of the pixels of masks, all objects of an image taken as one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pycocotools import mask as coco_mask

from podium.data.masks import Rle
from podium.evaluation.instances import THRESHOLDS, same_size


class Pixels(NamedTuple):
    """How many pixels are in both unions, in the union of the true masks, in the union of the predicted ones."""

    common: int
    true: int
    predicted: int


def pixels(truth: Sequence[Rle], predicted: Sequence[Rle]) -> Pixels:
    """Count the pixels of one image. Masks of different sizes raise PodiumError."""
    same_size([*truth, *predicted])
    unions = [coco_mask.merge(list(masks)) if masks else None for masks in (truth, predicted)]
    areas = [0 if union is None else int(coco_mask.area(union)) for union in unions]
    common = 0 if None in unions else int(coco_mask.area(coco_mask.merge(unions, intersect=True)))
    return Pixels(common, *areas)


def f_score(counts: Sequence[float], beta: float = 1.0) -> float:
    """Return (1 + b²) TP / ((1 + b²) TP + b² FN + FP) of `Pixels`; 1 if both unions are empty.

    With b = 1 this is Dice's coefficient, 2 |A and B| / (|A| + |B|).
    """
    common, true, predicted = counts
    # FN = true - common and FP = predicted - common.
    whole = beta**2 * true + predicted
    return float((1 + beta**2) * common / whole) if whole else 1.0


def iou(counts: Pixels) -> float:
    """Return |A and B| / |A or B|; 1 if both unions are empty."""
    union = counts.true + counts.predicted - counts.common
    return counts.common / union if union else 1.0


def mean_hits(counts: Pixels) -> float:
    """Return the share of the thresholds 0.50, 0.55 … 0.95 that the IoU is greater than, a TGS Salt image's score.

    Where both unions are empty it is 1, where one of them is, 0.
    Source: https://www.kaggle.com/c/tgs-salt-identification-challenge/overview/evaluation
    """
    return float(np.mean(iou(counts) > THRESHOLDS))
