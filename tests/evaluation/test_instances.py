import numpy as np
import pytest
from pycocotools import mask as coco_mask

from podium.errors import PodiumError
from podium.evaluation.instances import THRESHOLDS, iou_matrix, mean_f2, mean_precision

from .competition import ellipse, make, rle, strip


def scores(truth: list[dict], guess: list[dict]) -> list[float]:
    iou = iou_matrix(truth, guess)
    return [mean_precision(iou), mean_f2(iou)]


def test_iou_matrix_by_hand():
    # [0, 10) and [5, 15): 5 common pixels of 15. [0, 10) and [0, 8): 8 of 10. [12, 20) and [5, 15): 3 of 15.
    found = iou_matrix([strip(0, 10), strip(12, 20)], [strip(5, 15), strip(0, 8), strip(0, 0)])
    assert found.tolist() == [[5 / 15, 8 / 10, 0.0], [3 / 15, 0.0, 0.0]]


def test_iou_matrix_equals_counting_pixels():
    random = np.random.default_rng(0)
    masks = random.random((7, 23, 31)) < random.uniform(0.1, 0.9, (7, 1, 1))
    expected = [[(a & b).sum() / (a | b).sum() for b in masks[3:]] for a in masks[:3]]
    found = iou_matrix([rle(mask) for mask in masks[:3]], [rle(mask) for mask in masks[3:]])
    assert found.dtype == np.float64
    assert found.tolist() == expected


@pytest.mark.parametrize(("true", "predicted"), [(0, 0), (0, 3), (2, 0)])
def test_iou_matrix_keeps_its_shape_without_masks(true, predicted):
    assert iou_matrix([strip(0, 1)] * true, [strip(0, 1)] * predicted).shape == (true, predicted)


def test_masks_of_different_sizes_are_refused():
    with pytest.raises(PodiumError, match=r"\(1, 20\), \(1, 21\)"):
        iou_matrix([strip(0, 1)], [strip(0, 1, length=21)])
    with pytest.raises(PodiumError, match="different sizes"):
        iou_matrix([], [strip(0, 1), strip(0, 1, length=21)])


def test_thresholds_are_the_ten_decimals():
    assert THRESHOLDS.tolist() == [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]


def test_mean_precision_by_hand():
    # Two true, three predicted; IoU 0.82 and 0.62 on the diagonal, 0.3 elsewhere.
    # t = 0.50, 0.55, 0.60:             TP 2, FP 1, FN 0: 2/3
    # t = 0.65, 0.70, 0.75, 0.80:       TP 1, FP 2, FN 1: 1/4
    # t = 0.85, 0.90, 0.95:             TP 0:             0
    # (3 * 2/3 + 4 * 1/4) / 10 = 0.3
    iou = np.array([[0.82, 0.3, 0.3], [0.3, 0.62, 0.3]])
    assert mean_precision(iou) == pytest.approx(0.3, abs=1e-15)


def test_mean_f2_by_hand():
    # The same pairs. 5 TP / (5 TP + 4 FN + FP):
    # t = 0.50, 0.55, 0.60:             10 / (10 + 0 + 1) = 10/11
    # t = 0.65, 0.70, 0.75, 0.80:        5 / (5 + 4 + 2)  =  5/11
    # t = 0.85, 0.90, 0.95:              0
    # (3 * 10/11 + 4 * 5/11) / 10 = 5/11
    iou = np.array([[0.82, 0.3, 0.3], [0.3, 0.62, 0.3]])
    assert mean_f2(iou) == pytest.approx(5 / 11, abs=1e-15)


def test_iou_must_exceed_the_threshold():
    # 6 common pixels of 10: IoU 0.6 exactly. A hit at 0.50 and 0.55, not at 0.60.
    iou = iou_matrix([strip(0, 10)], [strip(0, 6)])
    assert iou.tolist() == [[0.6]]
    assert mean_precision(iou) == mean_f2(iou) == pytest.approx(2 / 10)
    # 1 common pixel of 2: never a hit.
    assert mean_precision(iou_matrix([strip(0, 2)], [strip(0, 1)])) == 0


@pytest.mark.parametrize(("true", "predicted", "expected"), [(0, 0, 1.0), (0, 2, 0.0), (2, 0, 0.0)])
def test_nothing_there_or_nothing_found(true, predicted, expected):
    truth, guess = [strip(0, 4), strip(6, 9)][:true], [strip(1, 3), strip(5, 9)][:predicted]
    assert scores(truth, guess) == [expected] * 2


def test_a_true_mask_is_found_once_only():
    # One true mask, predicted twice, perfectly: TP 1, FP 1 at every threshold.
    twice = iou_matrix([strip(0, 10)], [strip(0, 10), strip(0, 10)])
    assert mean_precision(twice) == 1 / 2
    assert mean_f2(twice) == pytest.approx(5 / 6)


def test_overlapping_masks_are_matched_as_well_as_possible():
    # True 0 can be paired with both predictions, true 1 with prediction 0 alone. The pair of highest IoU (0, 0) would
    # leave true 1 without a partner; two pairs are possible at 0.50 and 0.55, one from 0.60 to 0.85, none from 0.90 on.
    # (2 * 2/2 + 6 * 1/3) / 10 = 0.4
    iou = np.array([[0.9, 0.58], [0.6, 0.1]])
    assert mean_precision(iou) == pytest.approx(0.4)


def test_scores_depend_on_nobodys_order():
    random = np.random.default_rng(1)
    for _ in range(30):
        iou = random.uniform(0.3, 1, random.integers(1, 7, 2))
        mixed = random.permutation(random.permutation(iou, axis=0), axis=1)
        assert mean_precision(mixed) == mean_precision(iou) == mean_precision(iou.T)
        assert mean_f2(mixed) == mean_f2(iou)


def test_perfect_predictions_score_one():
    masks = [rle(ellipse(60, 80, *box)) for box in [(0, 0, 20, 30), (30, 10, 18, 18), (55, 30, 25, 30)]]
    assert scores(masks, masks[::-1]) == [1.0] * 2


def test_mean_precision_equals_counting_where_masks_do_not_overlap():
    # The competition's own way: count pairs above the threshold. It is one-to-one there, since no pixel has two masks.
    dataset, _ = make(images=1, objects=60, seed=4)
    size = dataset["images"][0]["height"], dataset["images"][0]["width"]
    codes = [each["segmentation"] for each in dataset["annotations"]]
    painted, shifted = np.zeros(size, int), np.zeros(size, int)
    for number, mask in enumerate(coco_mask.decode(codes).transpose(2, 0, 1).astype(bool), start=1):
        painted[mask] = number
        shifted[np.roll(mask, number % 3, axis=1)] = number
    true, guess = ([canvas == number for number in np.unique(canvas)[1:]] for canvas in (painted, shifted))
    iou = np.array([[(a & b).sum() / (a | b).sum() for b in guess] for a in true])
    expected = []
    for at in THRESHOLDS:
        hits = (iou > at).sum()
        expected.append(hits / (hits + (len(guess) - hits) + (len(true) - hits)))
    assert len(true) > 10
    assert 0.1 < np.mean(expected) < 0.95
    found = mean_precision(iou_matrix([rle(mask) for mask in true], [rle(mask) for mask in guess]))
    assert found == pytest.approx(np.mean(expected), abs=1e-12)
