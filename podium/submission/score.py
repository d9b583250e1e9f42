"""The score of a submission file where the solution is known."""

from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path

from podium.config.formats import Format
from podium.errors import PodiumError
from podium.evaluation.bootstrap import interval
from podium.evaluation.inputs import MAX_DETECTIONS
from podium.evaluation.metrics import METRICS, metric_for
from podium.evaluation.totals import defined
from podium.submission.labels import Labels
from podium.submission.read import read_predictions


def score_submission(
    path: str | Path,
    solution: str | Path,
    form: Format,
    images: Sequence[Mapping],
    metric: str,
    bootstrap_samples: int = 1000,
    categories: Sequence[Mapping] = (),
    max_detections: int = MAX_DETECTIONS,
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
    categories
        The dataset's categories (`id`, `name`), where the format tells them. Where it tells none there is one.
    max_detections
        How many predictions of an image and category count in COCO's AP.

    Returns
    -------
    dict
        `metric`, `score` (0 … 1), `images` (the score of each alone by id, in the solution's order; None where it is
        not defined), `not_scored` (ids that the submission has and the solution has not), `low`, `high` (the score's
        95 % bootstrap interval).

    Raises
    ------
    PodiumError
        For an unknown metric, one that needs masks where the format has none, an id of the solution that the submission
        lacks, and malformed files; a file that `check_submission` finds ok is not malformed.
    """
    if metric not in METRICS:
        raise PodiumError(
            f"no metric is named {metric!r}; known metrics: {', '.join(sorted(METRICS))}", key="submission.metric"
        )
    told = categories if form.tells_categories else [{"id": Labels(form, categories).any_id}]
    own = metric_for(metric, told, max_detections)
    if form.needs not in (own.needs, "masks"):
        raise PodiumError(
            f"the metric {metric} needs {own.needs}, the format has {form.needs}",
            key="submission.metric",
            mend="take the metric of the competition whose format this is, or give no solution",
        )
    truth, predicted = (read_predictions(file, form, images, categories) for file in (solution, path))
    if not truth:
        raise PodiumError("the solution has no rows", file=solution)
    missing = [key for key in truth if key not in predicted]
    if missing:
        raise PodiumError(f"{len(missing)} ids of the solution are missing, first {missing[0]!r}", file=path)
    sizes = {image["key"]: (image["height"], image["width"]) for image in images}
    statistics = {key: own.image(true, predicted[key], *sizes[key]) for key, true in truth.items()}
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
