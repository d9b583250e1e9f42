import json
import re
import subprocess
import sys

import pytest

from podium.config.competition import Competition
from podium.config.detection import DetectionExperiment, DetectionInput
from podium.config.load import load_competition
from podium.config.selection import Selection
from podium.config.solver import Solver
from podium.config.source import LocalSource
from podium.errors import PodiumError
from podium.workflow.plan import Plan, settings_json


def test_sections_become_plain_values_with_their_defaults():
    solver = Solver(base_lr=0.1, max_iter=3, schedule="steps", steps=(1, 2))
    found = json.loads(settings_json(solver=solver, images=None, names=["b", "a"], limit=100))
    assert found["solver"]["steps"] == [1, 2]
    assert found["solver"]["momentum"] == 0.9
    assert Solver.model_validate(found["solver"]) == solver
    assert (found["images"], found["names"], found["limit"]) == (None, ["b", "a"], 100)


def test_equal_settings_give_one_text_however_they_are_written():
    first = DetectionInput.model_validate(
        {"min_size_test": 640, "augmentation": [{"Affine": {"scale": [0.5, 2], "p": 0.5}}]}
    )
    second = DetectionInput.model_validate(
        {"augmentation": [{"Affine": {"p": 0.5, "scale": [0.5, 2]}}], "max_size_test": 1333, "min_size_test": "640"}
    )
    assert settings_json(input=first, a=1) == settings_json(a=1, input=second)


def test_swapped_and_changed_values_show():
    assert settings_json(a=1, b=2) != settings_json(a=2, b=1)
    assert settings_json(a=1) != settings_json(b=1)
    texts = {
        settings_json(experiment=DetectionExperiment(solver=Solver(base_lr=rate, max_iter=1), seed=seed))
        for rate in (0.1, 0.2)
        for seed in (0, 1)
    }
    assert len(texts) == 4


def test_the_text_is_canonical():
    assert settings_json(b={"z": 1, "a": [1.5, "é"]}, a=True) == '{"a":true,"b":{"a":[1.5,"é"],"z":1}}'


def test_braces_within_texts_are_no_wildcards():
    text = settings_json(id="{image}_{category}", pattern='a\\d{2}"{x}', inner={"{key}": ["}"]})
    assert re.findall(r"{\s*\w", text) == []
    assert json.loads(text) == {"id": "{image}_{category}", "pattern": 'a\\d{2}"{x}', "inner": {"{key}": ["}"]}}


def test_what_json_does_not_have_is_refused():
    with pytest.raises(ValueError):
        settings_json(a=float("nan"))
    with pytest.raises(TypeError):
        settings_json(a={1, 2})


