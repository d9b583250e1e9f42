from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from torchvision.ops import batched_nms

from podium.config.tuning import Choice
from podium.data.masks import encode, encode_at
from podium.inference.select import Placed, iou, place, select, selected

HEIGHT, WIDTH = 30, 40


@st.composite
def objects(draw):
    """Draw objects with masks of random pixels in random windows of an image, scores that are often equal."""
    found = []
    for _ in range(draw(st.integers(0, 8))):
        x, y = draw(st.integers(0, WIDTH - 1)), draw(st.integers(0, HEIGHT - 1))
        w, h = draw(st.integers(1, min(12, WIDTH - x))), draw(st.integers(1, min(12, HEIGHT - y)))
        mask = np.random.default_rng(draw(st.integers(0, 99))).random((h, w)) < draw(st.sampled_from([0.3, 0.9, 1.0]))
        score = draw(st.sampled_from([0.1, 0.5, 0.5, 0.9, draw(st.floats(0, 1))]))
        result = {"image_id": 1, "category_id": draw(st.integers(1, 2)), "bbox": [x, y, w, h], "score": score}
        found.append(Placed(result, mask, x, y))
    return found


def whole(placed):
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[placed.y : placed.y + placed.mask.shape[0], placed.x : placed.x + placed.mask.shape[1]] = placed.mask
    return mask


HOW = {
    "nms_iou": st.sampled_from([None, 0.0, 0.2, 0.5, 1.0]),
    "min_area": st.sampled_from([1, 4, 30]),
    "overlap": st.booleans(),
}


@settings(deadline=None, max_examples=60)
@given(found=objects(), threshold=st.sampled_from([0.1, 0.3, 0.5, 0.9]), how=st.fixed_dictionaries(HOW))
def test_a_score_threshold_before_or_after_gives_the_same(found, threshold, how):
    before = select([each for each in found if each.result["score"] >= threshold], HEIGHT, WIDTH, **how)
    after = [each for each in select(found, HEIGHT, WIDTH, **how) if each.result["score"] >= threshold]
    assert [each.result for each in before] == [each.result for each in after]
    assert all(np.array_equal(one.mask, other.mask) for one, other in zip(before, after, strict=True))


@settings(deadline=None, max_examples=60)
@given(found=objects(), how=st.fixed_dictionaries(HOW))
def test_what_stays_is_large_enough_and_no_pixel_is_in_two(found, how):
    kept = select(found, HEIGHT, WIDTH, **how)
    assert all(each.mask.sum() >= how["min_area"] for each in kept)
    if not how["overlap"]:
        assert sum(whole(each).astype(int) for each in kept).max(initial=0) <= 1 if kept else True
    elif how["nms_iou"] is not None:
        pairs = [(one, other) for place, one in enumerate(kept) for other in kept[:place]]
        same = [(one, other) for one, other in pairs if one.result["category_id"] == other.result["category_id"]]
        assert all(iou(one, other) <= how["nms_iou"] for one, other in same)


@settings(deadline=None, max_examples=40)
@given(found=objects())
def test_iou_is_that_of_pycocotools(found):
    codes = [encode(whole(each)) for each in found]
    boxes = [replace(each, mask=None) for each in found]
    sides = [[float(side) for side in each.result["bbox"]] for each in found]
    for one in range(len(found)):
        for other in range(len(found)):
            expected = coco_mask.iou([codes[one]], [codes[other]], [0])[0][0] if found[one].mask.any() else 0.0
            assert iou(found[one], found[other]) == pytest.approx(expected)
            of_boxes = coco_mask.iou([sides[one]], [sides[other]], [0])[0][0]
            assert iou(boxes[one], boxes[other]) == pytest.approx(of_boxes)


def test_boxes_are_suppressed_as_torchvision_does():
    random = np.random.default_rng(3)
    corner, side = random.uniform(0, 60, (200, 2)), random.uniform(5, 40, (200, 2))
    boxes, scores = np.concatenate([corner, corner + side], axis=1), random.random(200)
    labels = random.integers(1, 4, 200)
    results = [
        {"image_id": 7, "category_id": int(label), "score": float(score), "bbox": [*map(float, [*c, *s])]}
        for c, s, label, score in zip(corner, side, labels, scores, strict=True)
    ]
    for threshold in (0.1, 0.3, 0.6):
        kept = selected(results, {7: (100, 100)}, Choice(score_threshold=0, nms_iou=threshold))
        expected = batched_nms(*map(torch.from_numpy, (boxes, scores, labels)), threshold).tolist()
        assert kept == [results[each] for each in expected]
    large = selected(results, {7: (100, 100)}, Choice(score_threshold=0.9, min_area=900))
    assert {each["score"] for each in large} == {
        each["score"] for each in results if each["bbox"][2] * each["bbox"][3] >= 900
    }


def test_masks_of_a_detector_are_unpacked_and_stay_as_they_are():
    mask = np.ones((5, 6), dtype=bool)
    mask[2, 3] = False
    result = {"image_id": 1, "category_id": 1, "score": 0.5, "bbox": [9.5, 3.5, 8, 8]}
    result["segmentation"] = encode_at(mask, 10, 4, HEIGHT, WIDTH)
    placed = place(result)
    assert (placed.x, placed.y, placed.area) == (10, 4, 29)
    assert np.array_equal(placed.mask, mask)
    again = {**result, "score": 0.4}
    sizes = {1: (HEIGHT, WIDTH), 2: (9, 9)}
    assert selected([again, result], sizes, Choice(score_threshold=0.9, nms_iou=0.9)) == [result]
    assert selected([again, result], sizes, Choice(score_threshold=0.9, min_area=30)) == []
    # Instances were made by a choice with a mask threshold: it is not laid on them again.
    assert selected([again, result], sizes, Choice(score_threshold=0.9, mask_threshold=0.5, min_area=30)) == [
        again,
        result,
    ]
    assert selected([again, result], sizes, None) == [again, result]


def test_masks_of_a_detector_are_freed_of_overlaps_where_the_format_forbids_them():
    left, right = np.zeros((2, HEIGHT, WIDTH), dtype=bool)
    left[5:15, 5:20] = right[5:15, 12:30] = True
    found = [
        {"image_id": 1, "category_id": 1, "score": score, "bbox": [4.5, 4.5, 26, 11], "segmentation": encode(mask)}
        for score, mask in ((0.4, left), (0.9, right))
    ]
    alone = {"image_id": 2, "category_id": 1, "score": 0.2, "bbox": [1, 2, 3, 4]}
    sizes = {1: (HEIGHT, WIDTH), 2: (9, 9)}
    first, second, third = selected([*found, alone], sizes, None, overlap=False)
    assert first == found[1]
    assert second == found[0] | {"segmentation": encode(left & ~right), "bbox": [5, 5, 7, 10]}, "its box follows"
    assert third == alone
    few = Choice(score_threshold=0, min_area=71)
    assert selected(found, sizes, few, overlap=False) == [found[1]], "70 pixels are left to the other"
    assert len(selected(found, sizes, few)) == 2


def test_a_mask_without_pixels_is_dropped():
    empty = {"image_id": 1, "category_id": 1, "score": 0.5, "bbox": [0, 0, 0, 0]}
    empty["segmentation"] = encode(np.zeros((HEIGHT, WIDTH), dtype=bool))
    assert select([place(empty)] * 2, HEIGHT, WIDTH, nms_iou=0.5, min_area=1, overlap=True) == []
