from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from podium.config.detection import DetectionInput
from podium.data.dataset import Dataset
from podium.data.masks import encode
from podium.errors import PodiumError
from podium.evaluation.coco import average_precision
from podium.inference.boxes import predict_boxes
from podium.models.checkpoint import save_checkpoint
from podium.models.load_detector import load_detector
from podium.training.detection import train_detector
from podium.training.detection_samples import DetectionSamples
from podium.training.schedule import learning_rate

from .tiny import DETECTION_INPUT, detection, draw_dataset

SPLIT = {"train": [1, 2, 3, 4], "val": [5, 6]}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Dataset:
    return draw_dataset(tmp_path_factory.mktemp("detection") / "dataset")


def _scene(folder, boxes, height=40, width=60, crowd=()):
    """A dataset of one image, grey but for its boxes, which have the brightness 100 + 10 * category."""
    pixels = np.full((height, width, 3), 50, dtype=np.uint8)
    annotations = []
    for number, (category, x, y, w, h) in enumerate(boxes):
        pixels[int(y) : int(y + h), int(x) : int(x + w)] = 100 + 10 * category
        annotations.append(
            {"id": number, "image_id": 1, "category_id": category, "bbox": [x, y, w, h], "area": w * h}
            | {"iscrowd": int(number in crowd), "segmentation": encode(_filled(height, width, x, y, w, h))}
        )
    (folder / "images").mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(folder / "images" / "a.png")
    entry = {"id": 1, "file_name": "a.png", "width": width, "height": height, "key": "a", "subset": "train"}
    categories = [{"id": number, "name": str(number)} for number in (1, 2, 3)]
    return Dataset(folder, {1: entry | {"digest": ""}}, {1: annotations}, categories, "")


def _filled(height, width, x, y, w, h):
    mask = np.zeros((height, width), dtype=bool)
    mask[int(y) : int(y + h), int(x) : int(x + w)] = True
    return mask


def _draw(dataset, seed=0, masks=False, **sizes):
    settings = DetectionInput.model_validate({"min_size_train": (0,), "augmentation": ()} | sizes)
    return DetectionSamples(dataset, [1], settings, masks=masks).draw(0, np.random.default_rng(seed))


BOXES = [(1, 4.0, 6.0, 10.0, 20.0), (2, 30.0, 2.0, 25.0, 8.0), (3, 40.0, 20.0, 20.0, 20.0)]


def test_an_image_and_its_boxes_as_they_are(tmp_path):
    image, target = _draw(_scene(tmp_path, BOXES))
    assert (image.shape, image.dtype) == ((3, 40, 60), torch.uint8)
    assert image[:, 0, 0].tolist() == [50, 50, 50]
    assert target["boxes"].tolist() == [[4, 6, 14, 26], [30, 2, 55, 10], [40, 20, 60, 40]]
    assert target["labels"].tolist() == [1, 2, 3]
    assert (target["boxes"].dtype, target["labels"].dtype) == (torch.float32, torch.int64)


@pytest.mark.parametrize(
    ("flip", "expected"),
    [
        ("HorizontalFlip", [[46, 6, 56, 26], [5, 2, 30, 10], [0, 20, 20, 40]]),
        ("VerticalFlip", [[4, 14, 14, 34], [30, 30, 55, 38], [40, 0, 60, 20]]),
        ("Transpose", [[6, 4, 26, 14], [2, 30, 10, 55], [20, 40, 40, 60]]),
    ],
)
def test_boxes_and_labels_go_with_the_pixels(flip, expected, tmp_path):
    image, target = _draw(_scene(tmp_path, BOXES), augmentation=({flip: {"p": 1.0}},))
    assert torch.allclose(target["boxes"], torch.tensor(expected).float(), atol=1e-4)
    assert target["labels"].tolist() == [1, 2, 3]
    for (x0, y0, x1, y1), label in zip(expected, [1, 2, 3], strict=True):
        inside = image[0, y0:y1, x0:x1]
        assert inside.unique().tolist() == [100 + 10 * label]
        assert inside.numel() == image[0].eq(100 + 10 * label).sum()


