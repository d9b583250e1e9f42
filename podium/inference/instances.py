"""Instances: detected boxes, each with the mask that a segmenter finds in it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from torch import nn

from podium.config.instances import InstancesExperiment
from podium.config.segmentation import Crops
from podium.data.dataset import Dataset
from podium.inference.masks import probabilities
from podium.inference.select import Placed, as_result, select


class Likely(NamedTuple):
    """A box (a COCO result), and how likely each pixel around it is the object's.

    `probability` is float32 (rows, columns) in [0, 1], `x` and `y` are the column and row of its upper left pixel.
    """

    box: dict
    probability: np.ndarray
    x: int
    y: int


def predict_instances(
    model: nn.Module,
    dataset: Dataset,
    image_ids: Iterable[int],
    boxes: list[dict],
    crops: Crops,
    settings: InstancesExperiment,
) -> list[dict]:
    """Return COCO results with `segmentation` (RLE) and the mask's own tight `bbox`.

    Parameters
    ----------
    model
        A segmenter in evaluation mode.
    boxes
        COCO results of a detector, for any images; those of `image_ids` are used.

    Notes
    -----
    Boxes are taken by falling score. Unless settings.overlap, a pixel belongs to the first instance that claims it;
    duplicates, and what is left with fewer than settings.min_area pixels, are dropped (podium.inference.select).
    """
    return [
        result
        for image_id, found in likely_objects(model, dataset, image_ids, boxes, crops, settings.score_threshold)
        for result in instances_of(
            found,
            dataset.images[image_id]["height"],
            dataset.images[image_id]["width"],
            mask_threshold=settings.mask_threshold,
            nms_iou=settings.nms_iou,
            min_area=settings.min_area,
            overlap=settings.overlap,
        )
    ]


def likely_objects(
    model: nn.Module,
    dataset: Dataset,
    image_ids: Iterable[int],
    boxes: list[dict],
    crops: Crops,
    score_threshold: float,
) -> Iterator[tuple[int, Iterator[Likely]]]:
    """Yield the id of each image that has boxes from the threshold on, and these by falling score, with their pixels.

    An image's boxes are to be used before the next image is asked for; the segmenter sees each of them once.
    """
    by_image = defaultdict(list)
    for box in boxes:
        if box["score"] >= score_threshold:
            by_image[box["image_id"]].append(box)
    for image_id in image_ids:
        found = sorted(by_image[image_id], key=lambda box: -box["score"])
        if found:
            corners = [np.array(box["bbox"]) + [0, 0, *box["bbox"][:2]] for box in found]
            likely = probabilities(model, dataset.read(image_id), corners, crops)
            yield image_id, (Likely(box, *where) for box, where in zip(found, likely, strict=True))


def instances_of(
    found: Iterable[Likely],
    height: int,
    width: int,
    *,
    mask_threshold: float,
    nms_iou: float | None,
    min_area: int,
    overlap: bool,
) -> list[dict]:
    """Return the instances of one image of (height, width) as `predict_instances` does."""
    masks = (Placed(each.box, each.probability > mask_threshold, each.x, each.y) for each in found)
    kept = select(masks, height, width, nms_iou=nms_iou, min_area=min_area, overlap=overlap)
    return [as_result(_tight(each), height, width) for each in kept]


def _tight(placed: Placed) -> Placed:
    rows, columns = np.flatnonzero(placed.mask.any(axis=1)), np.flatnonzero(placed.mask.any(axis=0))
    box = [placed.x + columns[0], placed.y + rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1]
    found = placed.result
    result = {"image_id": found["image_id"], "category_id": found["category_id"], "bbox": [float(side) for side in box]}
    return Placed({**result, "score": found["score"]}, placed.mask, placed.x, placed.y)
