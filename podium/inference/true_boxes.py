"""A segmenter judged by itself: the masks that it finds in the true boxes."""

from collections.abc import Iterable, Iterator

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
    found = true_box_masks(model, dataset, image_ids, settings, threshold)
    return mean_scores(pair for pairs in found for pair in pairs)


def true_box_masks(
    model: nn.Module, dataset: Dataset, image_ids: Iterable[int], settings: Crops, threshold: float = 0.5
) -> Iterator[list[tuple[dict, dict]]]:
    """Yield for each image the true and the found mask of each of its objects, as RLE of the image's size."""
    for image_id in image_ids:
        objects = objects_with_masks(dataset, image_id)
        if not objects:
            yield []
            continue
        image = dataset.read(image_id)
        found = probabilities(model, image, [corners(entry) for entry in objects], settings)
        yield [
            (entry["segmentation"], encode_at(probability > threshold, x, y, *image.shape[:2]))
            for entry, (probability, x, y) in zip(objects, found, strict=True)
        ]


def corners(entry: AnnotationEntry) -> np.ndarray:
    """Return an annotation's box as xyxy, float64 (4,)."""
    x, y, width, height = entry["bbox"]
    return np.array([x, y, x + width, y + height], dtype=np.float64)
