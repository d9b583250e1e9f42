"""A detector's boxes as a submission: no segmenter and no instances are made for it."""

import pytest

from podium.config.formats import resolve_format
from podium.submission.read import read_predictions
from tests.workflow.run import configure, read, snakemake

pytestmark = pytest.mark.slow

CSV = "submissions/tiny/resnet18.csv"


def test_boxes_from_the_archive_to_a_checked_file(tmp_path):
    configure(
        tmp_path,
        {"detection": {"resnet18": {"model": {"score_threshold": 0.0, "detections_per_image": 5}}}},
        layout={"kind": "coco"},
        submission={
            "experiment": "resnet18",
            "station": "detection",
            "format": "global_wheat",
            "metric": "global_wheat",
            "score_threshold": 0.0,
        },
    )
    done = snakemake(tmp_path, CSV.replace(".csv", ".check.json"))
    assert done.returncode == 0, done.stdout[-5000:]
    assert not (tmp_path / "results/tiny/segmentation").exists()

    found = read(tmp_path / "results/tiny/detection/resnet18/predictions.submission.json")
    dataset = read(tmp_path / "data/tiny/dataset/annotations.json")
    images = [image for image in dataset["images"] if image["subset"] == "test"]
    submitted = read_predictions(tmp_path / CSV, resolve_format("global_wheat"), images)
    assert list(submitted) == [image["key"] for image in images]
    boxes = sorted((each["image_id"], *each["bbox"]) for each in found)
    again = sorted((each["image_id"], *each["bbox"]) for of_image in submitted.values() for each in of_image)
    assert len(boxes) == len(again) > 0
    for one, other in zip(boxes, again, strict=True):
        assert one == pytest.approx(other, abs=0.02)
