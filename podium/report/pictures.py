"""Images with their objects drawn on them."""

import base64
import colorsys
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from podium.data.masks import Rle, decode_tight

Colour = tuple[int, int, int]
"""Red, green, blue: 0 … 255."""

MOST_ENLARGED = 4.0
"""Small images are enlarged up to so many times, so that outlines are thin beside their objects."""

OBJECT_COLOURS = 12
"""With one category only, objects have different colours, of which there are so many."""

CROWD: Colour = (160, 160, 160)
ALONE: Colour = (255, 45, 45)
"""Predictions without a true object of their own."""

_LEAST_LUMA = 0.48
_SMALL = 16  # Pixels of the picture.

_SHIFT = 4  # OpenCV takes coordinates as whole numbers of 1/16 pixel.


@dataclass(frozen=True)
class Shape:
    """An object to draw: a mask where there is one, else its box.

    Attributes
    ----------
    box
        [x, y, w, h] in pixels of the image.
    mask
        Of the image's size.
    """

    box: Sequence[float]
    mask: Rle | None
    colour: Colour


def colours(count: int) -> list[Colour]:
    """Return so many colours that are told apart on photographs: hues a golden angle apart, none red or dark."""
    found = []
    for place in range(count):
        hue = 0.07 + 0.86 * ((0.5 + place * (math.sqrt(5) - 1) / 2) % 1)
        colour = np.array(colorsys.hls_to_rgb(hue, (0.56, 0.70)[place % 2], 0.85))
        # Blue of equal lightness looks far darker than yellow: mixed with white up to a least luma (ITU-R BT.601).
        luma = colour @ (0.299, 0.587, 0.114)
        colour += max(0.0, (_LEAST_LUMA - luma) / (1 - luma)) * (1 - colour)
        found.append(tuple(round(255 * float(part)) for part in colour))
    return found


def fitted(image: np.ndarray, side: int) -> np.ndarray:
    """Return an image (uint8, (h, w, 3)) whose longer side is `side`, or `MOST_ENLARGED` times what it was."""
    factor = _factor(image.shape, side)
    height, width = (max(1, round(length * factor)) for length in image.shape[:2])
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, (width, height), interpolation=interpolation)


def draw(image: np.ndarray, shapes: Sequence[Shape], side: int) -> np.ndarray:
    """Return a fitted image with objects on it.

    Masks are filled with translucent colour and outlined, boxes outlined; later ones lie above earlier ones.

    Parameters
    ----------
    image
        uint8 (h, w, 3), RGB. It is not changed.
    shapes
        In its coordinates.
    side
        Longer side of the result in pixels, see `fitted`.
    """
    factor = _factor(image.shape, side)
    picture = fitted(image, side)
    for shape in shapes:
        if shape.mask is None:
            _outline(picture, [_box_corners(shape.box, factor)], shape.colour)
        else:
            _draw_mask(picture, shape.mask, shape.colour, factor)
    return picture


def data_uri(picture: np.ndarray) -> str:
    """Return a picture (uint8, (h, w, 3), RGB) as the data URI of a WebP file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", quality=82, method=4)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _factor(shape: Sequence[int], side: int) -> float:
    return min(side / max(shape[:2]), MOST_ENLARGED)


def _draw_mask(picture: np.ndarray, rle: Rle, colour: Colour, factor: float) -> None:
    # Only what the object covers is decoded: the image may be large and its objects many.
    mask, x, y = decode_tight(rle)
    if not mask.size:
        return
    own, (height, width) = mask.astype(np.float32), mask.shape
    left, top = round(x * factor), round(y * factor)
    size = max(1, round((x + width) * factor) - left), max(1, round((y + height) * factor) - top)
    soft = cv2.resize(own, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    part = picture[top : top + size[1], left : left + size[0]]
    inside = (soft >= 0.5)[: part.shape[0], : part.shape[1]]
    part[inside] = (0.62 * part[inside] + 0.38 * np.array(colour)).round().astype(np.uint8)
    rim = np.pad(inside.astype(np.uint8), 1)
    lines, _ = cv2.findContours(rim, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE, offset=(left - 1, top - 1))
    if lines:
        _outline(picture, [line[:, 0].astype(np.float64) for line in lines], colour)
    else:  # Thinner than a pixel of the picture.
        _outline(picture, [_box_corners((x, y, width, height), factor)], colour)


def _box_corners(box: Sequence[float], factor: float) -> np.ndarray:
    """Return the corners of a box as the picture's pixels: an edge at 0 is the middle of pixel -0.5."""
    x, y, width, height = box
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    return np.array(corners, dtype=np.float64) * factor - 0.5


def _outline(picture: np.ndarray, lines: Sequence[np.ndarray], colour: Colour) -> None:
    points = [np.round(line * (1 << _SHIFT)).astype(np.int32) for line in lines]
    # A thick line would cover a small object.
    extent = max(np.ptp(line, axis=0).max() for line in lines)
    cv2.polylines(picture, points, True, colour, 2 if extent > _SMALL else 1, cv2.LINE_AA, _SHIFT)
