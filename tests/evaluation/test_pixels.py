import numpy as np
import pytest

from podium.errors import PodiumError
from podium.evaluation.pixels import Pixels, f_score, iou, mean_hits, pixels

from .competition import rle, strip


def dice(truth: list[dict], predicted: list[dict]) -> float:
    return f_score(pixels(truth, predicted))


def test_masks_of_different_sizes_are_refused():
    with pytest.raises(PodiumError, match="different sizes"):
        pixels([strip(0, 1)], [strip(0, 1, length=21)])


def test_counts_are_of_unions():
    assert pixels([strip(0, 8), strip(6, 12)], [strip(4, 10), strip(5, 7)]) == Pixels(6, 12, 6)
    assert pixels([strip(0, 8)], []) == Pixels(0, 8, 0)
    assert pixels([], []) == Pixels(0, 0, 0)


def test_f_score_and_iou_by_hand():
    # 3 of 6 true pixels are among 4 predicted: precision 3/4, recall 1/2.
    counts = Pixels(3, 6, 4)
    for beta in (0.5, 1, 2):
        expected = (1 + beta**2) * (3 / 4) * (1 / 2) / (beta**2 * (3 / 4) + 1 / 2)
        assert f_score(counts, beta) == pytest.approx(expected, abs=1e-15)
    assert iou(counts) == 3 / 7
    assert (f_score(Pixels(0, 0, 0), 0.5), iou(Pixels(0, 0, 0))) == (1, 1)
    assert (f_score(Pixels(0, 0, 4), 0.5), iou(Pixels(0, 4, 0))) == (0, 0)


@pytest.mark.parametrize(("common", "expected"), [(10, 1.0), (6, 0.2), (7, 0.4), (5, 0), (0, 0)])
def test_thresholds_that_the_iou_is_greater_than(common, expected):
    # A part of 10 true pixels: IoU 0.6 is greater than 0.50 and 0.55, IoU 0.7 also than 0.60 and 0.65.
    assert mean_hits(Pixels(common, 10, common)) == pytest.approx(expected)


def test_thresholds_of_empty_images():
    assert (mean_hits(Pixels(0, 0, 0)), mean_hits(Pixels(0, 0, 1)), mean_hits(Pixels(0, 1, 0))) == (1, 0, 0)


def test_dice_by_hand():
    # Unions: [0, 8) or [6, 12) = 12 pixels; [4, 10) = 6 pixels; common 6. 2 * 6 / (12 + 6) = 2/3
    assert dice([strip(0, 8), strip(6, 12)], [strip(4, 10)]) == pytest.approx(2 / 3)
    # Empty masks on both sides are no pixels on both sides.
    assert dice([strip(0, 0)], [strip(0, 0), strip(0, 0)]) == dice([strip(0, 0)], []) == 1.0
    assert dice([strip(0, 0)], [strip(0, 1)]) == 0.0


def test_dice_equals_counting_pixels_and_is_symmetric():
    random = np.random.default_rng(2)
    for _ in range(20):
        masks = random.random((5, 17, 13)) < 0.2
        a, b = masks[:2].any(0), masks[2:].any(0)
        codes = [rle(mask) for mask in masks]
        assert dice(codes[:2], codes[2:]) == dice(codes[2:], codes[:2]) == 2 * (a & b).sum() / (a.sum() + b.sum())
