"""Ablations become experiments: which ones, under which names, and what is told where they cannot."""

import json

import pytest
import yaml

from podium.config.competition import Competition
from podium.config.key_paths import told_apart
from podium.config.load import load_competition
from podium.errors import PodiumError
from tests.config.minimal import TEXT, checked


def ablated(**ablations: dict) -> Competition:
    return checked(ablations=ablations)


def points(competition: Competition, name: str) -> list[tuple[dict, dict]]:
    return [(point.values, point.experiments) for point in competition.ablations[name].points]


def test_points_are_what_is_written_with_their_values_and_what_is_fixed():
    found = ablated(
        rate={"of": "detection.boxes", "vary": {"solver.base_lr": [0.01, 0.02]}, "fix": {"solver.max_iter": 7}}
    )
    assert points(found, "rate") == [
        ({"solver.base_lr": 0.01}, {0: "boxes-max_iter-7"}),
        ({"solver.base_lr": 0.02}, {0: "boxes-base_lr-0p02-max_iter-7"}),
    ]
    solvers = {name: experiment.solver for name, experiment in found.detection.items()}
    assert [(name, each.base_lr, each.max_iter) for name, each in solvers.items()] == [
        ("boxes", 0.01, 100),
        ("boxes-max_iter-7", 0.01, 7),
        ("boxes-base_lr-0p02-max_iter-7", 0.02, 7),
    ]
    assert {each.model.backbone for each in found.detection.values()} == {"resnet18"}
    assert found.written("detection") == ["boxes"]


def test_a_point_equal_to_another_experiment_is_that_experiment():
    found = ablated(
        rate={"of": "detection.boxes", "vary": {"solver.base_lr": [0.01, 0.02]}, "fix": {"solver.max_iter": 7}},
        iterations={"of": "detection.boxes", "vary": {"solver.max_iter": [7, 100]}},
    )
    assert points(found, "iterations") == [
        ({"solver.max_iter": 7}, {0: "boxes-max_iter-7"}),
        ({"solver.max_iter": 100}, {0: "boxes"}),
    ]
    assert found.ablations["iterations"].made == {}
    assert len(found.detection) == 3


def test_a_point_that_changes_nothing_is_the_experiment_itself_whatever_else_has_its_settings():
    same = {"model": {"backbone": "resnet18"}, "solver": {"base_lr": 0.01, "max_iter": 100}}
    ablations = {name: {"of": f"detection.{name}", "vary": {"seed": [0, 1]}} for name in ("boxes", "again")}
    found = checked(detection__again=same, ablations=ablations)
    assert [each for _, each in points(found, "boxes")] == [{0: "boxes"}, {1: "boxes-seed-1"}]
    assert [each for _, each in points(found, "again")] == [{0: "again"}, {1: "boxes-seed-1"}]


@pytest.mark.parametrize("order", [["rate", "iterations"], ["iterations", "rate"]])
def test_names_do_not_depend_on_the_order_of_ablations_or_of_keys(order):
    both = {
        "rate": {"of": "detection.boxes", "vary": {"solver.base_lr": [0.02]}, "fix": {"solver.max_iter": 7}},
        "iterations": {"of": "detection.boxes", "vary": {"solver.max_iter": [7]}, "fix": {"solver.base_lr": 0.02}},
    }
    found = ablated(**{name: both[name] for name in order})
    assert list(found.detection) == ["boxes", "boxes-base_lr-0p02-max_iter-7"]


def test_one_value_more_is_one_experiment_more():
    def names(rates: list) -> list[str]:
        return list(ablated(rate={"of": "detection.boxes", "vary": {"solver.base_lr": rates}}).detection)

    assert names([0.0005, 0.01, 0.02]) == ["boxes", "boxes-base_lr-0p0005", "boxes-base_lr-0p02"]
    assert set(names([0.0005, 0.001, 0.01, 0.02])) - set(names([0.0005, 0.01, 0.02])) == {"boxes-base_lr-0p001"}


