"""Which prediction found which true object, and what is wrong with the others."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from podium.data.by_image import by_image
from podium.evaluation.inputs import truth_of
from podium.evaluation.overlap import overlap

FOUND_FROM = 0.5
"""IoU from which a prediction has found a true object."""

BACKGROUND_TO = 0.1
"""IoU up to which a prediction lies on no object."""

KINDS = ("right", "localisation", "confusion", "duplicate", "both", "background")
"""What a prediction is, in the order in which it is asked, see `kinds`."""


@dataclass(frozen=True)
class Pairs:
    """One image's true objects (crowds apart) and predictions, highest scores first.

    Attributes
    ----------
    places
        int (n,): where each prediction stands in the given list.
    score
        float64 (n,).
    category, true_category
        int (n,) and (m,): category ids.
    iou
        float64 (m, n): of every true object with every prediction.
    owner
        int (n,): the true object of its own category that a prediction found, -1 for none, -2 where it lies in a crowd
        of its category and does not count.
    """

    image_id: int
    places: np.ndarray
    score: np.ndarray
    category: np.ndarray
    true_category: np.ndarray
    iou: np.ndarray
    owner: np.ndarray


def match(
    dataset: dict, image_ids: Sequence[int], predictions: Sequence[dict], iou_type: Literal["bbox", "segm"]
) -> list[Pairs]:
    """Match predictions with true objects as COCO does at IoU 0.5, image by image in the order of `image_ids`.

    By falling score each takes, of its category's objects that are left, the one with the highest IoU of 0.5 or more;
    one that finds none, but a crowd, does not count. Since higher scores go first, leaving out the lowest changes
    nothing of the rest. Parameters are those of `podium.evaluation.coco.average_precision`, checked there.
    """
    images, annotations = truth_of(dataset, image_ids)
    truth, found = by_image(annotations), defaultdict(list)
    for place, each in enumerate(predictions):
        found[each["image_id"]].append(place)
    return [_match(image["id"], truth[image["id"]], predictions, found[image["id"]], iou_type) for image in images]


def kinds(pairs: Pairs, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Say what each prediction of an image is, and which true objects are missed, at a confidence.

    A prediction that found no object is a localisation error where its highest IoU with one of its own category is 0.1
    to 0.5; else a confusion where it covers one of another category (IoU of 0.5 or more), found or not; else a
    duplicate where it covers one of its own, which a better one found; else both where it lies on one of another
    category (IoU above 0.1); else background. Each prediction has one kind, by the order and the ends of TIDE's code
    (Bolya et al. 2020, https://arxiv.org/abs/2008.08115; https://github.com/dbolya/tide).

    Returns
    -------
    (kind, missed)
        kind: int (n,), a place in `KINDS`; -1 for predictions under the confidence and those in crowds.
        missed: bool (m,), true objects that nothing found, nor a confusion or localisation error lies on.
    """
    counts = (pairs.score >= confidence) & (pairs.owner != -2)
    same = pairs.true_category[:, None] == pairs.category
    own, other = (np.where(of, pairs.iou, 0).max(axis=0, initial=0) for of in (same, ~same))
    kind = np.select(
        [
            pairs.owner >= 0,
            (own >= BACKGROUND_TO) & (own <= FOUND_FROM),
            other >= FOUND_FROM,
            own >= FOUND_FROM,
            other > BACKGROUND_TO,
        ],
        range(5),
        5,
    )
    kind = np.where(counts, kind, -1)
    covered = np.zeros(len(pairs.true_category), dtype=bool)
    covered[pairs.owner[kind == KINDS.index("right")]] = True
    for name, of in (("confusion", ~same), ("localisation", same)):
        columns = kind == KINDS.index(name)
        if columns.any() and len(covered):
            covered[np.where(of, pairs.iou, 0)[:, columns].argmax(axis=0)] = True
    return kind, ~covered


def confusion(pairs: Sequence[Pairs], categories: Sequence[int], confidence: float) -> np.ndarray:
    """Count what true objects were taken for: int (k + 1, k + 1), rows true, columns predicted, background last.

    Categories are set aside in matching: by falling score each prediction takes the object that is left with the
    highest IoU of 0.5 or more. What is left over is background. Predictions in crowds do not count.
    """
    place = {category: row for row, category in enumerate(categories)}
    counts = np.zeros((len(categories) + 1,) * 2, dtype=np.int64)
    for each in pairs:
        columns = np.flatnonzero((each.score >= confidence) & (each.owner != -2))
        owners = _owners(each.iou[:, columns])
        for column, owner in zip(columns, owners, strict=True):
            row = len(categories) if owner < 0 else place[each.true_category[owner]]
            counts[row, place[each.category[column]]] += 1
        for category in np.delete(each.true_category, owners[owners >= 0]):
            counts[place[category], -1] += 1
    return counts


def _owners(iou: np.ndarray) -> np.ndarray:
    """Return the object that each prediction takes, int (n,), -1 for none: the one left of highest IoU, 0.5 or more.

    `iou` is float (m, n), predictions by falling score.
    """
    left, owners = iou.copy(), np.full(iou.shape[1], -1, dtype=np.int64)
    for column in range(iou.shape[1] if len(iou) else 0):
        best = int(left[:, column].argmax())
        if left[best, column] >= FOUND_FROM:
            owners[column], left[best] = best, 0
    return owners


def _match(image_id: int, truth: list[dict], predictions: Sequence[dict], places: list[int], iou_type: str) -> Pairs:
    order = np.array(sorted(places, key=lambda place: -predictions[place]["score"]), dtype=np.int64)
    found = [predictions[place] for place in order]
    objects = [each for each in truth if not each["iscrowd"]]
    crowds = [each for each in truth if each["iscrowd"]]
    crowd_category = np.array([each["category_id"] for each in crowds], dtype=np.int64)
    category = np.array([each["category_id"] for each in found], dtype=np.int64)
    true_category = np.array([each["category_id"] for each in objects], dtype=np.int64)
    iou = overlap(objects, found, iou_type)
    in_crowd = overlap(crowds, found, iou_type, crowd=True) >= FOUND_FROM
    owner = _owners(np.where(true_category[:, None] == category, iou, 0))
    in_own_crowd = (in_crowd & (crowd_category[:, None] == category)).any(axis=0)
    owner[(owner < 0) & in_own_crowd] = -2
    score = np.array([each["score"] for each in found], dtype=np.float64)
    return Pairs(image_id, order, score, category, true_category, iou, owner)
