"""What lies behind average precision: curves, what was taken for what, kinds of errors, the worst mistakes."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from podium.evaluation.matching import KINDS, Pairs, confusion, kinds, match
from podium.evaluation.operating_point import CONFIDENCES, best_confidence, precision_recall_f1

MOST_MISTAKES = 50
_EVERY = 10
"""Of `CONFIDENCES`, curves keep every tenth."""


def detail(
    dataset: dict, image_ids: Sequence[int], predictions: Sequence[dict], iou_type: Literal["bbox", "segm"]
) -> dict:
    """Look at predictions that `podium.evaluation.coco.average_precision` takes, at IoU 0.5.

    Returns
    -------
    dict
        `confidence`: where the mean F1 over categories is best, None without true objects; all that follows is of
        predictions from it on, of all of them without true objects.
        `P`, `R`, `F1`: means over the categories with true objects; `per_category`: the same for each of the dataset's,
        in its order. None where undefined; precision without any prediction is undefined for a category, and counts
        as 0 in the mean.
        `curves`: `confidence` (101 from 0 to 1) and `F1` at each, the mean and by category.
        `confusion`: counts, rows true, columns predicted, in the order of the categories, background last.
        `errors`: how many predictions are of each of `podium.evaluation.matching.KINDS`, and true objects `missed`.
        `mistakes`: up to `MOST_MISTAKES` of the predictions that are not right, highest scores first, each with its
        `kind`.
    """
    categories = [category["id"] for category in dataset["categories"]]
    pairs = match(dataset, image_ids, predictions, iou_type)
    precision, recall, f1 = precision_recall_f1(pairs, categories)
    place = best_confidence(f1)
    confidence = None if place is None else float(CONFIDENCES[place])
    at = place or 0
    judged = [kinds(each, CONFIDENCES[at]) for each in pairs]
    there = ~np.isnan(f1[:, at])
    return {
        "confidence": confidence,
        **{
            name: _defined(np.nan_to_num(values[there, at]).mean()) if there.any() else None
            for name, values in (("P", precision), ("R", recall), ("F1", f1))
        },
        "per_category": [
            {name: _defined(values[row, at]) for name, values in (("P", precision), ("R", recall), ("F1", f1))}
            for row in range(len(categories))
        ],
        "curves": _curves(f1[:, ::_EVERY], there),
        "confusion": confusion(pairs, categories, CONFIDENCES[at]).tolist(),
        "errors": {
            **{name: sum(int((kind == number).sum()) for kind, _ in judged) for number, name in enumerate(KINDS)},
            "missed": sum(int(missed.sum()) for _, missed in judged),
        },
        "mistakes": _mistakes(predictions, pairs, judged),
    }


def _curves(f1: np.ndarray, there: np.ndarray) -> dict:
    rounded = np.round(f1, 4)
    return {
        "confidence": CONFIDENCES[::_EVERY].tolist(),
        "mean": np.round(f1[there].mean(axis=0), 4).tolist() if there.any() else None,
        "F1": [row.tolist() if known else None for row, known in zip(rounded, there, strict=True)],
    }


def _mistakes(
    predictions: Sequence[dict], pairs: Sequence[Pairs], judged: Sequence[tuple[np.ndarray, np.ndarray]]
) -> list[dict]:
    wrong = [
        (-float(each.score[column]), int(each.places[column]), KINDS[kind[column]])
        for each, (kind, _) in zip(pairs, judged, strict=True)
        for column in np.flatnonzero(kind > KINDS.index("right"))
    ]
    return [predictions[place] | {"kind": kind} for _, place, kind in sorted(wrong)[:MOST_MISTAKES]]


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
