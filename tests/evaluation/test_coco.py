import contextlib
import copy
import io
import json
import zipfile
from unittest import mock

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from podium.errors import PodiumError
from podium.evaluation.coco import average_precision

from .competition import make, rle

NAMES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR@1", "AR@10", "AR@100", "ARs", "ARm", "ARl"]


def reference(
    dataset: dict,
    image_ids: list[int],
    predictions: list[dict],
    iou_type: str,
    limit: int = 100,
    spacing: float = 1e-300,
):
    """Return pycocotools' twelve numbers, and AP and AP50 per category.

    To divide by zero safely, pycocotools computes precision as TP / (TP + FP + spacing), with spacing 2.2e-16. So a
    right prediction alone has precision 1 - 2.2e-16, where the fast evaluator has 1. A smaller spacing takes this away
    and nothing else.
    """
    dataset, predictions = copy.deepcopy((dataset, predictions))
    for number, annotation in enumerate(dataset["annotations"], start=1):
        annotation["id"] = number  # it takes id 0 for "no match"
    if iou_type == "segm":
        for prediction in predictions:
            del prediction["bbox"]  # or it takes the box's area for the mask's
    with contextlib.redirect_stdout(io.StringIO()), mock.patch.object(np, "spacing", lambda _: spacing):
        true = COCO()
        true.dataset = dataset
        true.createIndex()
        evaluator = COCOeval(true, true.loadRes(predictions), iou_type)
        evaluator.params.imgIds = image_ids
        evaluator.params.maxDets = [1, 10, limit]
        evaluator.evaluate()
        evaluator.accumulate()

    def mean(values: np.ndarray) -> float | None:
        return float(np.mean(values[values > -1])) if (values > -1).any() else None

    # summarize() cannot be used: it knows no other limit than 100.
    precision, recall = evaluator.eval["precision"], evaluator.eval["recall"]
    numbers = [mean(precision[:, :, :, 0, 2]), mean(precision[0, :, :, 0, 2]), mean(precision[5, :, :, 0, 2])]
    numbers += [mean(precision[:, :, :, area, 2]) for area in (1, 2, 3)]
    numbers += [mean(recall[:, :, 0, most]) for most in (0, 1, 2)]
    numbers += [mean(recall[:, :, area, 2]) for area in (1, 2, 3)]
    categories = {
        category_id: (mean(precision[:, :, place, 0, 2]), mean(precision[0, :, place, 0, 2]))
        for place, category_id in enumerate(evaluator.params.catIds)
    }
    return numbers, categories


def code(counts: str) -> dict:
    """A mask of the size of the first image's, with these counts."""
    image = make()[0]["images"][1]
    return {"size": [image["height"], image["width"]], "counts": counts}


def ids(dataset: dict) -> list[int]:
    return [image["id"] for image in dataset["images"]]


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
@pytest.mark.parametrize("seed", range(4))
def test_equals_pycocotools_to_the_last_digit(iou_type, seed):
    dataset, predictions = make(images=15, objects=45, seed=seed)
    assert any(each["iscrowd"] for each in dataset["annotations"])
    some = ids(dataset)[2:12]
    kept = [each for each in predictions if each["image_id"] in some]
    expected, expected_categories = reference(dataset, some, kept, iou_type)
    numbers, rows = average_precision(dataset, some, kept, iou_type)
    assert list(numbers) == NAMES
    assert list(numbers.values()) == expected
    assert None not in expected
    assert {row["category_id"]: (row["AP"], row["AP50"]) for row in rows} == expected_categories
    # The data must be hard enough to tell evaluators apart.
    assert 0.1 < numbers["AP"] < 0.9
    assert len(set(expected)) == 12
    # As it comes, spacing and all:
    untouched, _ = reference(dataset, some, kept, iou_type, spacing=float(np.spacing(1)))
    assert list(numbers.values()) == pytest.approx(untouched, abs=1e-15, rel=0)


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
@pytest.mark.parametrize("limit", [12, 100, 300])
def test_many_objects_per_image_and_another_limit(iou_type, limit):
    dataset, predictions = make(images=2, objects=300, categories=1, seed=2)
    numbers, rows = average_precision(dataset, ids(dataset), predictions, iou_type, limit)
    expected, _ = reference(dataset, ids(dataset), predictions, iou_type, limit)
    assert list(numbers.values()) == expected
    assert list(numbers)[8] == f"AR@{limit}"
    assert rows[0]["instances"] / rows[0]["images"] > 100