def test_planning_imports_nothing_heavy():
    code = (
        "import sys\n"
        "import podium.workflow.plan, podium.workflow.fingerprint, podium.workflow.experiments\n"
        "print([n for n in ('torch', 'cv2', 'albumentations', 'pandas', 'matplotlib') if n in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.fixture
def plan(root):
    return Plan(load_competition([root / "config/demo.yaml"]))


def test_the_plan_names_the_files_of_the_contract(plan):
    assert plan.archive == "data/demo/archive.zip"
    assert plan.digest == "data/demo/dataset/digest.txt"
    assert plan.splits() == ["data/demo/splits/0.json"]
    assert plan.instance_inputs("boxes_unet", "val") == {
        "boxes": "results/demo/detection/resnet18/predictions.val.json",
        "model": "results/demo/segmentation/unet/model.pt",
        "split": "data/demo/splits/0.json",
        "choice": [],
    }
    assert plan.folder("instances", plan.submitted(None)) == "results/demo/instances/boxes_unet"
    assert plan.submission_files() == [
        f"submissions/demo/boxes_unet.{kind}" for kind in ("csv", "check.json", "score.json")
    ]
    assert plan.curves()[:2] == [
        "results/demo/detection/resnet18/curves.svg",
        "results/demo/segmentation/unet/curves.svg",
    ]
    assert len(plan.curves()) == 2 + 6, "points are trainings, too"
    reported = plan.reported_files()
    assert len(reported) == len(set(reported))
    assert set(plan.submission_files()) < set(reported)


def test_without_a_test_part_or_a_submission_nothing_of_them_is_planned(plan):
    splits = plan.competition.splits.model_copy(update={"test": 0.0})
    bare = Plan(plan.competition.model_copy(update={"splits": splits, "submission": None}))
    assert bare.submission_files() == []
    assert not [file for file in bare.reported_files() if ".test." in file]
    assert bare.part_images("submission") == "test"


def test_what_is_shared_is_of_the_submitted_experiment(plan):
    folder = "results/demo/instances/boxes_unet"
    assert plan.shared_folder() == ["results/demo/share"]
    assert plan.shared_inputs() == {
        "split": "data/demo/splits/0.json",
        "predictions": [f"{folder}/predictions.test.json", f"{folder}/predictions.submission.json"],
        "choice": f"{folder}/choice.json",
    }
    splits = plan.competition.splits.model_copy(update={"test": 0.0})
    without_test = Plan(plan.competition.model_copy(update={"splits": splits}))
    assert without_test.shared_inputs()["predictions"] == [f"{folder}/predictions.submission.json"]
    for none in ("share", "submission"):
        bare = Plan(plan.competition.model_copy(update={none: None}))
        assert (bare.shared_folder(), bare.shared_inputs()) == ([], {})


def test_only_the_part_submission_depends_on_what_is_submitted(plan):
    assert plan.part_images("val") is None
    assert plan.part_images("submission") == "test"


def test_tuned_thresholds_are_read_by_all_parts_but_the_one_tuned_on(plan):
    file = "results/demo/instances/boxes_unet/choice.json"
    assert [plan.choice("instances", "boxes_unet", part) for part in ("val", "test", "submission")] == [[], file, file]
    assert plan.instance_inputs("boxes_unet", "submission")["choice"] == file
    assert plan.choice("detection", "resnet18", "test") == [], "the metric is one of masks"
    boxes = "results/demo/detection/resnet18/predictions.val.json"
    assert plan.tuning_inputs("instances", "boxes_unet")["boxes"] == boxes
    assert plan.tuning_files("tuning.svg") == ["results/demo/instances/boxes_unet/tuning.svg"]
    assert "results/demo/instances/boxes_unet/tuning.json" in plan.reported_files()


def test_what_is_not_there_is_told_with_what_is_nearest(plan):
    near = "no {} is named '{}'; did you mean '{}'? Known: "
    for ask, told in [
        (lambda: plan.split("detection", "resnet81"), near.format("detection experiment", "resnet81", "resnet18")),
        (lambda: plan.split("instances", "boxes_unt"), near.format("instances experiment", "boxes_unt", "boxes_unet")),
        (lambda: plan.instance_inputs("boxes", "val"), near.format("instances experiment", "boxes", "boxes_unet")),
        (lambda: plan.choice("detection", "resnet", "test"), near.format("detection experiment", "resnet", "resnet18")),
        (lambda: plan.ablation_inputs("rat"), near.format("ablation", "rat", "rate")),
    ]:
        with pytest.raises(PodiumError) as caught:
            ask()
        assert str(caught.value).startswith(told)


def test_what_is_seldom_meant_is_noticed(plan):
    def notices(**sections) -> list[str]:
        return Plan(plan.competition.model_copy(update=sections)).notices()

    assert plan.notices() == []
    selected = plan.competition.submission.model_copy(update={"experiment": "selected"})
    (told,) = notices(selection=Selection())
    assert told.startswith("submission.experiment is boxes_unet, whatever the selection chooses; ")
    assert notices(selection=Selection(), submission=selected) == []
    assert notices(selection=Selection(station="segmentation")) == [], "which cannot be submitted"
    for package in ("mlflow", "wandb"):
        missing = subprocess.run([sys.executable, "-c", f"import {package}"], capture_output=True).returncode
        assert [told.split()[0] for told in notices(tracking=package)] == [package] * bool(missing)


def test_a_submission_that_goes_nowhere_is_told_before_anything_is_chosen(plan):
    def with_submission(submission) -> Plan:
        return Plan(plan.competition.model_copy(update={"submission": submission}))

    for nowhere, told in [
        (plan, "key submission.competition: "),
        (with_submission(None), "there is nothing to submit"),
    ]:
        with pytest.raises(PodiumError, match=told):
            nowhere.leaderboard(pytest.fail)
    somewhere = plan.competition.submission.model_copy(update={"competition": "somewhere"})
    assert with_submission(somewhere).leaderboard(lambda: None) == "submissions/demo/boxes_unet.leaderboard.json"


def test_the_score_on_validation_is_of_what_the_file_is_made_by(plan):
    folder = "results/demo/instances/boxes_unet"
    assert plan.validation_inputs("boxes_unet") == {"tuning": f"{folder}/tuning.json"}
    submission = plan.competition.submission.model_copy(update={"tuning": None})
    other = Plan(plan.competition.model_copy(update={"submission": submission}))
    predictions = f"{folder}/predictions.val.json"
    assert other.validation_inputs("boxes_unet") == {"split": "data/demo/splits/0.json", "predictions": predictions}


def test_a_detectors_pixels_are_shared_out_whichever_station_is_submitted(plan):
    assert plan.competition.submission.format.overlap == "forbidden"
    for station in ("instances", "detection"):
        submission = plan.competition.submission.model_copy(update={"station": station})
        other = plan.competition.model_copy(update={"submission": submission})
        assert other.shares_out("detection")
        assert not other.shares_out("detection", "resnet18"), "it finds boxes alone"
        assert not other.shares_out("instances"), "they have no overlaps"
    assert not plan.competition.model_copy(update={"submission": None}).shares_out("detection")


def test_all_ways_are_judged_as_they_could_be_sent(root):
    """A U-Net's instances are sent, and Mask R-CNN is the other way."""
    plan = Plan(load_competition([root / "config/demo.yaml", root / "config/demo.full.yaml"]))
    told = {way["experiment"]: way["shares_out"] for way in plan.comparison_settings()["ways"]}
    assert told == {"boxes_unet": False, "mask_rcnn": True, "resnet18": False}


def test_without_tuning_no_thresholds_are_files(plan):
    submission = plan.competition.submission.model_copy(update={"tuning": None})
    other = Plan(plan.competition.model_copy(update={"submission": submission}))
    assert (other.choice("instances", "boxes_unet", "test"), other.tuning_files("tuning.json")) == ([], [])
    assert Plan(plan.competition.model_copy(update={"submission": None})).tuning_files("tuning.json") == []


def test_all_are_tuned_that_find_the_masks_that_the_metric_is_of(plan):
    boxes = plan.competition.detection["resnet18"]
    masks = boxes.model_copy(update={"model": boxes.model.model_copy(update={"architecture": "mask_rcnn"})})
    submission = plan.competition.submission.model_copy(update={"station": "detection", "experiment": "masks"})
    update = {"submission": submission, "detection": {"boxes": boxes, "masks": masks}}
    other = Plan(plan.competition.model_copy(update=update))
    tuned = [f"results/demo/{each}/choice.json" for each in ("detection/masks", "instances/boxes_unet")]
    assert other.tuning_files("choice.json") == tuned
    assert other.choice("detection", "boxes", "test") == []
    submission = submission.model_copy(update={"metric": "global_wheat"})
    of_boxes = Plan(other.competition.model_copy(update={"submission": submission}))
    tuned = [f"results/demo/detection/{each}/choice.json" for each in ("boxes", "masks")]
    assert of_boxes.tuning_files("choice.json") == tuned, "of the submitted station"
    assert other.tuning_inputs("detection", "masks") == {
        "boxes": "results/demo/detection/masks/predictions.val.json",
        "split": "data/demo/splits/0.json",
    }


def test_the_backend_of_a_detector_is_a_package_that_it_needs_besides(plan):
    model = plan.competition.detection["resnet18"].model.model_copy(update={"backend": "detectron2"})
    other = plan.competition.detection["resnet18"].model_copy(update={"model": model})
    detection = {"resnet18": plan.competition.detection["resnet18"], "other": other}
    both = Plan(plan.competition.model_copy(update={"detection": detection}))
    assert (both.backend_packages("resnet18"), both.backend_packages("other")) == ([], ["detectron2"])


def test_starting_weights_are_files_where_they_are_any(plan):
    def planned(**model):
        experiment = DetectionExperiment(model=model, solver=Solver(base_lr=0.1, max_iter=1))
        return Plan(plan.competition.model_copy(update={"detection": {"x": experiment}})).starting_weights("x")

    assert planned(weights="imagenet") == []
    assert planned(weights="none", norm="group", freeze_at=0) == []
    assert planned(weights="results/other/detection/y/model.pt") == ["results/other/detection/y/model.pt"]
    assert planned(weights="mine/a.pkl", pixels="bgr", stride_in_1x1=True) == ["mine/a.pkl"]
    assert planned(weights="COCO-Detection/faster_rcnn_X_101_32x8d_FPN_3x") == [
        "data/zoo/COCO-Detection/faster_rcnn_X_101_32x8d_FPN_3x/model_final_68b088.pkl",
        "data/zoo/COCO-Detection/faster_rcnn_X_101_32x8d_FPN_3x/model_final_68b088.json",
    ]


def test_a_local_archive_is_watched_where_it_is_there_and_not_its_own_copy(plan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def watched(path):
        source = LocalSource(kind="local", path=path)
        return Plan(plan.competition.model_copy(update={"source": source})).local_archive()

    assert watched("mine.zip") == []
    (tmp_path / "mine.zip").touch()
    assert watched("mine.zip") == ["mine.zip"]
    (tmp_path / "data/demo").mkdir(parents=True)
    (tmp_path / "data/demo/archive.zip").touch()
    assert watched("data/demo/archive.zip") == []


def selecting(plan: Plan, **selection: object) -> Plan:
    settings = plan.competition.model_dump(mode="json")
    settings["instances"]["other"] = settings["instances"]["boxes_unet"] | {"min_area": 9}
    settings |= {"selection": selection, "submission": settings["submission"] | {"experiment": "selected"}}
    return Plan(Competition.model_validate(settings))


def test_an_ablations_files_and_settings_are_in_one_order(plan):
    settings, inputs = plan.ablation_settings("rate"), plan.ablation_inputs("rate")
    folders = [f"results/demo/segmentation/{name}" for name in settings["experiments"]]
    assert inputs["metrics"] == [f"{folder}/metrics.val.json" for folder in folders]
    assert inputs["predictions"] == [f"{folder}/predictions.val.json" for folder in folders]
    assert inputs["split"] == "data/demo/splits/0.json"
    assert settings["trainings"] == [[f"train_segmenter.{name}"] for name in settings["experiments"]]
    assert set(plan.ablation_files("rate")) | set(inputs["predictions"]) < set(plan.reported_files())


def test_points_are_compared_on_the_categories_that_none_drops(plan):
    vary = {"drop_categories": {"with": [], "without": ["drone"]}, "solver.max_iter": [1, 2]}
    settings = plan.competition.model_dump(mode="json")
    settings["ablations"] = {"x": {"of": "detection.resnet18", "vary": vary}}
    assert Plan(Competition.model_validate(settings)).ablation_settings("x")["drop_categories"] == ["drone"]
    assert plan.ablation_settings("rate")["drop_categories"] == []


def test_points_are_not_judged_on_test(plan):
    assert not [file for file in plan.reported_files() if "/unet-" in file and ".test." in file]


def test_before_the_choice_nothing_of_test_is_planned_and_after_it_the_chosen_chain_alone(plan):
    found = selecting(plan)
    before = found.reported_files()
    assert not [file for file in before if ".test." in file]
    assert "results/demo/selection.json" in before
    assert found.submission_files() == []
    chosen = {"station": "instances", "experiment": "other"}
    after = found.reported_once_chosen(chosen)
    assert {file for file in after if ".test." in file} == {
        f"results/demo/{station}/{experiment}/{kind}.test.json"
        for station, experiment, kinds in (
            ("detection", "resnet18", ["metrics", "predictions"]),
            ("segmentation", "unet", ["metrics"]),
            ("instances", "other", ["metrics", "predictions"]),
        )
        for kind in kinds
    }
    assert found.submission_files(chosen)[0] == "submissions/demo/other.csv"
    assert set(found.submission_files(chosen)) < set(after)


def test_test_is_for_the_chosen_chain(plan):
    found, chosen = selecting(plan), {"station": "instances", "experiment": "other"}
    for station, experiment in (("instances", "other"), ("detection", "resnet18"), ("segmentation", "unet")):
        found.refuse_unchosen(station, experiment, chosen)
    with pytest.raises(PodiumError, match=r"alone, instances\.other, and instances\.boxes_unet is not part of it"):
        found.refuse_unchosen("instances", "boxes_unet", chosen)
