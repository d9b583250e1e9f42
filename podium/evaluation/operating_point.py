"""Precision, recall and F1 of predictions at every confidence, and the confidence at which they are best."""

from collections.abc import Sequence

import numpy as np

from podium.evaluation.matching import Pairs

CONFIDENCES = np.arange(1001) / 1000
"""Where a best confidence is looked for."""


def precision_recall_f1(pairs: Sequence[Pairs], categories: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return three arrays, float64 (categories, `CONFIDENCES`).

    Precision is right / predicted (NaN without predictions), recall right / true (NaN without true objects), F1
    2 right / (predicted + true) (NaN without true objects). Predictions in crowds do not count.
    """
    shape = (len(categories), len(CONFIDENCES))
    precision, recall, f1 = (np.full(shape, np.nan) for _ in range(3))
    for row, category in enumerate(categories):
        counted = [(each, (each.category == category) & (each.owner != -2)) for each in pairs]
        predicted = _at_least([each.score[own] for each, own in counted])
        right = _at_least([each.score[own & (each.owner >= 0)] for each, own in counted])
        true = sum(int((each.true_category == category).sum()) for each in pairs)
        np.divide(right, predicted, out=precision[row], where=predicted > 0)
        if true:
            recall[row], f1[row] = right / true, 2 * right / (predicted + true)
    return precision, recall, f1


def best_confidence(f1: np.ndarray) -> int | None:
    """Return the place in `CONFIDENCES` of the highest mean F1 over the categories that have one; the lowest of equals.

    `f1` is float (categories, confidences), with rows of NaN. None where there are no others.
    """
    defined = f1[~np.isnan(f1).any(axis=1)]
    return int(defined.mean(axis=0).argmax()) if len(defined) else None


def _at_least(scores: Sequence[np.ndarray]) -> np.ndarray:
    """Count the scores that are not under each of `CONFIDENCES`."""
    ordered = np.sort(np.concatenate([np.zeros(0), *scores]))
    return len(ordered) - np.searchsorted(ordered, CONFIDENCES, side="left")
