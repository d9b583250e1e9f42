"""The score of one image's boxes where the more confident choose their object first."""

from collections.abc import Mapping, Sequence

import numpy as np

WHEAT_THRESHOLDS = np.arange(50, 80, 5) / 100
"""0.50, 0.55 … 0.75."""

RSNA_THRESHOLDS = np.arange(40, 80, 5) / 100
"""0.40, 0.45 … 0.75."""


def by_score(predicted: Sequence[Mapping]) -> np.ndarray:
    """Return the places of the predictions, the highest `score` first; equal ones in the given order."""
    return np.argsort([-each["score"] for each in predicted], kind="stable")


def greedy_precision(iou: np.ndarray, thresholds: np.ndarray) -> float:
    """Return the mean of TP / (TP + FP + FN) over `thresholds`: one image in Global Wheat Detection and RSNA Pneumonia.

    `iou` is (n_true, n_pred), the most confident prediction first: one after the other takes, of the objects left, that
    of the highest IoU, and is a hit at threshold t if this is greater than t. An image without objects scores 0 with
    any prediction, and does not count (NaN) without.
    Sources: https://www.kaggle.com/c/global-wheat-detection/overview/evaluation,
    https://www.kaggle.com/c/rsna-pneumonia-detection-challenge/overview/evaluation
    """
    true, predicted = iou.shape
    if true == predicted == 0:
        return float("nan")
    if not true or not predicted:
        return 0.0
    free = np.ones((len(thresholds), true), dtype=bool)
    hits = np.zeros(len(thresholds))
    for column in iou.T:
        left = np.where(free, column, 0.0)
        best = left.argmax(axis=1)
        hit = left.max(axis=1) > thresholds
        free[hit, best[hit]] = False
        hits += hit
    return float(np.mean(hits / (true + predicted - hits)))
