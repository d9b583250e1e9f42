"""From predictions to a submission file."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from podium.config.formats import Format
from podium.errors import PodiumError
from podium.files import whole
from podium.submission.content import content_of
from podium.submission.table import Slot, Table


def write_submission(
    path: str | Path,
    predictions: Sequence[Mapping],
    images: Sequence[Mapping],
    form: Format,
    sample: str | Path | None = None,
    categories: Sequence[Mapping] = (),
) -> dict[str, int]:
    """Write a submission file, wholly or not at all. The same predictions, in any order, give the same bytes.

    Parameters
    ----------
    path
        The CSV file: UTF-8, lines end with a line feed.
    predictions
        COCO results with `image_id`, `score` and what the format needs: `segmentation` (compressed RLE), `bbox` (x, y,
        width, height in pixels; what leaves the image is cut off), `category_id`. All of them are written. Annotations
        do as well: without a score an instance counts as certain, so that truth becomes a solution file.
    images
        The dataset's image records (`id`, `key`, `width`, `height`).
    form
        The competition's format.
    sample
        The competition's sample submission, whose ids and order are taken. Without one: all `images`, in order.
    categories
        The dataset's categories (`id`, `name`), where the format tells them.

    Returns
    -------
    dict
        `rows`, `images` and `instances` that were written; `without_pixels`, instances left out for having none (or,
        of boxes, no area after rounding); `without_image`, rows of the sample whose image the dataset left out, which
        are written as those of an empty image; `not_asked_for`, predictions of images that the sample does not name.

    Raises
    ------
    PodiumError
        Where no id belongs to an image; for predictions of images that are not among `images`, without a mask or a box
        where the format needs it, with a mask of another size or a score that is not finite, of a category that has no
        label, or that share pixels where the format forbids it.
    """
    table = Table(form, images, categories, sample)
    content = content_of(table)
    if not any(key in table.slots for key in table.asked):
        raise PodiumError(
            f"none of the {len(table.asked)} ids belongs to an image of the dataset"
            + "".join(f", as {key[0]!r}" for key in list(table.asked)[:1]),
            file=sample,
            mend="make the dataset from the same competition's archive, with its test images; see quarantine.json",
        )
    slots = {key: table.slots.get(key) for key in table.asked}
    asked = {slot.image["id"] for slot in slots.values() if slot}
    found = _by_image(predictions, {image["id"] for image in images}, content.needs)
    counts = {
        "rows": 0,
        "images": len(asked) + sum(slot is None for slot in slots.values()),
        "instances": 0,
        "without_pixels": 0,
        "without_image": 0,
        "not_asked_for": sum(len(of_image) for image_id, of_image in found.items() if image_id not in asked),
    }
    with whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.header)
        for key, slot in slots.items():
            rows = []
            if slot is None:
                counts["without_image"] += 1
            else:
                of_slot = _of(slot, found)
                rows, written = content.write(of_slot, slot.image)
                counts["instances"] += written
                counts["without_pixels"] += len(of_slot) - written
            rows = rows or [content.empty()]
            writer.writerows([*key, *table.asked[key], *cells] for cells in rows)
            counts["rows"] += len(rows)
    return counts


def _by_image(predictions: Sequence[Mapping], known: set[int], needs: str) -> dict[int, list[Mapping]]:
    """Return the predictions by image id; PodiumError for what cannot be written in any format."""
    found: dict[int, list[Mapping]] = {}
    for number, prediction in enumerate(predictions):
        record = f"prediction {number}"
        if prediction["image_id"] not in known:
            raise PodiumError(
                f"the submission has no row for image {prediction['image_id']}",
                record=record,
                key="image_id",
                mend="give predictions of the images that are submitted, and of no others",
            )
        if needs not in prediction:
            what = {"segmentation": "mask", "bbox": "box"}.get(needs, needs)
            raise PodiumError(f"a prediction without a {what}", record=record, key=needs)
        score = prediction.get("score", 1.0)
        if not math.isfinite(score):
            raise PodiumError(f"a prediction's score is {score}", record=record, key="score")
        found.setdefault(prediction["image_id"], []).append(prediction)
    return found


def _of(slot: Slot, found: Mapping[int, Sequence[Mapping]]) -> Sequence[Mapping]:
    of_image = found.get(slot.image["id"], ())
    if slot.category_id is None:
        return of_image
    return [prediction for prediction in of_image if prediction["category_id"] == slot.category_id]
