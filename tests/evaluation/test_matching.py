"""Predictions and true objects, one to one, and the kinds of errors."""

import numpy as np
import pytest

from podium.evaluation.coco import average_precision
from podium.evaluation.detail import MOST_MISTAKES, detail
from podium.evaluation.matching import KINDS, confusion, kinds, match
from podium.evaluation.operating_point import CONFIDENCES, best_confidence, precision_recall_f1

from .competition import make


def ap50(pairs, category: int) -> float:
    """COCO's AP at IoU 0.5 of one category, from who found what: written down literally."""
    ranked = sorted(
        (-score, order, owner >= 0)
        for order, each in enumerate(pairs)
        for score, of, owner in zip(each.score, each.category, each.owner, strict=True)
        if of == category and owner != -2
    )
    true = sum(int((each.true_category == category).sum()) for each in pairs)
    points, right = [], 0
    for number, (_, _, hit) in enumerate(ranked, start=1):
        right += hit
        points.append((right / true, right / number))
    recalls = np.linspace(0, 1, 101)
    return float(np.mean([max((p for r, p in points if r >= recall), default=0.0) for recall in recalls]))


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
@pytest.mark.parametrize("seed", range(3))
def test_found_objects_are_those_that_average_precision_counts(iou_type, seed):
    dataset, predictions = make(images=10, objects=25, seed=seed)
    # All scores differ: what comes first among equals is each evaluator's own matter.
    predictions = [each | {"score": each["score"] + number / 1e5} for number, each in enumerate(predictions)]
    ids = [image["id"] for image in dataset["images"]]
    pairs = match(dataset, ids, predictions, iou_type)
    assert sum(len(each.places) for each in pairs) == len(predictions)
    _, rows = average_precision(dataset, ids, predictions, iou_type, 1000)
    known = [row for row in rows if row["AP50"] is not None]
    assert len(known) == 3
    for row in known:
        assert ap50(pairs, row["category_id"]) == pytest.approx(row["AP50"], abs=1e-9)
        assert row["precision"][0] == max(row["precision"])
        assert np.mean(row["precision"]) == pytest.approx(row["AP50"], abs=1e-12)


def box(category: int, x: float, width: float = 10.0, **more) -> dict:
    return {"image_id": 1, "category_id": category, "bbox": [x, 0.0, width, 10.0], **more}


DATASET = {
    "images": [{"id": 1, "width": 200, "height": 10}, {"id": 2, "width": 200, "height": 10}],
    "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    "annotations": [
        {**each, "id": number, "area": 100.0, "iscrowd": crowd}
        for number, (each, crowd) in enumerate(
            [
                (box(1, 0), 0),
                (box(1, 20), 0),
                (box(2, 40), 0),
                (box(1, 60), 0),
                (box(2, 80), 0),
                (box(1, 100, 40.0), 1),
            ],
            start=1,
        )
    ],
}
# Moved by 4 of 10: IoU 6/14 = 0.43; by 7: 3/17 = 0.18; by 9: 1/19 = 0.05.
FOUND = [
    (box(1, 0, score=0.9), "right"),
    (box(1, 1, score=0.8), "duplicate"),  # of the first
    (box(1, 24, score=0.7), "localisation"),  # of the second
    (box(1, 40, score=0.6), "confusion"),  # the third is a dog
    (box(2, 67, score=0.5), "both"),  # beside the fourth, which is a cat
    (box(1, 160, score=0.4), "background"),
    (box(2, 89, score=0.35), "background"),  # hardly on the fifth
    (box(1, 110, score=0.3), None),  # in the crowd
    (box(2, 80, score=0.2), "right"),  # the fifth, under the confidence of 0.25
]


def test_kinds_of_errors_by_hand():
    (pairs, empty) = match(DATASET, [1, 2], [each for each, _ in FOUND], "bbox")
    assert pairs.places.tolist() == list(range(9))
    kind, missed = kinds(pairs, 0.25)
    assert [KINDS[each] if each >= 0 else None for each in kind[:8]] == [name for _, name in FOUND[:8]]
    assert kind[8] == -1
    # The second has a localisation error on it, the third a confusion; the fourth and the fifth nothing of the sort.
    assert missed.tolist() == [False, False, False, True, True]
    kind, missed = kinds(pairs, 0.1)
    assert KINDS[kind[8]] == "right"
    assert missed.tolist() == [False, False, False, True, False]
    assert empty.iou.shape == (0, 0)
    assert kinds(empty, 0.5)[0].size == 0


def truth(*objects: dict) -> dict:
    annotations = [{**each, "id": number, "area": 100.0, "iscrowd": 0} for number, each in enumerate(objects, start=1)]
    return {**DATASET, "annotations": annotations}


