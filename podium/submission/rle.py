"""Run-length codes of masks, with the competition's convention as data.

Between text, COCO's RLE and bool masks stand *runs*: int64 (n, 2), a row per run, its first pixel (0-based) and its
length. Runs are sorted and disjoint, and no run starts where another ends. Pixels are numbered in an order: "column"
(downwards, then to the right, as COCO's RLE does) or "row" (to the right, then downwards). All steps but `encode` and
`decode` take memory by the number of runs, whatever the size of the image.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from pycocotools import mask as coco_mask

from podium.config.formats import RunLengthCode
from podium.data.masks import counts_to_runs
from podium.errors import PodiumError
from podium.submission.numbers import numbers_of, text_of

Order = Literal["column", "row"]
RLE = dict[str, object]

_NUMPY_ORDER = {"column": "F", "row": "C"}


def encode(mask: np.ndarray, convention: RunLengthCode) -> str:
    """Return the code of a mask, bool (h, w); the code of an empty mask is ""."""
    return text_from_runs(runs_from_mask(mask, convention.order), convention)


def decode(code: str, height: int, width: int, convention: RunLengthCode) -> np.ndarray:
    """Return the mask of a code, bool (height, width); "" is the empty mask. Errors as in `runs_from_text`."""
    runs = runs_from_text(code, height, width, convention) if code else _runs([], [])
    counts = _counts_of(runs, height * width)
    pixels = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return pixels.reshape((height, width), order=_NUMPY_ORDER[convention.order])


def from_coco(rle: Mapping, convention: RunLengthCode) -> str:
    """Return the code of a mask given as COCO's compressed RLE; the code of an empty mask is ""."""
    return text_from_runs(runs_from_coco(rle, convention.order), convention)


def to_coco(code: str, height: int, width: int, convention: RunLengthCode) -> RLE:
    """Return COCO's compressed RLE of a code. Errors as in `runs_from_text`."""
    return coco_from_runs(runs_from_text(code, height, width, convention), height, width, convention.order)


def runs_from_text(code: str, height: int, width: int, convention: RunLengthCode) -> np.ndarray:
    """Read a code's runs, in the convention's order.

    Raises
    ------
    PodiumError
        For a code without numbers, with an odd count of them or with something else among them, for a length that is
        not positive, for runs that are not sorted or share pixels, for a run that leaves the image. The message names
        the run; file and row are the caller's to add.
    """
    numbers = numbers_of(code)
    if not len(numbers):
        raise PodiumError("the code holds no run")
    if len(numbers) % 2:
        raise PodiumError(f"the code has {len(numbers)} numbers; starts and lengths come in pairs")
    given = numbers.reshape(-1, 2)
    starts, lengths = given[:, 0].copy(), given[:, 1]
    pixels = height * width
    _refuse(lengths <= 0, given, "its length is not positive")
    _refuse((starts > pixels) | (lengths > pixels), given, f"it is beyond the {pixels} pixels of {height}x{width}")
    starts[0] -= convention.base
    if convention.starts == "relative":
        _refuse(starts < 0, given, "a relative start cannot be negative")
        starts = np.cumsum(starts) + np.cumsum(lengths) - lengths
    else:
        starts[1:] -= convention.base
    _refuse(starts < 0, given, f"it starts before the first pixel, which has the number {convention.base}")
    ends = starts + lengths
    _refuse(np.diff(starts, prepend=-1) < 0, given, "it starts before the run ahead of it: runs must be sorted")
    _refuse(starts < np.append(0, ends[:-1]), given, "it shares pixels with the run ahead of it")
    _refuse(ends > pixels, given, f"it ends beyond the {pixels} pixels of {height}x{width}")
    return union([np.column_stack([starts, lengths])])


def text_from_runs(runs: np.ndarray, convention: RunLengthCode) -> str:
    """Write runs, which are in the convention's order, as a code."""
    starts = runs[:, 0].copy()
    if convention.starts == "relative":
        starts[1:] -= _ends(runs[:-1])
        starts[:1] += convention.base
    else:
        starts += convention.base
    return text_of(np.column_stack([starts, runs[:, 1]]).ravel())


