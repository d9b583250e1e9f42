"""Scores over images from statistics of each image, as functions of how often each image counts."""

from collections.abc import Callable, Hashable, Mapping, Sequence

import numpy as np

from podium.evaluation.pixels import Pixels, f_score
from podium.evaluation.ranked import Ranked

Total = Callable[[np.ndarray], float]
"""weights (n_images,), how often each image counts -> score; NaN where it is not defined."""


def defined(score: float) -> float | None:
    """Return None for NaN, for JSON has no such number."""
    return None if np.isnan(score) else score


def mean(scores: Sequence[float]) -> Total:
    """Return the mean of the images' scores; those that are NaN do not count."""
    values = np.asarray(scores, dtype=np.float64)
    counts = ~np.isnan(values)
    values = np.where(counts, values, 0.0)

    def total(weights: np.ndarray) -> float:
        images = weights @ counts
        return float(weights @ values / images) if images else float("nan")

    return total


def f_of_all(counts: Sequence[Pixels], beta: float) -> Total:
    """Return the F score of the pixels of all images together (see `podium.evaluation.pixels.f_score`)."""
    table = np.array(counts, dtype=np.float64).reshape(-1, 3)
    return lambda weights: f_score(weights @ table, beta) if weights.any() else float("nan")


def area_under_curve(statistics: Sequence[Mapping[Hashable, Ranked]]) -> Total:
    """Return the mean over categories of the area under precision over recall, PASCAL VOC's since 2010.

    Precision at a recall is the highest at this or a higher one. Predictions of equal score count together, so the
    order of images does not matter. Categories without an object to be found do not count.
    """

    def area(recall: np.ndarray, precision: np.ndarray) -> np.ndarray:
        return (np.diff(recall, axis=1, prepend=0.0) * precision).sum(axis=1)

    return _mean_over_categories(statistics, area, ties=True)


def coco_precision(statistics: Sequence[Mapping[Hashable, Ranked]]) -> Total:
    """Return COCO's AP: the mean precision at 101 recalls, over thresholds and categories with an object to be found.

    Precision at a recall is the highest at this or a higher one, 0 beyond the last. Of predictions of equal score those
    of the first image come first.
    """
    wanted = np.linspace(0.0, 1.0, 101)

    def area(recall: np.ndarray, precision: np.ndarray) -> np.ndarray:
        padded = np.concatenate([precision, np.zeros((len(precision), 1))], axis=1)
        places = [np.searchsorted(each, wanted) for each in recall]
        return np.take_along_axis(padded, np.array(places), axis=1).mean(axis=1)

    return _mean_over_categories(statistics, area, ties=False)


def _mean_over_categories(statistics: Sequence[Mapping[Hashable, Ranked]], area: Callable, ties: bool) -> Total:
    categories = sorted({category for each in statistics for category in each})
    curves = [_curve([each.get(category) for each in statistics], area, ties) for category in categories]

    def total(weights: np.ndarray) -> float:
        values = [value for curve in curves if not np.isnan(value := curve(weights))]
        return float(np.mean(values)) if values else float("nan")

    return total


def _curve(images: Sequence[Ranked | None], area: Callable, ties: bool) -> Total:
    """Return the average precision of one category; None stands for an image that it is not in."""
    there = [(place, each) for place, each in enumerate(images) if each is not None]
    truths = np.zeros(len(images))
    truths[[place for place, _ in there]] = [each.truths for _, each in there]
    scores = np.concatenate([each.scores for _, each in there])
    order = np.argsort(-scores, kind="stable")
    image = np.repeat([place for place, _ in there], [len(each.scores) for _, each in there])[order]
    hits = np.concatenate([each.hits for _, each in there], axis=1)[:, order]
    counted = np.concatenate([each.counted for _, each in there], axis=1)[:, order]

    # Recall only grows, and precision only grows, where there is a hit: the curve is computed there alone.
    places = ends = np.flatnonzero(hits.any(axis=0))
    if ties:
        last = np.flatnonzero(np.diff(scores[order], append=-np.inf))
        ends = np.unique(last[np.searchsorted(last, places)])
    before = np.searchsorted(places, ends, side="right") - 1
    hits = hits[:, places].astype(np.float64)
    counted = counted[:1] if (counted == counted[:1]).all() else counted

    def total(weights: np.ndarray) -> float:
        wanted = weights @ truths
        if not wanted:
            return float("nan")
        often = weights[image]
        found = np.cumsum(hits * often[places], axis=1)[:, before]
        tried = np.cumsum(counted * often, axis=1)[:, ends]
        precision = np.divide(found, tried, out=np.zeros_like(found), where=tried > 0)
        # The highest at this or a higher recall.
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        return float(area(found / wanted, precision).mean())

    return total
