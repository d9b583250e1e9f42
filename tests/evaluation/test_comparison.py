import numpy as np
import pytest

from podium.config.evaluation import Evaluation
from podium.errors import PodiumError
from podium.evaluation.coco import average_precision
from podium.evaluation.comparison import judged, judged_files, plain_numbers
from podium.evaluation.evaluate import evaluate
from podium.files import write_json
from podium.inference.submitted import as_submitted

from .competition import make

OBJECTS = [
    {"image_id": 4, "crops": 3, "mean_iou": 0.5, "mean_dice": 0.6},
    {"image_id": 2, "crops": 0, "mean_iou": None, "mean_dice": None},
    {"image_id": 9, "crops": 1, "mean_iou": 0.9, "mean_dice": 0.95},
]


def ids(dataset: dict) -> list[int]:
    return [image["id"] for image in dataset["images"]]


@pytest.mark.parametrize(("metric", "shape"), [("box_ap", "bbox"), ("mask_ap", "segm")])
@pytest.mark.parametrize("most", [11, 100])
def test_with_every_image_once_it_is_cocos_number(metric, shape, most):
    dataset, predictions = make(images=8, objects=40, seed=3)
    total = judged(metric, dataset, ids(dataset), predictions, {}, Evaluation(max_detections=most))
    numbers, _ = average_precision(dataset, ids(dataset), predictions, shape, most)
    assert total(np.ones(8)) == pytest.approx(numbers["AP"], abs=1e-12)


def test_scores_are_those_of_the_metrics_file():
    dataset, predictions = make(seed=5)
    names = ["dsb2018", "dice", "rsna"]
    metrics, _ = evaluate(
        dataset, ids(dataset), predictions, masks=True, metrics=names, score_threshold=0.4, bootstrap_samples=100
    )
    numbers = plain_numbers(metrics)
    for name in names:
        total = judged(name, dataset, ids(dataset), predictions, {}, Evaluation(score_threshold=0.4))
        assert total(np.ones(12)) == pytest.approx(numbers[name])
    assert numbers["box_AP50"] == metrics["box"]["AP50"]
    assert numbers["mask_ARl"] == metrics["mask"]["ARl"]


def test_objects_in_true_boxes_have_equal_weight_whatever_their_image():
    total = judged("mean_iou", {"annotations": [], "images": []}, [2, 4, 9], [], {"per_image": OBJECTS}, Evaluation())
    assert total(np.ones(3)) == pytest.approx((3 * 0.5 + 0.9) / 4)
    assert total(np.array([1, 1, 3])) == pytest.approx((3 * 0.5 + 3 * 0.9) / 6)
    assert np.isnan(total(np.array([5, 0, 0])))


def test_metrics_of_other_images_and_masks_that_are_missing_are_told():
    empty = {"annotations": [], "images": []}
    with pytest.raises(PodiumError, match="the metrics are of other images"):
        judged("mean_iou", empty, [2, 4], [], {"per_image": OBJECTS}, Evaluation())
    dataset, predictions = make()
    boxes = [{key: value for key, value in each.items() if key != "segmentation"} for each in predictions]
    with pytest.raises(PodiumError, match="mask_ap needs masks, and the predictions have none"):
        judged("mask_ap", dataset, ids(dataset), boxes, {}, Evaluation())


def test_files_are_read_by_experiment(tmp_path):
    dataset, predictions = make(seed=2)
    for name, found in (("all", predictions), ("none", [])):
        write_json(tmp_path / f"{name}.metrics.json", {"of": name})
        write_json(tmp_path / f"{name}.json", found)
    files = {name: (tmp_path / f"{name}.metrics.json", tmp_path / f"{name}.json") for name in ("all", "none")}
    totals, metrics = judged_files("box_ap", dataset, files, Evaluation())
    assert metrics == {"all": {"of": "all"}, "none": {"of": "none"}}
    numbers, _ = average_precision(dataset, ids(dataset), predictions, "bbox")
    assert totals["all"](np.ones(12)) == pytest.approx(numbers["AP"], abs=1e-12)
    assert totals["none"](np.ones(12)) == 0


def test_dropped_categories_do_not_count(tmp_path):
    dataset, predictions = make(seed=2)
    gone = dataset["categories"][0]
    left = [each for each in dataset["annotations"] if each["category_id"] != gone["id"]]
    write_json(tmp_path / "metrics.json", {})
    write_json(tmp_path / "all.json", predictions)
    files = {"all": (tmp_path / "metrics.json", tmp_path / "all.json")}
    totals, _ = judged_files("box_ap", {**dataset, "annotations": left}, files, Evaluation(), [gone["name"]])
    _, rows = average_precision(dataset, ids(dataset), predictions, "bbox")
    kept = [row["AP"] for row in rows if row["name"] != gone["name"] and row["AP"] is not None]
    assert totals["all"](np.ones(12)) == pytest.approx(np.mean(kept), abs=1e-12)


def test_dropped_categories_are_no_pairs_with_images(tmp_path):
    """Against the evaluator on a dataset that never had the category."""
    dataset, predictions = make(seed=2)
    gone, *kept = dataset["categories"]
    left = [each for each in dataset["annotations"] if each["category_id"] != gone["id"]]
    found = [each for each in predictions if each["category_id"] != gone["id"]]
    write_json(tmp_path / "metrics.json", {})
    write_json(tmp_path / "all.json", predictions)
    files = {"all": (tmp_path / "metrics.json", tmp_path / "all.json")}
    without = {**dataset, "annotations": left}
    totals, _ = judged_files("severstal_dice", without, files, Evaluation(), [gone["name"]])
    metrics, _ = evaluate(
        *(without | {"categories": kept}, ids(dataset), found),
        **{"masks": True, "metrics": ["severstal_dice"], "score_threshold": 0.5, "bootstrap_samples": 100},
    )
    assert totals["all"](np.ones(12)) == pytest.approx(metrics["scores"]["severstal_dice"]["mean"])


def test_masks_are_shared_out_as_in_what_is_submitted_and_not_for_cocos_numbers(tmp_path):
    dataset, predictions = make(seed=2)
    sizes = {image["id"]: (image["height"], image["width"]) for image in dataset["images"]}
    twice = [*predictions, *({**each, "score": 0.9 * each["score"]} for each in predictions)]
    shared = as_submitted(twice, sizes, None, 0.5, shares_out=True).results
    assert len(shared) < len(twice)
    write_json(tmp_path / "metrics.json", {})
    write_json(tmp_path / "twice.json", twice)
    files = {"twice": (tmp_path / "metrics.json", tmp_path / "twice.json")}
    for metric, expected in (("dsb2018", shared), ("mask_ap", twice), ("box_ap", twice)):
        totals, _ = judged_files(metric, dataset, files, Evaluation(), shares_out=True)
        own = judged(metric, dataset, ids(dataset), expected, {}, Evaluation())
        assert totals["twice"](np.ones(12)) == own(np.ones(12))
    other = judged("dsb2018", dataset, ids(dataset), twice, {}, Evaluation())(np.ones(12))
    assert judged_files("dsb2018", dataset, files, Evaluation(), shares_out=True)[0]["twice"](np.ones(12)) != other
