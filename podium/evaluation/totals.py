"""Scores over images from statistics of each image, as functions of how often each image counts."""

from collections.abc import Callable, Sequence

import numpy as np

Total = Callable[[np.ndarray], float]
"""weights (n_images,), how often each image counts -> score; NaN where it is not defined."""


def mean(scores: Sequence[float]) -> Total:
    """Return the mean of the images' scores."""
    values = np.asarray(scores, dtype=np.float64)
    return lambda weights: _ratio(weights @ values, weights.sum())


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
