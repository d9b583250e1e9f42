"""Ablations and the selection through the workflow: what is trained once, what is made, and when test is read."""

import shutil
import xml.etree.ElementTree as ET

import pandas as pd
import pytest

from tests.workflow.run import configure, planned, read, snakemake

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ablations")]

RATE = {"of": "segmentation.unet", "vary": {"solver.base_lr": [0.01, 0.02]}, "fix": {"solver.max_iter": 2}}
# Of two equal chains the first is chosen: of these three none finds an object.
AREA = {"of": "instances.boxes_unet", "vary": {"min_area": [1, 10**6, 2]}}
SETTINGS = {
    "ablations": {"rate": RATE, "area": AREA},
    "selection": {"by": "dsb2018"},
    "submission": {"experiment": "selected"},
}
TEST = "results/tiny/{}/predictions.test.json"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ablations")
    configure(folder, SETTINGS)
    first = planned(folder)
    done = snakemake(folder)
    assert done.returncode == 0, done.stdout[-5000:]
    return folder, first, done.stdout


def changed(folder, changes: dict) -> dict[str, int]:
    """Return what would run after changes, and take them back."""
    before = (folder / "competition.yaml").read_text()
    try:
        configure(folder, changes)
        return planned(folder)
    finally:
        (folder / "competition.yaml").write_text(before)


def with_rates(*rates: float) -> dict:
    rate = {**RATE, "vary": {"solver.base_lr": list(rates)}}
    return {**SETTINGS, "ablations": {"rate": rate, "area": AREA}}


def test_every_point_is_trained_once_by_a_job_of_its_own(finished):
    folder, first, _ = finished
    assert first["train_segmenter"] == 3
    assert first["train_detector"] == 1
    trained = {path.stem for path in (folder / "results/tiny/provenance").glob("train_*.json")}
    points = {"train_segmenter.unet-max_iter-2", "train_segmenter.unet-base_lr-0p02-max_iter-2"}
    assert trained == {"train_detector.resnet18", "train_segmenter.unet"} | points


def test_one_rate_more_trains_exactly_one_model_more(finished):
    jobs = changed(finished[0], with_rates(0.01, 0.02, 0.04))
    own = {"train_segmenter": 1, "evaluate_segmenter": 1, "draw_curves": 1}
    assert jobs == own | {"ablation": 1, "report": 1}
    assert changed(finished[0], with_rates(0.01, 0.02, 0.04, 0.08))["train_segmenter"] == 2


def test_one_rate_less_trains_nothing(finished):
    assert changed(finished[0], with_rates(0.02)) == {"ablation": 1, "report": 1}


def test_a_second_run_has_nothing_to_do(finished):
    assert planned(finished[0]) == {}


def test_the_tables_and_the_figure(finished):
    folder = finished[0] / "results/tiny/ablations"
    points = pd.read_csv(folder / "rate.csv")
    assert points["solver.base_lr"].tolist() == [0.01, 0.02]
    assert points["reference"].tolist() == [True, False]
    seeds = pd.read_csv(folder / "rate.seeds.csv")
    assert seeds["experiment"].tolist() == ["unet-max_iter-2", "unet-base_lr-0p02-max_iter-2"]
    metrics = read(finished[0] / "results/tiny/segmentation/unet-max_iter-2/metrics.val.json")
    assert points["mean_iou"][0] == pytest.approx(metrics["mean_iou"])
    assert (points["seconds"] > 0).all()
    assert {"box_AP", "box_AP75", "mask_APs", "mask_AR@100", "dsb2018"} <= set(pd.read_csv(folder / "area.csv").columns)
    assert ET.parse(folder / "rate.svg").getroot().tag.endswith("svg")


def test_points_are_not_judged_on_test(finished):
    folder = finished[0] / "results/tiny"
    assert not list(folder.glob("segmentation/unet-*/*.test.json"))
    assert not list(folder.glob("instances/boxes_unet-*/*.test.json"))


def test_the_page_tells_of_ablations_and_of_the_choice(finished):
    page = (finished[0] / "results/tiny/report.html").read_text()
    for heading in ('id="ablation-rate"', 'id="ablation-area"', 'id="selection"'):
        assert heading in page
    # What is chosen is judged on test: the page is given the choice.
    assert "mask, test" in page
    assert "The metrics on the test split" not in page


def test_the_choice_is_recorded_and_submitted(finished):
    folder, _, said = finished
    record = read(folder / "results/tiny/selection.json")
    assert record["experiment"] == "boxes_unet"
    names = ["boxes_unet", "boxes_unet-min_area-1000000", "boxes_unet-min_area-2"]
    assert sorted(each["experiment"] for each in record["candidates"]) == names
    assert read(folder / "results/tiny/chosen.json") == {"station": "instances", "experiment": "boxes_unet"}
    assert (folder / "submissions/tiny/boxes_unet.csv").exists()
    assert "submissions/tiny/boxes_unet.csv" in said[said.index("Submission: ") :]


def test_before_the_choice_nothing_of_test_is_planned_and_nothing_reads_it(finished, tmp_path):
    _, first, said = finished
    configure(tmp_path, SETTINGS)
    done = snakemake(tmp_path, "--dry-run")
    assert ".test.json" not in done.stdout
    assert first["select_experiment"] == 1
    # In the run itself: every job on test began after the choice.
    chosen = said.index("select_experiment:")
    assert said.index("predictions.test.json") > chosen
    assert said.index("metrics.test.json") > chosen


@pytest.mark.parametrize("target", ["instances/boxes_unet-min_area-2", "segmentation/unet-max_iter-2"])
def test_test_is_refused_to_what_was_not_chosen(finished, target):
    done = snakemake(finished[0], TEST.format(target))
    assert done.returncode != 0
    assert "the test part is read for the selected experiment alone, instances.boxes_unet" in done.stdout
    assert not (finished[0] / TEST.format(target)).exists()


def test_asking_for_test_first_makes_the_choice_first(tmp_path):
    configure(tmp_path, SETTINGS)
    done = snakemake(tmp_path, "--dry-run", TEST.format("instances/boxes_unet"))
    assert done.returncode == 0, done.stdout
    assert "checkpoint select_experiment" in done.stdout


def test_a_point_that_diverges_loses_no_other(finished, tmp_path):
    folder = shutil.copytree(finished[0], tmp_path / "copy", symlinks=True)
    configure(folder, with_rates(0.01, 1e30, 0.02))
    done = snakemake(folder)
    assert done.returncode != 0
    assert "is not finite" in done.stdout
    # The rest of the run went on; run again, the others are compared.
    done = snakemake(folder)
    assert done.returncode == 0, done.stdout[-5000:]
    assert pd.read_csv(folder / "results/tiny/ablations/rate.csv")["solver.base_lr"].tolist() == [0.01, 0.02]
    assert (
        "Not compared: base_lr 1e+30, seed 0. Its training diverged"
        in (folder / "results/tiny/report.html").read_text()
    )
    assert planned(folder) == {}
