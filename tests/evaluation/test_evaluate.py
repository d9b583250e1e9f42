import copy
import json

import numpy as np
import pytest

from podium.errors import PodiumError
from podium.evaluation.bootstrap import interval
from podium.evaluation.coco import average_precision
from podium.evaluation.evaluate import evaluate
from podium.evaluation.metrics import METRICS
from podium.evaluation.totals import mean

from .competition import make, rle

NAMES = ("dsb2018", "airbus_f2", "dice")


def block(columns: slice) -> dict:
    """A mask of some columns of a 10 x 40 image."""
    mask = np.zeros((10, 40), bool)
    mask[:, columns] = True
    box = [float(columns.start), 0.0, float(columns.stop - columns.start), 10.0]
    return {"segmentation": rle(mask), "bbox": box, "category_id": 1}


DATASET = {
    "images": [{"id": each, "width": 40, "height": 10, "key": f"image {each}"} for each in (1, 2, 3, 4)],
    "categories": [{"id": 1, "name": "block"}, {"id": 2, "name": "never"}],
    "annotations": [
        {"id": 1, "image_id": 1, "area": 100.0, "iscrowd": 0, **block(slice(0, 10))},
        {"id": 2, "image_id": 1, "area": 100.0, "iscrowd": 0, **block(slice(20, 30))},
        {"id": 3, "image_id": 2, "area": 200.0, "iscrowd": 1, **block(slice(20, 40))},
        {"id": 4, "image_id": 4, "area": 400.0, "iscrowd": 0, **block(slice(0, 40))},
    ],
}
PREDICTIONS = [
    {"image_id": 1, "score": 0.5, **block(slice(0, 10))},
    {"image_id": 1, "score": 0.49, **block(slice(20, 30))},
    {"image_id": 2, "score": 0.1, **block(slice(0, 5))},
    {"image_id": 3, "score": 0.9, **block(slice(0, 5))},
]


def test_by_hand():
    metrics, per_image = evaluate(DATASET, [3, 1, 2], PREDICTIONS, masks=True, metrics=NAMES, score_threshold=0.5)
    # Image 3: nothing there, one found: 0. Image 1: two there, one found (0.5 counts, 0.49 does not): precision 1/2,
    # F2 = 5 / (5 + 4) = 5/9, Dice = 2 * 100 / (200 + 100) = 2/3. Image 2: a crowd only, nothing found: 1.
    assert per_image == [
        {"image_id": 3, "key": "image 3", "n_true": 0, "n_pred": 1, "dsb2018": 0.0, "airbus_f2": 0.0, "dice": 0.0},
        {
            "image_id": 1,
            "key": "image 1",
            "n_true": 2,
            "n_pred": 1,
            "dsb2018": 0.5,
            "airbus_f2": pytest.approx(5 / 9),
            "dice": pytest.approx(2 / 3),
        },
        {"image_id": 2, "key": "image 2", "n_true": 0, "n_pred": 0, "dsb2018": 1.0, "airbus_f2": 1.0, "dice": 1.0},
    ]
    assert (metrics["images"], metrics["instances"]) == (3, 2)
    means = {name: score["mean"] for name, score in metrics["scores"].items()}
    assert means == {
        "dsb2018": pytest.approx(0.5),
        "airbus_f2": pytest.approx((0 + 5 / 9 + 1) / 3),
        "dice": pytest.approx((0 + 2 / 3 + 1) / 3),
    }
    # Ordered by score: false (image 3), true (image 1, 0.5), true (0.49), false. Precision 1/2 at recall 1/2, 2/3 at
    # recall 1; precision never falls with recall as COCO reads it, so it is 2/3 everywhere.
    assert metrics["box"]["AP"] == metrics["mask"]["AP"] == pytest.approx(2 / 3)
    assert metrics["per_category"] == [
        {
            "category_id": 1,
            "name": "block",
            "images": 1,
            "instances": 2,
            **{key: pytest.approx(2 / 3) for key in ("box_AP", "box_AP50", "mask_AP", "mask_AP50")},
            # The three of 0.49 and more hold both objects: F1 = 2 * 2 / (3 + 2), with the fourth 4/6, with fewer 2/4.
            **{key: pytest.approx(2 / 3) for key in ("box_P", "mask_P")},
            **dict.fromkeys(("box_R", "mask_R"), 1.0),
        },
        {
            "category_id": 2,
            "name": "never",
            "images": 0,
            "instances": 0,
            **dict.fromkeys(f"{shape}_{key}" for shape in ("box", "mask") for key in ("P", "R", "AP50", "AP")),
        },
    ]


