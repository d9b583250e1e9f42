import itertools

import numpy as np
import pytest

from podium.data.masks import encode
from podium.report.pictures import Shape, colours, data_uri, draw, fitted

from .reading import pixels

GREEN = (0, 255, 0)


def grey(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), 100, dtype=np.uint8)


def rectangle(height: int, width: int, x: int, y: int, w: int, h: int):
    mask = np.zeros((height, width), dtype=bool)
    mask[y : y + h, x : x + w] = True
    return encode(mask)


@pytest.mark.parametrize(
    ("size", "side", "expected"),
    [
        ((1000, 2000), 480, (240, 480)),
        ((200, 100), 480, (480, 240)),
        ((50, 40), 480, (200, 160)),
        ((3, 4000), 64, (1, 64)),
    ],
)
def test_pictures_fit_their_side(size, side, expected):
    assert fitted(grey(*size), side).shape == (*expected, 3)
    assert draw(grey(*size), [], side).shape == (*expected, 3)


@pytest.mark.parametrize("factor", [0.5, 1, 3])
def test_a_mask_is_filled_and_outlined_where_it_is(factor):
    image = grey(120, 160)
    shape = Shape([40, 30, 60, 50], rectangle(120, 160, 40, 30, 60, 50), GREEN)
    picture = draw(image, [shape], round(160 * factor))
    x0, y0, x1, y1 = (round(factor * value) for value in (40, 30, 100, 80))
    inside = picture[y0 + 4 : y1 - 4, x0 + 4 : x1 - 4]
    # 0.62 of the grey and 0.38 of the colour.
    assert np.unique(inside.reshape(-1, 3), axis=0).tolist() == [[62, 159, 62]]
    outside = np.ones(picture.shape[:2], dtype=bool)
    outside[y0 - 3 : y1 + 3, x0 - 3 : x1 + 3] = False
    assert (picture[outside] == 100).all()
    middle = (y0 + y1) // 2
    assert (picture[middle, x0 - 1 : x0 + 2].astype(int) == GREEN).all(axis=1).any()
    assert (image == 100).all()


def test_a_box_is_outlined_and_not_filled():
    picture = draw(grey(100, 100), [Shape([20.0, 30.0, 40.0, 50.0], None, GREEN)], 100)
    assert (picture[34:76, 24:56] == 100).all()
    change = np.abs(picture.astype(int) - 100).sum(axis=2)
    # The edges at x = 20 and 60, y = 30 and 80 lie between the pixels before and at them.
    for line, edges in ((change[50], (20, 60)), (change[:, 40], (30, 80))):
        places = np.arange(len(line))
        for edge in edges:
            near = np.abs(places - edge) < 6
            assert (line * places)[near].sum() / line[near].sum() == pytest.approx(edge - 0.5, abs=0.6)


def test_objects_thinner_than_a_pixel_of_the_picture_are_seen():
    shape = Shape([1000, 10, 1, 1], rectangle(500, 2000, 1000, 10, 1, 1), GREEN)
    picture = draw(grey(500, 2000), [shape], 100)
    changed = np.argwhere((picture != 100).any(axis=2))
    assert len(changed) and np.abs(changed - [0.5, 50]).max() <= 2


def test_masks_at_the_border_and_empty_ones():
    whole = Shape([0, 0, 90, 70], rectangle(70, 90, 0, 0, 90, 70), GREEN)
    empty = Shape([0, 0, 0, 0], encode(np.zeros((70, 90), dtype=bool)), GREEN)
    assert (draw(grey(70, 90), [empty], 250) == 100).all()
    assert draw(grey(70, 90), [whole], 250)[20:-20, 20:-20].reshape(-1, 3).tolist()[0] == [62, 159, 62]


def test_later_objects_lie_above():
    shapes = [Shape([], rectangle(60, 60, 10, 10, 40, 40), colour) for colour in (GREEN, (255, 0, 0))]
    red, green, _ = draw(grey(60, 60), shapes, 60)[30, 30]
    assert red > green


def test_colours_differ_and_are_light_enough():
    found = colours(12)
    assert len(found) == 12 and colours(40)[:12] == found
    assert min(np.abs(np.subtract(a, b)).max() for a, b in itertools.combinations(found, 2)) >= 25
    assert all(np.dot(colour, (0.299, 0.587, 0.114)) >= 0.47 * 255 for colour in found)
    # Red is kept for predictions without an object.
    assert all(np.abs(np.subtract(colour, (255, 45, 45))).max() > 80 for colour in found)
    assert colours(0) == []


def test_data_uris_hold_the_picture():
    picture = np.zeros((40, 60, 3), dtype=np.uint8)
    picture[:, 30:] = 200, 100, 50
    back = pixels(data_uri(picture))
    assert back.shape == picture.shape
    assert np.abs(back.astype(int) - picture).mean() < 3
    assert data_uri(picture) == data_uri(picture.copy())
