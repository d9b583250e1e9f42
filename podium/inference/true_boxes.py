"""A segmenter judged by itself: the masks that it finds in the true boxes."""

from collections.abc import Iterable, Iterator, Sequence

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


def true_box_results(
    model: nn.Module, dataset: Dataset, image_ids: Sequence[int], settings: Crops, threshold: float = 0.5
) -> tuple[dict, list[dict]]:
    """Judge the masks found in the true boxes, in the image's own pixels.

    Returns
    -------
    metrics
        `crops` (how many), `mean_iou`, `mean_dice` over objects of equal weight, None without any; `per_image`: these
        of each image, with `image_id` and `key`.
    results
        COCO results: the masks, with `bbox` of the truth and `score` 1.
    """
    rows, results, everything = [], [], []
    for image_id, pairs in zip(image_ids, true_box_masks(model, dataset, image_ids, settings, threshold), strict=True):
        everything += pairs
        rows.append({"image_id": image_id, "key": dataset.images[image_id]["key"], **_means(pairs)})
        results += [
            {**{key: entry[key] for key in ("image_id", "category_id", "bbox")}, "score": 1.0, "segmentation": found}
            for entry, (_, found) in zip(objects_with_masks(dataset, image_id), pairs, strict=True)
        ]
    return {**_means(everything), "per_image": rows}, results


def _means(pairs: Sequence[tuple[dict, dict]]) -> dict[str, float | int | None]:
    scores = mean_scores(pairs)
    return {"crops": scores["pairs"], "mean_iou": scores["iou"], "mean_dice": scores["dice"]}


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
