"""Instances: detected boxes, each with the mask that a segmenter finds in it."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from torch import nn

from podium.config.instances import InstancesExperiment
from podium.config.segmentation import Crops
from podium.config.tuning import Choice
from podium.data.by_image import by_image
from podium.data.dataset import Dataset
from podium.data.masks import encode_at
from podium.inference.masks import probabilities
from podium.inference.select import Placed, select


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
        for result in instances_of(found, *dataset.size(image_id), settings, settings.overlap)
    ]


def instance_makers(
    model: nn.Module,
    dataset: Dataset,
    image_ids: Iterable[int],
    boxes: list[dict],
    crops: Crops,
    settings: InstancesExperiment,
) -> Iterator[Callable[[Choice], list[dict]]]:
    """Yield for each image what makes its instances by a choice, without asking the segmenter again.

    It takes mask_threshold, nms_iou and min_area of the choice, all else of `settings`. Its memory grows with the
    pixels around the image's boxes, four bytes for each.
    """
    for image_id, found in likely_objects(model, dataset, image_ids, boxes, crops, settings.score_threshold):
        held, size = list(found), dataset.size(image_id)
        yield lambda choice, held=held, size=size: instances_of(held, *size, choice, settings.overlap)


def likely_objects(
    model: nn.Module,
    dataset: Dataset,
    image_ids: Iterable[int],
    boxes: list[dict],
    crops: Crops,
    score_threshold: float,
) -> Iterator[tuple[int, Iterator[Likely]]]:
    """Yield the id of each image, and its boxes from the threshold on by falling score, each with its likely pixels.

    An image's boxes are to be used before the next image is asked for; the segmenter sees each of them once.
    """
    likely_enough = by_image(box for box in boxes if box["score"] >= score_threshold)
    for image_id in image_ids:
        found = sorted(likely_enough[image_id], key=lambda box: -box["score"])
        corners = [np.array(box["bbox"]) + [0, 0, *box["bbox"][:2]] for box in found]
        likely = probabilities(model, dataset.read(image_id), corners, crops) if found else ()
        yield image_id, (Likely(box, *where) for box, where in zip(found, likely, strict=True))


def instances_of(
    found: Iterable[Likely], height: int, width: int, how: InstancesExperiment | Choice, overlap: bool
) -> list[dict]:
    """Return the instances of one image of (height, width), by falling score, as `predict_instances` does."""
    masks = (Placed(each.box, each.probability > how.mask_threshold, each.x, each.y) for each in found)
    kept = select(masks, height, width, nms_iou=how.nms_iou, min_area=how.min_area, overlap=overlap)
    return [_result(each, height, width) for each in kept]


def _result(placed: Placed, height: int, width: int) -> dict:
    box = placed.result
    return {
        "image_id": box["image_id"],
        "category_id": box["category_id"],
        "bbox": placed.tight_box,
        "score": box["score"],
        "segmentation": encode_at(placed.mask, placed.x, placed.y, height, width),
    }
