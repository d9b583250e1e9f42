"""COCO's average precision and recall of boxes and masks.

The numbers are those of pycocotools' COCOeval (Lin et al., https://cocodataset.org/#detection-eval), computed by
faster-coco-eval. They agree to 1e-15: pycocotools adds 2.2e-16 to the number of predictions before it divides by it.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from podium.errors import PodiumError
from podium.evaluation.inputs import MAX_DETECTIONS, check, true_mask, truth_of


def average_precision(
    dataset: dict,
    image_ids: Sequence[int],
    predictions: Sequence[dict],
    iou_type: Literal["bbox", "segm"],
    max_detections: int = MAX_DETECTIONS,
) -> tuple[dict[str, float | None], list[dict]]:
    """Score predictions on some images of a dataset.

    Parameters
    ----------
    dataset
        COCO JSON: `images`, `annotations`, `categories`. `segmentation` (RLE) is needed for "segm" only.
        Objects are small, medium or large by the annotation's `area`, with limits 32² and 96² pixels, for both types.
    image_ids
        The images that count, each once.
    predictions
        COCO results on these images: `image_id`, `category_id`, `bbox` [x, y, w, h] in pixels, `score`, and
        `segmentation` (RLE) for "segm". Their areas are those of the boxes for "bbox", of the masks for "segm".
    max_detections
        How many predictions per image and category count, best scores first; more than 10.

    Returns
    -------
    numbers
        COCO's twelve, in its order: AP, AP50, AP75, APs, APm, APl, AR@1, AR@10, AR@<max_detections>, ARs, ARm, ARl.
        In 0 … 1; None where no true object is there to define it.
    categories
        A row per category of the dataset: `category_id`, `name`, `images` (with a true object of it),
        `instances` (crowds not counted), `AP`, `AP50`, and `precision`: at IoU 0.5 and recalls 0, 0.01 … 1, as COCO
        reads it (it never rises with recall); None without true objects.

    Raises
    ------
    PodiumError
        For predictions that cannot be scored (see `podium.evaluation.inputs.check`), ids that the dataset does not
        have, true masks that are missing, and a limit of 10 detections or fewer.
    """
    if max_detections <= 10:
        raise PodiumError(
            f"{max_detections} is too few: recall at 1 and at 10 detections is reported besides",
            key="max_detections",
            mend="set evaluation.max_detections to more than 10",
        )
    check(dataset, image_ids, predictions, masks=iou_type == "segm")
    images, truth = truth_of(dataset, image_ids)
    names = [
        *("AP", "AP50", "AP75", "APs", "APm", "APl"),
        *("AR@1", "AR@10", f"AR@{max_detections}", "ARs", "ARm", "ARl"),
    ]
    evaluator = _run(images, truth, dataset["categories"], predictions, iou_type, max_detections)
    numbers = {name: _defined(value) for name, value in zip(names, evaluator.stats, strict=True)}

    # (IoU threshold, recall, category, all areas, most detections)
    precision = evaluator.eval["precision"][:, :, :, 0, -1]
    column = {category_id: place for place, category_id in enumerate(evaluator.params.catIds)}
    rows = []
    for category in dataset["categories"]:
        own = [each["image_id"] for each in truth if each["category_id"] == category["id"] and not each["iscrowd"]]
        curve = precision[:, :, column[category["id"]]]
        rows.append(
            {
                "category_id": category["id"],
                "name": category["name"],
                "images": len(set(own)),
                "instances": len(own),
                "AP": _defined(np.mean(curve)),
                "AP50": _defined(np.mean(curve[0])),
                "precision": None if curve[0, 0] == -1 else curve[0].tolist(),
            }
        )
    return numbers, rows


def _run(
    images: list[dict],
    truth: list[dict],
    categories: list[dict],
    predictions: Sequence[dict],
    iou_type: str,
    max_detections: int,
) -> COCOeval_faster:
    """Return the evaluator after its work. The given records stay as they are."""
    # The evaluator writes into the records it is given and takes id 0 for "no match": it gets copies, numbered from 1.
    annotations = [
        {
            "id": number,
            **{key: each[key] for key in ("image_id", "category_id", "bbox", "area", "iscrowd")},
            **({"segmentation": true_mask(each)} if iou_type == "segm" else {}),
        }
        for number, each in enumerate(truth, start=1)
    ]
    # With a box in a result, its area would be taken for the mask's: small, medium and large would mean another thing.
    shape = "bbox" if iou_type == "bbox" else "segmentation"
    results = [{key: each[key] for key in ("image_id", "category_id", "score", shape)} for each in predictions]

    true = COCO({"images": images, "annotations": annotations, "categories": categories})
    evaluator = COCOeval_faster(true, true.loadRes(results), iou_type)
    evaluator.params.maxDets = [1, 10, max_detections]
    evaluator.run()
    return evaluator


def _defined(value: float) -> float | None:
    """COCO writes -1 where there is nothing to measure."""
    return None if value == -1 else float(value)