def test_boxes_are_resized_with_the_image(tmp_path):
    image, target = _draw(_scene(tmp_path, BOXES), min_size_train=(60,), max_size_train=200)
    assert image.shape == (3, 60, 90)
    expected = torch.tensor([[6, 9, 21, 39], [45, 3, 82.5, 15], [60, 30, 90, 60]])
    assert torch.allclose(target["boxes"], expected, atol=1e-4)
    image, target = _draw(_scene(tmp_path, BOXES), min_size_train=(60,), max_size_train=45)
    assert image.shape == (3, 30, 45)
    assert target["boxes"][0].tolist() == pytest.approx([3, 4.5, 10.5, 19.5], abs=1e-4)


def test_the_shorter_side_is_one_of_those_given(tmp_path):
    dataset = _scene(tmp_path, BOXES)
    sides = {_draw(dataset, seed, min_size_train=(32, 48, 64))[0].shape[1] for seed in range(20)}
    assert sides == {32, 48, 64}


def test_a_crop_larger_than_the_image_pads_it_with_black(tmp_path):
    image, target = _draw(_scene(tmp_path, BOXES), crop_train=96)
    assert image.shape == (3, 96, 96)
    assert int((image > 0).all(dim=0).sum()) == 40 * 60
    assert target["labels"].tolist() == [1, 2, 3]
    for (x0, y0, x1, y1), label in zip(target["boxes"].round().int().tolist(), [1, 2, 3], strict=True):
        assert image[0, y0:y1, x0:x1].unique().tolist() == [100 + 10 * label]


def test_a_crop_keeps_objects_of_which_a_quarter_is_seen(tmp_path):
    dataset = _scene(tmp_path, BOXES)
    areas = {label: w * h for label, _, _, w, h in BOXES}
    seen = set()
    for seed in range(60):
        image, target = _draw(dataset, seed, crop_train=32)
        assert image.shape == (3, 32, 32)
        for label in (1, 2, 3):
            pixels = int(image[0].eq(100 + 10 * label).sum())
            kept = label in target["labels"].tolist()
            assert kept == (pixels >= 0.25 * areas[label])
            seen.add((label, kept))
            if kept:
                x0, y0, x1, y1 = target["boxes"][target["labels"].tolist().index(label)].round().int().tolist()
                assert (x1 - x0) * (y1 - y0) == pixels
    assert len(seen) == 6


@pytest.mark.parametrize("flip", ["HorizontalFlip", "RandomRotate90"])
def test_masks_go_with_the_pixels_and_belong_to_the_boxes(flip, tmp_path):
    dataset = _scene(tmp_path, BOXES)
    numbers = set()
    for seed in range(20):
        image, target = _draw(dataset, seed, masks=True, crop_train=32, augmentation=({flip: {"p": 1.0}},))
        assert (target["masks"].dtype, target["masks"].shape) == (torch.uint8, (len(target["boxes"]), 32, 32))
        for mask, label in zip(target["masks"], target["labels"].tolist(), strict=True):
            assert torch.equal(mask.bool(), image[0].eq(100 + 10 * label))
        numbers.add(len(target["masks"]))
    assert 0 in numbers and max(numbers) >= 2


def test_masks_are_resized_with_the_image(tmp_path):
    _, target = _draw(_scene(tmp_path, BOXES), masks=True, min_size_train=(80,))
    assert target["masks"].shape == (3, 80, 120)
    for mask, (_, x, y, w, h) in zip(target["masks"], BOXES, strict=True):
        assert torch.equal(mask.bool(), torch.from_numpy(_filled(80, 120, 2 * x, 2 * y, 2 * w, 2 * h)))


