"""Outlines against counting: what is inside of them, by crossing lines, is the mask."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco_mask
from scipy import ndimage

from podium.data.masks import encode
from podium.share.outlines import one_line, outline, rectangle, signed_area, smoothed

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12))


def filled(rings, height, width):
    """Return the pixels whose middles a line from the right reaches over an odd number of edges."""
    inside = np.zeros((height, width), dtype=int)
    rows, columns = np.mgrid[:height, :width] + 0.5
    for ring in rings:
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            if y0 != y1:
                crossing = x0 + (rows - y0) * (x1 - x0) / (y1 - y0)
                inside += (rows >= min(y0, y1)) & (rows < max(y0, y1)) & (columns < crossing)
    return inside % 2 == 1


def iou(one, other):
    return (one & other).sum() / (one | other).sum()


@settings(deadline=None)  # the machine may be busy
@given(masks)
def test_exact_outlines_hold_the_masks_pixels_and_no_others(mask):
    parts = outline(encode(mask))
    assert np.array_equal(filled([ring for part in parts for ring in part], *mask.shape), mask)
    assert sum(signed_area(ring) for part in parts for ring in part) == mask.sum()
    for outer, *holes in parts:
        assert signed_area(outer) > 0
        assert all(signed_area(hole) < 0 for hole in holes)
        for ring in (outer, *holes):
            assert len({tuple(point) for point in ring.tolist()}) == len(ring), "a point comes twice"
            steps = np.roll(ring, -1, axis=0) - ring
            assert ((steps == 0).sum(axis=1) == 1).all(), "along the edges of pixels"


@settings(deadline=None)
@given(masks)
def test_parts_are_the_pieces_whose_pixels_share_edges(mask):
    parts = outline(encode(mask))
    assert len(parts) == ndimage.label(mask)[1]
    for part in parts:
        assert ndimage.label(filled(part, *mask.shape))[1] == 1


def test_worked_examples():
    mask = np.zeros((5, 6), dtype=bool)
    mask[1:4, 2:5] = True
    mask[2, 3] = False
    ((outer, hole),) = outline(encode(mask))
    assert {tuple(point) for point in outer.tolist()} == {(2, 1), (5, 1), (5, 4), (2, 4)}
    assert {tuple(point) for point in hole.tolist()} == {(3, 2), (4, 2), (4, 3), (3, 3)}
    touching = np.array([[True, False], [False, True]])
    assert sorted(len(part[0]) for part in outline(encode(touching))) == [4, 4]
    assert outline(encode(np.zeros((3, 3), dtype=bool))) == []
    assert rectangle([1, 2, 3, 4]).tolist() == [[1, 2], [4, 2], [4, 6], [1, 6]]


@pytest.mark.parametrize("join", [False, True])
@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_smoothed_and_joined_outlines_have_nearly_the_same_pixels(join, seed):
    """Shapes of 100 pixels and more: an IoU over 0.9 as pycocotools draws polygons, which has nothing of ours."""
    random = np.random.default_rng(seed)
    height, width = 90, 110
    rows, columns = np.mgrid[:height, :width] + 0.5
    angle = np.arctan2(rows - 45, columns - 55)
    radius = random.uniform(9, 36) * (1 + 0.25 * np.sin(random.integers(2, 6) * angle + random.uniform(0, 6)))
    distance = np.hypot(rows - 45, columns - 55)
    mask = (distance < radius) & (distance > random.choice([0, 0.4]) * radius)
    assert mask.sum() >= 100
    rings = [smoothed(ring) for part in outline(encode(mask)) for ring in part]
    assert iou(filled(rings, height, width), mask) > 0.93
    if join:
        rings = [one_line(rings)]
    solid = [ring for ring in rings if signed_area(ring) > 0]
    drawn = coco_mask.decode(
        coco_mask.merge(coco_mask.frPyObjects([ring.ravel().tolist() for ring in solid], height, width))
    )
    if join or len(rings) == 1:
        assert iou(drawn.astype(bool), mask) > 0.9
    exact = [ring for part in outline(encode(mask)) for ring in part]
    assert sum(map(len, rings)) < sum(map(len, exact))


def test_rings_around_few_pixels_stay_as_they_are():
    mask = np.zeros((20, 20), dtype=bool)
    mask[4:8, 5:9] = True
    assert smoothed(outline(encode(mask))[0][0]).tolist() == outline(encode(mask))[0][0].tolist()


@settings(deadline=None)
@given(masks.filter(lambda mask: mask.any()))
def test_one_line_holds_the_same_pixels(mask):
    rings = [ring for part in outline(encode(mask)) for ring in part]
    assert np.array_equal(filled([one_line(rings)], *mask.shape), mask)
