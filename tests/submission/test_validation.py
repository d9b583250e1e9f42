import numpy as np
import pytest

from podium.data.masks import box_of, encode
from podium.inference.submitted import as_submitted
from podium.submission.validation import of_tuning, validation_score

SIDE = 20
SIZES = {1: (SIDE, SIDE)}


def entry(columns, **more):
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[:10, columns] = True
    rle = encode(mask)
    return {"image_id": 1, "category_id": 1, "bbox": box_of(rle), "segmentation": rle, **more}


DATASET = {
    "images": [{"id": 1, "key": "a", "width": SIDE, "height": SIDE}],
    "categories": [{"id": 1, "name": "block"}],
    "annotations": [entry(slice(0, 8), id=1, area=80, iscrowd=0), entry(slice(8, 16), id=2, area=80, iscrowd=0)],
}
# The second overlaps the first by two columns, and is perfect without them.
FOUND = [entry(slice(0, 8), score=0.9), entry(slice(6, 16), score=0.4)]


def scored(threshold, shares_out, metric="dsb2018", found=FOUND):
    submitted = as_submitted(found, SIZES, None, threshold, shares_out=shares_out)
    return validation_score(metric, DATASET, [1], submitted, max_detections=100, bootstrap_samples=100)


def test_predictions_count_as_the_file_has_them():
    # One of two objects, without error: precision 1 / 2 at every IoU.
    assert scored(0.5, True) == {"metric": "dsb2018", "how": "untuned", "score": 0.5, "low": 0.5, "high": 0.5}
    assert scored(0.3, True)["score"] == 1.0
    # IoU 0.8 with the two columns: found at 6 of the 10 thresholds 0.5 … 0.95 (above 0.8 and at it not), else 1 / 3.
    assert scored(0.3, False)["score"] == pytest.approx((6 * 1 + 4 / 3) / 10)


def test_what_a_file_does_not_have_does_not_count_for_ranked_metrics_either():
    assert scored(0.3, True, "mask_ap")["score"] == pytest.approx(1.0)
    assert scored(0.5, True, "mask_ap")["score"] == pytest.approx(51 / 101), "recall 0 … 0.5 of 101 steps"


def test_boxes_have_no_score_of_masks():
    boxes = [{key: value for key, value in each.items() if key != "segmentation"} for each in FOUND]
    assert scored(0.5, False, found=boxes)["score"] is None
    assert scored(0.5, False, "box_ap", boxes)["score"] == pytest.approx(51 / 101)


def test_a_tuned_file_has_the_score_in_sample():
    tuning = {"metric": "dice", "tuned_in_sample": {"score": 0.7, "low": 0.6, "high": 0.8}, "untuned": {"score": 0.1}}
    assert of_tuning(tuning) == {"metric": "dice", "how": "tuned in sample", "score": 0.7, "low": 0.6, "high": 0.8}
