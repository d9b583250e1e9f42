import itertools

import numpy as np
import pytest

from podium.config.instances import InstancesExperiment
from podium.config.segmentation import Crops
from podium.config.tuning import Choice
from podium.data.masks import area, box_of, decode
from podium.inference.instances import instance_makers, predict_instances

from .scene import Brightness, dataset, paint

CROPS = Crops(size=32, context=0.0)


def _predict(scene, boxes, images=(1,), **settings):
    settings = InstancesExperiment(detection="d", segmentation="s", **settings)
    return predict_instances(Brightness(), scene, images, boxes, CROPS, settings)


def _box(bbox, score, image_id=1, category_id=1):
    return {"image_id": image_id, "category_id": category_id, "bbox": list(map(float, bbox)), "score": score}


@pytest.fixture
def scene(tmp_path):
    """A white bar of 40 x 12 pixels in the first image, another in the third, nothing in the second."""
    bars = {1: [(10, 14, 40, 12)], 2: [], 3: [(0, 0, 20, 5)]}
    return dataset(tmp_path, {image_id: paint(bar, 48, 64) for image_id, bar in bars.items()})


def test_an_instance_is_its_mask_with_a_tight_box(scene):
    (found,) = _predict(scene, [_box((0, 4, 32, 32), 0.75, category_id=2)])
    truth = np.zeros((48, 64), dtype=bool)
    truth[14:26, 10:32] = True
    assert np.array_equal(decode(found["segmentation"]), truth)
    assert found["bbox"] == box_of(found["segmentation"]) == [10, 14, 22, 12]
    assert (found["image_id"], found["category_id"], found["score"]) == (1, 2, 0.75)


LEFT, RIGHT = (0, 4, 32, 32), (20, 4, 32, 32)


@pytest.mark.parametrize("swapped", [False, True])
def test_what_two_claim_belongs_to_the_higher_score(scene, swapped):
    boxes = [_box(LEFT, 0.4), _box(RIGHT, 0.9)]
    first, second = _predict(scene, boxes[::-1] if swapped else boxes)
    assert (first["score"], second["score"]) == (0.9, 0.4)
    assert first["bbox"] == [20, 14, 30, 12]
    assert second["bbox"] == [10, 14, 10, 12]
    assert not (decode(first["segmentation"]) & decode(second["segmentation"])).any()


def test_overlap_may_stay(scene):
    first, second = _predict(scene, [_box(LEFT, 0.4), _box(RIGHT, 0.9)], overlap=True)
    assert first["bbox"] == [20, 14, 30, 12]
    assert second["bbox"] == [10, 14, 22, 12]
    # What another claims is no part of the area that counts either.
    assert len(_predict(scene, [_box(LEFT, 0.4), _box(LEFT, 0.9)], overlap=True, min_area=264)) == 2


@pytest.mark.parametrize(("min_area", "count"), [(1, 2), (120, 2), (121, 1), (360, 1), (361, 0)])
def test_instances_left_with_too_few_pixels_are_dropped(scene, min_area, count):
    """The right one has 30 x 12 = 360 pixels, of the left one 10 x 12 = 120 are left."""
    found = _predict(scene, [_box(LEFT, 0.4), _box(RIGHT, 0.9)], min_area=min_area)
    assert [area(entry["segmentation"]) for entry in found] == [360, 120][:count]


def test_a_dropped_instance_frees_its_pixels(scene):
    """A small one of a high score that is dropped takes nothing from the next."""
    small = _box((10, 14, 4, 4), 0.99)
    (found,) = _predict(scene, [small, _box(LEFT, 0.4)], min_area=20)
    assert found["score"] == 0.4
    assert area(found["segmentation"]) == 22 * 12


def test_a_second_instance_of_the_same_pixels_is_dropped(scene):
    assert len(_predict(scene, [_box(LEFT, 0.4), _box(LEFT, 0.4), _box(LEFT, 0.3)])) == 1


def test_boxes_under_the_threshold_are_left_out_and_those_on_it_stay(scene):
    boxes = [_box(LEFT, 0.3), _box((33, 4, 30, 30), 0.299)]
    assert [entry["score"] for entry in _predict(scene, boxes, score_threshold=0.3)] == [0.3]


def test_the_mask_threshold_is_that_of_the_probability(tmp_path):
    image = paint([], 48, 64)
    image[10:20, 10:20] = 130  # a probability of sigmoid(60 (130 / 255 - 0.5)) = 0.64
    scene = dataset(tmp_path, {1: image})
    assert len(_predict(scene, [_box(LEFT, 0.9)], mask_threshold=0.6)) == 1
    assert len(_predict(scene, [_box(LEFT, 0.9)], mask_threshold=0.7)) == 0


def test_a_maker_makes_what_the_same_settings_predict_and_asks_the_segmenter_once(scene):
    """Every combination, in images with instances that overlap, with duplicates, with none."""
    asked = []

    class Counting(Brightness):
        def forward(self, images):
            asked.append(len(images))
            return super().forward(images)

    boxes = [_box(LEFT, 0.4), _box(RIGHT, 0.9), _box((1, 4, 32, 32), 0.3), _box((0, 0, 32, 32), 0.8, image_id=3)]
    settings = InstancesExperiment(detection="d", segmentation="s", score_threshold=0.2)
    makers = list(instance_makers(Counting(), scene, [3, 2, 1], boxes, CROPS, settings))
    different = set()
    for mask, nms, pixels in itertools.product((0.01, 0.5), (None, 0.3), (1, 200)):
        made = {"mask_threshold": mask, "nms_iou": nms, "min_area": pixels}
        found = [result for make in makers for result in make(Choice(score_threshold=0.99, **made))]
        assert found == _predict(scene, boxes, images=[3, 2, 1], score_threshold=0.2, **made)
        different.add(len(found))
    assert asked == [1, 3]
    assert len(different) > 1


def test_duplicates_are_dropped_before_pixels_are_shared_out(scene):
    """Of a second box, one pixel off, a sliver would be left; the bar's other end is no duplicate."""
    boxes = [_box(RIGHT, 0.9), _box((19, 4, 32, 32), 0.5), _box(LEFT, 0.4)]
    assert [each["bbox"] for each in _predict(scene, boxes)] == [[20, 14, 30, 12], [19, 14, 1, 12], [10, 14, 9, 12]]
    # 22 of 40 columns are the IoU of the two ends with each other, less than a third.
    found = _predict(scene, boxes, nms_iou=0.5)
    assert [each["bbox"] for each in found] == [[20, 14, 30, 12], [10, 14, 10, 12]]


def test_images_in_the_order_asked_for_without_boxes_of_others(scene):
    boxes = [_box(LEFT, 0.9), _box((0, 0, 32, 32), 0.8, image_id=3), _box(LEFT, 0.7, image_id=2)]
    assert [entry["image_id"] for entry in _predict(scene, boxes, images=[3, 2, 1])] == [3, 1]
    assert [entry["image_id"] for entry in _predict(scene, boxes, images=[3])] == [3]
    assert _predict(scene, boxes, images=[]) == []
    assert _predict(scene, [], images=[1, 2, 3]) == []


def test_boxes_outside_the_image_and_across_its_border(scene):
    outside = [_box((-50, 0, 20, 20), 0.9), _box((200, 200, 32, 32), 0.8), _box((10, -40, 32, 32), 0.7)]
    assert _predict(scene, outside) == []
    (found,) = _predict(scene, [_box((-16, -16, 32, 32), 0.9, image_id=3)], images=[3])
    assert found["bbox"] == [0, 0, 16, 5]