def test_seeds_are_experiments_of_a_point():
    found = ablated(rate={"of": "detection.boxes", "vary": {"solver.base_lr": [0.01, 0.02]}, "seeds": [0, 3]})
    assert points(found, "rate") == [
        ({"solver.base_lr": 0.01}, {0: "boxes", 3: "boxes-seed-3"}),
        ({"solver.base_lr": 0.02}, {0: "boxes-base_lr-0p02", 3: "boxes-base_lr-0p02-seed-3"}),
    ]
    assert found.detection["boxes-seed-3"].seed == 3


def test_several_keys_are_all_their_combinations():
    found = ablated(
        grid={"of": "segmentation.masks", "vary": {"loss": ["bce", "dice"], "model.encoder": ["resnet18", "resnet34"]}}
    )
    pairs = [tuple(values.values()) for values, _ in points(found, "grid")]
    assert pairs == [("bce", "resnet18"), ("bce", "resnet34"), ("dice", "resnet18"), ("dice", "resnet34")]
    made = {(each.loss, each.model.encoder) for name, each in found.segmentation.items() if name != "masks"}
    assert made == set(pairs)


def test_named_values_may_be_lists_and_sections():
    flip = [{"HorizontalFlip": {"p": 0.5}}]
    found = ablated(
        augmentation={"of": "segmentation.masks", "vary": {"crops.augmentation": {True: flip, False: []}}},
        network={
            "of": "segmentation.masks",
            "vary": {"model": {"small": {"architecture": "report_unet"}, "large": {"encoder": "resnet50"}}},
            "fix": {"crops.size": 128},
        },
    )
    assert points(found, "augmentation") == [
        ({"crops.augmentation": "on"}, {0: "masks"}),
        ({"crops.augmentation": "off"}, {0: "masks-augmentation-off"}),
    ]
    assert found.segmentation["masks-augmentation-off"].crops.augmentation.root == ()
    large = found.segmentation["masks-model-large-size-128"]
    assert (large.model.architecture, large.model.encoder, large.crops.size) == ("unet", "resnet50", 128)


def test_what_follows_from_a_value_follows_at_each_point():
    """Weights of the zoo set backbone and pixels, unless these are written."""
    zoo = {
        f"{name}101": f"COCO-Detection/faster_rcnn_{kind}_FPN_3x"
        for name, kind in (("R", "R_101"), ("X", "X_101_32x8d"))
    }
    found = checked(
        detection__boxes__model={"weights": zoo["X101"]},
        ablations={"start": {"of": "detection.boxes", "vary": {"model.weights": zoo}}},
    )
    assert points(found, "start") == [
        ({"model.weights": "R101"}, {0: "boxes-weights-R101"}),
        ({"model.weights": "X101"}, {0: "boxes"}),
    ]
    models = found.detection["boxes-weights-R101"].model, found.detection["boxes"].model
    assert [(each.backbone, each.pixels) for each in models] == [("resnet101", "bgr"), ("resnext101_32x8d", "bgr_std")]


def test_keys_of_the_trainings_of_instances_make_their_own_experiments():
    found = ablated(
        chain={
            "of": "instances.both",
            "vary": {"detection.solver.base_lr": [0.01, 0.02], "min_area": [1, 4]},
            "seeds": [0, 1],
        }
    )
    assert [each for _, each in points(found, "chain")] == [
        {0: "both", 1: "both-seed-1"},
        {0: "both-min_area-4", 1: "both-min_area-4-seed-1"},
        {0: "both-detection_base_lr-0p02", 1: "both-detection_base_lr-0p02-seed-1"},
        {0: "both-detection_base_lr-0p02-min_area-4", 1: "both-detection_base_lr-0p02-min_area-4-seed-1"},
    ]
    last = found.instances["both-detection_base_lr-0p02-min_area-4-seed-1"]
    assert (last.detection, last.segmentation, last.min_area) == ("boxes-base_lr-0p02-seed-1", "masks-seed-1", 4)
    # Each training once: two rates by two seeds, and one segmenter by two seeds.
    assert len(found.detection) == 4
    assert len(found.segmentation) == 2


