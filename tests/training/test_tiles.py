"""What a detector learns from: the tiles of large photographs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from podium.config.detection import DetectionInput
from podium.data.dataset import Dataset
from podium.data.masks import encode
from podium.data.tiles import Tile, tiles_of
from podium.errors import PodiumError
from podium.training.detection_samples import DetectionSamples

HEIGHT, WIDTH = 150, 260

# Rectangles of a brightness each: its last number, by which its pixels are counted.
OBJECTS = [(10, 12, 30, 20, 100), (100, 30, 12, 60, 120), (120, 120, 80, 25, 140), (230, 5, 30, 40, 160)]


@pytest.fixture
def photograph(tmp_path) -> Dataset:
    pixels = np.full((HEIGHT, WIDTH, 3), 50, dtype=np.uint8)
    annotations = []
    for number, (x, y, width, height, value) in enumerate(OBJECTS):
        pixels[y : y + height, x : x + width] = value
        annotations.append(
            {"id": number, "image_id": 1, "category_id": 1 + number, "bbox": [float(x), float(y), width, height]}
            | {"area": float(width * height), "iscrowd": 0, "segmentation": encode(pixels[..., 0] == value)}
        )
    (tmp_path / "images").mkdir()
    Image.fromarray(pixels).save(tmp_path / "images" / "a.png")
    Image.fromarray(pixels[:40, :50]).save(tmp_path / "images" / "b.png")
    images = {
        image_id: {"id": image_id, "file_name": f"{key}.png", "width": width, "height": height, "key": key}
        | {"subset": "train", "digest": ""}
        for image_id, key, height, width in ((1, "a", HEIGHT, WIDTH), (2, "b", 40, 50))
    }
    categories = [{"id": number, "name": str(number)} for number in (1, 2, 3, 4)]
    return Dataset(tmp_path, images, {1: annotations, 2: [annotations[0] | {"image_id": 2}]}, categories, "")


def _samples(photograph, masks=False, **more):
    tiles = {"size": 64, "overlap": 24} | more.pop("tiles", {})
    settings = {"min_size_train": (0,), "augmentation": (), "tiles": tiles} | more
    return DetectionSamples(photograph, [1, 2], DetectionInput.model_validate(settings), masks=masks)


def test_every_tile_is_a_sample_and_a_small_image_is_one(photograph):
    samples = _samples(photograph)
    tiles = tiles_of(HEIGHT, WIDTH, samples.settings.tiles)
    assert samples.views == [*((1, tile) for tile in tiles), (2, Tile(0, 0, 50, 40))]
    assert len(samples) == 6 * 4 + 1
    assert samples.image_ids == [1, 2]
    assert len(_samples(photograph, tiles={"whole": True})) == 6 * 4 + 2


def test_tiles_show_the_photograph_s_pixels_and_what_is_enough_of_an_object(photograph):
    samples, rng = _samples(photograph, masks=True), np.random.default_rng(0)
    seen = set()
    for _ in range(6):
        for index, (image_id, _) in enumerate(samples.views):
            image, target = samples.draw(index, rng)
            assert image.shape == ((3, 64, 64) if image_id == 1 else (3, 40, 50))
            found = dict(
                zip(target["labels"].tolist(), zip(target["boxes"], target["masks"], strict=True), strict=True)
            )
            for number, (_, _, width, height, value) in enumerate(OBJECTS):
                shown = image[0] == value
                part = int(shown.sum()) / (width * height)
                assert (1 + number in found) == (part >= 0.25)
                seen.add((number, 1 + number in found, 0 < part < 1))
                if 1 + number in found:
                    box, mask = found[1 + number]
                    x0, y0, x1, y1 = box.round().int().tolist()
                    assert torch.equal(mask.bool(), shown)
                    assert shown[y0:y1, x0:x1].all() and shown.sum() == (x1 - x0) * (y1 - y0)
    assert {(number, kept, True) for number in range(4) for kept in (False, True)} <= seen


def test_a_tile_is_cut_near_its_place_by_the_random_numbers_alone(photograph):
    samples = _samples(photograph)
    first, again, other = (samples.draw(0, np.random.default_rng(seed))[0] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_tiles_are_resized_as_images_are(photograph):
    samples = _samples(photograph, masks=True, min_size_train=(128,))
    for index in (0, len(samples) - 1):
        image, target = samples.draw(index, np.random.default_rng(3))
        assert image.shape == ((3, 128, 128) if index == 0 else (3, 128, 160))
        for (x0, y0, x1, y1), mask in zip(target["boxes"].tolist(), target["masks"], strict=True):
            assert int(mask.sum()) == pytest.approx((x1 - x0) * (y1 - y0), rel=0.02)


def test_the_whole_photograph_is_one_of_the_samples_where_that_is_asked_for(photograph):
    samples = _samples(photograph, tiles={"whole": True}, max_size_train=130)
    image, target = samples.draw(24, np.random.default_rng(0))
    assert image.shape == (3, 75, 130)
    expected = [[x / 2, y / 2, (x + width) / 2, (y + height) / 2] for x, y, width, height, _ in OBJECTS]
    assert torch.allclose(target["boxes"], torch.tensor(expected).float(), atol=1e-4)


def test_tiles_without_objects_are_left_out_where_that_is_asked_for_also_after_shifting(photograph):
    samples, rng = _samples(photograph, filter_empty=True), np.random.default_rng(0)
    assert 0 < len(samples) < len(_samples(photograph))
    for _ in range(10):
        assert all(len(samples.draw(index, rng)[1]["boxes"]) for index in range(len(samples)))
    empty = replace(photograph, annotations={1: [], 2: []})
    with pytest.raises(PodiumError, match="no image in the training part"):
        _samples(empty, filter_empty=True)
