"""What average precision needs of one image: for each category, the predictions' scores and which of them are hits."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from podium.evaluation.boxes import by_score
from podium.evaluation.overlap import overlap

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
    true: Sequence[Mapping], predicted: Sequence[Mapping], iou_of: Callable, hit: Callable
) -> dict[Hashable, Ranked]:
    """Match by the rule of PASCAL VOC: each prediction claims the object of its category of the highest IoU.

    It is a hit if its IoU is high enough and it is the first by score to claim the object; the others are misses.

    Parameters
    ----------
    iou_of
        (true, predicted) -> IoU (n_true, n_pred).
    hit
        IoU -> whether it is high enough.

    Source: PASCAL VOC 2010 development kit, http://host.robots.ox.ac.uk/pascal/VOC/voc2010/devkit_doc_08-May-2010.pdf.
    Its pixels are counted from the first to the last, the boxes here reach from edge to edge.
    """
    found = {}
    for category, (truth, guess) in _by_category(true, predicted).items():
        guess = [guess[place] for place in by_score(guess)]
        iou = iou_of(truth, guess)
        hits = np.zeros(len(guess), dtype=bool)
        if truth and guess:
            claims = np.flatnonzero(hit(iou.max(axis=0)))
            _, first = np.unique(iou.argmax(axis=0)[claims], return_index=True)
            hits[claims[first]] = True
        found[category] = _ranked(guess, hits[None], np.ones((1, len(guess)), dtype=bool), len(truth))
    return found


def voc_or_nothing(
    true: Sequence[Mapping], predicted: Sequence[Mapping], iou_of: Callable, hit: Callable
) -> dict[Hashable, Ranked]:
    """Match as `voc` does, "no finding" being a category of its own: an image without objects is one to be found.

    An image without predictions claims, with confidence 1, that there is no object: its line `14 1 0 0 1 1`.
    Source: https://www.kaggle.com/c/vinbigdata-chest-xray-abnormalities-detection/overview/evaluation
    """
    found = voc(true, predicted, iou_of, hit)
    if not true or not predicted:
        claim = [] if predicted else [{"score": 1.0}]
        hits = np.full((1, len(claim)), not true)
        found[NOTHING] = _ranked(claim, hits, np.ones_like(hits), int(not true))
    return found


def coco(
    true: Sequence[Mapping],
    predicted: Sequence[Mapping],
    iou_type: Literal["bbox", "segm"],
    most: int,
) -> dict[Hashable, Ranked]:
    """Match by COCO's rule: one prediction after the other, by score, takes of the objects left that of highest IoU.

    The first `most` of each category count. Those that find no object but lie on a crowd are not counted.
    Source: evaluateImg of pycocotools, https://github.com/cocodataset/cocoapi
    """
    found = {}
    # 1 - 1e-10 is the highest threshold there, for equal shapes have an IoU of nearly 1.
    limits = np.minimum(COCO_THRESHOLDS, 1 - 1e-10)
    for category, (truth, guess) in _by_category(true, predicted).items():
        guess = [guess[place] for place in by_score(guess)[:most]]
        objects = [each for each in truth if not each.get("iscrowd")]
        crowds = [each for each in truth if each.get("iscrowd")]
        hits = np.zeros((len(limits), len(guess)), dtype=bool)
        free = np.ones((len(limits), len(objects)), dtype=bool)
        for place, iou in enumerate(overlap(objects, guess, iou_type).T if objects else ()):
            left = np.where(free, iou, -1.0)
            hit = left.max(axis=1) >= limits
            last = len(objects) - 1 - left[:, ::-1].argmax(axis=1)  # of equal ones COCO takes the last
            free[hit, last[hit]] = False
            hits[:, place] = hit
        on_crowd = overlap(crowds, guess, iou_type, crowd=True).max(axis=0, initial=-1.0)
        found[category] = _ranked(guess, hits, hits | (on_crowd < limits[:, None]), len(objects))
    return found


def _by_category(true: Sequence[Mapping], predicted: Sequence[Mapping]) -> dict[Hashable, tuple[list, list]]:
    found: dict[Hashable, tuple[list, list]] = {}
    for side, objects in enumerate((true, predicted)):
        for each in objects:
            found.setdefault(each["category_id"], ([], []))[side].append(each)
    return found


def _ranked(guess: Sequence[Mapping], hits: np.ndarray, counted: np.ndarray, truths: int) -> Ranked:
    return Ranked(np.array([each["score"] for each in guess], dtype=np.float64), hits, counted, truths)
