"""Masks as COCO run-length codes: `{"size": [h, w], "counts": str}`, column-major, as pycocotools writes them."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from pycocotools import mask as coco_mask


class Rle(TypedDict):
    """A compressed run-length code of a mask of `size` (height, width)."""

    size: list[int]
    counts: str


def encode(mask: np.ndarray) -> Rle:
    """Return the code of a mask; `mask` is bool (h, w), or any array of that shape whose non-zero pixels belong."""
    return _text(coco_mask.encode(np.asfortranarray(mask.astype(bool, copy=False).view(np.uint8))))


def encode_at(mask: np.ndarray, x: int, y: int, height: int, width: int) -> Rle:
    """Return the code, in an image of (height, width), of a bool mask whose upper left pixel is column x, row y.

    The mask lies inside the image. Time and memory grow with the mask, not with the image.
    """
    edges = np.diff(np.pad(mask, ((1, 1), (0, 0))).astype(np.int8), axis=0).T
    columns, rows = np.nonzero(edges)  # column by column a start, an end, a start …
    ends = (columns + x) * height + rows + y
    # A run down to the last row goes on in the next column: its end and the next start are one place, and no edge.
    places, times = np.unique(ends, return_counts=True)
    places = places[(times == 1) & (places < height * width)]
    runs = np.diff(places, prepend=0, append=height * width)
    return _text(coco_mask.frPyObjects({"size": [height, width], "counts": runs.tolist()}, height, width))


def decode(rle: Rle) -> np.ndarray:
    """Return the mask of a code as bool (h, w)."""
    return coco_mask.decode(rle).astype(bool)


def decode_at(rle: Rle, x: int, y: int, height: int, width: int) -> np.ndarray:
    """Return the part of a mask, bool (height, width), whose upper left pixel is column x, row y.

    The part lies inside the image. Time and memory grow with the mask's runs and the columns asked for, not with the
    image.
    """
    rows = rle["size"][0]
    # The code goes down the columns: of those asked for it is one piece.
    ends = np.clip(np.cumsum(counts_to_runs(rle["counts"])), x * rows, (x + width) * rows)
    runs = np.diff(ends, prepend=x * rows)
    belongs = np.arange(len(runs)) % 2 == 1
    return np.repeat(belongs, runs).reshape(width, rows).T[y : y + height]


def decode_tight(rle: Rle) -> tuple[np.ndarray, int, int]:
    """Return what of a mask lies in its tight box, as bool (h, w), and the column and row of its upper left pixel."""
    x, y, width, height = (int(value) for value in box_of(rle))
    return decode_at(rle, x, y, height, width), x, y


def area(rle: Rle) -> int:
    """Return the number of pixels of a mask."""
    return int(coco_mask.area(rle))


def box_of(rle: Rle) -> list[float]:
    """Return the tight box `[x, y, w, h]` around a mask's pixels: pixel (0, 0) alone is [0, 0, 1, 1].

    The box of an empty mask is [0, 0, 0, 0].
    """
    return [float(value) for value in coco_mask.toBbox(rle)]


def polygons_to_rle(polygons: Sequence[Sequence[float]], height: int, width: int) -> Rle:
    """Return the code of the union of polygons, drawn as pycocotools draws them.

    Parameters
    ----------
    polygons
        Each `[x0, y0, x1, y1, …]` in pixels, at least three points; what lies outside the image is not drawn.
        Finite numbers, at most a few times as far from the image as it is large: drawing takes memory by length.
    """
    parts = coco_mask.frPyObjects([[float(value) for value in polygon] for polygon in polygons], height, width)
    return _text(coco_mask.merge(parts))


def union(masks: Sequence[Rle]) -> Rle:
    """Return the code of all pixels of masks of one size, of which there is one at least."""
    return masks[0] if len(masks) == 1 else _text(coco_mask.merge(list(masks)))


def runs_to_rle(runs: Sequence[int], height: int, width: int) -> Rle:
    """Return the code of an uncompressed one: lengths of background, object, background … in column-major order.

    Raises
    ------
    ValueError
        Where a run is negative or no integer, or the runs do not add up to height * width. pycocotools itself
        reads and writes beyond its memory with such runs.
    """
    for run in runs:
        if not isinstance(run, int) or isinstance(run, bool) or run < 0:
            raise ValueError(f"a run of {run!r} pixels")
    if sum(runs) != height * width:
        raise ValueError(f"runs of {sum(runs)} pixels in all, in a mask of {height} x {width} = {height * width}")
    return _text(coco_mask.frPyObjects({"size": [height, width], "counts": _joined(runs)}, height, width))


def counts_to_runs(counts: str) -> np.ndarray:
    """Return the runs, int64 (n,), in a compressed code's `counts`.

    Each number is written in groups of five bits from the lowest, a character (from `0` on) for each group, the sixth
    bit telling that another follows, the fifth bit of the last group being the sign; from the fourth number on the
    difference to the number two before is written (pycocotools, `rleToString` in maskApi.c).

    Raises
    ------
    ValueError
        Where a character is none of the code's, a number is cut off, or beyond 64 bits.
    """
    groups = _groups(counts)
    if not len(groups):
        return groups
    if groups.min() < 0 or groups.max() > 63:
        wrong = next(character for character in counts if not 48 <= ord(character) < 112)
        raise ValueError(f"{wrong!r} is no character of a run-length code")
    if groups[-1] & 32:
        raise ValueError("the last number of the run-length code is cut off")
    runs = _numbers(groups)[0]
    if runs is None:
        raise ValueError("a number of the run-length code is longer than any image")
    runs[1::2], runs[2::2] = np.cumsum(runs[1::2]), np.cumsum(runs[2::2])
    return runs


def fill_their_masks(counts: Sequence[str], pixels: Sequence[int]) -> bool:
    """Return whether all codes' `counts` are sound and the runs of each, none negative, are so many pixels.

    The same as looking at each by `counts_to_runs`, in a fraction of the time.
    """
    groups, lengths = _groups("".join(counts)), np.array([len(code) for code in counts], dtype=np.int64)
    if not len(lengths):
        return True
    ends = lengths.cumsum()
    # Where characters are more than a byte long, none of the rest holds.
    if lengths.min() == 0 or len(groups) != ends[-1] or groups.min() < 0 or groups.max() > 63:
        return False
    if (groups[ends - 1] & 32).any():
        return False
    runs, begins = _numbers(groups)
    if runs is None:
        return False
    code = np.searchsorted(ends, begins, side="right")
    place = np.arange(len(runs)) - np.searchsorted(code, code)
    # In each code the second, fourth … number and the third, fifth … are a chain of differences each.
    chain = 3 * code + np.where(place == 0, 0, 1 + place % 2)
    order = np.argsort(chain, kind="stable")
    sums, firsts = runs[order].cumsum(), np.flatnonzero(np.diff(chain[order], prepend=-1))
    before = np.append(0, sums[firsts[1:] - 1])
    runs = sums - np.repeat(before, np.diff(firsts, append=len(sums)))
    total = np.bincount(chain[order] // 3, weights=runs, minlength=len(lengths))
    return bool((runs >= 0).all() and (total == np.asarray(pixels)).all())


def _groups(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-8"), dtype=np.uint8).astype(np.int64) - 48


def _numbers(groups: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """Return the numbers that groups of five bits make up, None where one is too long, and where each begins."""
    last = groups & 32 == 0
    begins = np.flatnonzero(np.append(True, last[:-1]))
    shift = 5 * (np.arange(len(groups)) - np.repeat(begins, np.diff(begins, append=len(groups))))
    if shift.max() > 55:
        return None, begins
    numbers = np.add.reduceat((groups & 31) << shift, begins)
    negative = groups[last] & 16 > 0
    numbers[negative] -= 32 << shift[last][negative]
    return numbers, begins


def _joined(runs: Sequence[int]) -> list[int]:
    """Return the runs without empty ones, except at the start: pycocotools makes wrong boxes of them."""
    joined = [0]
    belongs = False
    for index, run in enumerate(runs):
        if not run:
            continue
        if belongs == bool(index % 2):
            joined[-1] += run
        else:
            joined.append(run)
            belongs = not belongs
    return joined


def _text(rle: dict) -> Rle:
    return {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode("ascii")}