@pytest.mark.parametrize(
    ("objects", "predictions", "expected", "missed"),
    [
        # IoU 0.38 (5.5 of 14.5) with the cat, 0.90 (9.5 of 10.5) with the dog, which stays missed.
        ([box(1, 0), box(2, 5)], [box(1, 4.5, score=0.9)], ["localisation"], [False, True]),
        # IoU 0.6 (7.5 of 12.5) with both: the cat is found already, the dog would be found by another category.
        (
            [box(1, 0), box(2, 5)],
            [box(1, 0, score=0.9), box(1, 2.5, score=0.8)],
            ["right", "confusion"],
            [False, False],
        ),
        # So it is where the dog is found, too.
        (
            [box(1, 0), box(2, 5)],
            [box(1, 0, score=0.9), box(2, 5, score=0.8), box(1, 2.5, score=0.7)],
            ["right", "right", "confusion"],
            [False, False],
        ),
        # IoU 0.18 (3 of 17), and 0.82 (9 of 11), with a cat that is found already.
        ([box(1, 0)], [box(1, 0, score=0.9), box(1, 7, score=0.8)], ["right", "localisation"], [False]),
        ([box(1, 0)], [box(1, 0, score=0.9), box(1, 1, score=0.8)], ["right", "duplicate"], [False]),
        # The ends: IoU 0.5 (10 of 20) with a cat that is found; 0.1 (10 of 100) with a dog is none.
        ([box(1, 0)], [box(1, 0, score=0.9), box(1, 0, 20.0, score=0.8)], ["right", "localisation"], [False]),
        ([box(2, 0)], [box(1, 0, 100.0, score=0.9), box(1, 0, 99.0, score=0.8)], ["background", "both"], [True]),
        ([box(1, 0)], [box(1, 0, 100.0, score=0.9)], ["localisation"], [False]),
        ([box(1, 0)], [box(1, 0, 101.0, score=0.9)], ["background"], [True]),
    ],
)
def test_which_kind_comes_first_is_as_in_tide(objects, predictions, expected, missed):
    (pairs,) = match(truth(*objects), [1], predictions, "bbox")
    kind, lost = kinds(pairs, 0.0)
    assert [KINDS[each] for each in kind] == expected
    assert lost.tolist() == missed


def test_confusion_by_hand():
    pairs = match(DATASET, [1, 2], [each for each, _ in FOUND], "bbox")
    # Rows: true cat, true dog, background. The first cat is found, the second and the fourth are not; one dog is taken
    # for a cat, the other is not found; no object have: duplicate, localisation, both, and background twice.
    assert confusion(pairs, [1, 2], 0.25).tolist() == [[1, 0, 2], [1, 0, 1], [3, 2, 0]]
    assert confusion([], [1, 2], 0.25).tolist() == [[0] * 3] * 3


def test_precision_recall_and_the_best_confidence_by_hand():
    pairs = match(DATASET, [1, 2], [each for each, _ in FOUND], "bbox")
    precision, recall, f1 = precision_recall_f1(pairs, [1, 2])
    at = {confidence: round(confidence * 1000) for confidence in (0.2, 0.25, 0.85, 0.95)}
    # Cats: 3 true; from 0.85 on one of one is right, from 0.25 on one of five (that in the crowd does not count).
    assert precision[0, at[0.85]] == 1.0
    assert recall[0, at[0.85]] == pytest.approx(1 / 3)
    assert f1[0, at[0.85]] == pytest.approx(2 / 4)
    assert precision[0, at[0.25]] == pytest.approx(1 / 5)
    assert np.isnan(precision[0, at[0.95]])
    # Dogs: 2 true, found from 0.2 down: one of three.
    assert (precision[1, at[0.2]], recall[1, at[0.2]]) == (pytest.approx(1 / 3), 0.5)
    # Means of F1: 1/4 from 0.801 to 0.9 (cats 2/4, dogs 0); at 0.2 and under: cats 2/8, dogs 2/5: 0.325.
    assert CONFIDENCES[best_confidence(f1)] == 0.0
    assert f1[:, 0].mean() == pytest.approx(0.325)
    assert best_confidence(np.full((2, 1001), np.nan)) is None


def test_detail_adds_up():
    dataset, predictions = make(images=8, objects=20, seed=1)
    ids = [image["id"] for image in dataset["images"]]
    found = detail(dataset, ids, predictions, "segm")
    counted = [each for each in predictions if each["score"] >= found["confidence"]]
    errors, table = found["errors"], np.array(found["confusion"])
    assert sum(errors[name] for name in KINDS) <= len(counted)
    assert table[:, :-1].sum() == sum(errors[name] for name in KINDS)
    true = [each for each in dataset["annotations"] if not each["iscrowd"]]
    assert table[:-1].sum() == len(true)
    assert errors["right"] / len(true) == pytest.approx(
        np.average(
            [row["R"] for row in found["per_category"][:-1]],
            weights=[sum(each["category_id"] == c["id"] for each in true) for c in dataset["categories"][:-1]],
        )
    )
    assert found["per_category"][-1] == {"P": 0.0, "R": None, "F1": None}, "predicted, never there"
    assert found["R"] == pytest.approx(np.mean([row["R"] for row in found["per_category"][:-1]]))
    assert max(found["curves"]["mean"]) <= round(found["F1"], 4)
    scores = [each["score"] for each in found["mistakes"]]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == min(MOST_MISTAKES, sum(errors[name] for name in KINDS[1:]))
    for mistake in found["mistakes"]:
        assert mistake["kind"] in KINDS[1:]
        assert {key: value for key, value in mistake.items() if key != "kind"} in predictions


def test_nothing_true_and_nothing_found():
    bare = {**DATASET, "annotations": []}
    found = detail(bare, [1, 2], [], "bbox")
    assert (found["confidence"], found["P"], found["curves"]["mean"]) == (None, None, None)
    assert found["mistakes"] == []
    only_wrong = detail(bare, [1, 2], [box(1, 0, score=1.0), box(2, 0, score=0.0)], "bbox")
    assert only_wrong["confidence"] is None
    assert only_wrong["errors"]["background"] == len(only_wrong["mistakes"]) == 2, (
        "no confidence is the best: all count"
    )
    none_found = detail(DATASET, [1, 2], [], "bbox")
    assert (none_found["P"], none_found["R"], none_found["errors"]["missed"]) == (0.0, 0.0, 5)
