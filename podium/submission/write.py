"""From predictions to a submission file."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from podium.config.formats import Format
from podium.errors import PodiumError
from podium.files import whole
from podium.submission.rle import overlaps, row_and_column, runs_from_coco, text_from_runs, union
from podium.submission.table import read_ids


def write_submission(
    path: str | Path,
    predictions: Sequence[Mapping],
    images: Sequence[Mapping],
    form: Format,
    sample: str | Path | None = None,
) -> dict[str, int]:
    """Write a submission file, wholly or not at all. The same predictions, in any order, give the same bytes.

    Parameters
    ----------
    path
        The CSV file: UTF-8, lines end with a line feed.
    predictions
        COCO results with `image_id`, `segmentation` (compressed RLE) and `score`, all of which are written. Annotations
        do as well: without a score an instance counts as certain, so that truth becomes a solution file.
    images
        The dataset's image records (`id`, `key`, `width`, `height`).
    form
        The competition's format.
    sample
        The competition's sample submission, whose ids and order are taken. Without one: all `images`, in order.

    Returns
    -------
    dict
        `rows`, `images` and `instances` that were written; `without_pixels`, instances left out for having none;
        `without_image`, ids of the sample whose image the dataset left out, which get the row of an empty image;
        `not_asked_for`, predictions of images that the sample does not name.

    Raises
    ------
    PodiumError
        Where no id belongs to an image; for predictions of images that are not among `images`, without a mask, with a
        mask of another size or a score that is not finite, or that share pixels where the format forbids it.
    """
    by_key = {image["key"]: image for image in images}
    ids = list(by_key) if sample is None else read_ids(sample, form)
    if not any(key in by_key for key in ids):
        raise PodiumError(
            f"none of the {len(ids)} ids belongs to an image of the dataset" + (f", as {ids[0]!r}" if ids else ""),
            file=sample,
            mend="make the dataset from the same competition's archive, with its test images; see quarantine.json",
        )
    counts = {
        "rows": 0,
        "images": len(ids),
        "instances": 0,
        "without_pixels": 0,
        "without_image": 0,
        "not_asked_for": 0,
    }
    asked = {by_key[key]["id"]: [] for key in ids if key in by_key}
    known = {image["id"] for image in images}
    for number, prediction in enumerate(predictions):
        image = prediction["image_id"]
        if image not in known:
            raise PodiumError(
                f"the submission has no row for image {image}",
                record=f"prediction {number}",
                key="image_id",
                mend="give predictions of the images that are submitted, and of no others",
            )
        if "segmentation" not in prediction:
            raise PodiumError("a prediction without a mask", record=f"prediction {number}", key="segmentation")
        if image in asked:
            asked[image].append(prediction)
        else:
            counts["not_asked_for"] += 1

    with whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(form.header)
        for key in ids:
            image = by_key.get(key)
            if image is None:
                writer.writerow([key, form.empty])
                counts["rows"] += 1
                counts["without_image"] += 1
                continue
            predicted = _sorted_runs(asked[image["id"]], image, form)
            instances = [runs for runs in predicted if len(runs)]
            codes = _codes(instances, image, form)
            writer.writerows([key, code] for code in codes)
            counts["rows"] += len(codes)
            counts["instances"] += len(instances)
            counts["without_pixels"] += len(predicted) - len(instances)
    return counts


def _sorted_runs(predictions: Sequence[Mapping], image: Mapping, form: Format) -> list[np.ndarray]:
    """Return the instances' runs by descending score, then by position."""
    keyed = []
    for prediction in predictions:
        rle = prediction["segmentation"]
        if list(rle["size"]) != [image["height"], image["width"]]:
            raise PodiumError(
                f"a mask has the size (height, width) {list(rle['size'])}, "
                f"the image {[image['height'], image['width']]}",
                record=image["key"],
                key="segmentation.size",
            )
        score = prediction.get("score", 1.0)
        if not math.isfinite(score):
            raise PodiumError(f"a prediction's score is {score}", record=image["key"], key="score")
        runs = runs_from_coco(rle, form.code.order)
        keyed.append((-score, runs.ravel().tolist(), runs))
    return [runs for _, _, runs in sorted(keyed, key=lambda item: item[:2])]


def _codes(instances: Sequence[np.ndarray], image: Mapping, form: Format) -> list[str]:
    if not instances:
        return [form.empty]
    if form.rows == "image":
        return [text_from_runs(union(instances), form.code)]
    if form.overlap == "forbidden" and (shared := overlaps(instances)):
        row, column = row_and_column(shared[0][2], image["height"], image["width"], form.code.order)
        raise PodiumError(
            f"{len(shared)} pairs of instances share pixels, which the format forbids; first at row {row}, "
            f"column {column} (counted from 0)",
            record=image["key"],
            mend="let the instances station remove overlaps",
        )
    return [text_from_runs(instance, form.code) for instance in instances]
