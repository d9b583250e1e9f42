"""What is cut and resized of masks; the samples as a whole are tested with the training."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from podium.data.masks import decode_at, encode
from podium.data.tiles import Tile
from podium.training.detection_samples import _resized

SIDES = st.integers(1, 90)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 2**32), st.lists(SIDES, min_size=6, max_size=6), st.booleans())
def test_a_part_of_a_resized_mask_is_what_resizing_all_of_it_and_cutting_gives(seed, sides, cropped):
    """Parts, scales up and down by any factor, objects anywhere and of any form, inside the part or not."""
    rng = np.random.default_rng(seed)
    height, width, *size = sides[:4]
    mask = _blob(rng, height, width)
    tile = _part(rng, height, width)
    crop = _part(rng, *size) if cropped else Tile(0, 0, size[1], size[0])
    whole = Image.fromarray(decode_at(encode(mask), *tile[:2], *tile[:1:-1]).astype(np.uint8) * 255)
    grey = crop.cut(np.asarray(whole.resize(size[::-1], Image.Resampling.BILINEAR))).astype(int)
    found = _resized(encode(mask), tile, tuple(size), crop)
    assert (found.dtype, found.shape) == (np.uint8, (crop.height, crop.width))
    # Pillow rounds twice, after rows and after columns, by places that are not the same numbers to the last bit.
    sure = abs(grey - 127.5) > 2
    assert np.array_equal(found[sure], (grey >= 128)[sure])


def _part(rng, height, width):
    (top, bottom), (left, right) = (np.sort(rng.choice(side + 1, 2, replace=False)) for side in (height, width))
    return Tile(int(left), int(top), int(right - left), int(bottom - top))


def _blob(rng, height, width):
    """A rectangle of which some pixels are missing, or nothing."""
    mask, part = np.zeros((height, width), dtype=bool), _part(rng, height, width)
    part.cut(mask)[:] = rng.random((part.height, part.width)) < rng.choice([0.0, 0.5, 1.0])
    return mask
