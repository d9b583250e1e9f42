"""Merging alone: what each tile reports is known, being the part of each object that it sees."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from podium.config.detection import Tiles
from podium.data.tiles import Tile, tiles_of, views_of
from podium.inference.merge import merge

SIZE, OVERLAP = 128, 64
TILES = Tiles(size=SIZE, overlap=OVERLAP)

# An object and a tenth of it on both sides fit in the overlap.
SEEN_WHOLE = int(OVERLAP / 1.2)


def reported(truth, tiles, visible=0.2, noise=0.0, seed=0):
    """Return boxes, labels, scores and views of what tiles report of objects (x0, y0, x1, y1, label)."""
    rng, found = np.random.default_rng(seed), []
    for view, (left, top, width, height) in enumerate(tiles):
        for *box, label in truth:
            part = _clipped(box, left, top, width, height)
            area = np.prod(np.subtract(box[2:], box[:2]))
            sides = part[2:] - part[:2]
            if sides.min() <= 0 or sides.prod() < visible * area:
                continue
            part = _clipped(part + rng.normal(0, noise, 4) * np.tile(sides, 2), left, top, width, height)
            found.append((*part, label, rng.uniform(0.5, 1), view))
    found = np.array(found).reshape(-1, 7)
    return found[:, :4], found[:, 4].astype(int), found[:, 5], found[:, 6].astype(int)


def _clipped(box, left, top, width, height):
    return np.clip(box, [left, top] * 2, [left + width, top + height] * 2)


def merged(truth, tiles, **how):
    """Return the boxes of the merged objects, with labels, in the order of the truth."""
    boxes, labels, scores, views = reported(truth, tiles, **how)
    objects = merge(boxes, labels, scores, views, tiles)
    assert [each.score for each in objects] == sorted((each.score for each in objects), reverse=True)
    assert all(each.score in scores[views >= 0] for each in objects)
    return sorted(
        (*boxes[members, :2].min(axis=0), *boxes[members, 2:].max(axis=0), labels[members[0]]) for members, _ in objects
    )


def scattered(rng, height, width, number, shortest, longest):
    """Return objects that do not overlap, some of which touch."""
    truth = []
    for _ in range(20 * number):
        sides = rng.integers(shortest, longest, 2, endpoint=True)
        x0, y0 = rng.integers(0, [width, height] - sides, endpoint=True)
        x1, y1 = (x0, y0) + sides
        if len(truth) < number and all(x0 >= b[2] or b[0] >= x1 or y0 >= b[3] or b[1] >= y1 for b in truth):
            truth.append((x0, y0, x1, y1, int(rng.integers(1, 3))))
    return sorted(truth)


@pytest.mark.parametrize("across", [0, 1, 2, 25, 50, 51, 52])
def test_an_object_on_a_seam_and_on_a_corner_of_four_tiles(across):
    """Tiles begin at 0, 64 and 128: pushed over each of their borders, an object of 52 pixels is reported once."""
    tiles = tiles_of(256, 256, TILES)
    assert sorted({tile.x for tile in tiles}) == [0, 64, 128]
    for seam in (64, 128, 192):
        for x, y in ((seam - across, 30), (30, seam - across), (seam - across, seam - across)):
            truth = [(x, y, x + 52, y + 52, 1)]
            for visible in (0.01, 0.2, 0.6):
                assert merged(truth, tiles, visible=visible) == truth


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32), st.integers(60, 500), st.integers(60, 500), st.sampled_from([0.01, 0.25, 0.5]))
def test_objects_shorter_than_the_overlap_come_back_exactly(seed, height, width, visible):
    truth = scattered(np.random.default_rng(seed), height, width, 40, 5, SEEN_WHOLE)
    assert merged(truth, tiles_of(height, width, TILES), visible=visible) == truth


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32), st.booleans())
def test_objects_longer_than_the_overlap_are_put_together_from_their_pieces(seed, whole):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(300, 700, 2)
    truth = scattered(rng, height, width, 12, SEEN_WHOLE, 280)
    tiles = views_of(height, width, Tiles(size=SIZE, overlap=OVERLAP, whole=whole))
    assert merged(truth, tiles, visible=0.0) == truth


@pytest.mark.parametrize(("noise", "overlap"), [(0.02, 0.8), (0.04, 0.6)])
def test_boxes_that_are_not_exact_give_each_object_once(noise, overlap):
    """Edges are wrong by 2 or 4 % of a side, in each tile otherwise."""
    for seed in range(5):
        truth = scattered(np.random.default_rng(seed), 600, 500, 40, 12, SEEN_WHOLE)
        found = merged(truth, tiles_of(600, 500, TILES), noise=noise, seed=seed)
        assert len(found) == len(truth)
        for x0, y0, x1, y1, label in truth:
            ious = [_iou((x0, y0, x1, y1), box) for *box, other in found if other == label]
            assert sum(iou > 0.3 for iou in ious) == 1
            assert max(ious) > overlap


def _iou(one, other):
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    common = np.prod(np.maximum(sides, 0))
    return common / (sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (one, other)) - common)


LEFT, RIGHT = Tile(0, 0, 128, 128), Tile(64, 0, 128, 128)


def _merge(found, tiles=(LEFT, RIGHT)):
    """Merge (box, label, score, view)."""
    boxes, labels, scores, views = (np.array(part) for part in zip(*found, strict=True))
    return merge(boxes, labels, scores, views, tiles)


def test_a_piece_goes_also_where_the_tile_that_sees_its_place_whole_says_there_is_nothing():
    assert _merge([((64, 10, 90, 40), 1, 0.9, 1)]) == []
    # Not at the photograph's own border, and not in the only tile.
    assert _merge([((166, 10, 192, 40), 1, 0.9, 1)]) == [([0], 0.9)]
    assert _merge([((0, 10, 128, 40), 1, 0.9, 0)], (LEFT,)) == [([0], 0.9)]


def test_of_two_that_agree_the_one_with_more_room_is_taken_with_the_better_score():
    near, far = ((70, 10, 90, 40), 1, 0.9, 1), ((71, 10, 91, 40), 1, 0.6, 0)
    assert _merge([near, far]) == [([1], 0.9)]
    assert _merge([far, near]) == [([0], 0.9)]


def test_what_one_tile_tells_apart_stays_apart():
    """Two objects of which the boxes overlap much, both seen by both tiles, or one of them by one only."""
    first, second = (80, 40, 110, 70), (85, 40, 115, 70)
    assert _iou(first, second) > 0.5
    found = [(first, 1, 0.9, 0), (second, 1, 0.8, 0), (first, 1, 0.7, 1), (second, 1, 0.6, 1)]
    assert [each.score for each in _merge(found)] == [0.9, 0.8]
    assert [each.score for each in _merge(found[:3])] == [0.9, 0.8]
    assert [each.score for each in _merge([found[0], found[3]])] == [0.9]


def test_other_labels_are_other_objects():
    box = (80, 40, 110, 70)
    assert len(_merge([(box, 1, 0.9, 0), (box, 2, 0.8, 1)])) == 2
    assert len(_merge([((20, 40, 128, 70), 1, 0.9, 0), ((64, 40, 180, 70), 2, 0.8, 1)])) == 2


def test_a_small_object_beside_a_piece_of_a_large_one_is_not_part_of_it():
    """Both tiles see the piece, one of them the small object inside its box."""
    large = [((20, 20, 128, 110), 1, 0.9, 0), ((64, 20, 180, 110), 1, 0.8, 1)]
    assert _merge([*large, ((80, 30, 100, 50), 1, 0.7, 1)]) == [([0, 1], 0.9), ([2], 0.7)]


def test_the_whole_photograph_is_asked_about_what_tiles_cut_off_and_not_about_what_they_see():
    tiles = (LEFT, RIGHT, Tile(0, 0, 192, 128))
    pieces = [((20, 20, 128, 110), 1, 0.9, 0), ((64, 20, 180, 110), 1, 0.8, 1)]
    assert _merge([*pieces, ((22, 18, 178, 112), 1, 0.5, 2)], tiles) == [([2], 0.9)]
    seen = ((10, 10, 50, 50), 1, 0.4, 0)
    assert _merge([seen, ((12, 12, 52, 52), 1, 0.9, 2)], tiles) == [([0], 0.9)]


def test_no_detections():
    assert merge(np.zeros((0, 4)), np.zeros(0), np.zeros(0), np.zeros(0, dtype=int), [LEFT, RIGHT]) == []


@pytest.mark.parametrize(("size", "overlap"), [(800, 250), (640, 300)])
@pytest.mark.parametrize("visible", [0.01, 0.25, 0.5])
def test_vehicles_of_real_photographs_come_back_once_each(real_data, size, overlap, visible):
    """Labels of drone photographs of up to 4000 x 2250 pixels: parked and queueing cars, boxes of which overlap."""
    photographs = list(_vehicles(real_data / "aerial-cars.zip"))
    assert len(photographs) == 10 and sum(len(truth) for truth, _ in photographs) == 245
    for truth, (width, height) in photographs:
        tiles = tiles_of(height, width, Tiles(size=size, overlap=overlap))
        assert np.allclose(merged(truth, tiles, visible=visible), truth)


def _vehicles(archive):
    """Yield the objects (x0, y0, x1, y1, label) and the (width, height) of each photograph; labels are as of YOLO."""
    with zipfile.ZipFile(archive) as files:
        for name in sorted(files.namelist()):
            if name == "README.txt" or not name.endswith(".txt"):
                continue
            (picture,) = (other for other in files.namelist() if Path(other).stem == Path(name).stem and other != name)
            with Image.open(files.open(picture)) as image:
                size = np.array(image.size)
            rows = np.array([line.split() for line in files.read(name).decode().splitlines()], dtype=float)
            sides = rows[:, 3:] * size
            low = rows[:, 1:3] * size - sides / 2
            boxes = np.hstack([low, low + sides]).clip(0, [*size, *size])
            yield sorted((*box, int(label)) for box, label in zip(boxes, rows[:, 0] + 1, strict=True)), size
