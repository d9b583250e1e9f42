import json

import pytest

from podium.config.formats import resolve_format
from podium.errors import PodiumError
from podium.evaluation.metrics import METRICS
from podium.submission.score import score_submission

from .scene import IMAGES
from .test_worked_examples import word

SOLUTION = "ImageId,EncodedPixels\na,1 4\na,9 4\nb,1 5\nc,\n"


def score(tmp_path, submission: str, metric: str, solution: str = SOLUTION) -> dict:
    (tmp_path / "solution.csv").write_text(solution)
    (tmp_path / "s.csv").write_text(submission)
    return score_submission(tmp_path / "s.csv", tmp_path / "solution.csv", resolve_format("airbus"), IMAGES, metric)


# Image a: one of two instances is found whole, a second prediction hits nothing. Image b: 4 of 5 pixels, IoU 0.8, which
# is greater than the six thresholds 0.5 to 0.75. Image c: empty, and a prediction.
SUBMISSION = "ImageId,EncodedPixels\nc,2 2\na,9 4\na,17 4\nb,1 4\n"


@pytest.mark.parametrize(
    ("metric", "images"),
    [
        ("dsb2018", {"a": 1 / 3, "b": 6 / 10, "c": 0}),
        ("airbus_f2", {"a": 5 / 10, "b": 6 / 10, "c": 0}),
        ("dice", {"a": 2 * 4 / 16, "b": 2 * 4 / 9, "c": 0}),
    ],
)
def test_worked_example(tmp_path, metric, images):
    result = score(tmp_path, SUBMISSION, metric)
    assert result["images"] == pytest.approx(images)
    assert result["score"] == pytest.approx(sum(images.values()) / 3)
    assert (result["metric"], result["not_scored"]) == (metric, [])


@pytest.mark.parametrize("metric", METRICS)
def test_any_metric(tmp_path, metric):
    result, perfect = score(tmp_path, SUBMISSION, metric), score(tmp_path, SOLUTION, metric)
    assert 0 <= result["low"] <= result["score"] <= result["high"] <= 1
    assert result["score"] < perfect["score"]
    # Image c is empty: two of three images have the one category.
    assert perfect["score"] == pytest.approx(2 / 3 if metric == "uw_madison_dice" else 1)
    json.dumps([result, perfect], allow_nan=False)


def test_the_score_is_of_all_images_together(tmp_path):
    # Common pixels 4 + 4, of 8 + 5 true and 8 + 4 + 2 predicted ones.
    assert score(tmp_path, SUBMISSION, "dice_global")["score"] == pytest.approx(2 * 8 / 27)


def test_only_the_solutions_images_count(tmp_path):
    result = score(tmp_path, SUBMISSION, "dsb2018", "ImageId,EncodedPixels\nb,1 4\n")
    assert (result["score"], result["not_scored"]) == (1.0, ["c", "a"])


@pytest.mark.parametrize(
    ("submission", "metric", "words"),
    [
        (SUBMISSION, "accuracy", "'accuracy'; known metrics: airbus_f2, box_ap"),
        (SUBMISSION.replace("b,1 4\n", ""), "dice", "1 ids of the solution are missing, first 'b'"),
        (SUBMISSION + "z,1 1\n", "dice", "row 6, z.*no image"),
        (SUBMISSION + "b,1 0\n", "dice", "row 6, b.*not positive"),
        ("ImageId,EncodedPixels\nc,2 2\n", "voc2010", "voc2010 is not defined where there is no object"),
    ],
)
def test_errors(tmp_path, submission, metric, words):
    with pytest.raises(PodiumError, match=words):
        score(tmp_path, submission, metric, "ImageId,EncodedPixels\nc,\n" if metric == "voc2010" else SOLUTION)


def test_a_metric_of_masks_does_not_compare_boxes(tmp_path):
    (tmp_path / "s.csv").write_text("image_id,PredictionString\na,0.9 0 0 1 1\n")
    with pytest.raises(PodiumError, match="the metric dice needs masks, the format has boxes"):
        score_submission(tmp_path / "s.csv", tmp_path / "s.csv", resolve_format("global_wheat"), IMAGES, "dice")


def test_packed_masks_are_compared_as_others_are(tmp_path):
    """Image b of the example above: 4 of 5 pixels of its first column. COCO's counts: 0 5 10 and 0 4 11."""
    (tmp_path / "s.csv").write_text(f"ID,ImageWidth,ImageHeight,PredictionString\nb,3,5,1 0.9 {word('04;')}\n")
    (tmp_path / "solution.csv").write_text(f"ID,ImageWidth,ImageHeight,PredictionString\nb,3,5,1 1 {word('05:')}\n")
    files, categories = (tmp_path / "s.csv", tmp_path / "solution.csv"), [{"id": 1, "name": "1"}]
    result = score_submission(*files, resolve_format("hpa"), IMAGES, "dsb2018", categories=categories)
    assert result["images"] == pytest.approx({"b": 6 / 10})


def test_every_category_of_the_dataset_is_a_pair_with_every_image(tmp_path):
    """Four defects, three images. One is missed, another found where none is; the ten pairs left are right."""
    pairs = [f"{image}.jpg_{category}" for image in "abc" for category in (1, 2, 3, 4)]
    for name, filled in (("solution", "a.jpg_1"), ("s", "b.jpg_3")):
        rows = [f"{pair},{'1 2' if pair == filled else ''}\n" for pair in pairs]
        (tmp_path / f"{name}.csv").write_text("ImageId_ClassId,EncodedPixels\n" + "".join(rows))
    files = tmp_path / "s.csv", tmp_path / "solution.csv"
    categories = [{"id": number, "name": f"defect {number}"} for number in (1, 2, 3, 4)]
    result = score_submission(*files, resolve_format("severstal"), IMAGES, "severstal_dice", categories=categories)
    assert result["score"] == pytest.approx(10 / 12)
    assert result["images"] == pytest.approx({"a": 3 / 4, "b": 3 / 4, "c": 1})


def test_cocos_limit_is_the_evaluations(tmp_path):
    """The box that is right is the last of three by confidence."""
    head = "image_id,PredictionString\n"
    (tmp_path / "solution.csv").write_text(f"{head}a,1 0 0 1 4\n")
    (tmp_path / "s.csv").write_text(f"{head}a,0.9 2 0 1 2 0.8 2 2 1 2 0.7 0 0 1 4\n")
    files = tmp_path / "s.csv", tmp_path / "solution.csv"
    scores = [
        score_submission(*files, resolve_format("global_wheat"), IMAGES, "box_ap", max_detections=most)["score"]
        for most in (2, 3)
    ]
    assert scores == [0, pytest.approx(1 / 3)]


def test_boxes_are_compared_by_the_competitions_metric(tmp_path):
    """Image a: one of two boxes is found, another prediction hits nothing. Image b: 4 of 5 pixels, IoU 0.8."""
    head = "image_id,PredictionString\n"
    (tmp_path / "solution.csv").write_text(f"{head}a,1 0 0 1 4 1 2 0 1 4\nb,1 0 0 1 5\n")
    (tmp_path / "s.csv").write_text(f"{head}b,0.5 0 0 1 4\na,0.9 2 0 1 4 0.8 4 0 1 4\n")
    files = tmp_path / "s.csv", tmp_path / "solution.csv"
    result = score_submission(*files, resolve_format("global_wheat"), IMAGES, "global_wheat")
    assert result["images"] == pytest.approx({"a": 1 / 3, "b": 1})
