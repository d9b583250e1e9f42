import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from podium.errors import PodiumError
from podium.evaluation.classification import accuracy, log_loss, mean_auc, mean_average_precision

TRUTH = np.array([0, 1, 2, 1])
GIVEN = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.2, 0.5, 0.3], [0.5, 0.25, 0.25]])


def softmax(numbers: np.ndarray) -> np.ndarray:
    return np.exp(numbers) / np.exp(numbers).sum(axis=1, keepdims=True)


@st.composite
def classified(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """All of three classes, each in one image at least; many probabilities are equal."""
    truth = np.array([0, 1, 2, *draw(st.lists(st.integers(0, 2), max_size=8))])
    random = np.random.default_rng(draw(st.integers(0, 999)))
    return truth, softmax(random.integers(0, 3, (len(truth), 3)).astype(float))


def test_by_hand():
    assert accuracy(TRUTH, GIVEN) == 2 / 4
    assert log_loss(TRUTH, GIVEN) == pytest.approx(-np.log([0.7, 0.6, 0.3, 0.25]).mean())
    # Class 0: image 0 is first of all: 1. Class 1: 0.6 and 0.25 against 0.2 and 0.5: 3 of 4 pairs in order.
    # Class 2: 0.3 against 0.1, 0.3, 0.25: in order, equal, in order: 2.5 of 3.
    assert mean_auc(TRUTH, GIVEN) == pytest.approx((1 + 3 / 4 + 2.5 / 3) / 3)
    # Class 1: precision 1 at recall 1/2, 2/3 at 1. Class 2: the first two are equal, precision 1/2 at recall 1.
    assert mean_average_precision(TRUTH, GIVEN) == pytest.approx((1 + (1 + 2 / 3) / 2 + 1 / 2) / 3)


@settings(max_examples=40, deadline=None)
@given(classified())
def test_equal_to_scikit_learns(images):
    truth, given = images
    assert accuracy(truth, given) == np.mean(given.argmax(axis=1) == truth)
    assert log_loss(truth, given) == pytest.approx(metrics.log_loss(truth, given), abs=1e-12)
    assert mean_auc(truth, given) == pytest.approx(metrics.roc_auc_score(truth, given, multi_class="ovr"), abs=1e-12)
    assert mean_average_precision(truth, given) == pytest.approx(metrics.average_precision_score(truth, given))


@settings(max_examples=40, deadline=None)
@given(classified(), st.integers(0, 99))
def test_the_order_of_images_does_not_matter(images, seed):
    truth, given = images
    order = np.random.default_rng(seed).permutation(len(truth))
    for score in (accuracy, log_loss, mean_auc, mean_average_precision):
        assert score(truth[order], given[order]) == pytest.approx(score(truth, given), abs=1e-12)


def test_certain_and_right_or_wrong():
    right = np.eye(3)[TRUTH]
    assert [score(TRUTH, right) for score in (accuracy, mean_auc, mean_average_precision)] == [1, 1, 1]
    # Kaggle's limits: -log(1 - 1e-15) and -log(1e-15) = 34.54.
    assert log_loss(TRUTH, right) == pytest.approx(0, abs=2e-15)
    assert log_loss(TRUTH, np.roll(right, 1, axis=1)) == pytest.approx(15 * np.log(10))
    assert log_loss(TRUTH, np.roll(right, 1, axis=1), clip=1e-3) == pytest.approx(3 * np.log(10))


def test_rows_of_any_sum():
    assert log_loss(TRUTH, GIVEN * [[2], [0.1], [30], [1]]) == pytest.approx(log_loss(TRUTH, GIVEN))
    assert log_loss([1], [[0, 0, 0, 0]]) == pytest.approx(np.log(4))


def test_several_classes_in_an_image():
    truth = np.array([[1, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 0]])
    expected = [metrics.roc_auc_score(truth[:, place], GIVEN[:, place]) for place in (0, 1)]
    assert mean_auc(truth, GIVEN) == pytest.approx(np.mean(expected))  # no image has the third class
    assert mean_auc(truth.astype(bool), GIVEN) == mean_auc(truth, GIVEN)


def test_classes_that_cannot_be_told_apart_do_not_count():
    assert mean_auc([0, 0], [[0.1, 0.9], [0.2, 0.8]]) is None
    assert mean_average_precision([0, 0], [[0.1, 0.9], [0.2, 0.8]]) is None


@pytest.mark.parametrize(
    ("truth", "given", "words"),
    [
        ([0, 3], [[0.1, 0.9], [0.2, 0.8]], "classes 0 to 3, probabilities of 2 classes"),
        ([0, -1], [[0.1, 0.9], [0.2, 0.8]], "classes -1 to 0"),
        ([0], [[0.1, 0.9], [0.2, 0.8]], "expected 2 places of classes"),
        ([0.0, 1.0], [[0.1, 0.9], [0.2, 0.8]], "got float64"),
        ([0, 1], [[0.1, 0.9], [np.nan, 0.8]], "row 1 .*not finite"),
        ([], np.zeros((0, 3)), r"got the shape \(0, 3\)"),
        ([0, 1], [0.1, 0.9], r"got the shape \(2,\)"),
    ],
)
@pytest.mark.parametrize("score", [accuracy, log_loss, mean_auc, mean_average_precision])
def test_refused(score, truth, given, words):
    with pytest.raises(PodiumError, match=words):
        score(truth, given)


def test_refused_by_one():
    with pytest.raises(PodiumError, match="negative"):
        log_loss([0, 1], [[0.1, 0.9], [-0.2, 0.8]])
    with pytest.raises(PodiumError, match="expected truth of 0 and 1"):
        mean_auc([[0, 2], [1, 0]], [[0.1, 0.9], [0.2, 0.8]])
