"""Ways to the same objects: their scores, and the paired bootstrap of the differences."""

import numpy as np
import pytest

from podium.config.evaluation import Evaluation
from podium.config.tuning import Choice
from podium.evaluation.coco import average_precision
from podium.evaluation.totals import mean
from podium.evaluation.ways import compare_ways, way_totals
from podium.inference.submitted import as_submitted

from .competition import make


def test_scores_are_cocos_and_those_of_masks_need_masks():
    dataset, predictions = make(images=8, objects=20, seed=3)
    ids = [image["id"] for image in dataset["images"]]
    boxes = [{key: value for key, value in each.items() if key != "segmentation"} for each in predictions]
    totals = {
        "whole": way_totals("dsb2018", dataset, predictions, True, Evaluation()),
        "boxes": way_totals("dsb2018", dataset, boxes, False, Evaluation()),
    }
    found = compare_ways(totals, 8, 100)
    assert [*found] == ["dsb2018", "box_ap", "mask_ap"]
    assert [*found["mask_ap"]["ways"]] == [*found["dsb2018"]["ways"]] == ["whole"]
    for metric, shape in (("box_ap", "bbox"), ("mask_ap", "segm")):
        numbers, _ = average_precision(dataset, ids, predictions, shape, 100)
        assert found[metric]["ways"]["whole"]["value"] == pytest.approx(numbers["AP"], abs=1e-12)
    # The same boxes on the same resamples.
    same = found["box_ap"]["ways"]["boxes"]
    assert [same[key] for key in ("difference", "low", "high", "above")] == [0.0, 0.0, 0.0, 0.5]


def test_ways_are_judged_as_they_are_submitted_and_cocos_numbers_are_not():
    dataset, predictions = make(images=8, objects=20, seed=3)
    ones, evaluation = np.ones(8), Evaluation(score_threshold=0.3)
    choice = Choice(score_threshold=0.3, min_area=60)
    sizes = {image["id"]: (image["height"], image["width"]) for image in dataset["images"]}
    submitted = as_submitted(predictions, sizes, choice, 0.9, shares_out=True).results
    found = way_totals("dsb2018", dataset, predictions, True, evaluation, choice=choice, shares_out=True)
    plain = way_totals("dsb2018", dataset, predictions, True, evaluation)
    by_hand = way_totals("dsb2018", dataset, submitted, True, evaluation)
    assert found["dsb2018"](ones) == by_hand["dsb2018"](ones) != plain["dsb2018"](ones)
    for name in ("box_ap", "mask_ap"):
        assert found[name](ones) == plain[name](ones) != by_hand[name](ones)


def test_differences_are_those_of_a_bootstrap_of_the_images_own_differences():
    random = np.random.default_rng(1)
    first, second = random.uniform(size=(2, 40))
    totals = {"first": {"x": mean(first)}, "second": {"x": mean(second)}, "none": {"x": mean([np.nan] * 40)}}
    found = compare_ways(totals, 40, 4000)["x"]
    assert found["reference"] == "first"
    assert found["ways"]["first"] == {"value": pytest.approx(first.mean())}
    row, own = found["ways"]["second"], second - first
    assert row["difference"] == pytest.approx(own.mean())
    drawn = own[random.integers(40, size=(4000, 40))].mean(axis=1)
    assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.015)
    assert row["above"] == pytest.approx((drawn > 0).mean(), abs=0.04)
    nothing = {"value": None, "difference": None, "low": None, "high": None, "above": None}
    assert found["ways"]["none"] == nothing


def test_a_metric_that_the_first_way_has_not_is_compared_among_those_that_have_it():
    totals = {
        "boxes": {"box": mean([0.5, 0.5])},
        "a": {"box": mean([1.0, 1.0]), "mask": mean([0.2, 0.2])},
        "b": {"mask": mean([0.3, 0.5])},
    }
    found = compare_ways(totals, 2, 100)
    assert {metric: compared["reference"] for metric, compared in found.items()} == {"box": "boxes", "mask": "a"}
    assert found["mask"]["ways"]["b"]["difference"] == pytest.approx(0.2)
    assert found["box"]["ways"]["a"]["difference"] == pytest.approx(0.5)
