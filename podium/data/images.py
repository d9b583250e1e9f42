"""Reading pictures of any kind as RGB."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from podium.errors import PodiumError

# Pillow also reads formats that start other programs (EPS starts Ghostscript): only these are opened.
# MPO is opened as JPEG.
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM", "JPEG2000")
SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".mpo", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".pbm", ".jp2"}
)

# Pillow refuses twice as many pixels as this (1.5 GB of RGB) and warns above it. Its own limit, 89 million, is
# smaller than satellite photographs are.
Image.MAX_IMAGE_PIXELS = 500_000_000

_EXIF_ORIENTATION = 0x0112


def read_image(path: str | Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """Return a picture as uint8 (h, w, 3), RGB.

    Pixels are taken as they are stored, for that is what annotations and masks refer to: an EXIF orientation is
    *not* applied, with one exception, where `size` shows that the annotations were made on the turned picture.
    Alpha is dropped (not blended), palettes are resolved, grey is repeated, CMYK is converted, of 16-bit values the
    upper eight bits are taken, of several frames the first.

    Parameters
    ----------
    path
        PNG, JPEG (also MPO), TIFF, BMP, GIF, WebP, PNM or JPEG 2000, told by content and not by name.
    size
        (width, height) that the annotations state. The stored pixels are turned by the EXIF orientation where that
        gives this size and the stored ones have it not.

    Raises
    ------
    PodiumError
        Where the file is missing, truncated, of another format, or too large.
    """
    return np.asarray(_as_rgb(*_open(path), size, path))


def read_mask(path: str | Path) -> tuple[np.ndarray, bool]:
    """Return a picture of one mask as bool (h, w), and whether it had two values only.

    Pixels brighter than half of the brightest belong to the mask, whatever that is: 255, 65535 or 1.
    Errors as in `read_image`.
    """
    picture, _ = _open(path)
    if not picture.mode.startswith(("I", "F")):
        picture = _eight_bits(picture, path, "L")
    values = np.asarray(picture)
    brightest = values.max()
    if brightest <= 0:
        return np.zeros(values.shape, bool), True
    mask = values > (brightest // 2 if values.dtype.kind in "ui" else brightest / 2)
    marked = np.count_nonzero(mask)
    return mask, bool(marked == np.count_nonzero(values) == np.count_nonzero(values == brightest))


def examine(path: str | Path, size: tuple[int, int] | None = None) -> tuple[tuple[int, int], int]:
    """Return the (width, height) of what `read_image` returns, and the file's EXIF orientation (1 to 8, 1 is upright).

    The picture is decoded wholly. Errors as in `read_image`.
    """
    picture, orientation = _open(path)
    return _as_rgb(picture, orientation, size, path).size, orientation


def _open(path: str | Path) -> tuple[Image.Image, int]:
    try:
        with Image.open(path, formats=FORMATS) as picture:
            picture.load()
            # After loading: Pillow turns TIFFs itself and then forgets their orientation.
            orientation = picture.getexif().get(_EXIF_ORIENTATION, 1)
    except FileNotFoundError:
        raise PodiumError("the image is missing", file=path) from None
    except MemoryError:
        raise
    except Exception as error:  # Damaged files raise nearly everything out of Pillow, also TypeError and IndexError.
        if isinstance(error, OSError) and error.errno is not None:
            raise  # The disk's fault, not the file's.
        reason = str(error).replace(str(path), "the file").strip() or type(error).__name__
        raise PodiumError(f"the image cannot be decoded: {reason}", file=path) from None
    return picture, orientation if orientation in range(1, 9) else 1


def _as_rgb(picture: Image.Image, orientation: int, size: tuple[int, int] | None, path: str | Path) -> Image.Image:
    if size and picture.size != tuple(size) and orientation >= 5 and picture.size[::-1] == tuple(size):
        picture = ImageOps.exif_transpose(picture)
    return _eight_bits(picture, path, "RGB")


def _eight_bits(picture: Image.Image, path: str | Path, mode: str) -> Image.Image:
    if picture.mode in ("I", "F"):
        picture = _sixteen_bits(picture, path)
    if picture.mode.startswith("I;16"):
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.mode == mode:
        return picture
    try:
        return picture.convert(mode)
    except ValueError as error:
        raise PodiumError(f"the image's colours cannot be converted: {error}", file=path) from None


def _sixteen_bits(picture: Image.Image, path: str | Path) -> Image.Image:
    values = np.asarray(picture)
    if picture.mode == "I" and values.min() >= 0 and values.max() <= 65535:
        return Image.fromarray(values.astype(np.uint16))
    raise PodiumError(
        f"the image's values (mode {picture.mode}) have no known range",
        file=path,
        mend="store the image with 8 or 16 bits a channel",
    )