def test_its_parts_are_those_of_the_other_modules():
    dataset, predictions = make()
    before = copy.deepcopy((dataset, predictions))
    image_ids = [image["id"] for image in dataset["images"]]
    metrics, per_image = evaluate(
        dataset,
        image_ids,
        predictions,
        masks=True,
        metrics=NAMES,
        max_detections=50,
        score_threshold=0.4,
        bootstrap_samples=200,
    )
    assert (dataset, predictions) == before
    assert metrics["box"] == average_precision(dataset, image_ids, predictions, "bbox", 50)[0]
    assert metrics["mask"] == average_precision(dataset, image_ids, predictions, "segm", 50)[0]
    assert (metrics["score_threshold"], metrics["max_detections"]) == (0.4, 50)
    assert [row["image_id"] for row in per_image] == image_ids
    assert sum(row["n_pred"] for row in per_image) == sum(each["score"] >= 0.4 for each in predictions)
    for name in NAMES:
        values = [row[name] for row in per_image]
        assert metrics["scores"][name]["mean"] == pytest.approx(np.mean(values), abs=1e-15)
        assert (metrics["scores"][name]["low"], metrics["scores"][name]["high"]) == interval(
            mean(values), len(values), samples=200
        )
    json.dumps((metrics, per_image), allow_nan=False)


def test_without_masks():
    dataset, predictions = make()
    image_ids = [image["id"] for image in dataset["images"]]
    with_masks, _ = evaluate(dataset, image_ids, predictions, masks=True, metrics=NAMES, score_threshold=0.4)
    for each in [*dataset["annotations"], *predictions]:
        del each["segmentation"]
    metrics, per_image = evaluate(dataset, image_ids, predictions, masks=False, metrics=NAMES, score_threshold=0.4)
    assert metrics["box"] == with_masks["box"]
    assert (metrics["mask"], metrics["scores"]) == (None, {})
    assert metrics["detail"]["mask"] is None
    boxes = {key for key in with_masks["per_category"][0] if not key.startswith("mask_")}
    assert all(row.keys() == boxes for row in metrics["per_category"])
    assert all(row.keys() == {"image_id", "key", "n_true", "n_pred"} for row in per_image)
    json.dumps((metrics, per_image), allow_nan=False)
    with pytest.raises(PodiumError, match="segmentation"):
        evaluate(dataset, image_ids, predictions, masks=True, metrics=NAMES, score_threshold=0.4)


def test_without_images():
    metrics, per_image = evaluate(DATASET, [], [], masks=True, metrics=NAMES, score_threshold=0.5)
    assert (metrics["images"], metrics["instances"], per_image) == (0, 0, [])
    assert metrics["scores"] == {name: {"mean": None, "low": None, "high": None} for name in NAMES}
    json.dumps(metrics, allow_nan=False)


