import numpy as np
import pytest

from podium.evaluation.coco import average_precision
from podium.evaluation.metrics import METRICS, metric_for
from podium.evaluation.ranked import NOTHING, Ranked
from podium.evaluation.totals import area_under_curve, coco_precision

from .competition import make
from .scenes import thing


def by_image(dataset: dict, predictions: list[dict]) -> list[tuple[list[dict], list[dict]]]:
    own = [
        [[each for each in records if each["image_id"] == image["id"]] for image in dataset["images"]]
        for records in (dataset["annotations"], predictions)
    ]
    return list(zip(*own, strict=True))


def total(name: str, images: list) -> float:
    metric = metric_for(name, [], 100)
    return metric.total([metric.image(*sides, 0, 0) for sides in images])


@pytest.mark.parametrize(("name", "iou_type"), [("box_ap", "bbox"), ("mask_ap", "segm")])
@pytest.mark.parametrize("seed", range(4))
def test_coco_ap_is_the_evaluators(name, iou_type, seed):
    # With crowds, equal scores, a category without objects, and images without any.
    dataset, predictions = make(images=15, objects=10, crowds=0.2, seed=seed)
    ids = [image["id"] for image in dataset["images"]]
    expected = average_precision(dataset, ids, predictions, iou_type)[0]["AP"]
    assert 0.1 < expected < 0.9
    assert total(name, by_image(dataset, predictions)) == pytest.approx(expected, abs=1e-12)


def test_coco_ap_looks_at_100_predictions_of_each_category():
    dataset, predictions = make(images=3, objects=10, crowds=0, seed=1)
    far = [
        {**each, "category_id": category, "bbox": [300.0, 300.0, 1.0, 1.0], "score": 2.0}
        for each in ({"image_id": image["id"]} for image in dataset["images"])
        for category in (1, 3, 5)
        for _ in range(98)
    ]
    ids = [image["id"] for image in dataset["images"]]
    expected = average_precision(dataset, ids, [*predictions, *far], "bbox")[0]["AP"]
    assert 0 < expected < average_precision(dataset, ids, predictions, "bbox")[0]["AP"]
    assert total("box_ap", by_image(dataset, [*predictions, *far])) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["voc2010", "openimages", "openimages_segmentation", "vinbigdata"])
def test_the_order_of_images_and_objects_does_not_matter_to_equal_scores(name):
    dataset, predictions = make(images=12, seed=3)  # one decimal of score: many are equal
    images = by_image(dataset, predictions)
    random = np.random.default_rng(0)
    for _ in range(5):
        mixed = [images[place] for place in random.permutation(len(images))]
        mixed = [tuple([side[place] for place in random.permutation(len(side))] for side in sides) for sides in mixed]
        assert total(name, mixed) == pytest.approx(total(name, images), abs=1e-12)


def test_equal_scores_count_together():
    # A hit and a miss of equal score: precision 1/2 at recall 1, whichever comes first.
    hit, miss = ([thing(0, 0, 4, 4)], [thing(0, 0, 4, 4, score=0.5)]), ([], [thing(0, 0, 4, 4, score=0.5)])
    assert total("voc2010", [hit, miss]) == total("voc2010", [miss, hit]) == 1 / 2
    assert (total("box_ap", [hit, miss]), total("box_ap", [miss, hit])) == (1, pytest.approx(1 / 2))


def test_statistics_of_an_image():
    true = [thing(0, 0, 4, 4), thing(8, 0, 4, 4), thing(0, 6, 2, 2, 2)]
    predicted = [thing(8, 0, 4, 4, score=0.3), thing(0, 0, 4, 4, score=0.9), thing(0, 0, 4, 4, 3, score=0.4)]
    found = METRICS["voc2010"].image(true, predicted, 12, 16)
    plain = {key: (each.scores.tolist(), each.hits.tolist(), each.truths) for key, each in found.items()}
    assert plain == {1: ([0.9, 0.3], [[True, True]], 2), 2: ([], [[]], 1), 3: ([0.4], [[False]], 0)}
    assert METRICS["vinbigdata"].image(true, predicted, 12, 16).keys() == {1, 2, 3}
    assert METRICS["vinbigdata"].image(true, [], 12, 16).keys() == {1, 2, NOTHING}


def one(scores: list[float], hits: list[int], truths: int) -> list[dict]:
    flags = np.array([hits], dtype=bool)
    return [{1: Ranked(np.array(scores), flags, np.ones_like(flags), truths)}]


def test_area_under_the_curve_by_hand():
    # Hit, miss, hit, miss, hit of 4 objects: precision 1, 1/2, 2/3, 2/4, 3/5 at recall 1/4, 1/4, 2/4, 2/4, 3/4.
    # Highest to the right: 1 at 1/4, 2/3 at 2/4, 3/5 at 3/4, nothing at 1.
    statistics = one([0.9, 0.8, 0.7, 0.6, 0.5], [1, 0, 1, 0, 1], 4)
    assert area_under_curve(statistics)(np.ones(1)) == pytest.approx((1 + 2 / 3 + 3 / 5) / 4)
    # COCO reads at 0, 0.01 … 1: 26 recalls up to 1/4, 25 up to 2/4, 25 up to 3/4, 25 beyond.
    assert coco_precision(statistics)(np.ones(1)) == pytest.approx((26 + 25 * 2 / 3 + 25 * 3 / 5) / 101)


def test_a_later_higher_precision_counts_for_lower_recalls():
    # Miss, hit, hit: precision 1/2 at recall 1/2, 2/3 at recall 1; 2/3 everywhere.
    statistics = one([0.9, 0.8, 0.7], [0, 1, 1], 2)
    assert area_under_curve(statistics)(np.ones(1)) == pytest.approx(2 / 3)
    assert coco_precision(statistics)(np.ones(1)) == pytest.approx(2 / 3)