def test_a_higher_limit_finds_more():
    dataset, predictions = make(images=2, objects=300, categories=1, seed=2)
    recalls = [
        average_precision(dataset, ids(dataset), predictions, "bbox", limit)[0][f"AR@{limit}"] for limit in (100, 300)
    ]
    assert recalls[0] < recalls[1]


def test_by_hand():
    # One image, one category, two true boxes of 20 x 20; one is found perfectly with score 0.8, and before it comes a
    # false one with 0.9. Precision at the hit: 1/2, recall 1/2. COCO reads precision at recalls 0, 0.01 … 1: it is 1/2
    # at the 51 recalls up to 0.5, and 0 at the 50 others: AP = 51/101 * 1/2, at every IoU threshold.
    def box(x: float) -> dict:
        return {"image_id": 1, "category_id": 1, "bbox": [x, 0.0, 20.0, 20.0]}

    dataset = {
        "images": [{"id": 1, "width": 100, "height": 50}],
        "categories": [{"id": 1, "name": "thing"}],
        "annotations": [box(x) | {"id": x, "area": 400.0, "iscrowd": 0} for x in (0, 40)],
    }
    numbers, rows = average_precision(dataset, [1], [box(0) | {"score": 0.8}, box(70) | {"score": 0.9}], "bbox")
    expected = 51 / 101 / 2
    assert numbers["AP"] == numbers["AP50"] == numbers["AP75"] == numbers["APs"] == pytest.approx(expected, abs=1e-12)
    assert numbers["APm"] is numbers["APl"] is numbers["ARm"] is numbers["ARl"] is None
    assert (numbers["AR@1"], numbers["AR@10"], numbers["AR@100"], numbers["ARs"]) == (0.0, 0.5, 0.5, 0.5)
    assert rows == [
        {
            "category_id": 1,
            "name": "thing",
            "images": 1,
            "instances": 2,
            "AP": pytest.approx(expected, abs=1e-12),
            "AP50": pytest.approx(expected, abs=1e-12),
            "precision": [0.5] * 51 + [0.0] * 50,
        }
    ]


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_perfect_predictions(iou_type):
    dataset, _ = make(crowds=0)
    perfect = [{**each, "score": 0.5} for each in dataset["annotations"]]
    numbers, rows = average_precision(dataset, ids(dataset), perfect, iou_type)
    # Recalls at one and ten detections per image depend on how many objects the images have.
    assert {name: value for name, value in numbers.items() if name not in ("AR@1", "AR@10")} == {
        name: pytest.approx(1.0) for name in NAMES if name not in ("AR@1", "AR@10")
    }
    assert [row["AP"] for row in rows] == [pytest.approx(1.0)] * 3 + [None]


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_no_predictions(iou_type):
    dataset, _ = make()
    numbers, rows = average_precision(dataset, ids(dataset), [], iou_type)
    assert numbers == dict.fromkeys(NAMES, 0.0)  # objects of all sizes are there to be missed
    assert [row["AP"] for row in rows] == [0.0, 0.0, 0.0, None]


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
@pytest.mark.parametrize("predicted", [True, False])
@pytest.mark.parametrize("crowds_only", [True, False])
def test_no_truth(iou_type, predicted, crowds_only):
    dataset, predictions = make(crowds=1)
    if not crowds_only:
        dataset["annotations"] = []
    numbers, rows = average_precision(dataset, ids(dataset), predictions if predicted else [], iou_type)
    assert numbers == dict.fromkeys(NAMES, None)
    assert [(row["images"], row["instances"], row["AP"], row["AP50"]) for row in rows] == [(0, 0, None, None)] * 4


def test_no_images():
    dataset, _ = make()
    assert average_precision(dataset, [], [], "segm")[0] == dict.fromkeys(NAMES, None)


def test_counts_per_category():
    dataset, _ = make(seed=1)
    some = ids(dataset)[::2]
    _, rows = average_precision(dataset, some, [], "bbox")
    for row in rows:
        own = [
            each["image_id"]
            for each in dataset["annotations"]
            if (each["category_id"], each["iscrowd"]) == (row["category_id"], 0) and each["image_id"] in some
        ]
        assert (row["instances"], row["images"]) == (len(own), len(set(own)))
    assert [row["name"] for row in rows] == ["kind 0", "kind 1", "kind 2", "kind 3"]


