"""The score of a submission file where the solution is known."""

from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path

from podium.config.formats import Format
from podium.data.masks import box_of
from podium.errors import PodiumError
from podium.evaluation.bootstrap import interval
from podium.evaluation.metrics import METRICS
from podium.evaluation.totals import defined
from podium.submission.rle import RLE, to_coco
from podium.submission.table import read_pairs


def score_submission(
    path: str | Path,
    solution: str | Path,
    form: Format,
    images: Sequence[Mapping],
    metric: str,
    bootstrap_samples: int = 1000,
) -> dict[str, object]:
    """Score a submission file against a solution file of the same format.

    Parameters
    ----------
    path, solution
        The two CSV files. The solution's ids are the images that count.
    form
        The format of both.
    images
        The dataset's image records (`key`, `width`, `height`).
    metric
        A key of `podium.evaluation.metrics.METRICS`, where each is defined with its conventions.
    bootstrap_samples
        Resamples of the images for the interval.

    Returns
    -------
    dict
        `metric`, `score` (0 … 1), `images` (the score of each alone by id, in the solution's order; None where it is
        not defined), `not_scored` (ids that the submission has and the solution has not), `low`, `high` (the score's
        95 % bootstrap interval).

    Raises
    ------
    PodiumError
        For an unknown metric, an id of the solution that the submission lacks, and malformed files; a file that
        `check_submission` finds ok is not malformed.
    """
    if metric not in METRICS:
        raise PodiumError(
            f"no metric is named {metric!r}; known metrics: {', '.join(sorted(METRICS))}", key="submission.metric"
        )
    truth, predicted = read_masks(solution, form, images), read_masks(path, form, images)
    if not truth:
        raise PodiumError("the solution has no rows", file=solution)
    missing = [key for key in truth if key not in predicted]
    if missing:
        raise PodiumError(f"{len(missing)} ids of the solution are missing, first {missing[0]!r}", file=path)
    own, sizes = METRICS[metric], {image["key"]: (image["height"], image["width"]) for image in images}
    statistics = {
        key: own.image(_objects(masks), _objects(predicted[key]), *sizes[key]) for key, masks in truth.items()
    }
    counted = list(statistics.values())
    total = own.total(counted)
    if isnan(total):
        raise PodiumError(f"{metric} is not defined where there is no object", file=solution, key="submission.metric")
    low, high = interval(own.of_images(counted), len(counted), samples=bootstrap_samples)
    return {
        "metric": metric,
        "score": total,
        "images": {key: defined(own.total([each])) for key, each in statistics.items()},
        "not_scored": [key for key in predicted if key not in truth],
        "low": low,
        "high": high,
    }


def _objects(masks: list[RLE]) -> list[dict]:
    """Return the masks as objects. The file tells no categories and no confidences: they are all of one."""
    return [{"segmentation": mask, "bbox": box_of(mask), "category_id": 0, "score": 1.0} for mask in masks]


def read_masks(path: str | Path, form: Format, images: Sequence[Mapping]) -> dict[str, list[RLE]]:
    """Read a submission or solution file: by id, in the file's order, the masks as COCO's compressed RLE.

    An image whose only row is the empty token has an empty list. The first fault is a PodiumError with file and row.
    """
    sizes = {image["key"]: (image["height"], image["width"]) for image in images}
    masks: dict[str, list[RLE]] = {}
    for number, key, value in read_pairs(path, form):
        place = {"file": path, "record": f"row {number}, {key}"}
        if key not in sizes:
            raise PodiumError("the dataset has no image of this id", key=form.id_column, **place)
        masks.setdefault(key, [])
        if value != form.empty:
            try:
                masks[key].append(to_coco(value, *sizes[key], form.code))
            except PodiumError as error:
                raise PodiumError(error.problem, key=form.value_column, **place) from None
    return masks
