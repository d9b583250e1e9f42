"""Drawing for the generated competition: polygons with exact coverage, and smooth noise.

Pixel (row i, column j) is the square [j, j+1) x [i, i+1); points are (x, y) in pixels. Everything is computed in
integers or in float64 and rounded once at the end, so that the last bit of a sine on another processor does not show
in the picture.
"""

from dataclasses import dataclass

import cv2
import numpy as np

SAMPLES = 4
"""Samples per pixel and axis: a pixel's coverage is a count out of SAMPLES ** 2."""


class Canvas:
    """Opaque polygons painted one over the other, SAMPLES times finer than the picture.

    Parameters
    ----------
    height, width
        Size in pixels.
    left, top
        Where pixel (0, 0) of the canvas lies in the picture (whole pixels; may be negative).
    """

    def __init__(self, height: int, width: int, left: int = 0, top: int = 0):
        self.left, self.top = left, top
        self._colour = np.zeros((height * SAMPLES, width * SAMPLES, 3), np.uint8)
        self._covered = np.zeros((height * SAMPLES, width * SAMPLES), np.uint8)

    def fill(self, polygon: np.ndarray, colour: np.ndarray | tuple[float, float, float] = (0, 0, 0)) -> None:
        """Paint a polygon, (n, 2) points in the picture, in an RGB colour of 0..255; what lies outside is cut off."""
        samples = np.rint((polygon - (self.left, self.top)) * SAMPLES - 0.5).astype(np.int32)
        cv2.fillPoly(self._colour, [samples], [int(v) for v in np.clip(np.rint(colour), 0, 255)])
        cv2.fillPoly(self._covered, [samples], 1)

    def coverage(self) -> np.ndarray:
        """Return how many of each pixel's samples are painted: (h, w), integers of 0..SAMPLES**2."""
        return _sum_samples(self._covered)

    def colour(self) -> np.ndarray:
        """Return the mean colour over all samples, unpainted ones counting as black: (h, w, 3) float64."""
        return _sum_samples(self._colour) / SAMPLES**2


def _sum_samples(fine: np.ndarray) -> np.ndarray:
    total = np.zeros((fine.shape[0] // SAMPLES, fine.shape[1] // SAMPLES, *fine.shape[2:]), np.uint16)
    for row in range(SAMPLES):
        for column in range(SAMPLES):
            total += fine[row::SAMPLES, column::SAMPLES]
    return total


@dataclass(frozen=True)
class Frame:
    """A turned coordinate system in the picture: `at(along, across)` in pixels from its origin."""

    x: float
    y: float
    angle: float

    def at(self, points: np.ndarray | list[tuple[float, float]], scale: float = 1.0) -> np.ndarray:
        """Map (n, 2) points (along, across) to picture points (x, y)."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return np.asarray(points, float) * scale @ np.array([[cos, sin], [-sin, cos]]) + (self.x, self.y)

    def rectangle(self, along: tuple[float, float], across: tuple[float, float]) -> np.ndarray:
        """Return the corners of a rectangle between two values along and two values across."""
        (a0, a1), (b0, b1) = along, across
        return self.at([(a0, b0), (a1, b0), (a1, b1), (a0, b1)])


def disc(radius_x: float, radius_y: float, corners: int = 16) -> np.ndarray:
    """Return an ellipse around the origin as a polygon, (corners, 2)."""
    turn = np.arange(corners) * (2 * np.pi / corners)
    return np.stack([radius_x * np.cos(turn), radius_y * np.sin(turn)], axis=1)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[float, ...]) -> np.ndarray:
    """Return noise (h, w) of mean 0 and deviation about 1: the mean of one smooth layer per cell size in pixels."""
    total = np.zeros(shape)
    for cell in cells:
        rows, columns = (int(np.ceil(side / cell)) + 3 for side in shape)
        grid = rng.standard_normal((rows, columns))
        fine = cv2.resize(grid, (int(columns * cell), int(rows * cell)), interpolation=cv2.INTER_CUBIC)
        start = int(cell)
        total += fine[start : start + shape[0], start : start + shape[1]]
    return total / (0.865 * np.sqrt(len(cells)))


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Return the image under a Gaussian of `sigma` pixels."""
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