def test_an_object_without_a_mask_in_a_training_of_masks(dataset, tmp_path):
    annotations = {image_id: [dict(entry) for entry in entries] for image_id, entries in dataset.annotations.items()}
    del annotations[2][1]["segmentation"]
    with pytest.raises(PodiumError, match="an object without a mask") as caught:
        settings = detection(model={"architecture": "mask_rcnn"})
        _trained(replace(dataset, annotations=annotations), tmp_path, settings)
    assert caught.value.record == f"annotation {annotations[2][1]['id']}"


def test_images_without_objects_are_left_out_only_where_that_is_asked_for(dataset):
    bare = replace(dataset, annotations=dataset.annotations | {2: []})
    for filter_empty, expected in ((False, [1, 2, 3]), (True, [1, 3])):
        settings = DetectionInput(filter_empty=filter_empty)
        assert DetectionSamples(bare, [1, 2, 3], settings).image_ids == expected


def test_images_without_objects_and_crowds_alone(tmp_path):
    _, target = _draw(_scene(tmp_path, []), augmentation=({"HorizontalFlip": {"p": 1.0}},), crop_train=64)
    assert (target["boxes"].shape, target["labels"].shape) == ((0, 4), (0,))
    _, target = _draw(_scene(tmp_path, BOXES, crowd=(0, 2)))
    assert target["labels"].tolist() == [2]


def test_the_rates_applied_are_those_of_the_schedule_and_the_history(dataset, tmp_path):
    settings = detection(schedule="cosine", warmup_iters=2, max_iter=4)
    _, history = train_detector(
        dataset, SPLIT, settings, max_detections=100, state_file=tmp_path / "state.pt", workers=0
    )
    assert [row["lr"] for row in history] == [learning_rate(settings.solver, iteration) for iteration in range(4)]
    assert set(history[0]) == {
        *("iteration", "lr", "loss"),
        *("loss_cls", "loss_box_reg", "loss_rpn_cls", "loss_rpn_loc"),
    }
    assert {"val_AP", "val_AP50", "val_AP75"} <= set(history[3])
    for row in history:
        parts = sum(value for name, value in row.items() if name.startswith("loss_"))
        assert row["loss"] == pytest.approx(parts, rel=1e-5)


def _trained(dataset, folder, settings, split=SPLIT, workers=0):
    return train_detector(dataset, split, settings, max_detections=100, state_file=folder / "state.pt", workers=workers)


def test_equal_seeds_give_equal_weights_whatever_the_workers_and_other_seeds_others(dataset, tmp_path):
    def weights(name, **settings):
        workers = settings.pop("workers", 0)
        checkpoint, _ = _trained(dataset, tmp_path / name, detection(max_iter=2, **settings), workers=workers)
        return checkpoint.weights

    first, second, other = weights("a"), weights("b", workers=2), weights("c", seed=1)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("norm", ["batch", "frozen", "group"])
def test_frozen_stages_stay_as_they_were_to_the_last_bit_and_the_others_do_not(norm, dataset, tmp_path):
    model = {"norm": norm, "freeze_at": 3}
    before, _ = _trained(dataset, tmp_path / "before", detection(model=model, max_iter=0))
    after, _ = _trained(dataset, tmp_path / "after", detection(model=model, max_iter=3, keep="last"))
    assert before.iteration == 0
    assert after.iteration == 3
    changed = {name for name in before.weights if not torch.equal(before.weights[name], after.weights[name])}
    frozen = tuple(f"backbone.body.{part}." for part in ("conv1", "bn1", "layer1", "layer2"))
    assert not [name for name in changed if name.startswith(frozen)]
    assert any(name.startswith("backbone.body.layer3.") for name in changed)
    assert any(name.startswith("backbone.fpn.") for name in changed)
    assert any(name.startswith("roi_heads.") for name in changed)


