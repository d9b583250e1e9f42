"""Large photographs in tiles, from pixels to results."""

from collections import Counter

import numpy as np
import pytest
import torch
from pycocotools import mask

from podium.config.detection import DetectionInput, Detector, Tiles
from podium.data.masks import decode, encode
from podium.data.tiles import Tile, tiles_of
from podium.evaluation.masks import iou
from podium.inference.boxes import predict_boxes
from podium.inference.seen import as_input, seen
from podium.inference.tiles import batches, seen_in_tiles
from podium.models.checkpoint import save_checkpoint
from podium.models.detectors import build_detector
from podium.models.load_detector import load_detector
from podium.training.detection import train_detector
from tests.training.tiny import MODELS, SIDE, detection, draw_dataset

from .scene import Blobs, dataset, paint


def _input(size, overlap, **more):
    """Tiles at the photograph's own resolution."""
    tiles = {"size": size, "overlap": overlap, "whole": more.pop("whole", False)}
    return DetectionInput.model_validate({"min_size_test": 0, "max_size_test": 1333, "tiles": tiles} | more)


def _boxes(results):
    return sorted(entry["bbox"] for entry in results)


# Across borders of tiles of 64 pixels that begin at every 32nd, at corners, on the photograph's own borders.
ON_SEAMS = [
    *([20.0, 20.0, 24.0, 24.0], [60.0, 4.0, 8.0, 8.0], [90.0, 50.0, 20.0, 26.0], [120.0, 0.0, 16.0, 10.0]),
    *([0.0, 60.0, 10.0, 12.0], [31.0, 90.0, 2.0, 20.0], [64.0, 96.0, 20.0, 20.0], [139.0, 60.0, 21.0, 8.0]),
    *([118.0, 100.0, 20.0, 20.0],),
]


def test_objects_on_seams_and_corners_are_reported_once_and_whole(tmp_path):
    scene = dataset(tmp_path, {1: paint(np.array(ON_SEAMS, dtype=int), 130, 160)})
    found = predict_boxes(Blobs(), scene, [1], _input(64, 32))
    assert _boxes(found) == sorted(ON_SEAMS)
    for entry in found:
        x, y, width, height = (int(value) for value in entry["bbox"])
        assert np.array_equal(decode(entry["segmentation"]), paint([(x, y, width, height)], 130, 160)[..., 0] > 0)
    # As without tiles, but for the scores, which grow with the part that is seen.
    at_once = predict_boxes(Blobs(), scene, [1], DetectionInput(min_size_test=0))
    assert Counter(map(_without_score, found)) == Counter(map(_without_score, at_once))


def _without_score(result):
    return (*result["bbox"], result["category_id"], result["segmentation"]["counts"])


def _mask(*rectangles):
    return encode(paint(rectangles, 130, 160)[..., 0])


def test_an_object_over_many_tiles_is_one_with_all_of_its_pixels(tmp_path):
    cross = [(10, 20, 130, 20), (70, 20, 20, 90)]
    scene = dataset(tmp_path, {1: paint([*cross, (150, 100, 8, 8)], 130, 160)})
    large, small = predict_boxes(Blobs(), scene, [1], _input(64, 32))
    assert large["bbox"] == [10, 20, 130, 90]
    # Each piece's mask is pasted from 28 x 28 values: its edges are that coarse.
    assert iou(large["segmentation"], _mask(*cross)) > 0.95
    assert small["bbox"] == [150, 100, 8, 8]


def test_the_whole_photograph_shows_what_is_larger_than_the_overlap_and_nothing_else(tmp_path):
    image = paint([(10, 20, 130, 60), (150, 100, 8, 8)], 130, 160)
    settings = _input(64, 32, whole=True)
    tiles, found = seen_in_tiles(Blobs(), image, settings)
    assert tiles[-1] == (0, 0, 160, 130)
    assert found["boxes"][found["views"] == len(tiles) - 1].tolist() == [[10, 20, 140, 80]]
    large, _ = predict_boxes(Blobs(), dataset(tmp_path, {1: image}), [1], settings)
    # Pasted at once, not from pieces, only the corners are missing.
    assert iou(large["segmentation"], _mask((10, 20, 130, 60))) > 0.999


def test_tiles_are_resized_as_images_are_and_boxes_come_back(tmp_path):
    rectangles = np.array(ON_SEAMS, dtype=int)
    scene = dataset(tmp_path, {1: paint(rectangles, 130, 160)})
    found = predict_boxes(Blobs(), scene, [1], _input(64, 32, min_size_test=128))
    assert np.allclose(_boxes(found), sorted(ON_SEAMS), atol=1)


def test_a_photograph_no_larger_than_a_tile_gives_what_it_gives_without(tmp_path):
    scene = dataset(tmp_path, {1: paint([(5, 5, 20, 10), (30, 20, 9, 9)], 40, 64)})
    for sizes in ({}, {"min_size_test": 100}):
        plain = DetectionInput.model_validate({"min_size_test": 0} | sizes)
        assert predict_boxes(Blobs(), scene, [1], _input(64, 32, **sizes)) == predict_boxes(Blobs(), scene, [1], plain)


def test_several_photographs_and_one_without_objects(tmp_path):
    images = {1: paint([(60, 5, 8, 8)], 70, 100), 2: paint([], 90, 90), 3: paint([(1, 1, 5, 5)], 9, 9)}
    found = predict_boxes(Blobs(), dataset(tmp_path, images), [3, 2, 1], _input(64, 32))
    assert [(entry["image_id"], entry["bbox"]) for entry in found] == [(3, [1, 1, 5, 5]), (1, [60, 5, 8, 8])]


