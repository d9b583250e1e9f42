"""Small made-up competitions: random shapes, and predictions that are right, shifted, missing or wrong."""

import numpy as np
from pycocotools import mask as coco_mask


def rle(mask: np.ndarray) -> dict:
    """Return the COCO compressed RLE of a bool array (h, w)."""
    code = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(side) for side in code["size"]], "counts": code["counts"].decode()}


def strip(start: int, stop: int, length: int = 20) -> dict:
    """One row of pixels, `start` to `stop` (exclusive) of them in the mask."""
    mask = np.zeros((1, length), bool)
    mask[0, start:stop] = True
    return rle(mask)


def ellipse(height: int, width: int, x: float, y: float, w: float, h: float) -> np.ndarray:
    """Return the bool array (height, width) of the ellipse that fills the box [x, y, w, h]."""
    rows, columns = np.mgrid[:height, :width] + 0.5
    return ((columns - x - w / 2) / (w / 2)) ** 2 + ((rows - y - h / 2) / (h / 2)) ** 2 <= 1


def make(
    images: int = 12, objects: int = 12, categories: int = 3, crowds: float = 0.1, seed: int = 0
) -> tuple[dict, list[dict]]:
    """Return a dataset and predictions on all of it: objects of all three of COCO's sizes, some of them crowds.

    Scores are rounded so that many are equal: the order among equals then matters. Image and category ids have gaps,
    and one category has no object.
    """
    random = np.random.default_rng(seed)
    dataset = {
        "info": {"description": "made up"},
        "images": [],
        "annotations": [],
        "categories": [{"id": 2 * number + 1, "name": f"kind {number}"} for number in range(categories + 1)],
    }
    predictions = []
    for number in range(images):
        height, width = (int(side) for side in random.integers(190, 260, 2))
        image_id = 3 * number + 5
        key = f"image-{number}"
        dataset["images"].append(
            {"id": image_id, "file_name": f"{key}.png", "width": width, "height": height, "key": key, "subset": "train"}
        )

        def record(box: np.ndarray, category_id: int, of: int = image_id, h: int = height, w: int = width) -> dict:
            mask = rle(ellipse(h, w, *box))
            return {"image_id": of, "category_id": category_id, "bbox": box.tolist(), "segmentation": mask}

        for _ in range(random.integers(0, objects + 1)):
            box = np.concatenate([random.uniform(0, 110, 2), np.exp(random.uniform(np.log(6), np.log(180), 2))])
            category_id = int(random.choice([each["id"] for each in dataset["categories"][:-1]]))
            true = record(box, category_id)
            true |= {
                "id": len(dataset["annotations"]),  # 0 among them
                "area": float(coco_mask.area(true["segmentation"])),
                "iscrowd": int(random.random() < crowds),
            }
            dataset["annotations"].append(true)
            for _ in range(random.choice([0, 1, 1, 1, 3])):
                moved = box + random.normal(0, 0.06, 4) * np.maximum(box[[2, 3, 2, 3]], 1)
                guessed = category_id if random.random() < 0.85 else dataset["categories"][-1]["id"]
                predictions.append(record(moved, guessed) | {"score": round(float(random.random()), 1)})
    return dataset, predictions
