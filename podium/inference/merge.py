"""One list of objects from what was found in the overlapping tiles of a photograph.

Two detections of two tiles are one object where they agree in the part that both tiles saw. What a tile's border cuts
off goes where another tile saw all of it, and is joined with its other pieces where none did. A tile's own detections
are never joined: the detector has told them apart. docs/tiling.md says why.

Work is done pair by pair of neighbouring tiles: time and memory grow with the detections.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from podium.data.tiles import Tile

# Detections of two tiles agree from this IoU on. Between pieces it is the common area over the smaller's, for the box
# of a piece is as high and wide as the whole piece is, not as its part in both tiles.
_AGREEMENT = 0.5

# A box nearer to a border than this part of its own side, and than so many pixels, counts as cut off: detectors do not
# reach the border exactly.
_MARGIN, _LEAST_MARGIN = 0.1, 2.0


class Object(NamedTuple):
    """An object of a photograph: its detections' numbers, whose union it is (nearly always one), and its score."""

    members: list[int]
    score: float


class _Detections(NamedTuple):
    boxes: np.ndarray
    labels: np.ndarray
    views: np.ndarray
    frames: np.ndarray  # borders of the tiles
    cut: np.ndarray  # which boxes a border cuts off
    whole: np.ndarray  # which tiles are all of the photograph


def merge(
    boxes: np.ndarray, labels: np.ndarray, scores: np.ndarray, views: np.ndarray, tiles: Sequence[Tile]
) -> list[Object]:
    """Return the objects of a photograph, best first.

    Parameters
    ----------
    boxes
        Float (n, 4), xyxy in the photograph's pixels, of the detections of all its tiles.
    labels, scores
        (n,). Detections of different labels are never one object.
    views
        Int (n,), the tile of each detection: its place in `tiles`.
    tiles
        Tiles that cover the photograph. One that is all of it cuts nothing off; what the others saw is preferred to it.

    Notes
    -----
    1. A detection that touches a border within the photograph is dropped where another tile has it wholly inside: that
       tile saw what this one saw and how it goes on, and its verdict counts, also where it is that there is nothing.
       Objects shorter than the overlap by more than the margins are thereby seen whole in all that is left.
    2. Detections that agree are joined, those that agree best first, at most one of each tile to an object.
    3. If none of an object's detections is cut off, the one with the most room around it is taken. If one is, the
       object is longer than the overlap: it is what the whole photograph shows where that was looked at, else the
       union. The score is the best one's.
    """
    if not len(boxes):
        return []
    boxes, frames = np.asarray(boxes, dtype=np.float64), _frames(tiles)
    room = _room(boxes, frames[views])
    cut, whole = room < 0, np.isinf(frames).all(axis=1)
    kept = ~cut
    pieces, elsewhere = boxes[cut], np.zeros(cut.sum(), dtype=bool)
    for frame in frames[~whole]:
        elsewhere |= _room(pieces, frame) >= 0
    kept[cut] = ~elsewhere

    objects = []
    for group in _joined(_Detections(boxes, labels, views, frames, cut, whole), np.flatnonzero(kept)):
        score = float(max(scores[each] for each in group))
        of_whole = [each for each in group if whole[views[each]]]
        if any(cut[each] for each in group):
            group = of_whole or sorted(group)
        else:
            group = [max(group, key=lambda each: (not whole[views[each]], room[each], scores[each]))]
        objects.append(Object(group, score))
    return sorted(objects, key=lambda each: (-each.score, each.members))


def _frames(tiles: Sequence[Tile]) -> np.ndarray:
    """Return the tiles' borders, float (t, 4), xyxy, at infinity where they are the photograph's."""
    frames = np.array([(x, y, x + width, y + height) for x, y, width, height in tiles], dtype=np.float64)
    ends = np.concatenate([frames[:, :2].min(axis=0), frames[:, 2:].max(axis=0)])
    return np.where(frames == ends, [-np.inf, -np.inf, np.inf, np.inf], frames)


def _room(boxes: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Return the least distance of boxes (…, 4) from their frames (…, 4) beyond the margin; negative: cut off."""
    sides = boxes[..., 2:] - boxes[..., :2]
    margin = np.maximum(_MARGIN * sides, _LEAST_MARGIN)
    inside = np.concatenate([boxes[..., :2] - frames[..., :2], frames[..., 2:] - boxes[..., 2:]], axis=-1)
    return (inside - np.concatenate([margin, margin], axis=-1)).min(axis=-1)


def _joined(found: _Detections, kept: np.ndarray) -> list[list[int]]:
    """Return the detections `kept` in groups that are one object each."""
    group_of = {each: [each] for each in kept.tolist()}
    for _, one, other in sorted(_agreeing(found, kept), key=lambda pair: (-pair[0], pair[1:])):
        first, second = group_of[one], group_of[other]
        if first is not second and not {*found.views[first]} & {*found.views[second]}:
            first += second
            group_of |= dict.fromkeys(second, first)
    return [group for each, group in group_of.items() if group[0] == each]


def _agreeing(found: _Detections, kept: np.ndarray) -> Iterator[tuple[float, int, int]]:
    """Yield IoU and numbers of detections of two tiles that agree in what both saw."""
    boxes, labels, views, frames, cut, whole = found
    looser = cut | whole[views]
    low, high = np.maximum(frames[:, None, :2], frames[:, :2]), np.minimum(frames[:, None, 2:], frames[:, 2:])
    overlap = np.triu((low < high).all(axis=-1), 1)
    for view in np.unique(views[kept]):
        ones, others = kept[views[kept] == view], kept[overlap[view, views[kept]]]
        common = low[view, views[others]], high[view, views[others]]
        iou, part = _overlaps(boxes[ones][:, None], boxes[others], *common)
        # A piece with another, or with what the whole photograph shows.
        agree = np.where(looser[ones][:, None] & looser[others], part, iou) >= _AGREEMENT
        agree &= labels[ones][:, None] == labels[others]
        for row, column in np.argwhere(agree).tolist():
            yield float(iou[row, column]), int(ones[row]), int(others[column])


def _overlaps(
    boxes: np.ndarray, others: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the IoU of boxes, xyxy (…, 4), within low … high, and the common area over the smaller of both there."""
    starts = np.maximum(boxes[..., :2], low), np.maximum(others[..., :2], low)
    ends = np.minimum(boxes[..., 2:], high), np.minimum(others[..., 2:], high)
    common = _area(np.maximum(*starts), np.minimum(*ends))
    areas = [_area(*corners) for corners in zip(starts, ends, strict=True)]
    tiny = np.finfo(np.float64).tiny
    return common / np.maximum(sum(areas) - common, tiny), common / np.maximum(np.minimum(*areas), tiny)


def _area(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    return np.maximum(ends - starts, 0).prod(axis=-1)
