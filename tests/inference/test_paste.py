import numpy as np
import pytest
import torch

from podium.inference.paste import paste


def naive(mask, box, height, width):
    """Bilinear interpolation of a mask in the frame of its box at the centres of an image's pixels, pixel by pixel."""
    x0, y0, x1, y1 = box
    side = mask.shape[0]
    padded = np.pad(mask, 1)
    image = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            u = (column + 0.5 - x0) / (x1 - x0) * side - 0.5
            v = (row + 0.5 - y0) / (y1 - y0) * side - 0.5
            if not (-1 < u < side and -1 < v < side):
                continue
            left, top = int(np.floor(u)), int(np.floor(v))
            a, b = u - left, v - top
            four = padded[top + 1 : top + 3, left + 1 : left + 3]
            image[row, column] = (1 - b) * ((1 - a) * four[0, 0] + a * four[0, 1]) + b * (
                (1 - a) * four[1, 0] + a * four[1, 1]
            )
    return image


@pytest.mark.parametrize(
    "box",
    [(3.2, 4.7, 20.1, 18.9), (0.0, 0.0, 30.0, 24.0), (25.4, 20.2, 29.9, 23.8), (-4.0, -3.0, 6.0, 9.0), (10, 5, 11, 6)],
)
def test_as_interpolated_pixel_by_pixel(box):
    mask = torch.rand(28, 28, generator=torch.Generator().manual_seed(1))
    inside, x, y = paste(mask, torch.tensor(box), 24, 30)
    expected = naive(mask.numpy().astype(float), box, 24, 30)
    image = np.zeros((24, 30))
    image[y : y + inside.shape[0], x : x + inside.shape[1]] = inside.numpy()
    # What lies outside the part is less than half of an edge's value: never a mask's pixel.
    part = np.zeros_like(image, dtype=bool)
    part[y : y + inside.shape[0], x : x + inside.shape[1]] = True
    assert np.allclose(image[part], expected[part], atol=1e-4)
    assert (expected[~part] < 0.5).all()


def test_a_full_mask_fills_the_pixels_whose_centres_are_in_the_box():
    inside, x, y = paste(torch.ones(28, 28), torch.tensor([4.0, 6.0, 14.0, 9.0]), 20, 20)
    filled = np.zeros((20, 20), dtype=bool)
    filled[y : y + inside.shape[0], x : x + inside.shape[1]] = (inside >= 0.5).numpy()
    assert filled.sum() == 30
    assert filled[6:9, 4:14].all()


def test_a_box_outside_the_image():
    inside, _, _ = paste(torch.ones(28, 28), torch.tensor([30.0, 2.0, 40.0, 9.0]), 20, 20)
    assert inside.numel() == 0
