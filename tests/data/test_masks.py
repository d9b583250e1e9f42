"""Run-length codes against numpy and against worked examples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco_mask

from podium.data.masks import (
    area,
    box_of,
    counts_to_runs,
    decode,
    decode_at,
    decode_tight,
    encode,
    fill_their_masks,
    polygons_to_rle,
    runs_to_rle,
    union,
)

masks = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=20))


def runs_of(mask):
    """Count runs pixel by pixel, down the columns, beginning with background."""
    runs, now = [0], False
    for pixel in mask.T.ravel():
        if pixel != now:
            runs.append(0)
            now = pixel
        runs[-1] += 1
    return runs


@given(masks)
def test_a_mask_comes_back_with_its_area_and_tight_box(mask):
    rle = encode(mask)
    assert isinstance(rle["counts"], str)
    assert rle["size"] == list(mask.shape)
    assert np.array_equal(decode(rle), mask)
    assert area(rle) == mask.sum()
    rows, columns = np.nonzero(mask)
    if len(rows):
        tight = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
        assert box_of(rle) == tight


@given(masks, st.data())
def test_a_part_decoded_is_that_part_of_the_mask(mask, data):
    rows, columns = mask.shape
    y, x = data.draw(st.integers(0, rows)), data.draw(st.integers(0, columns))
    height, width = data.draw(st.integers(0, rows - y)), data.draw(st.integers(0, columns - x))
    part = decode_at(encode(mask), x, y, height, width)
    assert part.dtype == bool
    assert np.array_equal(part, mask[y : y + height, x : x + width])


@given(arrays(bool, st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9))))
def test_a_union_has_the_pixels_of_all(several):
    assert np.array_equal(decode(union([encode(mask) for mask in several])), several.any(axis=0))


@given(masks)
def test_what_lies_in_the_tight_box(mask):
    found, x, y = decode_tight(encode(mask))
    rows, columns = np.nonzero(mask)
    assert found.dtype == bool
    assert found.shape == ((np.ptp(rows) + 1, np.ptp(columns) + 1) if len(rows) else (0, 0))
    assert np.array_equal(found, mask[y : y + found.shape[0], x : x + found.shape[1]])
    assert found.sum() == mask.sum()


@given(masks)
def test_runs_by_counting_equal_the_code_and_back(mask):
    rle, runs = encode(mask), runs_of(mask)
    assert counts_to_runs(rle["counts"]).tolist() == runs
    assert runs_to_rle(runs, *mask.shape) == rle


@given(masks, st.data())
def test_empty_runs_change_nothing(mask, data):
    runs = runs_of(mask)
    place = data.draw(st.integers(0, len(runs) - 1))
    cut = data.draw(st.integers(0, runs[place]))
    split = [*runs[:place], cut, 0, runs[place] - cut, *runs[place + 1 :]]
    assert runs_to_rle(split, *mask.shape) == encode(mask)


# pycocotools has six bytes for each number, with which longer ones than these may not do: it writes beyond them.
@given(st.lists(st.integers(0, 2**24 - 1), min_size=1, max_size=30))
def test_counts_of_any_size_as_pycocotools_writes_them(runs):
    written = coco_mask.frPyObjects({"size": [1, 1], "counts": runs}, 1, 1)["counts"].decode()
    assert counts_to_runs(written).tolist() == runs


@pytest.mark.parametrize(
    ("runs", "problem"),
    [
        ([5, 5], "10 pixels in all"),
        ([5, -1, 8], "a run of -1"),
        ([5.0, 7.0], "a run of 5.0"),
        ([True, 11], "a run of True"),
    ],
)
def test_runs_that_do_not_fill_the_mask(runs, problem):
    with pytest.raises(ValueError, match=problem):
        runs_to_rle(runs, 3, 4)


@pytest.mark.parametrize("counts", ["0 5", "5é", "o", "5" + 13 * "o" + "0"])
def test_counts_that_are_no_code(counts):
    with pytest.raises(ValueError, match=r"no character|cut off|longer than"):
        counts_to_runs(counts)


@given(st.lists(masks, max_size=5), st.data())
def test_many_codes_at_once_are_as_sound_as_each(several, data):
    codes = [encode(mask)["counts"] for mask in several]
    pixels = [mask.size for mask in several]
    assert fill_their_masks(codes, pixels)
    if not codes:
        return
    # One is changed: it is sound still where its runs fill as many pixels as before.
    place = data.draw(st.integers(0, len(codes) - 1))
    codes[place] = data.draw(st.text(st.sampled_from("01357:@Oaoé "), max_size=6) | st.just(codes[place][:-1]))
    try:
        runs = counts_to_runs(codes[place])
        sound = bool((runs >= 0).all()) and runs.sum() == pixels[place] and codes[place] != ""
    except ValueError:
        sound = False
    assert fill_their_masks(codes, pixels) == sound


def test_polygons_are_the_union_of_their_parts():
    left, right = [1, 1, 4, 1, 4, 3, 1, 3], [3, 2, 6, 2, 6, 5, 3, 5]
    expected = np.zeros((6, 8), bool)
    expected[1:3, 1:4] = expected[2:5, 3:6] = True
    assert np.array_equal(decode(polygons_to_rle([left, right], 6, 8)), expected)


@pytest.mark.parametrize("shift", [(-50, 0), (50, 0), (0, -50), (0, 50)])
def test_a_polygon_outside_is_empty(shift):
    polygon = [2 + shift[0], 2 + shift[1], 6 + shift[0], 2 + shift[1], 6 + shift[0], 6 + shift[1]]
    assert area(polygons_to_rle([polygon], 20, 20)) == 0
