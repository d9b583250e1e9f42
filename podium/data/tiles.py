"""Tiles: the overlapping parts in which a large photograph is seen."""

import math
from typing import NamedTuple

import numpy as np

from podium.config.detection import Tiles


class Tile(NamedTuple):
    """A part of a photograph: columns x … x + width - 1, rows y … y + height - 1."""

    x: int
    y: int
    width: int
    height: int

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Return the tile's pixels, a view of those of the image (h, w, …)."""
        return image[self.y : self.y + self.height, self.x : self.x + self.width]


def tiles_of(height: int, width: int, settings: Tiles) -> list[Tile]:
    """Return the tiles of a photograph of (height, width), row by row; one, all of it, where it is no larger than one.

    They have equal sizes, cover every pixel, and are spread evenly: neighbours share settings.overlap pixels or more,
    and the last ends where the photograph does. Nothing is padded: along a side shorter than settings.size they are as
    long as it.
    """
    xs, ys = (_starts(side, settings.size, settings.overlap) for side in (width, height))
    return [Tile(x, y, min(settings.size, width), min(settings.size, height)) for y in ys for x in xs]


def views_of(height: int, width: int, settings: Tiles | None) -> list[Tile]:
    """Return all parts in which a photograph is seen: its tiles, then where settings.whole says so the whole of it.

    Without settings it is seen as a whole.
    """
    whole = Tile(0, 0, width, height)
    if settings is None:
        return [whole]
    tiles = tiles_of(height, width, settings)
    return [*tiles, whole] if settings.whole and len(tiles) > 1 else tiles


def shifted(tile: Tile, height: int, width: int, settings: Tiles, rng: np.random.Generator) -> Tile:
    """Return a tile moved at random, by up to half the step to its neighbours, inside a photograph of (height, width).

    So trainings see objects at all places of a tile, and all parts of the photograph nearly equally often.
    """
    reach = (settings.size - settings.overlap) // 2
    x, y = rng.integers(-reach, reach, 2, endpoint=True) + (tile.x, tile.y)
    return tile._replace(
        x=int(np.clip(x, 0, width - tile.width)),
        y=int(np.clip(y, 0, height - tile.height)),
    )


def _starts(side: int, size: int, overlap: int) -> list[int]:
    steps = max(math.ceil((side - size) / (size - overlap)), 0)
    return [round(step * (side - size) / steps) for step in range(steps + 1)] if steps else [0]
