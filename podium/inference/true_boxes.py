"""A segmenter judged by itself: the masks that it finds in the true boxes."""

from collections.abc import Iterable

import numpy as np
from torch import nn

from podium.config.segmentation import Crops
from podium.data.dataset import AnnotationEntry, Dataset
from podium.data.masks import encode_at
from podium.evaluation.masks import mean_scores
from podium.inference.masks import probabilities


def objects_with_masks(dataset: Dataset, image_id: int) -> list[AnnotationEntry]:
    """Return an image's annotations that have a mask and are no crowd."""
    return [entry for entry in dataset.annotations[image_id] if "segmentation" in entry and not entry["iscrowd"]]


def true_box_scores(
    model: nn.Module, dataset: Dataset, image_ids: Iterable[int], settings: Crops, threshold: float = 0.5
) -> dict[str, float | int | None]:
    """Return mean IoU and Dice of the masks found in the true boxes, in the image's own pixels.

    Every object has equal weight; see podium.evaluation.masks.mean_scores.
    """

    def pairs():
        for image_id in image_ids:
            objects = objects_with_masks(dataset, image_id)
            if not objects:
                continue
            image = dataset.read(image_id)
            found = probabilities(model, image, [corners(entry) for entry in objects], settings)
            for entry, (probability, x, y) in zip(objects, found, strict=True):
                yield entry["segmentation"], encode_at(probability > threshold, x, y, *image.shape[:2])

    return mean_scores(pairs())


def corners(entry: AnnotationEntry) -> np.ndarray:
    """Return an annotation's box as xyxy, float64 (4,)."""
    x, y, width, height = entry["bbox"]
    return np.array([x, y, x + width, y + height], dtype=np.float64)
