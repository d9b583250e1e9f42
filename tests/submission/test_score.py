import json

import pytest

from podium.config.formats import resolve_format
from podium.errors import PodiumError
from podium.evaluation.metrics import METRICS
from podium.submission.score import score_submission

from .scene import IMAGES

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
