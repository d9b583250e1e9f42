import numpy as np
import pytest
import torch

from podium.config.detection import DetectionInput
from podium.inference.boxes import predict_boxes
from podium.inference.seen import as_tensor
from podium.models.checkpoint import save_checkpoint
from podium.models.load_detector import load_detector
from podium.training.detection import train_detector
from tests.training.tiny import detection, draw_dataset

from .scene import BoundingBox, dataset, paint


def _input(min_size, max_size=1333):
    return DetectionInput(min_size_test=min_size, max_size_test=max_size)


def test_an_image_as_a_tensor():
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    tensor = as_tensor(image)
    assert (tensor.dtype, tensor.shape) == (torch.uint8, (3, 2, 4))
    assert tensor[1, 0, 2].item() == 7
    assert torch.equal(tensor.permute(1, 2, 0), torch.from_numpy(image))


def test_coco_results_in_the_images_own_pixels(tmp_path):
    images = {3: paint([(10, 6, 20, 8)], 40, 60), 1: paint([(0, 0, 5, 30)], 30, 50)}
    found = predict_boxes(BoundingBox(), dataset(tmp_path, images), [3, 1], _input(0))
    assert found == [
        {"image_id": 3, "category_id": 2, "bbox": [10.0, 6.0, 20.0, 8.0], "score": pytest.approx(160 / 2400)},
        {"image_id": 1, "category_id": 2, "bbox": [0.0, 0.0, 5.0, 30.0], "score": pytest.approx(0.1)},
    ]
    assert all(type(value) is float for entry in found for value in [*entry["bbox"], entry["score"]])


@pytest.mark.parametrize(("min_size", "max_size"), [(80, 1333), (120, 1333), (20, 1333), (97, 1333), (80, 90), (0, 33)])
def test_the_input_s_size_does_not_show_in_the_boxes(min_size, max_size, tmp_path):
    scene = dataset(tmp_path, {1: paint([(12, 8, 24, 16)], 40, 60)})
    (found,) = predict_boxes(BoundingBox(), scene, [1], _input(min_size, max_size))
    # The edges lie between two pixels of the resized image.
    shorter = min(min_size or 40, max_size * 40 / 60)
    assert found["bbox"] == pytest.approx([12, 8, 24, 16], abs=1.01 * max(1, 40 / shorter))


def test_both_axes_have_their_own_scale(tmp_path):
    """Rounding makes them unequal: 3 x 100 pixels become 2 x 50."""
    scene = dataset(tmp_path, {1: paint([(0, 0, 100, 3)], 3, 100)})
    (found,) = predict_boxes(BoundingBox(), scene, [1], _input(0, 50))
    assert found["bbox"] == pytest.approx([0, 0, 100, 3])


def test_images_without_boxes_and_no_images(tmp_path):
    scene = dataset(tmp_path, {1: paint([], 20, 20), 2: paint([(1, 1, 2, 2)], 20, 20)})
    assert [entry["image_id"] for entry in predict_boxes(BoundingBox(), scene, [1, 2], _input(0))] == [2]
    assert predict_boxes(BoundingBox(), scene, [], _input(0)) == []


@pytest.mark.slow
def test_a_trained_detector_finds_the_same_objects_in_an_image_twice_as_large(tmp_path):
    """Resized to the size that it was trained with, an image gives the same boxes in its own pixels."""
    drawn = draw_dataset(tmp_path / "dataset")
    schedule = {"schedule": "one_cycle", "max_iter": 200, "eval_period": 300, "clip_norm": 10.0}
    settings = detection(optimizer="adamw", base_lr=0.004, seed=3, **schedule)
    checkpoint, _ = train_detector(
        drawn,
        {"train": [1, 2, 3, 4], "val": [5, 6]},
        settings,
        max_detections=100,
        state_file=tmp_path / "state.pt",
        workers=0,
    )
    save_checkpoint(tmp_path / "model.pt", checkpoint)
    model, _ = load_detector(tmp_path / "model.pt")
    large = dataset(tmp_path / "large", {1: drawn.read(1).repeat(2, axis=0).repeat(2, axis=1)})

    def best(scene, min_size):
        found = predict_boxes(model, scene, [1], _input(min_size))
        return {
            category: max((entry for entry in found if entry["category_id"] == category), key=lambda e: e["score"])
            for category in (1, 2)
        }

    small, twice = best(drawn, 64), best(large, 64)
    for category, (entry, truth) in enumerate(zip((small[1], small[2]), drawn.annotations[1], strict=True), start=1):
        assert entry["score"] > 0.5
        assert entry["bbox"] == pytest.approx(truth["bbox"], abs=4)
        assert twice[category]["score"] == pytest.approx(entry["score"], abs=0.2)
        assert twice[category]["bbox"] == pytest.approx([2 * value for value in entry["bbox"]], abs=4)
