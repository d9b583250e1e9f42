"""Metrics of class probabilities: accuracy, log loss as Kaggle computes it, AUC and average precision by class."""

import numpy as np
from sklearn import metrics

from podium.errors import PodiumError

KAGGLE_CLIP = 1e-15
"""Kaggle's log loss takes probabilities to be within this and 1 minus this."""


def accuracy(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the share of images whose most probable class is the true one; of equal ones it is the first.

    Parameters
    ----------
    truth
        Places of the true classes, int (n_images,), from 0.
    probabilities
        Float (n_images, n_classes), finite; rows need not add up to 1.

    Raises
    ------
    PodiumError
        Here and below: for shapes that do not fit, no images, numbers that are not finite, unknown classes.
    """
    truth, probabilities = _checked(truth, probabilities)
    return float(metrics.accuracy_score(truth, probabilities.argmax(axis=1)))


def log_loss(truth: np.ndarray, probabilities: np.ndarray, clip: float = KAGGLE_CLIP) -> float:
    """Return the mean of -log p of the true classes, the lower the better; arguments as in `accuracy`.

    As Kaggle does it: each row is divided by its sum, then numbers are clipped to `clip` … 1 - `clip`. A row of zeros
    gives each class the same probability.
    Source: https://www.kaggle.com/c/state-farm-distracted-driver-detection/overview/evaluation
    """
    truth, probabilities = _checked(truth, probabilities)
    if probabilities.min() < 0:
        raise PodiumError("a probability is negative", key="probabilities")
    sums = probabilities.sum(axis=1, keepdims=True)
    count = probabilities.shape[1]
    shares = np.divide(probabilities, sums, out=np.full_like(probabilities, 1 / count), where=sums > 0)
    return float(-np.log(np.clip(shares[np.arange(len(truth)), truth], clip, 1 - clip)).mean())


def mean_auc(truth: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Return the mean over classes of the area under the ROC curve of one class against all others.

    Parameters
    ----------
    truth
        As in `accuracy`; or bool (n_images, n_classes), where an image can have several classes or none.
    probabilities
        As in `accuracy`; only their order within a class matters.

    Returns
    -------
    float or None
        Classes that all images or none have do not count; None where no other is left.
    """
    return _mean_over_classes(metrics.roc_auc_score, truth, probabilities)


def mean_average_precision(truth: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Return the mean over classes of the average precision; arguments and exceptions as in `mean_auc`.

    AP is the sum of precision times gain of recall over falling scores, nothing interpolated (scikit-learn's).
    """
    return _mean_over_classes(metrics.average_precision_score, truth, probabilities)


def _mean_over_classes(score, truth: np.ndarray, probabilities: np.ndarray) -> float | None:
    truth = np.asarray(truth)
    if truth.ndim == 1:
        truth, probabilities = _checked(truth, probabilities)
        truth = truth[:, None] == np.arange(probabilities.shape[1])
    else:
        probabilities = _numbers(probabilities)
        if truth.shape != probabilities.shape or not np.isin(truth, (0, 1)).all():
            raise PodiumError(
                f"expected truth of 0 and 1 in the shape {probabilities.shape} of the probabilities, got {truth.shape}",
                key="truth",
            )
    columns = zip(truth.T, probabilities.T, strict=True)
    values = [score(true, given) for true, given in columns if 0 < true.sum() < len(true)]
    return float(np.mean(values)) if values else None


def _checked(truth: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    truth, probabilities = np.asarray(truth), _numbers(probabilities)
    if truth.shape != probabilities.shape[:1] or not np.issubdtype(truth.dtype, np.integer):
        raise PodiumError(
            f"expected {len(probabilities)} places of classes, got {truth.dtype} of shape {truth.shape}", key="truth"
        )
    count = probabilities.shape[1]
    if truth.min() < 0 or truth.max() >= count:
        raise PodiumError(f"classes {truth.min()} to {truth.max()}, probabilities of {count} classes", key="truth")
    return truth, probabilities


def _numbers(probabilities: np.ndarray) -> np.ndarray:
    probabilities = np.asarray(probabilities, dtype=np.float64)
    if probabilities.ndim != 2 or not probabilities.size:
        raise PodiumError(
            f"expected probabilities (images, classes), got the shape {probabilities.shape}", key="probabilities"
        )
    if not np.isfinite(probabilities).all():
        row = int(np.flatnonzero(~np.isfinite(probabilities).all(axis=1))[0])
        raise PodiumError("a probability is not finite", record=f"row {row} (from 0)", key="probabilities")
    return probabilities
