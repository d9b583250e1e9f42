"""Pictures of every kind, read as the same colours; damaged ones refused."""

import io

import numpy as np
import pytest
from PIL import Image

from podium.data.images import examine, read_image, read_mask
from podium.errors import PodiumError

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
GREY = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
REPEATED = np.repeat(GREY[..., None], 3, axis=2)
DEEP = RNG.integers(0, 65536, (5, 7), dtype=np.uint16)


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


@pytest.mark.parametrize("suffix", ["png", "tiff", "bmp", "webp", "ppm"])
def test_colours(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(RGB).save(path, **({"lossless": True} if suffix == "webp" else {}))
    read = read_image(path)
    assert read.dtype == np.uint8
    assert np.array_equal(read, RGB)
    assert examine(path) == ((7, 5), 1)


def test_alpha_is_dropped_not_blended(tmp_path):
    alpha = RNG.integers(0, 256, (5, 7), dtype=np.uint8)
    Image.fromarray(np.dstack([RGB, alpha])).save(tmp_path / "rgba.png")
    Image.fromarray(np.dstack([GREY, alpha])).save(tmp_path / "la.png")
    assert np.array_equal(read_image(tmp_path / "rgba.png"), RGB)
    assert np.array_equal(read_image(tmp_path / "la.png"), REPEATED)


def test_grey_is_repeated_and_of_sixteen_bits_the_upper_eight_are_taken(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "8.png")
    Image.fromarray(DEEP).save(tmp_path / "16.png")
    Image.fromarray(DEEP).save(tmp_path / "16.tiff")
    Image.fromarray(DEEP.astype(np.int32)).save(tmp_path / "32.tiff")
    Image.fromarray(GREY > 127).save(tmp_path / "1.png")
    assert np.array_equal(read_image(tmp_path / "8.png"), REPEATED)
    for name in ("16.png", "16.tiff", "32.tiff"):
        assert np.array_equal(read_image(tmp_path / name)[..., 1], DEEP // 256), name
    assert np.array_equal(read_image(tmp_path / "1.png")[..., 2], (GREY > 127) * 255)


def test_palettes_are_resolved(tmp_path):
    picture = Image.fromarray(RGB).quantize(16)
    picture.save(tmp_path / "p.png", transparency=3)
    colours = np.array(picture.getpalette()).reshape(-1, 3)
    assert np.array_equal(read_image(tmp_path / "p.png"), colours[np.asarray(picture)])


def test_cmyk_and_multi_picture_jpegs(tmp_path):
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[..., 0] = 255  # Cyan only: red is absorbed.
    Image.fromarray(ink, mode="CMYK").save(tmp_path / "c.jpg", quality=100)
    assert np.abs(read_image(tmp_path / "c.jpg").astype(int) - [0, 255, 255]).max() <= 3
    first, second = (Image.new("RGB", (16, 16), colour) for colour in ("red", "blue"))
    first.save(tmp_path / "m.mpo", save_all=True, append_images=[second])
    assert np.abs(read_image(tmp_path / "m.mpo").astype(int) - [255, 0, 0]).max() <= 3


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_counts_only_where_the_stated_size_says_so(tmp_path, orientation, suffix):
    path = tmp_path / f"x.{suffix}"
    Image.fromarray(RGB).save(path, exif=exif(orientation))
    stored = read_image(path)
    assert stored.shape == (5, 7, 3)
    assert examine(path) == ((7, 5), orientation)
    assert np.array_equal(read_image(path, (7, 5)), stored)
    turned = {
        5: stored.transpose(1, 0, 2),
        6: np.rot90(stored, -1),
        7: np.rot90(stored, 2).transpose(1, 0, 2),
        8: np.rot90(stored),
    }.get(orientation, stored)
    assert np.array_equal(read_image(path, (5, 7)), turned)
    assert examine(path, (5, 7)) == (turned.shape[1::-1], orientation)


def test_wrong_exif_is_no_orientation(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "x.png", exif=exif(77))
    assert examine(tmp_path / "x.png") == ((7, 5), 1)


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_truncated_pictures(tmp_path, format):
    buffer = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(buffer, format)
    whole = buffer.getvalue()
    path = tmp_path / "x.img"
    for part in (0, 1, 7, 30, 100, len(whole) // 2, len(whole) * 9 // 10):
        path.write_bytes(whole[:part])
        with pytest.raises(PodiumError, match="cannot be decoded") as error:
            read_image(path)
        assert error.value.file == path


def test_files_that_are_no_pictures(tmp_path):
    path = tmp_path / "x.png"
    with pytest.raises(PodiumError, match="missing"):
        read_image(path)
    for content in (
        b"\x89PNG\r\n\x1a\n" + bytes(50),
        b"hello",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
    ):
        path.write_bytes(content)
        with pytest.raises(PodiumError, match="cannot be decoded"):
            read_image(path)


def test_a_header_of_ten_gigapixels_is_refused_before_memory_is_taken(tmp_path):
    header = bytearray(b"BM" + bytes(52))
    header[10], header[14], header[26], header[28] = 54, 40, 1, 24
    header[18:26] = (100_000).to_bytes(4, "little") * 2
    (tmp_path / "x.bmp").write_bytes(header)
    with pytest.raises(PodiumError, match="exceeds limit"):
        read_image(tmp_path / "x.bmp")


def test_values_without_a_range(tmp_path):
    Image.fromarray(RNG.random((5, 7), dtype=np.float32)).save(tmp_path / "f.tiff")
    with pytest.raises(PodiumError, match="no known range"):
        read_image(tmp_path / "f.tiff")


@pytest.mark.parametrize(("dtype", "high"), [(np.uint8, 255), (np.uint8, 1), (np.uint16, 65535), (np.uint16, 1)])
def test_masks_of_any_depth(tmp_path, dtype, high):
    mask = GREY > 127
    Image.fromarray((mask * high).astype(dtype)).save(tmp_path / "m.png")
    read, two_values = read_mask(tmp_path / "m.png")
    assert read.dtype == bool
    assert np.array_equal(read, mask)
    assert two_values


def test_masks_with_one_bit_colours_shades_or_nothing(tmp_path):
    mask = GREY > 127
    Image.fromarray(mask).save(tmp_path / "1.png")
    Image.fromarray(np.dstack([(mask * 255).astype(np.uint8)] * 3 + [np.full(mask.shape, 255, np.uint8)])).save(
        tmp_path / "4.png"
    )
    for name in ("1.png", "4.png"):
        assert np.array_equal(read_mask(tmp_path / name)[0], mask)
    Image.fromarray(np.array([[0, 100, 200]], np.uint8)).save(tmp_path / "s.png")
    read, two_values = read_mask(tmp_path / "s.png")
    assert read.tolist() == [[False, False, True]]
    assert not two_values
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / "0.png")
    assert not read_mask(tmp_path / "0.png")[0].any()
