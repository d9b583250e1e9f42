"""Where on Earth a picture lies: the tags of a GeoTIFF (OGC 19-008r4, GeoTIFF 1.1)."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from podium.data.images import FORMATS

_SCALE, _TIEPOINTS, _TRANSFORMATION, _KEYS = 33550, 33922, 34264, 34735
_ORIENTATION = 274
_MODEL_TYPE, _RASTER_TYPE, _GEOGRAPHIC, _PROJECTED = 1024, 1025, 2048, 3072
_IS_PROJECTED, _IS_GEOGRAPHIC, _PIXEL_IS_POINT = 1, 2, 2
_WGS84 = 4326
_USER_DEFINED = 32767


@dataclass(frozen=True)
class Georeference:
    """How pixels become places.

    Attributes
    ----------
    matrix
        float (2, 3): times (x, y, 1), with pixel (0, 0) from (0, 0) to (1, 1), gives longitude or easting, latitude or
        northing.
    epsg
        The coordinate reference system's number in the EPSG register.
    """

    matrix: np.ndarray
    epsg: int

    @property
    def is_wgs84(self) -> bool:
        """Whether places are longitude and latitude on WGS 84, as RFC 7946 wants them."""
        return self.epsg == _WGS84

    def places(self, ring: np.ndarray) -> np.ndarray:
        """Return points (n, 2) in pixels as places (n, 2)."""
        return ring @ self.matrix[:, :2].T + self.matrix[:, 2]


def georeference(path: Path, width: int, height: int) -> Georeference | None:
    """Return where an image file says that it lies, None where it does not say so in a way that is read here.

    Read are a scale with a tie point and a transformation, with a reference system that the EPSG register has. Not
    read are ground control points, world files (they name no reference system), and files whose pixels are turned.
    """
    if path.suffix.lower() not in (".tif", ".tiff"):
        return None
    with Image.open(path, formats=FORMATS) as picture:
        tags = dict(getattr(picture, "tag_v2", {}))
        if picture.size != (width, height) or tags.get(_ORIENTATION, 1) != 1:
            return None
    keys = _keys(tags.get(_KEYS, ()))
    epsg = keys.get({_IS_PROJECTED: _PROJECTED, _IS_GEOGRAPHIC: _GEOGRAPHIC}.get(keys.get(_MODEL_TYPE)))
    matrix = _matrix(tags)
    if matrix is None or not epsg or epsg >= _USER_DEFINED:
        return None
    if keys.get(_RASTER_TYPE) == _PIXEL_IS_POINT:  # (0, 0) is the middle of the first pixel.
        matrix[:, 2] -= matrix[:, :2] @ (0.5, 0.5)
    return Georeference(matrix, epsg)


def _keys(directory: tuple[int, ...]) -> dict[int, int]:
    """Return the keys whose values stand in the directory itself: four numbers of head, then four for each key."""
    rows = zip(*(directory[start::4] for start in range(4)), strict=False)
    return {key: value for key, location, _, value in list(rows)[1:] if location == 0}


def _matrix(tags: dict) -> np.ndarray | None:
    if len(rows := tags.get(_TRANSFORMATION, ())) == 16:
        matrix = np.array(rows, dtype=float).reshape(4, 4)[:2, [0, 1, 3]]
    elif len(tie := tags.get(_TIEPOINTS, ())) == 6 and len(scale := tags.get(_SCALE, ())) >= 2:
        column, row, _, east, north, _ = tie
        matrix = np.array(
            [[scale[0], 0.0, east - column * scale[0]], [0.0, -scale[1], north + row * scale[1]]], dtype=float
        )
    else:
        return None
    return matrix if np.isfinite(matrix).all() and np.linalg.det(matrix[:, :2]) else None
