import numpy as np
import pytest

from podium.errors import PodiumError
from podium.evaluation import instances, pixels
from podium.evaluation.masks import dice, iou, mean_scores

from .competition import rle

NOTHING = np.zeros((3, 4), bool)
ROW = NOTHING.copy()
ROW[0] = True  # 4 pixels
COLUMN = NOTHING.copy()
COLUMN[:, 0] = True  # 3 pixels, one of them in ROW


def test_by_hand():
    assert iou(ROW, COLUMN) == pytest.approx(1 / 6)  # 4 + 3 - 1 pixels together
    assert dice(ROW, COLUMN) == pytest.approx(2 / 7)
    assert iou(ROW, ROW) == dice(ROW, ROW) == 1


def test_empty_masks():
    assert iou(NOTHING, NOTHING) == dice(NOTHING, NOTHING) == 1
    assert iou(NOTHING, ROW) == dice(ROW, NOTHING) == 0


def test_codes_and_arrays_give_the_same_as_the_instance_scores():
    random = np.random.default_rng(0)
    for share in (0.0, 0.1, 0.5, 0.9):
        a, b = random.random((2, 19, 14)) < share
        assert iou(a, b) == iou(rle(a), b) == iou(rle(a), rle(b))
        assert dice(a, b) == dice(b, a) == dice(rle(a), rle(b)) == pixels.f_score(pixels.pixels([rle(a)], [rle(b)]))
        if share:
            assert iou(a, b) == instances.iou_matrix([rle(a)], [rle(b)])[0, 0]
        # Dice = 2 IoU / (1 + IoU) holds for every pair.
        assert dice(a, b) == pytest.approx(2 * iou(a, b) / (1 + iou(a, b)))


def test_mean_over_pairs():
    # IoU: (1/6 + 1 + 0) / 3, Dice: (2/7 + 1 + 0) / 3
    pairs = [(ROW, COLUMN), (NOTHING, NOTHING), (rle(ROW), NOTHING)]
    expected = {"pairs": 3, "iou": pytest.approx(7 / 18), "dice": pytest.approx(9 / 21)}
    assert mean_scores(pairs) == mean_scores(iter(pairs)) == expected
    assert mean_scores([]) == {"pairs": 0, "iou": None, "dice": None}


def test_masks_of_different_sizes_are_refused():
    with pytest.raises(PodiumError, match=r"\(3, 4\).*\(4, 3\)"):
        iou(ROW, rle(ROW.T))
