"""Small extracted archives in each layout, right in every record, for tests to plant faults in."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from podium.config.layout import Checks, CocoLayout, Dsb2018Layout, IsaidLayout
from podium.data.convert import build_dataset

COCO = CocoLayout(kind="coco")
DSB = Dsb2018Layout(kind="dsb2018")
ISAID = IsaidLayout(kind="isaid")
SQUARE = [2, 1, 6, 1, 6, 4, 2, 4]
"""A polygon whose pixels are rows 1 to 3 and columns 2 to 5: box [2, 1, 4, 3], 12 pixels."""


def picture(path: Path, width: int = 12, height: int = 8, seed: object = None, **options) -> Path:
    """Write random pixels, a function of the path's last two parts unless a seed is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(str(seed if seed is not None else path.parts[-2:]).encode()))
    Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path, **options)
    return path


def mask_picture(path: Path, rows: slice, columns: slice, width: int = 12, height: int = 8) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((height, width), np.uint8)
    mask[rows, columns] = 255
    Image.fromarray(mask).save(path)
    return path


def coco_folder(root: Path) -> dict:
    """Write three training images (the last without objects) and a test image; return the JSON for changes.

    Category ids have gaps, image ids have no order. `write_coco` must follow.
    """
    for name in ("a", "b", "c"):
        picture(root / "train" / f"{name}.png")
    picture(root / "test" / "t.png")
    return {
        "images": [
            {"id": 30, "file_name": "a.png", "width": 12, "height": 8},
            {"id": 10, "file_name": "b.png", "width": 12, "height": 8},
            {"id": 20, "file_name": "c.png", "width": 12, "height": 8},
        ],
        "annotations": [
            {"id": 1, "image_id": 30, "category_id": 7, "bbox": [2, 1, 4, 3], "segmentation": [SQUARE], "iscrowd": 0},
            {"id": 2, "image_id": 30, "category_id": 3, "bbox": [2, 1, 4, 3], "segmentation": [SQUARE], "iscrowd": 0},
            {"id": 3, "image_id": 10, "category_id": 7, "bbox": [2, 1, 4, 3], "segmentation": [SQUARE], "iscrowd": 0},
        ],
        "categories": [{"id": 7, "name": "ship"}, {"id": 3, "name": "plane"}],
    }


def write_coco(root: Path, coco: object) -> None:
    (root / "train.json").write_text(json.dumps(coco))


def dsb_folder(root: Path) -> None:
    """Write image x with two masks, image y with none, and a test image."""
    for name, subset in (("x", "train"), ("y", "train"), ("z", "test")):
        picture(root / f"stage1_{subset}" / name / "images" / f"{name}.png")
    mask_picture(root / "stage1_train/x/masks/m1.png", slice(1, 4), slice(2, 6))
    mask_picture(root / "stage1_train/x/masks/m2.png", slice(5, 8), slice(0, 12))


def isaid_folder(root: Path) -> list[dict]:
    """Write image p with two objects and q with none; return the list for changes. `write_coco` must follow."""
    for name in ("p", "q"):
        picture(root / "train" / f"{name}.png")
    picture(root / "test" / "r.png")
    entry = {"file_name": "p.png", "image_id": 5, "bbox": [2, 1, 4, 3], "segmentation": [SQUARE], "iscrowd": 0}
    return [entry, {**entry, "segmentation": None, "bbox": [0, 0, 2.5, 2]}]


def build(root: Path, layout, *, checks: Checks | None = None, workers: int = 1, to: str = "dataset"):
    """Build a dataset beside `root`; return its folder, annotations.json, quarantine.json and the summary."""
    destination = root.parent / to
    summary = build_dataset(root, layout, checks or Checks(), destination, description="a test", workers=workers)
    coco, quarantine = (
        json.loads((destination / f"{name}.json").read_text()) for name in ("annotations", "quarantine")
    )
    return destination, coco, quarantine, summary
