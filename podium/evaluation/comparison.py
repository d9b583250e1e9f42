"""Experiments compared on the same images: by which number."""

from collections.abc import Mapping, Sequence

import numpy as np

from podium.config.evaluation import Evaluation
from podium.config.judging import CROPS
from podium.config.tuning import Choice
from podium.data.by_image import by_image
from podium.errors import PodiumError
from podium.evaluation.metrics import metric_for
from podium.evaluation.totals import Total
from podium.files import read_json
from podium.inference.submitted import as_submitted

_AS_FOUND = ("box_ap", "mask_ap")
"""COCO's numbers are of all predictions as they are."""


def judged(
    metric: str,
    dataset: dict,
    image_ids: Sequence[int],
    predictions: Sequence[dict],
    metrics: Mapping,
    evaluation: Evaluation,
    *,
    choice: Choice | None = None,
    shares_out: bool = False,
) -> Total:
    """Return an experiment's score on some images as a function of how often each of them counts.

    Parameters
    ----------
    metric
        A key of `podium.evaluation.metrics.METRICS`, judged on the predictions; those under `score_threshold` do not
        count where confidences do not matter to it; or mean_iou or mean_dice, over the objects of a segmenter.
    dataset
        COCO JSON.
    image_ids
        The images, in the order of the weights.
    predictions
        COCO results on them.
    metrics
        The content of the experiment's metrics file.
    evaluation
        `score_threshold`, and `max_detections`: how many of an image and category count in COCO's AP.
    choice, shares_out
        Predictions are judged as they are submitted (`podium.inference.submitted`): by thresholds chosen on validation,
        a pixel of several masks left to the highest score or not. COCO's AP is of all predictions as they are.

    Raises
    ------
    PodiumError
        Where the predictions have no masks and the metric needs them, or the metrics are of other images.
    """
    if metric in CROPS:
        return _over_objects(metric, image_ids, metrics)
    judge = metric_for(metric, dataset["categories"], evaluation.max_detections)
    if judge.needs == "masks" and predictions and "segmentation" not in predictions[0]:
        raise PodiumError(f"{metric} needs masks, and the predictions have none", mend="choose a metric of boxes")
    sizes = {image["id"]: (image["height"], image["width"]) for image in dataset["images"]}
    if metric not in _AS_FOUND:
        shared = shares_out and judge.needs == "masks"
        submitted = as_submitted(predictions, sizes, choice, evaluation.score_threshold, shares_out=shared)
        predictions = judge.counting(submitted.results, submitted.threshold)
    true, found = by_image(dataset["annotations"]), by_image(predictions)
    return judge.of_images([judge.image(true[each], found[each], *sizes[each]) for each in image_ids])


def judged_files(
    metric: str,
    dataset: dict,
    files: Mapping[str, tuple[str, str]],
    evaluation: Evaluation,
    drop_categories: Sequence[str] = (),
    *,
    shares_out: bool = False,
) -> tuple[dict[str, Total], dict[str, dict]]:
    """Return, by experiment, the scores on a dataset's images (see `judged`) and the metrics.

    `files` are each experiment's metrics and predictions, of which one at a time is in memory. Predictions of the
    categories `drop_categories` do not count, nor do these categories; of the truth they are left out beforehand.
    """
    dropped = {each["id"] for each in dataset["categories"] if each["name"] in set(drop_categories)}
    dataset = dataset | {"categories": [each for each in dataset["categories"] if each["id"] not in dropped]}
    image_ids = [image["id"] for image in dataset["images"]]
    totals, metrics = {}, {}
    for name, (numbers, predictions) in files.items():
        metrics[name] = read_json(numbers)
        found = [each for each in read_json(predictions) if each["category_id"] not in dropped]
        totals[name] = judged(metric, dataset, image_ids, found, metrics[name], evaluation, shares_out=shares_out)
    return totals, metrics


def plain_numbers(metrics: Mapping) -> dict[str, float | None]:
    """Return the numbers of a metrics file under plain names: box_AP … mask_ARl, competitions' scores, mean_iou."""
    shapes = {
        f"{shape}_{name}": value for shape in ("box", "mask") for name, value in (metrics.get(shape) or {}).items()
    }
    scores = {name: score["mean"] for name, score in (metrics.get("scores") or {}).items()}
    return shapes | scores | {name: metrics[name] for name in CROPS if name in metrics}


def _over_objects(metric: str, image_ids: Sequence[int], metrics: Mapping) -> Total:
    rows = {row["image_id"]: row for row in metrics["per_image"]}
    if rows.keys() != set(image_ids):
        raise PodiumError("the metrics are of other images", key="per_image", mend="judge the experiment anew")
    objects = np.array([rows[each]["crops"] for each in image_ids], dtype=np.float64)
    sums = np.array([rows[each]["crops"] * (rows[each][metric] or 0.0) for each in image_ids])
    return lambda weights: float(weights @ sums / (weights @ objects)) if weights @ objects else float("nan")
