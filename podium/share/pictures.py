"""The pictures that are shared: each image at limited size, with what was found drawn on it, and small."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from podium.data.images import read_image
from podium.report.pictures import Shape, draw, fitted
from podium.share.images import SharedImage

THUMBNAIL = 96
"""Longer side of the smallest picture in pixels."""

_FEW_COLOURS = 32


class Pictures(NamedTuple):
    """An image's files, relative to the folder that is shared."""

    picture: str
    annotated: str
    thumbnail: str
    full_size: bool


def write_pictures(folder: Path, image: SharedImage, side: int, shapes: Sequence[Shape]) -> Pictures:
    """Write an image's picture, never enlarged, the same with shapes drawn on it, and a thumbnail.

    The drawn one of a small image is enlarged, so that its lines are thin beside the objects.
    """
    pixels = read_image(image.path, image.size)
    small = max(pixels.shape[:2]) <= side
    return Pictures(
        _save(pixels if small else fitted(pixels, side), folder, f"pictures/{image.stem}"),
        _save(draw(pixels, shapes, side), folder, f"annotated/{image.stem}"),
        _save(fitted(pixels, min(THUMBNAIL, max(pixels.shape[:2]))), folder, f"thumbnails/{image.stem}"),
        small,
    )


def _save(pixels: np.ndarray, folder: Path, name: str) -> str:
    """Write a drawing of few colours as PNG, which keeps it exact and is then small, all else as JPEG."""
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    drawing = picture.getcolors(_FEW_COLOURS) is not None
    name += ".png" if drawing else ".jpg"
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    if drawing:
        picture.save(folder / name)
    else:  # Colours as fine as brightness: lines are coloured.
        picture.save(folder / name, quality=86, subsampling=0)
    return name
