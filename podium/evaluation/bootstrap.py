"""How far a mean over images can be trusted."""

from collections.abc import Sequence

import numpy as np


def interval(
    values: Sequence[float], *, samples: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean of `values`, one score per image.

    Images are drawn with replacement `samples` times; the interval holds the middle `level` of the means (Efron 1979).
    The same arguments give the same interval. No values, or one that is not finite, raise ValueError.
    """
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1 or not scores.size or not np.isfinite(scores).all():
        raise ValueError(f"expected one or more finite scores, got an array of shape {scores.shape}")
    draw = np.random.default_rng(seed)
    # One sample at a time: all at once would need samples x images numbers.
    means = [scores[draw.integers(scores.size, size=scores.size)].mean() for _ in range(samples)]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
