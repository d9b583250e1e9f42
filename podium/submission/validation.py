"""The score on validation of a submitted file: that of validation predictions, treated as the file's are."""

from collections.abc import Mapping, Sequence

from podium.evaluation.evaluate import scores_of
from podium.evaluation.metrics import metric_for
from podium.inference.submitted import Submitted


def validation_score(
    metric: str,
    dataset: dict,
    image_ids: Sequence[int],
    submitted: Submitted,
    *,
    max_detections: int,
    bootstrap_samples: int = 1000,
) -> dict[str, object]:
    """Return `metric`, `how` (untuned), `score`, and of it the 95 % bootstrap interval `low`, `high`.

    `dataset` is COCO JSON. Only what a file would have counts, also where the metric is one of ranked predictions. The
    score is None where it is not defined, as that of masks where only boxes were found.
    """
    found = submitted.counting
    score: Mapping[str, float | None] = {"mean": None, "low": None, "high": None}
    judge = metric_for(metric, dataset["categories"], max_detections)
    if judge.needs == "boxes" or all("segmentation" in each for each in found):
        predictions = {"boxes": found, "masks": found}
        threshold = submitted.threshold
        scores, _ = scores_of(dataset, image_ids, predictions, [judge], threshold, bootstrap_samples)
        score = scores[metric]
    return {"metric": metric, "how": "untuned", "score": score["mean"], "low": score["low"], "high": score["high"]}


def of_tuning(tuning: Mapping) -> dict[str, object]:
    """Return the same of what the rule `tune` found: the score of the choice on the images that it was chosen on."""
    return {"metric": tuning["metric"], "how": "tuned in sample", **tuning["tuned_in_sample"]}