def runs_from_mask(mask: np.ndarray, order: Order) -> np.ndarray:
    """Return the runs of a mask, bool (h, w)."""
    lines = np.asarray(mask, dtype=bool)
    lines = lines if order == "row" else lines.T
    edges = _edges_across(lines.T) if lines.T.flags.c_contiguous and lines.size else _edges_along(lines)
    return _runs(edges[::2], edges[1::2])


def runs_from_coco(rle: Mapping, order: Order) -> np.ndarray:
    """Return the runs of a COCO compressed RLE, `{"size": [h, w], "counts": str}`.

    Raises
    ------
    PodiumError
        Where the counts are malformed or do not cover height x width pixels.
    """
    height, width = rle["size"]
    try:
        counts = counts_to_runs(rle["counts"])
    except ValueError as error:
        raise PodiumError(str(error), key="counts") from None
    ends = np.cumsum(counts)
    if counts.size == 0 or (counts < 0).any() or ends[-1] != height * width:
        raise PodiumError(f"the RLE's counts do not cover {height}x{width} pixels", key="counts")
    ones = union([np.column_stack([ends[:-1:2], counts[1::2]])])
    return ones if order == "column" else _renumbered(ones, line=height, lines=width)


def coco_from_runs(runs: np.ndarray, height: int, width: int, order: Order) -> RLE:
    """Return COCO's compressed RLE of runs."""
    if order == "row":
        runs = _renumbered(runs, line=width, lines=height)
    counts = _counts_of(runs, height * width)
    if counts[-1] == 0:  # COCO ends with the last run, unless that is all there is.
        counts = counts[:-1]
    rle = coco_mask.frPyObjects({"size": [height, width], "counts": counts.tolist()}, height, width)
    return {"size": [height, width], "counts": rle["counts"].decode("ascii")}