def test_batches_are_of_one_size():
    tiles = [Tile(0, 0, 64, 64), Tile(32, 0, 64, 64), Tile(64, 0, 64, 64), Tile(0, 0, 128, 64)]
    assert batches(tiles, 2) == [tiles[:2], tiles[2:3], tiles[3:]]
    assert batches(tiles, 1) == [[tile] for tile in tiles]
    assert batches(tiles[:3], 8) == [tiles[:3]]


@pytest.mark.parametrize("architecture", ["detector", "detectron2"])
def test_tiles_in_a_batch_give_what_they_give_alone(architecture):
    if architecture == "detectron2":
        pytest.importorskip("detectron2")
    torch.manual_seed(0)
    settings = {"architecture": "mask_rcnn", "mask_channels": 16, "score_threshold": 0.0}
    model = build_detector(Detector.model_validate(MODELS[architecture] | settings), 2).eval()
    image = np.random.default_rng(0).integers(0, 255, (64, 130, 3), dtype=np.uint8)
    tiles = tiles_of(64, 130, Tiles(size=64, overlap=20))
    inputs = [as_input(tile.cut(image), DetectionInput(min_size_test=0)) for tile in tiles]
    for tile, one, together in zip(tiles, inputs, seen(model, inputs, tiles), strict=True):
        (alone,) = seen(model, [one], [tile])
        assert len(alone["boxes"]) > 3
        for key, part in alone.items():
            assert torch.allclose(part, together[key], atol=1e-3), key


ROWS, COLUMNS = 3, 4


def _stitched(parts, image_ids, folder):
    """Return a dataset of one photograph: twelve images of another, side by side."""
    images = np.array([parts.read(image_id) for image_id in image_ids])
    photograph = images.reshape(ROWS, COLUMNS, SIDE, SIDE, 3).swapaxes(1, 2).reshape(ROWS * SIDE, COLUMNS * SIDE, 3)
    scene = dataset(folder, {1: photograph})
    for place, image_id in enumerate(image_ids):
        scene.annotations[1].extend(_moved(entry, place) for entry in parts.annotations[image_id])
    return scene


def _moved(entry, place):
    """Return an object or result of a part in the stitched photograph."""
    y, x = SIDE * np.array(divmod(place, COLUMNS))
    own = np.zeros((ROWS * SIDE, COLUMNS * SIDE), dtype=bool)
    own[y : y + SIDE, x : x + SIDE] = decode(entry["segmentation"])
    left, top, *sides = entry["bbox"]
    return entry | {"image_id": 1, "bbox": [float(left + x), float(top + y), *sides], "segmentation": encode(own)}


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A Mask R-CNN trained on tiles of a stitched photograph; another photograph, and what it finds in its parts."""
    folder = tmp_path_factory.mktemp("tiles")
    parts = draw_dataset(folder / "parts", 2 * ROWS * COLUMNS)
    ids = list(parts.images)
    settings = detection(
        model={"architecture": "mask_rcnn", "mask_channels": 16, "nms_threshold": 0.3},
        sizes={"min_size_train": (0,), "tiles": {"size": SIDE, "overlap": SIDE // 2}},
        **{"optimizer": "adamw", "base_lr": 0.004, "schedule": "one_cycle", "max_iter": 300, "eval_period": 200},
        **{"clip_norm": 10.0, "seed": 3, "ims_per_batch": 4},
    )
    checkpoint, _ = train_detector(
        _stitched(parts, ids[: ROWS * COLUMNS], folder / "stitched"),
        {"train": [1], "val": []},
        settings,
        max_detections=100,
        state_file=folder / "state.pt",
        workers=0,
    )
    save_checkpoint(folder / "model.pt", checkpoint)
    model, _ = load_detector(folder / "model.pt")
    unseen = ids[ROWS * COLUMNS :]
    of_parts = _sure(predict_boxes(model, parts, unseen, DetectionInput(min_size_test=0)))
    return (
        model,
        _stitched(parts, unseen, folder / "photograph"),
        [_moved(entry, unseen.index(entry["image_id"])) for entry in of_parts],
    )


def _sure(results):
    return [entry for entry in results if entry["score"] > 0.5]


@pytest.mark.slow
@pytest.mark.parametrize(("size", "overlap"), [(64, 32), (64, 40), (96, 48), (100, 30), (128, 32)])
def test_a_trained_detector_finds_in_tiles_what_it_finds_in_the_parts(size, overlap, learned):
    """Tiles of 64 by 32 show each part as it is; borders of the others lie anywhere, also across objects.

    As many objects, one for one, boxes and masks with an IoU of 0.85 on average and 0.5 at least: a detector does not
    see quite the same in an image that shows more. The same holds against the truth.
    """
    model, photograph, of_parts = learned
    found = _sure(predict_boxes(model, photograph, [1], _input(size, overlap)))
    truth = photograph.annotations[1]
    assert len(found) == len(of_parts) == len(truth) == 2 * ROWS * COLUMNS
    for expected in (of_parts, truth):
        for overlaps in (_ious(expected, found, "bbox"), _ious(expected, found, "segmentation")):
            assert (np.count_nonzero(overlaps > 0.3, axis=1) == 1).all()
            assert overlaps.max(axis=1).min() > 0.5
            assert overlaps.max(axis=1).mean() > 0.85
    if (size, overlap) == (SIDE, SIDE // 2):
        assert _ious(of_parts, found, "bbox").max(axis=1).mean() > 0.95


def _ious(one, other, key):
    """Return the IoU of all pairs of boxes or masks, 0 where their categories differ."""
    ious = mask.iou([entry[key] for entry in other], [entry[key] for entry in one], [0] * len(one)).T
    return ious * np.equal.outer([entry["category_id"] for entry in one], [entry["category_id"] for entry in other])
