"""What average precision needs of one image: for each category, the predictions' scores and which of them are hits."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from pycocotools import mask as coco_mask

from podium.evaluation.boxes import by_score
from podium.evaluation.inputs import MAX_DETECTIONS, true_mask

COCO_THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""As COCO makes them."""

NOTHING = -1
"""The category of the finding that there is none: no category of a dataset has this id."""


class Ranked(NamedTuple):
    """One category in one image, at T thresholds of IoU; the D predictions by falling score."""

    scores: np.ndarray
    """float64 (D,)"""
    hits: np.ndarray
    """bool (T, D)"""
    counted: np.ndarray
    """bool (T, D): neither hit nor miss are those that lie on a crowd"""
    truths: int
    """objects to be found"""


def voc(
    true: Sequence[Mapping], predicted: Sequence[Mapping], overlap: Callable, hit: Callable
) -> dict[Hashable, Ranked]:
    """Match by the rule of PASCAL VOC: each prediction claims the object of its category of the highest IoU.

    It is a hit if its IoU is high enough and it is the first by score to claim the object; the others are misses.

    Parameters
    ----------
    overlap
        (true, predicted) -> IoU (n_true, n_pred).
    hit
        IoU -> whether it is high enough.

    Source: PASCAL VOC 2010 development kit, http://host.robots.ox.ac.uk/pascal/VOC/voc2010/devkit_doc_08-May-2010.pdf.
    Its pixels are counted from the first to the last, the boxes here reach from edge to edge.
    """
    found = {}
    for category, (truth, guess) in _by_category(true, predicted).items():
        guess = [guess[place] for place in by_score(guess)]
        iou = overlap(truth, guess)
        hits = np.zeros(len(guess), dtype=bool)
        if truth and guess:
            claims = np.flatnonzero(hit(iou.max(axis=0)))
            _, first = np.unique(iou.argmax(axis=0)[claims], return_index=True)
            hits[claims[first]] = True
        found[category] = _ranked(guess, hits[None], np.ones((1, len(guess)), dtype=bool), len(truth))
    return found


def voc_or_nothing(
    true: Sequence[Mapping], predicted: Sequence[Mapping], overlap: Callable, hit: Callable
) -> dict[Hashable, Ranked]:
    """Match as `voc` does, "no finding" being a category of its own: an image without objects is one to be found.

    An image without predictions claims, with confidence 1, that there is no object: its line `14 1 0 0 1 1`.
    Source: https://www.kaggle.com/c/vinbigdata-chest-xray-abnormalities-detection/overview/evaluation
    """
    found = voc(true, predicted, overlap, hit)
    if not true or not predicted:
        claim = [] if predicted else [{"score": 1.0}]
        hits = np.full((1, len(claim)), not true)
        found[NOTHING] = _ranked(claim, hits, np.ones_like(hits), int(not true))
    return found


def coco(true: Sequence[Mapping], predicted: Sequence[Mapping], shape: str) -> dict[Hashable, Ranked]:
    """Match by COCO's rule: one prediction after the other, by score, takes of the objects left that of highest IoU.

    The first `MAX_DETECTIONS` of each category count. Those that find no object but lie on a crowd are not counted.

    Parameters
    ----------
    shape
        What overlaps: "bbox" or "segmentation".

    Source: evaluateImg of pycocotools, https://github.com/cocodataset/cocoapi
    """
    found = {}
    # 1 - 1e-10 is the highest threshold there, for equal shapes have an IoU of nearly 1.
    limits = np.minimum(COCO_THRESHOLDS, 1 - 1e-10)
    for category, (truth, guess) in _by_category(true, predicted).items():
        guess = [guess[place] for place in by_score(guess)[:MAX_DETECTIONS]]
        crowd = np.array([bool(each.get("iscrowd")) for each in truth], dtype=bool)
        hits, counted = np.zeros((2, len(limits), len(guess)), dtype=bool)
        free = np.ones((len(limits), int((~crowd).sum())), dtype=bool)
        for place, overlap in enumerate(_coco_iou(truth, guess, crowd, shape)):
            if free.size:
                left = np.where(free, overlap[~crowd], -1.0)
                hit = left.max(axis=1) >= limits
                last = free.shape[1] - 1 - left[:, ::-1].argmax(axis=1)  # of equal ones COCO takes the last
                free[hit, last[hit]] = False
                hits[:, place] = hit
            counted[:, place] = hits[:, place] | ~(overlap[crowd].max(initial=-1.0) >= limits)
        found[category] = _ranked(guess, hits, counted, free.shape[1])
    return found


def _coco_iou(truth: Sequence[Mapping], guess: Sequence[Mapping], crowd: np.ndarray, shape: str) -> np.ndarray:
    """Return the IoU (n_pred, n_true); with a crowd it is the share of the prediction that lies on it."""
    if not truth or not guess:
        return np.zeros((len(guess), len(truth)))
    if shape == "bbox":
        true, found = (np.array([each["bbox"] for each in objects], dtype=np.float64) for objects in (truth, guess))
    else:
        true, found = ([true_mask(each) for each in objects] for objects in (truth, guess))
    return np.asarray(coco_mask.iou(found, true, crowd.astype(int).tolist()))


def _by_category(true: Sequence[Mapping], predicted: Sequence[Mapping]) -> dict[Hashable, tuple[list, list]]:
    found: dict[Hashable, tuple[list, list]] = {}
    for side, objects in enumerate((true, predicted)):
        for each in objects:
            found.setdefault(each["category_id"], ([], []))[side].append(each)
    return found


def _ranked(guess: Sequence[Mapping], hits: np.ndarray, counted: np.ndarray, truths: int) -> Ranked:
    return Ranked(np.array([each["score"] for each in guess], dtype=np.float64), hits, counted, truths)
