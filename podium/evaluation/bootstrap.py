"""How far a score over images, and a difference of two, can be trusted."""

from collections.abc import Sequence

import numpy as np

from podium.evaluation.totals import Total


def interval(
    total: Total, images: int, *, samples: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a score over images.

    Images are drawn with replacement `samples` times; the interval holds the middle `level` of the scores (Efron 1979).
    The same arguments give the same interval. Samples for which the score is not defined (as average precision without
    a true object) are left out; without any other, and without images, both ends are NaN.

    Parameters
    ----------
    total
        How often each image counts (n_images,) -> score, as `Metric.of_images` returns it.
    images
        How many images there are.
    """
    if not images:
        return float("nan"), float("nan")
    (scores,) = resampled([total], images, samples=samples, seed=seed)
    scores = scores[~np.isnan(scores)]
    return _middle(scores, level) if scores.size else (float("nan"), float("nan"))


def resampled(totals: Sequence[Total], images: int, *, samples: int = 1000, seed: int = 0) -> np.ndarray:
    """Return the scores of several experiments on the same resamples of the images, float64 (experiments, samples).

    Images are drawn with replacement; equal arguments draw the same. NaN where a score is not defined.
    """
    draw = np.random.default_rng(seed)
    scores = np.empty((len(totals), samples))
    # One sample at a time: all at once would need samples x images numbers.
    for place in range(samples):
        weights = np.bincount(draw.integers(images, size=images), minlength=images).astype(np.float64)
        scores[:, place] = [total(weights) for total in totals]
    return scores


def difference(scores: np.ndarray, reference: np.ndarray, level: float = 0.95) -> dict[str, float | None]:
    """Return the paired bootstrap of a difference: `low` and `high` of the middle `level`, and `above`.

    `scores` and `reference` are float64 (seeds, samples) on the same resamples; seeds are averaged before they are
    compared. `above` is the share of the resamples in which the difference is above 0, equal ones counting half. All
    are None without a resample in which both are defined. (Efron 1979; paired by image as in Koehn 2004,
    https://aclanthology.org/W04-3250)
    """
    found = scores.mean(axis=0) - reference.mean(axis=0)
    found = found[np.isfinite(found)]
    if not len(found):
        return {"low": None, "high": None, "above": None}
    low, high = _middle(found, level)
    return {"low": low, "high": high, "above": float(np.mean((found > 0) + 0.5 * (found == 0)))}


def _middle(scores: np.ndarray, level: float) -> tuple[float, float]:
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
