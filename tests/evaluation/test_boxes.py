import numpy as np
import pytest

from podium.evaluation.boxes import RSNA_THRESHOLDS, WHEAT_THRESHOLDS, by_score, greedy_precision


def test_thresholds_are_decimals():
    assert WHEAT_THRESHOLDS.tolist() == [0.5, 0.55, 0.6, 0.65, 0.7, 0.75]
    assert RSNA_THRESHOLDS.tolist() == [0.4, 0.45, *WHEAT_THRESHOLDS.tolist()]


def test_equal_scores_keep_their_order():
    assert by_score([{"score": score} for score in (0.2, 0.9, 0.2, 1.0)]).tolist() == [3, 1, 0, 2]
    assert by_score([]).tolist() == []


def test_greedy_precision_by_hand():
    # The first takes object 0 at all six thresholds (0.9). The second is better than 0.70 with object 0, which is
    # gone, and has 0.58 with object 1: a hit at 0.50 and 0.55. The third has 0.6 with object 1, which is gone at 0.50
    # and 0.55; at 0.60 it is not greater. (2 * 2/3 + 4 * 1/4) / 6, for of 2 + 3 things 2 or 1 pairs are made.
    iou = np.array([[0.9, 0.72, 0.1], [0.0, 0.58, 0.6]])
    assert greedy_precision(iou, WHEAT_THRESHOLDS) == pytest.approx((2 * 2 / 3 + 4 * 1 / 4) / 6)