def test_keys_of_one_name_are_told_apart_in_a_points_label():
    rates = {"detection.solver.base_lr": [0.01], "segmentation.solver.base_lr": [0.02], "min_area": [1]}
    found = ablated(chain={"of": "instances.both", "vary": rates})
    told = "detection.solver.base_lr 0.01, segmentation.solver.base_lr 0.02, min_area 1"
    assert [point.label for point in found.ablations["chain"].points] == [told]
    assert told_apart(["a.x", "b.a.x", "x", "b.y"]) == {"a.x": "a.x", "b.a.x": "b.a.x", "x": "x", "b.y": "y"}


def test_a_name_of_an_experiment_can_vary_too():
    found = checked(
        detection__other={"solver": {"base_lr": 0.1, "max_iter": 3}},
        ablations={"boxes": {"of": "instances.both", "vary": {"detection": ["boxes", "other"]}}},
    )
    assert points(found, "boxes")[1] == ({"detection": "other"}, {0: "both-detection-other"})
    assert found.instances["both-detection-other"].detection == "other"


def test_the_reference_is_the_point_as_it_is_written_unless_another_is_named():
    vary = {"solver.base_lr": [0.02, "1e-2"]}
    first = ablated(rate={"of": "detection.boxes", "vary": vary}).ablations["rate"]
    assert first.reference_point.values == {"solver.base_lr": 0.01}
    other = ablated(rate={"of": "detection.boxes", "vary": vary, "reference": {"solver.base_lr": 0.02}})
    assert other.ablations["rate"].reference_point.experiments == {0: "boxes-base_lr-0p02"}


@pytest.mark.parametrize(
    ("of", "vary", "reference", "label"),
    [
        # YAML reads on and off as true and false, and 1e-3 as a text.
        ("detection.boxes", "input.augmentation: {on: [HorizontalFlip: {p: 0.5}], off: []}", "off", "augmentation off"),
        ("detection.boxes", "input.augmentation: {1: [HorizontalFlip: {p: 0.5}], 2: []}", "2", "augmentation 2"),
        ("detection.boxes", "solver.base_lr: [5e-4, 1e-3]", "1e-3", "base_lr 0.001"),
        ("detection.boxes", "solver.base_lr: [0.0005, 0.001]", "1e-3", "base_lr 0.001"),
        ("instances.both", "detection.solver.base_lr: [5e-4, 1e-3]", "1e-3", "base_lr 0.001"),
        ("detection.boxes", "solver.ema_decay: [0.9, null]", "null", "ema_decay None"),
    ],
)
def test_a_reference_is_written_as_what_varies(of, vary, reference, label):
    key = vary.partition(":")[0]
    text = f"of: {of}\nvary: {{{vary}}}\nreference: {{{key}: {reference}}}"
    assert ablated(x=yaml.safe_load(text)).ablations["x"].reference_point.label == label


def test_checking_again_what_was_checked_changes_nothing():
    """As the report's script does, from JSON."""
    found = ablated(
        rate={"of": "detection.boxes", "vary": {"solver.base_lr": [0.01, 0.02]}, "seeds": [0, 1]},
        chain={"of": "instances.both", "vary": {"segmentation.loss": ["bce", "dice"]}},
    )
    again = Competition.model_validate(json.loads(found.model_dump_json()))
    assert again == found


