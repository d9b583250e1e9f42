"""The page on ways to the same objects: boxes with masks found in them, and Mask R-CNN."""

import json

import pytest

from podium.config.competition import Competition
from podium.config.metrics import METRIC_NAMES
from podium.report.page import build_report

from .finished import Finished
from .reading import Page

DASH = "\u2013"
MIB = 2**20


def whole(metrics: dict) -> dict:
    """Make an instances experiment's metrics those of another way, worse in odd places."""
    worse = [row | {"dsb2018": row["dsb2018"] / 2} if row["image_id"] % 4 == 0 else row for row in metrics["per_image"]]
    mask = metrics["mask"] | {"AP": 0.2222, "APl": None}
    return metrics | {"mask": mask, "per_image": worse, "score_threshold": 0.85}


RECORD = {
    "part": "test",
    "images": 6,
    "instances": 1234,
    "score_thresholds": {"instances.both": 0.5, "detection.faster": 0.5, "detection.whole": 0.85},
    "metrics": {
        "dsb2018": {
            "reference": "instances.both",
            "ways": {
                "instances.both": {"value": 0.6543},
                "detection.whole": {"value": 0.55, "difference": -0.1043, "low": -0.2, "high": 0.01, "above": 0.034},
            },
        },
        "box_ap": {
            "reference": "instances.both",
            "ways": {
                "instances.both": {"value": 0.7011},
                "detection.faster": {"value": 0.7311, "difference": 0.03, "low": 0.01, "high": 0.05, "above": 0.99},
                "detection.whole": {"value": None, "difference": None, "low": None, "high": None, "above": None},
            },
        },
        "mask_ap": {
            "reference": "instances.both",
            "ways": {
                "instances.both": {"value": 0.3011},
                "detection.whole": {"value": 0.2222, "difference": -0.0789, "low": -0.1, "high": -0.05, "above": 0.0},
            },
        },
    },
}
JOBS = {
    "train_detector.faster": (600, 900, 50),
    "train_segmenter.unet": (300, 1000, None),
    "train_detector.whole": (1200, 1500, 70),
    "predict_boxes.faster.test": (12, 700, 20),
    "predict_instances.both.test": (6, 800, 30),
}


def made(folder, splits: dict | None = None) -> Finished:
    finished = Finished(folder)
    finished.complete()
    settings = finished.competition.model_dump(mode="json")
    other = settings["detection"]["faster"]
    settings["detection"]["whole"] = other | {"model": other["model"] | {"architecture": "mask_rcnn"}}
    if splits:
        settings["splits"] |= splits
        settings["detection"]["later"] = other | {"fold": 1}
    finished.competition = Competition.model_validate(settings)
    return finished


def compared(finished: Finished) -> None:
    """Write what the comparison is made of."""
    results = finished.results
    for part in ("val", "test"):
        metrics = json.loads((results / f"instances/both/metrics.{part}.json").read_text())
        finished.write(results / f"detection/whole/metrics.{part}.json", whole(metrics))
    finished.write(results / "detection/whole/predictions.test.json", finished.found("instances", finished.test_part))
    for job, (seconds, memory, gpu) in JOBS.items():
        on_gpu = {"peak_gpu_memory_bytes": gpu * MIB, "gpus": 1} if gpu else {}
        record = {"rule": job.split(".")[0], "seconds": seconds, "peak_memory_bytes": memory * MIB, "device": "A100"}
        finished.write(results / f"provenance/{job}.json", record | on_gpu)
    finished.write(results / "comparison.json", RECORD)


