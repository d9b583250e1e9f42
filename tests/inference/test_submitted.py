import numpy as np

from podium.config.tuning import Choice
from podium.data.masks import box_of, decode, encode
from podium.inference.submitted import as_submitted

SIDE = 20


def found(image_id, columns, score):
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[4:14, columns] = True
    rle = encode(mask)
    return {"image_id": image_id, "category_id": 1, "score": score, "bbox": box_of(rle), "segmentation": rle}


FOUND = [found(1, slice(0, 10), 0.9), found(1, slice(6, 16), 0.6), found(1, slice(0, 9), 0.55), found(2, [3], 0.4)]
SIZES = {1: (SIDE, SIDE), 2: (SIDE, SIDE)}


def test_without_a_choice_the_configured_score_counts_and_nothing_else_changes():
    submitted = as_submitted(FOUND, SIZES, None, 0.6, shares_out=False)
    assert submitted.results == FOUND
    assert submitted.counting == FOUND[:2], "the threshold itself counts"


def test_a_choice_takes_the_place_of_the_configured_score():
    choice = Choice(score_threshold=0.35, nms_iou=0.8, min_area=11)
    submitted = as_submitted(FOUND, SIZES, choice, 0.6, shares_out=False)
    # The third is nearly the first (IoU 0.9), the fourth has 10 pixels.
    assert (submitted.results, submitted.threshold) == (FOUND[:2], 0.35)
    low = as_submitted(FOUND, SIZES, Choice(score_threshold=0.35), 0.6, shares_out=False)
    assert low.counting == FOUND


def test_shared_out_no_pixel_is_in_two_and_boxes_follow():
    submitted = as_submitted(FOUND, SIZES, None, 0.3, shares_out=True)
    first, second, other = submitted.counting
    assert (first, other) == (FOUND[0], FOUND[3]), "who loses nothing stays as it is, who loses all is dropped"
    assert not (decode(first["segmentation"]) & decode(second["segmentation"])).any()
    assert second["bbox"] == box_of(second["segmentation"]) == [10, 4, 6, 10]