@pytest.mark.parametrize(
    ("ablation", "told"),
    [
        (
            {"of": "detection.box"},
            "ablations.x.of: no detection experiment is named 'box'; did you mean 'boxes'? ",
        ),
        (
            {"vary": {"base_lr": [1]}},
            "ablations.x.vary: base_lr is no key of detection experiments; did you mean 'sol",
        ),
        (
            {"vary": {"solver.base_rl": [1]}},
            "is no key of detection experiments; did you mean 'solver.base_lr'? Known ",
        ),
        ({"vary": {"solver.lr": [1]}}, "did you mean 'solver.base_lr'? "),
        ({"fix": {"solver.x": 1}}, "ablations.x.fix: solver.x is no key of detection experiments; "),
        (
            {"vary": {"solver.base_lr": [0.1, -1]}},
            "ablations.x, point solver.base_lr -1: solver.base_lr: Input should ",
        ),
        (
            {"vary": {"solver.schedule": ["step"]}},
            "ablations.x, point solver.schedule step: solver.schedule: Input ",
        ),
        (
            {"vary": {"model": {"a": {"backbonee": "resnet18"}}}},
            "ablations.x, point model a: model.backbonee: unknown key; did you mean 'backbone'? Known keys here: ",
        ),
        (
            {"vary": {"input.augmentation": {"a": ["HorizontalFlip"]}}},
            "input.augmentation.0: Input should be a valid mapping (it is 'HorizontalFlip')",
        ),
        ({"vary": {"solver.base_lr": [0.1, 0.2, 0.1]}}, "ablations.x.vary: solver.base_lr has 0.1 twice"),
        ({"vary": {"input.augmentation": [[]]}}, "input.augmentation has values that are not plain: give each a name"),
        ({"vary": {"solver.base_lr": [0.1, "1e-1"]}}, "base_lr 0.1 and solver.base_lr 1e-1 have the same settings"),
        ({"fix": {"solver.base_lr": 1}}, "ablations.x: solver.base_lr both varies and is fixed"),
        ({"vary": {"fold": [0, 1]}}, "fold cannot vary: points are compared on the same validation images"),
        ({"vary": {"seed": [0, 1]}, "seeds": [1]}, "seed and seeds: leave one of them"),
        ({"seeds": [1, 1]}, "seeds [1, 1] has one twice"),
        ({"vary": {"solver.base_lr": []}}, "solver.base_lr has no values"),
        ({"by": "mean_iou"}, "by: mean_iou is no metric of detection experiments; known: "),
        (
            {"by": "mask_ap"},
            "ablations.x.by: mask_ap needs masks, but detection.boxes-base_lr-0p1 finds boxes only; take a metric of ",
        ),
        ({"reference": {"solver.max_iter": 3}}, "ablations.x.reference: solver.max_iter does not vary; what varies: "),
        ({"reference": {"solver.base_lr": 0.3}}, "solver.base_lr has no value 0.3; its values: 0.1"),
    ],
)
def test_what_is_wrong_is_told_with_the_ablation_and_the_point(ablation, told):
    with pytest.raises(PodiumError) as caught:
        ablated(x={"of": "detection.boxes", "vary": {"solver.base_lr": [0.1]}} | ablation)
    assert told in str(caught.value)


def test_a_training_that_is_not_there_is_told():
    with pytest.raises(
        PodiumError, match=r"ablations\.x, point detection nope: detection: no detection experiment is named 'nope'"
    ):
        ablated(x={"of": "instances.both", "vary": {"detection": ["boxes", "nope"]}})


def test_of_points_their_number_is_told_and_the_nearest():
    rate = {"of": "detection.boxes", "vary": {"solver.base_lr": [0.01, 0.02, 0.03]}}
    with pytest.raises(PodiumError) as caught:
        checked(ablations={"rate": rate}, instances__both__detection="boxes-base_lr-0p2")
    told = "did you mean 'boxes-base_lr-0p02'? Known: boxes, and 2 points of ablations"
    assert told in str(caught.value)


def test_empty_sections_are_as_none():
    assert ablated().ablations == checked(ablations=None).ablations == {}


def test_two_values_of_one_name_are_refused():
    vary = {"crops.augmentation": {"off": []}}
    more = {"crops.augmentation": {"off": [{"VerticalFlip": {"p": 1.0}}]}}
    with pytest.raises(PodiumError, match="masks-augmentation-off has this point's name and other settings"):
        ablated(one={"of": "segmentation.masks", "vary": vary}, two={"of": "segmentation.masks", "vary": more})


def test_a_wrong_point_is_told_with_its_line(tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text(f"{TEXT}ablations:\n  rate:\n    of: detection.boxes\n    vary: {{solver.base_lr: [-1]}}\n")
    with pytest.raises(PodiumError, match=f"wrong.yaml, line {len(TEXT.splitlines()) + 2}: ablations.rate, point "):
        load_competition([file])


def test_a_long_name_is_cut_and_still_its_own():
    long = [{f"{'x' * 90}{place}": {"encoder": encoder}} for place, encoder in enumerate(["resnet18", "resnet34"])]
    vary = {"model": long[0] | long[1]}
    found = ablated(network={"of": "segmentation.masks", "vary": vary, "fix": {"loss": "bce"}})
    assert len(set(found.segmentation)) == 3
    assert max(map(len, found.segmentation)) == 100
