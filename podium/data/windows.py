"""Square windows around boxes: cut out, resized for a network, and pasted back."""

import math
from typing import NamedTuple

import cv2
import numpy as np

from podium.data.masks import Rle, decode_at


class Window(NamedTuple):
    """A square of whole pixels, possibly beyond the image: columns x … x + side - 1, rows y … y + side - 1."""

    x: int
    y: int
    side: int


def window_around(box: np.ndarray, context: float) -> Window:
    """Return the window of a box (xyxy, pixels): centred on it, `context` times its longer side wider on each side.

    A box moved by whole pixels has its window moved by as many.
    """
    x0, y0, x1, y1 = (float(value) for value in box)
    side = max(round(max(x1 - x0, y1 - y0) * (1 + 2 * context)), 1)
    # round() would move halves to even numbers, left or right by where the box lies.
    return Window(math.floor((x0 + x1 - side + 1) / 2), math.floor((y0 + y1 - side + 1) / 2), side)


def cut(image: np.ndarray, window: Window) -> np.ndarray:
    """Return the pixels of a window, (side, side) or (side, side, c); zeros beyond the image."""
    return _placed(image[_inside(window, *image.shape[:2])], window)


def cut_mask(mask: Rle, window: Window) -> np.ndarray:
    """Return a window of a mask, bool (side, side); False beyond the image. The mask as a whole is never decoded."""
    rows, columns = _inside(window, *mask["size"])
    height, width = rows.stop - rows.start, columns.stop - columns.start
    return _placed(decode_at(mask, columns.start, rows.start, height, width), window)


def _inside(window: Window, height: int, width: int) -> tuple[slice, slice]:
    """Return the rows and columns of a window that lie in an image of (height, width)."""
    x, y, side = window
    top, left = min(max(y, 0), height), min(max(x, 0), width)
    return slice(top, max(min(y + side, height), top)), slice(left, max(min(x + side, width), left))


def _placed(inside: np.ndarray, window: Window) -> np.ndarray:
    """Return a window's pixels from those inside the image, zeros around them."""
    x, y, side = window
    out = np.zeros((side, side, *inside.shape[2:]), dtype=inside.dtype)
    if inside.size:
        top, left = max(-y, 0), max(-x, 0)
        out[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return out


def scale(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return square pixels resized to (side, side): by areas when shrinking, else bilinear; pixel centres aligned."""
    method = cv2.INTER_AREA if side < pixels.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(pixels, (side, side), interpolation=method)


def clip(pixels: np.ndarray, window: Window, height: int, width: int) -> tuple[np.ndarray, int, int]:
    """Return the part of a window's pixels inside an image of that size, and the column and row of its corner."""
    x, y, side = window
    left, top = max(-x, 0), max(-y, 0)
    right, bottom = max(min(side, width - x), left), max(min(side, height - y), top)
    return pixels[top:bottom, left:right], x + left, y + top
