import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from pydantic import ValidationError

from podium.config.detection import Tiles
from podium.data.tiles import Tile, shifted, tiles_of, views_of


@st.composite
def settings(draw):
    size = draw(st.integers(32, 80))
    return Tiles(size=size, overlap=draw(st.integers(0, size * 3 // 4)))


sides = st.integers(1, 300)


def test_a_worked_example():
    assert tiles_of(100, 250, Tiles(size=100, overlap=20)) == [Tile(x, 0, 100, 100) for x in (0, 75, 150)]
    assert tiles_of(181, 100, Tiles(size=100, overlap=20)) == [Tile(0, y, 100, 100) for y in (0, 40, 81)]
    assert tiles_of(60, 130, Tiles(size=100, overlap=20)) == [Tile(0, 0, 100, 60), Tile(30, 0, 100, 60)]


@limits(deadline=None)
@given(sides, sides, settings())
def test_tiles_of_one_size_cover_every_pixel_and_neighbours_share_the_overlap(height, width, settings):
    tiles = tiles_of(height, width, settings)
    seen = np.zeros((height, width), dtype=int)
    for tile in tiles:
        part = tile.cut(seen)
        assert part.shape == (tile.height, tile.width) == (min(settings.size, height), min(settings.size, width))
        part += 1
    assert seen.min() >= 1
    for starts in ({tile.x for tile in tiles}, {tile.y for tile in tiles}):
        steps = np.diff(sorted(starts))
        assert (steps <= settings.size - settings.overlap).all()
        assert not len(steps) or np.ptp(steps) <= 1
    # One tile fewer along a side would not do.
    for count, side in ((len({t.x for t in tiles}), width), (len({t.y for t in tiles}), height)):
        assert count == 1 or (count - 1) * (settings.size - settings.overlap) + settings.overlap < side


@limits(deadline=None)
@given(sides, sides, settings(), st.integers(5, 60), st.data())
def test_what_is_shorter_than_the_overlap_is_seen_whole_by_a_tile(height, width, settings, longest, data):
    longest = min(longest, settings.overlap, height, width)
    x, y = data.draw(st.integers(0, width - longest)), data.draw(st.integers(0, height - longest))
    assert any(
        tile.x <= x and tile.y <= y and x + longest <= tile.x + tile.width and y + longest <= tile.y + tile.height
        for tile in tiles_of(height, width, settings)
    )


def test_views():
    settings = Tiles(size=100, overlap=20, whole=True)
    assert views_of(90, 250, None) == [Tile(0, 0, 250, 90)]
    assert views_of(90, 250, settings) == [*tiles_of(90, 250, settings), Tile(0, 0, 250, 90)]
    # A photograph of one tile is not seen twice.
    assert views_of(90, 100, settings) == [Tile(0, 0, 100, 90)]


@limits(deadline=None)
@given(sides, sides, settings(), st.integers(0, 2**31))
def test_a_shifted_tile_stays_within_the_photograph_and_near_its_place(height, width, settings, seed):
    reach = (settings.size - settings.overlap) // 2
    for tile in tiles_of(height, width, settings):
        moved = shifted(tile, height, width, settings, np.random.default_rng(seed))
        assert (moved.width, moved.height) == (tile.width, tile.height)
        assert 0 <= moved.x <= width - moved.width and 0 <= moved.y <= height - moved.height
        assert abs(moved.x - tile.x) <= reach and abs(moved.y - tile.y) <= reach


def test_shifted_tiles_reach_every_place():
    settings, rng = Tiles(size=32, overlap=8), np.random.default_rng(0)
    tiles = tiles_of(32, 100, settings)
    places = {shifted(tile, 32, 100, settings, rng).x for tile in tiles for _ in range(300)}
    assert places == set(range(100 - 32 + 1))


def test_tiles_that_would_hardly_move_on_are_refused():
    with pytest.raises(ValidationError, match="overlap 301 is more than three quarters of a tile of 400"):
        Tiles(size=400, overlap=301)
