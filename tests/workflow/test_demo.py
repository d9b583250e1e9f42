"""The whole chain on a small drawing of the demo competition: what it makes, and what makes it run again."""

import shutil

import pandas as pd
import pytest

from tests.workflow.run import configure, planned, read, snakemake

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]

AFTER_TUNING = {"tune": 1, "draw_tuning": 1, "predict_instances": 2, "evaluate": 1}
AFTER_TUNING |= {"write_submission": 1, "check_submission": 1, "score_submission": 1, "share": 1, "report": 1}
AFTER_BOXES = AFTER_TUNING | {"evaluate": 4, "predict_instances": 3}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    configure(folder)
    done = snakemake(folder)
    assert done.returncode == 0, done.stdout[-5000:]
    return folder, done.stdout


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the finished run that a test may change."""
    return shutil.copytree(finished[0], tmp_path / "copy", symlinks=True)


def test_it_ends_by_naming_the_submission_the_score_and_the_page(finished):
    _, said = finished
    end = said[said.index("Submission: ") :]
    assert "submissions/tiny/boxes_unet.csv" in end
    assert "Local score: " in end
    assert "results/tiny/report.html" in end
    assert "results/tiny/share/index.html" in end


def test_every_file_of_the_contract_is_there_and_means_what_it_says(finished):
    folder, _ = finished
    dataset = read(folder / "data/tiny/dataset/annotations.json")
    assert [image["subset"] for image in dataset["images"]] == ["train"] * 24 + ["test"] * 4
    split = read(folder / "data/tiny/splits/0.json")
    assert sorted(split["train"] + split["val"] + split["test"]) == list(range(1, 25))
    for station, experiment in (("detection", "resnet18"), ("instances", "boxes_unet")):
        for part, images in (("val", split["val"]), ("test", split["test"]), ("submission", range(25, 29))):
            predictions = read(folder / f"results/tiny/{station}/{experiment}/predictions.{part}.json")
            assert {prediction["image_id"] for prediction in predictions} <= set(images)
        for part in ("val", "test"):
            metrics = read(folder / f"results/tiny/{station}/{experiment}/metrics.{part}.json")
            assert metrics["images"] == len(split[part])
            assert [row["image_id"] for row in metrics["per_image"]] == split[part]
    for station, experiment in (("detection", "resnet18"), ("segmentation", "unet")):
        history = pd.read_csv(folder / f"results/tiny/{station}/{experiment}/history.csv")
        assert history["iteration"].tolist() == [1, 2, 3, 4]
        assert history.filter(like="val_").notna().any(axis=1).tolist() == [False, True, False, True]
    submitted = pd.read_csv(folder / "submissions/tiny/boxes_unet.csv")
    sample = pd.read_csv(folder / "data/tiny/dataset/sample_submission.csv")
    assert list(submitted.columns) == list(sample.columns)
    assert set(submitted["ImageId"]) == set(sample["ImageId"])
    assert read(folder / "submissions/tiny/boxes_unet.check.json")["ok"] is True
    score = read(folder / "submissions/tiny/boxes_unet.score.json")
    assert set(score["images"]) == set(sample["ImageId"])
    assert "<html" in (folder / "results/tiny/report.html").read_text()
    shared = read(folder / "results/tiny/share/coco/test.json")
    assert [image["id"] for image in shared["images"]] == split["test"]
    assert len(list((folder / "results/tiny/share/pictures").iterdir())) == len(split["test"]) + 4


def test_the_parts_that_are_not_tuned_on_use_the_choice(finished):
    folder, _ = finished
    results = folder / "results/tiny/instances/boxes_unet"
    tuning, choice = read(results / "tuning.json"), read(results / "choice.json")
    assert choice == tuning["choice"]
    assert tuning["images"] == 4
    assert len(tuning["by_part"]) == 4, "four images make no five parts"
    val, test = (read(results / f"metrics.{part}.json") for part in ("val", "test"))
    # The configured thresholds of both are the same: tuning begins where validation ended.
    assert tuning["untuned"]["score"] == pytest.approx(val["scores"]["dsb2018"]["mean"])
    assert (val["score_threshold"], test["score_threshold"]) == (0.5, choice["score_threshold"])
    counted = read(results / "predictions.submission.json")
    rows = pd.read_csv(folder / "submissions/tiny/boxes_unet.csv")["EncodedPixels"].notna().sum()
    assert rows == sum(each["score"] >= choice["score_threshold"] for each in counted)
    assert "<svg" in (results / "tuning.svg").read_text()


def test_another_list_of_values_that_leads_to_the_same_choice_changes_nothing_after_it(copy):
    """The choice is a file of its own: `tune` is run alone, then what follows is found to be up to date."""
    configure(copy, {"submission": {"tuning": {"parts": 2, "seed": 3}}})
    done = snakemake(copy, "results/tiny/instances/boxes_unet/choice.json")
    assert done.returncode == 0, done.stdout[-5000:]
    assert planned(copy) == {"draw_tuning": 1, "report": 1}


def test_every_job_left_its_provenance(finished):
    folder, _ = finished
    records = {path.stem: read(path) for path in (folder / "results/tiny/provenance").glob("*.json")}
    logs = {path.stem for path in (folder / "results/tiny/logs").glob("*.log")}
    assert set(records) == logs
    trained = records["train_detector.resnet18"]
    assert trained["settings"]["experiment"]["solver"]["max_iter"] == 4
    assert trained["data_digest"] == (folder / "data/tiny/dataset/digest.txt").read_text().strip()
    assert trained["seconds"] > 0
    assert trained["peak_memory_bytes"] > 1e8
    assert set(trained["versions"]) >= {"python", "torch", "torchvision"}


def test_a_second_run_has_nothing_to_do(finished):
    assert planned(finished[0]) == {}


def test_nor_has_one_after_all_times_changed(copy):
    for path in sorted(copy.rglob("*")):
        if path.is_file() and ".snakemake" not in path.parts:
            path.touch()
    assert planned(copy) == {}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"title": "Another"}, {"share": 1, "report": 1}),
        ({"share": {"picture_side": 64}}, {"share": 1, "report": 1}),
        ({"tracking": "mlflow"}, {"report": 1}),
        ({"report": {"gallery": 2}}, {"report": 1}),
        ({"submission": {"score_threshold": 0.7}}, AFTER_TUNING),
        ({"submission": {"tuning": {"parts": 2}}}, AFTER_TUNING),
        ({"submission": {"metric": "dice"}}, AFTER_TUNING),
        ({"evaluation": {"score_threshold": 0.4}}, {"evaluate": 4, "report": 1}),
        ({"instances": {"boxes_unet": {"min_area": 5}}}, AFTER_BOXES | {"evaluate": 2}),
        (
            {"segmentation": {"unet": {"solver": {"base_lr": 0.001}}}},
            AFTER_BOXES
            | {"draw_schedule": 1, "draw_curves": 1, "evaluate": 2, "train_segmenter": 1, "evaluate_segmenter": 2},
        ),
        (
            {"detection": {"resnet18": {"solver": {"base_lr": 0.001}}}},
            AFTER_BOXES | {"draw_schedule": 1, "draw_curves": 1, "train_detector": 1, "predict_boxes": 3},
        ),
        (
            {"segmentation": {"second": {"loss": "bce", "solver": {"base_lr": 0.001, "max_iter": 2}}}},
            {"draw_schedule": 1, "draw_curves": 1, "train_segmenter": 1, "evaluate_segmenter": 2, "report": 1},
        ),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else "",
)
def test_a_changed_key_runs_what_depends_on_it_and_no_more(finished, tmp_path, changes, expected):
    folder, _ = finished
    before = (folder / "competition.yaml").read_text()
    try:
        configure(folder, changes)
        jobs = planned(folder)
    finally:
        (folder / "competition.yaml").write_text(before)
    assert jobs == expected
