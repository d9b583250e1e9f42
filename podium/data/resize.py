"""Sizes of images on their way into a model and back."""

import numpy as np
from PIL import Image


def target_size(height: int, width: int, min_size: int, max_size: int) -> tuple[int, int]:
    """Return (height, width) so that the shorter side is min_size and the longer at most max_size.

    min_size 0 leaves the size as it is, but for max_size. Rounding is Detectron2's (ResizeShortestEdge).
    """
    # In two steps, as there: one factor for both would differ from it by a pixel now and then.
    short, long = sorted((height, width))
    if min_size:
        short, long = min_size, min_size / short * long
    if long > max_size:
        short, long = max_size / long * short, max_size
    short, long = (max(int(side + 0.5), 1) for side in (short, long))
    return (short, long) if height < width else (long, short)


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return a uint8 (h, w, 3) image resized to (height, width, 3), bilinear with anti-aliasing as Pillow does it."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