def test_leaves_its_arguments_alone_and_says_nothing(capsys):
    dataset, predictions = make()
    before = copy.deepcopy((dataset, predictions))
    numbers = [average_precision(dataset, ids(dataset), predictions, kind) for kind in ("segm", "bbox", "segm")]
    assert (dataset, predictions) == before
    assert numbers[0] == numbers[2]
    json.dumps(numbers, allow_nan=False)
    assert capsys.readouterr() == ("", "")


def test_boxes_need_no_masks():
    dataset, predictions = make()
    expected = average_precision(dataset, ids(dataset), predictions, "bbox")
    for each in [*dataset["annotations"], *predictions]:
        del each["segmentation"]
    assert average_precision(dataset, ids(dataset), predictions, "bbox") == expected
    with pytest.raises(PodiumError, match=r"annotation 0, key segmentation: the mask is missing"):
        average_precision(dataset, ids(dataset), [], "segm")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image_id": 999}, "key image_id: 999 is none of the 11 images"),
        ({"image_id": 5}, "key image_id: 5 is none of the 11 images"),  # in the dataset, not in the split
        ({"category_id": 2}, r"key category_id: 2 is none of the dataset's categories \[1, 3, 5, 7\]"),
        ({"score": float("nan")}, "key score: nan"),
        ({"score": "0.5"}, "key score: '0.5'"),
        ({"bbox": [0, 0, 1]}, "key bbox"),
        ({"bbox": [0, 0, -1, 5]}, "key bbox"),
        ({"bbox": [0, 0, float("inf"), 5]}, "key bbox"),
        ({"segmentation": None}, "key segmentation"),
        ({"segmentation": [[0, 0, 1, 1, 2, 0]]}, "key segmentation"),
        ({"segmentation": rle(np.ones((3, 4), bool))}, r"key segmentation: the mask's size is \[3, 4\], its image's"),
        ({"segmentation": code("###")}, "key segmentation: the mask's code is wrong: '#'"),
        ({"segmentation": code("PPP")}, "key segmentation: the mask's code is wrong: .* cut off"),
        ({"segmentation": code("50")}, "key segmentation: the mask's code is of 5 pixels, its image has"),
        ({"segmentation": code("O5")}, "key segmentation: the mask's code is of 4 pixels"),  # -1 and 5
    ],
)
def test_predictions_that_cannot_be_scored(change, words):
    dataset, predictions = make()
    some = ids(dataset)[1:]
    kept = [each for each in predictions if each["image_id"] in some]
    kept[2] |= change
    with pytest.raises(PodiumError, match=rf"prediction 2 \(from 0\), {words}"):
        average_precision(dataset, some, kept, "segm")


def test_images_that_do_not_exist_or_come_twice():
    dataset, _ = make()
    with pytest.raises(PodiumError, match=r"no images with ids \[4, 6\] \(2 in all\)"):
        average_precision(dataset, [5, 6, 4], [], "bbox")
    with pytest.raises(PodiumError, match=r"more than once: \[8\]"):
        average_precision(dataset, [5, 8, 8], [], "bbox")


def test_a_limit_below_the_reported_recalls():
    dataset, _ = make()
    with pytest.raises(PodiumError, match="key max_detections: 10 is too few"):
        average_precision(dataset, ids(dataset), [], "bbox", 10)


def test_equals_pycocotools_on_photographs(real_data):
    """Real objects and crowds, and predictions made of them: boxes moved, scores drawn, every fifth left out."""
    archive = real_data / "coco-open.zip"
    if not archive.exists():
        pytest.skip(f"{archive} is absent")
    with zipfile.ZipFile(archive) as files:
        dataset = json.loads(files.read(next(name for name in files.namelist() if name.endswith("instances.json"))))
    random = np.random.default_rng(0)
    predictions = [
        {
            "image_id": each["image_id"],
            "category_id": each["category_id"],
            "bbox": (np.array(each["bbox"]) * random.normal(1, 0.08, 4)).tolist(),
            "score": float(random.random()),
        }
        for number, each in enumerate(dataset["annotations"])
        if number % 5
    ]
    assert any(each["iscrowd"] for each in dataset["annotations"])
    numbers, _ = average_precision(dataset, ids(dataset), predictions, "bbox")
    assert list(numbers.values()) == reference(dataset, ids(dataset), predictions, "bbox")[0]