@pytest.mark.slow
def test_one_image_is_learned(dataset, tmp_path):
    settings = detection(
        optimizer="adamw", base_lr=0.004, schedule="one_cycle", max_iter=70, eval_period=100, clip_norm=10.0, seed=2
    )
    only = {"train": [1], "val": [1]}
    checkpoint, history = _trained(dataset, tmp_path, settings, only)
    losses = [row["loss"] for row in history]
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:10])
    # Judged again from the file, by the path that inference takes.
    save_checkpoint(tmp_path / "model.pt", checkpoint)
    model, loaded = load_detector(tmp_path / "model.pt")
    assert loaded == settings
    metrics, _ = average_precision(
        dataset.restricted([1]), [1], predict_boxes(model, dataset, [1], settings.input), "bbox"
    )
    assert metrics["AP50"] > 0.9
    assert metrics["AP"] == pytest.approx(history[-1]["val_AP"])


@pytest.mark.slow
def test_masks_of_one_image_are_learned(dataset, tmp_path):
    settings = detection(
        model={"architecture": "mask_rcnn", "mask_channels": 16},
        **{"optimizer": "adamw", "base_lr": 0.004, "schedule": "one_cycle", "max_iter": 160, "eval_period": 100},
        **{"clip_norm": 10.0, "seed": 3},
    )
    checkpoint, _ = _trained(dataset, tmp_path, settings, {"train": [1], "val": [1]})
    save_checkpoint(tmp_path / "model.pt", checkpoint)
    model, _ = load_detector(tmp_path / "model.pt")
    found = predict_boxes(model, dataset, [1], settings.input)
    metrics, _ = average_precision(dataset.restricted([1]), [1], found, "segm")
    assert metrics["AP50"] > 0.9
    best = max(found, key=lambda entry: entry["score"])
    assert best["segmentation"]["size"] == [64, 64]


def test_mixed_precision_trains_on_the_cpu(dataset, tmp_path):
    checkpoint, history = _trained(dataset, tmp_path / "bf16", detection(precision="bf16-mixed", max_iter=3))
    _, full = _trained(dataset, tmp_path / "32", detection(max_iter=3))
    assert all(value.dtype != torch.bfloat16 for value in checkpoint.weights.values())
    assert history[0]["loss"] == pytest.approx(full[0]["loss"], rel=0.05)
    assert history[0]["loss"] != full[0]["loss"]


def test_what_the_checkpoint_says(dataset, tmp_path):
    settings = detection(max_iter=1)
    checkpoint, _ = _trained(dataset, tmp_path, settings)
    assert checkpoint.categories == ["disk", "square"]
    assert checkpoint.iteration == 1
    assert type(settings).model_validate(checkpoint.settings) == settings
    assert all(value.device.type == "cpu" for value in checkpoint.weights.values())


def test_another_number_of_categories_than_the_datasets(dataset, tmp_path):
    with pytest.raises(PodiumError, match="num_classes is 3, but the dataset has 2 categories: disk, square") as caught:
        _trained(dataset, tmp_path, detection(model={"num_classes": 3}))
    assert caught.value.key == "detection.model.num_classes"
    _trained(dataset, tmp_path, detection(model={"num_classes": 2}, max_iter=0))


def test_a_training_part_without_images(dataset, tmp_path):
    with pytest.raises(PodiumError, match="no image in the training part"):
        _trained(dataset, tmp_path, detection(), {"train": [], "val": [5]})


def test_no_objects_in_training_nor_in_validation(dataset, tmp_path):
    bare = replace(dataset, annotations={image_id: [] for image_id in dataset.images})
    checkpoint, history = _trained(bare, tmp_path, detection(max_iter=2, eval_period=1))
    assert [row["iteration"] for row in history] == [1, 2]
    assert not any(name.startswith("val_") for row in history for name in row)
    assert all(row["loss_box_reg"] == 0 for row in history)
    # No validation could judge: the latest weights are kept.
    assert checkpoint.iteration == 2


def test_a_validation_part_without_images(dataset, tmp_path):
    checkpoint, _ = _trained(dataset, tmp_path, detection(max_iter=2, eval_period=1), {"train": [1, 2], "val": []})
    assert checkpoint.iteration == 2


def test_sizes_of_the_tiny_settings_are_valid():
    assert DetectionInput.model_validate(DETECTION_INPUT).min_size_train == (64,)
