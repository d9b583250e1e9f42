"""GeoTIFF tags, by the examples and formulas of the specification (OGC 19-008r4)."""

import numpy as np
import pytest
from PIL import Image

from podium.share.georeference import georeference

from .scene import GEOTIFF, write_geotiff

PIXELS = np.zeros((4, 6, 3), dtype=np.uint8)


def keys(model: int, raster: int, key: int, epsg: int) -> tuple[int, ...]:
    return (1, 1, 0, 3, 1024, 0, 1, model, 1025, 0, 1, raster, key, 0, 1, epsg)


@pytest.fixture
def place(tmp_path):
    def read(tags: dict, size: tuple[int, int] = (6, 4)):
        write_geotiff(tmp_path / "map.tif", PIXELS, tags)
        return georeference(tmp_path / "map.tif", *size)

    return read


def test_scale_and_tie_point(place):
    found = place(GEOTIFF)
    assert (found.epsg, found.is_wgs84) == (32633, False)
    assert found.places(np.array([[0, 0], [6, 4]])).tolist() == [[500000, 4650000], [500003, 4649998]]


def test_a_tie_point_inside_of_the_image(place):
    found = place(GEOTIFF | {33922: (2.0, 1.0, 0.0, 100.0, 200.0, 0.0)})
    assert found.places(np.array([[2, 1], [0, 0]])).tolist() == [[100, 200], [99, 200.5]]


def test_pixel_is_point_means_the_middle_of_the_pixel(place):
    found = place(GEOTIFF | {34735: keys(1, 2, 3072, 32633)})
    assert found.places(np.array([[0.5, 0.5]])).tolist() == [[500000, 4650000]]


def test_a_transformation_that_turns(place):
    matrix = (0.0, 2.0, 0.0, 10.0, 3.0, 0.0, 0.0, 50.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    found = place({34264: matrix, 34735: keys(2, 1, 2048, 4326)})
    assert found.is_wgs84
    assert found.places(np.array([[1, 2]])).tolist() == [[14, 53]]


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {34735: GEOTIFF[34735]},
        {key: GEOTIFF[key] for key in (33550, 33922)},
        GEOTIFF | {34735: keys(1, 1, 3072, 32767)},
        GEOTIFF | {34735: keys(2, 1, 3072, 32633)},
        GEOTIFF | {33550: (0.0, 0.0, 0.0)},
        GEOTIFF | {33550: (float("nan"), 1.0, 0.0)},
        GEOTIFF | {33922: (0.0,) * 24},
    ],
    ids=["nothing", "no_place", "no_system", "user_defined", "other_kind", "no_scale", "nan", "control_points"],
)
def test_files_that_do_not_say_where_they_lie(place, tags):
    assert place(tags) is None


def test_other_sizes_and_other_files(place, tmp_path):
    assert place(GEOTIFF, (4, 6)) is None
    Image.fromarray(PIXELS).save(tmp_path / "map.png")
    assert georeference(tmp_path / "map.png", 6, 4) is None
