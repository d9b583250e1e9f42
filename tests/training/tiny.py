"""Drawn images of 64 pixels and the smallest models, for tests of everything that trains or predicts."""

from pathlib import Path

import numpy as np
from PIL import Image

from podium.config.detection import DetectionExperiment
from podium.config.segmentation import SegmentationExperiment
from podium.data.dataset import Dataset, load_dataset
from podium.data.masks import area, box_of, encode
from podium.files import file_digest, write_json, write_text

SIDE = 64


def draw_dataset(folder: Path, images: int = 6, categories: tuple[str, ...] = ("disk", "square")) -> Dataset:
    """Write a checked dataset: on dark noise, a bright disk on the left and a bright square on the right of each image.

    Object n has category 1 + n modulo the number of categories. Masks are exact, boxes tight.
    """
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    entries, annotations = [], []
    for image_id in range(1, images + 1):
        radius = rng.integers(6, 11)
        disk = (columns - rng.integers(11, 20)) ** 2 + (rows - rng.integers(15, 50)) ** 2 <= radius**2
        left, top, side = rng.integers(34, 40), rng.integers(2, 35), rng.integers(10, 22)
        square = (columns >= left) & (columns < left + side) & (rows >= top) & (rows < top + side)
        pixels = rng.integers(0, 60, (SIDE, SIDE, 3), dtype=np.uint8)
        pixels[disk] += np.array([180, 120, 30], dtype=np.uint8)
        pixels[square] += np.array([30, 120, 180], dtype=np.uint8)
        name = f"{image_id}.png"
        Image.fromarray(pixels).save(folder / "images" / name)
        entries.append(
            {"id": image_id, "file_name": name, "width": SIDE, "height": SIDE, "key": str(image_id), "subset": "train"}
            | {"digest": file_digest(folder / "images" / name)}
        )
        for number, mask in enumerate((disk, square)):
            rle = encode(mask)
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image_id, "category_id": 1 + number % len(categories)}
                | {"bbox": box_of(rle), "area": float(area(rle)), "iscrowd": 0, "segmentation": rle}
            )
    named = [{"id": number, "name": name} for number, name in enumerate(categories, start=1)]
    coco = {"info": {"description": "drawn"}, "images": entries, "annotations": annotations, "categories": named}
    write_json(folder / "annotations.json", coco)
    write_text(folder / "digest.txt", f"{file_digest(folder / 'annotations.json')}\n")
    return load_dataset(folder)


DETECTOR = {
    "backbone": "resnet18",
    "weights": "none",
    "norm": "batch",
    "freeze_at": 0,
    "levels": (2, 4),
    "fpn_channels": 16,
    "anchor_sizes": (12, 20, 32),
    "head_features": 32,
    "rpn_batch_size_per_image": 32,
    "batch_size_per_image": 32,
    "proposals_train": 30,
    "proposals_test": 30,
}

# The same through Detectron2, whose pyramid has the level 5.
MODELS = {
    "detector": DETECTOR,
    "detectron2": DETECTOR | {"backend": "detectron2", "levels": (2, 5), "anchor_sizes": (12, 20, 32, 48)},
}

DETECTION_INPUT = {"min_size_train": (SIDE,), "max_size_train": 96, "min_size_test": SIDE, "max_size_test": 96}


def solver(**changes) -> dict:
    return {"base_lr": 0.01, "max_iter": 6, "ims_per_batch": 2, "eval_period": 4, "checkpoint_period": 5} | changes


def detection(model: dict | None = None, sizes: dict | None = None, seed: int = 0, **changes) -> DetectionExperiment:
    return DetectionExperiment.model_validate(
        {
            "seed": seed,
            "model": DETECTOR | (model or {}),
            "input": DETECTION_INPUT | (sizes or {}),
            "solver": solver(**changes),
        }
    )


def segmentation(crops: dict | None = None, seed: int = 0, loss: str = "bce_dice", **changes) -> SegmentationExperiment:
    return SegmentationExperiment.model_validate(
        {
            "seed": seed,
            "model": {"architecture": "report_unet"},
            "crops": {"size": 64} | (crops or {}),
            "loss": loss,
            "solver": solver(**changes),
        }
    )
