from dataclasses import replace

import numpy as np
import pytest

from podium.config.segmentation import Crops
from podium.data.masks import encode
from podium.evaluation.masks import iou
from podium.inference.true_boxes import corners, objects_with_masks, true_box_results

from .scene import Brightness, dataset, paint

CROPS = Crops(size=64, context=0.15)
RECTANGLES = {1: [(10, 12, 20, 14), (40, 30, 10, 16)], 2: [], 3: [(2, 2, 12, 12)]}


@pytest.fixture
def scene(tmp_path):
    return dataset(tmp_path, {key: paint(boxes, 48, 64) for key, boxes in RECTANGLES.items()}, RECTANGLES)


def scores(*arguments, **settings):
    metrics, _ = true_box_results(*arguments, **settings)
    return {key: metrics[key] for key in ("crops", "mean_iou", "mean_dice")}


def _changed(scene, image_id, number, **changes):
    entries = list(scene.annotations[image_id])
    entries[number] = entries[number] | changes
    return replace(scene, annotations=scene.annotations | {image_id: entries})


def test_masks_that_are_right_score_one(scene):
    found = scores(Brightness(), scene, [1, 2, 3], CROPS)
    assert found["crops"] == 3
    assert found["mean_iou"] == pytest.approx(1, abs=0.03)
    assert found["mean_dice"] == pytest.approx(1, abs=0.02)


def test_scores_are_means_over_objects(scene):
    """One of three true masks is twice as large as what is found: its IoU is 1/2, its Dice 2/3."""
    double = np.zeros((48, 64), dtype=bool)
    double[2:14, 2:26] = True
    exact = scores(Brightness(), scene, [1, 3], CROPS)
    changed = scores(Brightness(), _changed(scene, 3, 0, segmentation=encode(double)), [1, 3], CROPS)
    alone = scores(Brightness(), scene, [3], CROPS)
    assert alone == {"crops": 1, "mean_iou": 1.0, "mean_dice": 1.0}
    assert changed["mean_iou"] == pytest.approx(exact["mean_iou"] - 0.5 / 3)
    assert changed["mean_dice"] == pytest.approx(exact["mean_dice"] - (1 / 3) / 3)


def test_each_image_has_its_own_means_and_the_masks_are_results(scene):
    metrics, results = true_box_results(Brightness(), scene, [3, 2, 1], CROPS)
    assert [(row["image_id"], row["crops"]) for row in metrics["per_image"]] == [(3, 1), (2, 0), (1, 2)]
    assert [row["key"] for row in metrics["per_image"]] == [scene.images[each]["key"] for each in (3, 2, 1)]
    assert metrics["per_image"][1]["mean_iou"] is None
    whole = sum(row["crops"] * (row["mean_iou"] or 0) for row in metrics["per_image"]) / 3
    assert metrics["mean_iou"] == pytest.approx(whole)
    assert [(each["image_id"], each["score"]) for each in results] == [(3, 1.0), (1, 1.0), (1, 1.0)]
    assert [each["bbox"] for each in results[1:]] == [entry["bbox"] for entry in scene.annotations[1]]
    assert iou(scene.annotations[3][0]["segmentation"], results[0]["segmentation"]) == 1.0


def test_crowds_and_objects_without_masks_do_not_count(scene):
    assert len(objects_with_masks(scene, 1)) == 2
    assert len(objects_with_masks(_changed(scene, 1, 0, iscrowd=1), 1)) == 1
    bare = dict(scene.annotations[1][0])
    del bare["segmentation"]
    annotations = scene.annotations | {1: [bare, scene.annotations[1][1]]}
    assert objects_with_masks(replace(scene, annotations=annotations), 1) == [scene.annotations[1][1]]


def test_a_threshold_that_nothing_passes(scene):
    assert scores(Brightness(), scene, [1], CROPS, threshold=1.0) == {"crops": 2, "mean_iou": 0.0, "mean_dice": 0.0}


def test_without_objects_there_is_no_mean(scene):
    assert scores(Brightness(), scene, [2], CROPS) == {"crops": 0, "mean_iou": None, "mean_dice": None}
    assert scores(Brightness(), scene, [], CROPS) == {"crops": 0, "mean_iou": None, "mean_dice": None}


def test_corners_of_a_box():
    found = corners({"bbox": [1.5, 2.0, 3.0, 4.25]})
    assert (found.dtype, found.tolist()) == (np.float64, [1.5, 2.0, 4.5, 6.25])
