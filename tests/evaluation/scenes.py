"""Small images of rectangles for hypothesis: objects with box and mask, and predictions near to them or elsewhere."""

import numpy as np
from hypothesis import strategies as st

from .competition import rle

HEIGHT, WIDTH = 12, 16


def thing(x: int, y: int, w: int, h: int, category_id: int = 1, **more: object) -> dict:
    """Return a rectangle in an image of 12 x 16 pixels as an annotation or, with `score`, a result."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y : y + h, x : x + w] = True
    return {
        "category_id": category_id,
        "bbox": [float(side) for side in (x, y, w, h)],
        "segmentation": rle(mask),
        "iscrowd": 0,
        **more,
    }


def grid(each: dict) -> np.ndarray:
    """Return the rectangle's pixels as bool (12, 16), from its box alone."""
    x, y, w, h = map(int, each["bbox"])
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return (rows >= y) & (rows < y + h) & (columns >= x) & (columns < x + w)


def union(objects: list[dict]) -> np.ndarray:
    """Return the pixels of all of them."""
    return np.logical_or.reduce([np.zeros((HEIGHT, WIDTH), bool), *map(grid, objects)])


@st.composite
def rectangles(draw: st.DrawFn) -> tuple[int, int, int, int]:
    x, y = draw(st.integers(0, WIDTH - 2)), draw(st.integers(0, HEIGHT - 2))
    return x, y, draw(st.integers(1, min(8, WIDTH - x))), draw(st.integers(1, min(8, HEIGHT - y)))


@st.composite
def scenes(draw: st.DrawFn, most_images: int = 4) -> list[tuple[list[dict], list[dict]]]:
    """Draw the true objects and the predictions of some images, no two predictions of the same score."""
    images = []
    for _ in range(draw(st.integers(1, most_images))):
        true = draw(st.lists(st.tuples(rectangles(), st.integers(1, 3)), max_size=4, unique=True))
        shifted = []
        for (x, y, w, h), category in true:
            if draw(st.booleans()):
                moved = min(x + draw(st.integers(0, 2)), WIDTH - 1)
                shifted.append(((moved, y, min(w, WIDTH - moved), h), category))
        guessed = [*shifted, *draw(st.lists(st.tuples(rectangles(), st.integers(1, 3)), max_size=3))]
        images.append((true, guessed))
    scores = iter(np.random.default_rng(draw(st.integers(0, 99))).permutation(200) / 200)
    return [
        (
            [thing(*box, category) for box, category in true],
            [thing(*box, category, score=float(next(scores))) for box, category in guessed],
        )
        for true, guessed in images
    ]