def union(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return the runs of the pixels that are in any of several sets of runs (of one image, in one order).

    What it is given need be neither sorted nor disjoint, and may hold runs of length 0.
    """
    runs = np.concatenate(parts) if parts else _runs([], [])
    if (runs[:, 1] > 0).all() and (runs[1:, 0] > _ends(runs[:-1])).all():
        return runs  # as nearly always, where there is one part
    runs = runs[runs[:, 1] > 0]
    runs = runs[np.argsort(runs[:, 0], kind="stable")]
    if len(runs) == 0:
        return runs
    reach = np.maximum.accumulate(_ends(runs))
    first = np.flatnonzero(np.append(True, runs[1:, 0] > reach[:-1]))
    return _runs(runs[first, 0], np.append(reach[first[1:] - 1], reach[-1]))


def overlaps(instances: Sequence[np.ndarray]) -> list[tuple[int, int, int]]:
    """Find instances that share pixels, from their runs (of one image, in one order).

    Returns
    -------
    list of (index, other index, first shared pixel)
        A pair for every run that begins within a run of another instance; each pair once, index < other index. It is
        empty exactly where no two instances share a pixel; where three meet it may leave out one of the three pairs.
    """
    runs = np.concatenate([_runs([], []), *instances])
    owner = np.repeat(np.arange(len(instances)), [len(instance) for instance in instances])
    by_start = np.argsort(runs[:, 0], kind="stable")
    starts, ends, owner = runs[by_start, 0], _ends(runs[by_start]), owner[by_start]
    # The farthest reaching of all runs ahead of a run shares pixels with it if any of them does.
    reach = np.maximum.accumulate(ends)
    farthest = np.maximum.accumulate(np.where(np.diff(reach, prepend=-1) > 0, np.arange(len(ends)), 0))
    late = np.flatnonzero(starts[1:] < reach[:-1]) + 1
    pairs: dict[tuple[int, int], int] = {}
    for run in late.tolist():
        one, other = sorted((int(owner[run]), int(owner[farthest[run - 1]])))
        pairs.setdefault((one, other), int(starts[run]))
    return [(one, other, pixel) for (one, other), pixel in pairs.items()]


def row_and_column(pixel: int, height: int, width: int, order: Order) -> tuple[int, int]:
    """Return the 0-based row and column of a pixel's number."""
    row, column = np.unravel_index(pixel, (height, width), order=_NUMPY_ORDER[order])
    return int(row), int(column)


def _edges_along(lines: np.ndarray) -> np.ndarray:
    """Return the places at which pixels, numbered line by line, begin or cease to be in the mask, in order."""
    return np.flatnonzero(np.diff(lines.ravel(), prepend=False, append=False))


def _edges_across(lines: np.ndarray) -> np.ndarray:
    """Return what `_edges_along` returns of the transposed mask, without the copy that takes most of its time."""
    length, count = lines.shape  # of a line of the transposed mask, and how many there are
    within = np.flatnonzero(lines[1:] != lines[:-1]).astype(np.int32 if lines.size < 2**31 else np.int64)
    place = within // count
    between = (np.flatnonzero(lines[0, 1:] != lines[-1, :-1]) + 1) * length
    ends = [0] * int(lines[0, 0]) + [lines.size] * int(lines[-1, -1])
    return np.sort(np.concatenate([(within - place * count) * length + place + 1, between, np.array(ends, np.int64)]))


def _counts_of(runs: np.ndarray, pixels: int) -> np.ndarray:
    """Return how many pixels are outside, inside, outside … the mask: COCO's counts, with the last, even if 0."""
    return np.diff(np.column_stack([runs[:, 0], _ends(runs)]).ravel(), prepend=0, append=pixels)


def _runs(starts, ends) -> np.ndarray:
    starts = np.asarray(starts, dtype=np.int64)
    return np.column_stack([starts, np.asarray(ends, dtype=np.int64) - starts])


def _ends(runs: np.ndarray) -> np.ndarray:
    """Return the pixel after each run; runs.sum(axis=1) takes many times as long."""
    return runs[:, 0] + runs[:, 1]


def _refuse(wrong: np.ndarray, given: np.ndarray, problem: str) -> None:
    if wrong.any():
        run = int(np.argmax(wrong))
        raise PodiumError(f"run {run + 1} of {len(given)}, '{given[run, 0]} {given[run, 1]}': {problem}")


def _renumbered(runs: np.ndarray, line: int, lines: int) -> np.ndarray:
    """Number the pixels of a grid of `lines` lines of `line` pixels across the lines instead of along them.

    A run across the lines starts at a pixel whose neighbour on the line ahead is not in the mask, and ends at one whose
    neighbour on the next line is not. So the ends are what remains of the runs without the same runs one line on.
    """
    shift = np.array([line, 0])
    firsts = _across(_pixels(_without(runs, runs + shift)), line, lines)
    lasts = _across(_pixels(_without(runs, runs - shift)), line, lines)
    return union([_runs(np.sort(firsts), np.sort(lasts) + 1)])


def _across(pixels: np.ndarray, line: int, lines: int) -> np.ndarray:
    return pixels % line * lines + pixels // line


def _pixels(runs: np.ndarray) -> np.ndarray:
    """List the pixels of runs one by one."""
    lengths = runs[:, 1]
    return np.arange(lengths.sum()) + np.repeat(runs[:, 0] - np.cumsum(lengths) + lengths, lengths)


def _without(runs: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the runs of the pixels in `runs` and not in `others`."""
    at = np.concatenate([runs[:, 0], _ends(runs), others[:, 0], _ends(others)])
    change = np.repeat([1, -1, 2, -2], [len(runs), len(runs), len(others), len(others)])
    order = np.argsort(at, kind="stable")
    at, within = at[order], np.cumsum(change[order])
    # `within` holds from one place to the next: 1 is in `runs` alone.
    kept = np.flatnonzero((within[:-1] == 1) & (at[:-1] < at[1:]))
    return _runs(at[kept], at[kept + 1])
