"""How much true objects and predictions overlap."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from pycocotools import mask as coco_mask

from podium.evaluation.inputs import true_mask


def overlap(
    truth: Sequence[Mapping], found: Sequence[Mapping], iou_type: Literal["bbox", "segm"], *, crowd: bool = False
) -> np.ndarray:
    """Return the IoU of true objects (rows) with predictions (columns), float64 (n_true, n_found).

    Boxes are [x, y, w, h] in pixels, from edge to edge: of width w, not w + 1. Empty ones have IoU 0 with all.

    Parameters
    ----------
    truth, found
        Records with `bbox`, or with `segmentation` (RLE) for "segm".
    crowd
        Whether the true objects are crowds: then it is the share of each prediction that lies on them.
    """
    if not truth or not found:
        return np.zeros((len(truth), len(found)))
    if iou_type == "segm":
        true, guess = ([true_mask(each) for each in objects] for objects in (truth, found))
    else:
        true, guess = (np.array([each["bbox"] for each in objects], dtype=np.float64) for objects in (truth, found))
    return np.asarray(coco_mask.iou(guess, true, [int(crowd)] * len(truth)), dtype=np.float64).T
