"""What is scored and against what: the annotations of some images, and predictions that fit them."""

import math
from collections.abc import Sequence
from numbers import Real

from podium.data.masks import Rle, counts_to_runs, fill_their_masks
from podium.errors import PodiumError

MAX_DETECTIONS = 100
"""COCO's own limit: the predictions per image and category that count, best scores first."""


def truth_of(dataset: dict, image_ids: Sequence[int]) -> tuple[list[dict], list[dict]]:
    """Return the images with these ids, in this order, and their annotations, in the dataset's order.

    An id that the dataset does not have, or that comes twice, raises PodiumError.
    """
    images = {image["id"]: image for image in dataset["images"]}
    wanted = set(image_ids)
    if len(wanted) < len(image_ids):
        twice = sorted(each for each in wanted if list(image_ids).count(each) > 1)
        raise PodiumError(f"image ids are listed more than once: {twice[:10]}", mend="make the split anew")
    if unknown := sorted(wanted - images.keys()):
        raise PodiumError(
            f"the dataset has no images with ids {unknown[:10]} ({len(unknown)} in all)",
            mend="make the split anew: it belongs to another version of the dataset",
        )
    return [images[each] for each in image_ids], [each for each in dataset["annotations"] if each["image_id"] in wanted]


def true_mask(annotation: dict) -> Rle:
    """Return an annotation's mask (RLE); one that is missing raises PodiumError."""
    if "segmentation" not in annotation:
        raise PodiumError(
            "the mask is missing",
            record=f"annotation {annotation['id']}",
            key="segmentation",
            mend="score boxes only, or prepare the dataset with masks",
        )
    return annotation["segmentation"]


def check(dataset: dict, image_ids: Sequence[int], predictions: Sequence[dict], *, masks: bool) -> None:
    """Raise PodiumError for a prediction that cannot be scored on these images.

    Each needs the id of one of the images, the id of one of the dataset's categories, a finite score and a finite box
    `[x, y, w, h]` in pixels, without negative sides; with `masks` also an RLE `segmentation` of its image's size.
    """
    sizes = {image["id"]: (image["height"], image["width"]) for image in truth_of(dataset, image_ids)[0]}
    categories = {category["id"] for category in dataset["categories"]}
    for number, prediction in enumerate(predictions):
        if problem := _problem(prediction, sizes, categories, masks):
            key, words = problem
            raise PodiumError(words, record=f"prediction {number} (from 0)", key=key)
    if masks:
        _check_codes([each["segmentation"] for each in predictions])


def _check_codes(codes: Sequence[Rle]) -> None:
    # pycocotools never comes back from some codes that are no codes, and reads beyond its memory with others.
    if fill_their_masks([code["counts"] for code in codes], [math.prod(code["size"]) for code in codes]):
        return
    for number, code in enumerate(codes):
        pixels, problem = math.prod(code["size"]), None
        try:
            runs = counts_to_runs(code["counts"])
            if (runs < 0).any() or runs.sum() != pixels:
                problem = f"the mask's code is of {runs.sum()} pixels, its image has {pixels}"
        except ValueError as error:
            problem = f"the mask's code is wrong: {error}"
        if problem:
            raise PodiumError(problem, record=f"prediction {number} (from 0)", key="segmentation")


def _problem(
    prediction: dict, sizes: dict[int, tuple[int, int]], categories: set[int], masks: bool
) -> tuple[str, str] | None:
    image_id, category_id = prediction.get("image_id"), prediction.get("category_id")
    if image_id not in sizes:
        return "image_id", f"{image_id!r} is none of the {len(sizes)} images that are evaluated"
    if category_id not in categories:
        return "category_id", f"{category_id!r} is none of the dataset's categories {sorted(categories)}"
    if not _finite(prediction.get("score")):
        return "score", f"{prediction.get('score')!r} is no finite number"
    box = prediction.get("bbox")
    if not (isinstance(box, list | tuple) and len(box) == 4 and all(map(_finite, box)) and min(box[2:]) >= 0):
        return "bbox", f"{box!r} is no box [x, y, w, h] of four finite numbers with w, h >= 0"
    if masks:
        mask = prediction.get("segmentation")
        if not (isinstance(mask, dict) and isinstance(mask.get("counts"), str) and "size" in mask):
            return "segmentation", f"expected a compressed RLE {{size, counts}}, got {str(mask)[:60]}"
        height, width = sizes[image_id]
        if list(mask["size"]) != [height, width]:
            return "segmentation", f"the mask's size is {list(mask['size'])}, its image's is [{height}, {width}]"
    return None


def _finite(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
