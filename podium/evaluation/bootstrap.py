"""How far a score over images can be trusted."""

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
    draw = np.random.default_rng(seed)
    # One sample at a time: all at once would need samples x images numbers.
    drawn = (draw.integers(images, size=images) for _ in range(samples))
    scores = np.array([total(np.bincount(each, minlength=images).astype(np.float64)) for each in drawn])
    scores = scores[~np.isnan(scores)]
    if not scores.size:
        return float("nan"), float("nan")
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
