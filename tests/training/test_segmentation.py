from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from torch.nn.functional import binary_cross_entropy_with_logits

from podium.config.segmentation import Crops
from podium.data.dataset import Dataset
from podium.data.masks import decode, encode
from podium.data.windows import cut, scale, window_around
from podium.errors import PodiumError
from podium.models.checkpoint import save_checkpoint
from podium.models.load_segmenter import load_segmenter
from podium.training.segmentation import SegmentationSamples, SegmentationTask, train_segmenter

from .tiny import draw_dataset, segmentation

SPLIT = {"train": [1, 2, 3, 4], "val": [5, 6]}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Dataset:
    return draw_dataset(tmp_path_factory.mktemp("segmentation") / "dataset")


def _train(dataset, folder, settings, split=SPLIT, workers=0):
    return train_segmenter(dataset, split, settings, state_file=folder / "state.pt", workers=workers)


# Jitter of a rounding error's size may move a window by a pixel: in whole images other digits are lost than in parts.
@given(st.integers(0, 10**6), st.integers(0, 1000).map(lambda thousandths: thousandths / 1000), st.floats(0, 2))
@examples(max_examples=60, deadline=None)
def test_a_jittered_crop_is_the_one_that_the_whole_image_gives(dataset, seed, jitter, context):
    """What is kept of an image has room enough for every window that jitter can ask for."""
    settings = Crops.model_validate({"size": 32, "jitter": jitter, "context": context, "augmentation": ()})
    samples = SegmentationSamples(dataset, [3], settings)
    assert len(samples) == 2
    for index, entry in enumerate(dataset.annotations[3]):
        crop, mask = samples.draw(index, np.random.default_rng(seed))
        x, y, w, h = entry["bbox"]
        box = np.array([x, y, x + w, y + h])
        moved = box + np.random.default_rng(seed).uniform(-jitter, jitter, 4) * [w, h, w, h]
        window = window_around(moved, context)
        assert np.array_equal(crop, scale(cut(dataset.read(3), window), 32))
        whole = decode(entry["segmentation"]).astype(np.uint8) * 255
        assert np.array_equal(mask, scale(cut(whole, window), 32) >= 128)


def test_without_jitter_the_crop_shows_the_object_and_its_mask(dataset):
    settings = Crops.model_validate({"size": 64, "jitter": 0, "augmentation": ()})
    samples = SegmentationSamples(dataset, [1], settings)
    for index in range(len(samples)):
        crop, mask = samples.draw(index, np.random.default_rng(0))
        assert (crop.dtype, crop.shape, mask.dtype, mask.shape) == (np.uint8, (64, 64, 3), np.float32, (64, 64))
        assert set(np.unique(mask)) == {0.0, 1.0}
        # Objects are brighter than 110 in green, the ground darker than 70.
        assert np.mean((crop[..., 1] > 90) == (mask == 1)) > 0.97


def test_flips_turn_crop_and_mask_together(dataset):
    def draw(augmentation):
        settings = Crops.model_validate({"size": 64, "jitter": 0, "augmentation": augmentation})
        return SegmentationSamples(dataset, [1], settings).draw(0, np.random.default_rng(0))

    crop, mask = draw(())
    flipped_crop, flipped_mask = draw(({"HorizontalFlip": {"p": 1.0}},))
    assert np.array_equal(flipped_crop, crop[:, ::-1])
    assert np.array_equal(flipped_mask, mask[:, ::-1])


def test_crowds_and_objects_without_masks_are_not_trained_on(dataset):
    first, second = dataset.annotations[1]
    annotations = dataset.annotations | {1: [first | {"iscrowd": 1}, second]}
    assert len(SegmentationSamples(replace(dataset, annotations=annotations), [1, 2], Crops())) == 3
    bare = {key: value for key, value in first.items() if key != "segmentation"}
    annotations = dataset.annotations | {1: [bare, second]}
    assert len(SegmentationSamples(replace(dataset, annotations=annotations), [1, 2], Crops())) == 3


def test_a_training_part_without_masks(dataset, tmp_path):
    bare = replace(dataset, annotations={image_id: [] for image_id in dataset.images})
    with pytest.raises(PodiumError, match="no object with a mask in the training part") as caught:
        _train(bare, tmp_path, segmentation())
    assert caught.value.file == dataset.folder / "annotations.json"


