import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from podium.data.resize import resize, target_size

sides = st.integers(1, 4000)


def detectron2(height, width, min_size, max_size):
    """ResizeShortestEdge.get_output_shape (detectron2/data/transforms/augmentation_impl.py), in its order of steps."""
    scale = float(min_size) / min(height, width)
    new_height, new_width = (min_size, scale * width) if height < width else (scale * height, min_size)
    if max(new_height, new_width) > max_size:
        scale = float(max_size) / max(new_height, new_width)
        new_height, new_width = new_height * scale, new_width * scale
    return int(new_height + 0.5), int(new_width + 0.5)


@given(sides, sides, st.integers(1, 1400), st.integers(32, 2000))
def test_sizes_are_detectron2s(height, width, min_size, max_size):
    expected = tuple(max(side, 1) for side in detectron2(height, width, min_size, max_size))
    assert target_size(height, width, min_size, max_size) == expected


@pytest.mark.parametrize(
    ("size", "limits", "expected"),
    [
        ((480, 640), (800, 1333), (800, 1067)),
        ((640, 480), (800, 1333), (1067, 800)),
        ((500, 2000), (800, 1333), (333, 1333)),
        ((64, 64), (64, 64), (64, 64)),
        ((64, 96), (0, 1333), (64, 96)),
        ((1000, 2666), (0, 1333), (500, 1333)),
        # One factor instead of two steps would give 193 here.
        ((385, 2666), (640, 1333), (192, 1333)),
        # No side vanishes.
        ((1, 4000), (800, 1000), (1, 1000)),
    ],
)
def test_worked_examples(size, limits, expected):
    assert target_size(*size, *limits) == expected


def test_pixels_are_pillows_and_an_image_of_the_right_size_is_left_alone():
    image = np.random.default_rng(0).integers(0, 255, (37, 53, 3), dtype=np.uint8)
    resized = resize(image, 20, 31)
    assert (resized.shape, resized.dtype) == ((20, 31, 3), np.uint8)
    assert np.array_equal(resized, np.asarray(Image.fromarray(image).resize((31, 20), Image.BILINEAR)))
    assert resize(image, 37, 53) is image


def test_shrinking_takes_means_of_areas():
    """Anti-aliased: a chequerboard of single pixels becomes grey."""
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    small = resize(board, 16, 16)
    assert np.abs(small.astype(int) - 127).max() <= 2
