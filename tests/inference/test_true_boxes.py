from dataclasses import replace

import numpy as np
import pytest

from podium.config.segmentation import Crops
from podium.data.masks import encode
from podium.inference.true_boxes import corners, objects_with_masks, true_box_scores

from .scene import Brightness, dataset, paint

CROPS = Crops(size=64, context=0.15)
RECTANGLES = {1: [(10, 12, 20, 14), (40, 30, 10, 16)], 2: [], 3: [(2, 2, 12, 12)]}


@pytest.fixture
def scene(tmp_path):
    return dataset(tmp_path, {key: paint(boxes, 48, 64) for key, boxes in RECTANGLES.items()}, RECTANGLES)


def _changed(scene, image_id, number, **changes):
    entries = list(scene.annotations[image_id])
    entries[number] = entries[number] | changes
    return replace(scene, annotations=scene.annotations | {image_id: entries})


def test_masks_that_are_right_score_one(scene):
    scores = true_box_scores(Brightness(), scene, [1, 2, 3], CROPS)
    assert scores["pairs"] == 3
    assert scores["iou"] == pytest.approx(1, abs=0.03)
    assert scores["dice"] == pytest.approx(1, abs=0.02)


def test_scores_are_means_over_objects(scene):
    """One of three true masks is twice as large as what is found: its IoU is 1/2, its Dice 2/3."""
    double = np.zeros((48, 64), dtype=bool)
    double[2:14, 2:26] = True
    exact = true_box_scores(Brightness(), scene, [1, 3], CROPS)
    changed = true_box_scores(Brightness(), _changed(scene, 3, 0, segmentation=encode(double)), [1, 3], CROPS)
    alone = true_box_scores(Brightness(), scene, [3], CROPS)
    assert alone == {"pairs": 1, "iou": 1.0, "dice": 1.0}
    assert changed["iou"] == pytest.approx(exact["iou"] - 0.5 / 3)
    assert changed["dice"] == pytest.approx(exact["dice"] - (1 / 3) / 3)


def test_crowds_and_objects_without_masks_do_not_count(scene):
    assert len(objects_with_masks(scene, 1)) == 2
    assert len(objects_with_masks(_changed(scene, 1, 0, iscrowd=1), 1)) == 1
    bare = dict(scene.annotations[1][0])
    del bare["segmentation"]
    annotations = scene.annotations | {1: [bare, scene.annotations[1][1]]}
    assert objects_with_masks(replace(scene, annotations=annotations), 1) == [scene.annotations[1][1]]


def test_a_threshold_that_nothing_passes(scene):
    assert true_box_scores(Brightness(), scene, [1], CROPS, threshold=1.0) == {"pairs": 2, "iou": 0.0, "dice": 0.0}


def test_without_objects_there_is_no_mean(scene):
    assert true_box_scores(Brightness(), scene, [2], CROPS) == {"pairs": 0, "iou": None, "dice": None}
    assert true_box_scores(Brightness(), scene, [], CROPS) == {"pairs": 0, "iou": None, "dice": None}


def test_corners_of_a_box():
    found = corners({"bbox": [1.5, 2.0, 3.0, 4.25]})
    assert (found.dtype, found.tolist()) == (np.float64, [1.5, 2.0, 4.5, 6.25])