def built(finished: Finished) -> Page:
    build_report(finished.page, finished.competition, finished.data, finished.results, finished.submissions)
    return Page(finished.page.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Page:
    finished = made(tmp_path_factory.mktemp("compared"), {"folds": 2})
    compared(finished)
    return built(finished)


def test_the_competitions_metric_with_differences_and_thresholds(page):
    header, *rows = page.table("DSB 2018 mean precision on the test split")
    assert header[0] == "way"
    assert rows == [
        ["both (reference)", "0.654", DASH, DASH, "0.5", "no"],
        ["whole", "0.550", "-0.104 [-0.200, +0.010]", "0.034", "0.85", "no"],
    ]


def test_precision_of_boxes_and_masks_by_size(page):
    header, *rows = page.table("COCO's average precision of boxes")
    assert header == ["way", "AP", "AP50", "AP75", "small", "medium", "large", "difference"] + [
        "share of resamples above 0"
    ]
    numbers = ["0.701", "0.711", "0.721", "0.731", "0.741", DASH]
    assert rows == [
        ["both (reference)", *numbers, DASH, DASH],
        ["faster", *numbers, "+0.030 [+0.010, +0.050]", "0.990"],
        ["whole", *numbers, DASH, DASH],
    ]
    rows = page.table("COCO's average precision of masks on the test split")[1:]
    assert rows == [
        ["both (reference)", "0.301", "0.311", "0.321", "0.331", "0.341", "0.351", DASH, DASH],
        ["whole", "0.222", "0.311", "0.321", "0.331", "0.341", DASH, "-0.079 [-0.100, -0.050]", "0.000"],
    ]


def test_the_best_by_each_metric_in_words(page):
    assert "on the test split: 6 images, 1\u202f234 objects." in page.text
    assert "both has the highest DSB 2018 mean precision (0.654), COCO mask AP (0.301)." in page.text
    assert "faster has the highest COCO box AP (0.731)." in page.text


def test_a_metric_of_all_predictions_has_no_threshold_and_equal_ways_are_both_the_best(tmp_path):
    finished = made(tmp_path)
    settings = finished.competition.model_dump(mode="json")
    settings["submission"]["metric"] = "openimages_segmentation"
    finished.competition = Competition.model_validate(settings)
    compared(finished)
    ways = {"instances.both": {"value": 0.25}, "detection.whole": {"value": 0.25, "difference": 0.0}}
    metrics = {"openimages_segmentation": {"reference": "instances.both", "ways": ways}}
    finished.write(finished.results / "comparison.json", RECORD | {"metrics": metrics})
    page = built(finished)
    title = METRIC_NAMES["openimages_segmentation"].title
    assert f"both and whole have the highest {title} (0.250)." in page.text
    header, *rows = page.table(f"{title} on the test split, all predictions")
    assert header == ["way", "score", "difference", "share of resamples above 0", "tuned"]
    assert rows == [["both (reference)", "0.250", DASH, DASH, "no"], ["whole", "0.250", "+0.000", DASH, "no"]]


def test_a_low_threshold_is_told_as_it_is(tmp_path):
    finished = made(tmp_path)
    compared(finished)
    thresholds = RECORD["score_thresholds"] | {"detection.whole": 0.001}
    finished.write(finished.results / "comparison.json", RECORD | {"score_thresholds": thresholds})
    rows = built(finished).table("DSB 2018 mean precision on the test split")[1:]
    assert [row[-2] for row in rows] == ["0.5", "0.001"]


def test_the_cost_of_all_that_a_way_is_made_of(page):
    rows = page.table("Cost of all that each is made of")[1:]
    assert rows == [
        # 600 s and 300 s of training; 12 s and 6 s for 6 images; the U-Net's training was on no GPU.
        ["both", "boxes of faster, masks in them of unet", "15.0", "1\u202f000", "50", "3.00", "800", "30", "A100"],
        ["faster", "Faster R-CNN", "10.0", "900", "50", "2.00", "700", "20", "A100"],
        ["whole", "Mask R-CNN", "20.0", "1\u202f500", "70", DASH, DASH, DASH, "A100"],
    ]


def test_the_same_test_images_for_every_way_at_its_own_threshold(page):
    headings = [text for _, text in page.headings]
    first, second = headings.index("Side by side"), headings.index("Where they differ most")
    assert first < second < headings.index("Submission")
    told = [each["alt"].removesuffix(" predicted objects") for each in page.images() if ", " in each["alt"]]
    shown = [tuple(alt.replace(": ", ", ").split(", ")) for alt in told]
    assert [way for _, way, _ in shown] == ["both", "faster", "whole"] * 4, "two images at random, two that differ"
    # Scores of multiples of 4 are halved; that of image 12 was only 0.05.
    assert [key for key, _, _ in shown][6:] == ["image-8"] * 3 + ["image-4"] * 3
    for key, way, count in shown:
        # Every third image has a second prediction, of a score under the third way's threshold.
        assert int(count) == (2 if int(key.removeprefix("image-")) % 3 == 0 and way != "whole" else 1)


def test_no_choice_changes_the_order_of_ways(tmp_path):
    finished = made(tmp_path)
    compared(finished)
    settings = finished.competition.model_dump(mode="json")
    settings["selection"] = {"station": "detection", "by": "mask_ap", "among": ["whole"]}
    settings["submission"] |= {"station": "detection", "experiment": "selected"}
    finished.competition = Competition.model_validate(settings)
    finished.write(finished.results / "comparison.json", RECORD | {"part": "val"})
    folders = finished.data, finished.results, finished.submissions
    build_report(finished.page, finished.competition, *folders, {"station": "detection", "experiment": "whole"})
    page = Page(finished.page.read_text(encoding="utf-8"))
    rows = page.table("COCO's average precision of boxes on the validation split")[1:]
    assert [row[0] for row in rows] == ["both (reference)", "faster", "whole"]


def test_ways_of_other_folds_are_told(page):
    assert "Not compared, for they are trained on other folds: detection.later." in page.text


def test_what_is_not_made_is_told(tmp_path):
    finished = made(tmp_path)
    page = built(finished)
    assert "How ways to the same objects compare: not available (no file comparison.json)." in page.text
    compared(finished)
    for name in ("metrics", "predictions"):
        (finished.results / f"detection/whole/{name}.test.json").unlink()
    page = built(finished)
    assert [row[0] for row in page.table("COCO's average precision of masks")[1:]] == ["both (reference)"]
    assert "Numbers of whole: not available (no file detection/whole/metrics.test.json)." in page.text


def test_one_way_is_no_comparison(tmp_path):
    finished = Finished(tmp_path)
    finished.complete()
    assert "Comparison" not in [text for _, text in built(finished).headings]
