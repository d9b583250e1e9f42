"""All numbers about one set of predictions: what `metrics.json` holds, and a score per image."""

from collections.abc import Mapping, Sequence

from podium.data.by_image import by_image
from podium.evaluation.bootstrap import interval
from podium.evaluation.coco import MAX_DETECTIONS, average_precision
from podium.evaluation.detail import detail
from podium.evaluation.inputs import truth_of
from podium.evaluation.metrics import METRICS, Metric, metric_for
from podium.evaluation.totals import defined

_MEASURED = ("P", "R", "AP50", "AP")


def evaluate(
    dataset: dict,
    image_ids: Sequence[int],
    predictions: Sequence[dict],
    *,
    masks: bool,
    metrics: Sequence[str],
    max_detections: int = MAX_DETECTIONS,
    score_threshold: float,
    bootstrap_samples: int = 1000,
    submitted: Mapping[str, Sequence[dict]] | None = None,
) -> tuple[dict, list[dict]]:
    """Score COCO results (boxes, and masks if `masks`) on some images of a dataset.

    `metrics` are names of `podium.evaluation.metrics.METRICS`; without masks those that need masks are left out.
    Metrics that are `ranked`, as COCO's average precision, use all predictions, COCO's `max_detections` of an image and
    category. The other metrics use those with a score of at least `score_threshold`. What `submitted` has for metrics
    that need "boxes" or "masks" takes the place of the predictions in `scores`; COCO's numbers and `detail` are of all
    predictions as they are.

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
        `scores`: for each of the metrics its `mean`, the score over all images (for most of them a mean over images),
        with the bootstrap interval `low`, `high` (95 %, `bootstrap_samples` resamples of the images).
        JSON can hold all of it: what is undefined, as without images, is None.
    per_image
        A row per image, in the order of `image_ids`: `image_id`, `key`, `n_true`, `n_pred` (at the threshold), and by
        name the score over this image alone, None where it is undefined.

    Raises
    ------
    PodiumError
        As `podium.evaluation.coco.average_precision` does.
    """
    coco, details, measured = {"box": None, "mask": None}, {"box": None, "mask": None}, {}
    for shape, iou_type in (("box", "bbox"), *([("mask", "segm")] if masks else [])):
        coco[shape], categories = average_precision(dataset, image_ids, predictions, iou_type, max_detections)
        details[shape] = detail(dataset, image_ids, predictions, iou_type)
        details[shape]["precision"] = [_rounded(row["precision"]) for row in categories]
        at_best = details[shape].pop("per_category")
        measured[shape] = [best | row for best, row in zip(at_best, categories, strict=True)]

    chosen = [
        metric_for(name, dataset["categories"], max_detections)
        for name in metrics
        if masks or METRICS[name].needs == "boxes"
    ]
    judged = {needs: (submitted or {}).get(needs, predictions) for needs in ("boxes", "masks")}
    scores, per_image = scores_of(dataset, image_ids, judged, chosen, score_threshold, bootstrap_samples)
    numbers = {
        "images": len(per_image),
        "instances": sum(row["n_true"] for row in per_image),
        "score_threshold": score_threshold,
        "max_detections": max_detections,
        **coco,
        "per_category": [
            {key: row[key] for key in ("category_id", "name", "images", "instances")}
            | {f"{shape}_{key}": rows[place][key] for shape, rows in measured.items() for key in _MEASURED}
            for place, row in enumerate(measured["box"])
        ],
        "detail": details,
        "scores": scores,
    }
    return numbers, per_image


def scores_of(
    dataset: dict,
    image_ids: Sequence[int],
    predictions: Mapping[str, Sequence[dict]],
    metrics: Sequence[Metric],
    threshold: float,
    bootstrap_samples: int = 1000,
) -> tuple[dict[str, dict], list[dict]]:
    """Return `scores` and the rows per image as `evaluate` does; predictions by what a metric needs."""
    rows, statistics = _per_image(dataset, image_ids, predictions, metrics, threshold)
    return {metric.name: _score(metric, statistics[metric.name], bootstrap_samples) for metric in metrics}, rows


def _per_image(
    dataset: dict,
    image_ids: Sequence[int],
    predictions: Mapping[str, Sequence[dict]],
    metrics: Sequence[Metric],
    threshold: float,
) -> tuple[list[dict], dict[str, list]]:
    """Return a row per image, and by metric the statistics of each image."""
    images, annotations = truth_of(dataset, image_ids)
    true, predicted = by_image(annotations), {needs: by_image(found) for needs, found in predictions.items()}
    shown = "masks" if any(metric.needs == "masks" for metric in metrics) else "boxes"
    rows, statistics = [], {metric.name: [] for metric in metrics}
    for image in images:
        truth = true[image["id"]]
        guess = {needs: found[image["id"]] for needs, found in predicted.items()}
        n_true = sum(not each["iscrowd"] for each in truth)
        n_pred = sum(each["score"] >= threshold for each in guess[shown])
        row = {"image_id": image["id"], "key": image["key"], "n_true": n_true, "n_pred": n_pred}
        for metric in metrics:
            seen = metric.counting(guess[metric.needs], threshold)
            found = metric.image(truth, seen, image["height"], image["width"])
            statistics[metric.name].append(found)
            row[metric.name] = defined(metric.total([found]))
        rows.append(row)
    return rows, statistics


def _score(metric: Metric, statistics: list, samples: int) -> dict[str, float | None]:
    low, high = interval(metric.of_images(statistics), len(statistics), samples=samples)
    return {"mean": defined(metric.total(statistics)), "low": defined(low), "high": defined(high)}


def _rounded(curve: list[float] | None) -> list[float] | None:
    return None if curve is None else [round(value, 4) for value in curve]
