"""Outlines of masks: polygons along the edges of pixels, with their holes, exact or smoothed.

Coordinates are those of the image: x right, y down, pixel (0, 0) covers the square from (0, 0) to (1, 1).
"""

from collections.abc import Sequence

import cv2
import numpy as np

from podium.data.masks import Rle, decode_tight

Ring = np.ndarray
"""A closed line as (n, 2) corners x, y, the last one joined to the first. Clockwise on the screen around an object,
the other way around a hole."""

Part = list[Ring]
"""A piece whose pixels share edges: the ring around it, then those of its holes."""

SMOOTHED_FROM = 64
"""Rings around fewer pixels are never smoothed: they have few corners, and each pixel counts."""

_RIGHT, _DOWN, _LEFT, _UP = range(4)
# Four pixels meet in a corner: 1 upper left, 2 upper right, 4 lower left, 8 lower right. Which of them belong to the
# object says from where its outline comes and where it goes on, the object always being on its right.
_TURNS = {
    8: (_UP, _RIGHT),
    4: (_RIGHT, _DOWN),
    1: (_DOWN, _LEFT),
    2: (_LEFT, _UP),
    7: (_LEFT, _DOWN),
    11: (_UP, _LEFT),
    14: (_RIGHT, _UP),
    13: (_DOWN, _RIGHT),
}
# Where two pixels touch at their corners only, the outline turns twice: once around each.
_TOUCHING = {9: (1, 8), 6: (2, 4)}
_FIRST = np.zeros(16, dtype=int)
_SECOND = np.zeros(16, dtype=int)
for _code in _TURNS:
    _FIRST[_code] = _code
for _code, (_one, _other) in _TOUCHING.items():
    _FIRST[_code], _SECOND[_code] = _one, _other
_COMES = np.array([_TURNS.get(code, (-1, -1))[0] for code in range(16)])
# One of the four that belongs; where there are several, they are of one piece.
_DOWN_BY = np.array([int(not code & 3) for code in range(16)])
_RIGHT_BY = np.array([int(not code & 5) for code in range(16)])
_GOES = np.array([_TURNS.get(code, (-1, -1))[1] for code in range(16)])


def outline(rle: Rle) -> list[Part]:
    """Return the exact outline of a mask: filled, it has the mask's pixels and no others. Of an empty mask, nothing.

    No ring comes twice to one point and no two cross, so that each part is a valid polygon of the OGC's Simple
    Features (06-103r4, 6.1.11), though rings may touch at points.
    """
    mask, x, y = decode_tight(rle)
    return [[ring + (x, y) for ring in part] for part in trace(mask)]


def trace(mask: np.ndarray) -> list[Part]:
    """Return the exact outline of a bool array (h, w)."""
    if not mask.any():
        return []
    padded = np.pad(mask, 1)
    pieces = cv2.connectedComponents(padded.astype(np.uint8), connectivity=4)[1]
    corner = padded[:-1, :-1] + 2 * padded[:-1, 1:] + 4 * padded[1:, :-1] + 8 * padded[1:, 1:]
    y, x = np.nonzero(_FIRST[corner])
    code = corner[y, x]
    twice = np.flatnonzero(_SECOND[code])
    turn = np.concatenate([_FIRST[code], _SECOND[code[twice]]])
    y, x = np.concatenate([y, y[twice]]), np.concatenate([x, x[twice]])
    following = _following(x, y, turn)
    piece = pieces[y + _DOWN_BY[turn], x + _RIGHT_BY[turn]]
    parts: dict[int, Part] = {}
    points, left = list(zip(x.tolist(), y.tolist(), strict=True)), set(range(len(x)))
    while left:
        at = start = next(iter(left))
        line = []
        while at in left:
            left.remove(at)
            line.append(points[at])
            at = following[at]
        parts.setdefault(int(piece[start]), []).extend(np.array(ring) for ring in _simple(line))
    return [sorted(parts[number], key=signed_area, reverse=True) for number in sorted(parts)]


def _following(x: np.ndarray, y: np.ndarray, turn: np.ndarray) -> list[int]:
    """Return the place of the corner that follows each: edges of one direction on one line never overlap or touch, so
    that the first of their beginnings belongs to the first of their ends, and so on."""
    following = np.empty(len(x), dtype=int)
    for direction in range(4):
        line, along = (y, x) if direction in (_RIGHT, _LEFT) else (x, y)
        begin, end = (np.flatnonzero(way[turn] == direction) for way in (_GOES, _COMES))
        begin, end = (each[np.lexsort((along[each], line[each]))] for each in (begin, end))
        following[begin] = end
    return following.tolist()


def _simple(line: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Cut a closed line that comes more than once to a point into such as do not."""
    if len(set(line)) == len(line):
        return [line]
    rings, way, place = [], [], {}
    for point in line:
        if point in place:
            cut = place[point]
            rings.append(way[cut:])
            for gone in way[cut:]:
                del place[gone]
            del way[cut:]
        place[point] = len(way)
        way.append(point)
    return [*rings, way]


def signed_area(ring: Ring) -> float:
    """Return the area inside a ring, negative around a hole."""
    x, y = ring[:, 0], ring[:, 1]
    return float(np.dot(x, np.roll(y, -1)) - np.dot(np.roll(x, -1), y)) / 2


def smoothed(ring: Ring, tolerance: float = 0.5) -> Ring:
    """Return a ring without the stairs of pixels, float (m, 2) with m >= 3: far fewer corners, nearly the same area.

    The middles of the pixels' edges, less those that lie within `tolerance` pixels of the line through the others
    (Douglas and Peucker 1973). Small rings come back as they are.
    """
    if abs(signed_area(ring)) < SMOOTHED_FROM:
        return ring.astype(float)
    steps = np.roll(ring, -1, axis=0) - ring
    lengths = np.abs(steps).sum(axis=1)
    unit = np.repeat(np.sign(steps), lengths, axis=0)
    nth = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    middles = np.repeat(ring, lengths, axis=0) + unit * (nth[:, None] + 0.5)
    found = cv2.approxPolyDP(middles.astype(np.float32)[:, None], tolerance, True)[:, 0].astype(float)
    return found if len(found) >= 3 else ring.astype(float)


def one_line(rings: Sequence[Ring]) -> Ring:
    """Join rings into one that fills the same pixels, by lines without width between their nearest corners.

    For formats that know neither holes nor several parts.
    """
    line = rings[0]
    for ring in rings[1:]:
        distances = ((line[:, None] - ring[None]) ** 2).sum(axis=2)
        here, there = np.unravel_index(np.argmin(distances), distances.shape)
        line = np.concatenate([line[: here + 1], ring[there:], ring[: there + 1], line[here:]])
    return line


def rectangle(box: Sequence[float]) -> Ring:
    """Return a box [x, y, w, h] as a ring."""
    x, y, width, height = box
    return np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], dtype=float)
