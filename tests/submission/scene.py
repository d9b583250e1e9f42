"""Small images, masks and files that the tests of this folder share."""

import numpy as np
from pycocotools import mask as coco_mask

from podium.config.formats import RunLengthCode

CONVENTIONS = [
    RunLengthCode(order=order, base=base, starts=starts)
    for order in ("column", "row")
    for base in (0, 1)
    for starts in ("absolute", "relative")
]

IMAGES = [
    {"id": 1, "file_name": "a.png", "key": "a", "height": 4, "width": 7, "subset": "test"},
    {"id": 2, "file_name": "b.png", "key": "b", "height": 5, "width": 3, "subset": "test"},
    {"id": 3, "file_name": "c.png", "key": "c", "height": 4, "width": 7, "subset": "test"},
]


def block(height: int, width: int, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
    """Return a mask with a rectangle; first and last row and column are in it."""
    mask = np.zeros((height, width), bool)
    mask[rows[0] : rows[1] + 1, columns[0] : columns[1] + 1] = True
    return mask


def coco(mask: np.ndarray) -> dict:
    """Return COCO's compressed RLE of a mask, made by pycocotools."""
    rle = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode()}


def predictions() -> list[dict]:
    """Two instances in image 1, one in image 2, none in image 3."""
    return [
        {"image_id": 1, "category_id": 1, "score": 0.6, "segmentation": coco(block(4, 7, (0, 0), (0, 1)))},
        {"image_id": 2, "category_id": 1, "score": 0.9, "segmentation": coco(block(5, 3, (4, 4), (0, 2)))},
        {"image_id": 1, "category_id": 1, "score": 0.8, "segmentation": coco(block(4, 7, (1, 2), (3, 5)))},
    ]
