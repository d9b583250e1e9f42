"""All numbers about one set of predictions: what `metrics.json` holds, and a score per image."""

import math
from collections import defaultdict
from collections.abc import Sequence

from podium.evaluation.bootstrap import interval
from podium.evaluation.coco import MAX_DETECTIONS, average_precision
from podium.evaluation.detail import detail
from podium.evaluation.inputs import truth_of
from podium.evaluation.metrics import METRICS, Metric

_MEASURED = ("P", "R", "AP50", "AP")


def evaluate(
    dataset: dict,
    image_ids: Sequence[int],
    predictions: Sequence[dict],
    *,
    masks: bool,
    max_detections: int = MAX_DETECTIONS,
    score_threshold: float,
    bootstrap_samples: int = 1000,
) -> tuple[dict, list[dict]]:
    """Score COCO results (boxes, and masks if `masks`) on some images of a dataset.

    Average precision uses all predictions. The scores of `podium.evaluation.metrics` use the masks of those
    with a score of at least `score_threshold`; they do not tell categories apart and leave crowds out of the truth.

    Returns
    -------
    metrics
        `images`, `instances` (true, crowds not counted), `score_threshold`, `max_detections`;
        `box` and `mask`: COCO's twelve numbers, see `podium.evaluation.coco.average_precision`; `mask` is None without
        masks;
        `per_category`: rows of `category_id`, `name`, `images`, `instances`, for boxes `box_P`, `box_R` (at the
        confidence of the best mean F1, IoU 0.5), `box_AP50`, `box_AP`, and with masks the same of `mask_`;
        `detail`: for box and mask what `podium.evaluation.detail.detail` returns, and `precision`: by category the
        precision at IoU 0.5 and recalls 0, 0.01 … 1;
        `scores`: for each of dsb2018, airbus_f2 and dice its `mean` over images with the bootstrap interval `low`,
        `high` (95 %, `bootstrap_samples` resamples of the images), None without images; empty without masks.
        JSON can hold all of it: what is undefined is None.
    per_image
        A row per image, in the order of `image_ids`: `image_id`, `key`, `n_true`, `n_pred` (at the threshold),
        `dsb2018`, `airbus_f2`, `dice` (with masks only).

    Raises
    ------
    PodiumError
        As `podium.evaluation.coco.average_precision` does.
    """
    numbers, details, measured = {"box": None, "mask": None}, {"box": None, "mask": None}, {}
    for shape, iou_type in (("box", "bbox"), *([("mask", "segm")] if masks else [])):
        numbers[shape], categories = average_precision(dataset, image_ids, predictions, iou_type, max_detections)
        details[shape] = detail(dataset, image_ids, predictions, iou_type)
        details[shape]["precision"] = [_rounded(row["precision"]) for row in categories]
        at_best = details[shape].pop("per_category")
        measured[shape] = [best | row for best, row in zip(at_best, categories, strict=True)]

    chosen = ("dsb2018", "airbus_f2", "dice") if masks else ()
    per_image, statistics = _per_image(dataset, image_ids, predictions, chosen, score_threshold)
    scores = {name: _score(METRICS[name], found, bootstrap_samples) for name, found in statistics.items()}
    metrics = {
        "images": len(per_image),
        "instances": sum(row["n_true"] for row in per_image),
        "score_threshold": score_threshold,
        "max_detections": max_detections,
        **numbers,
        "per_category": [
            {key: row[key] for key in ("category_id", "name", "images", "instances")}
            | {f"{shape}_{key}": rows[place][key] for shape, rows in measured.items() for key in _MEASURED}
            for place, row in enumerate(measured["box"])
        ],
        "detail": details,
        "scores": scores,
    }
    return metrics, per_image


def _per_image(
    dataset: dict, image_ids: Sequence[int], predictions: Sequence[dict], names: Sequence[str], score_threshold: float
) -> tuple[list[dict], dict[str, list]]:
    """Return a row per image, and by metric the statistics of each image."""
    images, annotations = truth_of(dataset, image_ids)
    true, predicted = defaultdict(list), defaultdict(list)
    for each in annotations:
        if not each["iscrowd"]:
            true[each["image_id"]].append(each)
    for each in predictions:
        if each["score"] >= score_threshold:
            predicted[each["image_id"]].append(each)
    rows, statistics = [], {name: [] for name in names}
    for image in images:
        truth, guess = true[image["id"]], predicted[image["id"]]
        row = {"image_id": image["id"], "key": image["key"], "n_true": len(truth), "n_pred": len(guess)}
        for name, found in statistics.items():
            found.append(METRICS[name].image(truth, guess, image["height"], image["width"]))
            row[name] = _defined(METRICS[name].total(found[-1:]))
        rows.append(row)
    return rows, statistics


def _score(metric: Metric, statistics: list, samples: int) -> dict[str, float | None]:
    low, high = interval(metric.of_images(statistics), len(statistics), samples=samples)
    return {"mean": _defined(metric.total(statistics)), "low": _defined(low), "high": _defined(high)}


def _rounded(curve: list[float] | None) -> list[float] | None:
    return None if curve is None else [round(value, 4) for value in curve]


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
