"""Sizes of images on their way into a model and back."""

import numpy as np
from PIL import Image


def target_size(height: int, width: int, min_size: int, max_size: int) -> tuple[int, int]:
    """Return (height, width) so that the shorter side is min_size and the longer at most max_size.

    min_size 0 leaves the size as it is, but for max_size. Rounding is Detectron2's (ResizeShortestEdge).
    """
    scale = min_size / min(height, width) if min_size else 1.0
    scale = min(scale, max_size / max(height, width))
    return int(height * scale + 0.5), int(width * scale + 0.5)


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return a uint8 (h, w, 3) image resized to (height, width, 3), bilinear with anti-aliasing as Pillow does it."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
