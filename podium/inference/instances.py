"""Instances: detected boxes, each with the mask that a segmenter finds in it."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from torch import nn

from podium.config.instances import InstancesExperiment
from podium.config.segmentation import Crops
from podium.data.dataset import Dataset
from podium.data.masks import encode_at
from podium.inference.masks import probabilities


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
    an instance that is left with fewer than settings.min_area pixels is dropped.
    """
    by_image = defaultdict(list)
    for box in boxes:
        if box["score"] >= settings.score_threshold:
            by_image[box["image_id"]].append(box)
    results = []
    for image_id in image_ids:
        found = sorted(by_image[image_id], key=lambda box: -box["score"])
        if not found:
            continue
        image = dataset.read(image_id)
        height, width = image.shape[:2]
        free = np.ones((height, width), dtype=bool)
        corners = [np.array(box["bbox"]) + [0, 0, *box["bbox"][:2]] for box in found]
        for box, (probability, x, y) in zip(found, probabilities(model, image, corners, crops), strict=True):
            mask = probability > settings.mask_threshold
            place = free[y : y + mask.shape[0], x : x + mask.shape[1]]
            if not settings.overlap:
                mask &= place
            if mask.sum() < settings.min_area:
                continue
            place &= ~mask
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            tight = [x + columns[0], y + rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1]
            results.append(
                {
                    "image_id": image_id,
                    "category_id": box["category_id"],
                    "bbox": [float(value) for value in tight],
                    "score": box["score"],
                    "segmentation": encode_at(mask, x, y, height, width),
                }
            )
    return results
