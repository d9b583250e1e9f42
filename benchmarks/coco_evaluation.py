"""Average precision by podium's evaluator against pycocotools, on the same made-up predictions.

    python benchmarks/coco_evaluation.py --images 2000 --turns 3

They take turns; what counts is the ratio of their times, and that all numbers are equal.
"""

import argparse
import contextlib
import io
import time

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from podium.data.masks import encode_at
from podium.evaluation.coco import average_precision

SIDE = 640


def competition(images: int, objects: int, categories: int) -> tuple[dict, list[dict]]:
    """Return a dataset of ellipses on images of 640 x 640 pixels, and predictions: most of them near an object."""
    draw = np.random.default_rng(0)
    dataset = {
        "images": [{"id": number, "width": SIDE, "height": SIDE} for number in range(1, images + 1)],
        "categories": [{"id": number, "name": str(number)} for number in range(1, categories + 1)],
        "annotations": [],
    }
    predictions = []
    for image in dataset["images"]:
        for _ in range(draw.poisson(objects)):
            box = np.concatenate([draw.uniform(0, SIDE - 160, 2), np.exp(draw.uniform(2, 5, 2))])
            category = int(draw.integers(1, categories + 1))
            true = record(image["id"], category, box)
            area = float(coco_mask.area(true["segmentation"]))
            dataset["annotations"].append(true | {"id": len(dataset["annotations"]) + 1, "area": area, "iscrowd": 0})
            for _ in range(draw.poisson(2)):
                moved = np.clip(box + draw.normal(0, 0.08, 4) * box[[2, 3, 2, 3]], 0, SIDE - 160)
                score = round(float(draw.random()), 6)
                predictions.append(record(image["id"], category, np.maximum(moved, 1)) | {"score": score})
    return dataset, predictions


def record(image_id: int, category_id: int, box: np.ndarray) -> dict:
    x, y, width, height = (int(value) for value in np.maximum(box.round(), [0, 0, 1, 1]))
    rows, columns = np.mgrid[:height, :width] + 0.5
    mask = ((columns - width / 2) / (width / 2)) ** 2 + ((rows - height / 2) / (height / 2)) ** 2 <= 1
    mask[height // 2, width // 2] = True
    code = encode_at(mask, x, y, SIDE, SIDE)
    return {"image_id": image_id, "category_id": category_id, "bbox": [x, y, width, height], "segmentation": code}


def reference(dataset: dict, predictions: list[dict], iou_type: str) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = dataset
        truth.createIndex()
        # With a box in a result, its area would be taken for the mask's.
        drop = "bbox" if iou_type == "segm" else "segmentation"
        results = [{key: value for key, value in each.items() if key != drop} for each in predictions]
        evaluator = COCOeval(truth, truth.loadRes(results), iou_type)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return list(evaluator.stats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--objects", type=float, default=7.0, help="mean number in an image; COCO's is 7.3")
    parser.add_argument("--categories", type=int, default=20)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    dataset, predictions = competition(options.images, options.objects, options.categories)
    ids = [image["id"] for image in dataset["images"]]
    print(f"{len(ids)} images, {len(dataset['annotations'])} objects, {len(predictions)} predictions")
    for iou_type in ("bbox", "segm"):
        ratios = []
        for _ in range(options.turns):
            begin = time.perf_counter()
            numbers, _ = average_precision(dataset, ids, predictions, iou_type)
            middle = time.perf_counter()
            expected = reference(dataset, predictions, iou_type)
            end = time.perf_counter()
            found = [-1 if value is None else value for value in numbers.values()]
            difference = np.abs(np.array(found) - expected).max()
            ratios.append((end - middle) / (middle - begin))
            print(
                f"{iou_type}: ours {middle - begin:.2f} s, pycocotools {end - middle:.2f} s, differ by {difference:.0e}"
            )
        print(f"{iou_type}: {np.median(ratios):.1f} times as fast (from {min(ratios):.1f} to {max(ratios):.1f})")


if __name__ == "__main__":
    main()