@pytest.mark.parametrize("loss", ["bce", "dice", "bce_dice"])
def test_the_losses_are_bce_and_dice(loss, dataset):
    task = SegmentationTask(torch.nn.Conv2d(3, 1, 1), dataset, [1], [2], segmentation(loss=loss))
    crops, masks = task.collate([task.samples.draw(index, np.random.default_rng(index)) for index in range(2)])
    assert (crops.shape, masks.shape) == ((2, 3, 64, 64), (2, 1, 64, 64))
    logits = task.model(crops)
    inside = logits.sigmoid()
    # Over the whole batch, as segmentation-models-pytorch defines it for one class.
    expected = {
        "loss_bce": binary_cross_entropy_with_logits(logits, masks),
        "loss_dice": 1 - 2 * (inside * masks).sum() / (inside.sum() + masks.sum()),
    }
    found = task.losses(task.model, (crops, masks))
    assert list(found) == [f"loss_{part}" for part in loss.split("_")]
    for name, value in found.items():
        assert value.item() == pytest.approx(expected[name].item(), rel=1e-5)


@pytest.mark.slow
def test_one_image_is_learned(dataset, tmp_path):
    settings = segmentation(
        optimizer="adamw", base_lr=0.01, schedule="one_cycle", max_iter=60, ims_per_batch=4, eval_period=100
    )
    checkpoint, history = _train(dataset, tmp_path, settings, {"train": [1], "val": [1]})
    losses = [row["loss"] for row in history]
    assert np.mean(losses[-5:]) < 0.3 * np.mean(losses[:5])
    assert history[-1]["val_mean_iou"] > 0.85
    assert history[-1]["val_mean_dice"] > history[-1]["val_mean_iou"]
    save_checkpoint(tmp_path / "model.pt", checkpoint)
    model, loaded = load_segmenter(tmp_path / "model.pt")
    assert loaded == settings
    assert not model.training
    task = SegmentationTask(model, dataset, [1], [1], settings)
    assert task.metrics(list(task.predict(model, 0, 1)))["mean_iou"] == pytest.approx(history[-1]["val_mean_iou"])


def test_equal_seeds_give_equal_weights_whatever_the_workers(dataset, tmp_path):
    first, second = (
        _train(dataset, tmp_path / str(workers), segmentation(max_iter=3, optimizer="adam"), workers=workers)
        for workers in (0, 2)
    )
    assert all(torch.equal(first[0].weights[name], second[0].weights[name]) for name in first[0].weights)
    assert first[1] == second[1]


def test_mixed_precision_trains_on_the_cpu(dataset, tmp_path):
    checkpoint, history = _train(dataset, tmp_path / "bf16", segmentation(precision="bf16-mixed", max_iter=2))
    _, full = _train(dataset, tmp_path / "32", segmentation(max_iter=2))
    assert all(value.dtype != torch.bfloat16 for value in checkpoint.weights.values())
    assert history[0]["loss"] == pytest.approx(full[0]["loss"], rel=0.05)
    assert history[0]["loss"] != full[0]["loss"]


def test_a_validation_part_without_masks_keeps_the_latest_weights(dataset, tmp_path):
    checkpoint, history = _train(
        dataset, tmp_path, segmentation(max_iter=2, eval_period=1), {"train": [1, 2], "val": []}
    )
    assert checkpoint.iteration == 2
    assert not any(name.startswith("val_") for row in history for name in row)


def test_an_empty_mask_has_a_finite_loss(dataset):
    """A crop that jitter moved off its object."""
    annotations = {1: [dataset.annotations[1][0] | {"segmentation": encode(np.zeros((64, 64), dtype=bool))}]}
    task = SegmentationTask(
        torch.nn.Conv2d(3, 1, 1), replace(dataset, annotations=annotations), [1], [1], segmentation()
    )
    batch = task.collate([task.samples.draw(0, np.random.default_rng(0))])
    losses = task.losses(task.model, batch)
    assert all(value.isfinite() for value in losses.values())
    assert losses["loss_dice"] == 0