def test_any_metric_and_what_it_looks_at():
    dataset, predictions = make()
    ids = [image["id"] for image in dataset["images"]]
    few = [each for each in predictions if each["score"] >= 0.4]
    found, per_image = evaluate(dataset, ids, predictions, masks=True, metrics=list(METRICS), score_threshold=0.4)
    of_few, _ = evaluate(dataset, ids, few, masks=True, metrics=list(METRICS), score_threshold=0.4)
    assert list(found["scores"]) == list(METRICS)
    assert all(row.keys() >= METRICS.keys() for row in per_image)
    # Average precision uses all predictions, every other metric those from 0.4 on.
    differ = {name for name, score in found["scores"].items() if score != of_few["scores"][name]}
    assert differ == {name for name, metric in METRICS.items() if metric.ranked}
    for shape in ("box", "mask"):
        assert found["scores"][f"{shape}_ap"]["mean"] == pytest.approx(found[shape]["AP"], abs=1e-12)
    assert all(score["low"] < score["mean"] < score["high"] for score in found["scores"].values())
    json.dumps((found, per_image), allow_nan=False)

    boxes, _ = evaluate(dataset, ids, predictions, masks=False, metrics=list(METRICS), score_threshold=0.4)
    of_boxes = {name: score for name, score in found["scores"].items() if METRICS[name].needs == "boxes"}
    assert boxes["scores"] == of_boxes != {}


def test_coco_ap_has_one_value_whatever_the_limit():
    dataset, predictions = make(images=4, objects=40, seed=1)
    ids = [image["id"] for image in dataset["images"]]
    settings = {"masks": True, "metrics": ["box_ap", "mask_ap"], "score_threshold": 0.4, "bootstrap_samples": 100}
    few, all_ = (evaluate(dataset, ids, predictions, max_detections=most, **settings)[0] for most in (11, 100))
    for shape in ("box", "mask"):
        assert few["scores"][f"{shape}_ap"]["mean"] == pytest.approx(few[shape]["AP"], abs=1e-12)
        assert few["scores"][f"{shape}_ap"]["mean"] < all_["scores"][f"{shape}_ap"]["mean"] - 0.01


def test_no_finding_is_what_is_under_the_threshold():
    # Image 2 has no object. A box there under the threshold is not sent: the image is rightly said to be empty.
    weak = [{"image_id": 2, "category_id": 1, "bbox": [0.0, 0.0, 9.0, 9.0], "score": 0.2}]
    settings = {"masks": False, "metrics": ["vinbigdata"], "bootstrap_samples": 100}
    scores = [evaluate(DATASET, [2], weak, score_threshold=each, **settings)[0]["scores"] for each in (0.5, 0.1)]
    assert [each["vinbigdata"]["mean"] for each in scores] == [1, 0]


def test_what_is_not_defined():
    # Average precision of the image without objects; Global Wheat leaves out the one where nothing is found, too.
    metrics = ["global_wheat", "voc2010"]
    found, per_image = evaluate(DATASET, [3, 1, 2], PREDICTIONS, masks=False, metrics=metrics, score_threshold=0.5)
    assert [(row["global_wheat"], row["voc2010"]) for row in per_image] == [(0, None), (0.5, 1), (None, None)]
    assert found["scores"]["global_wheat"]["mean"] == 0.25
    nothing, _ = evaluate(DATASET, [2], [], masks=False, metrics=metrics, score_threshold=0.5)
    assert nothing["scores"] == {name: {"mean": None, "low": None, "high": None} for name in metrics}
    json.dumps((found, per_image), allow_nan=False)


def test_scores_are_of_what_is_submitted_and_average_precision_of_all():
    submitted = {"masks": PREDICTIONS[:1], "boxes": PREDICTIONS}
    names = ("dsb2018", "box_ap", "mask_ap")
    arguments = {"masks": True, "metrics": names, "score_threshold": 0.3}
    every, _ = evaluate(DATASET, [1, 2, 3], PREDICTIONS, **arguments)
    found, rows = evaluate(DATASET, [1, 2, 3], PREDICTIONS, **arguments, submitted=submitted)
    for key in ("box", "mask", "per_category", "detail"):
        assert found[key] == every[key]
    assert found["scores"]["box_ap"] == every["scores"]["box_ap"]
    alone, _ = evaluate(DATASET, [1, 2, 3], PREDICTIONS[:1], **arguments)
    assert found["scores"]["dsb2018"] == alone["scores"]["dsb2018"] != every["scores"]["dsb2018"]
    assert found["scores"]["mask_ap"] == alone["scores"]["mask_ap"] != every["scores"]["mask_ap"]
    assert [row["n_pred"] for row in rows] == [1, 0, 0]
