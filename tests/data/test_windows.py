import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.data.masks import encode
from podium.data.windows import Window, clip, cut, cut_mask, scale, window_around

windows = st.builds(Window, st.integers(-30, 40), st.integers(-30, 40), st.integers(1, 35))


@pytest.mark.parametrize(
    ("box", "context", "expected"),
    [
        ((10, 20, 30, 30), 0.0, Window(10, 15, 20)),
        ((10, 20, 30, 30), 0.25, Window(5, 10, 30)),
        ((10, 20, 20, 40), 0.5, Window(-5, 10, 40)),
        ((3, 3, 4, 4), 0.0, Window(3, 3, 1)),
        ((5, 5, 5, 5), 0.3, Window(5, 5, 1)),
        ((-20, -30, -10, -24), 0.0, Window(-20, -32, 10)),
    ],
)
def test_worked_examples(box, context, expected):
    assert window_around(np.array(box, dtype=np.float64), context) == expected


corner, length = st.floats(-50, 50), st.floats(0, 60)


@given(corner, corner, length, length, st.floats(0, 2))
def test_a_window_is_centred_on_its_box_and_holds_it(x, y, width, height, context):
    window = window_around(np.array([x, y, x + width, y + height]), context)
    longest = max(width, height)
    assert abs(window.side - max(longest * (1 + 2 * context), 1)) <= 0.5
    assert abs(window.x + window.side / 2 - (x + width / 2)) <= 0.5
    assert abs(window.y + window.side / 2 - (y + height / 2)) <= 0.5


@given(*[st.integers(-40, 40)] * 2, *[st.integers(1, 60)] * 2, st.sampled_from([0, 0.15, 0.5]), st.integers(-9, 9))
def test_windows_move_with_their_boxes(x, y, width, height, context, step):
    box = np.array([x, y, x + width, y + height], dtype=np.float64)
    before, after = window_around(box, context), window_around(box + step, context)
    assert after == (before.x + step, before.y + step, before.side)


@given(st.integers(1, 40), st.integers(1, 40), windows, st.booleans())
def test_cut_takes_each_pixel_from_its_place_and_zeros_from_beyond(height, width, window, colours):
    image = 1 + np.arange(height * width).reshape(height, width)
    image = np.stack([image, -image], axis=2) if colours else image
    out = cut(image, window)
    assert out.shape == (window.side, window.side, *image.shape[2:])
    for row in range(window.side):
        for column in range(window.side):
            y, x = window.y + row, window.x + column
            expected = image[y, x] if 0 <= y < height and 0 <= x < width else 0
            assert np.array_equal(out[row, column], np.broadcast_to(expected, image.shape[2:]))


@given(st.integers(1, 40), st.integers(1, 40), windows, st.integers(0, 9))
def test_a_mask_is_cut_as_its_pixels_are(height, width, window, seed):
    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    out = cut_mask(encode(mask), window)
    assert out.dtype == bool
    assert np.array_equal(out, cut(mask, window))


@given(st.integers(1, 40), st.integers(1, 40), windows)
def test_what_is_cut_and_clipped_is_the_image_again(height, width, window):
    image = np.arange(height * width, dtype=np.int32).reshape(height, width) + 1
    inside, x, y = clip(cut(image, window), window, height, width)
    rebuilt = np.zeros_like(image)
    rebuilt[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    expected = np.zeros_like(image)
    rows = slice(max(window.y, 0), max(window.y + window.side, 0))
    columns = slice(max(window.x, 0), max(window.x + window.side, 0))
    expected[rows, columns] = image[rows, columns]
    assert np.array_equal(rebuilt, expected)
    assert inside.size == np.count_nonzero(expected)


def test_shrinking_takes_means_of_areas_and_enlarging_keeps_centres():
    pixels = np.random.default_rng(0).integers(0, 255, (12, 12)).astype(np.float32)
    assert np.allclose(scale(pixels, 4), pixels.reshape(4, 3, 4, 3).mean(axis=(1, 3)), atol=1e-3)
    # A left half stays a left half.
    half = np.zeros((8, 8), dtype=np.uint8)
    half[:, :4] = 255
    large = scale(half, 32)
    assert ((large >= 128) == (np.arange(32) < 16)).all()
    assert np.array_equal(scale(half, 8), half)
    assert scale(np.zeros((5, 5, 3), dtype=np.uint8), 16).shape == (16, 16, 3)
