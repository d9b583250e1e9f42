"""Which of the objects found in an image stay: no duplicates, none too small, no pixel in two of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from podium.config.tuning import Choice
from podium.data.by_image import by_image
from podium.data.masks import decode_tight, encode_at


@dataclass(frozen=True)
class Placed:
    """An object of an image.

    Attributes
    ----------
    result
        A COCO result: `category_id`, `score`, `bbox` [x, y, w, h].
    mask
        bool (rows, columns), the part of the image around the object; None where only its box is known.
    x, y
        Column and row in the image of the mask's upper left pixel.
    """

    result: dict
    mask: np.ndarray | None = None
    x: int = 0
    y: int = 0

    @property
    def area(self) -> float:
        """Pixels of the mask, or of the box."""
        width, height = self.result["bbox"][2:]
        return width * height if self.mask is None else int(np.count_nonzero(self.mask))

    @property
    def tight_box(self) -> list[float]:
        """[x, y, w, h] around the pixels of the mask, which has some."""
        rows, columns = np.flatnonzero(self.mask.any(axis=1)), np.flatnonzero(self.mask.any(axis=0))
        tight = [self.x + columns[0], self.y + rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1]
        return [float(value) for value in tight]

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 of what is compared: the part of the image that the mask is about, or the box."""
        if self.mask is None:
            x, y, width, height = self.result["bbox"]
            return x, y, x + width, y + height
        return self.x, self.y, self.x + self.mask.shape[1], self.y + self.mask.shape[0]


def select(
    found: Iterable[Placed], height: int, width: int, *, nms_iou: float | None, min_area: int, overlap: bool
) -> list[Placed]:
    """Return the objects of one image that stay, by falling score; those of equal score in the order given.

    Parameters
    ----------
    height, width
        The image's size in pixels.
    nms_iou
        An object is dropped whose IoU with a higher-scored one of its category that stays is above it; None: none is.
        The IoU is that of the masks as they were found, of the boxes where there are no masks.
    min_area
        One with fewer pixels left is dropped, and what it claimed is free again.
    overlap
        False: a pixel belongs to the first object that claims it; boxes may always overlap.

    Notes
    -----
    Whether an object stays depends on itself and on objects of higher scores only. So a score threshold may be laid
    before or after with the same result. Memory grows with the pixels of the masks, and once with those of the image.
    """
    ranked = sorted(found, key=lambda placed: -placed.result["score"])
    corners = np.array([each.corners for each in ranked]).reshape(-1, 4)
    categories = np.array([each.result["category_id"] for each in ranked])
    free = np.ones((height, width), dtype=bool)
    stays, kept = np.zeros(len(ranked), dtype=bool), []
    for number, each in enumerate(ranked):
        if nms_iou is not None:
            near = stays & (categories == each.result["category_id"]) & _touching(corners, corners[number])
            if any(iou(each, ranked[other]) > nms_iou for other in np.flatnonzero(near)):
                continue
        left = each
        if each.mask is not None:
            place = free[each.y : each.y + each.mask.shape[0], each.x : each.x + each.mask.shape[1]]
            if not overlap and not place[each.mask].all():
                left = _without(each, ~place)
        if left.area < min_area:
            continue
        if each.mask is not None:
            place &= ~each.mask
        kept.append(left)
        stays[number] = True
    return kept


def _without(placed: Placed, taken: np.ndarray) -> Placed:
    """Return an object without pixels that others have; its box is the tight one of what is left, if anything is."""
    left = replace(placed, mask=placed.mask & ~taken)
    return replace(left, result={**placed.result, "bbox": left.tight_box}) if left.mask.any() else left


def _touching(corners: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Return which boxes (n, 4) share an area with a box (4,), all x0, y0, x1, y1."""
    return ((corners[:, :2] < own[2:]) & (corners[:, 2:] > own[:2])).all(axis=1)


def iou(one: Placed, other: Placed) -> float:
    """Return the IoU of two objects' masks, or of their boxes where one has no mask; 0 where both are empty."""
    if (one.mask is None) != (other.mask is None):
        one, other = replace(one, mask=None), replace(other, mask=None)
    left, top, right, bottom = (
        *map(max, one.corners[:2], other.corners[:2]),
        *map(min, one.corners[2:], other.corners[2:]),
    )
    if right <= left or bottom <= top:
        return 0.0
    if one.mask is None:
        common = (right - left) * (bottom - top)
    else:
        parts = [each.mask[top - each.y : bottom - each.y, left - each.x : right - each.x] for each in (one, other)]
        common = int(np.count_nonzero(parts[0] & parts[1]))
    return common / (one.area + other.area - common) if common else 0.0


def selected(
    results: Iterable[dict], sizes: Mapping[int, tuple[int, int]], choice: Choice | None, *, overlap: bool = True
) -> list[dict]:
    """Return the COCO results that stay by a choice's nms_iou and min_area, whatever their score.

    Without a choice all do, and so do instances, which were made by it. `sizes` are (height, width) by image id. Each
    image's results are returned by falling score. Unless `overlap`, pixels of two masks are left to the one with the
    higher score, and who loses some has the tight box of those left; without masks boxes stay as they are.
    """
    if choice is None or choice.mask_threshold is not None:
        if overlap:
            return list(results)
        choice = Choice(score_threshold=0)
    makers = selection_makers(sizes, results, sizes, overlap=overlap)
    return [result for make in makers for result in make(choice)]


def selection_makers(
    image_ids: Iterable[int], results: Iterable[dict], sizes: Mapping[int, tuple[int, int]], *, overlap: bool = True
) -> Iterator[Callable[[Choice], list[dict]]]:
    """Yield for each image what selects among its results by a choice, as `selected`. Masks are unpacked once."""
    found = by_image(results)

    def made(placed: list[Placed], size: tuple[int, int], choice: Choice) -> list[dict]:
        kept = select(placed, *size, nms_iou=choice.nms_iou, min_area=choice.min_area, overlap=overlap)
        return [each.result if overlap else _with_mask(each, *size) for each in kept]

    for image_id in image_ids:
        yield partial(made, [place(result) for result in found[image_id]], sizes[image_id])


def _with_mask(placed: Placed, height: int, width: int) -> dict:
    if placed.mask is None:
        return placed.result
    return {**placed.result, "segmentation": encode_at(placed.mask, placed.x, placed.y, height, width)}


def place(result: dict) -> Placed:
    """Return a COCO result as an object, its mask unpacked."""
    if "segmentation" not in result:
        return Placed(result)
    mask, x, y = decode_tight(result["segmentation"])
    return Placed(result, mask.copy(), x, y)
