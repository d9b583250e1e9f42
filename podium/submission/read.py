"""From a submission file back to predictions: the inverse of `podium.submission.write`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from podium.config.formats import Format
from podium.data.masks import box_of
from podium.errors import PodiumError
from podium.submission.content import content_of
from podium.submission.table import Table, shown


def read_predictions(
    path: str | Path, form: Format, images: Sequence[Mapping], categories: Sequence[Mapping] = ()
) -> dict[str, list[dict]]:
    """Read a submission or a solution file.

    Parameters
    ----------
    path
        The CSV file.
    form
        Its format.
    images
        The dataset's image records (`id`, `key`, `width`, `height`).
    categories
        The dataset's categories (`id`, `name`), where the format tells them.

    Returns
    -------
    dict
        By the image's key, in the file's order, COCO results: `image_id`, `category_id` (the first category's where the
        format tells none), `score` (1 where it tells none); `segmentation` (compressed RLE) with its tight `bbox`, or
        `bbox` alone, or, of formats for whole images, neither. An image without instances has an empty list. Of masks
        that a format joins (a row per image or category), the union is one result.

    Raises
    ------
    PodiumError
        For the first fault, with file and row.
    """
    table = Table(form, images, categories)
    content = content_of(table)
    found: dict[str, list[dict]] = {}
    for number, cells in table.read(path):
        place = {"file": path, "record": f"row {number}, {shown(cells.key)}"}
        slot = table.slots.get(cells.key)
        if slot is None:
            raise PodiumError("the dataset has no image of this id", key=form.id_column, **place)
        try:
            category_id = table.labels.any_id if slot.category_id is None else slot.category_id
            results = content.read(cells.values, slot.image, category_id)
        except PodiumError as error:
            raise PodiumError(error.problem, key=form.value_column, **place) from None
        found.setdefault(slot.image["key"], []).extend(
            {"image_id": slot.image["id"], **result, **_box(result)} for result in results
        )
    return found


def _box(result: Mapping) -> dict[str, list[float]]:
    return {"bbox": box_of(result["segmentation"])} if "segmentation" in result else {}
