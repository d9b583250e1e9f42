import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from podium.config.segmentation import Crops
from podium.data.masks import decode, encode, encode_at
from podium.inference.masks import as_input, probabilities

from .scene import Brightness, paint


def _found(image, boxes, size=32, context=0.0):
    boxes = [np.array(box, dtype=np.float64) for box in boxes]
    return list(probabilities(Brightness(), image, boxes, Crops(size=size, context=context)))


def _pasted(image, boxes, **crops):
    masks = []
    for probability, x, y in _found(image, boxes, **crops):
        assert probability.dtype == np.float32
        mask = np.zeros(image.shape[:2], dtype=bool)
        mask[y : y + probability.shape[0], x : x + probability.shape[1]] = probability > 0.5
        masks.append(mask)
    return masks


def test_the_input_is_normalised_by_imagenets_statistics():
    crops = np.random.default_rng(0).integers(0, 255, (2, 5, 7, 3), dtype=np.uint8)
    found = as_input(crops)
    assert (found.shape, found.dtype) == ((2, 3, 5, 7), torch.float32)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = (torch.from_numpy(crops).float() / 255 - mean) / std
    assert torch.allclose(found, expected.permute(0, 3, 1, 2), atol=1e-6)


@pytest.mark.parametrize("size", [32, 64, 96, 160])
def test_masks_come_back_exactly_where_they_are(size):
    """Windows of 32 pixels, as they are or enlarged two, three and five times, and back."""
    image = paint([(20, 10, 9, 13), (70, 41, 22, 6)], 64, 100)
    boxes = [(10, 0, 42, 32), (66, 30, 98, 62)]
    first, second = _pasted(image, boxes, size=size)
    truth = image[..., 0] > 0
    assert np.array_equal(first, truth & (np.arange(100) < 42) & (np.arange(64) < 32)[:, None])
    assert np.array_equal(second, truth & (np.arange(100) >= 66) & (np.arange(64) >= 30)[:, None])


@pytest.mark.parametrize("context", [0.0, 0.15, 0.7])
def test_masks_in_windows_of_any_size_are_off_by_their_edges_at_most(context):
    rows, columns = np.mgrid[:200, :240]
    truth = (columns - 110) ** 2 + (rows - 90) ** 2 <= 45**2
    image = np.repeat(truth[..., None] * np.uint8(255), 3, axis=2)
    (mask,) = _pasted(image, [(65, 45, 156, 136)], size=64, context=context)
    edge = np.abs(np.hypot(columns - 110, rows - 90) - 45) < 2.5
    assert np.array_equal(mask | edge, truth | edge)
    assert np.count_nonzero(mask & truth) / np.count_nonzero(mask | truth) > 0.97


@pytest.mark.parametrize(
    ("box", "place"),
    [
        ((-16, -8, 16, 24), (0, 0, 16, 24)),
        ((84, 40, 116, 72), (84, 40, 16, 24)),
        ((-10, -20, 110, 84), (0, 0, 100, 64)),
    ],
)
def test_of_a_box_partly_outside_the_part_inside_is_found(box, place):
    image = paint([(0, 0, 100, 64)], 64, 100)
    ((probability, x, y),) = _found(image, [box])
    assert (x, y, *probability.shape[::-1]) == place
    assert probability.min() > 0.5 or max(box[2] - box[0], box[3] - box[1]) > 32


@pytest.mark.parametrize(
    "box", [(-60, 10, -28, 42), (100, 10, 132, 42), (10, -40, 42, -8), (10, 64, 42, 96), (500, 500, 532, 532)]
)
def test_of_a_box_wholly_outside_nothing_is_found(box):
    image = paint([(0, 0, 100, 64)], 64, 100)
    ((probability, x, y),) = _found(image, [box])
    assert probability.size == 0
    empty = encode_at(probability > 0.5, x, y, 64, 100)
    assert not decode(empty).any()


def test_more_boxes_than_a_batch_keep_their_order():
    image = paint([], 64, 150)
    image[...] = (np.arange(150) * 1.7).astype(np.uint8)[None, :, None]
    boxes = [(x, 10, x + 8, 18) for x in range(130)]
    found = _found(image, boxes)
    assert len(found) == 130
    for (probability, x, y), box in zip(found, boxes, strict=True):
        assert (x, y, *probability.shape) == (box[0], 10, 8, 8)
        middle = 1 / (1 + np.exp(-60 * (image[0, x : x + 8, 0].mean() / 255 - 0.5)))
        assert probability.mean() == pytest.approx(middle, abs=0.05)


def test_no_boxes_give_no_masks():
    assert _found(paint([], 10, 10), []) == []


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=12)), st.data())
@settings(max_examples=200)
def test_a_mask_encoded_at_a_place_is_the_whole_image_encoded(mask, data):
    height, width = (data.draw(st.integers(max(side, 1), side + 6)) for side in mask.shape)
    x = data.draw(st.integers(0, width - mask.shape[1]))
    y = data.draw(st.integers(0, height - mask.shape[0]))
    whole = np.zeros((height, width), dtype=bool)
    whole[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
    assert encode_at(mask, x, y, height, width) == encode(whole)
