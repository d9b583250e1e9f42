import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pydantic import ValidationError

from podium.config.instances import InstancesExperiment
from podium.config.tuning import Choice, Tuning, configured_choice, made_by
from podium.data.dataset import Dataset
from podium.evaluation.combinations import axes_of, choices_of, statistics_of
from podium.evaluation.evaluate import evaluate
from podium.evaluation.metrics import METRICS, Metric, metric_for
from podium.evaluation.totals import mean
from podium.evaluation.tuning import divide, tune, tune_on
from podium.inference.select import selection_makers

from .competition import make

SCORE = Metric("dsb2018", of_image=None, of_images=mean)
"""A mean over images whose statistics are the scores themselves."""


def scored(table, configured=0, units=None, **settings):
    """Tune score thresholds 0.00, 0.01 … with a row of the images' scores for each."""
    thresholds = tuple(round(0.01 * step, 2) for step in range(len(table)))
    axes = {"score_threshold": thresholds, "mask_threshold": (None,), "nms_iou": (None,), "min_area": (1,)}
    units = units or [[image] for image in range(len(table[0]))]
    choice = Choice(score_threshold=thresholds[configured])
    return tune(SCORE, axes, table, choice, units, Tuning(**settings), bootstrap_samples=200)


def test_the_values_tried_are_sorted_and_hold_those_configured():
    experiment = InstancesExperiment(detection="d", segmentation="s", mask_threshold=0.45, min_area=7)
    tuning = Tuning(score_threshold=[0.9, 0.2, 0.9], mask_threshold=[0.6, 0.3], nms_iou=[0.5], min_area=[1])
    assert axes_of(tuning, configured_choice(0.5, experiment)) == {
        "score_threshold": (0.2, 0.5, 0.9),
        "mask_threshold": (0.3, 0.45, 0.6),
        "nms_iou": (None, 0.5),
        "min_area": (1, 7),
    }
    of_detector = axes_of(tuning, configured_choice(0.5))
    assert (of_detector["mask_threshold"], of_detector["min_area"]) == ((None,), (1,))


def test_a_choice_is_laid_over_an_experiment():
    experiment = InstancesExperiment(detection="d", segmentation="s", score_threshold=0.1, overlap=True)
    made = made_by(Choice(score_threshold=0.8, mask_threshold=0.3, nms_iou=0.2, min_area=9), experiment)
    assert made == experiment.model_copy(update={"mask_threshold": 0.3, "nms_iou": 0.2, "min_area": 9})
    assert made_by(None, experiment) is experiment


@pytest.mark.parametrize(
    "wrong", [{"score_threshold": []}, {"mask_threshold": [1.5]}, {"min_area": [0]}, {"nms_iou": [-1]}, {"parts": 1}]
)
def test_values_that_are_none_are_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Tuning(**wrong)


@pytest.mark.parametrize("name", ["dsb2018", "dice_global", "severstal_dice", "global_wheat", "vinbigdata", "box_ap"])
def test_each_combination_has_the_score_that_the_evaluator_gives_it(name):
    """Against the evaluator on predictions that are filtered here, one combination at a time."""
    # COCO's AP is limited to 11 predictions of a category, of which some images have more.
    coco, predictions = make(images=6, objects=40 if name == "box_ap" else 6, seed=4)
    if masks := METRICS[name].needs == "masks":
        area_of = {id(each): coco_mask.area(each["segmentation"]) for each in predictions}
    else:
        predictions = [{key: each[key] for key in each if key != "segmentation"} for each in predictions]
        area_of = {id(each): each["bbox"][2] * each["bbox"][3] for each in predictions}
    annotations = {image["id"]: [] for image in coco["images"]}
    for each in coco["annotations"]:
        annotations[each["image_id"]].append(each)
    images = {image["id"]: image | {"digest": image["key"]} for image in coco["images"]}
    dataset = Dataset(None, images, annotations, coco["categories"], "")
    ids, sizes = list(images), {image_id: dataset.size(image_id) for image_id in images}
    tuning = Tuning(score_threshold=[0.2, 0.5, 0.8], nms_iou=[None], min_area=[1, 500, 3000])
    makers = selection_makers(ids, predictions, sizes)
    metric, configured = metric_for(name, dataset.categories, 11), Choice(score_threshold=0.4)
    found = tune_on(dataset, ids, makers, metric, configured, tuning, group_by=None, bootstrap_samples=100)
    assert len(found["surface"]) == 4 * 3
    expected = []
    for threshold in (0.2, 0.4, 0.5, 0.8):
        for area in (1, 500, 3000):
            kept = [each for each in predictions if each["score"] >= threshold and area_of[id(each)] >= area]
            metrics, _ = evaluate(
                *(coco, ids, kept),
                **{"masks": masks, "metrics": [name], "max_detections": 11},
                **{"score_threshold": 0, "bootstrap_samples": 100},
            )
            expected.append(metrics["scores"][name])
            if name == "box_ap":
                assert expected[-1]["mean"] == pytest.approx(metrics["box"]["AP"], abs=1e-12)
    assert found["surface"] == pytest.approx([each["mean"] for each in expected])
    assert found["tuned_in_sample"]["score"] == max(found["surface"])
    # The configured combination is the fourth, and its interval the evaluator's own.
    untuned = expected[3]
    assert found["untuned"] == pytest.approx({"score": untuned["mean"], "low": untuned["low"], "high": untuned["high"]})


def test_equal_sets_of_instances_are_scored_once():
    asked = []
    metric = Metric("dsb2018", lambda true, predicted: asked.append(len(predicted)) or 0.0)
    results = [{"category_id": 1, "score": score, "bbox": [0, 0, 9, 9]} for score in (0.9, 0.3)]
    axes = {"score_threshold": (0.1, 0.2, 0.4, 0.95), "mask_threshold": (None,), "nms_iou": (None,), "min_area": (1, 5)}
    statistics_of(metric, axes, [({"height": 9, "width": 9}, [], lambda choice: results)])
    assert sorted(asked) == [0, 1, 2]


def test_the_best_is_chosen_and_scored_on_images_that_had_no_say():
    table = np.array([[0.5] * 6, [0.4, 0.9, 0.4, 0.9, 0.4, 0.9], [0.3, 0.3, 0.3, 0.3, 0.3, 1.0]])
    found = scored(table, parts=6)
    assert found["choice"]["score_threshold"] == 0.01
    assert found["surface"] == pytest.approx([0.5, 0.65, 2.5 / 6])
    assert (found["untuned"]["score"], found["tuned_in_sample"]["score"]) == pytest.approx((0.5, 0.65))
    # Each image left out, the second row has the best mean of the other five: 0.6 or 0.7 against 0.5.
    assert found["cross_fitted"]["score"] == pytest.approx(0.65)
    assert found["gain"]["score"] == pytest.approx(0.15)
    assert found["gain"]["low"] <= 0.15 <= found["gain"]["high"]
    assert found["agreement"] == {
        "parts": 6,
        "same": 6,
        "range": {"score_threshold": [0.01, 0.01], "mask_threshold": [None, None], "nms_iou": [None, None]}
        | {"min_area": [1, 1]},
    }


def test_cross_fitting_tells_luck_from_gain():
    """Scores of pure chance: the best of 40 combinations looks good on its own images, and is not."""
    found = [scored(np.random.default_rng(seed).random((40, 20)), seed=seed, parts=5) for seed in range(40)]
    luck = np.mean([each["tuned_in_sample"]["score"] for each in found])
    honest = np.array([each["cross_fitted"]["score"] for each in found])
    # The true mean is 1/2, a mean of 20 has a standard error of 0.065, that of 40 such means 0.01.
    assert luck > 0.6
    assert abs(honest.mean() - 0.5) < 0.04
    assert all(each["agreement"]["same"] < 5 for each in found[:3])


def test_images_that_belong_together_are_never_on_both_sides():
    """Each group likes another threshold: what the other group chose is always wrong for it."""
    table = [[0.0] * 6, [1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]]
    assert scored(table, units=[[0, 1, 2], [3, 4, 5]], parts=5)["cross_fitted"]["score"] == 0
    assert scored(table, parts=6)["cross_fitted"]["score"] == 0, "the larger rest decides, against the image left out"
    assert [part["images"] for part in scored(table, units=[[0, 2, 4], [1, 3, 5]])["by_part"]] == [3, 3]
    assert scored(table, units=[[0, 2, 4], [1, 3, 5]])["cross_fitted"]["score"] == pytest.approx(0.5, abs=0.17)


def test_equal_scores_leave_what_is_configured():
    table = [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [0.4, 0.4]]
    for configured in range(3):
        assert scored(table, configured)["choice"] == scored(table, configured)["configured"]
    # And otherwise the fewest steps from it.
    assert scored([[0.6, 0.6], [0.6, 0.6], [0.5, 0.5], [0.6, 0.6]], 2)["choice"]["score_threshold"] == 0.01


def test_fewer_axes_go_before_fewer_steps():
    axes = {"score_threshold": (0.1, 0.2, 0.3, 0.4), "mask_threshold": (None,), "nms_iou": (None,), "min_area": (1, 2)}
    choices = choices_of(axes)
    wanted = {(0.4, 1), (0.2, 2)}
    table = [[1.0 if (each.score_threshold, each.min_area) in wanted else 0.0] * 2 for each in choices]
    found = tune(SCORE, axes, table, Choice(score_threshold=0.1), [[0], [1]], Tuning(), bootstrap_samples=100)
    assert (found["choice"]["score_threshold"], found["choice"]["min_area"]) == (0.4, 1)


def test_what_is_not_defined_is_never_chosen():
    nothing = float("nan")
    found = scored([[nothing] * 3, [0.2] * 3, [nothing] * 3])
    assert found["choice"]["score_threshold"] == 0.01
    assert found["surface"] == [None, pytest.approx(0.2), None]
    assert found["untuned"] == {"score": None, "low": None, "high": None}
    assert scored([[nothing] * 3] * 2, 1)["choice"]["score_threshold"] == 0.01


def test_one_group_alone_cannot_be_cross_fitted():
    found = scored([[0.1, 0.2], [0.3, 0.4]], units=[[0, 1]])
    assert (found["choice"]["score_threshold"], found["tuned_in_sample"]["score"]) == (0.01, pytest.approx(0.35))
    assert (found["cross_fitted"], found["gain"], found["agreement"], found["by_part"]) == (None, None, None, [])


@pytest.mark.parametrize(("sizes", "parts"), [([1] * 18, 5), ([7, 1, 1, 1, 2, 2, 9], 3), ([3, 3], 2)])
def test_parts_are_even_and_none_is_empty(sizes, parts):
    part_of = divide(sizes, parts, seed=0)
    images = np.bincount(part_of, weights=sizes, minlength=parts)
    assert images.min() > 0
    assert images.max() - images.min() <= max(sizes)
    assert np.array_equal(part_of, divide(sizes, parts, seed=0))
    if len(sizes) == 18:
        assert sorted(images) == [3, 3, 4, 4, 4]
        assert not np.array_equal(part_of, divide(sizes, parts, seed=1))
